"""The store's door: commands in, results and events out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from pycluster.store import versions
from pycluster.store.contents import Contents
from pycluster.store.history import History
from pycluster.store.keyspace import Keyspace
from pycluster.store.leases import Leases
from pycluster.store.model import (
    Applied,
    Command,
    Compact,
    CompactResult,
    DeleteRange,
    DeleteResult,
    Event,
    Failure,
    LeaseGrant,
    LeaseGrantResult,
    LeaseRevoke,
    LeaseRevokeResult,
    Put,
    PutResult,
    Range,
    RangeResult,
    Txn,
    TxnResult,
    Write,
    WriteResult,
)
from pycluster.store.params import Params
from pycluster.store.reads import Answer, read
from pycluster.store.refusals import Refusal, examine
from pycluster.store.remembered import REQUEST_ID_MAX_BYTES, Remembered
from pycluster.store.transaction import Transaction

_RESULT_OF: dict[type[Write], type[WriteResult]] = {
    Put: PutResult,
    DeleteRange: DeleteResult,
    Txn: TxnResult,
    Compact: CompactResult,
    LeaseGrant: LeaseGrantResult,
    LeaseRevoke: LeaseRevokeResult,
}


class Store:
    """The state machine: equal commands in equal order make equal stores, whatever each of them tidied.

    ``revision`` (1 for an empty store) is the newest, ``compact_revision`` (0: none yet) the oldest that can be read.
    """

    def __init__(self, params: Params) -> None:
        self.params = params
        self.revision = 1
        #: -1 before the first compaction, as in etcd: a compaction at 0 is possible once.
        self.compacted = -1
        self.keyspace = Keyspace()
        self.history = History()
        self.leases = Leases(params)
        self.remembered = Remembered(params)
        #: Snapshots that are being written: what they still need is not removed.
        self.writers = 0
        self.written_bytes = 0
        self._freed_bytes = 0
        self._tidying: Iterator[None] | None = None

    @property
    def compact_revision(self) -> int:
        """Reads at a lower revision fail; 0: none does."""
        return max(self.compacted, 0)

    @property
    def size_bytes(self) -> int:
        """Keys, values and what a version costs besides, of every version that is not compacted."""
        return self.written_bytes - self._freed_bytes

    def check(self, write: Write, coming: int = 0) -> Failure | None:
        """Why it would be refused whatever came before it, or for lack of space as things stand; None: it may go into
        the log. A lease to be granted may still lack its ID.

        ``coming``: bytes of what is in the log already and not applied yet. Space is asked for here and not when it is
        applied: how much there is, each node's own settings say, and what is applied must not depend on them.
        """
        try:
            added = examine(write, self.params)
            added += self.copied_bytes(write)
            if added and self.size_bytes + coming + added > self.params.state_max_bytes:
                raise Refusal(
                    "no-space",
                    f"the state has {self.size_bytes} of {self.params.state_max_bytes} bytes; delete and compact",
                )
        except Refusal as refusal:
            return self._failure(refusal)
        return None

    def copied_bytes(self, write: Write | Range) -> int:
        """Bytes of the values that it writes anew as they stand: the write itself does not show them."""
        if isinstance(write, Put):
            if not write.ignore_value:
                return 0
            now = self.keyspace.at(write.key, self.revision)
            return 0 if now is None else versions.value_bytes(now)
        if isinstance(write, Txn):
            return max(sum(map(self.copied_bytes, branch)) for branch in (write.success, write.failure))
        return 0

    def again(self, request_id: bytes, write: Write) -> WriteResult | Failure | None:
        """The answer that this request had when it was applied; None where it was not, lately."""
        known = self.remembered.find(request_id)
        if known is None:
            return None
        if isinstance(known, _RESULT_OF[type(write)]) and self.remembered.fits(request_id, write):
            return known
        return self._failure(Refusal("bad-request", "its request ID was given to another write before"))

    def apply(self, command: Command) -> Applied:
        """Carry it out. Never raises for what a decoder lets through."""
        known = self.again(command.request_id, command.write)
        if known is not None:
            return Applied(known, self.revision)
        try:
            if len(command.request_id) > REQUEST_ID_MAX_BYTES:
                raise Refusal("bad-request", f"a request ID has at most {REQUEST_ID_MAX_BYTES} bytes")
            examine(command.write, self.params)
            result, events = self._carry_out(command.write)
        except Refusal as refusal:
            return Applied(self._failure(refusal), self.revision)
        self.remembered.add(command.request_id, command.write, result)
        return Applied(result, self.revision, events)

    def range(self, request: Range) -> RangeResult | Failure:
        """Read keys at any revision that is still kept."""
        try:
            return read(self.keyspace, request, self.revision, self.compacted, self._answer(), self.history.since)
        except Refusal as refusal:
            return self._failure(refusal)

    def lease_ids(self) -> tuple[int, ...]:
        """Every lease, ascending."""
        return self.leases.ids()

    def granted_ttl_s(self, lease: int) -> int:
        """What a lease was granted for; 0 for one that is not there."""
        return self.leases.granted_ttl_s(lease)

    def attached(self, lease: int) -> tuple[bytes, ...]:
        """The keys attached to a lease, ascending."""
        return self.leases.keys(lease)

    def tidy(self) -> bool:
        """Remove some of what is compacted; True while there is more. While a snapshot is written it does nothing."""
        if self.writers:
            return False
        if self._tidying is None:
            self._tidying = self._remove()
        if next(self._tidying, "over") == "over":
            self._tidying = None
        return self.history.first < self.compacted

    def digest(self) -> int:
        """64 bits that stand for the whole state, whatever is tidied. Looks at all of it."""
        return self.contents().digest()

    def contents(self) -> Contents:
        """The state as it is now, to be read while it changes; ``writers`` keeps what it needs."""
        return Contents(self.keyspace, self.history, self.leases, self.remembered, self.revision, self.compacted)

    def _failure(self, refusal: Refusal) -> Failure:
        return Failure(refusal.kind, refusal.detail, self.revision, self.compact_revision)

    def _carry_out(self, write: Write) -> tuple[WriteResult, tuple[Event, ...]]:
        match write:
            case Put() | DeleteRange() | Txn():
                transaction = self._transaction()
                try:
                    result = transaction.carry_out(write)
                except Refusal:
                    transaction.undo()
                    raise
                return result, self._commit(transaction)
            case LeaseGrant():
                ttl_s = self.leases.grant(write.id, write.ttl_s)
                return LeaseGrantResult(self.revision, write.id, ttl_s), ()
            case LeaseRevoke():
                if write.id not in self.leases:
                    raise Refusal("lease-not-found", f"there is no lease {write.id:016x}")
                transaction = self._transaction()
                transaction.end_lease(write.id)
                events = self._commit(transaction)
                return LeaseRevokeResult(self.revision), events
            case Compact():
                self._compact(write.revision)
                return CompactResult(self.revision), ()
            case _:
                assert_never(write)

    def _transaction(self) -> Transaction:
        since = self.history.since
        return Transaction(self.keyspace, self.leases, self.revision, self.compacted, self._answer, since)

    def _answer(self) -> Answer:
        return Answer(self.params.request_max_bytes, self.params.keys_max)

    def _commit(self, transaction: Transaction) -> tuple[Event, ...]:
        """A new revision, unless nothing changed."""
        if not transaction.keys:
            return ()
        self.revision += 1
        self.written_bytes += transaction.put_bytes + transaction.deleted_bytes
        self.history.append(transaction.keys, transaction.freed, transaction.freed_later)
        return tuple(transaction.events)

    def _compact(self, revision: int) -> None:
        if revision <= self.compacted:
            raise Refusal("compacted", f"revision {self.compacted} is compacted already")
        if revision > self.revision:
            raise Refusal("future-revision", f"revision {revision} is not there yet")
        self.compacted = revision
        self._freed_bytes = self.history.freed(revision)

    def _remove(self) -> Iterator[None]:
        """The removal of everything forgotten by the compaction as it is now, a slice at a time."""
        compacted = self.compacted
        done = 0
        # Deletions made by the last compaction's own revision were kept by it, so that one is looked at again.
        for revision in range(self.history.first, compacted + 1):
            for key in self.history.changes(revision):
                self.keyspace.trim(key, revision, compacted)
                done += 1
                if done == self.params.slice_entries:
                    done = 0
                    yield
            if revision < compacted:
                self.history.drop(revision)
        self.history.forget(compacted)
