"""What slow readers have not taken is bounded for all connections of a kind, counted only when it may be too much."""

from __future__ import annotations

import asyncio

from pycluster.web.bounds import Bounds
from pycluster.web.crowd import Crowd

BOUNDS = Bounds(unsent_max_bytes=1_000_000, long_bytes=200_000)


class Reader(asyncio.Transport):
    """Takes what it likes of what is written."""

    def __init__(self, crowd: Crowd) -> None:
        super().__init__()
        self.waiting = 0
        self.looked_at = 0
        self._crowd = crowd
        crowd.enter(self)

    def get_write_buffer_size(self) -> int:
        self.looked_at += 1
        return self.waiting

    def told(self, size: int, *, takes: bool) -> None:
        self._crowd.wrote(size)
        self.waiting += 0 if takes else size

    def swamped(self) -> bool:
        return self._crowd.swamped(self)


def test_many_slow_readers_together_are_too_much_as_soon_as_they_pass_the_bound_and_no_more_when_they_read() -> None:
    crowd = Crowd(BOUNDS, unix=False)
    slow, quick = [Reader(crowd) for _ in range(100)], Reader(crowd)
    for number, one in enumerate(slow):
        assert quick.swamped() is (number * 10_001 > BOUNDS.unsent_max_bytes)
        one.told(10_001, takes=False)
    assert quick.swamped()
    slow[0].waiting = 0
    assert not quick.swamped()
    slow[0].told(10_000, takes=False)
    assert quick.swamped()


def test_those_that_are_gone_leave_nothing_behind() -> None:
    crowd = Crowd(BOUNDS, unix=False)
    slow, quick = [Reader(crowd) for _ in range(10)], Reader(crowd)
    for one in slow:
        one.told(150_000, takes=False)
    assert quick.swamped()
    for one in slow:
        crowd.leave(one)
    assert not quick.swamped()
    assert len(crowd) == 1
    crowd.leave(slow[0])
    assert len(crowd) == 1


def test_whoever_has_not_taken_one_long_answer_is_told_no_more_whatever_the_others_do() -> None:
    crowd = Crowd(BOUNDS, unix=False)
    slow, quick = Reader(crowd), Reader(crowd)
    slow.told(BOUNDS.long_bytes, takes=False)
    assert not slow.swamped()
    slow.told(1, takes=False)
    assert slow.swamped()
    assert not quick.swamped()


def test_a_thousand_events_to_those_who_read_look_at_the_others_but_a_few_times() -> None:
    crowd = Crowd(BOUNDS, unix=False)
    others, quick = [Reader(crowd) for _ in range(50)], Reader(crowd)
    for _ in range(1_000):
        assert not quick.swamped()
        quick.told(4_000, takes=True)
    assert 1 <= others[0].looked_at <= 6
