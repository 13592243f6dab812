"""Who is accused, who is convicted, and how soon: one-way cuts, missing links, frozen processes, real deaths."""

from __future__ import annotations

import pytest

from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.simulator.cluster import formed
from pycluster.simulator.network import Weather
from tests.simulation.scenario import everywhere, heal, names, states, unblamed


@pytest.mark.parametrize("both_ways", [False, True])
@pytest.mark.parametrize("count", [3, 5])
def test_a_missing_link_between_two_convicts_neither(count: int, both_ways: bool) -> None:
    cluster = formed(names(count))
    world = cluster.world
    world.run(10 * SECOND)
    pairs = {("node002", "node003"), ("node003", "node002")} if both_ways else {("node002", "node003")}
    number = world.network.cut(frozenset(pairs))
    world.run(120 * SECOND)
    assert cluster.convictions.count == 0
    heal(cluster, number)
    assert world.run_until(cluster.converged, 20 * SECOND)


def test_one_whom_nobody_hears_is_convicted_and_makes_nobody_else_look_dead() -> None:
    cluster = formed(names(6), listed=names(3))
    world = cluster.world
    world.run(10 * SECOND)
    unblamed(cluster)
    number = world.network.cut(frozenset(("node005", label) for label in world.hosts))
    world.run(60 * SECOND)
    for label in ("node001", "node004", "node006"):
        seen = states(cluster, label)
        assert seen.pop("node005") == "down"
        assert set(seen.values()) == {"alive"}
    heal(cluster, number)
    assert world.run_until(cluster.converged, 10 * SECOND)


@pytest.mark.parametrize("seed", range(5))
def test_a_process_that_stands_still_for_three_seconds_is_not_convicted(seed: int) -> None:
    cluster = formed(names(5), seed=seed)
    world = cluster.world
    world.run(10 * SECOND + seed * 137 * MILLISECOND)
    world.freeze(world.hosts["node004"])
    world.run(3 * SECOND)
    world.thaw(world.hosts["node004"])
    world.run(20 * SECOND)
    assert cluster.convictions.count == 0
    assert cluster.converged()


def test_one_that_was_frozen_for_long_blames_nobody_when_it_wakes_and_is_back_at_once() -> None:
    cluster = formed(names(5))
    world, fourth = cluster.world, cluster.world.hosts["node004"]
    world.run(10 * SECOND)
    unblamed(cluster)
    world.freeze(fourth)
    world.run(60 * SECOND)
    assert everywhere(cluster, "node004") == {"down"}
    world.thaw(fourth)
    assert set(states(cluster, "node004").values()) == {"alive"}
    convicted = cluster.convictions.count
    assert world.run_until(cluster.converged, 5 * SECOND)
    world.run(30 * SECOND)
    assert cluster.convictions.count == convicted


@pytest.mark.parametrize("count", [3, 5, 20])
@pytest.mark.parametrize("power", [False, True])
def test_a_death_is_known_everywhere_within_nine_seconds_and_verified(count: int, power: bool) -> None:
    cluster = formed(names(count), listed=names(3))
    world = cluster.world
    world.run(10 * SECOND)
    told: list[str] = []
    world.trace = lambda now_us, label, line: told.append(line)
    world.kill(world.hosts["node003"], power=power)
    assert world.run_until(lambda: everywhere(cluster, "node003") == {"down"}, 9 * SECOND)
    downs = [line for line in told if line.startswith("member-down")]
    assert len(downs) == count - 1
    assert all("(verified; accused by" in line for line in downs)


def test_of_two_the_one_left_waits_for_the_full_time_and_says_unverified() -> None:
    cluster = formed(names(2))
    world = cluster.world
    world.run(10 * SECOND)
    told: list[str] = []
    world.trace = lambda now_us, label, line: told.append(line)
    world.kill(world.hosts["node002"])
    world.run(10 * SECOND)
    assert everywhere(cluster, "node002") == {"suspect"}
    world.run(6 * SECOND)
    assert everywhere(cluster, "node002") == {"down"}
    assert any("unverified" in line for line in told if line.startswith("member-down"))


def test_on_a_slow_network_the_time_outs_follow_the_round_trips_and_nobody_is_even_suspected() -> None:
    cluster = formed(names(8), listed=names(3), weather=Weather(least_us=60 * MILLISECOND, jitter_us=40 * MILLISECOND))
    world = cluster.world
    world.run(20 * SECOND)
    told: list[str] = []
    world.trace = lambda now_us, label, line: told.append(line)
    world.run(120 * SECOND)
    assert not [line for line in told if line.startswith("member-")]


def test_heavy_loss_for_a_while_convicts_nobody_in_a_crowd() -> None:
    cluster = formed(names(15), listed=names(3))
    world = cluster.world
    world.run(15 * SECOND)
    storm = world.network.storm(Weather(loss=0.25))
    world.run(30 * SECOND)
    world.network.calm(storm)
    world.run(30 * SECOND)
    assert cluster.convictions.count == 0
    assert cluster.converged()
