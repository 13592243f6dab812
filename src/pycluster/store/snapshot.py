"""The whole state in pieces: written while the store goes on changing, and read back with nothing taken on trust."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import TypeVar, assert_never
from zlib import crc32

import msgspec

from pycluster.kernel.bounded import UNREADABLE
from pycluster.store import versions
from pycluster.store.contents import PASSED
from pycluster.store.history import History
from pycluster.store.params import Params
from pycluster.store.store import Store

_Item = TypeVar("_Item")

_FORMAT = 1
#: Number and checksum in front of each piece; the checksum goes on from the one before, so pieces of two snapshots do
#: not mix.
_HEAD_BYTES = 8
#: More revisions than these cannot be: each has a version that counts at least so much, and a state has a bound.
_REVISIONS_MAX = 1 << 24


class SnapshotDamaged(Exception):
    """What was read is not a snapshot from its beginning to its end, each piece once and in order."""


class _Head(msgspec.Struct, frozen=True, array_like=True, tag="head"):
    """First of all."""

    format: int
    revision: int
    compacted: int


class _Leases(msgspec.Struct, frozen=True, array_like=True, tag="leases"):
    """IDs, and the seconds that they were granted for."""

    items: list[tuple[int, int]]


class _Answers(msgspec.Struct, frozen=True, array_like=True, tag="answers"):
    """Remembered requests and their answers, oldest first."""

    items: list[tuple[bytes, bytes]]


class _Keys(msgspec.Struct, frozen=True, array_like=True, tag="keys"):
    """Keys in order with their versions; one with many goes on in the next item."""

    items: list[tuple[bytes, Sequence[bytes]]]


class _Orders(msgspec.Struct, frozen=True, array_like=True, tag="orders"):
    """Revisions that changed more than one key, and in which order; one with many goes on in the next item."""

    items: list[tuple[int, Sequence[bytes]]]


class _End(msgspec.Struct, frozen=True, array_like=True, tag="end"):
    """Last of all."""

    versions: int


_Piece = _Head | _Leases | _Answers | _Keys | _Orders | _End
_STAGES: tuple[type[_Piece], ...] = (_Head, _Leases, _Answers, _Keys, _Orders, _End)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Piece).decode


class SnapshotWriter:
    """The state as it is now, whatever is applied while it is written; ``close`` it in any case."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._contents = store.contents()
        self._pieces = self._walk()
        self._number = 0
        self._checksum = 0
        self._open = True
        store.writers += 1

    def chunk(self) -> bytes | None:
        """The next piece, of about ``chunk_bytes`` (one large value may make it larger); None after the last."""
        piece = next(self._pieces, None) if self._open else None
        if piece is None:
            return None
        number, body = self._number.to_bytes(4, "big"), _encode(piece)
        self._number += 1
        self._checksum = crc32(body, crc32(number, self._checksum))
        return number + self._checksum.to_bytes(4, "big") + body

    def close(self) -> None:
        """The store may again remove what is compacted."""
        if self._open:
            self._open = False
            self._store.writers -= 1

    def _walk(self) -> Iterator[_Piece]:
        contents = self._contents
        yield _Head(_FORMAT, contents.revision, contents.compacted)
        for leases in self._batches(contents.leases, lambda _: 16):
            yield _Leases(leases)
        for answers in self._batches(contents.answers.items(), lambda item: 8 + len(item[0]) + len(item[1])):
            yield _Answers(answers)
        written = 0
        for keys in self._batches(contents.versions(), lambda item: 64 + len(item[0]) + sum(map(len, item[1]))):
            yield _Keys([item for item in keys if item[1]])
            written += sum(len(item[1]) for item in keys)
        for orders in self._batches(contents.orders(), lambda item: 8 * PASSED + sum(map(len, item[1]))):
            yield _Orders([item for item in orders if item[1]])
        yield _End(written)

    def _batches(self, items: Iterable[_Item], weight: Callable[[_Item], int]) -> Iterator[list[_Item]]:
        """As many as fit. What only takes time weighs something too."""
        batch: list[_Item] = []
        left = self._store.params.chunk_bytes
        for item in items:
            batch.append(item)
            left -= weight(item)
            if left <= 0:
                yield batch
                batch, left = [], self._store.params.chunk_bytes
        if batch:
            yield batch


