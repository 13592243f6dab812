"""Time-outs that an operator shortens while a lease rests on the longer ones."""

from __future__ import annotations

import pytest

from pycluster import consensus
from pycluster.kernel.ids import Seed
from pycluster.kernel.units import SECOND
from pycluster.simulator.cluster import PORT, Blueprint, Cluster
from pycluster.simulator.timeline import Clock
from tests.simulation.scenario import names, unblamed

LONG = consensus.Params(heartbeat_interval_ms=1_000, election_timeout_ms=5_000, lease_ms=4_000)


def slow(seed: int) -> tuple[Cluster, tuple[Seed, ...]]:
    """Three voters with long time-outs, and their ``[nodes]``; ``node001`` acts by the word of ``node002`` alone."""
    cluster = Cluster(seed)
    for number, name in enumerate(names(3), start=1):
        cluster.host(name, number, clock=Clock(number * 1_000_003))
    world = cluster.world
    seeds = tuple(Seed(name, host.address.host, PORT) for name, host in world.hosts.items())
    cluster.plan("demo", Blueprint(seeds, consensus=LONG))
    for host in world.hosts.values():
        world.start(host)
    assert world.run_until(lambda: cluster.leader() == "node001", 60 * SECOND)
    unblamed(cluster)
    world.network.cut(frozenset({("node001", "node003"), ("node003", "node001")}))
    world.run(6 * SECOND)
    return cluster, seeds


@pytest.mark.parametrize("seed", range(4))
def test_a_voter_restarted_with_shorter_timeouts_still_keeps_its_longer_promise(seed: int) -> None:
    cluster, seeds = slow(seed)
    world = cluster.world
    one, two = world.hosts["node001"], world.hosts["node002"]
    assert two.disk.promised_ms == 5_000
    world.kill(two)
    world.network.cut(frozenset({("node001", "node002"), ("node002", "node001")}))
    cluster.plan("demo", Blueprint(seeds))
    world.start(two)
    world.run(12 * SECOND)
    intervals = cluster.acting.intervals["demo"]
    assert intervals[0].label == one.label
    assert intervals[-1].label != one.label, "the two others went on once its lease was over"
    assert two.disk.promised_ms == 1_000, "the next start is quick again"
