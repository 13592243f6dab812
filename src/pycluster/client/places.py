"""Who stands in the queue of a lock or an election, among whatever else lies below its name.

A place is a key ``NAME/LEASE``, the lease in hexadecimal. Other keys below ``NAME/`` are no places: those of a lock
``NAME/more``, or somebody's own.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from pycluster import store
from pycluster.client.errors import TooLarge

_PLACE = re.compile(rb"[0-9a-f]{1,16}")
_DIGITS = b"0123456789abcdef"
_DIGITS_MAX = 16
#: Keys in one answer, unless that is too large.
_PIECE_KEYS = 1_000
#: Answers that one look at the queue may take.
_PIECES_MAX = 1_000


class Reader(Protocol):
    """What looking at a queue needs of a client."""

    async def range(self, wanted: store.Range, *, timeout_s: float | None = None) -> store.RangeResult: ...


def is_place(prefix: bytes, key: bytes) -> bool:
    """Whether it is a place in the queue below ``prefix``, which is ``NAME/``."""
    return key.startswith(prefix) and _PLACE.fullmatch(key, len(prefix)) is not None


def _as_ever() -> None:
    """As long as the client waits."""


def next_place(rest: bytes) -> bytes:
    """The least place after ``rest`` in the order of keys, both without their prefix; nothing where there is none."""
    digits = rest[: len(rest) - len(rest.lstrip(_DIGITS))][:_DIGITS_MAX]
    after = rest[len(digits) : len(digits) + 1]
    while True:
        if len(digits) < _DIGITS_MAX:
            for digit in _DIGITS:
                if bytes((digit,)) > after:
                    return digits + bytes((digit,))
        if not digits:
            return b""
        digits, after = digits[:-1], digits[-1:]


async def places(
    client: Reader, prefix: bytes, left_s: Callable[[], float | None] = _as_ever, *, at_once: bool = False
) -> AsyncGenerator[tuple[int, tuple[store.KeyValue, ...]], None]:
    """The places below ``prefix`` without their values, in the order of keys, a piece at a time with its revision.

    Pieces are each of their own revision, so that none is of one that is forgotten meanwhile; ``at_once``: all are of
    the first's, or it raises ``Compacted``. ``left_s`` is how long to wait for the next answer (s). What lies between
    places is skipped, so that large folders cost little. Raises ``TooLarge`` where even so there is too much of it.
    """
    revision = 0
    start, end = _DIGITS[:1], prefix + b"g"
    keys = _PIECE_KEYS
    for _ in range(_PIECES_MAX):
        try:
            wanted = store.Range(prefix + start, end, keys, revision, keys_only=True)
            found = await client.range(wanted, timeout_s=left_s())
        except TooLarge:
            if keys == 1:
                raise
            keys = max(keys // 8, 1)
            continue
        if at_once and not revision:
            revision = found.revision
        yield found.revision, tuple(kv for kv in found.kvs if is_place(prefix, kv.key))
        if not found.more:
            return
        start = next_place(found.kvs[-1].key[len(prefix) :])
        if not start:
            return
    why = f"after {_PIECES_MAX} answers there are still other keys below its name"
    raise TooLarge("the queue cannot be read to its end", why=why, remedy="take a name without other keys below it")
