"""Thousands of nodes in one process: what they decode alike is shared, and nobody looks at everyone every second."""

from __future__ import annotations

from collections import OrderedDict
from random import Random

from pycluster.kernel.ids import Seed
from pycluster.membership import Params
from pycluster.membership.messages import Alive, Push, Record
from pycluster.node import Node, NodeConfig, events
from pycluster.node.effects import Publish
from pycluster.simulator.checkers import ActingIntervals, Convictions, Logs, Sanity
from pycluster.simulator.checkers.checker import Checker
from pycluster.simulator.cluster import PORT, Cluster
from pycluster.simulator.host import Host, Process
from pycluster.simulator.network import FAIR, Weather
from pycluster.wire import Body, Codec, MembershipCall

#: Frames from this size on are tables, which many nodes are sent alike.
_TABLE_BYTES = 4_096
_TABLES_KEPT = 64
_PARAMS = Params()
#: Records in one frame of a warm start; as many as ``Table.records`` puts there.
_RECORDS_A_FRAME = 2_500


class SharedCodec(Codec):
    """One codec for all nodes of a crowd: a table that came before is not decoded, nor kept, again.

    Messages are frozen, so that sharing them changes nothing but the memory that they take.
    """

    def __init__(self, cluster: str) -> None:
        super().__init__(cluster)
        self._tables: OrderedDict[bytes, Body] = OrderedDict()

    def decode(self, data: bytes, *, datagram: bool) -> Body:
        """As the codec's own."""
        if len(data) < _TABLE_BYTES:
            return super().decode(data, datagram=datagram)
        body = self._tables.get(data)
        if body is None:
            body = self._tables[data] = super().decode(data, datagram=datagram)
            if len(self._tables) > _TABLES_KEPT:
                self._tables.popitem(last=False)
        return body


class Known(Checker):
    """When each survivor said for the first time that each of the dead is down, true µs."""

    def __init__(self) -> None:
        self.at_us: dict[str, dict[str, int]] = {}

    def published(self, host: Host, effect: Publish, now_us: int) -> None:
        event = effect.event
        if event.kind == "member-down" and event.node in self.at_us:
            self.at_us[event.node].setdefault(host.label, now_us)


class Crowd(Cluster):
    """A cluster of ``count`` nodes, of which the first five are voters.

    Watched: acting intervals, the voters' logs, convictions of the healthy, busy loops. Not watched are the rules for
    which every node must be asked about every other each second.
    """

    def __init__(self, count: int, seed: int = 0, weather: Weather = FAIR, membership: Params = _PARAMS) -> None:
        super().__init__(seed, weather)
        self._membership = membership
        self._codec = SharedCodec("demo")
        self.known = Known()
        kept = [one for one in self.world.checkers if isinstance(one, ActingIntervals | Logs | Convictions | Sanity)]
        self.world.checkers = []
        self.world.watch(*kept, self.known)
        for number in range(1, count + 1):
            self.host(f"node{number:04d}", number)
        self.hosts = list(self.world.hosts.values())
        self.seeds = tuple(Seed(host.name, host.address.host, PORT) for host in self.hosts[:5])

    def _spawn(self, host: Host, rng: Random) -> Process:
        config = NodeConfig(
            cluster=host.cluster,
            name=host.name,
            address=host.address,
            seeds=self.seeds,
            boot_id=f"{host.label}-{host.boots}",
            membership=self._membership,
        )
        disk = host.disk
        return Node(config, disk.identity(host.name), disk.stored(), rng, tuple(disk.acting), self._codec)

    def warm(self) -> None:
        """Tell everyone of everyone, as a peer does that compares tables and finds that this one lacks them all.

        All get the same frames over TCP, the first seed's; what follows from them, they do as ever. Nobody asked for
        them, so ``newcomers_burst`` must have room for all, as there always is in the answer to a node's own question.
        """
        first = self.hosts[0]
        records = [Record(self._word(host), 0, 0) for host in self.hosts]
        frames = [
            self._codec.encode(MembershipCall(Push(records[0].alive, tuple(records[start : start + _RECORDS_A_FRAME]))))
            for start in range(0, len(records), _RECORDS_A_FRAME)
        ]
        for host in self.hosts:
            for frame in frames:
                # Nobody waits for the answers: the world has no call of these numbers.
                self.world.deliver(host, host.life, events.CallReceived(-1, first.address, frame))

    def _word(self, host: Host) -> Alive:
        assert host.process is not None
        own = host.process.member(host.name, host.clock.local(self.world.now_us))
        assert own is not None
        return Alive(host.name, own.uuid, own.incarnation, host.address, version=own.version)

    def table_sizes(self) -> tuple[int, int]:
        """The fewest and the most members that anybody running knows."""
        running = [host.process for host in self.hosts if host.process is not None]
        sizes = [1 + len(process.peers) for process in running if isinstance(process, Node)]
        return min(sizes), max(sizes)
