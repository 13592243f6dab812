"""Who watches a key: found without asking everybody."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator

from pycluster.store.keyspace import interval
from pycluster.store.model import Watch


class Audience:
    """Watchers by what they watch. Single keys and prefixes, which almost all watch, cost one look per length of
    prefix; open ends cost those that match; other intervals are gone through up to the key.
    """

    def __init__(self) -> None:
        self._keys: dict[bytes, set[int]] = {}
        self._prefixes: dict[int, dict[bytes, set[int]]] = {}
        self._open: list[tuple[bytes, int]] = []
        self._intervals: list[tuple[bytes, int, bytes]] = []

    def add(self, watch_id: int, watch: Watch) -> None:
        """From now on it is asked for its keys."""
        start, end = interval(watch.key, watch.range_end)
        if not watch.range_end:
            self._keys.setdefault(start, set()).add(watch_id)
        elif end is None:
            insort(self._open, (start, watch_id))
        elif end == after_prefix(start):
            self._prefixes.setdefault(len(start), {}).setdefault(start, set()).add(watch_id)
        else:
            insort(self._intervals, (start, watch_id, end))

    def remove(self, watch_id: int, watch: Watch) -> None:
        """It was added with the same watch."""
        start, end = interval(watch.key, watch.range_end)
        if not watch.range_end:
            _discard(self._keys, start, watch_id)
        elif end is None:
            self._open.remove((start, watch_id))
        elif end == after_prefix(start):
            prefixes = self._prefixes[len(start)]
            _discard(prefixes, start, watch_id)
            if not prefixes:
                del self._prefixes[len(start)]
        else:
            self._intervals.remove((start, watch_id, end))

    def of(self, key: bytes) -> Iterator[int]:
        """Everyone who watches ``key``, each once."""
        yield from self._keys.get(key, ())
        for length, prefixes in self._prefixes.items():
            yield from prefixes.get(key[:length], ())
        for _, watch_id in self._open[: bisect_right(self._open, key, key=lambda entry: entry[0])]:
            yield watch_id
        for _, watch_id, end in self._intervals[: bisect_right(self._intervals, key, key=lambda entry: entry[0])]:
            if key < end:
                yield watch_id


def after_prefix(prefix: bytes) -> bytes | None:
    """The first key past all that begin with ``prefix``; None where there is no such key."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes((kept[-1] + 1,)) if kept else None


def _discard(watchers: dict[bytes, set[int]], key: bytes, watch_id: int) -> None:
    watchers[key].discard(watch_id)
    if not watchers[key]:
        del watchers[key]
