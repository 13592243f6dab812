"""etcd's refusals as our failures. Source: ``rpctypes/error.go`` of etcd 3.4."""

from __future__ import annotations

from pycluster.engines.etcd import answers
from pycluster.kernel.bounded import UNREADABLE
from pycluster.store import Failure, FailureKind

_KINDS: dict[str, FailureKind] = {
    "etcdserver: mvcc: required revision has been compacted": "compacted",
    "etcdserver: mvcc: required revision is a future revision": "future-revision",
    "etcdserver: key is not provided": "empty-key",
    "etcdserver: request is too large": "request-too-large",
    "etcdserver: too many operations in txn request": "too-many-operations",
    "etcdserver: duplicate key given in txn request": "duplicate-key",
    "etcdserver: key not found": "key-not-found",
    "etcdserver: value is provided": "value-provided",
    "etcdserver: lease is provided": "lease-provided",
    "etcdserver: requested lease not found": "lease-not-found",
    "etcdserver: lease already exists": "lease-exists",
    "etcdserver: too large lease TTL": "lease-ttl-too-large",
    "etcdserver: mvcc: database space exceeded": "no-space",
    "etcdserver: no leader": "no-leader",
    "etcdserver: not leader": "no-leader",
    "etcdserver: leader changed": "no-leader",
    "etcdserver: too many requests": "overloaded",
    # Of a member that votes not yet, or is still too old: before it looked at the request.
    "etcdserver: rpc not supported for learner": "no-leader",
    "etcdserver: not capable": "no-leader",
}
#: A log-in is out of date: the request was not looked at, and goes again with a fresh one.
_STALE = ("etcdserver: invalid auth token", "etcdserver: revision of auth store is old")
_ACCESS = (
    "etcdserver: authentication failed",
    "etcdserver: permission denied",
    "etcdserver: user name is empty",
    "etcdserver: user name not found",
    "etcdserver: authentication is not enabled",
)


class Refusal(Exception):
    """A member said no. ``message`` is etcd's; ``again``: an earlier attempt may have been carried out."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        #: A watch that is cancelled puts gRPC's words before etcd's.
        self.message = message.rpartition(" desc = ")[2]
        self.again = False

    @classmethod
    def of(cls, body: bytes) -> Refusal:
        """From the body of an answer that is none."""
        try:
            told = answers.read(body, answers.Refused)
        except UNREADABLE:
            return cls(body[:200].decode("utf-8", "replace").strip() or "an empty refusal")
        return cls(told.message or (told.error if isinstance(told.error, str) else told.error.message))

    @property
    def stale(self) -> bool:
        """Whether a fresh log-in is all that is missing."""
        return self.message.startswith(_STALE)

    @property
    def kind(self) -> FailureKind | None:
        """Ours; None for what leaves open whether a write was made."""
        if self.stale:
            return "no-leader"
        if self.message.startswith(_ACCESS):
            return "bad-request"
        return _KINDS.get(self.message)

    def failure(self, *, write: bool) -> Failure:
        """With etcd's words where ours say less."""
        kind = self.kind
        if kind is None:
            return Failure("outcome-unknown" if write else "timed-out", f"etcd: {self.message}")
        if kind == "no-space" and write:
            # The write that takes etcd past its quota is carried out, and refused all the same (``quotaApplierV3``).
            return Failure("outcome-unknown", f"etcd: {self.message}, and etcd may have done it nevertheless")
        return Failure(kind, f"etcd: {self.message}" if kind in ("bad-request", "no-leader", "overloaded") else "")
