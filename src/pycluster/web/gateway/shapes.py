"""etcd's requests, from JSON to ours. Source: ``rpc.proto`` of etcd 3.4, whose names stand on the left."""

from __future__ import annotations

from typing import Any

import msgspec

from pycluster import store
from pycluster.kernel.bounded import UNREADABLE
from pycluster.store.model import CompareResult, CompareTarget
from pycluster.web.gateway.protojson import (
    Malformed,
    Read,
    boolean,
    enumeration,
    integer,
    message,
    octets,
    parse,
    several,
)

#: Transactions within transactions: etcd knows no bound, a stack does.
NESTED_MAX = 16

_KEY = {"key": ("key", octets), "range_end": ("range_end", octets)}


def _whole(value: object) -> int:
    """An integer whose negative values mean 0: no limit."""
    return max(integer(value), 0)


RANGE: Read[store.Range] = message(
    store.Range,
    _KEY
    | {
        "limit": ("limit", _whole),
        "revision": ("revision", integer),
        "sort_order": (
            "sort_order",
            enumeration("RangeRequest_SortOrder", ("NONE", "none"), ("ASCEND", "ascend"), ("DESCEND", "descend")),
        ),
        "sort_target": (
            "sort_target",
            enumeration(
                "RangeRequest_SortTarget",
                ("KEY", "key"),
                ("VERSION", "version"),
                ("CREATE", "create"),
                ("MOD", "mod"),
                ("VALUE", "value"),
            ),
        ),
        "serializable": ("serializable", boolean),
        "keys_only": ("keys_only", boolean),
        "count_only": ("count_only", boolean),
        "min_mod_revision": ("min_mod_revision", integer),
        "max_mod_revision": ("max_mod_revision", integer),
        "min_create_revision": ("min_create_revision", integer),
        "max_create_revision": ("max_create_revision", integer),
    },
    key=b"",
)

PUT: Read[store.Put] = message(
    store.Put,
    {
        "key": ("key", octets),
        "value": ("value", octets),
        "lease": ("lease", integer),
        "prev_kv": ("prev_kv", boolean),
        "ignore_value": ("ignore_value", boolean),
        "ignore_lease": ("ignore_lease", boolean),
    },
    key=b"",
)


class _PlainPut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What almost every put is."""

    key: bytes
    value: bytes = b""


class _PlainRange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What almost every read is."""

    key: bytes
    range_end: bytes = b""
    serializable: bool = False


_plain_put = msgspec.json.Decoder(_PlainPut).decode
_plain_range = msgspec.json.Decoder(_PlainRange).decode


def read_put(body: bytes) -> store.Put:
    """A put's body; raises ``Malformed``."""
    try:
        plain = _plain_put(body)
    except UNREADABLE:
        return PUT(parse(body))
    return store.Put(plain.key, plain.value)


def read_range(body: bytes) -> store.Range:
    """A read's body; raises ``Malformed``."""
    try:
        plain = _plain_range(body)
    except UNREADABLE:
        return RANGE(parse(body))
    return store.Range(plain.key, plain.range_end, serializable=plain.serializable)


DELETE_RANGE: Read[store.DeleteRange] = message(store.DeleteRange, _KEY | {"prev_kv": ("prev_kv", boolean)}, key=b"")


def _compact(revision: int, physical: bool = False) -> store.Compact:
    """``physical`` would wait until the space is free; nothing depends on it."""
    return store.Compact(revision)


COMPACT: Read[store.Compact] = message(
    _compact, {"revision": ("revision", integer), "physical": ("physical", boolean)}, revision=0
)


def _compare(
    key: bytes,
    target: CompareTarget = "version",
    result: CompareResult = "equal",
    value: bytes = b"",
    range_end: bytes = b"",
    **numbers: int,
) -> store.Compare:
    """Only the member of the union that ``target`` names counts."""
    return store.Compare(key, target, result, numbers.get(target, 0), value if target == "value" else b"", range_end)


_COMPARE: Read[store.Compare] = message(
    _compare,
    _KEY
    | {
        "result": (
            "result",
            enumeration(
                "Compare_CompareResult",
                ("EQUAL", "equal"),
                ("GREATER", "greater"),
                ("LESS", "less"),
                ("NOT_EQUAL", "not_equal"),
            ),
        ),
        "target": (
            "target",
            enumeration(
                "Compare_CompareTarget",
                ("VERSION", "version"),
                ("CREATE", "create"),
                ("MOD", "mod"),
                ("VALUE", "value"),
                ("LEASE", "lease"),
            ),
        ),
        "version": ("version", integer),
        "create_revision": ("create", integer),
        "mod_revision": ("mod", integer),
        "value": ("value", octets),
        "lease": ("lease", integer),
    },
    key=b"",
)


