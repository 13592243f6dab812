"""Our results as etcd's gateway writes them: fields in their order, 64-bit integers as strings, no zeros."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Iterable
from functools import lru_cache
from typing import assert_never

import msgspec

from pycluster import store
from pycluster.node.ports import StateHead

#: The version of etcd whose answers these are; clients choose their words by it.
ETCD_VERSION = "3.4.23"


def header(head: StateHead, revision: int) -> str:
    """Who answers; a ``revision`` of 0 is left out."""
    who, term = _who(head.cluster_id, head.member_id, head.term)
    return "{" + (who + _number("revision", revision) + term)[1:] + "}"


@lru_cache(maxsize=4)
def _who(cluster_id: int, member_id: int, term: int) -> tuple[str, str]:
    """What stands before and behind the revision, in every header of this agent's for as long as a term."""
    return _number("cluster_id", cluster_id) + _number("member_id", member_id), _number("raft_term", term)


def answer(result: store.Result, head: StateHead) -> bytes:
    """The whole answer."""
    if isinstance(result, store.Failure):
        raise TypeError("a failure is no answer")
    return f'{{"header":{header(head, result.revision)}{_rest(result)}}}'.encode("ascii")


def _rest(result: store.WriteResult | store.QueryResult) -> str:
    """Everything after the header."""
    match result:
        case store.RangeResult():
            return _range(result)
        case store.PutResult():
            return _put(result)
        case store.DeleteResult():
            return _delete(result)
        case store.TxnResult():
            return _txn(result)
        case store.CompactResult() | store.LeaseRevokeResult():
            return ""
        case store.LeaseGrantResult() | store.LeaseKeepAliveResult():
            return _number("ID", result.id) + _number("TTL", result.ttl_s)
        case store.LeaseTimeToLiveResult():
            lease = (
                _number("ID", result.id) + _number("TTL", result.ttl_s) + _number("grantedTTL", result.granted_ttl_s)
            )
            return lease + _list("keys", (f'"{_base64(key)}"' for key in result.keys))
        case store.LeaseListResult():
            return _list("leases", ("{" + _number("ID", one)[1:] + "}" for one in result.ids))
        case _:
            assert_never(result)


def _range(result: store.RangeResult) -> str:
    more = ',"more":true' if result.more else ""
    return _list("kvs", map(_pair, result.kvs)) + more + _number("count", result.count)


def _put(result: store.PutResult) -> str:
    return "" if result.previous is None else f',"prev_kv":{_pair(result.previous)}'


def _delete(result: store.DeleteResult) -> str:
    return _number("deleted", result.deleted) + _list("prev_kvs", map(_pair, result.previous))


def _txn(result: store.TxnResult) -> str:
    succeeded = ',"succeeded":true' if result.succeeded else ""
    return succeeded + _list("responses", map(_response, result.results))


def _response(result: store.RangeResult | store.PutResult | store.DeleteResult | store.TxnResult) -> str:
    """Within a transaction: a header of the revision alone, and for an inner transaction not even that."""
    at = f'{{"header":{{"revision":"{result.revision}"}}'
    match result:
        case store.RangeResult():
            return f'{{"response_range":{at}{_range(result)}}}}}'
        case store.PutResult():
            return f'{{"response_put":{at}{_put(result)}}}}}'
        case store.DeleteResult():
            return f'{{"response_delete_range":{at}{_delete(result)}}}}}'
        case store.TxnResult():
            return f'{{"response_txn":{{"header":{{}}{_txn(result)}}}}}'
        case _:
            assert_never(result)


def _pair(pair: store.KeyValue) -> str:
    created = f',"create_revision":"{pair.create_revision}"' if pair.create_revision else ""
    version = f',"version":"{pair.version}"' if pair.version else ""
    value = f',"value":"{_base64(pair.value)}"' if pair.value else ""
    lease = f',"lease":"{pair.lease}"' if pair.lease else ""
    return f'{{"key":"{_base64(pair.key)}"{created},"mod_revision":"{pair.mod_revision}"{version}{value}{lease}}}'


def _base64(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode("ascii")


def _number(name: str, number: int) -> str:
    return f',"{name}":"{number}"' if number else ""


def _list(name: str, items: Iterable[str]) -> str:
    inner = ",".join(items)
    return f',"{name}":[{inner}]' if inner else ""


# --- streams ----------------------------------------------------------------------------------------------------------


def result_line(whole: bytes) -> bytes:
    """One answer of a stream."""
    return b'{"result":%b}\n' % whole


class Told(msgspec.Struct, frozen=True):
    """What a watch is told besides its events."""

    watch_id: int = 0
    created: bool = False
    canceled: bool = False
    compact_revision: int = 0
    reason: str = ""
    fragment: bool = False


def watched(head: StateHead, revision: int, told: Told, events: Iterable[str] = ()) -> bytes:
    """One line of a watch; ``events`` as ``event`` writes them."""
    return result_line(
        (
            f'{{"header":{header(head, revision)}'
            + _number("watch_id", told.watch_id)
            + (',"created":true' if told.created else "")
            + (',"canceled":true' if told.canceled else "")
            + _number("compact_revision", told.compact_revision)
            + (f',"cancel_reason":{_quoted(told.reason)}' if told.reason else "")
            + (',"fragment":true' if told.fragment else "")
            + _list("events", events)
            + "}"
        ).encode()
    )


def event(event: store.Event) -> str:
    """One change."""
    kind = '"type":"DELETE",' if event.deleted else ""
    previous = "" if event.previous is None else f',"prev_kv":{_pair(event.previous)}'
    return f'{{{kind}"kv":{_pair(event.kv)}{previous}}}'


# --- the cluster ------------------------------------------------------------------------------------------------------


class Peer(msgspec.Struct, frozen=True):
    """One member as etcd shows it: its number, and the URLs where agents and clients reach it."""

    id: int
    name: str
    peer_urls: tuple[str, ...]
    client_urls: tuple[str, ...] = ()
    learner: bool = False


def member_list(head: StateHead, peers: Iterable[Peer]) -> bytes:
    """The members; no revision belongs to them."""
    members = _list("members", map(_member, peers))
    return f'{{"header":{header(head, 0)}{members}}}'.encode()


def _member(peer: Peer) -> str:
    name = f',"name":{_quoted(peer.name)}' if peer.name else ""
    urls = _list("peerURLs", map(_quoted, peer.peer_urls)) + _list("clientURLs", map(_quoted, peer.client_urls))
    learner = ',"isLearner":true' if peer.learner else ""
    return f'{{"ID":"{peer.id}"{name}{urls}{learner}}}'


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


def status(head: StateHead) -> bytes:
    """One member's state, as far as it is known here: the log is applied as soon as it is known to be committed."""
    return (
        f'{{"header":{header(head, head.revision)},"version":"{ETCD_VERSION}"'
        + _number("dbSize", head.size_bytes)
        + _number("leader", head.leader_id)
        + _number("raftIndex", head.index)
        + _number("raftTerm", head.term)
        + _number("raftAppliedIndex", head.index)
        + _number("dbSizeInUse", head.size_bytes)
        + "}"
    ).encode()
