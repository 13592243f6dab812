"""A suspicion that lasts: others are asked what they know, and an asked member tells it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from pycluster.kernel.units import MILLISECOND
from pycluster.membership import Packet, Params, events
from pycluster.membership.effects import SendPacket
from pycluster.membership.messages import Ack, Alive, Down, Left, Ping, Suspect, Update, Vouch
from pycluster.membership.suspicion import REFUSED, SILENT, UNREACHABLE
from tests.paper.swim_hand import Hand, address, alive, name, number_at, uuid

#: Nothing of a period's own in between; what is told goes round in three seconds.
QUIET = Params(probe_interval_ms=60_000)
GOES_ROUND_MS = 3_000
ASK = Ping(77, name(2), uuid(2))


def suspect(by: int, strength: int = REFUSED, whom: int = 2) -> Suspect:
    return Suspect(name(whom), uuid(whom), 1, name(by), strength)


VERDICT = Down(name(2), uuid(2), 1, name(4), True)


def village(members: int = 20) -> Hand:
    """Nothing is left to be told, and node 2 is gone."""
    hand = Hand(members, QUIET)
    hand.run(50_000)
    hand.crash(2)
    return hand


def told(hand: Hand, ask: Ping = ASK) -> tuple[Update, ...]:
    """What the ack to that ping brings, where nothing is left to be told by gossip."""
    assert acked(hand, Ping(8)).packet == Packet(name(1), uuid(1), 1, Ack(8))
    ack = acked(hand, ask)
    assert ack.packet.probe == Ack(ask.seq, name(1), uuid(1)), "which an older asker understands"
    return ack.packet.updates


def acked(hand: Hand, ask: Ping) -> SendPacket:
    (ack,) = hand.probes(Ack, hand.hear(3, probe=ask))
    assert ack.to == address(3)
    return ack


def asked_ms(hand: Hand, for_ms: int) -> list[int]:
    """In which ms from now somebody was asked."""
    begun_us = hand.now_us
    return [
        (hand.now_us - begun_us) // MILLISECOND for _ in range(for_ms) for _ in hand.asks(hand.run(1, answering=False))
    ]


# Asking.


@pytest.mark.parametrize(("strength", "after_ms"), [(REFUSED, 600), (UNREACHABLE, 1_500)])
def test_whoever_is_alone_with_an_accusation_asks_others_when_it_ought_to_be_over(strength: int, after_ms: int) -> None:
    hand = village()
    hand.hear(3, suspect(3, strength))
    times = asked_ms(hand, 3 * after_ms - 10)
    assert times[:3] == [after_ms] * 3
    assert len(times) == 6
    for ask in hand.asks():
        assert ask.packet.probe == Ping(ask.packet.probe.seq, name(2), uuid(2))  # type: ignore[union-attr]
        assert suspect(3, strength) in ask.packet.updates
        assert number_at(ask.to) not in (1, 2)


def test_an_accusation_that_is_stronger_than_those_before_is_asked_about_sooner() -> None:
    hand = village()
    hand.hear(3, suspect(3, SILENT))
    hand.run(1_000, answering=False)
    hand.hear(4, suspect(4, REFUSED))
    assert asked_ms(hand, 700)[:3] == [600] * 3


@pytest.mark.parametrize("end", [alive(2, 2), VERDICT, Left(name(2), uuid(2), 1)])
def test_nobody_is_asked_once_it_is_over_however_it_ended(end: Update) -> None:
    hand = village()
    hand.hear(3, suspect(3))
    hand.run(100, answering=False)
    hand.hear(4, end)
    assert hand.state(2) != "suspect"
    assert asked_ms(hand, 10_000) == []


def test_a_successor_of_the_name_is_not_asked_about() -> None:
    hand = village()
    hand.hear(3, suspect(3))
    hand.run(100, answering=False)
    hand.hear(4, Left(name(2), uuid(2), 1))
    hand.hear(2, Alive(name(2), uuid(99), 1, address(2)))
    assert asked_ms(hand, 5_000) == []


def test_nobody_is_asked_about_somebody_who_was_never_met_and_only_the_met_are_asked() -> None:
    hand = Hand(20, QUIET)
    hand.member(2).met = False
    hand.crash(2)
    hand.hear(3, suspect(3))
    assert asked_ms(hand, 5_000) == []
    hand = Hand(20, QUIET)
    for number in range(5, 21):
        hand.member(number).met = False
    hand.hear(3, suspect(3))
    asked_ms(hand, 5_000)
    assert {number_at(ask.to) for ask in hand.asks()} == {3, 4}


def test_two_members_have_nobody_to_ask() -> None:
    hand = Hand(2)
    hand.kill(2)
    assert asked_ms(hand, 16_000) == []
    assert hand.state(2) == "down"


def test_whoever_leaves_asks_nobody() -> None:
    hand = village()
    hand.hear(3, suspect(3))
    hand.feed(events.Leave())
    assert asked_ms(hand, 5_000) == []


def test_however_many_are_suspected_one_is_asked_about_in_twenty_milliseconds_and_none_is_forgotten() -> None:
    hand = Hand(255, QUIET)
    for number in range(10, 250):
        hand.crash(number)
        hand.hear(3, suspect(3, REFUSED, number))
    times = asked_ms(hand, 8_000)
    assert max(times.count(at_ms) for at_ms in times) == hand.params.gossip_fanout
    assert min(later - sooner for sooner, later in pairwise(sorted(set(times)))) >= 19
    assert {ask.packet.probe.name for ask in hand.asks()} == {name(number) for number in range(10, 250)}  # type: ignore[union-attr]


# Being asked.


def test_an_asked_member_tells_every_accusation_that_it_knows_the_strongest_first() -> None:
    hand = village()
    hand.hear(5, suspect(5, SILENT))
    hand.hear(4, suspect(4, UNREACHABLE))
    hand.run(GOES_ROUND_MS, answering=False)
    assert told(hand) == (suspect(4, UNREACHABLE), suspect(5, SILENT))


def test_an_asked_member_tells_who_holds_the_suspicion_and_only_while_it_does() -> None:
    hand = village()
    hand.hear(5, suspect(5, SILENT))
    hand.hear(6, Vouch(name(2), uuid(2), 1, name(6)))
    hand.run(GOES_ROUND_MS - 100, answering=False)
    assert told(hand) == (Vouch(name(2), uuid(2), 1, name(6)), suspect(5, SILENT))
    hand.run(200, answering=False)
    assert told(hand) == (suspect(5, SILENT),)


def test_a_vouch_in_an_ack_holds_the_asker_back() -> None:
    asker = village()
    asker.hear(3, suspect(3))
    words = suspect(4), suspect(5), suspect(6)
    asker.hear(7, Vouch(name(2), uuid(2), 1, name(8)), *words, probe=Ack(99))
    asker.run(2_500, answering=False)
    assert asker.state(2) == "suspect"


def test_an_asked_member_tells_a_fresh_verdict_as_it_heard_it_and_an_old_one_not_at_all() -> None:
    hand = village()
    hand.hear(4, suspect(4))
    hand.hear(4, VERDICT)
    assert hand.state(2) == "down"
    hand.run(GOES_ROUND_MS, answering=False)
    assert told(hand) == (VERDICT,)
    hand.run(4_999 - GOES_ROUND_MS, answering=False)
    assert told(hand) == (VERDICT,)
    hand.run(2, answering=False)
    assert told(hand) == ()


def test_the_asker_believes_a_verdict_that_was_verified() -> None:
    asker = village()
    asker.hear(3, suspect(3))
    asker.run(600, answering=False)
    ask = asker.asks()[0]
    assert isinstance(ask.packet.probe, Ping)
    asker.hear(number_at(ask.to), VERDICT, probe=Ack(ask.packet.probe.seq, name(number_at(ask.to)), uuid(9)))
    assert asker.state(2) == "down"


def test_a_verdict_that_nobody_verified_is_not_told() -> None:
    hand = Hand(2)
    hand.kill(2)
    hand.run(16_000)
    assert hand.state(2) == "down"
    hand.run(1_000)
    assert acked(hand, ASK).packet.updates == (Down(name(2), uuid(2), 1, name(1), False),), "which gossip tells"


def test_a_goodbye_is_told_as_what_it_was() -> None:
    hand = village()
    hand.hear(2, Left(name(2), uuid(2), 1))
    hand.run(GOES_ROUND_MS, answering=False)
    assert told(hand) == (Left(name(2), uuid(2), 1),)


def test_of_the_living_a_stranger_or_the_asked_itself_nothing_is_told() -> None:
    hand = village()
    asks = (ASK, Ping(7, "nobody", uuid(99)), Ping(7, name(2), uuid(99)), Ping(7, name(1), uuid(1)))
    for ask in asks:
        assert told(hand, ask) == ()


def test_who_lives_again_is_told_to_whoever_asks_on_an_old_accusation() -> None:
    hand = village()
    hand.hear(4, suspect(4))
    hand.hear(2, alive(2, 2), incarnation=2)
    hand.run(GOES_ROUND_MS, answering=False)
    done = hand.hear(3, suspect(3), probe=ASK)
    assert alive(2, 2) in hand.told(Alive, done)
    assert hand.state(2) == "alive"
