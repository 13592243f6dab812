"""The store as a dictionary: the simplest that answers rightly, written apart from the checkers' own model."""

from __future__ import annotations

from pycluster.store import (
    OPEN_END,
    Compare,
    DeleteRange,
    DeleteResult,
    Event,
    Failure,
    KeyValue,
    LeaseGrant,
    LeaseGrantResult,
    LeaseKeepAlive,
    LeaseKeepAliveResult,
    LeaseRevoke,
    LeaseRevokeResult,
    Put,
    PutResult,
    Range,
    RangeResult,
    Request,
    Result,
    Txn,
    TxnResult,
)

Inner = Range | Put | DeleteRange | Txn


class DictStore:
    """Answers one request after the other; ``events`` has what every revision changed."""

    def __init__(self) -> None:
        self.revision = 1
        self.keys: dict[bytes, KeyValue] = {}
        self.leases: dict[int, int] = {}
        self.past: dict[int, dict[bytes, KeyValue]] = {1: {}}
        self.events: dict[int, list[Event]] = {}

    def ask(self, request: Request) -> Result:
        at = self.revision + 1
        result: Result
        match request:
            case Range() | Put() | DeleteRange() | Txn():
                refusal = self._refusal(request)
                if refusal is not None:
                    return refusal
                self._pending: dict[bytes, Event] = {}
                result = self._do(request, at, self.revision)
                if self._pending:
                    self._commit(at)
                    result = self._headed(result, at)
                return result
            case LeaseGrant():
                lease = request.id or 1000 + len(self.leases) + self.revision
                if lease in self.leases:
                    return Failure("lease-exists", "", self.revision)
                self.leases[lease] = request.ttl_s
                return LeaseGrantResult(self.revision, lease, request.ttl_s)
            case LeaseRevoke():
                if self.leases.pop(request.id, None) is None:
                    return Failure("lease-not-found", "", self.revision)
                self._pending = {}
                for key in sorted(key for key, kv in self.keys.items() if kv.lease == request.id):
                    self._delete(key, at)
                if self._pending:
                    self._commit(at)
                return LeaseRevokeResult(self.revision)
            case LeaseKeepAlive():
                return LeaseKeepAliveResult(self.revision, request.id, self.leases.get(request.id, 0))
            case _:
                raise NotImplementedError(request)

    def _refusal(self, request: Inner) -> Failure | None:
        match request:
            case Put(lease=lease) if lease and lease not in self.leases:
                return Failure("lease-not-found", "", self.revision)
            case Range(revision=past) if past > self.revision:
                return Failure("future-revision", "", self.revision)
            case Txn():
                branches = (*request.success, *request.failure)
                return next((found for found in map(self._refusal, branches) if found is not None), None)
            case _:
                return None

    def _do(self, request: Inner, at: int, shown: int) -> RangeResult | PutResult | DeleteResult | TxnResult:
        match request:
            case Range():
                keys = self.past[request.revision] if request.revision else self.keys
                found = [keys[key] for key in self._named(request.key, request.range_end, keys)]
                chosen = found[: request.limit] if request.limit else found
                if request.keys_only:
                    chosen = [
                        KeyValue(kv.key, b"", kv.create_revision, kv.mod_revision, kv.version, kv.lease)
                        for kv in chosen
                    ]
                if request.count_only:
                    return RangeResult(shown, (), len(found))
                return RangeResult(shown, tuple(chosen), len(found), len(chosen) < len(found))
            case Put():
                old = self.keys.get(request.key)
                if old is None:
                    new = KeyValue(request.key, request.value, at, at, 1, request.lease)
                else:
                    new = KeyValue(request.key, request.value, old.create_revision, at, old.version + 1, request.lease)
                self.keys[request.key] = new
                self._pending[request.key] = Event(False, new, old)
                return PutResult(at, old if request.prev_kv else None)
            case DeleteRange():
                names = self._named(request.key, request.range_end, self.keys)
                gone = tuple(self._delete(key, at) for key in names)
                return DeleteResult(shown, len(gone), gone if request.prev_kv else ())
            case Txn():
                good = all(self._holds(compare) for compare in request.compare)
                branch = request.success if good else request.failure
                return TxnResult(shown, good, tuple(self._do(one, at, shown) for one in branch))

    def _named(self, key: bytes, end: bytes, keys: dict[bytes, KeyValue]) -> list[bytes]:
        if not end:
            return [key] if key in keys else []
        return sorted(name for name in keys if name >= key and (end == OPEN_END or name < end))

    def _delete(self, key: bytes, at: int) -> KeyValue:
        old = self.keys.pop(key)
        self._pending[key] = Event(True, KeyValue(key, b"", 0, at, 0), old)
        return old

    def _holds(self, compare: Compare) -> bool:
        kv = self.keys.get(compare.key)
        if compare.target == "value":
            return kv is not None and kv.value == compare.value
        number = (
            0
            if kv is None
            else {"version": kv.version, "create": kv.create_revision}.get(compare.target, kv.mod_revision)
        )
        return number == compare.number

    def _commit(self, at: int) -> None:
        self.revision = at
        self.past[at] = dict(self.keys)
        self.events[at] = [self._pending[key] for key in sorted(self._pending)]

    def _headed(self, result: Result, at: int) -> Result:
        match result:
            case DeleteResult():
                return DeleteResult(at, result.deleted, result.previous)
            case TxnResult():
                return TxnResult(at, result.succeeded, result.results)
            case _:
                return result
