"""Five voters cut two from three in network namespaces, and healed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from pycluster.node.view import StatusView
from tests.cluster.agents import AgentProcess, fleet, origin_conf, overlaps, wait_for
from tests.cluster.hosts import Network, network
from tests.cluster.three import formed, seated, statuses

PORT = 7946


class Cluster:
    """Five agents, one on each host."""

    def __init__(self, net: Network, agents: tuple[AgentProcess, ...]) -> None:
        self.net = net
        self.agents = agents
        self.host_of = dict(zip(agents, net.hosts, strict=True))

    def cut_and_heal(self, rng: Random) -> dict[str, float | int | str]:
        """One round: seconds until the minority knew, the majority led, and all agreed after healing."""
        minority = tuple(rng.sample(self.agents, 2))
        majority = tuple(agent for agent in self.agents if agent not in minority)
        self.net.cut([self.host_of[agent] for agent in minority], [self.host_of[agent] for agent in majority])
        cut = time.monotonic()
        wait_for("the majority agrees on a leader of its own", lambda: agreed(majority, among=majority))
        led_s = time.monotonic() - cut
        for status in wait_for("the minority knows that it has no leader", lambda: leaderless(minority)):
            assert status.leader.reason, status.leader
        knew_s = time.monotonic() - cut
        wait_for("the majority still agrees", lambda: agreed(majority, among=majority))
        assert overlaps(statuses(self.agents)) == []
        self.net.heal()
        healed = time.monotonic()
        wait_for("all agree on one leader", lambda: agreed(self.agents, among=self.agents))
        agreed_s = time.monotonic() - healed
        assert overlaps(statuses(self.agents)) == []
        return {
            "cut off": " ".join(sorted(agent.name for agent in minority)),
            "majority led s": round(led_s, 2),
            "minority knew s": round(knew_s, 2),
            "one leader after healing s": round(agreed_s, 2),
        }


@contextmanager
def on_hosts(count: int, folder: Path) -> Iterator[tuple[Network, tuple[AgentProcess, ...]]]:
    """A formed cluster of so many, each listed and on a host of its own."""
    with network(count) as net:
        names = {f"node{number:03d}": host.address for number, host in enumerate(net.hosts, 1)}
        conf = origin_conf(folder / "cluster.conf", names, PORT)
        flags = ("-config", str(conf), "-bind-address", "0.0.0.0", "-port", str(PORT))
        agents = tuple(
            AgentProcess(name, folder, *flags, enter=host.enter) for name, host in zip(names, net.hosts, strict=True)
        )
        with fleet(*agents):
            formed(agents)
            seated(agents)
            yield net, agents


@contextmanager
def five_voters(folder: Path) -> Iterator[Cluster]:
    """A formed cluster of five on hosts of their own."""
    with on_hosts(5, folder) as (net, agents):
        yield Cluster(net, agents)


def agreed(agents: tuple[AgentProcess, ...], among: tuple[AgentProcess, ...]) -> str | None:
    """The one leader that all of ``agents`` follow in one term, where it is one of ``among`` and acts."""
    shown = [status for agent in agents if (status := agent.peek()) is not None]
    leaders = {(status.leader.leader, status.leader.term) for status in shown}
    if len(shown) < len(agents) or len(leaders) != 1:
        return None
    leader, _ = leaders.pop()
    acting = [status.name for status in shown if status.name == leader and status.leader.acting]
    return leader if leader in {agent.name for agent in among} and acting == [leader] else None


def leaderless(agents: tuple[AgentProcess, ...]) -> list[StatusView] | None:
    """Everyone's status where all say that there is no leader."""
    shown = [status for agent in agents if (status := agent.peek()) is not None]
    return shown if len(shown) == len(agents) and not any(status.leader.leader for status in shown) else None
