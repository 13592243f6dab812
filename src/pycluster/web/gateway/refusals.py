"""What went wrong, in etcd's words: gRPC's code, the HTTP status its gateway makes of it, the text clients compare.

Source: ``rpctypes/error.go`` of etcd 3.4 and the gateway's own table.
"""

from __future__ import annotations

import msgspec

from pycluster import store
from pycluster.store import FailureKind

UNKNOWN, INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED = 2, 3, 5, 7
RESOURCE_EXHAUSTED, FAILED_PRECONDITION, OUT_OF_RANGE, UNAVAILABLE = 8, 9, 11, 14

_STATUS = {
    UNKNOWN: (500, "Internal Server Error"),
    INVALID_ARGUMENT: (400, "Bad Request"),
    NOT_FOUND: (404, "Not Found"),
    PERMISSION_DENIED: (403, "Forbidden"),
    RESOURCE_EXHAUSTED: (429, "Too Many Requests"),
    FAILED_PRECONDITION: (412, "Precondition Failed"),
    OUT_OF_RANGE: (400, "Bad Request"),
    UNAVAILABLE: (503, "Service Unavailable"),
}

_FAILURES: dict[FailureKind, tuple[int, str]] = {
    "compacted": (OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted"),
    "future-revision": (OUT_OF_RANGE, "etcdserver: mvcc: required revision is a future revision"),
    "empty-key": (INVALID_ARGUMENT, "etcdserver: key is not provided"),
    "key-too-large": (INVALID_ARGUMENT, "etcdserver: request is too large"),
    "request-too-large": (INVALID_ARGUMENT, "etcdserver: request is too large"),
    "too-many-operations": (INVALID_ARGUMENT, "etcdserver: too many operations in txn request"),
    "duplicate-key": (INVALID_ARGUMENT, "etcdserver: duplicate key given in txn request"),
    "key-not-found": (INVALID_ARGUMENT, "etcdserver: key not found"),
    "value-provided": (INVALID_ARGUMENT, "etcdserver: value is provided"),
    "lease-provided": (INVALID_ARGUMENT, "etcdserver: lease is provided"),
    "lease-not-found": (NOT_FOUND, "etcdserver: requested lease not found"),
    "lease-exists": (FAILED_PRECONDITION, "etcdserver: lease already exists"),
    "lease-ttl-too-large": (OUT_OF_RANGE, "etcdserver: too large lease TTL"),
    "too-many-leases": (RESOURCE_EXHAUSTED, "etcdserver: too many leases"),
    "no-space": (RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded"),
    "bad-request": (INVALID_ARGUMENT, "etcdserver: invalid request"),
    "no-leader": (UNAVAILABLE, "etcdserver: no leader"),
    "timed-out": (UNAVAILABLE, "etcdserver: request timed out"),
    "outcome-unknown": (UNAVAILABLE, "etcdserver: request timed out"),
    "overloaded": (RESOURCE_EXHAUSTED, "etcdserver: too many requests"),
}


class Refusal(Exception):
    """An answer that is none."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @classmethod
    def of(cls, failure: store.Failure) -> Refusal:
        """What etcd would say; only where it has no word of its own the store's ``detail`` comes along."""
        code, message = _FAILURES[failure.kind]
        if failure.kind == "bad-request" and failure.detail:
            message = f"{message}: {failure.detail}"
        return cls(code, message)

    @property
    def status(self) -> int:
        """HTTP's."""
        return _STATUS[self.code][0]

    def body(self) -> bytes:
        """As an answer."""
        text = _quoted(self.message)
        return b'{"error":%b,"message":%b,"code":%d}' % (text, text, self.code)

    def chunk(self) -> bytes:
        """As the end of a stream that has begun."""
        status, phrase = _STATUS[self.code]
        told = b'{"error":{"grpc_code":%d,"http_code":%d,"message":%b,"http_status":%b}}'
        return told % (self.code, status, _quoted(self.message), _quoted(phrase))


def _quoted(text: str) -> bytes:
    """As Go quotes: what could be HTML is escaped, too."""
    quoted = msgspec.json.encode(text)
    return quoted.replace(b"&", b"\\u0026").replace(b"<", b"\\u003c").replace(b">", b"\\u003e")
