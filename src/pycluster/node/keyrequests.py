"""What is asked of the replicated state over HTTP: the bodies of requests, and the models that they stand for."""

from __future__ import annotations

from typing import Annotated, Self

import msgspec

from pycluster import store
from pycluster.kernel.errors import LocalMisuse
from pycluster.node.keyviews import Encoding, LeaseText, asked_lease, bytes_of, lease_number, text_of
from pycluster.store.model import CompareResult, CompareTarget, SortOrder, SortTarget

#: A revision or a version.
Number = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


def interval(prefix: bytes) -> tuple[bytes, bytes]:
    """``key`` and ``range_end`` of every key that begins so."""
    if not prefix:
        return b"\0", store.OPEN_END
    stem = prefix.rstrip(b"\xff")
    return prefix, stem[:-1] + bytes((stem[-1] + 1,)) if stem else store.OPEN_END


class _Interval(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One key; with ``prefix`` all that begin so; with ``range_end`` all from ``key`` up to, not with, that one.

    ``key_encoding`` is of both. A ``range_end`` of one zero byte has no end.
    """

    key: str
    range_end: str = ""
    prefix: bool = False
    key_encoding: Encoding = "text"

    def keys(self) -> tuple[bytes, bytes]:
        """``key`` and ``range_end``; raises ``LocalMisuse``."""
        key, range_end = bytes_of(self.key, self.key_encoding), bytes_of(self.range_end, self.key_encoding)
        if self.prefix and range_end:
            raise LocalMisuse("prefix and range_end exclude each other", remedy="leave out one of them")
        return interval(key) if self.prefix else (key, range_end)


class Get(_Interval, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to read: ``limit`` 0 is no limit, ``revision`` 0 the newest. ``sort`` says by what, ``order`` which way.

    ``serializable``: this agent may answer from its own copy, which may be behind.
    """

    limit: Number = 0
    revision: Number = 0
    sort: SortTarget = "key"
    order: SortOrder = "none"
    serializable: bool = False
    keys_only: bool = False
    count_only: bool = False
    min_mod_revision: Number = 0
    max_mod_revision: Number = 0
    min_create_revision: Number = 0
    max_create_revision: Number = 0

    @classmethod
    def of(cls, model: store.Range) -> Self:
        (key, range_end), encoding = text_of(model.key, model.range_end)
        return cls(
            key=key,
            range_end=range_end,
            key_encoding=encoding,
            sort=model.sort_target,
            order=model.sort_order,
            **{name: getattr(model, name) for name in _SAME},
        )

    def model(self) -> store.Range:
        key, range_end = self.keys()
        same = {name: getattr(self, name) for name in _SAME}
        return store.Range(key, range_end, sort_order=self.order, sort_target=self.sort, **same)


#: Fields of ``Get`` and of ``store.Range`` alike.
_SAME = (
    "limit",
    "revision",
    "serializable",
    "keys_only",
    "count_only",
    "min_mod_revision",
    "max_mod_revision",
    "min_create_revision",
    "max_create_revision",
)


class GetBody(Get, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="get", tag_field="op"):
    """Read, within a transaction."""


class _Put(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Write one key. ``ignore_value``, ``ignore_lease``: keep what is there; the key must exist."""

    key: str
    value: str = ""
    lease: LeaseText = ""
    prev_kv: bool = False
    ignore_value: bool = False
    ignore_lease: bool = False
    key_encoding: Encoding = "text"
    encoding: Encoding = "text"

    @classmethod
    def of(cls, model: store.Put) -> Self:
        (key,), key_encoding = text_of(model.key)
        (value,), encoding = text_of(model.value)
        return cls(
            key=key,
            value=value,
            lease=asked_lease(model.lease),
            prev_kv=model.prev_kv,
            ignore_value=model.ignore_value,
            ignore_lease=model.ignore_lease,
            key_encoding=key_encoding,
            encoding=encoding,
        )

    def model(self) -> store.Put:
        return store.Put(
            bytes_of(self.key, self.key_encoding),
            bytes_of(self.value, self.encoding),
            lease_number(self.lease),
            self.prev_kv,
            self.ignore_value,
            self.ignore_lease,
        )


class PutBody(_Put, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="put", tag_field="op"):
    """Write one key, within a transaction."""


class PutRequest(_Put, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Write one key, if all conditions given hold: it does not exist, it is at that version or revision (0: it does
    not exist).
    """

    if_absent: bool = False
    if_version: Number | None = None
    if_mod_revision: Number | None = None


class DeleteBody(_Interval, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="delete", tag_field="op"):
    """Delete, within a transaction."""

    prev_kv: bool = False

    @classmethod
    def of(cls, model: store.DeleteRange) -> Self:
        (key, range_end), encoding = text_of(model.key, model.range_end)
        return cls(key=key, range_end=range_end, key_encoding=encoding, prev_kv=model.prev_kv)

    def model(self) -> store.DeleteRange:
        return store.DeleteRange(*self.keys(), self.prev_kv)


class CompareBody(_Interval, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A condition on one key, or on each of an interval: its ``version``, its revision of creation (``create``) or of
    its last change (``mod``) against ``number``, its ``value`` or its ``lease``. A missing key has 0 for all of them
    and no value.
    """

    target: CompareTarget = "version"
    result: CompareResult = "equal"
    number: Number = 0
    value: str = ""
    encoding: Encoding = "text"
    lease: LeaseText = ""

    @classmethod
    def of(cls, model: store.Compare) -> Self:
        (key, range_end), key_encoding = text_of(model.key, model.range_end)
        (value,), encoding = text_of(model.value)
        of_lease = model.target == "lease"
        return cls(
            key=key,
            range_end=range_end,
            key_encoding=key_encoding,
            target=model.target,
            result=model.result,
            number=0 if of_lease else model.number,
            value=value,
            encoding=encoding,
            lease=asked_lease(model.number) if of_lease else "",
        )

    def model(self) -> store.Compare:
        key, range_end = self.keys()
        number = lease_number(self.lease) if self.target == "lease" else self.number
        return store.Compare(key, self.target, self.result, number, bytes_of(self.value, self.encoding), range_end)


class TxnRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """If all of ``compare`` hold then ``success``, else ``failure``, as one step; operations may be transactions."""

    compare: tuple[CompareBody, ...] = ()
    success: tuple[GetBody | PutBody | DeleteBody | TxnBody, ...] = ()
    failure: tuple[GetBody | PutBody | DeleteBody | TxnBody, ...] = ()

    @classmethod
    def of(cls, model: store.Txn) -> Self:
        return cls(
            compare=tuple(CompareBody.of(one) for one in model.compare),
            success=tuple(_body(one) for one in model.success),
            failure=tuple(_body(one) for one in model.failure),
        )

    def model(self) -> store.Txn:
        return store.Txn(
            tuple(one.model() for one in self.compare),
            tuple(one.model() for one in self.success),
            tuple(one.model() for one in self.failure),
        )


class TxnBody(TxnRequest, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="txn", tag_field="op"):
    """A transaction within a transaction."""


def _body(model: store.Range | store.Put | store.DeleteRange | store.Txn) -> GetBody | PutBody | DeleteBody | TxnBody:
    match model:
        case store.Range():
            return GetBody.of(model)
        case store.Put():
            return PutBody.of(model)
        case store.DeleteRange():
            return DeleteBody.of(model)
        case store.Txn():
            return TxnBody.of(model)


class CompactRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Forget what was superseded before ``revision``."""

    revision: Annotated[int, msgspec.Meta(ge=1, le=(1 << 63) - 1)]


class LeaseRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A lease of ``ttl_s`` seconds; with ``id`` under that one, if it is free."""

    ttl_s: Annotated[int, msgspec.Meta(ge=1, le=(1 << 63) - 1)]
    id: LeaseText = ""


class KeepAliveRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No field: an empty object says that it is meant."""


class DeleteQuery(_Interval, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to delete; the conditions are of one key, and hold or nothing is done."""

    prev_kv: bool = False
    if_version: Number | None = None
    if_mod_revision: Number | None = None
    force: bool = False


class ForceQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``force``: write keys that are the cluster's own, too."""

    force: bool = False


class WatchQuery(_Interval, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to watch, from ``revision`` on (0: from now on). ``no_put``, ``no_delete``: leave those out; ``keys_only``:
    say what changed without its values.
    """

    revision: Number = 0
    no_put: bool = False
    no_delete: bool = False
    prev_kv: bool = False
    keys_only: bool = False

    @classmethod
    def of(cls, model: store.Watch) -> Self:
        (key, range_end), encoding = text_of(model.key, model.range_end)
        return cls(
            key=key,
            range_end=range_end,
            key_encoding=encoding,
            revision=model.start_revision,
            no_put=model.no_put,
            no_delete=model.no_delete,
            prev_kv=model.prev_kv,
        )

    def model(self) -> store.Watch:
        return store.Watch(*self.keys(), self.revision, self.no_put, self.no_delete, self.prev_kv)


class LeaseQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``keys``: say what is attached, too."""

    keys: bool = False
