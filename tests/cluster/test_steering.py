"""Commands for the voters at any agent, whether it leads, follows or has no seat; real agents."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.cluster.agents import AgentProcess, fleet, free_port, origin_conf, wait_for
from tests.cluster.three import HOSTS, formed, patient, seated


def voters_of(agent: AgentProcess) -> list[str]:
    status = wait_for(f"{agent.name} answers", agent.status)
    return sorted(seat.name for seat in status.quorum.voters if not seat.learner)


def transferred(asked: AgentProcess, name: str) -> bytes | None:
    """What it says where leadership was handed over; on a busy machine the target may be behind for a moment."""
    done = asked.cli("raft", "transfer", name)
    return done.stdout + done.stderr if done.returncode == 0 else None


def test_any_agent_has_the_leader_do_it_and_says_what_it_said(tmp_path: Path) -> None:
    hosts = {**HOSTS, "node004": "127.0.0.4"}
    port = free_port(*hosts.values())
    flags = ("-config", str(origin_conf(tmp_path / "cluster.conf", HOSTS, port)), "-port", str(port))
    agents = tuple(AgentProcess(name, tmp_path, *flags, "-bind-address", host) for name, host in hosts.items())
    one, two, three, four = agents
    patient(*agents)
    with fleet(*agents):
        formed(agents)
        seated(agents[:3])

        moved = wait_for("leadership is handed over", lambda: transferred(two, "node003"))
        assert moved == b"node003 leads\n"
        wait_for("it leads", lambda: three.leader() == "node003" or None)
        wait_for("who has no seat knows", lambda: four.leader() == "node003" or None)

        refused = four.cli("raft", "remove", "node009", "-y")
        assert refused.returncode == 1
        assert b"no seat was taken away: node009 has none; voters are node001, node002, node003" in refused.stderr
        dry = four.cli("raft", "remove", "node002", "--dry-run")
        assert (dry.returncode, dry.stdout) == (0, b"nothing was changed; node002 would give its seat up\n")

        saved = four.cli("snapshot", "save", str(tmp_path / "a.snapshot"))
        assert saved.returncode == 1 and not (tmp_path / "a.snapshot").exists()
        assert b"on node003 (127.0.0.3): pycluster snapshot save FILE" in saved.stderr
        assert three.cli("snapshot", "save", str(tmp_path / "a.snapshot")).returncode == 0

        swapped = one.cli("raft", "replace", "node002", "node004", "-y")
        assert (swapped.returncode, swapped.stdout) == (0, b"node004 votes in the place of node002\n"), swapped.stderr
        assert voters_of(one) == voters_of(four) == ["node001", "node003", "node004"]
        back = two.cli("raft", "add", "node002")  # it has no seat any more
        assert back.returncode == 0, back.stderr
        assert voters_of(three) == ["node001", "node002", "node003", "node004"]

        # A leader that hears nothing is named, and the command ends. Two of four voters are left: nobody succeeds it.
        for agent in (three, four):
            agent.send(signal.SIGSTOP)
        try:
            ended = two.cli("raft", "remove", "node001", "-y")
            assert ended.returncode in (5, 6) and ended.stderr
        finally:
            for agent in (three, four):
                agent.send(signal.SIGCONT)
