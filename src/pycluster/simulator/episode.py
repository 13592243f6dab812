"""One seed: a cluster of some shape, a time in which things go wrong, a quiet time, and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import pairwise
from random import Random

import msgspec

from pycluster import consensus, store
from pycluster.kernel.ids import Seed
from pycluster.kernel.units import SECOND
from pycluster.node import StateParams
from pycluster.simulator.callers import Callers
from pycluster.simulator.chaos import GRACE_US, Chaos
from pycluster.simulator.checkers import (
    Detection,
    Failover,
    Violation,
    abreast,
    agree,
    disagreements,
    opinions,
    settled,
)
from pycluster.simulator.checkers.liveness import ALONE_KNOWN_US, KILLED_KNOWN_US, SILENT_KNOWN_US
from pycluster.simulator.cluster import PORT, Blueprint, Cluster
from pycluster.simulator.demands import Habits, habits
from pycluster.simulator.faults import Attack, Fault
from pycluster.simulator.network import Weather
from pycluster.simulator.swarm import Cast, Mix, draw, mix, reseatings
from pycluster.simulator.timeline import Clock

#: A leader that all voters follow exists this long after the last fault, at the latest; and after so much more all
#: others follow it, too.
LEADER_BOUND_US, WATCHERS_BOUND_US = 6 * SECOND, 15 * SECOND
#: Everyone knows the truth about everyone, and the lowest voter leads, this long after the last fault, at the latest.
TRUTH_BOUND_US = 60 * SECOND
#: ... but for a ghost that one node accuses alone: three times the longest suspicion where it doubts itself.
GHOST_BOUND_US = 150 * SECOND
#: A client that is patient for ten seconds is answered by then; or has given up, after its last try of three, where a
#: leader of an older version answers nobody.
ANSWER_BOUND_US, GIVE_UP_BOUND_US = 12 * SECOND, 15 * SECOND
#: How long the quiet lasts.
QUIET_US = 75 * SECOND
#: In the last part of it nothing changes at all.
STILL_US = 10 * SECOND
#: Events that a node handles then, in a second, at most; and for each member more (a leader's voters, gossip).
IDLE_A_SECOND = 40
IDLE_A_SECOND_A_MEMBER = 5

Trace = Callable[[int, str, str], None]


class Shape(msgspec.Struct, frozen=True):
    """What a seed draws before anything runs."""

    voters: tuple[str, ...]
    others: tuple[str, ...]
    starts_us: dict[str, int]
    clocks: dict[str, tuple[int, int]]
    weather: Weather
    by_name: bool
    neighbours: int
    intruder: str
    intruder_us: int
    #: These start as processes of the previous version.
    older: tuple[str, ...]
    #: So many entries are kept behind a snapshot, which is taken as often.
    small: int
    habits: Habits
    mix: Mix
    faults: tuple[Fault, ...]
    chaos_end_us: int


class Verdict(msgspec.Struct, frozen=True):
    """How a seed ended. ``rule`` is empty where nothing was violated."""

    seed: int
    rule: str
    text: str
    at_us: int
    digest: int
    faults: int
    handled: int
    convictions: int
    leaders: int


def shape(seed: int, nodes: int = 0) -> Shape:
    """Draw everything that is decided before the start; ``nodes`` (0: drawn) fixes how many there are."""
    rng, state = Random(f"shape {seed}"), Random(f"state {seed}")
    voters = rng.choice((1, 2, 3, 3, 3, 4, 5, 5, 5, 6, 7))
    total = nodes or voters + rng.choices((0, 1, 2, 3, 8, 30), (4, 3, 3, 3, 2, 1))[0]
    voters = min(voters, total)
    names = [f"node{number:03d}" for number in range(1, total + 1)]
    listed = sorted(rng.sample(names, voters))
    late = rng.choice(names) if total > 2 and rng.random() < 0.3 else ""
    spread_us = rng.choice((0, SECOND, 5 * SECOND))
    starts_us = {name: int(rng.random() * spread_us) for name in names}
    if late:
        starts_us[late] = rng.randrange(5 * SECOND, 40 * SECOND)
    drift = rng.choice((0, 100, 500, 500, 10_000, 20_000))
    clocks = {name: (rng.randrange(10**12), rng.randint(-drift, drift)) for name in names}
    weather = Weather(
        least_us=rng.choice((100, 200, 1_000, 10_000)),
        jitter_us=rng.choice((200, 1_000, 5_000)),
        loss=rng.choice((0.0, 0.0, 0.01, 0.03)),
        duplicate=rng.choice((0.0, 0.01)),
    )
    from_us = rng.choice((0, 5, 15)) * SECOND
    for_us = rng.choice((20, 40, 60)) * SECOND
    if late:
        starts_us[late] = min(starts_us[late], from_us + for_us)
    others = tuple(name for name in names if name not in listed)
    kinds = mix(rng)
    old = "upgrade" in kinds.weights or rng.random() < 0.1
    return Shape(
        voters=tuple(listed),
        others=others,
        starts_us=starts_us,
        clocks=clocks,
        weather=weather,
        by_name=rng.random() < 0.3,
        neighbours=rng.choice((0, 0, 0, 2)),
        # Alone in its list, a node founds a cluster of its own: two such nodes of one name are two clusters.
        intruder=rng.choice(names) if rng.random() < 0.15 and voters > 1 else "",
        intruder_us=from_us + rng.randrange(for_us) + 20 * SECOND,
        older=tuple(name for name in names if rng.random() < 0.5) if old else (),
        small=state.choice((2, 10, 100)),
        habits=habits(state),
        mix=kinds,
        # The previous version knows nothing of seats that move.
        faults=draw(rng, kinds, Cast(names, others), from_us, for_us)
        + (() if old else reseatings(Random(f"seats {seed}"), names, from_us, for_us)),
        chaos_end_us=from_us + for_us,
    )


def play(seed: int, *, nodes: int = 0, without: Collection[int] = (), trace: Trace | None = None) -> Verdict:
    """Run one seed; the faults numbered in ``without`` (from 0) are left out."""
    plan = shape(seed, nodes)
    cluster = _build(seed, plan)
    world = cluster.world
    world.trace = trace
    faults = [fault for number, fault in enumerate(plan.faults) if number not in without]
    rule = text = ""
    try:
        _unfold(cluster, plan, faults)
    except Violation as violation:
        rule, text = violation.rule, violation.text
    except Exception as error:  # whatever the production code raises is a finding with a seed to it
        if trace is not None:
            raise
        rule, text = "no exception", f"{type(error).__name__}: {error}"
    return Verdict(
        seed,
        rule,
        text,
        world.now_us,
        world.digest,
        len(faults),
        world.handled,
        cluster.convictions.count,
        len(cluster.acting.intervals.get("demo", ())),
    )


def _build(seed: int, plan: Shape) -> Cluster:
    hostile = any(isinstance(fault, Attack) for fault in plan.faults)
    cluster = Cluster(seed, plan.weather, hostile=hostile)
    world = cluster.world
    world.watch(
        Detection(world.hosts, world.network), Failover(world.hosts, world.network, cluster.logs, cluster.acting)
    )
    names = sorted((*plan.voters, *plan.others))
    for number, name in enumerate(names, start=1):
        cluster.host(name, number, clock=Clock(*plan.clocks[name]))
        world.network.names[f"{name}.sim"] = (world.hosts[name].address.host,)
    seeds = tuple(
        Seed(name, f"{name}.sim" if plan.by_name else world.hosts[name].address.host, PORT) for name in plan.voters
    )
    # A hold-down that doubles up to five minutes would make every quiet time longer than that.
    params = consensus.Params(hold_down_max_ms=20_000)
    state, bounds = StateParams(), store.Params()
    if not plan.older:  # the previous version neither sends the state nor takes it
        params = msgspec.structs.replace(params, kept_max=plan.small)
        size = 1_024 * plan.small
        state = StateParams(snapshot_min_bytes=size, snapshot_max_bytes=size, history_revisions=10 * plan.small)
        bounds = store.Params(chunk_bytes=1_024, slice_entries=8)
    cluster.plan("demo", Blueprint(seeds, consensus=params, state=state, store=bounds))
    for name in names:
        world.hosts[name].older = name in plan.older
        world.timeline.at(plan.starts_us[name], _start, cluster, name)
    _neighbours(cluster, plan, seeds)
    if plan.intruder:
        intruder = cluster.host(f"{plan.intruder}*", 99, name=plan.intruder, clock=Clock(7))
        intruder.stranger = True
        world.timeline.at(plan.intruder_us, _intrude, cluster, plan.intruder)
    return cluster


def _neighbours(cluster: Cluster, plan: Shape, seeds: tuple[Seed, ...]) -> None:
    """Another cluster on the same wire, one of whose seeds is ours by mistake, and whose names are ours, too."""
    names = [f"node{number:03d}" for number in range(1, plan.neighbours + 1)]
    for number, name in enumerate(names, start=201):
        cluster.host(f"other-{name}", number, name=name, cluster="other")
    if names:
        theirs = tuple(Seed(name, cluster.world.hosts[f"other-{name}"].address.host, PORT) for name in names)
        mistaken = Seed("node999", seeds[0].host, PORT)
        cluster.plan("other", Blueprint((*theirs, mistaken)))
    for name in names:
        cluster.world.timeline.at(SECOND, _start, cluster, f"other-{name}")


def _start(cluster: Cluster, label: str) -> None:
    host = cluster.world.hosts[label]
    if host.process is None and host.life == 0:
        host.disturbed_until_us = cluster.world.now_us + 10 * SECOND
        cluster.world.start(host)


def _intrude(cluster: Cluster, name: str) -> None:
    """A second node of that name comes up while the first one runs."""
    first, second = cluster.world.hosts[name], cluster.world.hosts[f"{name}*"]
    in_sight = first.process is not None and first.disturbed_until_us - GRACE_US <= cluster.world.now_us
    if in_sight and second.process is None and not second.gone and cluster.leader():
        cluster.world.start(second)


def _unfold(cluster: Cluster, plan: Shape, faults: list[Fault]) -> None:
    world = cluster.world
    chaos = Chaos(world, plan.voters, Random(f"chaos {world.seed}"), by_name=plan.by_name)
    chaos.schedule(faults)
    names = sorted((*plan.voters, *plan.others))
    workload = Callers(world, names, plan.habits, Random(f"callers {world.seed}")).workload
    world.timeline.at(SECOND, workload.begin)
    world.timeline.run_until(plan.chaos_end_us)
    chaos.heal()
    healed_us = world.now_us
    # Whoever led while its disk was behind may still find it too slow to lead.
    written_us = max(healed_us, *(host.disk.free_us for host in world.hosts.values()))
    if written_us - healed_us > SECOND:
        # Whoever waits for its disk can neither vote nor lead: only now nothing is wrong any more.
        world.timeline.run_until(written_us)
        healed_us = world.now_us
    seated = world.run_until(lambda: bool(cluster.leader(among=cluster.logs.seats("demo"))), LEADER_BOUND_US, 100_000)
    # A watcher whose name an earlier life of its own still holds hears of the leader when that one is given up.
    if not seated or not world.run_until(lambda: bool(cluster.leader()), WATCHERS_BOUND_US, 100_000):
        bound_us = WATCHERS_BOUND_US if seated else LEADER_BOUND_US
        raise Violation(
            "a leader after healing",
            f"none that all follow after {bound_us // SECOND} s: {opinions(world.hosts, 'demo', world.now_us)}",
        )
    workload.rest()
    deaf = any(host.older and host.name == cluster.leader() for host in world.hosts.values())
    bound_us = GIVE_UP_BOUND_US if deaf else ANSWER_BOUND_US
    if not world.run_until(lambda: not workload.busy, bound_us, 100_000):
        raise Violation("clients are answered", f"not within {bound_us // SECOND} s of a leader")
    lowest = _lowest(cluster, plan)
    _converges(cluster, lowest)
    quiet_us = max(healed_us + QUIET_US, world.now_us + STILL_US)
    world.timeline.run_until(quiet_us - STILL_US)
    before = {host.label: host.handled for host in world.hosts.values()}
    world.timeline.run_until(quiet_us)
    _idle(cluster, before)
    _quiet(cluster, written_us, lowest())
    workload.judge(caught_up=True)
    agree(world.hosts)
    abreast(world.hosts, cluster.logs.seats("demo"))
    _last_death(cluster)
    for checker in world.checkers:
        checker.finished(world.now_us)


def _converges(cluster: Cluster, lowest: Callable[[], str]) -> None:
    """Everyone comes to know the truth, and the lowest leads, in time."""
    world = cluster.world

    def wrong(*, ghosts: bool = True) -> list[str]:
        return disagreements(world.hosts, world.now_us, ghosts=ghosts)

    in_time = world.run_until(
        lambda: cluster.leader() == lowest() and not wrong(ghosts=False), TRUTH_BOUND_US - LEADER_BOUND_US, SECOND
    )
    bound_us = GHOST_BOUND_US if in_time else TRUTH_BOUND_US
    if in_time and world.run_until(lambda: not wrong(), bound_us - TRUTH_BOUND_US, SECOND):
        return
    raise Violation(
        "membership converges" if wrong() else "the lowest ID leads",
        f"not after {bound_us // SECOND} s: "
        + ("; ".join(wrong()[:6]) or f"{lowest()} should lead: {opinions(world.hosts, 'demo', world.now_us)}"),
    )


def _idle(cluster: Cluster, before: dict[str, int]) -> None:
    """Where nothing happens, little is done."""
    hosts = cluster.world.hosts
    most = (IDLE_A_SECOND + IDLE_A_SECOND_A_MEMBER * len(hosts)) * STILL_US // SECOND
    for host in hosts.values():
        done = host.handled - before[host.label]
        if done > most:
            raise Violation("idle", f"{host.label} handled {done} events in {STILL_US // SECOND} s of peace")


def _last_death(cluster: Cluster) -> None:
    """One dies where nothing else goes wrong: the leader as often as not, by a kill more often than by a power cut."""
    world = cluster.world
    rng = Random(f"last {world.seed}")
    running = [host for host in world.hosts.values() if host.running and host.cluster == "demo" and not host.stranger]
    leaders = [host for host in running if host.name == cluster.leader()]
    victim = rng.choice(leaders if rng.random() < 0.5 else running)
    power = rng.random() < 0.3
    world.kill(victim, power=power)
    few = len(running) < 4 or any(host.older for host in running)
    world.run((ALONE_KNOWN_US if few else SILENT_KNOWN_US if power else KILLED_KNOWN_US) + SECOND)


def _lowest(cluster: Cluster, plan: Shape) -> Callable[[], str]:
    def lowest() -> str:
        seats = cluster.logs.seats("demo")
        hosts = cluster.world.hosts.values()
        return min((host.name for host in hosts if host.running and host.disk.uuid in seats), default="")

    return lowest


def _quiet(cluster: Cluster, written_us: int, lowest: str) -> None:
    world = cluster.world
    intervals = cluster.acting.intervals.get("demo", [])
    names = {label: host.name for label, host in world.hosts.items()}
    settled(intervals, names, cluster.logs.seats("demo"), written_us)
    wrong = disagreements(world.hosts, world.now_us)
    if wrong:
        raise Violation("membership converges", f"it had, and does not last: {'; '.join(wrong[:6])}")
    if cluster.leader() != lowest:
        raise Violation("the lowest ID leads", f"{lowest} did: {opinions(world.hosts, 'demo', world.now_us)}")
    for before, later in pairwise(intervals):
        moved = (before.label, before.term) != (later.label, later.term)
        if moved and later.start_us > world.now_us - STILL_US:
            raise Violation("no flapping", f"{later} began in a time in which nothing changes")
