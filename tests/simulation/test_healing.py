"""What was cut apart, moved or restarted finds together again by itself, within the published bounds."""

from __future__ import annotations

import pytest

from pycluster import membership
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.simulator.cluster import formed
from tests.simulation.scenario import SLOW_ELECTIONS, by_dns, cut, everywhere, heal, move, names, states, unblamed

HOUR = 3_600 * SECOND


@pytest.mark.parametrize(
    ("for_us", "kept_us"),
    [(20 * SECOND, 24 * HOUR), (600 * SECOND, 24 * HOUR), (70 * 60 * SECOND, HOUR)],
    ids=["20s", "10m", "longer than the dead are remembered"],
)
def test_however_long_a_partition_lasts_both_sides_are_one_cluster_soon_after_it_heals(
    for_us: int, kept_us: int
) -> None:
    """They are remembered for a day by default, the simulation of which would take minutes of processor time."""
    kept = membership.Params(down_keep_ms=kept_us // MILLISECOND)
    cluster = by_dns(*names(4), elections=SLOW_ELECTIONS, members=kept)
    world = cluster.world
    assert world.run_until(cluster.converged, 10 * SECOND)
    number = cut(cluster, "node001", "node003")
    world.run(for_us)
    assert states(cluster, "node001")["node003"] == "alive"
    assert states(cluster, "node001")["node002"] == ("down" if for_us < kept_us else "unknown")
    heal(cluster, number)
    bound_us = min(max(for_us // 16, 1_500 * MILLISECOND), 15 * SECOND) + 5 * SECOND
    assert world.run_until(cluster.converged, bound_us)


@pytest.mark.parametrize("seed", range(5))
def test_a_short_partition_heals_within_five_seconds_and_everyone_is_seen(seed: int) -> None:
    cluster = formed(names(7), listed=names(3), seed=seed)
    world = cluster.world
    world.run(10 * SECOND)
    number = cut(cluster, "node001", "node005", "node006")
    world.run(25 * SECOND)
    heal(cluster, number)
    assert world.run_until(cluster.converged, 5 * SECOND)
    convictions = cluster.convictions.count
    world.run(60 * SECOND)
    assert cluster.converged()
    assert cluster.convictions.count == convictions, "nobody is convicted because two sides met"


def test_a_node_that_was_alone_for_long_is_found_again() -> None:
    cluster = formed(names(5), listed=names(3))
    world = cluster.world
    world.run(10 * SECOND)
    number = cut(cluster, "node005")
    world.run(600 * SECOND)
    heal(cluster, number)
    assert world.run_until(cluster.converged, 20 * SECOND)


def test_when_every_address_has_changed_dns_brings_them_together() -> None:
    cluster = by_dns(*names(5))
    world = cluster.world
    world.run(10 * SECOND)
    unblamed(cluster)
    for number, host in enumerate(world.hosts.values(), start=1):
        world.kill(host, power=True)
        move(cluster, host, f"10.7.0.{number}")
    world.run(30 * SECOND)
    for host in world.hosts.values():
        world.start(host)
    assert world.run_until(lambda: cluster.converged() and cluster.leader() == "node001", 10 * SECOND)


def test_two_halves_that_moved_while_apart_meet_once_dns_tells_them_where() -> None:
    cluster = by_dns(*names(4))
    world = cluster.world
    world.run(10 * SECOND)
    number = cut(cluster, "node001", "node002")
    for last, label in enumerate(("node001", "node003"), start=1):
        world.kill(world.hosts[label])
        move(cluster, world.hosts[label], f"10.7.0.{last}", announced=False)
        world.start(world.hosts[label])
    for last, label in enumerate(("node002", "node004"), start=3):
        world.kill(world.hosts[label])
        move(cluster, world.hosts[label], f"10.7.0.{last}", announced=False)
        world.start(world.hosts[label])
    heal(cluster, number)
    world.run(60 * SECOND)
    assert not cluster.converged(), "nobody is where anyone looks"
    for host in world.hosts.values():
        world.network.names[f"{host.label}.sim"] = (host.address.host,)
    assert world.run_until(cluster.converged, 20 * SECOND)


def test_no_dns_at_the_start_only_delays_it() -> None:
    cluster = by_dns(*names(3))
    world = cluster.world
    unblamed(cluster)
    for host in world.hosts.values():
        world.kill(host)
    world.network.names_fail = True
    for host in world.hosts.values():
        world.start(host)
    world.run(120 * SECOND)
    assert states(cluster, "node001")["node002"] == "unknown"
    world.network.names_fail = False
    assert world.run_until(cluster.converged, 20 * SECOND)


def test_a_restart_with_its_disk_is_the_same_node_and_back_at_once() -> None:
    cluster = formed(names(4))
    world, third = cluster.world, cluster.world.hosts["node003"]
    world.run(10 * SECOND)
    uuid = third.disk.uuid
    unblamed(cluster)
    world.kill(third)
    world.run(30 * SECOND)
    assert everywhere(cluster, "node003") == {"down"}
    world.start(third)
    assert world.run_until(cluster.converged, 2 * SECOND)
    assert third.disk.uuid == uuid
    assert third.disk.incarnation > 1, "it speaks with a higher incarnation than the one that was convicted"


def test_a_restart_faster_than_the_suspicion_accuses_nobody() -> None:
    cluster = formed(names(4))
    world, third = cluster.world, cluster.world.hosts["node003"]
    world.run(10 * SECOND)
    for _ in range(5):
        third.disturbed_until_us = world.now_us + 20 * SECOND
        world.kill(third)
        world.run(250 * MILLISECOND)
        world.start(third)
        world.run(5 * SECOND)
    assert cluster.converged()
    assert cluster.convictions.count == 0


def test_a_restart_without_its_disk_is_another_node_of_that_name() -> None:
    cluster = formed(names(4))
    world, third = cluster.world, cluster.world.hosts["node003"]
    world.run(10 * SECOND)
    unblamed(cluster)
    lost = third.disk.uuid
    world.kill(third)
    third.disk.wipe()
    world.run(2 * SECOND)
    world.start(third)
    assert world.run_until(cluster.converged, 10 * SECOND)
    assert third.disk.uuid != lost
