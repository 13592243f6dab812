"""Five real nodes in the simulator, and short words for what they say."""

from __future__ import annotations

from pycluster.kernel.units import SECOND
from pycluster.node import Node, events
from pycluster.node.effects import CommandDone, Effect, Publish
from pycluster.node.view import ClusterEvent, Explanation, LeaderView, RaftStatusView, StatusView
from pycluster.simulator.checkers import Checker
from pycluster.simulator.cluster import Cluster, formed
from pycluster.simulator.host import Host

FIVE = ("node001", "node002", "node003", "node004", "node005")


class Village:
    """A formed cluster; times are in seconds."""

    def __init__(self, names: tuple[str, ...] = FIVE, listed: tuple[str, ...] = (), seed: int = 1) -> None:
        self.cluster: Cluster = formed(names, seed=seed, listed=listed)
        self.world = self.cluster.world
        self.heard = Listener()
        self.world.watch(self.heard)

    def run(self, for_s: float) -> None:
        self.world.run(round(for_s * SECOND))

    def kill(self, *names: str) -> None:
        for name in names:
            self.world.kill(self.world.hosts[name])

    def start(self, *names: str) -> None:
        for name in names:
            self.world.start(self.world.hosts[name])

    def cut(self, *one: str) -> int:
        """Cut these off; gives the number to heal it by."""
        for host in self.world.hosts.values():
            host.disturbed_until_us = 10**12
        other = [label for label in self.world.hosts if label not in one]
        return self.world.network.cut(frozenset(pair for a in one for b in other for pair in ((a, b), (b, a))))

    def heal(self, number: int) -> None:
        self.world.network.heal(number)
        self.world.streams.moved()

    def tell(self, name: str, command: events.Event) -> None:
        self.world.tell(self.world.hosts[name], command)

    def node(self, name: str) -> Node:
        process = self.world.hosts[name].process
        assert isinstance(process, Node), f"{name} is down"
        return process

    def now(self, name: str) -> int:
        """That node's clock."""
        return self.world.hosts[name].clock.local(self.world.now_us)

    def leader(self, name: str) -> LeaderView:
        return self.node(name).leader(self.now(name))

    def status(self, name: str) -> StatusView:
        return self.node(name).status(self.now(name))

    def raft(self, name: str) -> RaftStatusView:
        return self.node(name).raft(self.now(name))

    def explain(self, name: str, question: str, about: str = "") -> Explanation:
        return self.node(name).explain(question, about, self.now(name))


class Listener(Checker):
    """Keeps what every node tells and is told: ``(name, ...)``, from the start."""

    def __init__(self) -> None:
        self.events: list[tuple[str, ClusterEvent]] = []
        self.done: list[tuple[str, CommandDone]] = []

    def published(self, host: Host, effect: Publish, now_us: int) -> None:
        self.events.append((host.label, effect.event))

    def handled(self, host: Host, event: events.Event, effects: list[Effect], now_us: int) -> None:
        self.done += [(host.label, effect) for effect in effects if isinstance(effect, CommandDone)]

    def texts(self, name: str, *kinds: str) -> list[str]:
        """What that node told of these kinds, in order."""
        return [event.text for label, event in self.events if label == name and event.kind in kinds]
