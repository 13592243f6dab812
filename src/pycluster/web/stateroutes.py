"""The rows of the route table that are the replicated state's."""

from __future__ import annotations

from typing import Literal

import msgspec

from pycluster.node import keyrequests as asked
from pycluster.node import keyviews as told
from pycluster.web import download, keys, leases
from pycluster.web.authorise import Action
from pycluster.web.operations import Handler, Operation, Query

_ABOUT = {
    "key": "The key, percent-encoded; bytes that are no text are fine.",
    "range_end": "The first key past the interval.",
    "prefix": "1: every key that begins with key.",
    "key_encoding": "base64 where key and range_end are.",
    "limit": "At most so many keys; 0 is all.",
    "revision": "As of that revision; of a watch: from that one on. 0 is now.",
    "sort": "What to sort by.",
    "order": "Which way to sort.",
    "serializable": "1: from this agent's own copy, which may be behind.",
    "keys_only": "1: without values.",
    "count_only": "1: only how many.",
    "prev_kv": "1: what was there before, too.",
    "if_version": "Only if the key has this version.",
    "if_mod_revision": "Only if the key was last changed at this revision.",
    "no_put": "1: leave out what is put.",
    "no_delete": "1: leave out what is deleted.",
    "force": "1: also keys that are the cluster's own.",
    "keys": "1: the keys attached to it, too.",
}
TIMEOUT = Query(
    "timeout_ms", "How long the state is given, at most 60,000.", {"type": "integer", "minimum": 1, "maximum": 60_000}
)
ONCE = Query(
    "Idempotency-Key",
    "1 to 64 bytes: however often the request comes under them, it is done once.",
    {"type": "string", "minLength": 1, "maxLength": 64},
    place="header",
)
_RESUME = Query("Last-Event-ID", "Go on after this revision.", {"type": "integer", "minimum": 0}, place="header")
_FAULTS: dict[int, object] = dict.fromkeys(
    (400, 403, 404, 409, 410, 413, 421, 429, 500, 503, 504, 507), told.StateErrorView
)


def _fields(shape: type[msgspec.Struct] | None) -> tuple[Query, ...]:
    """The query parameters that ``shape`` has."""
    if shape is None:
        return ()
    found = msgspec.json.schema_components([shape])[1][shape.__name__]
    required = found.get("required", ())
    return tuple(
        Query(name, _ABOUT.get(name, f"Only keys within it ({name.partition('_')[0]})."), schema, name in required)
        for name, schema in found["properties"].items()
    )


def _row(
    method: Literal["GET", "POST", "PUT", "DELETE"],
    path: str,
    name: str,
    about: str,
    handler: Handler,
    answer: object,
    *,
    body: type | None = None,
    query: type[msgspec.Struct] | None = None,
    extra: tuple[Query, ...] = (TIMEOUT,),
    action: Action | None = None,
) -> Operation:
    action = action or ("read" if method == "GET" else "kv")
    if action != "read":
        about = f"{about} Only over the Unix socket, or from this machine over loopback."
    if action == "kv":
        extra = (*extra, ONCE)
    answers = {200: answer} | _FAULTS | ({415: told.StateErrorView} if body is not None else {})
    return Operation(
        method=method,
        path=f"/api/v1{path}",
        name=name,
        about=about,
        handler=handler,
        answers=answers,
        action=action,
        body=body,
        query=(*_fields(query), *extra),
    )


STATE_OPERATIONS: tuple[Operation, ...] = (
    _row("GET", "/state", "state", "Where this agent's copy stands.", keys.state, told.StateView, extra=()),
    _row("GET", "/kv", "kvGet", "Read one key, or many.", keys.get, told.RangeView, query=asked.Get),
    _row(
        "PUT", "/kv", "kvPut", "Write one key.", keys.put, told.PutView, body=asked.PutRequest, query=asked.ForceQuery
    ),
    _row("DELETE", "/kv", "kvDelete", "Delete keys.", keys.delete, told.DeleteView, query=asked.DeleteQuery),
    _row(
        "POST",
        "/kv/txn",
        "kvTxn",
        "Several operations in one step.",
        keys.txn,
        told.TxnView,
        body=asked.TxnRequest,
        query=asked.ForceQuery,
    ),
    _row(
        "POST",
        "/kv/compact",
        "kvCompact",
        "Forget old revisions.",
        keys.compact,
        told.RevisionView,
        body=asked.CompactRequest,
    ),
    _row(
        "GET",
        "/kv/watch",
        "kvWatch",
        "Changes of keys (server-sent events).",
        keys.watch,
        "text/event-stream",
        query=asked.WatchQuery,
        extra=(_RESUME,),
    ),
    _row(
        "GET",
        "/snapshot",
        "snapshot",
        "The whole state at one revision, as a file.",
        download.snapshot,
        "application/octet-stream",
        query=download.SnapshotQuery,
        action="snapshot",
    ),
    _row("GET", "/leases", "leases", "Every lease.", leases.leases, told.LeasesView),
    _row("POST", "/leases", "leaseGrant", "Grant a lease.", leases.grant, told.LeaseTimeView, body=asked.LeaseRequest),
    _row("GET", "/leases/{id}", "lease", "One lease.", leases.lease, told.LeaseView, query=asked.LeaseQuery),
    _row(
        "POST",
        "/leases/{id}/keep-alive",
        "leaseKeepAlive",
        "Let a lease begin anew.",
        leases.keep_alive,
        told.LeaseTimeView,
        body=asked.KeepAliveRequest,
    ),
    _row(
        "DELETE",
        "/leases/{id}",
        "leaseRevoke",
        "End a lease, and delete its keys.",
        leases.revoke,
        told.RevisionView,
    ),
)
