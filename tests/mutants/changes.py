"""Plots about changes of the voters: who counts by when, what becomes of a change that is lost, what is refused."""

from __future__ import annotations

from pycluster.consensus import Configuration
from pycluster.kernel.limits import VOTERS_MAX
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.node import effects, events
from pycluster.simulator.checkers import Checker, Violation
from pycluster.simulator.cluster import Cluster
from pycluster.simulator.host import Host
from pycluster.simulator.world import SEAT_COMMANDS
from tests.mutants.stage import Stage, unblamed


def add(cluster: Cluster, name: str) -> None:
    """An operator asks the leader to let that node vote."""
    cluster.world.tell(cluster.world.hosts[cluster.leader()], events.AddSeat(SEAT_COMMANDS, name))


def move(cluster: Cluster, old: str, new: str) -> None:
    """And in the place of another one."""
    cluster.world.tell(cluster.world.hosts[cluster.leader()], events.ReplaceSeat(SEAT_COMMANDS, old, new))


def seated(cluster: Cluster) -> set[str]:
    """The labels of those whose disk holds a voter's seat."""
    seats = cluster.logs.seats("demo")
    return {label for label, host in cluster.world.hosts.items() if host.disk.uuid in seats}


class _LearntFirst(Checker):
    """Who begins to vote has all on its disk that the leader then knows to be committed."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def published(self, host: Host, effect: effects.Publish, now_us: int) -> None:
        if effect.event.kind != "voter-added":
            return
        assert host.process is not None
        commit = host.process.quorum(host.clock.local(now_us)).commit_index
        learner = self._cluster.world.hosts[effect.event.node]
        if len(learner.disk.entries) < commit:
            has = len(learner.disk.entries)
            raise Violation("learns before it votes", f"{learner.label} has {has} of {commit} entries, and votes")


class _NeverFewer(Checker):
    """No log says that there are fewer voters than ``least``."""

    def __init__(self, least: int) -> None:
        self._least = least

    def persisting(self, host: Host, effect: effects.Persist, now_us: int) -> None:
        for entry in effect.entries:
            if isinstance(entry.payload, Configuration) and len(entry.payload.voters) < self._least:
                names = ", ".join(voter.name for voter in entry.payload.voters)
                raise Violation("no seat goes before another votes", f"{host.label} writes that only {names} vote")


def a_learner_beside_a_slow_voter(stage: Stage) -> None:
    """One of two voters has a slow disk while a third node learns: its acknowledgement commits nothing."""
    cluster = stage.formed(3, listed=2)
    unblamed(cluster)
    cluster.world.hosts["node002"].disk.least_us = 300 * MILLISECOND
    add(cluster, "node003")
    cluster.world.run(5 * SECOND)


def a_learner_with_a_slow_disk(stage: Stage) -> None:
    """It does not vote before it has what is committed."""
    cluster = stage.formed(4, listed=3)
    unblamed(cluster)
    cluster.world.watch(_LearntFirst(cluster))
    cluster.world.hosts["node004"].disk.least_us = 400 * MILLISECOND
    add(cluster, "node004")
    cluster.world.run(10 * SECOND)
    if "node004" not in seated(cluster):
        raise Violation("who has learnt votes", "node004 has no seat after 10 s")


def a_change_that_is_lost(stage: Stage) -> None:
    """A leader that was just cut off takes a seat away: nobody else hears of it, and in the end it never was."""
    cluster = stage.formed(5)
    unblamed(cluster)
    world = cluster.world
    others = ("node002", "node003", "node004", "node005")
    number = world.network.cut(frozenset(pair for b in others for pair in (("node001", b), (b, "node001"))))
    world.tell(world.hosts["node001"], events.RemoveSeat(SEAT_COMMANDS, "node005"))
    world.run(20 * SECOND)
    world.network.heal(number)
    world.streams.moved()
    world.run(3 * SECOND)
    for host in world.hosts.values():
        assert host.process is not None
        seats = host.process.quorum(host.clock.local(world.now_us)).voters
        if {seat.name for seat in seats} != {"node001", *others}:
            names = ", ".join(seat.name for seat in seats)
            raise Violation("the log says who votes", f"{host.label} says that {names} do")


def a_seat_moves(stage: Stage) -> None:
    """From one of three voters to a fourth node: four vote for a moment, never two."""
    cluster = stage.formed(4, listed=3)
    unblamed(cluster)
    cluster.world.watch(_NeverFewer(3))
    move(cluster, "node003", "node004")
    cluster.world.run(10 * SECOND)
    if seated(cluster) != {"node001", "node002", "node004"}:
        raise Violation("the voters are those that were asked for", f"{', '.join(sorted(seated(cluster)))} vote")


def one_is_dead_and_another_shall_go(stage: Stage) -> None:
    """Of three voters one is dead: a second seat cannot go, for the one that is left could commit nothing."""
    cluster = stage.formed(3)
    unblamed(cluster)
    world = cluster.world
    world.kill(world.hosts["node003"], power=True)
    world.run(3 * SECOND)
    world.tell(world.hosts["node001"], events.RemoveSeat(SEAT_COMMANDS, "node002"))
    world.run(20 * SECOND)
    if not cluster.leader():
        raise Violation("a removal keeps the quorum", "nobody leads after a seat was taken away beside a dead voter")


def those_who_are_listed_are_gone(stage: Stage) -> None:
    """All seats have moved to nodes that no file lists. All stop, and only those start again: they find each other."""
    cluster = stage.formed(6, listed=3)
    unblamed(cluster)
    world = cluster.world
    moves = (("node001", "node004"), ("node002", "node005"), ("node003", "node006"))
    for old, new in moves:
        move(cluster, old, new)
        if not world.run_until(lambda new=new: new in seated(cluster) and bool(cluster.leader()), 20 * SECOND):  # type: ignore[misc]
            raise Violation("the voters are those that were asked for", f"{new} has no seat after 20 s")
        world.run(5 * SECOND)
    for host in world.hosts.values():
        world.kill(host)
    for _, new in moves:
        world.start(world.hosts[new])
    world.run(30 * SECOND)
    if not cluster.leader():
        raise Violation("voters find each other", "nobody leads 30 s after all that have a seat were started again")


def an_eighth_voter(stage: Stage) -> None:
    """Seven vote, and one more is refused."""
    cluster = stage.formed(8, listed=7)
    add(cluster, "node008")
    cluster.world.run(10 * SECOND)
    if len(seated(cluster)) > VOTERS_MAX:
        raise Violation("at most seven vote", f"{', '.join(sorted(seated(cluster)))} do")