Operation = store.Range | store.Put | store.DeleteRange | store.Txn


def _operation(value: Any) -> Operation:
    """The one member of the union that is there."""
    found = _OPERATION(value)
    if found is None:
        raise Malformed("etcdserver: key not found")  # etcd's word for an operation that is none
    return found


def _only(**members: Operation) -> Operation | None:
    return next(iter(members.values()), None)


_TXN: Read[store.Txn] = message(
    store.Txn,
    {
        "compare": ("compare", several(_COMPARE)),
        "success": ("success", several(_operation)),
        "failure": ("failure", several(_operation)),
    },
)

_OPERATION: Read[Operation | None] = message(
    _only,
    {
        "request_range": ("range", RANGE),
        "request_put": ("put", PUT),
        "request_delete_range": ("delete", DELETE_RANGE),
        "request_txn": ("txn", _TXN),
    },
)


def TXN(value: Any) -> store.Txn:
    """A transaction, nested at most ``NESTED_MAX`` deep."""
    try:
        txn = _TXN(value)
    except RecursionError:
        raise Malformed("etcdserver: too many transactions within transactions") from None
    level: tuple[store.Txn, ...] = (txn,)
    for _ in range(NESTED_MAX):
        level = tuple(one for upper in level for one in (*upper.success, *upper.failure) if isinstance(one, store.Txn))
        if not level:
            return txn
    raise Malformed("etcdserver: too many transactions within transactions")


LEASE_GRANT: Read[store.LeaseGrant] = message(
    store.LeaseGrant, {"TTL": ("ttl_s", integer), "ID": ("id", integer)}, ttl_s=0
)
LEASE_REVOKE: Read[store.LeaseRevoke] = message(store.LeaseRevoke, {"ID": ("id", integer)}, id=0)
LEASE_KEEP_ALIVE: Read[store.LeaseKeepAlive] = message(store.LeaseKeepAlive, {"ID": ("id", integer)}, id=0)
LEASE_TIME_TO_LIVE: Read[store.LeaseTimeToLive] = message(
    store.LeaseTimeToLive, {"ID": ("id", integer), "keys": ("keys", boolean)}, id=0
)
LEASE_LIST: Read[store.LeaseList] = message(store.LeaseList, {})
NOTHING: Read[None] = message(lambda: None, {})

# --- watches ----------------------------------------------------------------------------------------------------------


class Create(msgspec.Struct, frozen=True):
    """Begin a watch; ``watch_id`` 0: one is chosen."""

    watch: store.Watch
    watch_id: int = 0
    progress_notify: bool = False
    fragment: bool = False


class Cancel(msgspec.Struct, frozen=True):
    """End a watch."""

    watch_id: int = 0


class Progress(msgspec.Struct, frozen=True):
    """Say how far the stream has come."""


def _create(
    key: bytes,
    range_end: bytes = b"",
    start_revision: int = 0,
    filters: tuple[str, ...] = (),
    prev_kv: bool = False,
    watch_id: int = 0,
    progress_notify: bool = False,
    fragment: bool = False,
) -> Create:
    """No key is the first possible one; what begins before the first revision begins with it."""
    start = start_revision if start_revision >= 0 else 1
    watch = store.Watch(key or b"\0", range_end, start, "put" in filters, "delete" in filters, prev_kv)
    return Create(watch, watch_id, progress_notify, fragment)


def _request(**members: Create | Cancel | Progress) -> Create | Cancel | Progress | None:
    return next(iter(members.values()), None)


WATCH: Read[Create | Cancel | Progress | None] = message(
    _request,
    {
        "create_request": (
            "create",
            message(
                _create,
                _KEY
                | {
                    "start_revision": ("start_revision", integer),
                    "progress_notify": ("progress_notify", boolean),
                    "filters": (
                        "filters",
                        several(enumeration("WatchCreateRequest_FilterType", ("NOPUT", "put"), ("NODELETE", "delete"))),
                    ),
                    "prev_kv": ("prev_kv", boolean),
                    "watch_id": ("watch_id", integer),
                    "fragment": ("fragment", boolean),
                },
                key=b"",
            ),
        ),
        "cancel_request": ("cancel", message(Cancel, {"watch_id": ("watch_id", integer)})),
        "progress_request": ("progress", message(Progress, {})),
    },
)
