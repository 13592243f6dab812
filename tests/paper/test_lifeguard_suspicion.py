"""Lifeguard (arXiv 1707.00788) §IV-B, local health aware suspicion, and §IV-C, the buddy system; ours: verification."""

from __future__ import annotations

import math

import pytest

from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.membership.messages import Ack, Ping, Suspect, Vouch
from pycluster.membership.params import Params
from pycluster.membership.suspicion import Suspicion
from tests.paper.swim_hand import Hand, address, alive, name, uuid

PARAMS = Params()


def suspicion(members: int, health: int = 0) -> Suspicion:
    return Suspicion(PARAMS, 1, "n1", members, health, 0)


def accuse(by: int, number: int = 2, incarnation: int = 1) -> Suspect:
    return Suspect(name(number), uuid(number), incarnation, name(by))


def bounds_us(members: int, health: int = 0) -> tuple[int, int]:
    least = PARAMS.suspicion_alpha * max(1.0, math.log10(members)) * PARAMS.probe_interval_ms * 1_000 * (1 + health)
    return int(least), int(least * PARAMS.suspicion_beta)


@pytest.mark.parametrize("members", [5, 10, 100, 1_000])
@pytest.mark.parametrize("confirmations", [0, 1, 2, 3])
def test_section_4_b_the_time_out_falls_with_the_logarithm_of_the_confirmations(
    members: int, confirmations: int
) -> None:
    least_us, most_us = bounds_us(members)
    found = suspicion(members)
    for number in range(confirmations):
        found.confirm(f"other{number}", 0, 0)
    share = math.log(confirmations + 1) / math.log(PARAMS.confirmations + 1)
    expected_us = max(least_us, most_us - (most_us - least_us) * share)
    assert found.deadline() == pytest.approx(expected_us, abs=2_000)


def test_section_4_b_one_accuser_alone_waits_for_the_longest_time() -> None:
    assert suspicion(10).deadline() == bounds_us(10)[1]


def test_section_4_b_only_k_independent_confirmations_count_and_are_passed_on() -> None:
    found = suspicion(10)
    assert not found.confirm("n1", 0, 0), "the accuser again"
    assert [found.confirm(f"other{number}", 0, 0) for number in range(5)] == [True, True, True, False, False]
    assert not found.confirm("other0", 0, 0)
    assert found.deadline() == pytest.approx(bounds_us(10)[0], abs=2_000)


def test_section_4_b_a_confirmation_is_gossiped_on_the_same_one_again_is_not() -> None:
    hand = Hand(members=6)
    hand.hear(3, accuse(3))
    hand.run(1_000)
    hand.hear(4, accuse(4))
    assert accuse(4) in hand.told(Suspect, hand.run(1_000))
    hand.run(1_000)
    hand.hear(5, accuse(4))
    done = hand.run(1_000, answering=False)
    assert accuse(4) not in hand.told(Suspect, [sent for sent in done if sent not in hand.asks(done)])


def test_section_4_b_the_bounds_grow_with_the_logarithm_of_the_members() -> None:
    assert suspicion(1_000).deadline() == 3 * suspicion(10).deadline()
    assert suspicion(2).deadline() == suspicion(10).deadline(), "never below the least"


def test_section_4_a_whoever_doubts_itself_waits_longer() -> None:
    assert suspicion(10, health=2).deadline() == 3 * suspicion(10).deadline()
    assert suspicion(10, health=8).deadline() == 3 * suspicion(10).deadline(), "ours: but not for ever"


@pytest.mark.parametrize("members", [2, 3, 4])
def test_section_4_b_fewer_members_than_confirmations_expect_fewer(members: int) -> None:
    found = suspicion(members)
    for number in range(members - 2):
        assert found.confirm(f"other{number}", 0, 0)
    assert not found.confirm("another", 0, 0)
    least_us, most_us = bounds_us(members)
    assert found.deadline() == pytest.approx(least_us if members > 2 else most_us, abs=2_000)


