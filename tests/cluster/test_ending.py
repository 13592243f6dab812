"""How an agent ends while its backup directory hangs: its hooks and the others hear of it, and the process is gone.

The directory holds a pipe that nobody writes to, under the name of an old backup: whoever opens it, to see whether it
may be removed, waits for ever.
"""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

from tests.cluster.agents import AgentProcess, fleet, wait_for
from tests.cluster.three import HOSTS, agents_on, formed, seated

#: More than a console prints here, and less than the log takes for one large value.
FILE_MAX_BYTES, VALUE_BYTES = 65_536, 100_000
HOOK = """\
#!/bin/sh
touch "{folder}/$PYCLUSTER_NAME.$PYCLUSTER_EVENT"
"""
SECTIONS = """
[backup]
directory = {folder}/backups
keep = 1

[hook service]
on = leader-gained, leader-lost
command = {folder}/hook
"""


def with_hanging_backups(folder: Path, agents: tuple[AgentProcess, ...]) -> Path:
    """Their settings; gives what is removed just before a backup hangs."""
    backups = folder / "backups"
    backups.mkdir()
    first = backups / "proxy-20190101T000000Z-r1.snapshot"
    first.touch()
    os.mkfifo(backups / "proxy-20200101T000000Z-r1.snapshot")
    hook = folder / "hook"
    hook.write_text(HOOK.format(folder=folder))
    hook.chmod(0o755)
    with (folder / "cluster.conf").open("a") as conf:
        conf.write(SECTIONS.format(folder=folder))
    return first


def hangs(agent: AgentProcess, first: Path) -> None:
    agent.wait_says(f"Became new leader: {agent.name}")
    wait_for("a backup was made, and the oldest are removed", lambda: True if not first.exists() else None)


def test_a_leader_that_cannot_go_on_tells_its_hooks_and_ends_whatever_hangs(tmp_path: Path) -> None:
    agents = one, two, three = agents_on(tmp_path, HOSTS)
    first = with_hanging_backups(tmp_path, agents)
    with fleet(*agents):
        formed(agents)
        seated(agents)
        hangs(one, first)
        wait_for("its hook ran", lambda: (tmp_path / "node001.leader-gained").exists() or None)
        # From now on its log cannot grow: this disk is broken.
        resource.prlimit(one.pid, resource.RLIMIT_FSIZE, (FILE_MAX_BYTES, FILE_MAX_BYTES))
        three.cli("kv", "put", "large", "x" * VALUE_BYTES)
        assert one.wait() == 1, one.console()
        told = one.err.read_text()
        assert (tmp_path / "node001.leader-lost").exists(), told
        assert told.index("This node cannot go on, stopping: ") < told.index("Stopped, this node cannot go on: ")
        assert "Traceback" not in told
        two.wait_says("Became new leader: node002")


def test_a_stop_signal_ends_it_whatever_hangs(tmp_path: Path) -> None:
    agents = (agent,) = agents_on(tmp_path, {"node001": "127.0.0.1"})
    first = with_hanging_backups(tmp_path, agents)
    with fleet(agent):
        hangs(agent, first)
        agent.send(signal.SIGTERM)
        assert agent.wait() == 0, agent.console()
        assert (tmp_path / "node001.leader-lost").exists(), agent.console()
        assert "Stopped" in agent.err.read_text()


def test_what_an_agent_kept_as_a_hint_may_be_damaged(tmp_path: Path) -> None:
    agents = (agent,) = agents_on(tmp_path, {"node001": "127.0.0.1"})
    with_hanging_backups(tmp_path, agents)
    agent.data_dir.mkdir(mode=0o700)
    for name in ("hooks.json", "voters.json"):
        (agent.data_dir / name).write_bytes(b'[{"name":"\xff","host":"h","port":1}]')
    with fleet(agent):
        agent.wait_says("Became new leader: node001")
        for name in ("hooks.json", "voters.json"):
            agent.wait_says(f"Warning: {agent.data_dir / name} is damaged: ")
        wait_for("whoever may follow the leader is told", lambda: (tmp_path / "node001.leader-lost").exists() or None)
