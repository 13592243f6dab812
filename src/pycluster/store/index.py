"""Keys in order: a sorted list in blocks, so that an insertion moves a thousand pointers and not a million."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

_BLOCK = 1_000


class SortedKeys:
    """A sorted set of keys. ``end`` None is the open end. Do not change it while a walk goes on."""

    def __init__(self) -> None:
        self._blocks: list[list[bytes]] = []
        self._last: list[bytes] = []
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def add(self, key: bytes) -> None:
        """``key`` is not there yet."""
        self._length += 1
        if not self._last or key > self._last[-1]:
            # Keys that arrive in order fill their blocks.
            if not self._blocks or len(self._blocks[-1]) >= 2 * _BLOCK:
                self._blocks.append([])
                self._last.append(key)
            self._blocks[-1].append(key)
            self._last[-1] = key
            return
        place = bisect_left(self._last, key)
        block = self._blocks[place]
        insort(block, key)
        if len(block) > 2 * _BLOCK:
            self._blocks[place : place + 1] = [block[:_BLOCK], block[_BLOCK:]]
            self._last[place : place + 1] = [block[_BLOCK - 1], block[-1]]

    def remove(self, key: bytes) -> None:
        """``key`` is there."""
        self._length -= 1
        place = bisect_left(self._last, key)
        block = self._blocks[place]
        del block[bisect_left(block, key)]
        if not block:
            del self._blocks[place], self._last[place]
        else:
            self._last[place] = block[-1]

    def own(self, key: bytes) -> bytes:
        """The object that is kept here for ``key``, which is there: to share it instead of keeping a second one."""
        block = self._blocks[bisect_left(self._last, key)]
        return block[bisect_left(block, key)]

    def walk(self, start: bytes, end: bytes | None) -> Iterator[bytes]:
        """Every key from ``start`` to before ``end``."""
        first = bisect_left(self._last, start)
        for place in range(first, len(self._blocks)):
            block = self._blocks[place]
            low = bisect_left(block, start) if place == first else 0
            if end is not None and end <= block[-1]:
                yield from block[low : bisect_left(block, end)]
                return
            yield from block[low:] if low else block

    def count(self, start: bytes, end: bytes | None) -> int:
        """How many keys there are from ``start`` to before ``end``."""
        return max(0, (self._length if end is None else self._position(end)) - self._position(start))

    def _position(self, key: bytes) -> int:
        place = bisect_left(self._last, key)
        before = sum(map(len, self._blocks[:place]))
        return before + (bisect_left(self._blocks[place], key) if place < len(self._blocks) else 0)