def test_section_4_c_a_ping_to_a_suspect_tells_it_first_what_is_said_of_it() -> None:
    hand = Hand(members=4)
    for number in range(20, 60):
        hand.hear(3, alive(number))
    hand.kill(2, *range(20, 60))
    hand.hear(3, accuse(3))
    pings = [sent for sent in hand.probes(Ping) if sent.to == address(2)]
    hand.run(3_000)
    pings += [sent for sent in hand.probes(Ping) if sent.to == address(2)]
    assert pings
    assert all(sent.packet.updates[0] == accuse(3) for sent in pings)


def test_section_4_c_the_accused_hears_of_it_from_whoever_speaks_to_it_and_refutes_in_its_answer() -> None:
    hand = Hand(members=3)
    done = hand.hear(2, accuse(3, number=1), probe=Ping(5, name(1), uuid(1)))
    (ack,) = hand.probes(Ack, done)
    assert any(update == alive(1, 2) for update in ack.packet.updates)


# Ours: a suspicion is verified, not only waited for.


def verifying(hand: Hand) -> bool:
    """Whether it probes n2 at once, by UDP and TCP."""
    return any(sent.to == address(2) for sent in hand.probes(Ping)) and any(
        call.to == address(2) for call in hand.calls()
    )


def test_ours_the_highest_ranking_members_probe_the_suspect_themselves_and_at_once() -> None:
    verifiers = 0
    for incarnation in range(1, 101):
        hand = Hand(members=10)
        hand.hear(3, accuse(3, incarnation=incarnation))
        verifiers += verifying(hand)
    assert 45 <= verifiers <= 80, "five of eight that may, for each suspect and incarnation another five"


def test_ours_a_verifier_that_fails_confirms() -> None:
    hand = Hand(members=3)
    hand.kill(2)
    hand.hear(3, accuse(3))
    assert verifying(hand), "in a cluster of three the third one verifies"
    hand.run(PARAMS.verify_timeout_ms + PARAMS.gossip_interval_ms + 100)
    assert accuse(1) in hand.told(Suspect)
    hand.run(3_000)
    assert hand.state(2) == "down"
    assert hand.member(2).evidence[-1].detail == "verified"


def test_ours_a_verifier_that_succeeds_vouches_and_convicts_nobody() -> None:
    hand = Hand(members=3)
    hand.hear(3, accuse(3))
    hand.run(100)
    assert Vouch(name(2), uuid(2), 1, name(1)) in hand.told(Vouch, hand.run(1_000))
    assert hand.state(2) == "suspect", "only its own word ends the suspicion"


def test_ours_a_vouch_holds_the_timer_but_not_for_ever() -> None:
    found = suspicion(3)
    least_us, most_us = bounds_us(3)
    found.confirm("n3", 0, 0)
    assert found.vouch("n4", least_us - 1)
    assert found.deadline() == least_us - 1 + PARAMS.vouch_hold_ms * MILLISECOND
    assert not found.vouch("n4", least_us), "once per verifier"
    found.vouch("n5", most_us - 1)
    assert found.deadline() == most_us


def test_ours_one_sick_accuser_never_convicts_early_in_a_cluster_of_three() -> None:
    hand = Hand(members=3)
    hand.silent_tcp.add(2)
    hand.hear(3, accuse(3))
    assert hand.state(2) == "suspect"
    hand.run(int(bounds_us(3)[0] / 1_000) + 1_000)
    assert hand.state(2) == "suspect", "this node reached it: no second accuser"


def test_ours_where_no_verifier_is_left_the_full_time_out_convicts_and_says_unverified() -> None:
    hand = Hand(members=2)
    hand.kill(2)
    while hand.state(2) != "suspect":
        hand.run(10)
    since_us = hand.now_us
    while hand.state(2) != "down":
        hand.run(10)
    assert hand.now_us - since_us == pytest.approx(bounds_us(2)[1], abs=SECOND // 10)
    assert hand.member(2).evidence[-1].detail == "unverified"
