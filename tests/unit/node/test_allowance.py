"""So many at once and so many a minute, for each key apart, within a bound of keys."""

from __future__ import annotations

from pycluster.kernel.units import SECOND
from pycluster.node.allowance import Allowance

START_US = 1_000 * SECOND


def spend(allowance: Allowance, key: str, now_us: int, tries: int = 100) -> int:
    return sum(allowance.allows(key, now_us) for _ in range(tries))


def test_a_burst_then_so_many_a_minute() -> None:
    allowance = Allowance(burst=5, per_minute=2)
    assert spend(allowance, "a", START_US) == 5
    assert spend(allowance, "a", START_US + 29 * SECOND) == 0
    assert spend(allowance, "a", START_US + 30 * SECOND) == 1
    assert spend(allowance, "a", START_US + 90 * SECOND) == 2


def test_after_a_long_silence_the_whole_burst_is_back_and_no_more() -> None:
    allowance = Allowance(burst=5, per_minute=2)
    spend(allowance, "a", START_US)
    assert spend(allowance, "a", START_US + 3_600 * SECOND) == 5


def test_taking_without_asking_owes_one_at_most() -> None:
    allowance = Allowance(burst=5, per_minute=2)
    for _ in range(50):
        allowance.take("a", START_US)
    assert spend(allowance, "a", START_US + 29 * SECOND) == 0
    assert spend(allowance, "a", START_US + 30 * SECOND) == 1


def test_keys_past_the_bound_get_nothing_until_others_have_everything_back() -> None:
    allowance = Allowance(burst=2, per_minute=1, keys=2)
    assert spend(allowance, "a", START_US) == 2
    assert spend(allowance, "b", START_US) == 2
    assert spend(allowance, "c", START_US + 60 * SECOND) == 0
    assert spend(allowance, "c", START_US + 120 * SECOND) == 2
