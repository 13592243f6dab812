"""What one request after the other would do to the store: the simplest model there is, kept apart from the product's.

It knows no leases' ends, no compaction and no bounds: who judges by it says when a lease ended (``LeaseRevoke``) and
leaves out what was refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import assert_never

import msgspec

from pycluster.store import (
    OPEN_END,
    Compact,
    CompactResult,
    Compare,
    DeleteRange,
    DeleteResult,
    Event,
    Failure,
    KeyValue,
    LeaseGrant,
    LeaseGrantResult,
    LeaseRevoke,
    LeaseRevokeResult,
    Put,
    PutResult,
    Range,
    RangeResult,
    Request,
    Result,
    Txn,
    TxnResult,
    Write,
)

#: Every key there is, in order.
Keys = tuple[KeyValue, ...]
#: What a model applies; the other queries ask for nothing that it knows.
Step = Write | Range
_Inner = RangeResult | PutResult | DeleteResult | TxnResult

_NOTHING = KeyValue(b"", b"", 0, 0, 0)
_by_key = attrgetter("key")


def within(key: bytes, start: bytes, end: bytes) -> bool:
    """Whether ``key`` lies in the interval of a request."""
    if not end:
        return key == start
    return key >= start and (end == OPEN_END or key < end)


def apply(kvs: Keys, request: Step, revision: int) -> tuple[Keys, Result]:
    """The keys afterwards and the answer, where ``revision`` is the one that this makes if it changes anything.

    An operation that must find a key and does not, and a lease that is not granted, are the caller's to leave out.
    """
    match request:
        case Range():
            return kvs, read(kvs, request, revision)
        case Put():
            old = next((kv for kv in kvs if kv.key == request.key), None)
            before = old or _NOTHING
            new = KeyValue(
                request.key,
                before.value if request.ignore_value else request.value,
                before.create_revision or revision,
                revision,
                before.version + 1,
                before.lease if request.ignore_lease else request.lease,
            )
            after = tuple(sorted((*(kv for kv in kvs if kv is not old), new), key=_by_key))
            return after, PutResult(revision, old if request.prev_kv else None)
        case DeleteRange():
            gone = tuple(kv for kv in kvs if within(kv.key, request.key, request.range_end))
            left = tuple(kv for kv in kvs if kv not in gone)
            return left, DeleteResult(revision, len(gone), gone if request.prev_kv else ())
        case Txn():
            succeeded = all(holds(kvs, compare) for compare in request.compare)
            results = []
            for operation in request.success if succeeded else request.failure:
                kvs, result = apply(kvs, operation, revision)
                results.append(_bare(result))
            return kvs, TxnResult(revision, succeeded, tuple(results))
        case LeaseRevoke():
            return tuple(kv for kv in kvs if kv.lease != request.id), LeaseRevokeResult(revision)
        case LeaseGrant():
            return kvs, LeaseGrantResult(revision, request.id, request.ttl_s)
        case Compact():
            return kvs, CompactResult(revision)
        case _:
            assert_never(request)


def read(kvs: Keys, request: Range, revision: int) -> RangeResult:
    """The answer to a read of these keys."""
    found = [kv for kv in kvs if within(kv.key, request.key, request.range_end)]
    count = len(found)
    if request.count_only:
        return RangeResult(revision, (), count)
    found = [kv for kv in found if _bounded(kv, request)]
    if request.sort_target != "key" or request.sort_order == "descend":
        by = {"key": "key", "version": "version", "create": "create_revision", "mod": "mod_revision", "value": "value"}
        found.sort(key=attrgetter(by[request.sort_target]), reverse=request.sort_order == "descend")
    more = 0 < request.limit < len(found)
    shown = found[: request.limit] if request.limit else found
    if request.keys_only:
        shown = [msgspec.structs.replace(kv, value=b"") for kv in shown]
    return RangeResult(revision, tuple(shown), count, more)


def _bounded(kv: KeyValue, request: Range) -> bool:
    return (
        request.min_mod_revision <= kv.mod_revision
        and (not request.max_mod_revision or kv.mod_revision <= request.max_mod_revision)
        and request.min_create_revision <= kv.create_revision
        and (not request.max_create_revision or kv.create_revision <= request.max_create_revision)
    )


def holds(kvs: Keys, compare: Compare) -> bool:
    """Whether a condition is met, by every key of its interval."""
    found = [kv for kv in kvs if within(kv.key, compare.key, compare.range_end)]
    if not found and not compare.range_end:
        found = [_NOTHING] if compare.target != "value" else []
        if not found:
            return False
    return all(_meets(kv, compare) for kv in found)


def _meets(kv: KeyValue, compare: Compare) -> bool:
    if compare.target == "value":
        order = (kv.value > compare.value) - (kv.value < compare.value)
    else:
        numbers = {
            "version": kv.version,
            "create": kv.create_revision,
            "mod": kv.mod_revision,
            "lease": kv.lease,
        }
        number = numbers[compare.target]
        order = (number > compare.number) - (number < compare.number)
    return {"equal": order == 0, "greater": order > 0, "less": order < 0, "not_equal": order != 0}[compare.result]


def bare(result: Result) -> Result:
    """``result`` without the revisions in its headers, which tell where the store was and not what was found."""
    match result:
        case Failure():
            return result
        case TxnResult():
            return TxnResult(0, result.succeeded, tuple(_bare(one) for one in result.results))
        case _:
            return msgspec.structs.replace(result, revision=0)


def _bare(result: Result) -> _Inner:
    inner = bare(result)
    assert isinstance(inner, RangeResult | PutResult | DeleteResult | TxnResult)
    return inner


def changes(before: Keys, after: Keys, revision: int) -> tuple[Event, ...]:
    """What ``revision`` did, by key, each with what was there before."""
    old, new = {kv.key: kv for kv in before}, {kv.key: kv for kv in after}
    return tuple(
        Event(False, new[key], old.get(key))
        if key in new
        else Event(True, KeyValue(key, b"", 0, revision, 0), old[key])
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    )


def shown(request: Request, result: Result) -> Iterable[KeyValue]:
    """Every key with its value that an answer speaks of."""
    match result:
        case RangeResult():
            yield from () if isinstance(request, Range) and request.keys_only else result.kvs
        case PutResult():
            yield from () if result.previous is None else (result.previous,)
        case DeleteResult():
            yield from result.previous
        case TxnResult():
            assert isinstance(request, Txn)
            branch = request.success if result.succeeded else request.failure
            for operation, one in zip(branch, result.results, strict=False):
                yield from shown(operation, one)
        case _:
            pass
