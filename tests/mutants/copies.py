"""Plots about the replicated state: clients ask and watch while leaders change, voters return and disks are lost."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import msgspec

from pycluster import consensus, store
from pycluster.kernel.ids import Seed
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.node import StateParams, effects, events
from pycluster.simulator.callers import Callers
from pycluster.simulator.checkers import Violation, abreast, agree
from pycluster.simulator.cluster import PORT, Blueprint, Cluster
from pycluster.simulator.demands import KINDS, Habits
from pycluster.simulator.host import Host
from pycluster.simulator.network import FAIR, Weather
from pycluster.simulator.timeline import Clock
from tests.mutants.scenarios import Forger
from tests.mutants.stage import Stage, unblamed

_SMALL = Blueprint(
    (),
    consensus=consensus.Params(kept_max=4, hold_down_max_ms=20_000),
    state=StateParams(snapshot_min_bytes=6_000, snapshot_max_bytes=6_000, history_revisions=60),
    store=store.Params(chunk_bytes=1_024, slice_entries=8),
)
_HABITS = Habits(dict(KINDS), clients=4, watchers=3, keys=2, pause_us=80 * MILLISECOND)


class Asked:
    """Questions put to one node at a time, and their answers."""

    def __init__(self, cluster: Cluster) -> None:
        self._world = cluster.world
        self._world.callers = self
        self._token = 0
        self._results: dict[int, store.Result] = {}
        self.told_batches: dict[int, list[store.WatchBatch | store.Failure]] = {}

    def answered(self, host: Host, effect: effects.StateAnswered) -> None:
        """An answer."""
        assert effect.token not in self._results, "one answer to one question"
        self._results[effect.token] = effect.result

    def told(self, host: Host, effect: effects.WatchTold) -> None:
        """News for a watcher."""
        self.told_batches.setdefault(effect.token, []).append(effect.batch)

    def post(self, label: str, request: store.Request, *, request_id: bytes = b"", timeout_us: int = 5 * SECOND) -> int:
        """Ask and wait for nothing; gives the token."""
        self._token += 1
        known = request_id or b"%d" % self._token
        self._world.tell(self._world.hosts[label], events.StateAsked(self._token, request, known, timeout_us))
        return self._token

    def result(self, token: int) -> store.Result | None:
        """What was answered, if anything was."""
        return self._results.get(token)

    def ask(self, label: str, request: store.Request, *, request_id: bytes = b"") -> store.Result:
        """Ask and wait for the answer."""
        token = self.post(label, request, request_id=request_id)
        self._world.run_until(lambda: token in self._results, 6 * SECOND, MILLISECOND)
        if token not in self._results:
            raise Violation("clients are answered", f"{label} did not answer {request}")
        return self._results[token]

    def watch(self, label: str, watch: store.Watch) -> int:
        """Watch there; gives the token."""
        self._token += 1
        self._world.tell(self._world.hosts[label], events.WatchOpened(self._token, watch))
        return self._token

    def events(self, token: int) -> list[store.Event]:
        """Every event that a watcher was told."""
        batches = [batch for batch in self.told_batches.get(token, []) if isinstance(batch, store.WatchBatch)]
        return [event for batch in batches for event in batch.events]


def cut_off(cluster: Cluster, *one: str) -> int:
    """Cut these off from all others; gives the number to heal it by."""
    others = [label for label in cluster.world.hosts if label not in one]
    return cluster.world.network.cut(frozenset(pair for a in one for b in others for pair in ((a, b), (b, a))))


def heal(cluster: Cluster, cut: int) -> None:
    """Undo it."""
    cluster.world.network.heal(cut)
    cluster.world.streams.moved()


def fresh(who: str, found: store.Result | None, value: bytes) -> None:
    """Whoever answered a read at all has told the newest value."""
    values = [kv.value for kv in found.kvs] if isinstance(found, store.RangeResult) else [value]
    if values != [value]:
        raise Violation("linearizable", f"{who} answered {values} after {value!r} was written")


def settled(
    stage: Stage, voters: int = 3, others: int = 1, blueprint: Blueprint = _SMALL, weather: Weather = FAIR
) -> Cluster:
    """A cluster with a leader, whose logs are folded as soon as there is anything to fold."""
    cluster = stage.cluster = Cluster(stage.seed, weather)
    names = [f"node{number:03d}" for number in range(1, voters + others + 1)]
    hosts = [cluster.host(name, n, clock=Clock(offset_us=n * 1_000_003)) for n, name in enumerate(names, start=1)]
    seeds = tuple(Seed(host.name, host.address.host, PORT) for host in hosts[:voters])
    cluster.plan("demo", Blueprint(seeds, consensus=blueprint.consensus, state=blueprint.state, store=blueprint.store))
    for host in hosts:
        cluster.world.start(host)
    cluster.world.run_until(lambda: bool(cluster.leader()), 20 * SECOND)
    unblamed(cluster)
    return cluster


def judged(stage: Stage, cluster: Cluster, act: Callable[[int], None], times: int) -> None:
    """Clients and watchers from now on, ``act`` again and again, then a quiet time and the verdict."""
    world = cluster.world
    workload = Callers(world, list(world.hosts), _HABITS, Random(f"callers {stage.seed}")).workload
    workload.begin()
    for number in range(times):
        act(number)
        agree(world.hosts)
    world.run_until(lambda: bool(cluster.leader()), 10 * SECOND)
    workload.rest()
    if not world.run_until(lambda: not workload.busy, 20 * SECOND):
        raise Violation("clients are answered", "not within 20 s of a leader")
    world.run(15 * SECOND)
    workload.judge(caught_up=True)
    agree(world.hosts)
    abreast(world.hosts, cluster.logs.seats("demo"))


def clients_in_peace(stage: Stage) -> None:
    """Clients and watchers at every node, and nothing goes wrong; old revisions are forgotten meanwhile."""
    cluster = settled(stage)
    judged(stage, cluster, lambda number: cluster.world.run(8 * SECOND), 4)


def leaders_fail_under_clients(stage: Stage) -> None:
    """Leaders die, are cut off or freeze, with clients at every node."""
    cluster = settled(stage)
    world = cluster.world

    def act(number: int) -> None:
        leader = world.hosts.get(cluster.leader())
        if leader is not None and number % 3 == 0:
            world.kill(leader, power=number % 2 == 0)
            world.run(3 * SECOND)
            world.start(leader)
        elif leader is not None and number % 3 == 1:
            cut = cut_off(cluster, leader.label)
            world.run(4 * SECOND)
            heal(cluster, cut)
        elif leader is not None:
            world.freeze(leader)
            world.run(2 * SECOND)
            world.thaw(leader)
        world.run(3 * SECOND)

    judged(stage, cluster, act, 9)


def voters_return_under_clients(stage: Stage) -> None:
    """Voters are away until what they lack is folded, some without their disk, and others start from snapshots."""
    cluster = settled(stage)
    world = cluster.world

    def act(number: int) -> None:
        voter = world.hosts[f"node{1 + (number + stage.seed) % 3:03d}"]
        world.kill(voter, power=number % 2 == 0)
        world.run(5 * SECOND)
        if number == 3:
            voter.disk.wipe()
        world.start(voter)
        world.run(6 * SECOND)

    judged(stage, cluster, act, 6)


def all_power_is_lost(stage: Stage) -> None:
    """All nodes lose their power at once, again and again, while clients write."""
    cluster = settled(stage)
    world = cluster.world

    def act(number: int) -> None:
        world.run(4 * SECOND + number * 7 * MILLISECOND)
        for host in world.hosts.values():
            world.kill(host, power=True)
        world.run(SECOND)
        for host in world.hosts.values():
            world.start(host)
        world.run_until(lambda: bool(cluster.leader()), 10 * SECOND)

    judged(stage, cluster, act, 6)


def an_old_leader_cut_off_with_its_clients(stage: Stage) -> None:
    """Somebody says that a leader is dead while it is cut off: who asks it is not told what others have overwritten."""
    cluster = settled(stage, others=0)
    world, asked, forger = cluster.world, Asked(cluster), Forger(cluster)
    world.watch(forger)
    assert isinstance(asked.ask("node001", store.Put(b"k", b"old")), store.PutResult)
    old = world.hosts["node001"]
    for attempt in range(6):
        world.run_until(lambda: cluster.leader() == "node001", 30 * SECOND)
        world.run(5 * SECOND + attempt * 37 * MILLISECOND)
        forger.address = old.address
        cut = cut_off(cluster, "node001")
        for host in world.hosts.values():
            world.streams.idle.forge(host, old)
        value = b"new%d" % attempt
        write, reads = asked.post("node002", store.Put(b"k", value), request_id=value), []
        for _ in range(150):
            world.run(10 * MILLISECOND)
            if isinstance(asked.result(write), store.PutResult):
                reads.append(asked.post("node001", store.Range(b"k"), timeout_us=SECOND))
        forger.address = None
        heal(cluster, cut)
        world.run(2 * SECOND)
        for read in reads:
            fresh("the old leader", asked.result(read), value)


def leases_after_a_change(stage: Stage) -> None:
    """A lease has almost run out when its leader dies: it has its whole time again, and ends once, everywhere."""
    cluster = settled(stage)
    world, asked = cluster.world, Asked(cluster)
    assert isinstance(asked.ask("node002", store.LeaseGrant(8, 7)), store.LeaseGrantResult)
    assert isinstance(asked.ask("node002", store.Put(b"k", b"lent", 7)), store.PutResult)
    world.run(6 * SECOND)
    world.kill(world.hosts["node001"])
    world.run_until(lambda: cluster.leader() == "node002", 10 * SECOND)
    world.run(3 * SECOND)
    found = asked.ask("node003", store.Range(b"k"))
    if not (isinstance(found, store.RangeResult) and found.kvs):
        raise Violation("leases last", "a new leader did not give a lease its whole time")
    world.run(10 * SECOND)
    found = asked.ask("node003", store.Range(b"k"))
    if not (isinstance(found, store.RangeResult) and not found.kvs):
        raise Violation("leases end", "a lease did not end")
    world.start(world.hosts["node001"])
    world.run(10 * SECOND)
    agree(world.hosts)


def a_leader_that_knows_of_no_commit(stage: Stage) -> None:
    """A leader dies between a write's answer and its next heartbeat: whoever comes next has it, and must know so."""
    cluster = settled(stage, others=0)
    world = cluster.world
    asked = Asked(cluster)
    for attempt in range(3):
        world.run_until(lambda: cluster.leader() == "node001", 30 * SECOND)
        world.run(3 * SECOND)
        value = b"%d" % attempt
        token = asked.post("node001", store.Put(b"k", value))
        world.run_until(lambda token=token: asked.result(token) is not None, 5 * SECOND, 100)  # type: ignore[misc]
        world.kill(world.hosts["node001"])
        reads = []
        for _ in range(150):
            reads += [asked.post(label, store.Range(b"k"), timeout_us=SECOND) for label in ("node002", "node003")]
            world.run(5 * MILLISECOND)
        for read in reads:
            fresh("the new leader", asked.result(read), value)
        world.start(world.hosts["node001"])


