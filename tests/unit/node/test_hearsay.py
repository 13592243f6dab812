"""Lines about members that only others speak of are bounded; about those that speak themselves they never are."""

from __future__ import annotations

from pycluster.kernel.ids import Address
from pycluster.kernel.limits import HEARSAY_LINES_PER_MINUTE
from pycluster.kernel.units import SECOND
from pycluster.membership.members import member_of
from pycluster.membership.messages import Alive
from pycluster.node.hearsay import Hearsay

GHOST = member_of(Alive("ghost", "uuid", 1, Address("192.0.2.9", 1)), "alive", 0)


def test_a_minute_holds_so_many_lines_and_the_next_minute_as_many_again() -> None:
    hearsay = Hearsay()
    allowed = [hearsay.allows(GHOST, SECOND) for _ in range(HEARSAY_LINES_PER_MINUTE + 5)]
    assert allowed.count(True) == HEARSAY_LINES_PER_MINUTE
    assert hearsay.kept_back(30 * SECOND) == 0, "their minute is not over"
    assert hearsay.kept_back(62 * SECOND) == 5
    assert hearsay.kept_back(62 * SECOND) == 0, "told once"
    assert hearsay.allows(GHOST, 63 * SECOND)


def test_a_member_that_spoke_itself_is_always_told_of() -> None:
    hearsay = Hearsay()
    heard = member_of(Alive("node002", "uuid", 1, Address("192.0.2.2", 1)), "alive", 0)
    heard.last_seen_us = 5
    for _ in range(HEARSAY_LINES_PER_MINUTE + 1):
        hearsay.allows(GHOST, SECOND)
    assert hearsay.allows(heard, SECOND)
