"""The store beside a model that copies everything: any commands, with tidying, watches and snapshots in between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from pycluster.store import (
    Command,
    Compact,
    Compare,
    DeleteRange,
    Event,
    Failure,
    LeaseGrant,
    LeaseRevoke,
    Params,
    Put,
    Range,
    SnapshotReader,
    SnapshotWriter,
    Store,
    Txn,
    Watch,
    WatchBatch,
    Watches,
    Write,
)
from pycluster.store.versions import size_bytes
from tests.unit.store.copies import Copies

PARAMS = Params(slice_entries=2, chunk_bytes=1_024)

keys = st.sampled_from((b"a", b"ab", b"b", b"b\0", b"c"))
ends = st.sampled_from((b"", b"", b"\0", b"b", b"b\0", b"c"))
values = st.sampled_from((b"", b"x", b"y"))
leases = st.sampled_from((0, 0, 0, 0, 0, 1, 1, 2, 2, -1, 1 << 63))
revisions = st.sampled_from((0, 0, 0, 0, 0, 0, 1, 2, 3, 5, 8, 13, -1, 1 << 63))
flags = st.sampled_from((False, False, True))
ranges = st.builds(
    Range,
    keys,
    ends,
    limit=st.sampled_from((0, 0, 1, 2, -1)),
    revision=revisions,
    sort_order=st.sampled_from(("none", "ascend", "descend")),
    sort_target=st.sampled_from(("key", "version", "create", "mod", "value")),
    keys_only=flags,
    count_only=flags,
    min_mod_revision=revisions,
    max_mod_revision=revisions,
    min_create_revision=revisions,
    max_create_revision=revisions,
)
deletions = st.builds(DeleteRange, keys, ends, flags)
puts = st.one_of(
    st.builds(Put, keys, values, leases, flags),
    st.builds(Put, keys, st.just(b""), leases, flags, st.just(True)),
    st.builds(Put, keys, values, st.just(0), flags, st.just(False), st.just(True)),
)
compares = st.builds(
    Compare,
    keys,
    st.sampled_from(("version", "create", "mod", "value", "lease")),
    st.sampled_from(("equal", "greater", "less", "not_equal")),
    st.sampled_from((0, 1, 2, 3, -1)),
    values,
    ends,
)


def transactions(operations: st.SearchStrategy[Range | Put | DeleteRange | Txn]) -> st.SearchStrategy[Txn]:
    branch = st.lists(operations, max_size=3).map(tuple)
    return st.builds(Txn, st.lists(compares, max_size=2).map(tuple), branch, branch)


operations = st.recursive(st.one_of(puts, deletions, ranges), transactions, max_leaves=8)
writes: st.SearchStrategy[Write] = st.one_of(
    puts,
    deletions,
    transactions(operations),
    st.builds(Compact, st.integers(-1, 14)),
    st.builds(LeaseGrant, st.integers(0, 20), st.integers(1, 2)),
    st.builds(LeaseRevoke, st.integers(1, 2)),
)
watches = st.builds(Watch, keys, ends, revisions, flags, flags, flags)
steps = st.one_of(
    writes, writes, writes, ranges, watches, st.sampled_from(("tidy", "catch up", "begin", "chunk", "restore", "again"))
)
Step = Write | Range | Watch | Literal["tidy", "catch up", "begin", "chunk", "restore", "again"]


class Listener:
    """One watcher and what it must have heard by now."""

    def __init__(self, watch: Watch, told: int) -> None:
        self.watch = watch
        self.told = self.first = told
        self.compacted = False

    def hear(self, batch: WatchBatch, copies: Copies) -> None:
        assert not self.compacted
        assert batch.revision >= self.told
        heard = [Event(event.deleted, event.kv) for event in batch.events]
        if batch.compact_revision:
            assert (batch.compact_revision, heard) == (copies.forgotten, [])
            assert self.told + 1 < copies.forgotten
            self.compacted = True
            return
        assert heard == copies.events(self.watch, self.told + 1, batch.revision)
        for event in batch.events:
            previous = copies.states[event.kv.mod_revision - 1].get(event.kv.key)
            known = self.watch.prev_kv and event.kv.mod_revision > copies.forgotten and event.kv.version != 1
            assert event.previous == (previous if known else None)
        self.told = batch.revision


class Bench:
    """Two replicas: one that tidies and is now and then restored from its snapshot, one that never does."""

    def __init__(self) -> None:
        self.copies = Copies()
        self.store, self.other = Store(PARAMS), Store(PARAMS)
        self.watches = Watches(self.store)
        self.listeners: dict[int, Listener] = {}
        self.writer: SnapshotWriter | None = None
        self.digest = 0
        self.chunks: list[bytes] = []
        self.last = Command(b"first", Put(b"a"))
        self.count = 0

    def step(self, step: Step) -> None:
        match step:
            case Range():
                result = self.store.range(step)
                assert (result.kind if isinstance(result, Failure) else result) == self.copies.range(step)
            case Watch():
                self.open(step)
            case "tidy":
                self.store.tidy()
            case "catch up":
                self.hear(self.watches.catch_up())
            case "begin":
                self.begin()
            case "chunk":
                self.chunk()
            case "restore":
                self.restore()
            case "again":
                self.apply(self.last)
            case _:
                self.count += 1
                self.last = Command(b"%d" % self.count if self.count % 4 else b"", step)
                self.apply(self.last)

    def apply(self, command: Command) -> None:
        applied = self.store.apply(command)
        result, events = self.copies.apply(command)
        assert (applied.result.kind if isinstance(applied.result, Failure) else applied.result) == result
        assert (applied.revision, list(applied.events)) == (self.copies.revision, events)
        assert self.other.apply(command) == applied
        assert self.other.size_bytes == self.store.size_bytes
        self.hear(self.watches.publish(applied))
        for lease in (1, 2):
            held = sorted(key for key, kv in self.copies.states[-1].items() if kv.lease == lease)
            assert list(self.store.attached(lease)) == held
        assert self.store.lease_ids() == tuple(sorted(self.copies.leases))

    def open(self, watch: Watch) -> None:
        number = len(self.listeners)
        first = self.watches.open(number, watch)
        following = watch.start_revision or self.copies.revision + 1
        if isinstance(first, Failure):
            assert first.kind == "bad-request"
            assert watch.start_revision < 0 or (watch.range_end != b"\0" and b"" < watch.range_end <= watch.key)
            return
        assert (first.events, first.revision) == ((), following - 1)
        assert bool(first.compact_revision) == (following < self.copies.forgotten)
        if not first.compact_revision:
            self.listeners[number] = Listener(watch, first.revision)

    def hear(self, batches: Sequence[tuple[int, WatchBatch]]) -> None:
        assert len({number for number, _ in batches}) == len(batches)
        for number, batch in batches:
            self.listeners[number].hear(batch, self.copies)

    def begin(self) -> None:
        if self.writer is None:
            self.writer, self.digest, self.chunks = SnapshotWriter(self.store), self.store.digest(), []

    def chunk(self) -> bool:
        chunk = self.writer.chunk() if self.writer is not None else None
        if chunk is not None:
            self.chunks.append(chunk)
        return chunk is not None

    def restore(self) -> None:
        """The snapshot is what the state was when it began; the replica goes on from one of now."""
        if self.writer is not None:
            while self.chunk():
                pass
            self.writer.close()
            self.writer = None
            assert read(self.chunks).digest() == self.digest
        self.begin()
        assert self.writer is not None
        while self.chunk():
            pass
        self.writer.close()
        self.writer = None
        self.finish()
        digest = self.store.digest()
        self.store = read(self.chunks)
        assert self.store.digest() == digest
        self.watches, self.listeners = Watches(self.store), {}

    def finish(self) -> None:
        """Everybody has heard everything, and the replicas are equal."""
        while self.watches.behind:
            self.hear(self.watches.catch_up())
        for number, listener in self.listeners.items():
            if not listener.compacted:
                progress = self.watches.progress(number)
                assert progress is not None
                listener.hear(progress, self.copies)
                assert listener.told >= self.copies.revision
        assert self.store.digest() == self.other.digest()
        counted = sum(size_bytes(key, one) for key, some in self.store.contents().versions() for one in some)
        assert self.store.size_bytes == counted
        for revision in range(max(self.copies.forgotten, 1), self.copies.revision + 1):
            for limit, counted in ((0, False), (2, False), (0, True)):
                everything = Range(b"\0", b"\0", limit, revision, count_only=counted)
                assert self.store.range(everything) == self.copies.range(everything)


def read(chunks: list[bytes]) -> Store:
    reader = SnapshotReader(PARAMS)
    for chunk in chunks:
        reader.feed(chunk)
    return reader.finish()


def kept(store: Store) -> list[tuple[bytes, tuple[bytes, ...]]]:
    """Every version that is still there, forgotten or not."""
    return [(key, tuple(store.keyspace.versions(key))) for key in store.keyspace.every(b"", 100)]


@settings(derandomize=True, database=None, deadline=None, max_examples=60)
@given(st.lists(steps, min_size=20, max_size=80))
def test_any_course_of_events_is_as_the_model_says(course: list[Step]) -> None:
    bench = Bench()
    for step in course:
        bench.step(step)
    bench.finish()
    if bench.writer is not None:
        bench.writer.close()
    while bench.store.tidy():
        pass
    bench.finish()
    while bench.other.tidy():
        pass
    assert kept(bench.store) == kept(bench.other)
