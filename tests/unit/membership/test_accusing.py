"""A suspicion that lasts: others are asked what they know, and an asked member tells it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from pycluster.kernel.units import MILLISECOND
from pycluster.membership import Packet, Params
from pycluster.membership.effects import SendPacket
from pycluster.membership.messages import Ack, Alive, Down, Left, Ping, Suspect, Update
from pycluster.membership.suspicion import REFUSED, SILENT, UNREACHABLE
from tests.paper.swim_hand import Hand, address, alive, name, number_at, uuid

#: Nothing of a period's own in between.
QUIET = Params(probe_interval_ms=60_000)
ASK = Ping(77, name(2), uuid(2))


def suspect(by: int, strength: int = REFUSED) -> Suspect:
    return Suspect(name(2), uuid(2), 1, name(by), strength)


def told(hand: Hand, by: int, ask: Ping = ASK, *updates: Update) -> tuple[Update, ...]:
    """What the ack to that ping begins with."""
    (ack,) = hand.probes(Ack, hand.hear(by, *updates, probe=ask))
    assert ack.to == address(by)
    assert ack.packet.probe == Ack(ask.seq, name(1), uuid(1)), "which an older asker understands"
    return ack.packet.updates


def village(members: int = 20) -> Hand:
    """Nothing is left to be told, and node 2 is gone."""
    hand = Hand(members, QUIET)
    hand.run(50_000)
    hand.crash(2)
    return hand


def asked_ms(hand: Hand, for_ms: int) -> list[int]:
    """In which ms from now somebody was asked."""
    begun_us = hand.now_us
    return [
        (hand.now_us - begun_us) // MILLISECOND for _ in range(for_ms) for _ in hand.asks(hand.run(1, answering=False))
    ]


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


def test_nobody_is_asked_once_it_is_over_however_it_ended() -> None:
    for end in (alive(2, 2), Down(name(2), uuid(2), 1, name(4), True), Left(name(2), uuid(2), 1)):
        hand = village()
        hand.hear(3, suspect(3))
        hand.run(100, answering=False)
        hand.hear(4, end)
        assert hand.state(2) != "suspect"
        assert asked_ms(hand, 10_000) == []


def test_nobody_is_asked_about_somebody_who_was_never_met() -> None:
    hand = Hand(20, QUIET)
    hand.member(2).met = False
    hand.crash(2)
    hand.hear(3, suspect(3))
    assert asked_ms(hand, 5_000) == []


def test_two_members_have_nobody_to_ask() -> None:
    hand = Hand(2)
    hand.kill(2)
    assert asked_ms(hand, 16_000) == []
    assert hand.state(2) == "down"


def test_however_many_are_suspected_one_is_asked_about_in_twenty_milliseconds() -> None:
    hand = Hand(200, QUIET)
    for number in range(10, 110):
        hand.crash(number)
        hand.hear(3, Suspect(name(number), uuid(number), 1, name(3), REFUSED))
    times = asked_ms(hand, 2_000)
    assert max(times.count(at_ms) for at_ms in times) == hand.params.gossip_fanout
    different = sorted(set(times))
    assert min(later - sooner for sooner, later in pairwise(different)) >= 19
    assert len(different) > 60


def test_an_asked_member_tells_every_accusation_that_it_knows() -> None:
    hand = village()
    hand.hear(4, suspect(4))
    hand.hear(5, suspect(5, UNREACHABLE))
    answer = told(hand, 3, ASK, suspect(3))
    assert {suspect(4), suspect(5, UNREACHABLE)} <= set(answer)


def convicted(hand: Hand) -> Down:
    """Node 2 is down, as node 4 says who verified it."""
    verdict = Down(name(2), uuid(2), 1, name(4), True)
    hand.hear(4, suspect(4))
    hand.hear(4, verdict)
    assert hand.state(2) == "down"
    return verdict


def test_an_asked_member_tells_a_fresh_verdict_as_it_heard_it_and_the_asker_believes_it() -> None:
    hand, asker = village(), village()
    verdict = convicted(hand)
    asker.hear(3, suspect(3))
    asker.run(600, answering=False)
    ask = asker.asks()[0].packet
    done = hand.hear(3, *ask.updates, probe=ask.probe)
    answer = next(one for one in done if isinstance(one, SendPacket) and isinstance(one.packet.probe, Ack))
    assert answer.packet.updates[0] == verdict
    asker.hear(5, *answer.packet.updates, probe=answer.packet.probe)
    assert asker.state(2) == "down"


def test_an_old_verdict_is_one_more_accusation() -> None:
    hand = village()
    convicted(hand)
    hand.run(6_000, answering=False)
    assert told(hand, 3)[0] == Down(name(2), uuid(2), 1, name(1), False)


def test_a_verdict_that_nobody_verified_is_told_as_such() -> None:
    hand = Hand(2)
    hand.kill(2)
    hand.run(16_000)
    assert hand.state(2) == "down"
    assert told(hand, 3)[0] == Down(name(2), uuid(2), 1, name(1), False)


def test_whoever_knows_a_newer_word_tells_that_one() -> None:
    hand = village()
    hand.hear(2, alive(2, 2))
    assert alive(2, 2) in told(hand, 3)


def test_of_a_stranger_or_of_the_asked_itself_nothing_is_told() -> None:
    hand = village()
    for ask in (Ping(7, "nobody", uuid(99)), Ping(7, name(2), uuid(99)), Ping(7, name(1), uuid(1))):
        assert told(hand, 3, ask) == ()
    (ack,) = hand.probes(Ack, hand.hear(3, probe=Ping(8)))
    assert ack.packet == Packet(name(1), uuid(1), 1, Ack(8))


def test_one_who_lives_again_is_told_to_whoever_asks() -> None:
    hand = village()
    convicted(hand)
    hand.hear(2, alive(2, 2), incarnation=2)
    assert any(isinstance(update, Alive) and update.incarnation == 2 for update in told(hand, 3, ASK, suspect(3)))
