"""What the replicated state answers over HTTP: JSON in which no byte is lost.

A key or a value is text where it is valid UTF-8, and base64 otherwise; ``key_encoding`` and ``encoding`` say which. A
lease's ID is hexadecimal text, as 64 bits are more than a number in JSON can safely have; none is empty.
"""

from __future__ import annotations

import base64
from typing import Annotated, Literal, Self

import msgspec

from pycluster import store
from pycluster.kernel.errors import LocalMisuse
from pycluster.kernel.octets import from_base64
from pycluster.node.ports import StateHead
from pycluster.node.view import Fault

Encoding = Literal["text", "base64"]
LeaseText = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{0,16}$", description="a lease's ID, hexadecimal")]


def text_of(*datas: bytes) -> tuple[tuple[str, ...], Encoding]:
    """All of ``datas`` as text, or all of them as base64."""
    try:
        return tuple(data.decode() for data in datas), "text"
    except UnicodeDecodeError:
        return tuple(base64.b64encode(data).decode() for data in datas), "base64"


def bytes_of(text: str, encoding: Encoding) -> bytes:
    """What ``text`` stands for; raises ``LocalMisuse`` where it is no base64."""
    if encoding == "text":
        return text.encode()
    try:
        return from_base64(text)
    except ValueError as error:
        raise LocalMisuse("a key or value is no base64", why=str(error), remedy="or leave out its encoding") from None


def lease_text(id_: int) -> str:
    """A lease's ID as people write it: 16 hexadecimal digits, or nothing for none."""
    return f"{id_ & 0xFFFFFFFFFFFFFFFF:016x}" if id_ else ""


def asked_lease(id_: int) -> str:
    """The same of an ID that a caller gives; raises ``LocalMisuse`` where it is not of 64 bits, signed."""
    if not -(1 << 63) <= id_ < 1 << 63:
        raise LocalMisuse("that number is no lease", remedy="a lease's ID is a signed integer of 64 bits")
    return lease_text(id_)


def lease_number(text: str) -> int:
    """A lease's ID from its text, 0 for none; raises ``LocalMisuse`` where it is none."""
    if not text:
        return 0
    try:
        number = int(text, 16) if len(text) <= 16 and text.isalnum() else -1
    except ValueError:
        number = -1
    if number < 0:
        raise LocalMisuse(f"{text[:80]!r} is no lease", remedy="a lease's ID has at most 16 hexadecimal digits")
    return number - (1 << 64) if number >> 63 else number


class KeyView(msgspec.Struct, frozen=True):
    """One key."""

    key: str
    key_encoding: Encoding = "text"

    @classmethod
    def of(cls, key: bytes) -> Self:
        (text,), encoding = text_of(key)
        return cls(text, encoding)

    def model(self) -> bytes:
        return bytes_of(self.key, self.key_encoding)


class KeyValueView(msgspec.Struct, frozen=True):
    """One key at one revision; ``version`` counts its puts since it was created. ``lease``: what it is attached to."""

    key: str
    value: str
    create_revision: int
    mod_revision: int
    version: int
    lease: str = ""
    key_encoding: Encoding = "text"
    encoding: Encoding = "text"

    @classmethod
    def of(cls, kv: store.KeyValue) -> Self:
        (key,), key_encoding = text_of(kv.key)
        (value,), encoding = text_of(kv.value)
        lease = lease_text(kv.lease)
        return cls(key, value, kv.create_revision, kv.mod_revision, kv.version, lease, key_encoding, encoding)

    def model(self) -> store.KeyValue:
        key, value = bytes_of(self.key, self.key_encoding), bytes_of(self.value, self.encoding)
        lease = lease_number(self.lease)
        return store.KeyValue(key, value, self.create_revision, self.mod_revision, self.version, lease)


def _view(kv: store.KeyValue | None) -> KeyValueView | None:
    return None if kv is None else KeyValueView.of(kv)


def _model(view: KeyValueView | None) -> store.KeyValue | None:
    return None if view is None else view.model()


class RangeView(msgspec.Struct, frozen=True):
    """What was read, at which ``revision``. ``linearizable``: nothing that was answered before is missing.

    ``count`` is of all keys asked for, ``more`` whether ``limit`` left some out.
    """

    revision: int
    linearizable: bool
    count: int
    more: bool
    kvs: tuple[KeyValueView, ...]

    @classmethod
    def of(cls, result: store.RangeResult, linearizable: bool = True) -> Self:
        kvs = tuple(KeyValueView.of(kv) for kv in result.kvs)
        return cls(result.revision, linearizable, result.count, result.more, kvs)

    def model(self) -> store.RangeResult:
        return store.RangeResult(self.revision, tuple(kv.model() for kv in self.kvs), self.count, self.more)