def a_retry_after_a_restart(stage: Stage) -> None:
    """A write is folded into a snapshot, all nodes start anew, and its client tries again: it is not applied again."""
    cluster = settled(stage, others=0)
    world, asked = cluster.world, Asked(cluster)
    first = asked.ask("node002", store.Put(b"k", b"once"), request_id=b"the same")
    for number in range(60):
        asked.ask("node002", store.Put(b"%d" % number, b"x" * 200))
    for host in world.hosts.values():
        world.kill(host)
    for host in world.hosts.values():
        world.start(host)
    world.run_until(lambda: bool(cluster.leader()), 10 * SECOND)
    again = asked.ask("node003", store.Put(b"k", b"once"), request_id=b"the same")
    if again != first:
        raise Violation("one answer to one request", f"{first}, and after a restart {again}")


def a_watch_across_an_installation(stage: Stage) -> None:
    """Somebody watches at a voter that is cut off until what it lacks is folded: what it is given hides nothing."""
    cluster = settled(stage, others=0)
    world, asked = cluster.world, Asked(cluster)
    asked.ask("node001", store.Put(b"k"))
    world.run(SECOND)
    watch = asked.watch("node003", store.Watch(b"k", b"l"))
    world.run(SECOND)
    cut = cut_off(cluster, "node003")
    for number in range(50):
        asked.ask("node001", store.Put(b"k%d" % number, b"x" * 900))
    heal(cluster, cut)
    world.run(5 * SECOND)
    asked.ask("node002", store.Put(b"k"))
    world.run(SECOND)
    told = [event.kv.mod_revision for event in asked.events(watch)]
    if told != list(range(3, 54)):
        raise Violation("nothing is missed", f"a watcher at node003 was told {told}")


