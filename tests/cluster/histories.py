"""Five voters cut two from three under load: the two refuse, the three go on, and all of it is one linear history."""

from __future__ import annotations

from pathlib import Path
from random import Random

from pycluster.client import NoQuorum, TimedOut
from pycluster.simulator.checkers import Operation, linear
from tests.cluster.agents import AgentProcess, wait_for
from tests.cluster.partition import Cluster, agreed, five_voters, leaderless
from tests.cluster.recording import EVERYTHING, Recording, now_us
from tests.cluster.writers import listed


def play(folder: Path, seed: int) -> dict[str, float | int | str]:
    """A cluster of its own: once the leader is cut off with another one, once two others, in between all is healed."""
    rng = Random(seed)
    with five_voters(folder) as cluster:
        recording = Recording(cluster.agents, seed=seed)
        with recording.running():
            proceeds(recording, cluster.agents)
            for with_leader in (True, False):
                cut_and_heal(cluster, recording, drawn(cluster, rng, with_leader))
        invoked_us = now_us()
        shown = [listed(agent, "k") for agent in cluster.agents]
        ended_us = now_us()
        recording.history += [
            Operation(f"last at {agent.name}", invoked_us, ended_us, EVERYTHING, state)
            for agent, state in zip(cluster.agents, shown, strict=True)
        ]
        for agent in cluster.agents:
            wait_for(
                f"the copy of {agent.name} is the same",
                lambda agent=agent: listed(agent, "k", serializable=True).kvs == shown[0].kvs or None,  # type: ignore[misc]
            )
    judged = linear.check(recording.history)
    assert judged.committed is not None, judged.undecided
    assert judged.committed.last == shown[0].revision, f"{judged.committed.last}, not {shown[0].revision}"
    return {
        "operations": judged.operations,
        "refused or unknown": len(recording.refused),
        "parts left undecided by search": len(judged.undecided),
    }


def drawn(cluster: Cluster, rng: Random, with_leader: bool) -> tuple[AgentProcess, ...]:
    """Two to cut off, the leader among them or not."""
    name = wait_for("all follow one", lambda: agreed(cluster.agents, among=cluster.agents))
    leader = next(agent for agent in cluster.agents if agent.name == name)
    others = [agent for agent in cluster.agents if agent is not leader]
    return (leader, rng.choice(others)) if with_leader else tuple(rng.sample(others, 2))


def cut_and_heal(cluster: Cluster, recording: Recording, minority: tuple[AgentProcess, ...]) -> None:
    """The minority's clients are refused with a reason, the others served; afterwards all are."""
    majority = tuple(agent for agent in cluster.agents if agent not in minority)
    cluster.net.cut([cluster.host_of[agent] for agent in minority], [cluster.host_of[agent] for agent in majority])
    cut_us = now_us()
    wait_for("the minority knows that it has no leader", lambda: leaderless(minority))
    knew_us = now_us()
    proceeds(recording, majority)
    for agent in minority:
        refused = wait_for(
            f"{agent.name} refuses changes",
            lambda agent=agent: recording.refusals_of(agent, knew_us) or None,  # type: ignore[misc]
        )
        for one in refused:
            assert isinstance(one.error, NoQuorum | TimedOut), one.error
            assert one.error.why, one.error
    served = [one for one in recording.history if one.returned_us is not None and one.invoked_us > cut_us]
    names = {agent.name for agent in minority}
    assert [one for one in served if one.client.partition(".")[0] in names] == [], "a minority answered"
    cluster.net.heal()
    proceeds(recording, cluster.agents)


def proceeds(recording: Recording, agents: tuple[AgentProcess, ...]) -> None:
    """Until each of ``agents`` has answered some more."""
    had = dict(recording.answered)

    def look() -> bool | None:
        return all(recording.answered[agent.name] >= had[agent.name] + 10 for agent in agents) or None

    wait_for("everyone's clients are answered", look)
