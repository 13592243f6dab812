"""The data model once more, as plainly as can be: a whole copy of every revision, and loops over all of it."""

from __future__ import annotations

from pycluster.store import (
    Command,
    Compact,
    CompactResult,
    Compare,
    DeleteRange,
    DeleteResult,
    Event,
    KeyValue,
    LeaseGrant,
    LeaseGrantResult,
    LeaseRevoke,
    LeaseRevokeResult,
    Put,
    PutResult,
    Range,
    RangeResult,
    Txn,
    TxnResult,
    Watch,
    Write,
    WriteResult,
)

State = dict[bytes, KeyValue]
Operation = Range | Put | DeleteRange | Txn


class Wrong(Exception):
    """The kind of the failure."""


def inside(key: bytes, wanted: bytes, range_end: bytes) -> bool:
    if range_end == b"":
        return key == wanted
    return key >= wanted and (range_end == b"\0" or key < range_end)


def _alike(one: Write, other: Write) -> bool:
    """Whether they are one request: the ID of a lease may have been drawn for each."""
    if isinstance(one, LeaseGrant) and isinstance(other, LeaseGrant):
        return one.ttl_s == other.ttl_s
    return one == other


class Copies:
    """``states[r]`` is the whole state at revision r, ``told[r]`` the events that made it."""

    def __init__(self) -> None:
        self.states: list[State] = [{}, {}]
        self.told: list[list[Event]] = [[], []]
        self.forgotten = -1
        self.leases: dict[int, int] = {}
        self.answers: dict[bytes, tuple[Write, WriteResult]] = {}

    @property
    def revision(self) -> int:
        return len(self.states) - 1

    def apply(self, command: Command) -> tuple[WriteResult | str, list[Event]]:
        if command.request_id in self.answers:
            write, answer = self.answers[command.request_id]
            return answer if _alike(write, command.write) else "bad-request", []
        before = self.revision
        try:
            result = self._apply(command.write)
        except Wrong as wrong:
            assert self.revision == before
            return str(wrong), []
        if command.request_id:
            self.answers[command.request_id] = command.write, result
        return result, self.told[-1] if self.revision > before else []

    def _apply(self, write: Put | DeleteRange | Txn | Compact | LeaseGrant | LeaseRevoke) -> WriteResult:
        if isinstance(write, Compact):
            if write.revision <= self.forgotten:
                raise Wrong("compacted")
            if write.revision > self.revision:
                raise Wrong("future-revision")
            self.forgotten = write.revision
            return CompactResult(self.revision)
        if isinstance(write, LeaseGrant):
            if write.id in self.leases:
                raise Wrong("lease-exists")
            self.leases[write.id] = max(write.ttl_s, 2)
            return LeaseGrantResult(self.revision, write.id, self.leases[write.id])
        if isinstance(write, LeaseRevoke):
            if write.id not in self.leases:
                raise Wrong("lease-not-found")
            del self.leases[write.id]
            keys = sorted(key for key, kv in self.states[-1].items() if kv.lease == write.id)
            self._step([DeleteRange(key) for key in keys])
            return LeaseRevokeResult(self.revision)
        if not isinstance(write, Txn):
            # Of a put alone the lease is looked at before the key.
            if isinstance(write, Put) and write.lease and write.lease not in self.leases:
                raise Wrong("lease-not-found")
            self._possible([write])
            return self._step([write])[0]  # type: ignore[return-value]
        for branch in (write.success, write.failure):
            written_once(branch)
        path = self._flat(write)
        self._possible(path)
        results = self._step([write])
        (result,) = results
        assert isinstance(result, TxnResult)
        return TxnResult(self.revision, result.succeeded, result.results)

    def _flat(self, txn: Txn) -> list[Operation]:
        branch = txn.success if all(self.holds(compare) for compare in txn.compare) else txn.failure
        return [one for each in branch for one in (self._flat(each) if isinstance(each, Txn) else [each])]

    def _possible(self, path: list[Operation]) -> None:
        for one in path:
            if isinstance(one, Put):
                if (one.ignore_value or one.ignore_lease) and one.key not in self.states[-1]:
                    raise Wrong("key-not-found")
                if one.lease and one.lease not in self.leases:
                    raise Wrong("lease-not-found")
        for one in path:
            if isinstance(one, Range) and one.revision > self.revision:
                raise Wrong("future-revision")
            if isinstance(one, Range) and one.revision and one.revision < self.forgotten:
                raise Wrong("compacted")

    def holds(self, compare: Compare) -> bool:
        found = [kv for key, kv in self.states[-1].items() if inside(key, compare.key, compare.range_end)]
        if not found:
            if compare.target == "value":
                return False
            found = [KeyValue(b"", b"", 0, 0, 0)]
        attribute = {"mod": "mod_revision", "create": "create_revision"}.get(compare.target, compare.target)
        wanted = compare.value if compare.target == "value" else compare.number
        for kv in found:
            have = getattr(kv, attribute)
            if not {"equal": have == wanted, "not_equal": have != wanted, "less": have < wanted}.get(
                compare.result, have > wanted
            ):
                return False
        return True

    def _step(self, operations: list[Operation]) -> list[RangeResult | PutResult | DeleteResult | TxnResult]:
        """One revision at most. Conditions, inner ones too, are of the state before it."""
        state = dict(self.states[-1])
        events: list[Event] = []
        results = [self._one(one, state, events) for one in operations]
        if events:
            self.states.append(state)
            self.told.append(events)
        return results

    def _one(
        self, one: Operation, state: State, events: list[Event]
    ) -> RangeResult | PutResult | DeleteResult | TxnResult:
        before = self.states[-1]
        new = len(self.states)
        if isinstance(one, Txn):
            succeeded = all(self.holds(compare) for compare in one.compare)
            branch = one.success if succeeded else one.failure
            return TxnResult(0, succeeded, tuple(self._one(each, state, events) for each in branch))
        if isinstance(one, Range):
            seen = new if events else new - 1
            return self.read(one, state if one.revision <= 0 else self.states[one.revision], seen)
        if isinstance(one, Put):
            old = state.get(one.key)
            if old is None and (one.ignore_value or one.ignore_lease):
                raise Wrong("key-not-found")
            value = old.value if old and one.ignore_value else one.value
            lease = old.lease if old and one.ignore_lease else one.lease
            create, version = (old.create_revision, old.version + 1) if old else (new, 1)
            state[one.key] = KeyValue(one.key, value, create, new, version, lease)
            events.append(Event(False, state[one.key], before.get(one.key) if old else None))
            return PutResult(new, old if one.prev_kv else None)
        gone = [state.pop(key) for key in sorted(state) if inside(key, one.key, one.range_end)]
        events += [Event(True, KeyValue(kv.key, b"", 0, new, 0), before.get(kv.key)) for kv in gone]
        return DeleteResult(new if events else new - 1, len(gone), tuple(gone) if one.prev_kv else ())

    def range(self, request: Range) -> RangeResult | str:
        if request.revision > self.revision:
            return "future-revision"
        if 0 < request.revision < self.forgotten:
            return "compacted"
        return self.read(request, self.states[request.revision if request.revision > 0 else -1], self.revision)

    def read(self, request: Range, state: State, seen: int) -> RangeResult:
        found = [state[key] for key in sorted(state) if inside(key, request.key, request.range_end)]
        count = len(found)
        if request.count_only:
            return RangeResult(seen, (), count)
        limits = (
            request.min_mod_revision,
            request.max_mod_revision,
            request.min_create_revision,
            request.max_create_revision,
        )
        if request.limit > 0 and request.sort_order == "none" and limits == (0, 0, 0, 0):
            found = found[: request.limit + 1]
        least_mod, most_mod, least_create, most_create = limits
        found = [
            kv
            for kv in found
            if kv.mod_revision >= least_mod
            and kv.mod_revision <= (most_mod or 1 << 60)
            and kv.create_revision >= least_create
            and kv.create_revision <= (most_create or 1 << 60)
        ]
        attribute = {"mod": "mod_revision", "create": "create_revision"}.get(request.sort_target, request.sort_target)
        found.sort(key=lambda kv: getattr(kv, attribute), reverse=request.sort_order == "descend")
        more = 0 < request.limit < len(found)
        if request.limit > 0:
            found = found[: request.limit]
        if request.keys_only:
            found = [KeyValue(kv.key, b"", kv.create_revision, kv.mod_revision, kv.version, kv.lease) for kv in found]
        return RangeResult(seen, tuple(found), count, more)

    def events(self, watch: Watch, first: int, last: int) -> list[Event]:
        """What a watcher is to hear of revisions ``first`` to ``last``, without what was before."""
        return [
            Event(event.deleted, event.kv)
            for revision in range(max(first, 0), last + 1)
            for event in self.told[revision]
            if inside(event.kv.key, watch.key, watch.range_end)
            and not (watch.no_delete if event.deleted else watch.no_put)
        ]


def written_once(branch: tuple[Operation, ...]) -> tuple[set[bytes], list[DeleteRange]]:
    """etcd's rule, with its gaps: an open end, and a deletion in a later inner transaction, are not looked at."""
    deletions = [one for one in branch if isinstance(one, DeleteRange) and one.range_end != b"\0"]
    puts: set[bytes] = set()

    def put(key: bytes, but: set[bytes]) -> None:
        if key in puts and key not in but:
            raise Wrong("duplicate-key")
        if any(inside(key, one.key, one.range_end) for one in deletions):
            raise Wrong("duplicate-key")
        puts.add(key)

    for one in branch:
        if isinstance(one, Txn):
            then_puts, then_deletions = written_once(one.success)
            else_puts, else_deletions = written_once(one.failure)
            for key in then_puts:
                put(key, set())
            for key in else_puts:
                put(key, then_puts)
            deletions += then_deletions + else_deletions
    for one in branch:
        if isinstance(one, Put):
            put(one.key, set())
    return puts, deletions
