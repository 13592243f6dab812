"""Every version of every key that is still kept."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from pycluster.store.index import SortedKeys
from pycluster.store.versions import is_deletion, mod_revision


def interval(key: bytes, range_end: bytes) -> tuple[bytes, bytes | None]:
    """First key, and first key past the end (None: open), of etcd's ``key`` and ``range_end``."""
    return key, key + b"\0" if not range_end else None if range_end == b"\0" else range_end


class Keyspace:
    """Keys to versions. A key with one version has just that; one with more has a list: its own key object, which the
    history shares, and then the versions, oldest first. A key whose newest version is a deletion is dead, and stays
    until the deletion is compacted.
    """

    def __init__(self) -> None:
        self._versions: dict[bytes, bytes | list[bytes]] = {}
        self._keys = SortedKeys()
        self._dead = SortedKeys()

    def newest(self, key: bytes) -> bytes | None:
        """The newest version, which may be a deletion."""
        kept = self._versions.get(key)
        return kept[-1] if isinstance(kept, list) else kept

    def live(self, key: bytes) -> bytes | None:
        """The newest version, None for a dead key."""
        newest = self.newest(key)
        return None if newest is None or is_deletion(newest) else newest

    def at(self, key: bytes, revision: int) -> bytes | None:
        """The version that was the newest at ``revision``, None where there was none."""
        kept = self._versions.get(key)
        if isinstance(kept, list):
            place = bisect_right(kept, revision, 1, key=mod_revision)
            kept = kept[place - 1] if place > 1 else None
        elif kept is not None and mod_revision(kept) > revision:
            kept = None
        return None if kept is None or is_deletion(kept) else kept

    def versions(self, key: bytes) -> Sequence[bytes]:
        """All of them, oldest first."""
        kept = self._versions.get(key)
        if kept is None:
            return ()
        return kept[1:] if isinstance(kept, list) else (kept,)

    def made_by(self, key: bytes, revision: int) -> Sequence[bytes]:
        """The versions that ``revision`` made of a key: one, or more where a transaction changed it again."""
        kept = self._versions[key]
        if not isinstance(kept, list):
            return (kept,) if mod_revision(kept) == revision else ()
        first = bisect_left(kept, revision, 1, key=mod_revision)
        return kept[first : bisect_right(kept, revision, first, key=mod_revision)]

    def walk(self, start: bytes, end: bytes | None, revision: int = 0) -> Iterator[tuple[bytes, bytes]]:
        """Keys and versions of an interval as they are now, or as they were at ``revision``, in the order of keys."""
        if end == start + b"\0":
            packed = self.at(start, revision) if revision else self.live(start)
            if packed is not None:
                yield start, packed
            return
        look = (lambda key: self.at(key, revision)) if revision else self.live
        for key in self._keys.walk(start, end):
            packed = look(key)
            if packed is not None:
                yield key, packed

    def count(self, start: bytes, end: bytes | None) -> int:
        """How many keys of an interval live."""
        if end == start + b"\0":
            return int(self.live(start) is not None)
        return self._keys.count(start, end) - self._dead.count(start, end)

    def every(self, start: bytes, most: int) -> list[bytes]:
        """Up to ``most`` keys from ``start`` on, dead ones too."""
        return [key for _, key in zip(range(most), self._keys.walk(start, None), strict=False)]

    def write(self, key: bytes, packed: bytes) -> bytes:
        """Add the newest version; returns the key object that is kept."""
        kept = self._versions.get(key)
        if kept is None:
            self._versions[key] = packed
            self._keys.add(key)
        else:
            if not isinstance(kept, list):
                kept = self._versions[key] = [self._keys.own(key), kept]
            if is_deletion(kept[-1]):
                self._dead.remove(key)
            kept.append(packed)
            key = kept[0]
        if is_deletion(packed):
            self._dead.add(key)
        return key

    def undo(self, key: bytes) -> bytes | None:
        """Take the newest version back; returns the one before."""
        kept = self._versions[key]
        if is_deletion(kept[-1] if isinstance(kept, list) else kept):
            self._dead.remove(key)
        if not isinstance(kept, list):
            del self._versions[key]
            self._keys.remove(key)
            return None
        kept.pop()
        if is_deletion(kept[-1]):
            self._dead.add(kept[0])
        newest = kept[-1]
        if len(kept) == 2:
            self._versions[key] = newest
        return newest

    def trim(self, key: bytes, through: int, compacted: int) -> None:
        """Remove what a compaction at ``compacted`` forgets of ``key``, as far as ``through`` superseded it."""
        kept = self._versions.get(key)
        if kept is None:
            return
        versions = kept if isinstance(kept, list) else [key, kept]
        cut = forgotten(versions, through, compacted, 1)
        if cut == 1:
            return
        if cut == len(versions):
            del self._versions[key]
            self._keys.remove(key)
            self._dead.remove(key)
        elif cut == len(versions) - 1:
            self._versions[key] = versions[-1]
        else:
            del versions[1:cut]


def forgotten(versions: Sequence[bytes], through: int, compacted: int, first: int = 0) -> int:
    """Where those begin that a compaction at ``compacted`` keeps, ``through`` at most that.

    It keeps what it can still be asked for: everything that ``compacted`` and later revisions made, and of what came
    before the one version that was valid at ``compacted``, unless that is a deletion.
    """
    place = bisect_right(versions, through, first, key=mod_revision)
    if place == first:
        return first
    newest = versions[place - 1]
    if mod_revision(newest) == compacted:
        return bisect_left(versions, compacted, first, key=mod_revision)
    return place if is_deletion(newest) else place - 1
