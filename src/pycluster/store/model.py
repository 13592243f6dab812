"""What is asked of the replicated state and what it answers: etcd's v3 data model, as plain data.

Source: the key-value, lease and watch services of etcd 3.4. A revision counts the transactions that changed anything;
``range_end`` is empty for one key, ``b"\\0"`` for everything from ``key`` on, and otherwise the first key past the
interval. Numbers of time are whole seconds where etcd has seconds.
"""

from __future__ import annotations

from typing import Literal

import msgspec

#: ``range_end`` for every key from ``key`` on; with the same as ``key``: for every key there is.
OPEN_END = b"\0"


class KeyValue(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One key at one revision. ``version`` counts its puts since it was created, 1 for the first."""

    key: bytes
    value: bytes
    create_revision: int
    mod_revision: int
    version: int
    lease: int = 0


# --- reads ------------------------------------------------------------------------------------------------------------

SortOrder = Literal["none", "ascend", "descend"]
SortTarget = Literal["key", "version", "create", "mod", "value"]


class Range(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="range", forbid_unknown_fields=True):
    """Read keys. ``limit`` 0 is no limit; ``revision`` 0 is the newest, in a transaction the one it makes.

    ``serializable``: any replica may answer from what it has; otherwise the answer is linearizable.
    """

    key: bytes
    range_end: bytes = b""
    limit: int = 0
    revision: int = 0
    sort_order: SortOrder = "none"
    sort_target: SortTarget = "key"
    serializable: bool = False
    keys_only: bool = False
    count_only: bool = False
    min_mod_revision: int = 0
    max_mod_revision: int = 0
    min_create_revision: int = 0
    max_create_revision: int = 0


class RangeResult(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="range"):
    """``count`` is of all keys in the interval at that revision, whatever ``limit`` and the bounds left out."""

    revision: int
    kvs: tuple[KeyValue, ...] = ()
    count: int = 0
    more: bool = False


# --- writes -----------------------------------------------------------------------------------------------------------


class Put(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="put", forbid_unknown_fields=True):
    """Write one key. ``ignore_value``, ``ignore_lease``: keep what is there; the key must exist."""

    key: bytes
    value: bytes = b""
    lease: int = 0
    prev_kv: bool = False
    ignore_value: bool = False
    ignore_lease: bool = False


class PutResult(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="put"):
    """``previous`` only where it was asked for and there was one."""

    revision: int
    previous: KeyValue | None = None


class DeleteRange(msgspec.Struct, frozen=True, array_like=True, tag="delete", forbid_unknown_fields=True):
    """Delete keys; a revision passes only where there was one to delete."""

    key: bytes
    range_end: bytes = b""
    prev_kv: bool = False


class DeleteResult(msgspec.Struct, frozen=True, array_like=True, tag="delete"):
    """``previous`` only where it was asked for."""

    revision: int
    deleted: int = 0
    previous: tuple[KeyValue, ...] = ()


CompareTarget = Literal["version", "create", "mod", "value", "lease"]
CompareResult = Literal["equal", "greater", "less", "not_equal"]


class Compare(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A condition on one key, or on every key of an interval. A missing key counts as version, revisions and lease 0;
    its value compares to nothing, so that it makes the condition false.

    ``number`` is compared with for every target but ``value``.
    """

    key: bytes
    target: CompareTarget = "version"
    result: CompareResult = "equal"
    number: int = 0
    value: bytes = b""
    range_end: bytes = b""


class Txn(msgspec.Struct, frozen=True, array_like=True, tag="txn", forbid_unknown_fields=True):
    """If all of ``compare`` hold then ``success``, else ``failure``, as one step; operations may be transactions."""

    compare: tuple[Compare, ...] = ()
    success: tuple[Range | Put | DeleteRange | Txn, ...] = ()
    failure: tuple[Range | Put | DeleteRange | Txn, ...] = ()


class TxnResult(msgspec.Struct, frozen=True, array_like=True, tag="txn"):
    """One result per operation of the branch taken, in order."""

    revision: int
    succeeded: bool = False
    results: tuple[RangeResult | PutResult | DeleteResult | TxnResult, ...] = ()


class Compact(msgspec.Struct, frozen=True, array_like=True, tag="compact", forbid_unknown_fields=True):
    """Forget what was superseded before ``revision``; later reads of before it fail."""

    revision: int


class CompactResult(msgspec.Struct, frozen=True, array_like=True, tag="compact"):
    """Done."""

    revision: int


class LeaseGrant(msgspec.Struct, frozen=True, array_like=True, tag="grant", forbid_unknown_fields=True):
    """A lease of ``ttl_s`` seconds. ``id`` 0: whoever proposes it draws one before it reaches the log."""

    ttl_s: int
    id: int = 0


class LeaseGrantResult(msgspec.Struct, frozen=True, array_like=True, tag="grant"):
    """The lease; ``ttl_s`` may be longer than asked for (``Params.lease_ttl_min_s``)."""

    revision: int
    id: int
    ttl_s: int


class LeaseRevoke(msgspec.Struct, frozen=True, array_like=True, tag="revoke", forbid_unknown_fields=True):
    """End a lease and delete the keys attached to it. ``expired``: the leader says so, nobody asked for it."""

    id: int
    expired: bool = False


class LeaseRevokeResult(msgspec.Struct, frozen=True, array_like=True, tag="revoke"):
    """Done."""

    revision: int


Write = Put | DeleteRange | Txn | Compact | LeaseGrant | LeaseRevoke
WriteResult = PutResult | DeleteResult | TxnResult | CompactResult | LeaseGrantResult | LeaseRevokeResult


class Command(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """What the log carries: one write under the caller's ID, so that its retries apply once."""

    request_id: bytes
    write: Write


# --- leases, asked of the leader alone; nothing of it is in the log ---------------------------------------------------


class LeaseKeepAlive(msgspec.Struct, frozen=True, array_like=True, tag="keepalive", forbid_unknown_fields=True):
    """The lease begins anew."""

    id: int


class LeaseKeepAliveResult(msgspec.Struct, frozen=True, array_like=True, tag="keepalive"):
    """``ttl_s`` is 0 for a lease that is not there (any more)."""

    revision: int
    id: int
    ttl_s: int


class LeaseTimeToLive(msgspec.Struct, frozen=True, array_like=True, tag="ttl", forbid_unknown_fields=True):
    """What is left of a lease, and with ``keys`` what is attached to it."""

    id: int
    keys: bool = False


class LeaseTimeToLiveResult(msgspec.Struct, frozen=True, array_like=True, tag="ttl"):
    """``ttl_s`` is -1 for a lease that is not there (any more)."""

    revision: int
    id: int
    ttl_s: int
    granted_ttl_s: int = 0
    keys: tuple[bytes, ...] = ()


class LeaseList(msgspec.Struct, frozen=True, array_like=True, tag="leases", forbid_unknown_fields=True):
    """Every lease."""


class LeaseListResult(msgspec.Struct, frozen=True, array_like=True, tag="leases"):
    """Their IDs, ascending."""

    revision: int
    ids: tuple[int, ...] = ()


Query = Range | LeaseKeepAlive | LeaseTimeToLive | LeaseList
QueryResult = RangeResult | LeaseKeepAliveResult | LeaseTimeToLiveResult | LeaseListResult

# --- watches ----------------------------------------------------------------------------------------------------------


class Event(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A key was put, or deleted: then ``kv`` has its key and the revision of the deletion, nothing else.

    ``previous``: what it was just before, where that is asked for and still kept.
    """

    deleted: bool
    kv: KeyValue
    previous: KeyValue | None = None


class Watch(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Every change of the keys in an interval, from ``start_revision`` on (0: from the next one)."""

    key: bytes
    range_end: bytes = b""
    start_revision: int = 0
    no_put: bool = False
    no_delete: bool = False
    prev_kv: bool = False


class WatchBatch(msgspec.Struct, frozen=True, array_like=True, tag="batch"):
    """What a watcher is told: whole revisions, in order, each event once.

    ``revision``: everything up to it has been told; a watch that begins anew after it misses nothing.
    ``compact_revision``: not 0 where the watch ended because what it asked for is forgotten; from there on it may begin
    anew.
    """

    revision: int
    events: tuple[Event, ...] = ()
    compact_revision: int = 0

    @property
    def size_bytes(self) -> int:
        """Its keys and values, those from before included."""
        size = 0
        for event in self.events:
            size += len(event.kv.key) + len(event.kv.value) + (len(event.previous.value) if event.previous else 0)
        return size


# --- what may be wrong ------------------------------------------------------------------------------------------------

FailureKind = Literal[
    "compacted",
    "future-revision",
    "empty-key",
    "key-too-large",
    "request-too-large",
    "too-many-operations",
    "duplicate-key",
    "key-not-found",
    "value-provided",
    "lease-provided",
    "lease-not-found",
    "lease-exists",
    "lease-ttl-too-large",
    "too-many-leases",
    "no-space",
    "bad-request",
    "no-leader",
    "timed-out",
    "outcome-unknown",
    "overloaded",
]

#: The request was never applied, or applies once however often it is repeated under its ID: it may be tried again.
RETRYABLE = frozenset(("no-leader", "timed-out", "outcome-unknown", "overloaded"))


class Failure(msgspec.Struct, frozen=True, array_like=True, tag="failure"):
    """Nothing was changed, unless ``kind`` is ``timed-out`` or ``outcome-unknown``. ``detail`` is for people."""

    kind: FailureKind
    detail: str = ""
    #: Where this replica was when it refused.
    revision: int = 0
    compact_revision: int = 0


Request = Write | Query
Result = WriteResult | QueryResult | Failure


class Applied(msgspec.Struct, frozen=True, gc=False):
    """What came of a command. ``revision`` is the store's after it; ``events`` are that revision's, in order, each with
    what was before where there was something; empty where nothing changed.
    """

    result: WriteResult | Failure
    revision: int
    events: tuple[Event, ...] = ()
