"""Where plots play: clusters that have settled, and what is done to them."""

from __future__ import annotations

from pycluster.kernel.ids import Seed
from pycluster.kernel.units import SECOND
from pycluster.simulator.cluster import PORT, Blueprint, Cluster, formed
from pycluster.simulator.network import FAIR, Weather


class Stage:
    """Where a plot plays: its seed, and the cluster that it built, for whoever asks when it ended."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.cluster: Cluster | None = None

    def formed(self, count: int, *, listed: int = 0, weather: Weather = FAIR) -> Cluster:
        """A cluster that has settled: ``count`` nodes, the first ``listed`` (0: all) of them in ``[nodes]``."""
        names = tuple(f"node{number:03d}" for number in range(1, count + 1))
        self.cluster = formed(names, seed=self.seed, listed=names[: listed or count], weather=weather)
        self.cluster.world.run(20 * SECOND)
        return self.cluster

    def listed(self, count: int) -> Cluster:
        """``count`` listed voters, none of them started, and nobody blamed."""
        cluster = self.cluster = Cluster(self.seed)
        names = tuple(f"node{number:03d}" for number in range(1, count + 1))
        hosts = [cluster.host(name, number) for number, name in enumerate(names, start=1)]
        cluster.plan("demo", Blueprint(tuple(Seed(host.name, host.address.host, PORT) for host in hosts)))
        unblamed(cluster)
        return cluster


def unblamed(cluster: Cluster) -> None:
    """From now on nobody is blamed for accusing anyone: this plot breaks things on purpose."""
    for host in cluster.world.hosts.values():
        host.disturbed_until_us = 10**15


def isolate(cluster: Cluster, side: tuple[str, ...], for_us: int) -> None:
    """Cut some nodes off from all others for a while; nobody is blamed for what follows."""
    unblamed(cluster)
    world = cluster.world
    others = [label for label in world.hosts if label not in side]
    number = world.network.cut(frozenset(pair for a in side for b in others for pair in ((a, b), (b, a))))
    world.run(for_us)
    world.network.heal(number)
    world.streams.moved()


def cut_between(cluster: Cluster, one: str, other: str) -> None:
    """Cut one link, both ways, for good."""
    unblamed(cluster)
    cluster.world.network.cut(frozenset({(one, other), (other, one)}))
