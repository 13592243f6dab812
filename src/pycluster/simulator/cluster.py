"""Clusters of production nodes in a world: names, addresses, seeds, and the processes that hosts start."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from random import Random

import msgspec

from pycluster import consensus, membership, store
from pycluster.kernel.ids import Address, Seed
from pycluster.node import Node, NodeConfig, StateParams
from pycluster.simulator.checkers import (
    ActingIntervals,
    Commits,
    Convictions,
    Logs,
    Minority,
    Sanity,
    Verdicts,
    disagreements,
    followed,
)
from pycluster.simulator.disk import Disk
from pycluster.simulator.host import Host, Process
from pycluster.simulator.network import FAIR, Weather
from pycluster.simulator.older import Older
from pycluster.simulator.timeline import Clock
from pycluster.simulator.world import World
from pycluster.wire import PROTOCOL_MAX, PROTOCOL_MIN

PORT = 7946
#: The lease of the previous version.
OLDER_LEASE_MS = 850


class Blueprint(msgspec.Struct, frozen=True):
    """What the nodes of one cluster are told at birth, but for their name and address."""

    seeds: tuple[Seed, ...]
    membership: membership.Params = membership.Params()
    consensus: consensus.Params = consensus.Params()
    state: StateParams = StateParams()
    store: store.Params = store.Params()


def restored(params: store.Params, pieces: Sequence[bytes]) -> store.Store | None:
    """The state in the pieces of a snapshot; None without any."""
    if not pieces:
        return None
    reader = store.SnapshotReader(params)
    for piece in pieces:
        reader.feed(piece)
    return reader.finish()


class Cluster:
    """A world with every checker watching. ``hosts`` are by label; ``listed`` nodes stand in ``[nodes]``.

    ``hostile``: somebody will forge records, so that nobody judges how a verdict on a member came about. ``members``:
    by which parameters that is judged; the default ones where it is None.
    """

    def __init__(
        self, seed: int, weather: Weather = FAIR, *, hostile: bool = False, members: membership.Params | None = None
    ) -> None:
        self.world = World(seed, self._spawn, weather)
        self._blueprints: dict[str, Blueprint] = {}
        hosts = self.world.hosts
        self.acting = ActingIntervals()
        self.logs = Logs(hosts)
        self.convictions = Convictions(hosts, self.world.network)
        self.world.watch(
            self.acting,
            self.logs,
            Commits(hosts, self.logs),
            self.convictions,
            Minority(hosts, self.world.network, self.logs),
            Sanity(hosts),
            # Whoever forges and replays records brings about verdicts of any kind.
            *(() if hostile else (Verdicts(members),)),
        )

    def plan(self, cluster: str, blueprint: Blueprint) -> None:
        """Nodes of ``cluster`` are made by ``blueprint`` from now on."""
        self._blueprints[cluster] = blueprint

    def host(
        self,
        label: str,
        number: int,
        *,
        name: str = "",
        cluster: str = "demo",
        clock: Clock | None = None,
        disk: Disk | None = None,
    ) -> Host:
        """A machine at 10.0.0.``number`` (past 250: the next nets); nothing runs on it yet."""
        address = Address(f"10.0.{number // 250 * 10}.{number % 250}", PORT)
        host = self.world.add(label, address, name=name, cluster=cluster, clock=clock, disk=disk)
        host.disk.history = partial(self.logs.history, cluster)
        return host

    def _spawn(self, host: Host, rng: Random) -> Process:
        blueprint = self._blueprints[host.cluster]
        if host.older:
            elections = msgspec.structs.replace(blueprint.consensus, lease_ms=OLDER_LEASE_MS)
            blueprint = msgspec.structs.replace(blueprint, consensus=elections)
        config = NodeConfig(
            cluster=host.cluster,
            name=host.name,
            address=host.address,
            seeds=blueprint.seeds,
            kept=host.disk.seats,
            boot_id=f"{host.label}-{host.boots}",
            membership=blueprint.membership,
            consensus=blueprint.consensus,
            state=blueprint.state,
            store=blueprint.store,
            protocol_max=PROTOCOL_MIN if host.older else PROTOCOL_MAX,
        )
        disk = host.disk
        found = restored(blueprint.store, disk.pieces)
        node = Node(config, disk.identity(host.name), disk.stored(), rng, tuple(disk.acting), state=found)
        return Older(node, host.cluster) if host.older else node

    # --- reading --------------------------------------------------------------------------------------------------

    def leader(self, cluster: str = "demo", among: Collection[str] = ()) -> str:
        """Whom all running nodes follow, or those with the UUIDs ``among``, and who acts; empty while that is not one
        and the same.
        """
        hosts = self.world.hosts
        asked = {label: host for label, host in hosts.items() if host.disk.uuid in among} if among else hosts
        return followed(asked, cluster, self.world.now_us)

    def converged(self) -> bool:
        """Whether every running node knows the truth about its cluster's members."""
        return not disagreements(self.world.hosts, self.world.now_us)


def formed(
    names: Sequence[str],
    *,
    seed: int = 0,
    listed: Sequence[str] = (),
    weather: Weather = FAIR,
    late_us: int = 0,
    hostile: bool = False,
) -> Cluster:
    """A cluster of hosts ``names`` with their clocks apart; ``listed`` or all of them in ``[nodes]``.

    All are started at once, or, with ``late_us``, the first that much earlier than the others.
    """
    cluster = Cluster(seed, weather, hostile=hostile)
    for number, name in enumerate(names, start=1):
        cluster.host(name, number, clock=Clock(offset_us=number * 1_000_003))
    hosts = cluster.world.hosts
    seeds = tuple(Seed(name, hosts[name].address.host, PORT) for name in (listed or names))
    cluster.plan("demo", Blueprint(seeds))
    for number, host in enumerate(hosts.values()):
        if number == 1 and late_us:
            cluster.world.run(late_us)
        cluster.world.start(host)
    return cluster
