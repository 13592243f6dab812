"""What stands where an etcd should, and its answers: a result of ours, or unreadable; never anything else."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pycluster import store
from pycluster.engines.etcd import answers
from pycluster.engines.etcd.refusals import Refusal
from pycluster.kernel.bounded import UNREADABLE

_REQUESTS: tuple[store.Request, ...] = (
    store.Range(b"k"),
    store.Put(b"k"),
    store.DeleteRange(b"k"),
    store.Txn(),
    store.Compact(3),
    store.LeaseGrant(5, 7),
    store.LeaseRevoke(7),
    store.LeaseKeepAlive(7),
    store.LeaseTimeToLive(7),
    store.LeaseList(),
)
_SHAPES: tuple[type[msgspec.Struct], ...] = (answers.Status, answers.Token, answers.WatchLine)
_PAIR = {"key": "aw==", "create_revision": "2", "mod_revision": "3", "version": "2", "value": "dg==", "lease": "7"}
_HEADER = {"cluster_id": "1", "member_id": "2", "revision": "9", "raft_term": "3"}
_ANSWERS: tuple[dict[str, object], ...] = (
    {"header": _HEADER, "kvs": [_PAIR], "count": "1", "more": True},
    {"header": _HEADER, "prev_kv": _PAIR},
    {"header": _HEADER, "deleted": "1", "prev_kvs": [_PAIR]},
    {"header": _HEADER, "succeeded": True, "responses": [{"response_put": {"header": _HEADER, "prev_kv": _PAIR}}]},
    {"header": _HEADER, "ID": "7", "TTL": "5", "grantedTTL": "5", "keys": ["aw=="], "leases": [{"ID": "7"}]},
    {"result": {"header": _HEADER, "ID": "7", "TTL": "5"}},
    {"header": _HEADER, "leader": "2", "version": "3.4.23", "dbSize": "20480", "raftIndex": "9", "raftTerm": "3"},
    {"header": _HEADER, "token": "simple.9"},
    {"result": {"header": _HEADER, "watch_id": "1", "events": [{"type": "DELETE", "kv": _PAIR, "prev_kv": _PAIR}]}},
    {"error": {"grpc_code": 11, "http_code": 400, "message": "compacted", "http_status": "Bad Request"}},
    {"error": "etcdserver: no leader", "message": "etcdserver: no leader", "code": 14},
)


def seeds() -> Iterable[bytes]:
    """A byte for what was asked, then the answer."""
    for asked in range(len(_REQUESTS) + len(_SHAPES)):
        for answer in _ANSWERS:
            yield bytes((asked,)) + msgspec.json.encode(answer)
    yield b"\0" + b"[" * 3_000


def run(data: bytes) -> None:
    """Read it as the engine does."""
    asked, body = data[:1], data[1:]
    if not asked:
        return
    assert str(Refusal.of(body)) is not None
    number = asked[0] % (len(_REQUESTS) + len(_SHAPES))
    try:
        if number < len(_REQUESTS):
            result = answers.result(_REQUESTS[number], body)
            assert msgspec.json.encode(result.revision)
        else:
            answers.read(body, _SHAPES[number - len(_REQUESTS)])
    except UNREADABLE:
        return
