"""The logical state at one revision, item by item, in one order: what snapshots and digests are made of."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import TypeVar

import msgspec

from pycluster.store.history import History
from pycluster.store.keyspace import Keyspace, forgotten
from pycluster.store.leases import Leases
from pycluster.store.remembered import Remembered
from pycluster.store.versions import mod_revision

_Name = TypeVar("_Name", bytes, int)

_PAGE = 100
#: Revisions that are looked at in the time that one item may take.
PASSED = 32
#: Bytes of a key's versions, or of a revision's keys, in one item.
_PART_BYTES = 65_536


class Contents:
    """Leases and answers are taken at once; keys and orders are read on the way, with what came later left out. What is
    compacted later must not be removed meanwhile.
    """

    def __init__(
        self,
        keyspace: Keyspace,
        history: History,
        leases: Leases,
        remembered: Remembered,
        revision: int,
        compacted: int,
    ) -> None:
        self._keyspace = keyspace
        self._history = history
        self.revision = revision
        self.compacted = compacted
        self.leases = [(lease, leases.granted_ttl_s(lease)) for lease in leases.ids()]
        self.answers = remembered.everything()

    def versions(self) -> Iterator[tuple[bytes, Sequence[bytes]]]:
        """Keys in order with their versions, oldest first; in parts where they are many. A key that has nothing to tell
        comes without versions, so that whoever reads on knows that time passes.
        """
        start = b""
        while page := self._keyspace.every(start, _PAGE):
            for key in page:
                versions = self._keyspace.versions(key)
                # Of almost every key nothing is forgotten, and nothing came later.
                if mod_revision(versions[0]) <= self.compacted or mod_revision(versions[-1]) > self.revision:
                    first = forgotten(versions, self.compacted, self.compacted)
                    versions = versions[first : bisect_right(versions, self.revision, first, key=mod_revision)]
                yield from _parts(key, versions)
            start = page[-1] + b"\0"

    def orders(self) -> Iterator[tuple[int, Sequence[bytes]]]:
        """Revisions that changed more than one key, with them in the order of their changes. Of the others one in
        ``PASSED`` comes, without keys, so that whoever reads on knows that time passes.
        """
        changes = self._history.changes
        for revision in range(max(self.compacted, 1), self.revision + 1):
            keys = changes(revision)
            if len(keys) > 1:
                yield from _parts(revision, keys)
            elif not revision % PASSED:
                yield revision, ()

    def digest(self) -> int:
        """64 bits."""
        encode = msgspec.msgpack.Encoder().encode
        answers = [*self.answers.items()]
        digest = blake2b(encode((self.revision, self.compacted, self.leases, answers)), digest_size=8)
        for key, versions in self.versions():
            if versions:
                digest.update(encode((key, versions)))
        for revision, keys in self.orders():
            if keys:
                digest.update(encode((revision, keys)))
        return int.from_bytes(digest.digest(), "big")


def _parts(name: _Name, items: Sequence[bytes]) -> Iterator[tuple[_Name, Sequence[bytes]]]:
    if sum(map(len, items)) < _PART_BYTES:
        yield name, items
        return
    first = size = 0
    for place, item in enumerate(items):
        size += len(item)
        if size >= _PART_BYTES:
            yield name, items[first : place + 1]
            first, size = place + 1, 0
    if first < len(items) or not items:
        yield name, items[first:]
