"""What can be refused from the request alone, as etcd's front does, and within this store's bounds."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import assert_never

from pycluster.store.model import (
    Compact,
    DeleteRange,
    Failure,
    FailureKind,
    LeaseGrant,
    LeaseRevoke,
    Put,
    Range,
    Txn,
    Write,
)
from pycluster.store.params import Params
from pycluster.store.versions import OVERHEAD_BYTES

#: Transactions within transactions: what can be walked without a thought to the stack.
NESTING_MAX = 128
#: What an operation or an answered key counts for besides its keys and values: what its envelope takes on the wire.
ENVELOPE_BYTES = 32
_LEASE_MAX = 2**63 - 1

Operation = Range | Put | DeleteRange | Txn


class Refusal(Exception):
    """The request is not carried out; nothing was changed or will be."""

    def __init__(self, kind: FailureKind, detail: str) -> None:
        self.kind: FailureKind = kind
        self.detail = detail
        super().__init__(detail)


def unfit(write: Write, params: Params) -> Failure | None:
    """Why it would be refused by any store with these bounds; None: it depends on the state."""
    try:
        examine(write, params)
    except Refusal as refusal:
        return Failure(refusal.kind, refusal.detail)
    return None


def examine(write: Write, params: Params) -> int:
    """The bytes that it may add to the state. Raises ``Refusal``."""
    match write:
        case Put():
            state = _examine_put(write, params)
            _check_size(state - OVERHEAD_BYTES + ENVELOPE_BYTES, params)
            return state
        case DeleteRange() | Txn():
            request, state = _examine(write, params, params.operations_max, 0)
            _check_size(request, params)
            if isinstance(write, Txn):
                _written(write.success)
                _written(write.failure)
            return state
        case LeaseGrant():
            if not 0 <= write.id <= _LEASE_MAX:
                raise Refusal("bad-request", "a lease's ID lies in 1 to 2^63 - 1")
            if write.ttl_s > params.lease_ttl_max_s:
                raise Refusal("lease-ttl-too-large", f"at most {params.lease_ttl_max_s} s are possible")
            return 0
        case Compact() | LeaseRevoke():
            return 0
        case _:
            assert_never(write)


def _check_size(request: int, params: Params) -> None:
    if request > params.request_max_bytes:
        raise Refusal("request-too-large", f"{request} bytes, at most {params.request_max_bytes} are possible")


def _examine(operation: Operation, params: Params, operations: int, depth: int) -> tuple[int, int]:
    """Bytes of the request, and bytes that it may add to the state."""
    if isinstance(operation, Txn):
        return _examine_txn(operation, params, operations, depth)
    if isinstance(operation, Put):
        added = _examine_put(operation, params)
        return added - OVERHEAD_BYTES + ENVELOPE_BYTES, added
    if not operation.key:
        raise Refusal("empty-key", "a key has at least one byte")
    return len(operation.key) + len(operation.range_end) + ENVELOPE_BYTES, 0


def _examine_put(operation: Put, params: Params) -> int:
    if not operation.key:
        raise Refusal("empty-key", "a key has at least one byte")
    if len(operation.key) > params.key_max_bytes:
        raise Refusal("key-too-large", f"a key has at most {params.key_max_bytes} bytes")
    if operation.ignore_value and operation.value:
        raise Refusal("value-provided", "a value is given that is to be ignored")
    if operation.ignore_lease and operation.lease:
        raise Refusal("lease-provided", "a lease is given that is to be ignored")
    if len(operation.value) > params.value_max_bytes:
        raise Refusal("request-too-large", f"a value has at most {params.value_max_bytes} bytes")
    return len(operation.key) + len(operation.value) + OVERHEAD_BYTES


def _examine_txn(txn: Txn, params: Params, operations: int, depth: int) -> tuple[int, int]:
    most = max(len(txn.compare), len(txn.success), len(txn.failure))
    if most > operations:
        raise Refusal("too-many-operations", f"{most} in one branch, {operations} are possible")
    if depth > NESTING_MAX:
        raise Refusal("too-many-operations", f"transactions lie within each other {NESTING_MAX} deep at most")
    request = ENVELOPE_BYTES
    for compare in txn.compare:
        if not compare.key:
            raise Refusal("empty-key", "a key has at least one byte")
        request += len(compare.key) + len(compare.range_end) + len(compare.value) + ENVELOPE_BYTES
    state = 0
    for branch in (txn.success, txn.failure):
        added = 0
        for operation in branch:
            asked, adds = _examine(operation, params, operations - most, depth + 1)
            request += asked
            added += adds
        state = max(state, added)
    return request, state


class _Intervals:
    """Intervals of keys, merged when they are next asked for."""

    def __init__(self) -> None:
        self._all: list[tuple[bytes, bytes]] = []
        self._merged = True

    def add(self, intervals: Sequence[tuple[bytes, bytes]]) -> None:
        self._all += intervals
        self._merged = False

    def __contains__(self, key: bytes) -> bool:
        if not self._merged:
            self._merge()
        place = bisect_right(self._all, key, key=lambda interval: interval[0])
        return bool(place) and key < self._all[place - 1][1]

    def everything(self) -> list[tuple[bytes, bytes]]:
        return self._all

    def _merge(self) -> None:
        merged: list[tuple[bytes, bytes]] = []
        for start, end in sorted(self._all):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((start, end))
        self._all = merged
        self._merged = True


def _written(operations: Sequence[Operation]) -> tuple[set[bytes], _Intervals]:
    """Keys put and intervals deleted by a branch, refused where both could write one key (etcd's ``checkIntervals``).

    As there, an open end is not looked at, nor a deletion in a later inner transaction than the put.
    """
    deleted = _Intervals()
    deleted.add(
        [
            (operation.key, operation.range_end or operation.key + b"\0")
            for operation in operations
            if isinstance(operation, DeleteRange)
        ]
    )
    put: set[bytes] = set()
    for operation in operations:
        if isinstance(operation, Txn):
            then_put, then_deleted = _written(operation.success)
            else_put, else_deleted = _written(operation.failure)
            # What is put on both sides is put once.
            for key in sorted(then_put | else_put):
                _put_once(key, put, deleted)
            put |= then_put | else_put
            deleted.add(then_deleted.everything())
            deleted.add(else_deleted.everything())
    for operation in operations:
        if isinstance(operation, Put):
            _put_once(operation.key, put, deleted)
            put.add(operation.key)
    return put, deleted


def _put_once(key: bytes, put: set[bytes], deleted: _Intervals) -> None:
    if key in put or key in deleted:
        raise Refusal("duplicate-key", f"{key!r} would be written twice in one transaction")
