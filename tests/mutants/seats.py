"""Plots about seats: who may found a cluster, and whose word counts once its seat is gone."""

from __future__ import annotations

from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.node import events
from pycluster.simulator.checkers import Violation
from tests.mutants.stage import Stage, unblamed


def a_minority_alone(stage: Stage) -> None:
    """Two of five listed voters come up and meet nobody else: they found nothing, and the other three do."""
    world = stage.listed(5).world
    names = tuple(world.hosts)
    low, high = names[:2], names[2:]
    cut = world.network.cut(frozenset(pair for a in low for b in high for pair in ((a, b), (b, a))))
    for name in low:
        world.start(world.hosts[name])
    world.run(20 * SECOND)
    if any(world.hosts[name].disk.entries for name in low):
        raise Violation("founded by a majority", f"{' and '.join(low)} founded a cluster of {len(names)} voters")
    for name in high:
        world.start(world.hosts[name])
    world.run(10 * SECOND)
    world.network.heal(cut)
    world.streams.moved()
    world.run(20 * SECOND)


def seat_given_up(stage: Stage) -> None:
    """A voter leaves while another's disk is slow: its own acknowledgement does not commit that it is gone."""
    cluster = stage.formed(3)
    unblamed(cluster)
    world = cluster.world
    world.hosts["node002"].disk.least_us = 300 * MILLISECOND
    world.tell(world.hosts["node003"], events.Leave(command=1))
    world.run(10 * SECOND)


def removed_voters_return(stage: Stage) -> None:
    """Two of five voters give their seats up, and come back beside a voter that is cut off from the others.

    Those three were a majority once and are none now: nobody is elected there, so nobody's leadership ends for it.
    """
    cluster = stage.formed(5)
    unblamed(cluster)
    world = cluster.world
    low, high = ("node001", "node002"), ("node003", "node004", "node005")
    for command, name in enumerate(("node004", "node005"), start=1):
        world.tell(world.hosts[name], events.Leave(command))
        world.run(10 * SECOND)
    assert len(cluster.logs.seats("demo")) == 3, "they gave their seats up"
    before = len(cluster.acting.intervals["demo"])
    cut = world.network.cut(frozenset(pair for a in low for b in high for pair in ((a, b), (b, a))))
    for name in ("node004", "node005"):
        world.start(world.hosts[name])
    world.run(20 * SECOND)
    world.network.heal(cut)
    world.streams.moved()
    world.run(20 * SECOND)
    later = cluster.acting.intervals["demo"][before:]
    if later:
        raise Violation("no disruption", f"node003 was cut off with two that had no seats, and it cost: {later[0]}")
