"""Hints: a stream that ended and ICMP start a look, and nothing else; a flood of them costs next to nothing."""

from __future__ import annotations

import pytest

from pycluster.kernel.ids import Address
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.membership import effects, events
from pycluster.membership.messages import Ping, Suspect, Vouch
from pycluster.membership.params import Params
from pycluster.membership.suspicion import REFUSED
from tests.paper.swim_hand import Hand, address, alive, name, uuid

STREAM = events.StreamEnded(name(2), uuid(2))
ICMP = events.Refused(address(2))
#: No probe of its own gets in the way.
QUIET = Params(probe_interval_ms=60_000)


def looked(hand: Hand, done: list[effects.Effect]) -> bool:
    """Whether n2 was pinged and called."""
    pinged = any(sent.to == address(2) for sent in hand.probes(Ping, done))
    return pinged and any(call.to == address(2) for call in hand.calls(done))


@pytest.mark.parametrize("hint", [STREAM, ICMP])
def test_a_hint_starts_a_look_at_once(hint: events.Event) -> None:
    hand = Hand(members=5, params=QUIET)
    assert looked(hand, hand.feed(hint))


@pytest.mark.parametrize("hint", [STREAM, ICMP])
def test_a_hint_alone_accuses_nobody_and_a_member_that_answers_is_not_spoken_of(hint: events.Event) -> None:
    hand = Hand(members=5, params=QUIET)
    hand.run(30_000)
    hand.feed(hint)
    done = hand.run(5_000)
    assert hand.changes(2) == []
    assert not hand.told(Suspect, done)
    assert not hand.told(Vouch, done)


@pytest.mark.parametrize("hint", [STREAM, ICMP])
def test_a_member_that_is_gone_is_accused_as_soon_as_it_was_refused(hint: events.Event) -> None:
    hand = Hand(members=5, params=QUIET)
    hand.crash(2)
    hand.feed(hint)
    hand.run(QUIET.refused_wait_ms + 1)
    assert hand.state(2) == "suspect"
    assert hand.member(2).strength == REFUSED
    assert hand.member(2).accuser == name(1)


def test_hints_about_a_member_that_was_just_reached_count_for_nothing() -> None:
    hand = Hand(members=5, params=QUIET)
    hand.feed(ICMP)
    hand.run(50)
    assert hand.feed(ICMP) == []
    assert hand.feed(STREAM) == []
    assert hand.swim.counters["hints_ignored"] == 2
    hand.run(100)
    assert hand.feed(ICMP) == []
    assert looked(hand, hand.feed(STREAM)), "a stream costs its forger more"
    hand.run(1_000)
    assert looked(hand, hand.feed(ICMP))


def test_a_flood_of_hints_costs_one_look_a_second() -> None:
    hand = Hand(members=5, params=QUIET)
    for _ in range(3_000):
        hand.feed(ICMP)
        hand.run(1)
    assert 3 <= len([call for call in hand.calls() if call.to == address(2)]) <= 4


def test_one_look_at_a_time_at_each_member() -> None:
    hand = Hand(members=5, params=QUIET)
    hand.kill(2)
    assert looked(hand, hand.feed(STREAM))
    assert hand.feed(STREAM) == []
    assert hand.feed(ICMP) == []


@pytest.mark.parametrize(
    "hint",
    [
        events.StreamEnded(name(9), uuid(9)),
        events.StreamEnded(name(2), uuid(9)),
        events.StreamEnded(name(1), uuid(1)),
        events.Refused(address(1)),
        events.Refused(address(9)),
        events.Refused(Address("10.0.0.2", 1)),
    ],
)
def test_hints_about_strangers_other_lives_and_oneself_are_ignored(hint: events.Event) -> None:
    hand = Hand(members=5, params=QUIET)
    assert hand.feed(hint) == []


@pytest.mark.parametrize("hint", [STREAM, ICMP])
def test_hints_about_the_down_are_ignored(hint: events.Event) -> None:
    hand = Hand(members=3)
    hand.crash(2)
    while hand.state(2) != "down":
        hand.run(10)
    hand.run(2_000)
    assert not looked(hand, hand.feed(hint))


def test_an_address_that_just_became_a_members_is_known_within_a_second() -> None:
    hand = Hand(members=5, params=QUIET)
    hand.feed(ICMP)
    hand.hear(9, alive(9))
    assert not hand.calls(hand.feed(events.Refused(address(9))))
    hand.now_us += SECOND
    assert [call.to for call in hand.calls(hand.feed(events.Refused(address(9))))] == [address(9)]


def test_what_is_remembered_of_looks_is_bounded() -> None:
    hand = Hand(members=40, params=Params(pending_max=8, probe_interval_ms=60_000))
    for number in range(2, 40):
        hand.feed(events.StreamEnded(name(number), uuid(number)))
        hand.run(1)
    assert hand.feed(events.Refused(address(39))) == []
    assert hand.calls(hand.feed(events.Refused(address(2)))), "the oldest is forgotten: it is looked at again"


def test_looks_under_way_are_bounded_and_counted() -> None:
    hand = Hand(members=40, params=Params(pending_max=8, probe_interval_ms=60_000))
    hand.kill(*range(2, 41))
    for number in range(2, 41):
        hand.feed(events.StreamEnded(name(number), uuid(number)))
    assert len(hand.calls()) == 8
    assert hand.swim.counters["verifications_past_bound"] == 31


def test_a_node_that_leaves_looks_at_nobody() -> None:
    hand = Hand(members=5, params=QUIET)
    hand.feed(events.Leave())
    hand.now_us += 10 * MILLISECOND
    assert not looked(hand, hand.feed(STREAM))
