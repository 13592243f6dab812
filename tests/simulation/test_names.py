"""A name belongs to one living node; the second is refused, nobody is shut down, and the name passes on in order."""

from __future__ import annotations

from pycluster.kernel.units import SECOND
from pycluster.node import events
from pycluster.simulator.cluster import Cluster, formed
from pycluster.simulator.host import Host
from pycluster.simulator.timeline import Clock
from tests.simulation.scenario import cut, everywhere, heal, names, unblamed, view


def with_intruder() -> tuple[Cluster, Host]:
    """Four nodes, and a second node003 that comes ten seconds later."""
    cluster = formed(names(4))
    cluster.world.run(10 * SECOND)
    intruder = cluster.host("node003*", 50, name="node003", clock=Clock(5))
    intruder.stranger = True
    cluster.world.start(intruder)
    return cluster, intruder


def test_the_second_living_node_is_refused_and_both_run_on() -> None:
    cluster, intruder = with_intruder()
    told: list[tuple[str, str]] = []
    cluster.world.trace = lambda now_us, label, line: told.append((label, line))
    cluster.world.run(60 * SECOND)
    assert cluster.world.hosts["node003"].running
    assert intruder.running
    assert cluster.converged()
    assert cluster.convictions.count == 0
    assert {view(cluster, label)["node003"].uuid for label in names(4)} == {cluster.world.hosts["node003"].disk.uuid}
    complaints = [line for label, line in told if label != "node003*" and line.startswith("name-conflict")]
    assert len(complaints) <= 4, "once a minute each"


def test_both_consoles_say_who_holds_the_name_and_what_to_do() -> None:
    cluster = formed(names(3))
    told: list[tuple[str, str]] = []
    cluster.world.trace = lambda now_us, label, line: told.append((label, line))
    cluster.world.run(10 * SECOND)
    intruder = cluster.host("node003*", 50, name="node003", clock=Clock(5))
    intruder.stranger = True
    cluster.world.start(intruder)
    cluster.world.run(10 * SECOND)
    by_label = {label: line for label, line in told if line.startswith("name-conflict")}
    assert "this node is refused: the name node003 belongs to the node at 10.0.0.3:7946" in by_label["node003*"]
    assert "A second node named node003 at 10.0.0.50:7946 is refused" in by_label["node003"]
    assert all("-name" in line for line in by_label.values())


def test_the_name_passes_on_after_the_holder_is_down_and_the_grace_is_over() -> None:
    cluster, intruder = with_intruder()
    world = cluster.world
    world.run(20 * SECOND)
    unblamed(cluster)
    first = world.hosts["node003"]
    world.kill(first, power=True)
    assert world.run_until(lambda: everywhere(cluster, "node003") == {"down"}, 20 * SECOND)
    down_us = world.now_us
    first.stranger, intruder.stranger = True, False
    assert world.run_until(cluster.converged, 20 * SECOND)
    assert world.now_us - down_us > 3 * SECOND, "not before the grace"
    assert {view(cluster, label)["node003"].uuid for label in ("node001", "node004")} == {intruder.disk.uuid}


def test_the_former_holder_that_returns_too_late_is_the_one_who_is_refused() -> None:
    cluster, intruder = with_intruder()
    world = cluster.world
    unblamed(cluster)
    first = world.hosts["node003"]
    world.kill(first, power=True)
    first.stranger, intruder.stranger = True, False
    assert world.run_until(cluster.converged, 40 * SECOND)
    world.start(first)
    world.run(30 * SECOND)
    assert cluster.converged()
    assert first.running


def test_a_name_that_was_left_passes_on_at_once() -> None:
    cluster = formed(names(4), listed=names(3))
    world = cluster.world
    world.run(10 * SECOND)
    fourth = world.hosts["node004"]
    fourth.gone = fourth.stranger = True
    world.tell(fourth, events.Leave(1))
    assert world.run_until(lambda: fourth.process is None, 5 * SECOND)
    world.start(cluster.host("node004*", 60, name="node004", clock=Clock(9)))
    assert world.run_until(cluster.converged, 3 * SECOND)


def test_an_old_word_of_an_earlier_identity_does_not_take_the_name_of_one_that_left() -> None:
    """``node003`` stands still while ``node004`` loses its disk twice and leaves: it alone still knows the first."""
    cluster = formed(names(4), listed=names(3))
    world = cluster.world
    world.run(10 * SECOND)
    unblamed(cluster)
    third, fourth = world.hosts["node003"], world.hosts["node004"]
    first = fourth.disk.uuid
    number = cut(cluster, "node003")
    world.freeze(third)
    for _ in range(2):
        world.kill(fourth)
        fourth.disk.wipe()
        world.start(fourth)
        world.run(10 * SECOND)
    fourth.gone = True
    world.tell(fourth, events.Leave(1))
    assert world.run_until(lambda: fourth.process is None, 5 * SECOND)
    heal(cluster, number)
    world.thaw(third)

    def ghost() -> bool:
        shown = [view(cluster, label)["node004"] for label in ("node001", "node002")]
        return any(member.uuid == first and member.state != "left" for member in shown)

    assert not world.run_until(ghost, 60 * SECOND)
    assert cluster.converged()


def test_the_first_disk_put_back_after_the_second_ones_goodbye_takes_the_name_back_everywhere() -> None:
    cluster = formed(names(8), listed=names(3))
    world = cluster.world
    world.run(10 * SECOND)
    unblamed(cluster)
    host = world.hosts["node008"]
    first, incarnation = host.disk.uuid, host.disk.incarnation
    world.kill(host)
    host.disk.wipe()
    world.start(host)
    world.run(10 * SECOND)
    world.tell(host, events.Leave(1))
    assert world.run_until(lambda: host.process is None, 5 * SECOND)
    host.disk.uuid, host.disk.incarnation = first, incarnation
    host.disk.entries.clear()
    world.start(host)
    assert world.run_until(cluster.converged, 5 * SECOND)
