"""Short words for histories: an operation a line, times in whole numbers."""

from __future__ import annotations

from pycluster.simulator.checkers.history import Operation
from pycluster.store import (
    Compare,
    DeleteRange,
    DeleteResult,
    KeyValue,
    Put,
    PutResult,
    Range,
    RangeResult,
    Request,
    Result,
    Txn,
    TxnResult,
)


def op(begin: int, end: int | None, request: Request, result: Result | None, client: str = "c") -> Operation:
    return Operation(client, begin, end, request, result)


def kv(value: bytes, mod: int, create: int = 0, version: int = 1, key: bytes = b"x") -> KeyValue:
    return KeyValue(key, value, create or mod, mod, version)


def put(begin: int, end: int | None, value: bytes, revision: int = 0, key: bytes = b"x") -> Operation:
    """``revision`` 0: the outcome is unknown."""
    return op(begin, end if revision else None, Put(key, value), PutResult(revision) if revision else None)


def got(
    begin: int, end: int, revision: int, *kvs: KeyValue, key: bytes = b"x", serializable: bool = False
) -> Operation:
    return op(begin, end, Range(key, serializable=serializable), RangeResult(revision, kvs, len(kvs)))


def dropped(begin: int, end: int | None, revision: int = 0, deleted: int = 1, key: bytes = b"x") -> Operation:
    return op(begin, end if revision else None, DeleteRange(key), DeleteResult(revision, deleted) if revision else None)


def swap(begin: int, end: int | None, seen: int, value: bytes, revision: int = 0, *, won: bool = True) -> Operation:
    """Put ``value`` where ``x`` was last changed at ``seen``, else nothing."""
    request = Txn((Compare(b"x", "mod", number=seen),), (Put(b"x", value),))
    result = TxnResult(revision, won, (PutResult(revision),) if won else ())
    return op(begin, end if revision else None, request, result if revision else None)
