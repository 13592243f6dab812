"""Members that somebody invented crowd nobody out: what is done for those that were never met has bounds of its own."""

from __future__ import annotations

import pytest

from pycluster.kernel.ids import Address
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.membership import Params, effects, events
from pycluster.membership.messages import Ack, Digest, IndirectPing, Ping, Suspect, Vouch
from pycluster.membership.suspicion import REFUSED, Suspicion
from tests.paper.swim_hand import PORT, Hand, address, alive, name, number_at, uuid

#: One probe an hour: nothing happens but what the test does.
QUIET = Params(probe_interval_ms=60_000, ack_timeout_ms=500, newcomers_burst=10_000)
STRANGERS = range(1_000, 1_400)


def village(members: int = 6, params: Params = QUIET) -> Hand:
    """With 400 strangers that never answer."""
    hand = Hand(members=members, params=params)
    hand.kill(*STRANGERS)
    for first in range(STRANGERS[0], STRANGERS[-1], 20):
        hand.hear(3, *(alive(number, at=at(number)) for number in range(first, first + 20)))
    hand.run(1_000)
    hand.done.clear()
    return hand


def at(number: int) -> Address:
    return Address(f"10.9.{number // 100}.{number % 100}", PORT)


def pinged(done: list[effects.Effect], hand: Hand) -> list[Address]:
    return [sent.to for sent in hand.probes(Ping, done)]


def accuse(hand: Hand, number: int, strength: int = 0) -> list[effects.Effect]:
    return hand.hear(3, Suspect(name(number), uuid(number), 1, name(3), strength))


def test_strangers_take_an_eighth_of_the_verifications_at_most_and_the_met_the_rest() -> None:
    hand = village(members=4)
    for number in STRANGERS:
        hand.hear(3, Suspect(name(number), uuid(number), 1, name(number)))
        hand.feed(events.Refused(at(number)))
    strangers = {where for where in pinged(hand.done, hand) if where.host.startswith("10.9.")}
    assert len(strangers) == hand.params.pending_max // 8
    assert hand.swim.counters["verifications_past_bound"] > 0
    hand.feed(events.StreamEnded(name(2), uuid(2)))
    assert address(2) in pinged(hand.done, hand), "a hint about one that was met is looked into all the same"


@pytest.mark.parametrize("how", ["ack", "digest"])
def test_who_answers_or_asks_over_tcp_is_met_and_who_only_sends_is_not(how: str) -> None:
    hand = village()
    hand.hear(7, alive(7))
    hand.hear(7)
    assert hand.member(7).last_seen_us == hand.now_us
    assert not hand.member(7).met
    if how == "digest":
        hand.asked(7, Digest(alive(7), 0))
    else:
        (ping,) = {
            sent.packet.probe
            for sent in hand.probes(Ping, hand.feed(events.StreamEnded(name(7), uuid(7))))
            if sent.to == address(7)
        }
        assert isinstance(ping, Ping)
        hand.hear(7, probe=Ack(ping.seq))
    assert hand.member(7).met


def test_the_met_are_probed_in_half_of_the_periods_however_many_strangers_there_are() -> None:
    hand = village(members=5, params=Params(newcomers_burst=10_000))
    done = hand.run(60_000)
    met = [where for where in pinged(done, hand) if where.host.startswith("10.0.")]
    assert 20 <= len(met) <= 40
    counts = [met.count(address(number)) for number in range(2, 6)]
    assert max(counts) - min(counts) <= 1, "in turn"


def test_strangers_are_not_asked_to_help() -> None:
    hand = village(members=5, params=Params(newcomers_burst=10_000))
    hand.kill(2)
    asked = {number_at(sent.to) for sent in hand.probes(IndirectPing, hand.run(30_000))}
    assert asked
    assert asked <= {2, 3, 4, 5}


def test_convictions_come_a_few_at_a_time_and_what_is_left_over_is_no_lag() -> None:
    hand = village()
    for number in STRANGERS:
        accuse(hand, number)
    states = [member.state for member in hand.swim.members.values()]
    assert states.count("suspect") == len(STRANGERS)
    down = []
    hand.now_us += 3_600 * SECOND
    hand.feed(events.LoopLagged(3_600 * SECOND))
    hand.now_us += 2 * hand.params.lag_grace_ms * MILLISECOND
    lagged = hand.swim.counters["lagged"]
    for _ in range(60):
        done = hand.feed(events.Timer())
        down.append(sum(isinstance(e, effects.MemberChanged) and e.cause == "down" for e in done))
        hand.now_us += 100 * MILLISECOND
    assert max(down) == 64
    assert sum(down) == len(STRANGERS)
    assert hand.swim.counters["lagged"] <= lagged + 1


def test_rounds_end_a_few_at_a_time_and_few_of_them_are_told_at_once() -> None:
    hand = village(members=4, params=Params(probe_interval_ms=60_000, newcomers_burst=10_000, pending_max=512))
    for number in STRANGERS:
        hand.feed(events.StreamEnded(name(number), uuid(number)))
    calls = [e for e in hand.done if isinstance(e, effects.Call)]
    assert len(calls) == 64
    for call in calls:
        hand.feed(events.CallFailed(call.call, "refused"))
    hand.now_us += 400 * MILLISECOND
    accused, told = [], []
    for _ in range(8):
        done = hand.feed(events.Timer())
        hand.now_us += 1
        accused.append(sum(isinstance(e, effects.MemberChanged) and e.cause == "suspect" for e in done))
        told.append(len({where for where in pinged(done, hand) if where.host.startswith("10.9.")}))
    assert (max(accused), sum(accused)) == (16, 64)
    assert max(told) == 8


def test_the_missing_that_were_met_are_looked_for_in_every_turn_and_strangers_a_few_at_a_time() -> None:
    hand = village(members=5)
    hand.kill(2)
    for number in (2, *STRANGERS):
        hand.hear(3, Suspect(name(number), uuid(number), 1, name(3)))
    hand.run(700_000)
    assert hand.state(2) in ("suspect", "down")
    hand.done.clear()
    turns = [pinged(hand.run(100), hand) for _ in range(6_000)]
    strangers = [sum(where.host.startswith("10.9.") for where in turn) for turn in turns]
    assert 32 <= max(strangers) <= 34
    assert sum(address(2) in turn for turn in turns) >= sum(count >= 32 for count in strangers)


def test_vouchers_that_count_are_bounded() -> None:
    found = Suspicion(Params(), 1, "n3", 6, 0, 0)
    assert sum(found.vouch(f"invented{number}", number) for number in range(100)) == 32
    hand = Hand(members=6)
    accuse(hand, 2, REFUSED)
    for number in range(100):
        hand.hear(3, Vouch(name(2), uuid(2), 1, f"n{number + 100}"))
    assert sum(line.kind == "vouched" for line in hand.member(2).evidence) <= hand.params.evidence_max