class SnapshotReader:
    """Builds a store from the pieces, in their order."""

    def __init__(self, params: Params) -> None:
        self._store = Store(params)
        self._number = 0
        self._checksum = 0
        self._stage: type[_Piece] | None = None
        self._last_key = b""
        self._versions = 0
        self._first = 1
        self._changes: list[bytes | list[bytes] | None] = []
        self._orders: dict[int, list[bytes]] = {}
        self._freed = array("q")
        self._freed_later = 0

    def feed(self, chunk: bytes) -> None:
        """The next piece. Raises ``SnapshotDamaged``; then this reader is of no more use."""
        number, body = chunk[:4], chunk[_HEAD_BYTES:]
        self._checksum = crc32(body, crc32(number, self._checksum))
        if number != self._number.to_bytes(4, "big") or chunk[4:_HEAD_BYTES] != self._checksum.to_bytes(4, "big"):
            raise SnapshotDamaged(f"piece {self._number} is damaged or out of order")
        self._number += 1
        try:
            piece = _decode(body)
        except UNREADABLE as error:
            raise SnapshotDamaged(f"piece {self._number - 1} cannot be read: {error}") from error
        stage = type(piece)
        _demand((self._stage is None) == (stage is _Head), "the head comes first")
        _demand(self._stage is None or _STAGES.index(stage) >= _STAGES.index(self._stage), "pieces are out of order")
        _demand(self._stage is not _End, "there is something after the end")
        self._stage = stage
        self._take(piece)

    def finish(self) -> Store:
        """The store. Raises ``SnapshotDamaged`` where something is missing."""
        _demand(self._stage is _End, "the end is missing")
        changes = [self._ordered(revision, keys) for revision, keys in enumerate(self._changes, self._first)]
        _demand(not self._orders, "an order has no keys")
        _demand(self._store.leases.consistent(), "a key has a lease that is not there")
        freed = array("q", accumulate(self._freed))
        self._store.history = History(self._first, changes, freed, self._freed_later)
        return self._store

    def _ordered(self, revision: int, keys: bytes | list[bytes] | None) -> bytes | tuple[bytes, ...]:
        if isinstance(keys, bytes):
            return keys
        if keys is None:
            # Nothing changed at 1; nor at one that a restored state was moved ahead to, which is compacted.
            _demand(revision in (1, self._store.compacted), f"what revision {revision} changed is missing")
            return ()
        order = {key: key for key in keys}
        wanted = self._orders.pop(revision, [])
        _demand(sorted(wanted) == keys, f"the order of revision {revision} is not that of its keys")
        return tuple(order[key] for key in wanted)

    def _take(self, piece: _Piece) -> None:
        store = self._store
        match piece:
            case _Head():
                self._begin(piece)
            case _Leases():
                for lease, ttl_s in piece.items:
                    store.leases.restore(lease, ttl_s)
            case _Answers():
                for request_id, answer in piece.items:
                    _demand(store.remembered.find(request_id) is None, "an answer is there twice")
                    try:
                        store.remembered.restore(request_id, answer)
                    except UNREADABLE as error:
                        raise SnapshotDamaged(f"an answer cannot be read: {error}") from error
            case _Keys():
                for key, packed in piece.items:
                    _demand(key >= self._last_key, "keys are out of order")
                    for one in packed:
                        self._add(key, one)
            case _Orders():
                for revision, keys in piece.items:
                    self._orders.setdefault(revision, []).extend(keys)
            case _End():
                _demand(piece.versions == self._versions, "versions are missing")
            case _:
                assert_never(piece)

    def _begin(self, head: _Head) -> None:
        _demand(head.format == _FORMAT, f"its format is {head.format}, not {_FORMAT}")
        self._first = max(head.compacted, 1)
        length = head.revision - self._first + 1
        _demand(0 < length <= _REVISIONS_MAX, "its revisions are not possible")
        self._store.revision, self._store.compacted = head.revision, head.compacted
        self._changes = [None] * length
        self._freed = array("q", bytes(8 * length))

    def _add(self, key: bytes, packed: bytes) -> None:
        store = self._store
        _demand(versions.well_formed(packed), "a version is cut")
        revision = versions.mod_revision(packed)
        previous = store.keyspace.newest(key) if key == self._last_key else None
        since = 2 if previous is None else versions.mod_revision(previous)
        _demand(since <= revision <= store.revision, "a version is of no possible revision")
        self._last_key = key = store.keyspace.write(key, packed)
        self._versions += 1
        store.leases.move(key, versions.lease(previous), versions.lease(packed))
        size = versions.size_bytes(key, packed)
        store.written_bytes += size
        if versions.is_deletion(packed):
            self._free(revision + 1, size)
        if previous is not None and not versions.is_deletion(previous):
            self._free(max(revision, since + 1), versions.size_bytes(key, previous))
        place = revision - self._first
        if place >= 0:
            made = self._changes[place]
            if isinstance(made, list):
                made.append(key)
            else:
                self._changes[place] = key if made is None else [made, key]

    def _free(self, revision: int, size: int) -> None:
        _demand(revision >= self._first, "a version is there that was forgotten")
        if revision <= self._store.revision:
            self._freed[revision - self._first] += size
        else:
            self._freed_later += size


def _demand(condition: bool, complaint: str) -> None:
    if not condition:
        raise SnapshotDamaged(complaint)
