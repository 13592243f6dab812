"""Who is seen by whom: crowds, bad networks, and neighbours that do not belong."""

from __future__ import annotations

import pytest

from pycluster.kernel.ids import Address, Seed
from pycluster.kernel.units import SECOND
from pycluster.node import events
from pycluster.simulator.cluster import PORT, Blueprint, formed
from pycluster.simulator.network import Weather
from pycluster.simulator.timeline import Clock


def names(count: int) -> tuple[str, ...]:
    return tuple(f"node{number:03d}" for number in range(1, count + 1))


def test_thirty_nodes_with_five_percent_loss_convict_nobody() -> None:
    cluster = formed(names(30), listed=names(5), weather=Weather(loss=0.05))
    assert cluster.world.run_until(cluster.converged, 20 * SECOND)
    cluster.world.run(60 * SECOND)
    assert cluster.converged()
    assert cluster.convictions.count == 0


@pytest.mark.slow
def test_a_hundred_nodes_find_each_other_and_see_one_vanish() -> None:
    cluster = formed(names(100), listed=names(5))
    world = cluster.world
    assert world.run_until(cluster.converged, 30 * SECOND, SECOND)
    assert world.run_until(lambda: cluster.leader() == "node001", 5 * SECOND, SECOND)
    world.kill(world.hosts["node050"], power=True)
    assert world.run_until(cluster.converged, 30 * SECOND, SECOND)


def test_two_clusters_on_one_wire_stay_apart() -> None:
    cluster = formed(names(3))
    world = cluster.world
    for number, name in enumerate(names(3), start=101):
        cluster.host(f"other-{name}", number, name=name, cluster="other")
    theirs = [Seed(name, world.hosts[f"other-{name}"].address.host, PORT) for name in names(3)]
    ours = Seed("node009", world.hosts["node001"].address.host, PORT)
    cluster.plan("other", Blueprint((*theirs, ours)))
    for host in world.hosts.values():
        if host.cluster == "other":
            world.start(host)
    world.run(30 * SECOND)
    assert cluster.converged()
    assert cluster.leader("demo") == "node001"
    assert cluster.leader("other") == "node001"
    assert cluster.logs.seats("demo") != cluster.logs.seats("other")


def test_a_second_node_of_a_name_is_refused_and_disturbs_nobody() -> None:
    cluster = formed(names(3))
    world = cluster.world
    world.run(10 * SECOND)
    intruder = cluster.host("node002*", 50, name="node002", clock=Clock(5))
    intruder.stranger = True
    world.start(intruder)
    world.run(30 * SECOND)
    assert cluster.converged(), "the first one keeps its name"
    assert cluster.leader() == "node001"
    assert [interval.label for interval in cluster.acting.intervals["demo"]] == ["node001"]
    assert cluster.convictions.count == 0


def test_one_that_hears_nobody_makes_nobody_else_look_dead() -> None:
    cluster = formed(names(7), listed=names(3))
    world = cluster.world
    world.run(10 * SECOND)
    deaf = world.hosts["node006"]
    deaf.disturbed_until_us = 10**12
    world.network.cut(frozenset((label, "node006") for label in world.hosts))
    world.run(60 * SECOND)
    for host in world.hosts.values():
        if host is not deaf and host.process is not None:
            states = {member.name: member.state for member in host.process.members(host.clock.local(world.now_us))}
            assert {state for name, state in states.items() if name != "node006"} == {"alive"}, host.label


def test_a_node_at_a_new_address_is_found_there() -> None:
    cluster = formed(names(5))
    world, moved = cluster.world, cluster.world.hosts["node004"]
    world.run(10 * SECOND)
    world.kill(moved)
    moved.address = Address("10.0.9.9", PORT)
    world.network.attach(moved)
    world.run(20 * SECOND)
    world.start(moved)
    assert world.run_until(cluster.converged, 30 * SECOND)


def test_a_node_that_no_list_names_joins_by_hand() -> None:
    cluster = formed(names(3))
    world = cluster.world
    world.run(10 * SECOND)
    guest = cluster.host("guest", 40, clock=Clock(3))
    cluster.plan("demo", Blueprint(()))
    world.start(guest)
    world.run(5 * SECOND)
    assert len(guest.process.members(guest.clock.local(world.now_us))) == 1  # type: ignore[union-attr]
    world.tell(guest, events.Join(1, (("10.0.0.2", PORT),)))
    assert world.run_until(cluster.converged, 2 * SECOND)
    world.run(60 * SECOND)
    assert cluster.converged()
    assert cluster.convictions.count == 0