def a_voter_returns_in_peace(stage: Stage) -> None:
    """A voter was away until what it lacks was folded; when it is back nothing is written any more."""
    for_ever = msgspec.structs.replace(_SMALL.state, history_revisions=0, history_age_s=0)
    cluster = settled(stage, others=0, blueprint=msgspec.structs.replace(_SMALL, state=for_ever))
    world, asked = cluster.world, Asked(cluster)
    world.kill(world.hosts["node003"])
    for number in range(100):
        asked.ask("node001", store.Put(b"%d" % number, b"x" * 200))
    # Until the snapshot that is under way is whole, the log still has what the voter lacks.
    world.run(2 * SECOND)
    world.start(world.hosts["node003"])
    world.run(10 * SECOND)
    agree(world.hosts)
    abreast(world.hosts, cluster.logs.seats("demo"))


def a_voter_returns_under_load(stage: Stage) -> None:
    """A voter was away until what it lacks was folded, and the way is long: it is up to date all the same."""
    larger = msgspec.structs.replace(_SMALL, store=store.Params(chunk_bytes=4_096, slice_entries=100))
    cluster = settled(stage, others=0, blueprint=larger, weather=Weather(least_us=8 * MILLISECOND))
    world, asked = cluster.world, Asked(cluster)
    voter = world.hosts["node003"]
    world.kill(voter)

    def write(times: int) -> None:
        for number in range(times):
            asked.post("node001", store.Put(b"k%d" % (number % 40), b"x" * 300))
            world.run(5 * MILLISECOND)

    write(200)
    world.start(voter)
    write(400)
    near = 0
    for _ in range(20):
        write(20)
        near = near + 1 if _behind(cluster, "node003", "node001") < 20 else 0
        if near == 5:
            return
    raise Violation("followers catch up", "node003 is sent one snapshot after another")


def _behind(cluster: Cluster, voter: str, leader: str) -> int:
    """By how many entries one copy is behind another."""
    indexes = []
    for label in (voter, leader):
        process = cluster.world.hosts[label].process
        copy = process.copy() if process is not None else None
        indexes.append(0 if copy is None else copy[0])
    return indexes[1] - indexes[0]
