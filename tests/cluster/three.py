"""The main job on three addresses of one machine: one port, the origin's file and flags; its steps and figures."""

from __future__ import annotations

import time
from pathlib import Path

from pycluster.node.view import StatusView
from tests.cluster.agents import AgentProcess, fleet, free_port, origin_conf, overlaps, wait_for

HOSTS = {"node001": "127.0.0.1", "node002": "127.0.0.2", "node003": "127.0.0.3"}
#: A voter that a busy machine stalls for three seconds loses neither lease nor leadership, nor its turn to stand.
_PATIENT = {
    "PYCLUSTER_CONSENSUS_ELECTION_TIMEOUT_MS": "4000",
    "PYCLUSTER_CONSENSUS_LEASE_MS": "3500",
    "PYCLUSTER_CONSENSUS_RANK_STEP_MS": "1000",
}


def agents_on(folder: Path, hosts: dict[str, str], *more: str) -> tuple[AgentProcess, ...]:
    """An agent for each of ``hosts``, not started, with the origin's flags."""
    port = free_port(*hosts.values())
    conf = origin_conf(folder / "cluster.conf", hosts, port)
    flags = ("-config", str(conf), "-port", str(port))
    return tuple(AgentProcess(name, folder, *flags, "-bind-address", host, *more) for name, host in hosts.items())


def patient(*agents: AgentProcess) -> None:
    """Before they start: for tests of who leads, and that nobody else does, in which the timing is not the subject."""
    for agent in agents:
        agent.variables = {**agent.variables, **_PATIENT}


def formed(agents: tuple[AgentProcess, ...], leader: str = "node001") -> None:
    """Until everyone has discovered everyone, and follows ``leader`` or is it."""
    for agent in agents:
        for other in agents:
            if other is not agent:
                agent.wait_says(f"New node discovered: {other.name}")
        role = "Became new leader" if agent.name == leader else "Following new leader"
        agent.wait_says(f"{role}: {leader}")


def seated(agents: tuple[AgentProcess, ...]) -> None:
    """Until all vote. Before, one may follow without a seat, and the quorum ends with the leader."""

    def votes(agent: AgentProcess) -> bool | None:
        status = agent.peek()
        voters = () if status is None else [voter for voter in status.quorum.voters if voter.uuid and not voter.learner]
        return True if len(voters) == len(agents) else None

    for agent in agents:
        wait_for(f"{agent.name} sees {len(agents)} voters", lambda agent=agent: votes(agent))  # type: ignore[misc]


def statuses(agents: tuple[AgentProcess, ...]) -> list[StatusView]:
    """Everyone's status, once everyone answers."""
    return [wait_for(f"{agent.name} answers", agent.status) for agent in agents]


def play(folder: Path, *, timed: bool = True) -> dict[str, float | int | str]:
    """Formation, kill -9 of the leader, its return; seconds of each, everything asserted but the speed.

    Where it is not ``timed``, the agents bear a busy machine.
    """
    agents = one, two, three = agents_on(folder, HOSTS)
    if not timed:
        patient(*agents)
    with fleet(*agents):
        begun = time.monotonic()
        formed(agents)
        formed_s = time.monotonic() - begun

        seated(agents)
        one.kill()
        killed = time.monotonic()
        two.wait_says("Became new leader: node002")
        elected_s = time.monotonic() - killed
        three.wait_says("Following new leader: node002")
        two.wait_says("Leader node001 timed out, initiating new election")
        for agent in (two, three):
            agent.wait_says("Node timeout: node001")
        detected_s = time.monotonic() - killed

        one.start()
        back = time.monotonic()
        one.wait_says("Following new leader: node002")
        one.wait_says("Became new leader: node001")
        led_again_s = time.monotonic() - back
        for agent in (two, three):
            agent.wait_says("Following new leader: node001", times=2)
        blocks = one.says("Cluster Status:")
        one.wait_says("Cluster Status:", times=blocks + 2)

        assert two.says("Became new leader") == 1, two.console()
        assert three.says("Became new leader") == 0, three.console()
        assert one.says("Became new leader") == 1, one.console()
        assert one.says("Stopped leading") == 0, one.console()
        shown = statuses(agents)
        assert overlaps(shown) == []
        acted = {status.name: [interval.term for interval in status.acting_intervals] for status in shown}
        assert len(acted["node001"]) == 2, acted
        assert len(acted["node002"]) == 1, acted
        assert acted["node003"] == [], acted
        assert {status.leader.leader for status in shown} == {"node001"}
    return {
        "formed s": round(formed_s, 2),
        "new leader after kill -9 s": round(elected_s, 2),
        "down at every survivor s": round(detected_s, 2),
        "returned leads again s": round(led_again_s, 2),
    }
