"""Plots about voters, for mutants that the seeds meet too rarely: each builds a cluster, does one thing, and judges."""

from __future__ import annotations

from pycluster import consensus
from pycluster.consensus import Configuration, Entry, NoOp, Vote, Voter
from pycluster.kernel.ids import Address, Seed
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.node import effects, events
from pycluster.simulator.checkers import Checker, Violation
from pycluster.simulator.cluster import PORT, Blueprint, Cluster
from pycluster.simulator.host import Host
from pycluster.simulator.network import Weather
from tests.mutants.stage import Stage, cut_between, isolate, unblamed


def returned_from_isolation(stage: Stage) -> None:
    """A voter that was cut off comes back: nobody's leadership ends for it (Raft §9.6)."""
    cluster = stage.formed(5)
    before = len(cluster.acting.intervals["demo"])
    isolate(cluster, ("node005",), 20 * SECOND)
    cluster.world.run(20 * SECOND)
    later = cluster.acting.intervals["demo"][before:]
    if later:
        raise Violation("no disruption", f"node005 was cut off and came back, and leadership moved: {later[0]}")


def lists_that_differ(stage: Stage) -> None:
    """Three voters, and no two of them with the same list: nobody founds a cluster."""
    cluster = stage.cluster = Cluster(stage.seed)
    hosts = [cluster.host(f"node{number:03d}", number) for number in (1, 2, 3)]
    for host in hosts:
        names = sorted({"node001", "node002", "node003", f"extra-{host.name}"})
        known = {other.name: other.address.host for other in hosts}
        cluster.plan("demo", Blueprint(tuple(Seed(name, known.get(name, "10.9.9.9"), PORT) for name in names)))
        cluster.world.start(host)
    cluster.world.run(20 * SECOND)
    founded = cluster.logs.committed.get("demo")
    if founded:
        raise Violation("lists agree", f"voters with different lists founded a cluster: {founded[0]}")


def log_of_another_cluster(stage: Stage) -> None:
    """A voter starts with the log of another cluster in its place: nothing of it is touched."""
    cluster = stage.formed(3)
    world, host = cluster.world, cluster.world.hosts["node003"]
    for other in world.hosts.values():
        other.disturbed_until_us = 10**15
    world.kill(host)
    seats = (Voter("node003", host.disk.uuid), Voter("node008", "8" * 32), Voter("node009", "9" * 32))
    host.disk.entries = [Entry(1, 1, Configuration("c" * 32, seats)), Entry(2, 1, NoOp())]
    host.disk.vote = Vote(1)
    kept = list(host.disk.entries)
    world.start(host)
    world.run(20 * SECOND)
    if host.disk.entries[:2] != kept:
        raise Violation("one cluster", f"node003 lost the log of another cluster: {host.disk.entries[:2]}")


def one_link_cut(stage: Stage) -> None:
    """A voter loses its link to the leader only, and asks the third for its vote again and again."""
    cluster = stage.formed(3)
    term = cluster.acting.intervals["demo"][-1].term
    cut_between(cluster, "node001", "node003")
    cluster.world.run(10 * SECOND)
    last = cluster.acting.intervals["demo"][-1]
    if last.term != term:
        raise Violation("no disruption", f"node001 reaches a majority, and leadership moved: {last}")


def restarts_under_a_candidate(stage: Stage) -> None:
    """The same; the third starts anew, remembers no promise, and the leader, cut off just then, does not hear of it."""
    cluster = stage.formed(3)
    cut_between(cluster, "node001", "node003")
    world, third = cluster.world, cluster.world.hosts["node002"]
    for attempt in range(40):
        world.run((2_500 + 13 * attempt) * MILLISECOND)
        number = world.network.cut(frozenset({("node001", "node002"), ("node002", "node001")}))
        world.kill(third)
        world.start(third)
        world.run(600 * MILLISECOND)
        world.network.heal(number)
        world.streams.moved()


def frozen_leader(stage: Stage) -> None:
    """A leader freezes for longer than its followers wait."""
    cluster = stage.formed(5)
    unblamed(cluster)
    world = cluster.world
    for _ in range(5):
        leader = world.hosts[cluster.leader()]
        world.freeze(leader)
        world.run(4 * SECOND)
        world.thaw(leader)
        world.run_until(lambda: bool(cluster.leader()), 10 * SECOND)


def frozen_then_mute(stage: Stage) -> None:
    """A leader freezes, finds the answers to its last heartbeat when it wakes, and can say nothing any more."""
    cluster = stage.formed(5, weather=Weather(least_us=15 * MILLISECOND))
    unblamed(cluster)
    world = cluster.world
    for attempt in range(40):
        world.run(37 * MILLISECOND)
        leader = world.hosts[cluster.leader()]
        world.freeze(leader)
        world.run((700 + 2 * attempt) * MILLISECOND)
        number = world.network.cut(frozenset((leader.label, other) for other in world.hosts if other != leader.label))
        world.thaw(leader)
        world.run(MILLISECOND)
        world.freeze(leader)
        world.run(3 * SECOND)
        world.network.heal(number)
        world.streams.moved()
        world.thaw(leader)
        world.run_until(lambda: bool(cluster.leader()), 10 * SECOND)


