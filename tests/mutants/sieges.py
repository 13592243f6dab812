"""Plots about evidence that somebody forges, and clocks that run apart or leap: what a lease has to survive."""

from __future__ import annotations

from random import Random

from pycluster.kernel.ids import Seed
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.node import events
from pycluster.simulator.checkers import Violation
from pycluster.simulator.cluster import PORT, Blueprint, Cluster
from pycluster.simulator.network import Weather
from pycluster.simulator.timeline import Clock
from pycluster.wire import Codec, Greeting
from tests.mutants.scenarios import Forger, said_dead
from tests.mutants.stage import Stage, unblamed

#: Clocks within four and a half per cent of the truth, both ways: what a lease allows for.
_DRIFT_PPM = 45_000


def acted_us(cluster: Cluster, since_us: int) -> int:
    """For how long somebody acted since then."""
    now_us = cluster.world.now_us
    known = cluster.acting.intervals["demo"]
    return sum(max(min(one.end_us, now_us) - max(one.start_us, since_us), 0) for one in known)


def refusals_under_clocks_apart(stage: Stage) -> None:
    """Forged evidence deposes a leader whose clock is slow, and those who elect the next one have fast clocks."""
    cluster = stage.cluster = Cluster(stage.seed)
    names = tuple(f"node{number:03d}" for number in range(1, 6))
    for number, name in enumerate(names, start=1):
        ppm = -_DRIFT_PPM if number == 1 else _DRIFT_PPM
        cluster.host(name, number, clock=Clock(number * 1_000_003, ppm))
    world = cluster.world
    cluster.plan("demo", Blueprint(tuple(Seed(name, world.hosts[name].address.host, PORT) for name in names)))
    for host in world.hosts.values():
        world.start(host)
    unblamed(cluster)
    forger = Forger(cluster)
    world.watch(forger)
    for attempt in range(4):
        world.run_until(lambda: cluster.leader() == "node001", 100 * SECOND)
        world.run(SECOND + 37 * attempt * MILLISECOND)
        said_dead(cluster, forger, world.hosts["node001"])


def votes_that_owe_more(stage: Stage) -> None:
    """A voter that has not heard the leader for long, and owes it little, is elected by those who just have."""
    cluster = stage.formed(5)
    unblamed(cluster)
    world = cluster.world
    forger = Forger(cluster)
    world.watch(forger)
    for attempt in range(10):
        world.run_until(lambda: bool(cluster.leader()), 10 * SECOND)
        world.run(11 * attempt * MILLISECOND)
        leader = world.hosts[cluster.leader()]
        first = min(label for label in world.hosts if label != leader.label)
        number = world.network.cut(frozenset({(leader.label, first), (first, leader.label)}))
        world.run(700 * MILLISECOND)
        said_dead(cluster, forger, leader)
        world.network.heal(number)
        world.streams.moved()
        world.run(SECOND)


def refusals_without_end(stage: Stage) -> None:
    """Streams from whoever leads are ended, and dials refused in its name, for as long as it likes; somebody acts."""
    cluster = stage.formed(3)
    unblamed(cluster)
    world = cluster.world
    forger = Forger(cluster)
    world.watch(forger)
    since_us = world.now_us
    while world.now_us < since_us + 30 * SECOND:
        acting = cluster.acting.current("demo", world.now_us)
        if acting is not None:
            leader = world.hosts[acting.label]
            forger.address = leader.address
            for host in world.hosts.values():
                world.streams.idle.forge(host, leader)
        world.run(20 * MILLISECOND)
    _share(cluster, since_us, "evidence forged without end")


def streams_end_at_the_leader(stage: Stage) -> None:
    """Somebody beside a leader greets it as each of its followers and hangs up, forty times a second; it acts."""
    cluster = stage.formed(5, weather=Weather(least_us=15 * MILLISECOND))
    unblamed(cluster)
    world = cluster.world
    leader = world.hosts[cluster.leader()]
    followers = [host for host in world.hosts.values() if host is not leader]
    codec = Codec("demo")
    for host in followers:
        world.streams.idle.forge(leader, host)
    since_us, stream = world.now_us, 10**9
    while world.now_us < since_us + 10 * SECOND:
        for host in followers:
            stream += 1
            greeting = codec.encode(Greeting(host.name, host.disk.uuid))
            world.deliver(leader, leader.life, events.StreamOpened(stream, greeting, host.address))
            world.deliver(leader, leader.life, events.StreamEnded(stream))
        world.run(25 * MILLISECOND)
    _share(cluster, since_us, "streams that end at the leader")


def _share(cluster: Cluster, since_us: int, what: str) -> None:
    """Half of the time at least, somebody acts."""
    whole_us = cluster.world.now_us - since_us
    acted = acted_us(cluster, since_us)
    if 2 * acted < whole_us:
        raise Violation("time to act", f"{what}: somebody acted for {acted // 1000} of {whole_us // 1000} ms")


def clock_leaps_past_a_promise(stage: Stage) -> None:
    """Of two followers one is cut off, the other's clock leaps past its promise, and its leader does not hear of it."""
    cluster = stage.formed(3)
    unblamed(cluster)
    world, rng = cluster.world, Random(stage.seed)
    third = world.hosts["node003"]
    world.network.cut(frozenset({("node001", "node002"), ("node002", "node001")}))
    world.run(2 * SECOND)
    for _ in range(30):
        world.run(SECOND + rng.randrange(300 * MILLISECOND))
        number = world.network.cut(frozenset({("node001", "node003"), ("node003", "node001")}))
        world.jump(third, rng.choice((1_000, 5_000, 60_000)) * MILLISECOND)
        world.run(450 * MILLISECOND)
        world.network.heal(number)
        world.streams.moved()
    moved = {interval.label for interval in cluster.acting.intervals["demo"]} - {"node001"}
    if moved:
        raise Violation("no disruption", f"node001 was back in time each time, and {' and '.join(sorted(moved))} acted")
