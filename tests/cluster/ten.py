"""Five voters and five other members, each on a host of its own: all see all and follow one once they are settled."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pycluster.node.view import StatusView
from tests.cluster.agents import AgentProcess, fleet, origin_conf, wait_for
from tests.cluster.disks import SmallDisk, small_disk
from tests.cluster.hosts import Host, Network, network

PORT = 7946
VOTERS = 5
MEMBERS = 5
ON_DISK = VOTERS - 1


class Ten:
    """The agents by number, voters first. Whatever a fault does to one of them, it says so here."""

    def __init__(self, net: Network, agents: tuple[AgentProcess, ...], conf: Path, disk: SmallDisk) -> None:
        self.net = net
        self.agents = agents
        self.voters = agents[:VOTERS]
        #: The one whose data directory is on a small disk, and that disk.
        self.on_disk = agents[ON_DISK]
        self.disk = disk
        self.conf = conf
        self._host_of = dict(zip(agents, net.hosts, strict=True))
        #: Agents that some fault has stopped or is about to: no other fault touches them meanwhile.
        self.taken: set[AgentProcess] = set()

    def host(self, agent: AgentProcess) -> Host:
        """Where it runs."""
        return self._host_of[agent]

    def write_conf(self) -> None:
        """The configuration with the addresses of now, as an operator keeps it."""
        origin_conf(self.conf, {agent.name: self.host(agent).address for agent in self.voters}, PORT)

    def peeks(self) -> list[StatusView]:
        """What those that answer say."""
        return [status for agent in self.agents if (status := agent.peek()) is not None]

    def leader(self) -> AgentProcess | None:
        """Who acts, by its own word, of those that no fault has taken."""
        for agent in self.agents:
            if agent not in self.taken and (status := agent.peek()) is not None and status.leader.acting:
                return agent
        return None

    def all_answer(self) -> None:
        """Until every agent answers its own command line."""
        for agent in self.agents:
            wait_for(f"{agent.name} answers", agent.peek)

    def settled(self, begun: float, limit_s: float = 60.0) -> tuple[float, float]:
        """Seconds since ``begun`` until one acting leader is followed by all, and until all see all alive, too."""
        led_s: list[float] = []

        def look() -> bool | None:
            ended = [agent.name for agent in self.agents if agent.ended() is not None]
            assert not ended, f"{ended} ended"
            shown = self.peeks()
            if len(shown) == len(self.agents) and one_leader(shown):
                if not led_s:
                    led_s.append(time.monotonic() - begun)
                return True if all(status.counts.alive == len(self.agents) for status in shown) else None
            led_s.clear()
            return None

        try:
            wait_for("one leader, and all see all alive", look, limit_s)
        except AssertionError as late:
            raise AssertionError(f"{late}; {self.sights()}") from None
        return led_s[0], time.monotonic() - begun

    def sights(self) -> str:
        """Whom each follows and whom it does not see alive, in one line."""
        told = []
        for agent in self.agents:
            status = agent.peek()
            if status is None:
                told.append(f"{agent.name} does not answer")
                continue
            others = [f"{member.name} {member.state}" for member in status.members if member.state != "alive"]
            follows = f"{status.leader.leader or 'nobody'} in term {status.leader.term}"
            told.append(f"{agent.name} follows {follows} and sees {', '.join(others) or 'all alive'}")
        return "; ".join(told)


def one_leader(shown: list[StatusView]) -> bool:
    """Whether all follow one leader in one term, and it alone acts."""
    followed = {(status.leader.leader, status.leader.term) for status in shown}
    acting = [status.name for status in shown if status.leader.acting]
    return len(followed) == 1 and acting == [followed.pop()[0]]


@contextmanager
def ten_agents(folder: Path) -> Iterator[Ten]:
    """The cluster, started; settled is another matter."""
    with network(VOTERS + MEMBERS) as net:
        conf = folder / "cluster.conf"
        flags = ("-config", str(conf), "-bind-address", "0.0.0.0", "-port", str(PORT))
        agents = tuple(
            AgentProcess(f"node{number:03d}", folder, *flags, enter=host.enter)
            for number, host in enumerate(net.hosts, 1)
        )
        with small_disk(folder / agents[ON_DISK].name) as disk:
            ten = Ten(net, agents, conf, disk)
            ten.write_conf()
            with fleet(*agents):
                yield ten
