"""The pretended machine itself: clocks, network, TCP and disk keep the promises that real ones make, and no more."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycluster.consensus.log import Entry, NoOp, Vote
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.node import effects, events
from pycluster.simulator.disk import Disk
from pycluster.simulator.network import Weather
from pycluster.simulator.timeline import Clock
from tests.simulation.fakes import do, fake_world


@given(st.integers(-(10**12), 10**13), st.integers(-10_000, 10_000), st.integers(0, 10**10))
def test_a_clock_shows_a_local_time_first_at_the_true_time_it_converts_to(offset: int, ppm: int, local: int) -> None:
    clock = Clock(offset, ppm)
    true = clock.true(offset + local)
    assert clock.local(true) >= offset + local > clock.local(true - 1)


def test_a_datagram_arrives_with_its_source_and_not_before_the_least_delay() -> None:
    world, (one, two), fakes = fake_world("one", "two")
    do(world, one, fakes["one"], effects.SendDatagram(two.address, b"hello"))
    world.run(100 * MILLISECOND)
    ((at_us, event),) = [seen for seen in fakes["two"].seen if isinstance(seen[1], events.Datagram)]
    assert event == events.Datagram(one.address, b"hello")
    assert at_us >= world.network.weather.least_us


def test_datagrams_are_lost_doubled_and_overtaken_as_the_weather_says() -> None:
    world, (one, two), fakes = fake_world("one", "two")
    world.network.storm(Weather(loss=0.3, duplicate=0.3, jitter_us=50 * MILLISECOND))
    for number in range(200):
        do(world, one, fakes["one"], effects.SendDatagram(two.address, bytes((number,))))
    world.run(SECOND)
    came = [event.data[0] for event in fakes["two"].of(events.Datagram) if isinstance(event, events.Datagram)]
    assert len(set(came)) < 200, "some are lost"
    assert len(set(came)) < len(came), "some come twice"
    assert came != sorted(came), "some are overtaken"


def test_a_one_way_cut_blocks_one_direction() -> None:
    world, (one, two), fakes = fake_world("one", "two")
    number = world.network.cut(frozenset({("one", "two")}))
    do(world, one, fakes["one"], effects.SendDatagram(two.address, b"lost"))
    do(world, two, fakes["two"], effects.SendDatagram(one.address, b"heard"))
    world.run(SECOND)
    assert not fakes["two"].of(events.Datagram)
    assert len(fakes["one"].of(events.Datagram)) == 1
    world.network.heal(number)
    do(world, one, fakes["one"], effects.SendDatagram(two.address, b"heard too"))
    world.run(SECOND)
    assert len(fakes["two"].of(events.Datagram)) == 1


def test_a_call_is_answered_once() -> None:
    world, (one, two), fakes = fake_world("one", "two")
    do(world, one, fakes["one"], effects.Call(7, two.address, b"ask", SECOND))
    world.run(100 * MILLISECOND)
    (asked,) = fakes["two"].of(events.CallReceived)
    assert isinstance(asked, events.CallReceived)
    assert asked.source.host == one.address.host
    do(world, two, fakes["two"], effects.Answer(asked.token, b"told"))
    world.run(5 * SECOND)
    assert fakes["one"].of(events.CallReplied) == [events.CallReplied(7, b"told")]
    assert not fakes["one"].of(events.CallFailed)


@pytest.mark.parametrize("how", ["refused", "timeout", "closed", "hangup"])
def test_a_call_fails_as_tcp_would(how: str) -> None:
    world, (one, two), fakes = fake_world("one", "two")
    if how == "refused":
        world.kill(two)
    if how == "timeout":
        world.freeze(two)
    do(world, one, fakes["one"], effects.Call(7, two.address, b"ask", SECOND))
    world.run(100 * MILLISECOND)
    if how == "closed":
        world.kill(two)
    if how == "hangup":
        (asked,) = fakes["two"].of(events.CallReceived)
        assert isinstance(asked, events.CallReceived)
        do(world, two, fakes["two"], effects.Hangup(asked.token))
    world.run(5 * SECOND)
    assert fakes["one"].of(events.CallFailed) == [events.CallFailed(7, "closed" if how == "hangup" else how)]


def test_posts_arrive_in_order_and_a_dead_peer_breaks_the_connection() -> None:
    world, (one, two), fakes = fake_world("one", "two")
    world.network.storm(Weather(jitter_us=50 * MILLISECOND, loss=0.2))
    for number in range(50):
        do(world, one, fakes["one"], effects.Post(two.address, "bulk", bytes((number,))))
    world.run(30 * SECOND)
    came = [event.data[0] for event in fakes["two"].of(events.PostReceived) if isinstance(event, events.PostReceived)]
    assert came == list(range(50))
    do(world, one, fakes["one"], effects.Post(two.address, "bulk", b"in flight"))
    world.kill(two)
    world.start(two)
    do(world, one, fakes["one"], effects.Post(two.address, "bulk", b"redialled"))
    world.run(30 * SECOND)
    assert [e.data for e in fakes["two"].of(events.PostReceived) if isinstance(e, events.PostReceived)] == [
        b"redialled"
    ]


def test_posts_wait_out_a_short_cut_and_are_lost_in_a_long_one() -> None:
    for for_us, arrives in ((SECOND, True), (20 * SECOND, False)):
        world, (one, two), fakes = fake_world("one", "two")
        number = world.network.cut(frozenset({("two", "one")}))
        do(world, one, fakes["one"], effects.Post(two.address, "bulk", b"patience"))
        world.run(for_us)
        assert not fakes["two"].of(events.PostReceived)
        world.network.heal(number)
        world.streams.moved()
        world.run(5 * SECOND)
        assert bool(fakes["two"].of(events.PostReceived)) is arrives


def test_a_frozen_process_handles_nothing_and_then_everything_and_learns_of_the_lag() -> None:
    world, (one, two), fakes = fake_world("one", "two")
    world.freeze(two)
    for _ in range(300):
        do(world, one, fakes["one"], effects.SendDatagram(two.address, b"x"))
    fakes["two"].deadline_us = world.now_us + SECOND
    world.run(3 * SECOND)
    assert len(fakes["two"].seen) == 1, "only its start"
    world.thaw(two)
    assert events.LoopLagged(3 * SECOND) in [event for _, event in fakes["two"].seen]
    assert len(fakes["two"].of(events.Datagram)) == 256, "what the socket's buffer holds"


def test_a_timer_fires_once_its_deadline_is_reached_by_the_hosts_own_clock() -> None:
    world, (one,), fakes = fake_world("one")
    one.clock = Clock(offset_us=5_000, drift_ppm=10_000)
    fakes["one"].deadline_us = 5_000 + 1_010_000
    do(world, one, fakes["one"])
    world.run(2 * SECOND)
    ((at_us, _),) = [seen for seen in fakes["one"].seen if isinstance(seen[1], events.Timer)]
    assert 1_015_000 <= at_us < 1_017_000
    assert world.now_us == 2 * SECOND


@given(st.integers(0, 2**32), st.integers(0, 8))
def test_a_crash_keeps_every_acknowledged_transaction_and_a_prefix_of_the_others(seed: int, acknowledged: int) -> None:
    disk = Disk(Random(seed))
    for index in range(1, 9):
        disk.accept(effects.Persist(index, vote=Vote(index), entries=(Entry(index, 1, NoOp()),)), 0)
    for _ in range(acknowledged):
        disk.commit()
    disk.crash()
    kept = len(disk.entries)
    assert acknowledged <= kept <= 8
    assert disk.stored().vote == Vote(kept)
    assert [entry.index for entry in disk.stored().entries] == list(range(1, kept + 1))


@pytest.mark.parametrize("opened", [True, False])
def test_what_a_killed_process_left_unsynced_goes_with_the_power_unless_the_next_one_syncs(opened: bool) -> None:
    disk = next(disk for disk in map(left_by_a_kill, range(100)) if len(disk.entries) > 1)
    left, vote = list(disk.entries), disk.vote
    if opened:
        disk.open()
    disk.accept(effects.Persist(9, vote=Vote(9)), 0)
    disk.commit()
    disk.crash(power=True)
    assert (disk.entries, disk.vote) == ((left, Vote(9)) if opened else (left[:1], Vote(1)))
    assert vote == Vote(len(left))


def left_by_a_kill(seed: int) -> Disk:
    """One transaction was acknowledged; of three more some were written, and the process was killed."""
    disk = Disk(Random(seed))
    for index in range(1, 5):
        disk.accept(effects.Persist(index, vote=Vote(index), entries=(Entry(index, 1, NoOp()),)), 0)
    disk.commit()
    disk.crash()
    return disk


def test_a_transaction_truncates_before_it_appends() -> None:
    disk = Disk(Random(1))
    disk.accept(effects.Persist(1, entries=tuple(Entry(index, 1, NoOp()) for index in (1, 2, 3))), 0)
    disk.accept(effects.Persist(2, truncate_from=2, entries=(Entry(2, 2, NoOp()),)), 0)
    assert [(entry.index, entry.term) for entry in disk.believed()] == [(1, 1), (2, 2)]
    assert not disk.entries
    disk.commit()
    disk.commit()
    assert disk.entries == disk.believed()


def test_a_wiped_disk_is_another_node() -> None:
    disk = Disk(Random(1))
    disk.accept(effects.Persist(1, incarnation=4, vote=Vote(3, "x")), 0)
    disk.commit()
    before = disk.identity("n")
    disk.wipe()
    assert disk.identity("n").uuid != before.uuid
    assert disk.identity("n").incarnation == 0
    assert disk.stored().empty
