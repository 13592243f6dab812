"""etcd's answers as our results. Integers come as strings, bytes in base64, and what is zero does not come."""

from __future__ import annotations

from typing import TypeVar, assert_never

import msgspec

from pycluster import store

T = TypeVar("T")


class Header(msgspec.Struct, frozen=True):
    """Who answered, and where it is."""

    revision: int = 0
    raft_term: int = 0


class _Pair(msgspec.Struct, frozen=True):
    key: bytes = b""
    create_revision: int = 0
    mod_revision: int = 0
    version: int = 0
    value: bytes = b""
    lease: int = 0

    def ours(self) -> store.KeyValue:
        return store.KeyValue(self.key, self.value, self.create_revision, self.mod_revision, self.version, self.lease)


class _Ranged(msgspec.Struct, frozen=True):
    header: Header = Header()
    kvs: tuple[_Pair, ...] = ()
    count: int = 0
    more: bool = False

    def ours(self) -> store.RangeResult:
        return store.RangeResult(self.header.revision, tuple(pair.ours() for pair in self.kvs), self.count, self.more)


class _Stored(msgspec.Struct, frozen=True):
    header: Header = Header()
    prev_kv: _Pair | None = None

    def ours(self) -> store.PutResult:
        return store.PutResult(self.header.revision, self.prev_kv.ours() if self.prev_kv is not None else None)


class _Deleted(msgspec.Struct, frozen=True):
    header: Header = Header()
    deleted: int = 0
    prev_kvs: tuple[_Pair, ...] = ()

    def ours(self) -> store.DeleteResult:
        return store.DeleteResult(self.header.revision, self.deleted, tuple(pair.ours() for pair in self.prev_kvs))


class _Response(msgspec.Struct, frozen=True):
    response_range: _Ranged | None = None
    response_put: _Stored | None = None
    response_delete_range: _Deleted | None = None
    response_txn: _Done | None = None

    def ours(self) -> store.RangeResult | store.PutResult | store.DeleteResult | store.TxnResult:
        for one in (self.response_range, self.response_put, self.response_delete_range, self.response_txn):
            if one is not None:
                return one.ours()
        raise msgspec.ValidationError("a response that is none")


class _Done(msgspec.Struct, frozen=True):
    header: Header = Header()
    succeeded: bool = False
    responses: tuple[_Response, ...] = ()

    def ours(self) -> store.TxnResult:
        return store.TxnResult(self.header.revision, self.succeeded, tuple(one.ours() for one in self.responses))


class _Id(msgspec.Struct, frozen=True):
    ID: int = 0


class _Leased(msgspec.Struct, frozen=True):
    """Of a grant, a renewal, a question; a list has ``leases``."""

    header: Header = Header()
    ID: int = 0
    TTL: int = 0
    grantedTTL: int = 0
    keys: tuple[bytes, ...] = ()
    leases: tuple[_Id, ...] = ()


class _Line(msgspec.Struct, frozen=True):
    result: _Leased = _Leased()


class Status(msgspec.Struct, frozen=True):
    """One member's own figures."""

    header: Header = Header()
    version: str = ""
    dbSize: int = 0
    dbSizeInUse: int = 0
    leader: int = 0
    raftIndex: int = 0


class Token(msgspec.Struct, frozen=True):
    """What a log-in gives."""

    token: str


class _Event(msgspec.Struct, frozen=True):
    kv: _Pair
    type: str = "PUT"
    prev_kv: _Pair | None = None

    def ours(self) -> store.Event:
        pair, before = self.kv.ours(), self.prev_kv
        return store.Event(self.type == "DELETE", pair, before.ours() if before is not None else None)


class Told(msgspec.Struct, frozen=True):
    """One line of a watch."""

    header: Header = Header()
    created: bool = False
    canceled: bool = False
    compact_revision: int = 0
    cancel_reason: str = ""
    events: tuple[_Event, ...] = ()

    def ours(self) -> tuple[store.Event, ...]:
        """The events."""
        return tuple(event.ours() for event in self.events)


class Ended(msgspec.Struct, frozen=True):
    """What a stream ends with."""

    message: str = ""
    grpc_code: int = 0


class WatchLine(msgspec.Struct, frozen=True):
    """One of the two."""

    result: Told | None = None
    error: Ended | None = None


class Refused(msgspec.Struct, frozen=True):
    """The body of a refusal; of a stream's, which a renewal is, too, all stands in ``error``."""

    error: str | Ended = ""
    message: str = ""
    code: int = 0


def read(body: bytes, kind: type[T]) -> T:
    """Raises one of ``UNREADABLE``; a wrong shape is one, too."""
    return msgspec.json.decode(body, type=kind, strict=False)


def result(request: store.Request, body: bytes) -> store.WriteResult | store.QueryResult:
    """The result that belongs to the request; raises one of ``UNREADABLE``."""
    match request:
        case store.Range():
            return read(body, _Ranged).ours()
        case store.Put():
            return read(body, _Stored).ours()
        case store.DeleteRange():
            return read(body, _Deleted).ours()
        case store.Txn():
            return read(body, _Done).ours()
        case store.LeaseKeepAlive(number):
            told = read(body, _Line).result
            return store.LeaseKeepAliveResult(told.header.revision, number, told.TTL)
        case _:
            return _lease(request, read(body, _Leased))


def _lease(
    request: store.Compact | store.LeaseGrant | store.LeaseRevoke | store.LeaseTimeToLive | store.LeaseList,
    told: _Leased,
) -> store.WriteResult | store.QueryResult:
    revision = told.header.revision
    match request:
        case store.Compact():
            return store.CompactResult(revision)
        case store.LeaseGrant():
            return store.LeaseGrantResult(revision, told.ID, told.TTL)
        case store.LeaseRevoke():
            return store.LeaseRevokeResult(revision)
        case store.LeaseTimeToLive(number):
            return store.LeaseTimeToLiveResult(revision, number, told.TTL, told.grantedTTL, told.keys)
        case store.LeaseList():
            return store.LeaseListResult(revision, tuple(sorted(one.ID for one in told.leases)))
        case _:
            assert_never(request)
