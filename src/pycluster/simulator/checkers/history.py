"""What clients saw: operations with the moments between which each took effect, if it did."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from pycluster.simulator.checkers.sequential import Step, within
from pycluster.store import (
    Compact,
    DeleteRange,
    DeleteResult,
    Failure,
    LeaseGrant,
    LeaseGrantResult,
    LeaseRevoke,
    Put,
    PutResult,
    Range,
    Request,
    Result,
    Txn,
    TxnResult,
)


class Operation(msgspec.Struct, frozen=True):
    """One request of one client, all its retries included; times are true µs.

    ``returned_us`` and ``result`` are None where nobody knows what became of it: it took effect at some time after
    ``invoked_us``, or never. A ``Failure`` as the result says that it took none, unless it is ``timed-out`` or
    ``outcome-unknown``, which is the same as None.
    """

    client: str
    invoked_us: int
    returned_us: int | None
    request: Request
    result: Result | None

    def __str__(self) -> str:
        until = "" if self.returned_us is None else f"{self.returned_us / 1e6:.6f} s"
        result = "unknown" if self.result is None else brief(self.result)
        return f"{self.client} {self.invoked_us / 1e6:.6f}..{until} {brief(self.request)} -> {result}"


def brief(shown: object) -> str:
    """As ``repr``, without what is as it is by default."""
    if isinstance(shown, tuple):
        return f"({', '.join(map(brief, shown))})"
    if not isinstance(shown, msgspec.Struct):
        return repr(shown)
    fields = [(field.name, getattr(shown, field.name), field.default) for field in msgspec.structs.fields(shown)]
    told = ", ".join(f"{name}={brief(value)}" for name, value, default in fields if value != default)
    return f"{type(shown).__name__}({told})"


class Known(msgspec.Struct, frozen=True):
    """An operation that was answered: ``revision`` is its answer's, ``changing`` whether it made that one.

    ``fresh``: it is linearizable, rather than read from any replica or from the past.
    """

    operation: Operation
    begin_us: int
    end_us: int
    request: Step
    result: Result
    revision: int
    changing: bool
    fresh: bool = True


class Unknown(msgspec.Struct, frozen=True):
    """What may have taken effect once, at any time from ``begin_us`` on."""

    operation: Operation
    begin_us: int
    request: Step


class Facts(msgspec.Struct, frozen=True):
    """A history sorted out; what was refused and what asks for nothing of the state are left out."""

    known: tuple[Known, ...]
    unknown: tuple[Unknown, ...]


def sorted_out(history: Iterable[Operation]) -> Facts:
    """What is known and what is not. Every lease that may have been granted may end at any time afterwards, once,
    whether somebody revokes it or not.
    """
    known: list[Known] = []
    unknown: list[Unknown] = []
    for operation in history:
        request, result = operation.request, operation.result
        if not isinstance(request, Put | DeleteRange | Txn | Range | LeaseGrant | LeaseRevoke | Compact):
            continue
        if isinstance(request, LeaseGrant):
            lease = result.id if isinstance(result, LeaseGrantResult) else request.id
            if lease and (not isinstance(result, Failure) or _lost(result)):
                unknown.append(Unknown(operation, operation.invoked_us, LeaseRevoke(lease, expired=True)))
        if result is None or operation.returned_us is None or _lost(result):
            if not isinstance(request, Range | LeaseGrant | LeaseRevoke | Compact):
                unknown.append(Unknown(operation, operation.invoked_us, request))
        elif not isinstance(result, Failure):
            fresh = not (isinstance(request, Range) and (request.serializable or request.revision))
            known.append(
                Known(
                    operation,
                    operation.invoked_us,
                    operation.returned_us,
                    request,
                    result,
                    result.revision,
                    changed(result),
                    fresh,
                )
            )
    return Facts(tuple(sorted(known, key=lambda one: one.begin_us)), tuple(unknown))


def _lost(result: Result) -> bool:
    return isinstance(result, Failure) and result.kind in ("timed-out", "outcome-unknown")


def changed(result: Result) -> bool:
    """Whether the answer says that a revision was made. That of a revoked lease does not."""
    match result:
        case PutResult():
            return True
        case DeleteResult():
            return result.deleted > 0
        case TxnResult():
            return any(changed(one) for one in result.results)
        case _:
            return False


def named(request: Step) -> Iterable[bytes]:
    """Every key that a request names one by one."""
    match request:
        case Put():
            yield request.key
        case Range() | DeleteRange():
            if not request.range_end:
                yield request.key
        case Txn():
            yield from (compare.key for compare in request.compare if not compare.range_end)
            for operation in (*request.success, *request.failure):
                yield from named(operation)
        case _:
            pass


def touched(request: Step, universe: Sequence[bytes], attached: dict[int, set[bytes]]) -> set[bytes]:
    """Those of the keys ``universe`` that a request reads or may change; ``attached``: by lease."""
    match request:
        case Put():
            return {request.key}
        case Range() | DeleteRange():
            return {key for key in universe if within(key, request.key, request.range_end)}
        case Txn():
            keys = {key for one in request.compare for key in universe if within(key, one.key, one.range_end)}
            for operation in (*request.success, *request.failure):
                keys |= touched(operation, universe, attached)
            return keys
        case LeaseRevoke():
            return set(attached.get(request.id, ()))
        case _:
            return set()


#: Among ``numbers``: revisions are not only told apart, but compared.
ORDERED = 0


def numbers(request: Step) -> Iterable[tuple[bytes, int]]:
    """The revisions that a request speaks of, each with its key."""
    match request:
        case Range():
            bounds = (request.min_mod_revision, request.max_mod_revision)
            if any((*bounds, request.min_create_revision, request.max_create_revision)) or request.sort_target != "key":
                yield request.key, ORDERED
        case Txn():
            for compare in request.compare:
                if compare.target in ("mod", "create") and compare.number:
                    yield compare.key, compare.number if compare.result in ("equal", "not_equal") else ORDERED
            for operation in (*request.success, *request.failure):
                yield from numbers(operation)
        case _:
            pass


def puts(request: Step) -> Iterable[Put]:
    """Every put that a request may come to."""
    match request:
        case Put():
            yield request
        case Txn():
            for operation in (*request.success, *request.failure):
                yield from puts(operation)
        case _:
            pass
