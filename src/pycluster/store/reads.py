"""Ranges, by etcd 3.4's rules for order, limit, bounds and count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, assert_never

from pycluster.store import versions
from pycluster.store.keyspace import Keyspace, interval
from pycluster.store.model import KeyValue, Range, RangeResult, SortTarget
from pycluster.store.refusals import ENVELOPE_BYTES, Refusal

#: From a revision to the keys that were changed after it, as far as the reader sees.
Since = Callable[[int], Iterator[bytes]]
_Found = tuple[bytes, bytes]
#: Keys changed since a revision, each time that they were: one costs several times as much as one walked over.
CHANGES_MAX = 25_000
#: More keys than there can be, and still a number that can be counted to.
_LIMIT_MAX = 1 << 48


class Answer:
    """What one answer may bring. Raises ``Refusal`` where it would be more."""

    def __init__(self, most_bytes: int, most_keys: int) -> None:
        self._left = self._most = most_bytes
        self._unseen = self._keys = most_keys

    def bring(self, key: bytes, packed: bytes, keys_only: bool = False) -> KeyValue:
        """One more key."""
        self._left -= len(key) + ENVELOPE_BYTES
        if keys_only:
            mod, create, version, lease = versions.numbers(packed)
            kv = KeyValue(key, b"", create, mod, version, lease)
        else:
            self._left -= versions.value_bytes(packed)
            kv = versions.key_value(key, packed)
        if self._left < 0:
            raise self._too_large()
        return kv

    def seen(self, walk: Iterator[_Found]) -> Iterator[_Found]:
        """The same, as far as so many keys may be looked at: nothing else is done meanwhile."""
        for found in walk:
            self._unseen -= 1
            if self._unseen < 0:
                why = f"over {self._keys} keys would have to be looked at; ask for less at a time"
                raise Refusal("request-too-large", why)
            yield found

    def all_of(self, walk: Iterator[_Found]) -> list[_Found]:
        """Everything there is, where so many keys may be brought at all."""
        most = self._left // (ENVELOPE_BYTES + 1)
        found = list(islice(walk, max(most, 0) + 1))
        if len(found) > most:
            raise self._too_large()
        return found

    def _too_large(self) -> Refusal:
        return Refusal("request-too-large", f"the answer would have over {self._most} bytes; ask for less at a time")


def read(keyspace: Keyspace, request: Range, newest: int, compacted: int, answer: Answer, since: Since) -> RangeResult:
    """``newest`` is the revision that the reader sees as the present one. Raises ``Refusal``."""
    if not request.key:
        raise Refusal("empty-key", "a key has at least one byte")
    if request.revision > newest:
        raise Refusal("future-revision", f"revision {request.revision} is not there yet")
    if 0 < request.revision < compacted:
        raise Refusal("compacted", f"revisions before {compacted} are forgotten")
    start, end = interval(request.key, request.range_end)
    past = request.revision if 0 < request.revision < newest else 0
    if request.count_only:
        return RangeResult(newest, count=_count(keyspace, start, end, past, answer, since))
    # As in etcd, an order that is not asked for in so many words comes after the limit.
    early = request.limit > 0 and request.sort_order == "none" and not _bounded(request)
    walk = answer.seen(keyspace.walk(start, end, past))
    if not (request.limit or _bounded(request)):
        found = answer.all_of(walk)
    else:
        found = list(islice(walk, min(request.limit, _LIMIT_MAX) + 1) if early else walk)
    count = len(found)
    if early and count > request.limit:
        count += _count(keyspace, found[-1][0] + b"\0", end, past, answer, since)
    if _bounded(request):
        found = [item for item in found if _within(request, item[1])]
    if request.sort_order != "none" or request.sort_target != "key":
        found.sort(key=_order(request.sort_target), reverse=request.sort_order == "descend")
    more = 0 < request.limit < len(found)
    if more:
        del found[request.limit :]
    kvs = tuple(answer.bring(key, packed, request.keys_only) for key, packed in found)
    return RangeResult(newest, kvs, count, more)


def _count(keyspace: Keyspace, start: bytes, end: bytes | None, past: int, answer: Answer, since: Since) -> int:
    """How many keys of an interval lived at ``past``; 0: live now. Raises ``Refusal``.

    Those of then are walked over, and what was changed since is gathered, one for one: whichever ends first tells. So
    the page of a listing costs little while little is written, and never much more than the walk.
    """
    if not past:
        return keyspace.count(start, end)
    # A refusal is part of the state machine: nothing here may depend on what a replica has tidied already.
    walk = answer.seen(keyspace.walk(start, end, past))
    changes, changed = since(past), set[bytes]()
    for walked, key in enumerate(islice(changes, CHANGES_MAX)):
        if next(walk, None) is None:
            return walked
        if start <= key and (end is None or key < end):
            changed.add(key)
    if next(changes, None) is not None:
        return CHANGES_MAX + sum(1 for _ in walk)
    gone = sum((keyspace.at(key, past) is not None) - (keyspace.live(key) is not None) for key in changed)
    return keyspace.count(start, end) + gone


def _bounded(request: Range) -> bool:
    return bool(
        request.min_mod_revision
        or request.max_mod_revision
        or request.min_create_revision
        or request.max_create_revision
    )


def _within(request: Range, packed: bytes) -> bool:
    mod, create, _, _ = versions.numbers(packed)
    return (
        (not request.min_mod_revision or mod >= request.min_mod_revision)
        and (not request.max_mod_revision or mod <= request.max_mod_revision)
        and (not request.min_create_revision or create >= request.min_create_revision)
        and (not request.max_create_revision or create <= request.max_create_revision)
    )


def _order(target: SortTarget) -> Callable[[_Found], Any]:
    match target:
        case "key":
            return lambda item: item[0]
        case "mod":
            return lambda item: versions.numbers(item[1])[0]
        case "create":
            return lambda item: versions.numbers(item[1])[1]
        case "version":
            return lambda item: versions.numbers(item[1])[2]
        case "value":
            return lambda item: versions.value(item[1])
        case _:
            assert_never(target)
