"""The checkers catch what they are there for: worlds with one thing wrong in them do not pass."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from pycluster import consensus
from pycluster.consensus.log import Entry, NoOp, Vote
from pycluster.kernel.ids import Seed
from pycluster.kernel.units import SECOND
from pycluster.node import effects
from pycluster.node.view import ClusterEvent
from pycluster.simulator.checkers import ActingIntervals, Convictions, Interval, Logs, Sanity, Violation, settled
from pycluster.simulator.cluster import PORT, Blueprint, Cluster
from pycluster.simulator.disk import Disk
from pycluster.simulator.timeline import Clock
from tests.simulation.fakes import FakeProcess, do, fake_world

NAMES = ("node001", "node002", "node003")


class ForgetfulDisk(Disk):
    """Acknowledged transactions are gone after a crash: no fsync behind the word."""

    def crash(self, *, power: bool = False) -> None:
        super().crash(power=power)
        self.vote = Vote()
        self.entries = self.entries[:1]


class EagerDisk(Disk):
    """Says yes while the bytes are still in a cache."""

    def commit(self) -> effects.Persist | effects.KeepPiece:
        request = self.pending.popleft()
        assert isinstance(request, effects.Persist)
        self._apply(effects.Persist(request.token, incarnation=request.incarnation))
        return request


class BelievingDisk(Disk):
    """What an earlier process left unsynced is taken for durable."""

    def open(self) -> None:
        pass


def built(disk: Callable[[Random], Disk] = Disk, params: consensus.Params | None = None) -> Cluster:
    cluster = Cluster(1)
    for number, name in enumerate(NAMES, start=1):
        cluster.host(name, number, clock=Clock(number * 7_777), disk=disk(Random(number)))
    hosts = cluster.world.hosts
    seeds = tuple(Seed(name, hosts[name].address.host, PORT) for name in NAMES)
    cluster.plan("demo", Blueprint(seeds, consensus=params or consensus.Params()))
    for host in hosts.values():
        cluster.world.start(host)
    return cluster


def test_a_clock_slower_than_the_lease_allows_for_is_caught() -> None:
    cluster = built()
    world = cluster.world
    world.run(5 * SECOND)
    leader = world.hosts[cluster.leader()]
    leader.clock = Clock(leader.clock.local(world.now_us) - world.now_us // 4, drift_ppm=-750_000)
    world.run(5 * SECOND)
    assert cluster.leader() == leader.label
    world.network.cut(
        frozenset(pair for other in world.hosts for pair in ((leader.label, other), (other, leader.label)))
    )
    with pytest.raises(Violation, match="acting intervals overlap"):
        world.run(10 * SECOND)


def test_a_disk_that_forgets_what_it_acknowledged_is_caught() -> None:
    cluster = built(ForgetfulDisk)
    world = cluster.world

    def unlucky() -> None:
        for _ in range(10):
            world.run(5 * SECOND)
            for host in world.hosts.values():
                world.kill(host, power=True)
            for host in world.hosts.values():
                world.start(host)

    with pytest.raises(Violation, match=r"terms grow|one leader a term|committed entries stay|leader completeness"):
        unlucky()


def test_a_disk_that_answers_before_the_bytes_are_safe_is_caught() -> None:
    cluster = built(EagerDisk)
    with pytest.raises(Violation, match="durable before said"):
        cluster.world.run(10 * SECOND)


def test_a_start_that_believes_what_nobody_synced_is_caught() -> None:
    cluster = built(BelievingDisk)
    world = cluster.world

    def unlucky() -> None:
        for _ in range(20):
            world.run_until(lambda: any(host.disk.pending for host in world.hosts.values()), 5 * SECOND, step_us=100)
            for power in (False, True):
                for host in world.hosts.values():
                    world.kill(host, power=power)
                for host in world.hosts.values():
                    world.start(host)
                world.run(3 * SECOND)

    with pytest.raises(Violation, match=r"terms grow|one leader a term|committed entries stay|leader completeness"):
        unlucky()


def test_a_process_that_always_wants_to_be_woken_is_caught() -> None:
    world, (one,), _ = fake_world("one")
    world.watch(Sanity(world.hosts))

    class Restless(FakeProcess):
        def next_deadline(self) -> int:
            return 0

    one.process = Restless()
    world.freeze(one)
    world.thaw(one)
    with pytest.raises(Violation, match="busy loop"):
        world.run(SECOND)


def test_a_datagram_over_the_bound_is_caught() -> None:
    world, (one, two), fakes = fake_world("one", "two")
    world.watch(Sanity(world.hosts))
    with pytest.raises(Violation, match="datagram size"):
        do(world, one, fakes["one"], effects.SendDatagram(two.address, bytes(1_401)))


def acts(term: int, since_us: int, until_us: int, ended: bool = False) -> effects.RecordActing:
    return effects.RecordActing(term, since_us, until_us, ended)


def test_acting_is_compared_in_true_time_whatever_the_clocks_show() -> None:
    world, (one, two), fakes = fake_world("one", "two")
    world.watch(ActingIntervals())
    two.clock = Clock(offset_us=5 * SECOND)
    do(world, one, fakes["one"], acts(1, 0, 900_000))
    world.run(900_000)
    do(world, two, fakes["two"], acts(2, 5_900_000, 6_500_000))
    with pytest.raises(Violation, match="acting"):
        do(world, one, fakes["one"], acts(1, 0, 1_800_000))


def test_a_lease_is_not_shortened_after_the_fact() -> None:
    world, (one,), fakes = fake_world("one")
    world.watch(ActingIntervals())
    do(world, one, fakes["one"], acts(1, 0, 900_000))
    world.run(500_000)
    with pytest.raises(Violation, match="ceased to act"):
        do(world, one, fakes["one"], acts(1, 0, 400_000, ended=True))


def test_two_leaders_of_one_term_are_caught() -> None:
    world, (one, two), fakes = fake_world("one", "two")
    world.watch(ActingIntervals())
    do(world, one, fakes["one"], acts(3, 0, 100))
    world.run(SECOND)
    with pytest.raises(Violation, match="one leader a term"):
        do(world, two, fakes["two"], acts(3, SECOND, SECOND + 100))


def test_entries_that_differ_at_one_index_and_term_are_caught() -> None:
    world, (one, two), fakes = fake_world("one", "two")
    world.watch(Logs(world.hosts))
    do(world, one, fakes["one"], effects.Persist(1, entries=(Entry(1, 1, NoOp()),)))
    other = Entry(1, 1, consensus.Command(b"x"))
    with pytest.raises(Violation, match="log matching"):
        do(world, two, fakes["two"], effects.Persist(1, entries=(other,)))


def test_a_second_vote_in_one_term_is_caught() -> None:
    world, (one,), fakes = fake_world("one")
    world.watch(Logs(world.hosts))
    do(world, one, fakes["one"], effects.Persist(1, vote=Vote(2, "a")))
    with pytest.raises(Violation, match="one vote a term"):
        do(world, one, fakes["one"], effects.Persist(2, vote=Vote(2, "b")))


def test_a_conviction_of_a_healthy_node_is_caught_and_that_of_a_dead_or_disturbed_one_is_not() -> None:
    world, (one, two), fakes = fake_world("one", "two")
    world.watch(Convictions(world.hosts, world.network))
    event = ClusterEvent(1, "member-down", "Node timeout: two", 0, "two", fields={"uuid": two.disk.uuid})
    two.disturbed_until_us = SECOND
    do(world, one, fakes["one"], effects.Publish(event))
    world.run(2 * SECOND)
    with pytest.raises(Violation, match="healthy node convicted"):
        do(world, one, fakes["one"], effects.Publish(event))
    world.kill(two)
    do(world, one, fakes["one"], effects.Publish(event))


def test_leadership_that_moves_back_and_forth_in_the_quiet_is_caught() -> None:
    def interval(label: str, start_us: int, term: int = 0) -> Interval:
        return Interval(label, label, term or start_us, start_us, start_us + 5, 0)

    names = {name: name for name in NAMES}

    def judge(*intervals: Interval, without: str = "") -> None:
        settled(list(intervals), names, [name for name in NAMES if name != without], healed_us=5)

    judge(interval("node003", 10), interval("node002", 20), interval("node001", 30))
    with pytest.raises(Violation, match="no flapping"):
        judge(interval("node002", 10), interval("node003", 20))
    with pytest.raises(Violation, match="no flapping"):
        judge(interval("node002", 10), interval("node003", 20), without="node003")
    judge(interval("node002", 10), interval("node003", 20), without="node002")
    with pytest.raises(Violation, match="no flapping"):
        judge(interval("node002", 10), interval("node002", 20))
    judge(interval("node002", 10, 7), interval("node002", 20, 7))
