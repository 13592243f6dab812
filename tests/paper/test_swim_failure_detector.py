"""SWIM (Das, Gupta, Motivala 2002) §3.1, the failure detector, and §4.3, round-robin probe target selection."""

from __future__ import annotations

from itertools import pairwise

import pytest

from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.membership.messages import Ack, IndirectPing, Ping, Suspect
from pycluster.membership.params import Params
from tests.paper.swim_hand import Hand, address, alive, name, number_at, uuid


def targets(hand: Hand, for_ms: int) -> list[str]:
    """Whom it pinged, in order."""
    done = hand.run(for_ms)
    return [name(number_at(sent.to)) for sent in hand.probes(Ping, done)]


def test_section_3_1_one_member_is_pinged_in_each_protocol_period() -> None:
    hand = Hand(members=5)
    hand.run(1_000)
    assert len(targets(hand, 10_000)) == 10


def test_section_3_1_an_ack_in_time_ends_the_round_and_nobody_else_is_asked() -> None:
    hand = Hand(members=5)
    hand.run(30_000)
    assert not hand.probes(IndirectPing)
    assert not hand.told(Suspect)


@pytest.mark.parametrize("members", [3, 6])
def test_section_3_1_without_an_ack_in_time_k_others_are_asked_to_probe(members: int) -> None:
    hand = Hand(members)
    hand.kill(2)
    while not hand.probes(IndirectPing):
        hand.run(50)
    asked = hand.probes(IndirectPing)
    assert len(asked) == min(hand.params.indirect_probes, members - 2)
    assert len({sent.to for sent in asked}) == len(asked), "k different members"
    assert address(2) not in {sent.to for sent in asked}
    ping, again = [sent for sent in hand.probes(Ping) if sent.to == address(2)]
    assert isinstance(ping.packet.probe, Ping)
    assert again.packet.probe == ping.packet.probe, "and it is pinged once more itself"
    expected = IndirectPing(ping.packet.probe.seq, name(2), uuid(2), address(2))
    assert all(sent.packet.probe == expected for sent in asked)


def test_section_3_1_the_ack_time_out_is_well_below_the_period() -> None:
    hand = Hand(members=3)
    hand.kill(2)
    while not (pinged := [sent for sent in hand.probes(Ping) if sent.to == address(2)]):
        hand.run(1)
    pinged_us = hand.now_us
    while not hand.probes(IndirectPing):
        hand.run(1)
    assert hand.now_us - pinged_us <= hand.params.ack_timeout_ms * MILLISECOND < hand.params.probe_interval_ms * 1_000
    assert len(pinged) == 1


def test_section_3_1_an_ack_through_a_helper_counts_until_the_period_ends() -> None:
    hand = Hand(members=3)
    hand.kill(2)
    while not hand.probes(IndirectPing):
        hand.run(10)
    request = hand.probes(IndirectPing)[0].packet.probe
    assert isinstance(request, IndirectPing)
    hand.run(300)
    hand.hear(3, probe=Ack(request.seq, name(2), uuid(2)))
    hand.run(600)
    assert hand.state(2) == "alive"


def test_section_3_1_a_member_that_nobody_reached_by_the_end_of_the_period_is_suspected() -> None:
    hand = Hand(members=3, seed=2)
    hand.kill(2)
    while hand.state(2) == "alive":
        hand.run(10)
    pinged = [sent.packet.probe for sent in hand.probes(Ping) if sent.to == address(2)]
    assert len(set(pinged)) == 1
    assert hand.now_us <= 4 * SECOND


def test_section_3_1_an_ack_with_another_rounds_number_does_not_count() -> None:
    hand = Hand(members=3)
    hand.kill(2)
    while not (pings := [sent for sent in hand.probes(Ping) if sent.to == address(2)]):
        hand.run(10)
    probe = pings[0].packet.probe
    assert isinstance(probe, Ping)
    hand.hear(2, probe=Ack(probe.seq + 1, name(2), uuid(2)))
    hand.run(1_100)
    assert hand.state(2) == "suspect"


def test_section_3_1_whoever_is_asked_probes_and_passes_the_ack_on() -> None:
    hand = Hand(members=3)
    done = hand.hear(2, probe=IndirectPing(77, name(3), uuid(3), address(3)))
    (ping,) = hand.probes(Ping, done)
    assert ping.to == address(3)
    assert isinstance(ping.packet.probe, Ping)
    done = hand.hear(3, probe=Ack(ping.packet.probe.seq, name(3), uuid(3)))
    (ack,) = hand.probes(Ack, done)
    assert (ack.to, ack.packet.probe) == (address(2), Ack(77, name(3), uuid(3)))


def test_section_4_3_each_pass_probes_everyone_once_in_a_new_order() -> None:
    hand = Hand(members=9)
    hand.run(8_500)
    passes = [targets(hand, 8_000) for _ in range(4)]
    everyone = {name(number) for number in range(2, 10)}
    assert all(set(one) == everyone for one in passes)
    assert len({tuple(one) for one in passes}) > 1, "rearranged at random after each traversal"


def test_section_4_3_two_probes_of_a_member_are_less_than_two_passes_apart() -> None:
    hand = Hand(members=9)
    order = targets(hand, 100_000)
    for number in range(2, 10):
        at = [place for place, target in enumerate(order) if target == name(number)]
        assert max(later - before for before, later in pairwise(at)) <= 2 * 8 - 1


def test_section_4_3_a_joining_member_gets_a_random_place_in_the_pass_that_is_under_way() -> None:
    waits = []
    for seed in range(40):
        hand = Hand(members=9, seed=seed)
        hand.run(8_500)
        hand.hear(10, alive(10))
        order = targets(hand, 20_000)
        waits.append(order.index(name(10)))
    assert min(waits) <= 1, "it need not wait for the next pass"
    assert len(set(waits)) > 5
    assert max(waits) <= 9


def test_section_4_3_the_dead_and_the_gone_are_not_probed() -> None:
    rare = Params(seed_interval_min_ms=60_000, reconnect_interval_ms=60_000, seed_interval_ms=60_000)
    hand = Hand(members=4, params=rare)
    hand.kill(2)
    while hand.state(2) != "down":
        hand.run(100)
    hand.run(1_100)
    assert name(2) not in targets(hand, 20_000)
