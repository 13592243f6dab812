"""Deadlines by key: the earliest first, so many at a time, and what was moved or dropped does not pile up."""

from __future__ import annotations

from random import Random

from pycluster.membership.deadlines import Deadlines


def test_the_due_are_taken_earliest_first_and_once() -> None:
    deadlines: Deadlines[str] = Deadlines()
    for name, at_us in (("c", 30), ("a", 10), ("b", 20), ("d", 40)):
        deadlines.put(name, at_us)
    assert deadlines.earliest() == 10
    assert deadlines.take(30, 2) == ["a", "b"]
    assert deadlines.take(30, 9) == ["c"]
    assert deadlines.take(30, 9) == []
    assert deadlines.earliest() == 40


def test_a_key_has_one_deadline_however_often_it_was_moved() -> None:
    deadlines: Deadlines[int] = Deadlines()
    for at_us in (50, 10, 30, 10, 70, 30):
        deadlines.put(1, at_us)
    deadlines.put(2, 60)
    assert deadlines.take(29, 9) == []
    assert deadlines.take(100, 9) == [1, 2]
    assert len(deadlines) == 0


def test_who_was_dropped_is_never_due() -> None:
    deadlines: Deadlines[int] = Deadlines()
    deadlines.put(1, 10)
    deadlines.put(2, 20)
    deadlines.drop(1)
    deadlines.drop(3)
    assert deadlines.earliest() == 20
    assert deadlines.take(100, 9) == [2]
    assert deadlines.earliest() is None


def test_what_is_moved_for_ever_takes_no_more_room_for_it() -> None:
    deadlines: Deadlines[int] = Deadlines()
    rng = Random(1)
    expected: dict[int, int] = {}
    for _ in range(20_000):
        key = rng.randrange(50)
        deadlines.put(key, expected.setdefault(key, 0) + 1)
        expected[key] += 1
    assert len(deadlines.__dict__["_heap"]) <= 2 * 50 + 64
    assert sorted(deadlines.take(10**9, 99)) == sorted(expected)
