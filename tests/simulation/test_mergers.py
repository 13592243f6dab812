"""Nodes that start together, and clusters that never heard of each other, know each other within seconds."""

from __future__ import annotations

import pytest

from pycluster.kernel.ids import Seed
from pycluster.kernel.units import SECOND
from pycluster.node import Node, events
from pycluster.simulator.cluster import PORT, Blueprint, Cluster
from pycluster.simulator.host import Host
from tests.simulation.scenario import names


def _started(count: int, seed: int, *, halves: int = 1) -> tuple[Cluster, list[Host]]:
    """So many in so many clusters of one name, each of which lists three of its own; nobody watches."""
    cluster = Cluster(seed)
    cluster.world.checkers.clear()  # where two logs and two leaders meet, much is wrong that is not looked at here
    cluster.world.watch()
    hosts = [cluster.host(name, number) for number, name in enumerate(names(count), start=1)]
    for half in range(halves):
        own = hosts[half * count // halves : (half + 1) * count // halves]
        cluster.plan("demo", Blueprint(tuple(Seed(host.name, host.address.host, PORT) for host in own[:3])))
        for host in own:
            cluster.world.start(host)
    return cluster, hosts


def _known(hosts: list[Host]) -> list[int]:
    """How many each knows, itself included."""
    return [1 + len(host.process.peers) for host in hosts if isinstance(host.process, Node)]


@pytest.mark.parametrize("seed", [0, 1])
def test_fifty_that_start_at_once_all_know_each_other_before_tables_are_compared_again(seed: int) -> None:
    cluster, hosts = _started(50, seed)
    assert cluster.world.run_until(lambda: _known(hosts) == [50] * 50, 5 * SECOND, SECOND // 10), _known(hosts)


@pytest.mark.parametrize("seed", [0, 1])
def test_two_clusters_of_fifty_that_one_node_joins_are_one_before_tables_are_compared_again(seed: int) -> None:
    cluster, hosts = _started(100, seed, halves=2)
    world = cluster.world
    assert world.run_until(lambda: _known(hosts) == [50] * 100, 60 * SECOND, SECOND)
    world.tell(hosts[-1], events.Join(1, ((hosts[10].address.host, PORT),)))
    assert world.run_until(lambda: _known(hosts) == [100] * 100, 10 * SECOND, SECOND // 10), sorted(_known(hosts))
