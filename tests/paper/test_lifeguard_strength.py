"""Lifeguard (arXiv 1707.00788) §IV-B with our strengths of evidence: silent, unreachable, refused."""

from __future__ import annotations

import math

import pytest

from pycluster.kernel.units import MILLISECOND
from pycluster.membership.messages import Ping, Suspect, Vouch
from pycluster.membership.params import Params
from pycluster.membership.suspicion import REFUSED, SILENT, UNREACHABLE, Suspicion
from tests.paper.swim_hand import Hand, address, name, uuid

PARAMS = Params()
#: µs, in a cluster of ten.
LEAST_US = (3_000_000, 1_200_000, 300_000)
MOST_US = 12_000_000


def suspicion(*strengths: int, members: int = 10, health: int = 0) -> Suspicion:
    """Accused at 0 by as many as there are strengths."""
    found = Suspicion(PARAMS, 1, "n1", members, health, 0, strengths[0])
    for number, strength in enumerate(strengths[1:], start=2):
        assert found.confirm(f"n{number}", strength, 0)
    return found


@pytest.mark.parametrize("strength", [SILENT, UNREACHABLE, REFUSED])
@pytest.mark.parametrize("confirmations", [0, 1, 2, 3])
def test_section_4_b_the_formula_holds_for_each_strength_with_its_own_least(strength: int, confirmations: int) -> None:
    found = suspicion(*[strength] * (confirmations + 1))
    share = math.log(confirmations + 1) / math.log(PARAMS.confirmations + 1)
    assert found.deadline() == pytest.approx(MOST_US - (MOST_US - LEAST_US[strength]) * share, abs=2_000)


def test_only_accusers_of_at_least_that_strength_shorten_its_time() -> None:
    assert suspicion(REFUSED, SILENT, SILENT, SILENT).deadline() == pytest.approx(LEAST_US[SILENT], abs=2_000)
    mixed = suspicion(REFUSED, UNREACHABLE, UNREACHABLE, UNREACHABLE)
    assert mixed.deadline() == pytest.approx(LEAST_US[UNREACHABLE], abs=2_000), "the stronger counts among the weaker"


@pytest.mark.parametrize("members", [3, 4, 5, 100])
def test_one_accuser_alone_never_convicts_early_however_strong_its_evidence(members: int) -> None:
    assert suspicion(REFUSED, members=members).deadline() == suspicion(SILENT, members=members).deadline()


def test_in_a_cluster_of_three_the_third_members_word_is_enough() -> None:
    assert suspicion(REFUSED, REFUSED, members=3).deadline() == LEAST_US[REFUSED]


def test_of_two_members_the_one_left_waits_for_the_full_time_and_upgrades_itself_at_most() -> None:
    found = suspicion(SILENT, members=2)
    assert found.confirm("n1", REFUSED, 0)
    assert not found.confirm("n2", REFUSED, 0)
    assert (found.deadline(), found.verified) == (MOST_US, False)


def test_an_accuser_counts_once_with_its_strongest_evidence() -> None:
    found = suspicion(SILENT, SILENT)
    assert found.confirm("n2", UNREACHABLE, 0)
    assert not found.confirm("n2", UNREACHABLE, 0)
    assert not found.confirm("n2", SILENT, 0)
    assert found.accusers == ["n1", "n2"]
    assert found.strength_of("n2") == UNREACHABLE
    assert found.strength_of("n3") == -1


def test_enough_accusers_of_a_strength_are_enough_and_stronger_ones_still_count() -> None:
    found = suspicion(SILENT, SILENT, SILENT, SILENT)
    assert not found.confirm("n5", SILENT, 0)
    for number in range(5, 9):
        assert found.confirm(f"n{number}", REFUSED, 0)
    assert not found.confirm("n9", REFUSED, 0)
    assert not found.confirm("n9", UNREACHABLE, 0)
    assert len(found.accusers) == 2 * (PARAMS.confirmations + 1), "bounded"


def test_stronger_evidence_that_comes_late_leaves_time_to_refute_it() -> None:
    found = suspicion(SILENT, SILENT)
    for number in range(3, 7):
        found.confirm(f"n{number}", REFUSED, 2_000_000)
    assert found.deadline() == 2_000_000 + PARAMS.refused_suspicion_ms * MILLISECOND
    found = suspicion(SILENT)
    for number in range(3, 7):
        found.confirm(f"n{number}", UNREACHABLE, 100_000)
    assert found.deadline() == pytest.approx(LEAST_US[UNREACHABLE], abs=2), "counted from the suspicion's start"