class PutView(msgspec.Struct, frozen=True):
    """Written, as ``revision``. ``previous``: what was there, where it was asked for."""

    revision: int
    previous: KeyValueView | None = None

    @classmethod
    def of(cls, result: store.PutResult) -> Self:
        return cls(result.revision, _view(result.previous))

    def model(self) -> store.PutResult:
        return store.PutResult(self.revision, _model(self.previous))


class DeleteView(msgspec.Struct, frozen=True):
    """So many keys were deleted; ``revision`` is a new one where it was any. ``previous`` where it was asked for."""

    revision: int
    deleted: int
    previous: tuple[KeyValueView, ...] = ()

    @classmethod
    def of(cls, result: store.DeleteResult) -> Self:
        return cls(result.revision, result.deleted, tuple(KeyValueView.of(kv) for kv in result.previous))

    def model(self) -> store.DeleteResult:
        return store.DeleteResult(self.revision, self.deleted, tuple(kv.model() for kv in self.previous))


class Got(RangeView, frozen=True, tag="get", tag_field="op"):
    """A read of a transaction."""


class Written(PutView, frozen=True, tag="put", tag_field="op"):
    """A put of a transaction."""


class Deleted(DeleteView, frozen=True, tag="delete", tag_field="op"):
    """A deletion of a transaction."""


class TxnView(msgspec.Struct, frozen=True):
    """Whether the conditions held, and one result for each operation of the branch taken, in order."""

    revision: int
    succeeded: bool
    results: tuple[Got | Written | Deleted | Inner, ...] = ()

    @classmethod
    def of(cls, result: store.TxnResult) -> Self:
        return cls(result.revision, result.succeeded, tuple(_done(one) for one in result.results))

    def model(self) -> store.TxnResult:
        return store.TxnResult(self.revision, self.succeeded, tuple(one.model() for one in self.results))


class Inner(TxnView, frozen=True, tag="txn", tag_field="op"):
    """A transaction of a transaction."""


def _done(
    result: store.RangeResult | store.PutResult | store.DeleteResult | store.TxnResult,
) -> Got | Written | Deleted | Inner:
    match result:
        case store.RangeResult():
            return Got.of(result)
        case store.PutResult():
            return Written.of(result)
        case store.DeleteResult():
            return Deleted.of(result)
        case store.TxnResult():
            return Inner.of(result)


class RevisionView(msgspec.Struct, frozen=True):
    """Done; the state is at this revision."""

    revision: int


class LeaseView(msgspec.Struct, frozen=True):
    """A lease: ``ttl_s`` seconds are left of the ``granted_ttl_s`` it began with. ``keys`` where they are asked for."""

    revision: int
    id: str
    ttl_s: int
    granted_ttl_s: int
    keys: tuple[KeyView, ...] = ()


class LeaseTimeView(msgspec.Struct, frozen=True):
    """A lease has begun anew and lasts ``ttl_s`` seconds."""

    revision: int
    id: str
    ttl_s: int


class LeasesView(msgspec.Struct, frozen=True):
    """Every lease."""

    revision: int
    ids: tuple[str, ...]


class ChangeView(msgspec.Struct, frozen=True):
    """A key was put; or deleted, then ``kv`` has the key and the revision of the deletion and nothing else."""

    kv: KeyValueView
    previous: KeyValueView | None = None

    @classmethod
    def of(cls, event: store.Event) -> Self:
        return cls(KeyValueView.of(event.kv), _view(event.previous))

    def model(self, deleted: bool) -> store.Event:
        return store.Event(deleted, self.kv.model(), _model(self.previous))


class StateView(msgspec.Struct, frozen=True):
    """Where this agent's copy of the replicated state stands. IDs are hexadecimal; no leader is empty.

    ``replica``: whether the node holds the state itself; ``index``: the last log entry applied here.
    """

    cluster_id: str
    member_id: str
    leader_id: str
    term: int
    revision: int
    compact_revision: int
    index: int
    size_bytes: int
    replica: bool

    @classmethod
    def of(cls, head: StateHead) -> Self:
        ids = (lease_text(head.cluster_id), lease_text(head.member_id), lease_text(head.leader_id))
        revisions = (head.term, head.revision, head.compact_revision, head.index)
        return cls(*ids, *revisions, head.size_bytes, head.replica)


class StateFault(Fault, frozen=True):
    """A refusal by the state. ``kind`` is for programs: a ``FailureKind``, or ``compare-failed``.

    ``retryable``: the same request, under the same ``Idempotency-Key``, may succeed a moment later; it is done once.
    ``resume_revision``: where a watch may begin anew, 0 where it does not matter.
    """

    kind: str = ""
    retryable: bool = False
    resume_revision: int = 0


class StateErrorView(msgspec.Struct, frozen=True):
    """The body of a refusal by the state."""

    error: StateFault
