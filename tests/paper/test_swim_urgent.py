"""SWIM §4.1 with ours: urgent news does not wait for the round, and goes straight to those whom it concerns."""

from __future__ import annotations

import pytest

from pycluster.kernel.units import MILLISECOND
from pycluster.membership import events
from pycluster.membership.broadcasts import retransmits
from pycluster.membership.messages import Alive, Down, Ping, Suspect, Update, Vouch
from pycluster.membership.params import Params
from pycluster.membership.suspicion import REFUSED, SILENT, UNREACHABLE
from tests.paper.swim_hand import Hand, address, alive, name, uuid

QUIET = Params(probe_interval_ms=60_000)
SOON_MS = 5


def suspect(strength: int, by: int = 3) -> Suspect:
    return Suspect(name(2), uuid(2), 1, name(by), strength)


def quiet(members: int = 20, params: Params = QUIET) -> Hand:
    """Nothing is left to be told."""
    hand = Hand(members, params)
    hand.run(50_000)
    hand.kill(2)
    return hand


def rounds_of(hand: Hand, update: Update, for_ms: int) -> list[int]:
    """In which ms from now packets without a probe carry that news; one entry a packet."""
    begun_us = hand.now_us
    at_ms = []
    for _ in range(for_ms):
        for sent in hand.packets(hand.run(1)):
            if sent.packet.probe is None and update in sent.packet.updates:
                at_ms.append((hand.now_us - begun_us) // MILLISECOND)
    return at_ms


@pytest.mark.parametrize("strength", [UNREACHABLE, REFUSED])
def test_an_accusation_on_strong_evidence_is_passed_on_at_once(strength: int) -> None:
    hand = quiet()
    hand.hear(3, suspect(strength))
    assert len(rounds_of(hand, suspect(strength), SOON_MS)) == hand.params.gossip_fanout


def test_an_accusation_on_silence_waits_for_the_round() -> None:
    late = 0
    for seed in range(5):
        hand = Hand(20, QUIET, seed=seed)
        hand.run(50_000)
        hand.hear(3, suspect(SILENT))
        late += not rounds_of(hand, suspect(SILENT), SOON_MS)
    assert late >= 3


def test_a_verdict_is_passed_on_at_once() -> None:
    hand = quiet()
    hand.hear(3, suspect(SILENT))
    hand.run(1_000)
    verdict = Down(name(2), uuid(2), 1, name(3), True)
    hand.hear(3, verdict)
    assert hand.state(2) == "down"
    assert len(rounds_of(hand, verdict, SOON_MS)) == 3


def test_a_vouch_against_strong_evidence_is_passed_on_at_once() -> None:
    hand = quiet()
    hand.hear(3, suspect(REFUSED))
    hand.run(1_000)
    vouch = Vouch(name(2), uuid(2), 1, name(4))
    hand.hear(4, vouch)
    assert len(rounds_of(hand, vouch, SOON_MS)) == 3


def test_a_refutation_is_passed_on_at_once_by_the_refuter_and_by_others() -> None:
    hand = quiet()
    hand.hear(3, Suspect(name(1), uuid(1), 1, name(3), REFUSED))
    own = alive(1, 2)
    assert len(rounds_of(hand, own, SOON_MS)) == 3
    hand.hear(3, suspect(REFUSED))
    hand.run(1_000)
    hand.hear(4, alive(2, 2))
    assert len(rounds_of(hand, alive(2, 2), SOON_MS)) == 3


def test_news_that_came_at_once_is_told_no_more_often_for_that() -> None:
    hand = quiet()
    hand.hear(3, suspect(REFUSED))
    told = rounds_of(hand, suspect(REFUSED), 5_000)
    pings = hand.probes(Ping, asks=False)
    told += [0 for sent in pings if sent.to != address(2) and suspect(REFUSED) in sent.packet.updates]
    assert len(told) <= retransmits(hand.params, 20)


def test_much_urgent_news_makes_one_round_in_twenty_milliseconds() -> None:
    hand = quiet(60)
    begun = len(hand.done)
    for number in range(10, 50):
        hand.hear(3, Suspect(name(number), uuid(number), 1, name(3), REFUSED))
        hand.run(1)
    rounds = [sent for sent in hand.packets(hand.done[begun:]) if sent.packet.probe is None]
    assert 3 <= len(rounds) <= 3 * 3


def test_what_a_stir_is_for_goes_out_at_once() -> None:
    hand = quiet()
    hand.feed(events.Stir())
    done = hand.run(SOON_MS)
    assert len(hand.packets(done)) == 3


def direct(hand: Hand, accusation: Suspect) -> list[str]:
    """Who is sent it within no time at all."""
    done = hand.feed(events.Timer())
    while not (mine := [s for s in hand.packets(done) if accusation in s.packet.updates]):
        hand.now_us += MILLISECOND
        done = hand.feed(events.Timer())
    return [sent.to.host for sent in mine]


def test_an_accusation_of_ones_own_on_strong_evidence_goes_straight_to_the_suspect_and_the_verifiers() -> None:
    hand = quiet()
    hand.crash(2)
    hand.feed(events.StreamEnded(name(2), uuid(2)))
    hand.run(hand.params.refused_wait_ms - 1)
    told = direct(hand, suspect(REFUSED, by=1))
    assert address(2).host in told
    assert len(set(told)) == 1 + hand.params.verifiers == len(told)


def test_who_has_accused_as_strongly_is_not_told_of_a_confirmation() -> None:
    hand = quiet()
    hand.crash(2)
    hand.feed(events.StreamEnded(name(2), uuid(2)))
    hand.run(hand.params.refused_wait_ms - 50)
    hand.hear(3, suspect(REFUSED, by=3))
    hand.hear(4, suspect(REFUSED, by=4))
    told = direct(hand, suspect(REFUSED, by=1))
    assert address(3).host not in told
    assert address(4).host not in told
    assert len(told) <= 1 + hand.params.verifiers


def test_what_others_accuse_is_not_sent_on_straight() -> None:
    hand = quiet()
    hand.silent.clear()
    hand.silent_tcp.clear()
    done = hand.hear(3, suspect(REFUSED))
    assert {sent.to for sent in hand.packets(done)} <= {address(2)}, "at most a verification"


def test_the_suspects_answer_carries_its_refutation_straight_to_the_accuser() -> None:
    hand = quiet()
    done = hand.hear(3, Suspect(name(1), uuid(1), 1, name(3), REFUSED), probe=Ping(9, name(1), uuid(1)))
    (answer,) = [sent for sent in hand.packets(done) if sent.to == address(3)]
    assert any(isinstance(update, Alive) and update.incarnation == 2 for update in answer.packet.updates)
