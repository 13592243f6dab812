"""Deadlines, one a key: the earliest is known, and the due are found, without looking at the rest."""

from __future__ import annotations

import heapq
from typing import Generic, TypeVar

Key = TypeVar("Key", int, str)

#: The heap is made anew when it holds more than twice as many entries as there are deadlines, and this many.
_STALE_MAX = 64


class Deadlines(Generic[Key]):
    """A heap in which what was moved or dropped stays until it comes up; times in µs."""

    def __init__(self) -> None:
        self._at_us: dict[Key, int] = {}
        self._heap: list[tuple[int, Key]] = []

    def __len__(self) -> int:
        return len(self._at_us)

    def put(self, key: Key, at_us: int) -> None:
        """Set or move the deadline of ``key``."""
        if self._at_us.get(key) == at_us:
            return
        self._at_us[key] = at_us
        heapq.heappush(self._heap, (at_us, key))
        if len(self._heap) > 2 * len(self._at_us) + _STALE_MAX:
            self._heap = [(at_us, key) for key, at_us in self._at_us.items()]
            heapq.heapify(self._heap)

    def drop(self, key: Key) -> None:
        """It has none any more."""
        self._at_us.pop(key, None)

    def earliest(self) -> int | None:
        """The first of all; None where there is none."""
        heap = self._heap
        while heap and self._at_us.get(heap[0][1]) != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def take(self, now_us: int, at_most: int) -> list[Key]:
        """Those that are due, the earliest first, and not too many at once; they have no deadline any more."""
        due: list[Key] = []
        if not self._heap or self._heap[0][0] > now_us:
            return due  # what stays of others is no later
        while len(due) < at_most:
            at_us = self.earliest()
            if at_us is None or at_us > now_us:
                break
            key = heapq.heappop(self._heap)[1]
            del self._at_us[key]
            due.append(key)
        return due
