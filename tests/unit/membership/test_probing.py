"""Probes beyond the papers: TCP beside UDP, measured round trips, foreign answers, bounds."""

from __future__ import annotations

import pytest

from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.membership import events
from pycluster.membership.messages import Ack, Alive, IndirectPing, Ping, Suspect
from pycluster.membership.params import Params
from tests.paper.swim_hand import Hand, address, name, uuid


def pinged(hand: Hand, number: int, *, answering: bool = True) -> Ping:
    """The first ping to that member from now on."""
    first = len(hand.done)
    while True:
        hand.run(1, answering=answering)
        for sent in hand.probes(Ping, hand.done[first:]):
            if sent.to == address(number):
                assert isinstance(sent.packet.probe, Ping)
                return sent.packet.probe


def test_where_udp_fails_and_tcp_answers_nobody_is_accused_and_people_are_told_once() -> None:
    hand = Hand(members=3)
    hand.silent.add(2)
    hand.run(60_000)
    assert hand.changes(2) == []
    (notice,) = hand.notices("udp-blocked")
    assert "n2 answers over TCP only" in notice


def test_the_time_out_follows_the_measured_round_trips_within_its_bounds() -> None:
    for delay_ms, expected_ms in ((1, 100), (50, 150), (450, 500)):
        hand = Hand(members=2)
        for _ in range(60):
            probe = pinged(hand, 2, answering=False)
            hand.run(delay_ms, answering=False)
            hand.hear(2, probe=Ack(probe.seq, name(2), uuid(2)))
        pinged(hand, 2, answering=False)
        sent_us = hand.now_us
        calls = len(hand.calls())
        while len(hand.calls()) == calls:
            hand.run(1, answering=False)
        assert (hand.now_us - sent_us) / MILLISECOND == pytest.approx(expected_ms, abs=4)


def test_an_ack_of_another_life_at_that_address_does_not_count() -> None:
    hand = Hand(members=3)
    hand.kill(2)
    probe = pinged(hand, 2)
    hand.feed(events.PacketReceived(address(2), hand.packet_of(9, Ack(probe.seq, name(9), uuid(9)))))
    hand.run(1_100)
    assert hand.state(2) == "suspect"
    assert "n9 answers there under another identity" in hand.member(2).evidence[0].detail


def test_an_ack_through_a_helper_is_no_measurement() -> None:
    hand = Hand(members=3)
    hand.kill(2)
    probe = pinged(hand, 2)
    hand.run(600)
    hand.hear(3, probe=Ack(probe.seq, name(2), uuid(2)))
    assert hand.member(2).rtt_us is None


def test_relays_under_way_are_bounded() -> None:
    hand = Hand(members=3, params=Params(pending_max=16))
    for seq in range(100):
        hand.hear(2, probe=IndirectPing(seq, name(3), uuid(3), address(3)))
    assert len(hand.probes(Ping)) == 16
    hand.run(1_100)
    hand.hear(2, probe=IndirectPing(200, name(3), uuid(3), address(3)))
    assert len(hand.probes(Ping)) > 16, "and what ended makes room"


def test_requests_over_tcp_under_way_are_bounded_and_counted() -> None:
    hand = Hand(members=1, params=Params(pending_max=8))
    for number in range(2, 30):
        hand.hear(number)
    assert len(hand.calls()) == 8
    assert hand.swim.counters["calls_past_bound"] == 20


def test_everyone_answers_a_ping_and_says_who_answers() -> None:
    hand = Hand(members=2)
    done = hand.hear(2, probe=Ping(5, "somebody else", "another"))
    (ack,) = hand.probes(Ack, done)
    assert (ack.to, ack.packet.probe) == (address(2), Ack(5, name(1), uuid(1)))
    assert hand.asked(2, Ping(6, name(1), uuid(1))) == Ack(6, name(1), uuid(1))


def test_a_ping_by_udp_names_nobody_and_its_ack_is_of_whoever_sent_it() -> None:
    hand = Hand(members=3)
    done = hand.hear(2, probe=Ping(5))
    (ack,) = hand.probes(Ack, done)
    assert ack.packet.probe == Ack(5), "the packet says already who answers"
    assert pinged(hand, 3, answering=False).uuid == ""


@pytest.mark.parametrize("answer", [Ack(0), Ack(0, name(2), uuid(2))])
def test_an_ack_that_names_its_sender_counts_like_one_that_does_not(answer: Ack) -> None:
    hand = Hand(members=3)
    probe = pinged(hand, 2, answering=False)
    hand.hear(2, probe=Ack(probe.seq, answer.name, answer.uuid))
    assert hand.member(2).rtt_us is not None


def test_an_ack_that_names_nobody_is_passed_on_with_the_name_of_its_sender() -> None:
    hand = Hand(members=3)
    done = hand.hear(2, probe=IndirectPing(77, name(3), uuid(3), address(3)))
    probe = hand.probes(Ping, done)[0].packet.probe
    assert isinstance(probe, Ping)
    (ack,) = hand.probes(Ack, hand.hear(3, probe=Ack(probe.seq)))
    assert (ack.to, ack.packet.probe) == (address(2), Ack(77, name(3), uuid(3)))


def test_a_nameless_ack_of_another_life_does_not_count() -> None:
    hand = Hand(members=3)
    hand.kill(2)
    probe = pinged(hand, 2)
    hand.feed(events.PacketReceived(address(2), hand.packet_of(9, Ack(probe.seq))))
    hand.run(1_100)
    assert "n9 answers there under another identity" in hand.member(2).evidence[0].detail


def test_idle_it_wakes_once_a_period() -> None:
    hand = Hand(members=50)
    hand.run(60_000)
    wakes = 0
    end_us = hand.now_us + 20 * SECOND
    while (due_us := hand.swim.next_deadline()) is not None and due_us < end_us:
        before = hand.now_us
        hand.run((due_us - before) // MILLISECOND + 1)
        wakes += 1
    assert wakes <= 24


def test_its_own_packets_are_ignored() -> None:
    hand = Hand(members=2)
    done = hand.feed(events.PacketReceived(address(1), hand.packet_of(1, Ping(5, name(1), uuid(1)))))
    assert done == []
    assert hand.swim.counters["own_packets"] == 1


def test_verifications_under_way_are_bounded() -> None:
    hand = Hand(members=60, params=Params(pending_max=8, verifiers=20))
    for number in range(2, 60):
        hand.hear(60, Suspect(name(number), uuid(number), 1, name(60)))
    assert len(hand.probes(Ping)) <= 2 * 8


def test_complaints_are_remembered_within_a_bound() -> None:
    hand = Hand(members=2, params=Params(pending_max=8))
    for number in range(50, 90):
        hand.hear(2, Alive(name(1), uuid(number), 1, address(number)))
    assert len(hand.notices("name-conflict")) == 8 + 1, "the bound, and this node's own line past it"
    assert hand.swim.counters["name_conflicts"] == 40
    hand.now_us += hand.params.notify_interval_ms * MILLISECOND
    hand.hear(2, Alive(name(1), uuid(99), 1, address(99)))
    assert len(hand.notices("name-conflict")) == 8 + 1 + 1
