"""Virtual time: a heap of what happens next, and the boot-time clocks that hosts read instead of it."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

_MILLION = 1_000_000


class Timeline:
    """True virtual time in microseconds. Things due at one moment happen in the order in which they were asked for."""

    def __init__(self) -> None:
        self.now_us = 0
        self._heap: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._sequence = 0

    def at(self, time_us: int, action: Callable[..., None], *arguments: Any) -> None:
        """Do ``action(*arguments)`` at ``time_us``, or now where that is past."""
        self._sequence += 1
        heapq.heappush(self._heap, (max(time_us, self.now_us), self._sequence, action, arguments))

    def run_until(self, time_us: int) -> None:
        """Let everything happen that is due by ``time_us``; it is ``time_us`` afterwards."""
        heap = self._heap
        pop = heapq.heappop
        while heap and heap[0][0] <= time_us:
            self.now_us, _, action, arguments = pop(heap)
            action(*arguments)
        self.now_us = time_us


class Clock:
    """A host's boot-time clock: its own origin, and a rate that is off by ``drift_ppm`` parts in a million."""

    def __init__(self, offset_us: int = 0, drift_ppm: int = 0) -> None:
        self.offset_us = offset_us
        self.drift_ppm = drift_ppm

    def ahead(self, by_us: int) -> Clock:
        """This clock after it leapt ahead."""
        return Clock(self.offset_us + by_us, self.drift_ppm)

    def local(self, true_us: int) -> int:
        """What this clock shows at ``true_us``."""
        return self.offset_us + true_us + true_us * self.drift_ppm // _MILLION

    def true(self, local_us: int) -> int:
        """The first true microsecond at which this clock shows ``local_us`` or more."""
        wanted = local_us - self.offset_us
        # local(t) >= L  <=>  t * (million + ppm) // million >= L - offset, and t is an integer
        return -(-wanted * _MILLION // (_MILLION + self.drift_ppm))
