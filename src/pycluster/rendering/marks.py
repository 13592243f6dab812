"""One fingerprint of everything that decides what becomes of a template."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from functools import cached_property

import msgspec

from pycluster import judging
from pycluster.rendering.model import Around


def above(prefix: bytes) -> bytes:
    """The end of the interval of all that begins so."""
    return prefix[:-1] + bytes((prefix[-1] + 1,))


class Marks:
    """When keys were last changed, by revision."""

    def __init__(self, revisions: Mapping[bytes, int]) -> None:
        self._revisions = revisions
        self._known: dict[tuple[bytes, bytes], tuple[int, int]] = {}

    @cached_property
    def order(self) -> list[bytes]:
        """The keys in their order."""
        return sorted(self._revisions)

    def between(self, key: bytes, end: bytes) -> list[bytes]:
        """The keys of an interval; an empty end: that key alone."""
        if not end:
            return [key] if key in self._revisions else []
        return self.order[bisect_left(self.order, key) : bisect_left(self.order, end)]

    def of(self, key: bytes, end: bytes) -> tuple[int, int]:
        """How many there are and the newest change: what is written is newer, and deletions alone make it fewer."""
        mark = self._known.get((key, end))
        if mark is None:
            found = [self._revisions[one] for one in self.between(key, end)]
            mark = self._known[key, end] = (len(found), max(found, default=0))
        return mark


def fingerprint(
    marks: Marks, source: tuple[tuple[bytes, bytes], ...], reads: judging.Reads, around: Around, staged: int = 0
) -> bytes:
    """Equal as long as the template (in the intervals ``source``) and everything that it read is what it was.

    ``staged``: the version that is rolled out, where its text is used.
    """
    parts: list[object] = [around.node, staged]
    parts += [marks.of(*pair) for pair in source]
    parts += [marks.of(key, b"") for key in reads.keys]
    parts += [marks.of(prefix, above(prefix)) for prefix in reads.prefixes]
    parts += [around.members] if reads.members else []
    parts += [around.leader] if reads.leader else []
    return msgspec.msgpack.encode(parts)
