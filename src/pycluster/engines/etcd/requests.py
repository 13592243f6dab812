"""Our requests as etcd's gateway takes them. Source: ``rpc.proto`` of etcd 3.4."""

from __future__ import annotations

from typing import Any, assert_never

import msgspec

from pycluster import store

_encode = msgspec.json.encode
_UNION = {
    "version": "version",
    "create": "create_revision",
    "mod": "mod_revision",
    "value": "value",
    "lease": "lease",
}


def asked(request: store.Request) -> tuple[str, bytes]:
    """``(path, body)``."""
    match request:
        case store.Range():
            return "/v3/kv/range", _encode(_range(request))
        case store.Put():
            return "/v3/kv/put", _encode(_put(request))
        case store.DeleteRange():
            return "/v3/kv/deleterange", _encode(_delete(request))
        case store.Txn():
            return "/v3/kv/txn", _encode(_txn(request))
        case store.Compact(revision):
            return "/v3/kv/compaction", _encode({"revision": revision})
        case store.LeaseGrant(ttl_s, number):
            return "/v3/lease/grant", _encode({"TTL": ttl_s, "ID": number})
        case store.LeaseRevoke(number):
            return "/v3/lease/revoke", _encode({"ID": number})
        case store.LeaseKeepAlive(number):
            return "/v3/lease/keepalive", _encode({"ID": number})
        case store.LeaseTimeToLive(number, keys):
            return "/v3/lease/timetolive", _encode({"ID": number, "keys": keys})
        case store.LeaseList():
            return "/v3/lease/leases", b"{}"
        case _:
            assert_never(request)


def watching(watch: store.Watch) -> bytes:
    """The body that creates it."""
    filters = [name for name, wanted in (("NOPUT", watch.no_put), ("NODELETE", watch.no_delete)) if wanted]
    create = {
        "key": watch.key,
        "range_end": watch.range_end,
        "start_revision": watch.start_revision,
        "filters": filters,
        "prev_kv": watch.prev_kv,
        "progress_notify": True,
    }
    return _encode({"create_request": create})


def _range(request: store.Range) -> dict[str, Any]:
    told = {name: value for name in request.__struct_fields__ if (value := getattr(request, name))}
    return told | {"sort_order": request.sort_order.upper(), "sort_target": request.sort_target.upper()}


def _put(request: store.Put) -> dict[str, Any]:
    return {name: value for name in request.__struct_fields__ if (value := getattr(request, name))}


def _delete(request: store.DeleteRange) -> dict[str, Any]:
    return {"key": request.key, "range_end": request.range_end, "prev_kv": request.prev_kv}


def _txn(request: store.Txn) -> dict[str, Any]:
    return {
        "compare": [_compare(one) for one in request.compare],
        "success": [_operation(one) for one in request.success],
        "failure": [_operation(one) for one in request.failure],
    }


def _compare(one: store.Compare) -> dict[str, Any]:
    return {
        "key": one.key,
        "range_end": one.range_end,
        "target": one.target.upper(),
        "result": one.result.upper(),
        # It stands there also where it is 0: a union without a member compares as equal to anything.
        _UNION[one.target]: one.value if one.target == "value" else one.number,
    }


def _operation(one: store.Range | store.Put | store.DeleteRange | store.Txn) -> dict[str, Any]:
    match one:
        case store.Range():
            return {"request_range": _range(one)}
        case store.Put():
            return {"request_put": _put(one)}
        case store.DeleteRange():
            return {"request_delete_range": _delete(one)}
        case store.Txn():
            return {"request_txn": _txn(one)}
        case _:
            assert_never(one)
