"""Lines about members that only others speak of are bounded; about those that this node met they never are here."""

from __future__ import annotations

from pycluster.kernel.ids import Address
from pycluster.kernel.limits import HEARSAY_LINES_BURST, HEARSAY_LINES_PER_MINUTE
from pycluster.kernel.units import SECOND
from pycluster.membership.members import member_of
from pycluster.membership.messages import Alive
from pycluster.node.hearsay import Hearsay

GHOST = member_of(Alive("ghost", "uuid", 1, Address("192.0.2.9", 1)), "alive", 0)


def flooded() -> Hearsay:
    hearsay = Hearsay()
    allowed = [hearsay.allows(GHOST, "member-up", SECOND) for _ in range(HEARSAY_LINES_BURST + 5)]
    assert allowed.count(True) == HEARSAY_LINES_BURST
    return hearsay


def test_what_was_kept_back_is_told_a_minute_later_and_once() -> None:
    hearsay = flooded()
    assert hearsay.kept_back(30 * SECOND) == 0, "their minute is not over"
    assert hearsay.kept_back(62 * SECOND) == 5
    assert hearsay.kept_back(62 * SECOND) == 0, "told once"


def test_after_the_burst_so_many_come_back_in_a_minute() -> None:
    hearsay = flooded()
    allowed = [hearsay.allows(GHOST, "member-up", 61 * SECOND) for _ in range(HEARSAY_LINES_BURST)]
    assert allowed.count(True) == HEARSAY_LINES_PER_MINUTE


def test_a_flood_of_newcomers_leaves_room_for_deaths() -> None:
    assert flooded().allows(GHOST, "member-down", SECOND)


def test_a_member_that_was_met_is_always_told_of() -> None:
    met = member_of(Alive("node002", "uuid", 1, Address("192.0.2.2", 1)), "alive", 0)
    met.met = True
    assert flooded().allows(met, "member-up", SECOND)


def test_a_datagram_in_its_name_does_not_make_it_met() -> None:
    heard = member_of(Alive("node002", "uuid", 1, Address("192.0.2.2", 1)), "alive", 0)
    heard.last_seen_us = 5
    assert not flooded().allows(heard, "member-up", SECOND)