def two_seats_claimed(stage: Stage) -> None:
    """Two listed nodes that were never there come up at the same moment."""
    names = tuple(f"node{number:03d}" for number in range(1, 6))
    cluster = stage.cluster = Cluster(stage.seed, Weather(least_us=30 * MILLISECOND))
    for number, name in enumerate(names, start=1):
        cluster.host(name, number)
    hosts = cluster.world.hosts
    cluster.plan("demo", Blueprint(tuple(Seed(name, hosts[name].address.host, PORT) for name in names)))
    for name in names[:3]:
        cluster.world.start(hosts[name])
    cluster.world.run(10 * SECOND)
    for name in names[3:]:
        hosts[name].disturbed_until_us = 10**15
        cluster.world.start(hosts[name])
    cluster.world.run(10 * SECOND)


def leaders_die_young(stage: Stage) -> None:
    """Followers take one entry at a time, and leaders lose their power as soon as they have begun."""
    names = tuple(f"node{number:03d}" for number in range(1, 6))
    cluster = stage.cluster = Cluster(stage.seed, Weather(least_us=5 * MILLISECOND))
    for number, name in enumerate(names, start=1):
        cluster.host(name, number)
    world = cluster.world
    seeds = tuple(Seed(name, world.hosts[name].address.host, PORT) for name in names)
    cluster.plan("demo", Blueprint(seeds, consensus=consensus.Params(append_entries_max=1)))
    for host in world.hosts.values():
        world.start(host)
    world.run_until(lambda: bool(cluster.leader()), 10 * SECOND)
    unblamed(cluster)
    for _ in range(30):
        for _ in range(2):
            leader = _elected(cluster)
            if leader is not None:
                world.run(int(world.rng.random() * 12 * MILLISECOND))
                world.kill(leader, power=True)
        world.run(100 * MILLISECOND)
        for host in world.hosts.values():
            if host.process is None:
                world.start(host)
        world.run_until(lambda: bool(cluster.leader()), 10 * SECOND)


def _elected(cluster: Cluster) -> Host | None:
    """Whoever says next that it leads, acting or not."""
    found: list[Host] = []

    def seen() -> bool:
        for host in cluster.world.hosts.values():
            if host.process is not None:
                view = host.process.leader(host.clock.local(cluster.world.now_us))
                if view.leader == host.name:
                    found.append(host)
        return bool(found)

    return found[0] if cluster.world.run_until(seen, 6 * SECOND, MILLISECOND) else None


class Forger(Checker):
    """Answers for one host: every call to it is refused, whatever it would have said."""

    def __init__(self, cluster: Cluster) -> None:
        self._world = cluster.world
        self.address: Address | None = None

    def handled(self, host: Host, event: events.Event, todo: list[effects.Effect], now_us: int) -> None:
        for effect in todo:
            if isinstance(effect, effects.Call) and effect.to == self.address:
                refused = events.CallFailed(effect.call, "refused")
                self._world.timeline.at(now_us + 100, self._world.deliver, host, host.life, refused)


def said_dead(cluster: Cluster, forger: Forger, leader: Host) -> None:
    """The followers' streams from a leader end, their dials are refused, and it hears of nothing for two seconds.

    So that nobody deposes it meanwhile.
    """
    world = cluster.world
    forger.address = leader.address
    others = [label for label in world.hosts if label != leader.label]
    number = world.network.cut(frozenset(pair for b in others for pair in ((leader.label, b), (b, leader.label))))
    for host in world.hosts.values():
        world.streams.idle.forge(host, leader)
    world.run(2 * SECOND)
    world.network.heal(number)
    world.streams.moved()
    forger.address = None


def refusals_forged(stage: Stage) -> None:
    """Somebody ends the followers' streams from the leader, and refuses their dials in its name; it acts on."""
    cluster = stage.formed(5)
    unblamed(cluster)
    world = cluster.world
    forger = Forger(cluster)
    world.watch(forger)
    for attempt in range(10):
        world.run(11 * attempt * MILLISECOND)
        said_dead(cluster, forger, world.hosts[cluster.leader()])
        world.run_until(lambda: bool(cluster.leader()), 10 * SECOND)


def streams_reset(stage: Stage) -> None:
    """Somebody ends the followers' streams from the leader, again and again: it leads on."""
    cluster = stage.formed(5)
    unblamed(cluster)
    world = cluster.world
    leader = world.hosts[cluster.leader()]
    term = cluster.acting.intervals["demo"][-1].term
    for _ in range(10):
        for host in world.hosts.values():
            world.streams.idle.forge(host, leader)
        world.run(2 * SECOND)
    later = cluster.acting.intervals["demo"][-1]
    if later.term != term:
        raise Violation("no disruption", f"forged ends of streams cost {leader.label} its leadership: {later}")


def a_bridge_that_breaks(stage: Stage) -> None:
    """Two pairs of five listed voters meet only through the fifth, and it is cut off as they want to found."""
    world = stage.listed(5).world
    names = tuple(world.hosts)
    low, bridge, high = names[:2], names[2], names[3:]
    world.network.cut(frozenset(pair for a in low for b in high for pair in ((a, b), (b, a))))
    for name in names:
        world.start(world.hosts[name])
    world.run(950 * MILLISECOND)
    world.network.cut(frozenset(pair for a in (*low, *high) for pair in ((a, bridge), (bridge, a))))
    world.run(10 * SECOND)
