"""When leases end, by the leader's clock."""

from __future__ import annotations

from pycluster.kernel.units import SECOND
from pycluster.store import LeaseGrant, LeaseRevoke, Lessor
from pycluster.store.lessor import OFFER_PAUSE_US
from tests.unit.store.hand import done, store


def test_a_lease_expires_after_its_time_and_is_offered_until_it_is_revoked() -> None:
    one = store()
    lessor = Lessor(one)
    lessor.promote(0)
    done(one, LeaseGrant(10, 7))
    lessor.granted(7, 5 * SECOND)
    assert (lessor.next_deadline(), lessor.remaining_s(7, 6 * SECOND + 1)) == (15 * SECOND, 8)
    assert lessor.expired(15 * SECOND - 1, 10) == ()
    assert lessor.expired(15 * SECOND, 10) == (7,)
    assert lessor.expired(15 * SECOND, 10) == ()
    assert lessor.next_deadline() == 15 * SECOND + OFFER_PAUSE_US
    assert lessor.expired(15 * SECOND + OFFER_PAUSE_US, 10) == (7,)
    assert (lessor.renew(7, 16 * SECOND), lessor.remaining_s(7, 16 * SECOND)) == (0, 0)
    done(one, LeaseRevoke(7))
    lessor.revoked(7)
    assert (lessor.next_deadline(), lessor.expired(60 * SECOND, 10), lessor.remaining_s(7, 0)) == (None, (), -1)


def test_what_a_retry_is_told_of_a_lease_changes_none() -> None:
    """The answer is an old one: the lease may have ended since, or been granted anew."""
    one = store()
    lessor = Lessor(one)
    lessor.promote(0)
    lessor.granted(7, 0)
    assert lessor.next_deadline() is None
    done(one, LeaseGrant(10, 7))
    lessor.granted(7, 0)
    lessor.granted(7, 5 * SECOND)
    lessor.revoked(7)
    assert lessor.next_deadline() == 10 * SECOND and lessor.remaining_s(7, 5 * SECOND) == 5


def test_a_renewed_lease_begins_anew_and_an_old_turn_finds_nobody() -> None:
    one = store()
    done(one, LeaseGrant(10, 7))
    lessor = Lessor(one)
    lessor.promote(0)
    assert lessor.renew(7, 9 * SECOND) == 10
    assert lessor.renew(8, 9 * SECOND) == 0
    assert lessor.expired(10 * SECOND, 10) == ()
    assert lessor.next_deadline() == 19 * SECOND
    assert lessor.expired(19 * SECOND, 10) == (7,)


def test_a_lease_whose_time_is_over_cannot_be_renewed_even_before_it_was_offered() -> None:
    one = store()
    done(one, LeaseGrant(10, 7))
    lessor = Lessor(one)
    lessor.promote(0)
    assert lessor.renew(7, 10 * SECOND) == 0
    assert lessor.expired(10 * SECOND, 10) == (7,)


def test_so_many_are_offered_at_a_time_and_the_earliest_first() -> None:
    one = store()
    done(one, *(LeaseGrant(60 - number, number) for number in range(1, 6)))
    lessor = Lessor(one)
    lessor.promote(0)
    now_us = 60 * SECOND
    assert [lessor.expired(now_us, 2) for _ in range(4)] == [(5, 4), (3, 2), (1,), ()]


def test_a_new_leader_gives_all_leases_their_whole_time_and_a_former_one_ends_none() -> None:
    one = store()
    done(one, LeaseGrant(10, 7))
    lessor = Lessor(one)
    assert (lessor.next_deadline(), lessor.renew(7, 0), lessor.remaining_s(7, 99 * SECOND)) == (None, 0, 10)
    done(one, LeaseGrant(20, 8))
    lessor.granted(8, 0)
    lessor.promote(100 * SECOND)
    assert lessor.expired(110 * SECOND, 10) == (7,)
    lessor.demote()
    assert (lessor.next_deadline(), lessor.expired(200 * SECOND, 10)) == (None, ())
    lessor.promote(300 * SECOND)
    assert lessor.renew(7, 301 * SECOND) == 10
    assert lessor.expired(320 * SECOND, 10) == (7, 8)


def test_an_id_that_is_granted_again_has_a_time_of_its_own() -> None:
    one = store()
    lessor = Lessor(one)
    lessor.promote(0)
    done(one, LeaseGrant(10, 7))
    lessor.granted(7, 0)
    done(one, LeaseRevoke(7))
    lessor.revoked(7)
    done(one, LeaseGrant(10, 7))
    lessor.granted(7, 5 * SECOND)
    assert lessor.expired(10 * SECOND, 10) == ()
    assert lessor.expired(15 * SECOND, 10) == (7,)
    assert lessor.expired(15 * SECOND, 10) == ()
