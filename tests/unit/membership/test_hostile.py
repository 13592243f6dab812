"""Forged news in a cluster that trusts its network: it may mislead, it must not stop a member or exhaust it."""

from __future__ import annotations

from random import Random

import pytest

from pycluster.kernel.ids import Address
from pycluster.kernel.limits import INCARNATION_LEAP_MAX, INCARNATION_MAX
from pycluster.membership import Local, Packet, Params, Swim, effects, events
from pycluster.membership.members import STATES
from pycluster.membership.messages import Down, Left, Push, Record, Suspect, Update
from tests.paper.swim_hand import PORT, Hand, address, alive, name, uuid


def accused(number: int, incarnation: int) -> tuple[Update, ...]:
    return (
        Suspect(name(number), uuid(number), incarnation, name(3)),
        Down(name(number), uuid(number), incarnation, name(3), True),
        Left(name(number), uuid(number), incarnation),
    )


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize("number", [1, 2])
def test_news_that_leaps_to_an_incarnation_nobody_reaches_is_refused(number: int, kind: int) -> None:
    hand = Hand(members=4)
    before = hand.member(number).incarnation
    hand.hear(3, accused(number, INCARNATION_MAX)[kind])
    hand.hear(3, accused(number, before + INCARNATION_LEAP_MAX + 1)[kind])
    assert (hand.member(number).incarnation, hand.state(number)) == (before, "alive")
    assert hand.swim.counters["records_refused"] == 2


def test_a_members_own_word_leaps_no_further_either() -> None:
    hand = Hand(members=4)
    hand.hear(3, alive(2, INCARNATION_MAX))
    assert hand.member(2).incarnation == 1


def test_who_was_driven_to_the_last_incarnation_goes_on_with_it() -> None:
    local = Local(name(1), uuid(1), INCARNATION_MAX, address(1))
    swim = Swim(Params(), local, (), "demo", Random(1))
    swim.handle(events.Start(), 0)
    forged = Packet(name(3), uuid(3), 1, None, (accused(1, INCARNATION_MAX)[0],))
    done = swim.handle(events.PacketReceived(address(3), forged), 1)
    assert [effect.incarnation for effect in done if isinstance(effect, effects.SaveIncarnation)] == [INCARNATION_MAX]
    assert swim.local.incarnation == INCARNATION_MAX


def crowd(first: int, last: int, state: str) -> tuple[Record, ...]:
    return tuple(
        Record(alive(number, at=Address(f"10.1.{number // 250}.{number % 250}", PORT)), STATES.index(state))
        for number in range(first, last)
    )


def test_a_table_full_of_the_dead_that_nobody_ever_heard_keeps_no_newcomer_out() -> None:
    hand = Hand(members=3, params=Params(members_max=100))
    hand.asked(2, Push(alive(2), crowd(1_000, 1_200, "down")))
    assert len(hand.swim.members) == 100
    hand.hear(4, alive(4))
    assert hand.state(4) == "alive"
    assert 30 < len(hand.swim.members) <= 100
    assert {hand.state(1), hand.state(2), hand.state(3)} == {"alive"}


def test_a_table_full_of_the_living_takes_nobody_more() -> None:
    hand = Hand(members=3, params=Params(members_max=3))
    hand.hear(4, alive(4))
    assert name(4) not in hand.swim.members
    assert hand.swim.counters["members_refused"] > 0


def test_who_was_heard_itself_is_not_forgotten_for_a_newcomer() -> None:
    hand = Hand(members=3, params=Params(members_max=3))
    hand.hear(3, Left(name(3), uuid(3), 1))
    hand.hear(4, alive(4))
    assert hand.state(3) == "left"
    assert name(4) not in hand.swim.members
