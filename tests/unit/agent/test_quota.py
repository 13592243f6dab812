"""No kind of line has more than its share of a minute, and what was left out is told when the minute is over."""

from __future__ import annotations

from pycluster.agent.quota import Quota
from pycluster.kernel.units import SECOND

BOOTED = 1_000 * SECOND


def test_a_kind_has_its_share_and_takes_none_of_anothers() -> None:
    quota = Quota(3)
    assert quota.left_out(BOOTED) == {}
    assert [quota.allows("member-up") for _ in range(5)] == [True, True, True, False, False]
    assert quota.allows("leader-lost")


def test_what_was_left_out_is_told_once_when_the_minute_is_over() -> None:
    quota = Quota(3)
    quota.left_out(BOOTED)
    for _ in range(5):
        quota.allows("member-up")
    assert quota.allows("leader-lost")
    assert quota.left_out(BOOTED + 59 * SECOND) == {}
    assert quota.left_out(BOOTED + 60 * SECOND) == {"member-up": 2}
    assert quota.left_out(BOOTED + 200 * SECOND) == {}
    assert quota.allows("member-up")
