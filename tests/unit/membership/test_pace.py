"""The pace of probes: faster while several die together, and bounded whatever anybody says."""

from __future__ import annotations

import pytest

from pycluster.membership.messages import Ping, Suspect
from pycluster.membership.suspicion import REFUSED, SILENT, UNREACHABLE
from tests.paper.swim_hand import Hand, name, uuid


def accusation(number: int, strength: int, by: int = 3) -> Suspect:
    """Node ``by`` accuses node ``number``."""
    return Suspect(name(number), uuid(number), 1, name(by), strength)


def probes(hand: Hand, for_ms: int) -> int:
    """How many of the members 30 and more were probed: those whom nobody accuses, so that none is verified."""
    return sum(int(ping.to.host.rpartition(".")[2]) >= 30 for ping in hand.probes(Ping, hand.run(for_ms), asks=False))


def crowd() -> Hand:
    """A member of two hundred, of whom nobody accuses those from 30 on."""
    hand = Hand(members=200)
    hand.run(2_000)
    return hand


@pytest.mark.parametrize("strength", [UNREACHABLE, REFUSED])
def test_two_that_die_together_quicken_the_probes_for_a_second(strength: int) -> None:
    hand = crowd()
    hand.hear(3, accusation(10, strength), accusation(11, strength))
    assert 3 <= probes(hand, 1_000) <= 6
    hand.run(1_000)
    assert probes(hand, 3_000) <= 4


def test_one_death_alone_quickens_nothing() -> None:
    hand = crowd()
    for by in (3, 4, 5):
        hand.hear(by, accusation(10, UNREACHABLE, by))
    assert probes(hand, 3_000) <= 4


def test_the_mute_quicken_nothing_for_a_starved_machine_accuses_many() -> None:
    hand = crowd()
    hand.hear(3, *(accusation(number, SILENT) for number in range(10, 20)))
    assert probes(hand, 3_000) <= 4


def test_deaths_far_apart_quicken_nothing() -> None:
    hand = crowd()
    hand.hear(3, accusation(10, UNREACHABLE))
    hand.run(2_500)
    hand.hear(3, accusation(11, UNREACHABLE))
    assert probes(hand, 3_000) <= 4


def test_however_many_are_accused_the_pace_has_a_bound() -> None:
    hand = crowd()
    total = 0
    for number in range(10, 30):
        hand.hear(3, accusation(number, UNREACHABLE))
        total += probes(hand, 100)
    assert total <= 12
