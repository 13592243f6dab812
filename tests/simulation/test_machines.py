"""Machines that let their node down: disks that fail, addresses that change, versions that differ, links that flap."""

from __future__ import annotations

from random import Random

import pytest

from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.node import events
from pycluster.simulator.chaos import Chaos
from pycluster.simulator.cluster import Cluster, formed
from pycluster.simulator.faults import Churn, DiskFails, Flap, Move, Stalls, Swap, Upgrade
from tests.simulation.scenario import by_dns, names, unblamed


def chaos(cluster: Cluster, *, by_name: bool = False) -> Chaos:
    return Chaos(cluster.world, names(3), Random(1), by_name=by_name)


def settle(cluster: Cluster) -> None:
    """Everybody knows the truth, and somebody leads, as after any fault."""
    assert cluster.world.run_until(lambda: bool(cluster.leader()), 10 * SECOND)
    assert cluster.world.run_until(cluster.converged, 60 * SECOND)


@pytest.mark.parametrize("replaced", [False, True])
def test_a_disk_that_fails_ends_the_process_which_comes_back_on_it_or_on_a_new_one(replaced: bool) -> None:
    cluster = formed(names(3))
    world = cluster.world
    world.run(10 * SECOND)
    unblamed(cluster)
    second = world.hosts["node002"]
    uuid = second.disk.uuid
    chaos(cluster).schedule([DiskFails(world.now_us, "node002", 5 * SECOND, replaced)])
    world.run(10 * MILLISECOND)
    world.tell(second, events.SetTags(1, {"a": "b"}))
    world.kill(world.hosts["node001"])
    assert world.run_until(lambda: second.process is None, 4 * SECOND), "the vote could not be written"
    world.start(world.hosts["node001"])
    world.run(6 * SECOND)
    assert second.running
    assert (second.disk.uuid != uuid) is replaced
    settle(cluster)


def test_two_hosts_that_swap_addresses_are_found_again() -> None:
    cluster = by_dns(*names(5))
    cluster.world.run(10 * SECOND)
    unblamed(cluster)
    one, other = cluster.world.hosts["node004"], cluster.world.hosts["node005"]
    before = (one.address, other.address)
    chaos(cluster, by_name=True).schedule([Swap(cluster.world.now_us, "node004", "node005", SECOND)])
    cluster.world.run(3 * SECOND)
    assert (other.address, one.address) == before
    settle(cluster)


@pytest.mark.parametrize("bound", [True, False])
def test_an_address_that_changes_under_a_running_process_is_told_once_it_knows(bound: bool) -> None:
    cluster = formed(names(5), listed=names(3))
    cluster.world.run(10 * SECOND)
    unblamed(cluster)
    chaos(cluster).schedule([Move(cluster.world.now_us, "node005", 20 * SECOND, bound)])
    cluster.world.run(15 * SECOND)
    assert not cluster.converged(), "it still advertises its former address"
    cluster.world.run(10 * SECOND)
    settle(cluster)


def test_members_that_come_and_go_in_bulk_disturb_nobody_who_stays() -> None:
    cluster = formed(names(12), listed=names(3))
    world = cluster.world
    world.run(10 * SECOND)
    held, label = cluster.leader(), names(12)[3:]
    schedule = chaos(cluster)
    schedule.schedule([Churn(world.now_us + number * 30 * SECOND, label, 10 * SECOND) for number in range(3)])
    world.run(80 * SECOND)
    settle(cluster)
    assert cluster.leader() == held
    assert len(cluster.acting.intervals["demo"]) == 1


def test_a_cluster_of_the_previous_version_is_upgraded_one_node_at_a_time() -> None:
    cluster = formed(names(3))
    world = cluster.world
    for host in world.hosts.values():
        world.kill(host)
        host.older = True
        world.start(host)
    world.run(10 * SECOND)
    unblamed(cluster)
    settle(cluster)
    chaos(cluster).schedule([Upgrade(world.now_us, 5 * SECOND)])
    world.run(15 * SECOND)
    assert world.run_until(lambda: all(host.running for host in world.hosts.values()), 20 * SECOND)
    assert not any(host.older for host in world.hosts.values())
    settle(cluster)


@pytest.mark.parametrize(("down_ms", "up_ms"), [(50, 50), (300, 200), (3_000, 500), (500, 3_000)])
def test_a_flapping_link_between_two_convicts_neither_and_leaves_the_leader_alone(down_ms: int, up_ms: int) -> None:
    cluster = formed(names(5))
    world = cluster.world
    world.run(10 * SECOND)
    pairs = frozenset({("node003", "node004"), ("node004", "node003")})
    flap = Flap(world.now_us, 60 * SECOND, pairs, down_ms * MILLISECOND, up_ms * MILLISECOND, "a link")
    chaos(cluster).schedule([flap])
    world.run(70 * SECOND)
    assert cluster.convictions.count == 0
    assert len(cluster.acting.intervals["demo"]) == 1
    settle(cluster)


def test_stalls_of_some_make_nobody_else_look_dead() -> None:
    cluster = formed(names(8), listed=names(3))
    world = cluster.world
    world.run(20 * SECOND)
    stalls = Stalls(world.now_us, 60 * SECOND, ("node005", "node007"), 4 * SECOND)
    chaos(cluster).schedule([stalls])
    world.run(70 * SECOND)
    settle(cluster)
    assert len(cluster.acting.intervals["demo"]) == 1