def test_whoever_doubts_itself_waits_longer_unless_it_was_refused() -> None:
    assert suspicion(*[UNREACHABLE] * 4, health=2).deadline() == 3 * LEAST_US[UNREACHABLE]
    assert suspicion(*[REFUSED] * 4, health=2).deadline() == LEAST_US[REFUSED]


def test_a_vouch_holds_the_timer_of_strong_evidence_too() -> None:
    found = suspicion(*[REFUSED] * 4)
    found.vouch("n9", 200_000)
    assert found.held(200_000)
    assert found.deadline() == 200_000 + PARAMS.vouch_hold_ms * MILLISECOND


@pytest.mark.parametrize(("sent", "counts"), [(-5, 0), (0, 0), (1, 1), (2, 2), (3, 2), (2**40, 2)])
def test_a_strength_out_of_range_counts_as_the_nearest_and_is_passed_on_so(sent: int, counts: int) -> None:
    hand = Hand(members=6)
    hand.hear(3, Suspect(name(2), uuid(2), 1, name(3), sent))
    assert hand.member(2).strength == counts
    assert {told.strength for told in hand.told(Suspect, hand.run(500)) if isinstance(told, Suspect)} == {counts}


def test_a_stronger_word_of_the_same_accuser_is_passed_on_and_takes_the_weakers_place() -> None:
    hand = Hand(members=6)
    hand.kill(2)
    hand.hear(3, Suspect(name(2), uuid(2), 1, name(3)))
    hand.hear(3, Suspect(name(2), uuid(2), 1, name(3), REFUSED))
    done = hand.run(100)
    assert Suspect(name(2), uuid(2), 1, name(3), REFUSED) in hand.told(Suspect, done)
    assert [line.detail for line in hand.member(2).evidence] == ["silent", "refused"]


def test_who_verified_in_vain_looks_again_when_stronger_evidence_is_first_heard_of() -> None:
    hand = Hand(members=3)
    hand.kill(2)
    hand.hear(3, Suspect(name(2), uuid(2), 1, name(3)))
    hand.run(PARAMS.verify_timeout_ms + 100)
    assert Suspect(name(2), uuid(2), 1, name(1)) in hand.told(Suspect)
    hand.crash(2)
    done = hand.hear(3, Suspect(name(2), uuid(2), 1, name(3), REFUSED))
    assert [call.to for call in hand.calls(done)] == [address(2)]
    hand.run(200)
    assert Suspect(name(2), uuid(2), 1, name(1), REFUSED) in hand.told(Suspect)
    hand.run(300)
    assert hand.state(2) == "down"


def test_a_suspect_is_told_first_how_strongly_it_is_accused() -> None:
    hand = Hand(members=4)
    hand.kill(2)
    accusation = Suspect(name(2), uuid(2), 1, name(3), UNREACHABLE)
    done = hand.hear(3, accusation) + hand.run(500)
    pings = [sent for sent in hand.probes(Ping, done) if sent.to == address(2)]
    assert pings
    assert all(ping.packet.updates[0] == accusation for ping in pings)


def test_a_sick_accuser_that_is_refused_by_everyone_convicts_nobody_early_in_a_cluster_of_three() -> None:
    hand = Hand(members=3)
    hand.silent_tcp.add(2)
    hand.refusing.add(2)
    hand.hear(3, Suspect(name(2), uuid(2), 1, name(3), REFUSED))
    hand.run(5_000)
    assert hand.state(2) == "suspect", "this node reached it: no second accuser"
    assert Vouch(name(2), uuid(2), 1, name(1)) in hand.told(Vouch)


@pytest.mark.parametrize(("members", "within_ms"), [(3, 1_800), (5, 1_800), (20, 1_800)])
def test_a_cut_machine_is_convicted_about_two_seconds_after_its_probe_where_the_others_agree(
    members: int, within_ms: int
) -> None:
    hand = Hand(members)
    hand.run(2_000)
    hand.unplug(2)
    while hand.state(2) == "alive":
        hand.run(10)
    accused_us = hand.now_us
    for number in range(3, min(members, 5) + 1):
        hand.hear(number, Suspect(name(2), uuid(2), 1, name(number), UNREACHABLE))
    while hand.state(2) != "down":
        hand.run(10)
    assert (hand.now_us - accused_us) // MILLISECOND <= within_ms


def test_a_frozen_process_is_accused_of_silence_only() -> None:
    hand = Hand(members=5)
    hand.run(2_000)
    hand.kill(2)
    while hand.state(2) == "alive":
        hand.run(10)
    assert hand.member(2).strength == SILENT
