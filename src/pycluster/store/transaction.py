"""One step of the keyspace: its operations see each other's writes, and all of them become one revision or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import assert_never

from pycluster.store import versions
from pycluster.store.keyspace import Keyspace, interval
from pycluster.store.leases import Leases
from pycluster.store.model import (
    Compare,
    DeleteRange,
    DeleteResult,
    Event,
    KeyValue,
    Put,
    PutResult,
    Range,
    RangeResult,
    Txn,
    TxnResult,
)
from pycluster.store.reads import Answer, Since, read
from pycluster.store.refusals import Refusal


class _Decided:
    """A transaction whose conditions were looked at, the inner ones too (etcd does that before anything is written)."""

    def __init__(self, succeeded: bool, operations: list[Range | Put | DeleteRange | _Decided]) -> None:
        self.succeeded = succeeded
        self.operations = operations


class Transaction:
    """Use one for one write, then take what it made, or ``undo`` it after a ``Refusal``.

    ``keys`` and ``events`` are in the order of the changes. ``put_bytes`` and ``deleted_bytes`` are the sizes of what
    was written; a compaction at the new revision frees ``freed``, one past it ``freed_later``.
    """

    def __init__(
        self,
        keyspace: Keyspace,
        leases: Leases,
        revision: int,
        compacted: int,
        answer: Callable[[], Answer],
        since: Since,
    ) -> None:
        """``answer`` makes what bounds the answer, for those that bring something; ``since`` is of what was before."""
        self._keyspace = keyspace
        self._leases = leases
        self._base = revision
        self._compacted = compacted
        self._make_answer = answer
        self._since_before = since
        self._made: Answer | None = None
        self.keys: list[bytes] = []
        self.events: list[Event] = []
        self.put_bytes = self.deleted_bytes = self.freed = self.freed_later = 0

    def carry_out(self, write: Put | DeleteRange | Txn) -> PutResult | DeleteResult | TxnResult:
        """Raises ``Refusal``, and may be half done by then."""
        match write:
            case Put():
                # Of a put alone etcd looks at the lease first, of one in a transaction at the key.
                self._check_lease(write)
                return self._put(write)
            case DeleteRange():
                return self._delete(write)
            case Txn():
                decided = self._decide(write)
                for operation in _flat(decided):
                    if isinstance(operation, Put):
                        self._check_put(operation)
                for operation in _flat(decided):
                    if isinstance(operation, Range):
                        self._check_range(operation)
                results = self._run(decided)
                return TxnResult(self._seen, decided.succeeded, results)
            case _:
                assert_never(write)

    def end_lease(self, lease: int) -> None:
        """It is there; its keys are deleted."""
        for key in self._leases.keys(lease):
            self._delete_key(key, self._keyspace.newest(key))
        self._leases.end(lease)

    def undo(self) -> None:
        """As if nothing had been."""
        for key in self.keys:
            undone = self._keyspace.newest(key)
            self._leases.move(key, versions.lease(undone), versions.lease(self._keyspace.undo(key)))

    @property
    def _answer(self) -> Answer:
        """One for the whole transaction."""
        if self._made is None:
            self._made = self._make_answer()
        return self._made

    @property
    def _seen(self) -> int:
        """The revision that an operation sees as the present one: the new one as soon as something was written."""
        return self._base + bool(self.keys)

    def _since(self, revision: int) -> Iterator[bytes]:
        """What was changed after ``revision``, by this one too."""
        return chain(self._since_before(revision), self.keys)

    def _write(self, packed: bytes, kv: KeyValue, newest: bytes | None, previous: KeyValue | None) -> None:
        """``newest`` is the version before, ``previous`` what it says where it is no deletion: its bytes are counted
        here; the caller counted those of the new one.
        """
        key = kv.key
        if previous is not None:
            size = len(key) + len(previous.value) + versions.OVERHEAD_BYTES
            if previous.mod_revision > self._base:
                self.freed_later += size
            else:
                self.freed += size
        key = self._keyspace.write(key, packed)
        attached = previous.lease if previous is not None else 0
        if attached != kv.lease:
            self._leases.move(key, attached, kv.lease)
        # A transaction that writes a key twice.
        if self.keys and newest is not None and versions.mod_revision(newest) > self._base:
            # What a watcher calls previous is of the revision before, also where a transaction writes a key twice.
            before = self._keyspace.at(key, self._base)
            previous = None if before is None else versions.key_value(key, before)
        self.keys.append(key)
        # Nothing is before a creation, even where the same transaction deleted the key first (etcd's IsCreateEvent).
        self.events.append(Event(kv.version == 0, kv, None if kv.version == 1 else previous))

    def _put(self, put: Put) -> PutResult:
        revision = self._base + 1
        key, value, lease = put.key, put.value, put.lease
        newest = self._keyspace.newest(key)
        old = None if newest is None or versions.is_deletion(newest) else versions.key_value(key, newest)
        previous: KeyValue | None = None
        if old is None:
            if put.ignore_value or put.ignore_lease:
                raise _missing(key)
            create, version = revision, 1
        else:
            create, version = old.create_revision, old.version + 1
            if put.ignore_lease:
                lease = old.lease
            if put.ignore_value:
                value = old.value
            if put.prev_kv and newest is not None:
                previous = self._answer.bring(key, newest)
        self.put_bytes += len(key) + len(value) + versions.OVERHEAD_BYTES
        packed = versions.packed_put(revision, create, version, lease, value)
        self._write(packed, KeyValue(key, value, create, revision, version, lease), newest, old)
        return PutResult(revision, previous)

    def _delete(self, delete: DeleteRange) -> DeleteResult:
        found = list(self._answer.seen(self._keyspace.walk(*interval(delete.key, delete.range_end))))
        previous: tuple[KeyValue, ...] = ()
        if delete.prev_kv:
            previous = tuple(self._answer.bring(key, packed) for key, packed in found)
        for key, packed in found:
            self._delete_key(key, packed)
        return DeleteResult(self._seen, len(found), previous)

    def _delete_key(self, key: bytes, newest: bytes | None) -> None:
        size = len(key) + versions.OVERHEAD_BYTES
        self.deleted_bytes += size
        self.freed_later += size
        revision = self._base + 1
        old = None if newest is None or versions.is_deletion(newest) else versions.key_value(key, newest)
        self._write(versions.packed_deletion(revision), KeyValue(key, b"", 0, revision, 0), newest, old)

    def _run(self, decided: _Decided) -> tuple[RangeResult | PutResult | DeleteResult | TxnResult, ...]:
        results: list[RangeResult | PutResult | DeleteResult | TxnResult] = []
        for operation in decided.operations:
            match operation:
                case Range():
                    seen, compacted = self._seen, self._compacted
                    results.append(read(self._keyspace, operation, seen, compacted, self._answer, self._since))
                case Put():
                    results.append(self._put(operation))
                case DeleteRange():
                    results.append(self._delete(operation))
                case _Decided():
                    # An inner transaction's own revision is 0 in etcd: its header is never filled in.
                    results.append(TxnResult(0, operation.succeeded, self._run(operation)))
                case _:
                    assert_never(operation)
        return tuple(results)

    def _decide(self, txn: Txn) -> _Decided:
        succeeded = all(self._holds(compare) for compare in txn.compare)
        operations = txn.success if succeeded else txn.failure
        return _Decided(succeeded, [self._decide(one) if isinstance(one, Txn) else one for one in operations])

    def _holds(self, compare: Compare) -> bool:
        missing = True
        for _, packed in self._answer.seen(self._keyspace.walk(*interval(compare.key, compare.range_end))):
            missing = False
            if not _compare(compare, packed):
                return False
        return not missing or _compare(compare, None)

    def _check_put(self, put: Put) -> None:
        if (put.ignore_value or put.ignore_lease) and self._keyspace.live(put.key) is None:
            raise _missing(put.key)
        self._check_lease(put)

    def _check_lease(self, put: Put) -> None:
        if put.lease and put.lease not in self._leases:
            raise Refusal("lease-not-found", f"there is no lease {put.lease:016x}")

    def _check_range(self, request: Range) -> None:
        if request.revision > self._base:
            raise Refusal("future-revision", f"revision {request.revision} is not there yet")
        if request.revision and request.revision < self._compacted:
            raise Refusal("compacted", f"revisions before {self._compacted} are forgotten")


def _missing(key: bytes) -> Refusal:
    return Refusal("key-not-found", f"{key!r} is not there, and its value or lease is to be kept")


def _flat(decided: _Decided) -> Iterator[Range | Put | DeleteRange]:
    for operation in decided.operations:
        if isinstance(operation, _Decided):
            yield from _flat(operation)
        else:
            yield operation


_RESULTS: dict[str, Callable[[int], bool]] = {
    "equal": lambda sign: sign == 0,
    "not_equal": lambda sign: sign != 0,
    "greater": lambda sign: sign > 0,
    "less": lambda sign: sign < 0,
}


def _compare(compare: Compare, packed: bytes | None) -> bool:
    """Whether the condition holds for a version, or for a key that is not there."""
    if compare.target == "value":
        if packed is None:
            return False
        value = versions.value(packed)
        return _RESULTS[compare.result]((value > compare.value) - (value < compare.value))
    mod, create, version, lease = (0, 0, 0, 0) if packed is None else versions.numbers(packed)
    number = {"mod": mod, "create": create, "version": version, "lease": lease}[compare.target]
    return _RESULTS[compare.result]((number > compare.number) - (number < compare.number))
