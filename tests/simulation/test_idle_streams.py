"""Idle streams, refusals and the reasons of failed calls: what TCP and ICMP tell, and what they cannot know."""

from __future__ import annotations

import pytest

from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.node import effects, events
from pycluster.simulator.host import Host
from pycluster.simulator.world import World
from tests.simulation.fakes import FakeProcess, do, fake_world


def kept() -> tuple[World, Host, Host, dict[str, FakeProcess]]:
    """A world in which ``one`` keeps a stream to ``two``."""
    world, (one, two), fakes = fake_world("one", "two")
    do(world, one, fakes["one"], effects.KeepStreams((two.address,), b"I am one"))
    world.run(100 * MILLISECOND)
    return world, one, two, fakes


def both_ways() -> frozenset[tuple[str, str]]:
    return frozenset({("one", "two"), ("two", "one")})


def test_a_stream_comes_up_at_one_end_and_is_greeted_at_the_other() -> None:
    _, one, two, fakes = kept()
    assert fakes["one"].of(events.StreamUp) == [events.StreamUp(two.address)]
    (opened,) = fakes["two"].of(events.StreamOpened)
    assert isinstance(opened, events.StreamOpened)
    assert (opened.data, opened.source.host) == (b"I am one", one.address.host)


@pytest.mark.parametrize("dies", ["one", "two"])
def test_a_death_is_told_to_the_other_end_at_once(dies: str) -> None:
    world, _, two, fakes = kept()
    world.kill(world.hosts[dies])
    world.run(100 * MILLISECOND)
    if dies == "two":
        assert fakes["one"].of(events.StreamLost) == [events.StreamLost(two.address)]
    else:
        assert fakes["two"].of(events.StreamEnded) == [events.StreamEnded(1, goodbye=False)]


def test_an_orderly_end_is_a_goodbye() -> None:
    world, one, _, fakes = kept()
    do(world, one, fakes["one"], effects.Drained())
    world.run(SECOND)
    assert fakes["two"].of(events.StreamEnded) == [events.StreamEnded(1, goodbye=True)]


def test_whoever_is_wanted_no_more_is_told_goodbye() -> None:
    world, one, _, fakes = kept()
    do(world, one, fakes["one"], effects.KeepStreams((), b""))
    world.run(30 * SECOND)
    assert fakes["two"].of(events.StreamEnded) == [events.StreamEnded(1, goodbye=True)]
    assert len(fakes["two"].of(events.StreamOpened)) == 1
    assert world.streams.idle.open == 0


def test_who_is_shown_the_door_comes_back_after_a_pause_and_loses_nothing() -> None:
    world, _, two, fakes = kept()
    do(world, two, fakes["two"], effects.CloseStream(1))
    world.run(2 * SECOND)
    assert not fakes["one"].of(events.StreamLost)
    assert not fakes["two"].of(events.StreamEnded)
    assert len(fakes["two"].of(events.StreamOpened)) == 2


def test_a_dial_is_refused_in_silence_and_tried_again_until_somebody_is_there() -> None:
    world, _, two, fakes = kept()
    world.kill(two)
    world.run(20 * SECOND)
    assert len(fakes["one"].of(events.StreamUp)) == 1
    world.start(two)
    world.run(16 * SECOND)
    assert len(fakes["one"].of(events.StreamUp)) == 2
    assert len(fakes["two"].of(events.StreamOpened)) == 1, "in its new life"


def test_a_cut_does_nothing_to_an_idle_stream_and_hides_a_death_until_it_heals() -> None:
    world, _, two, fakes = kept()
    number = world.network.cut(both_ways())
    world.run(60 * SECOND)
    assert len(fakes["one"].seen) == 3
    world.kill(two)
    world.run(5 * SECOND)
    assert not fakes["one"].of(events.StreamLost)
    world.network.heal(number)
    world.run(15 * SECOND)
    assert fakes["one"].of(events.StreamLost) == [events.StreamLost(two.address)]


def test_a_lost_power_supply_says_nothing_until_tcp_probes() -> None:
    world, _, two, fakes = kept()
    world.kill(two, power=True)
    world.run(110 * SECOND)
    assert not fakes["one"].of(events.StreamLost)
    world.run(60 * SECOND)
    assert fakes["one"].of(events.StreamLost) == [events.StreamLost(two.address)]


def test_the_kernel_of_a_frozen_process_accepts() -> None:
    world, (one, two), fakes = fake_world("one", "two")
    world.freeze(two)
    do(world, one, fakes["one"], effects.KeepStreams((two.address,), b"I am one"))
    world.run(SECOND)
    assert fakes["one"].of(events.StreamUp)
    assert not fakes["two"].of(events.StreamOpened)
    world.thaw(two)
    assert fakes["two"].of(events.StreamOpened)


def test_a_forged_reset_ends_the_stream_where_it_arrives_and_it_is_dialled_again() -> None:
    world, one, two, fakes = kept()
    assert world.streams.idle.forge(one, two) == 1
    world.run(SECOND)
    assert fakes["one"].of(events.StreamLost) == [events.StreamLost(two.address)]
    assert len(fakes["one"].of(events.StreamUp)) == 2
    assert not fakes["two"].of(events.StreamEnded), "the other end knows nothing of it yet"
    world.run(130 * SECOND)
    assert fakes["two"].of(events.StreamEnded) == [events.StreamEnded(1, goodbye=False)]


def test_a_datagram_to_a_machine_without_a_process_is_refused_at_most_once_a_second() -> None:
    world, (one, two), fakes = fake_world("one", "two")
    world.kill(two)
    for _ in range(10):
        do(world, one, fakes["one"], effects.SendDatagram(two.address, b"?"))
        world.run(250 * MILLISECOND)
    assert fakes["one"].of(events.Refused) == [events.Refused(two.address)] * 3


@pytest.mark.parametrize("why", ["power", "cut"])
def test_nothing_comes_back_from_where_nothing_arrives(why: str) -> None:
    world, (one, two), fakes = fake_world("one", "two")
    world.kill(two, power=why == "power")
    if why == "cut":
        world.network.cut(both_ways())
    do(world, one, fakes["one"], effects.SendDatagram(two.address, b"?"))
    do(world, one, fakes["one"], effects.Call(1, two.address, b"?", SECOND))
    world.run(5 * SECOND)
    assert not fakes["one"].of(events.Refused)
    assert fakes["one"].of(events.CallFailed) == [events.CallFailed(1, "unreachable")]
