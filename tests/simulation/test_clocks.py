"""Clocks that run apart, and clocks that leap: leases hold all the same."""

from __future__ import annotations

from random import Random

import pytest

from pycluster.kernel.ids import Seed
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.simulator.cluster import PORT, Blueprint, Cluster, formed
from pycluster.simulator.timeline import Clock
from tests.simulation.scenario import cut, heal, names, unblamed


def apart(ppm: int, seed: int) -> Cluster:
    """Five nodes whose clocks run up to ``ppm`` fast or slow, the first and the last the most."""
    cluster = Cluster(seed)
    rates = (ppm, -ppm, 0, ppm // 2, -ppm) if seed % 2 else (-ppm, ppm, 0, -ppm // 2, ppm)
    for number, (name, rate) in enumerate(zip(names(5), rates, strict=True), start=1):
        cluster.host(name, number, clock=Clock(number * 77_777_777, rate))
    hosts = cluster.world.hosts
    cluster.plan("demo", Blueprint(tuple(Seed(name, host.address.host, PORT) for name, host in hosts.items())))
    for host in hosts.values():
        cluster.world.start(host)
    return cluster


@pytest.mark.parametrize("ppm", [500, 20_000, 45_000])
@pytest.mark.parametrize("seed", range(2))
def test_clocks_up_to_nine_per_cent_apart_never_let_two_leaders_act(ppm: int, seed: int) -> None:
    cluster = apart(ppm, seed)
    for _ in range(4):
        assert cluster.world.run_until(lambda: bool(cluster.leader()), 20 * SECOND)
        number = cut(cluster, cluster.leader())
        cluster.world.run(5 * SECOND)
        heal(cluster, number)
    assert len({interval.label for interval in cluster.acting.intervals["demo"]}) > 1


@pytest.mark.parametrize("seed", range(3))
def test_a_leader_whose_clock_leaps_takes_its_lease_for_over(seed: int) -> None:
    cluster = formed(names(3), seed=seed)
    world = cluster.world
    world.run(10 * SECOND)
    leader = world.hosts[cluster.leader()]
    unblamed(cluster)
    for by_us in (150 * MILLISECOND, 700 * MILLISECOND, 5 * SECOND, 120 * SECOND):
        world.jump(leader, by_us)
        world.run(5 * SECOND)
    assert world.run_until(lambda: bool(cluster.leader()), 10 * SECOND)
    assert world.run_until(cluster.converged, 20 * SECOND)


def test_a_member_whose_clock_leaps_accuses_nobody() -> None:
    cluster = formed(names(6), listed=names(3))
    world, rng = cluster.world, Random(5)
    world.run(20 * SECOND)
    for _ in range(30):
        world.jump(world.hosts["node005"], rng.choice((200, 1_000, 30_000, 200_000)) * MILLISECOND)
        world.run(rng.randrange(3 * SECOND))
    assert cluster.convictions.count == 0
    assert world.run_until(cluster.converged, 10 * SECOND)


@pytest.mark.parametrize("seed", [7, 21, 52])
def test_a_voter_whose_clock_leaps_keeps_its_promise(seed: int) -> None:
    """Cut off from the leader, one asks the other again and again; that one's clock leaps past its promise."""
    cluster = formed(names(3), seed=seed)
    world, rng = cluster.world, Random(seed)
    world.run(8 * SECOND)
    unblamed(cluster)
    world.network.cut(frozenset({("node001", "node002"), ("node002", "node001")}))
    world.run(2 * SECOND)
    for _ in range(60):
        world.run(rng.randrange(300 * MILLISECOND))
        world.jump(world.hosts["node003"], rng.choice((200, 500, 1_000, 5_000, 60_000)) * MILLISECOND)
    assert cluster.leader() in ("node001", ""), "and nobody acted beside it"
    assert {interval.label for interval in cluster.acting.intervals["demo"]} == {"node001"}
