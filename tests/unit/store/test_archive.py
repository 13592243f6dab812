"""A snapshot as a file: whole or refused, whatever was done to its bytes; and states that are moved ahead."""

from __future__ import annotations

from random import Random

import pytest

from pycluster.kernel.errors import LocalMisuse
from pycluster.store import (
    OPEN_END,
    ArchiveReader,
    ArchiveWriter,
    Compact,
    DeleteRange,
    Failure,
    LeaseGrant,
    Manifest,
    Params,
    Put,
    PutResult,
    Range,
    SnapshotDamaged,
    SnapshotWriter,
    Store,
    Txn,
    Watch,
    WatchBatch,
    Watches,
    bumped,
)
from tests.unit.store.hand import apply, done, keys, read, restored, store
from tests.unit.store.test_snapshot import PARAMS, busy

MANIFEST = Manifest("shop", "c" * 32, "node001", ("node001", "node002"), 9, 2, 5, -1, 700, 1_700_000_000_000, "1.2.3")
PIECES = [b"first", b"second" * 50, b"x"]


def written(manifest: Manifest = MANIFEST) -> bytes:
    """A file of those pieces."""
    writer = ArchiveWriter(manifest)
    return writer.head() + b"".join(writer.piece(piece) for piece in PIECES) + writer.end()


def taken(data: bytes, cuts: Random | None = None) -> list[bytes]:
    """What a reader makes of it, cut anywhere; raises ``SnapshotDamaged``."""
    reader, pieces = ArchiveReader(), []
    while data:
        length = cuts.randrange(1, 40) if cuts else len(data)
        pieces += reader.feed(data[:length])
        data = data[length:]
    assert len(reader.finish()) == 64
    assert reader.manifest == MANIFEST
    return pieces


@pytest.mark.parametrize("seed", range(5))
def test_it_comes_back_however_it_is_cut(seed: int) -> None:
    assert taken(written(), Random(seed)) == taken(written()) == PIECES


def test_no_byte_can_be_changed_left_out_or_added() -> None:
    data = written()
    for place in range(len(data)):
        with pytest.raises(SnapshotDamaged):
            taken(data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :])
        with pytest.raises(SnapshotDamaged):
            taken(data[:place])
    with pytest.raises(SnapshotDamaged, match="after its end"):
        taken(data + b"\0")


@pytest.mark.parametrize("data", [b"", b"SQLite format 3\0", b"pycluster", b"\0" * 100])
def test_what_is_no_snapshot_is_told_from_one(data: bytes) -> None:
    with pytest.raises(SnapshotDamaged):
        taken(data)


def test_a_length_that_no_piece_has_is_refused_before_anything_is_kept() -> None:
    reader = ArchiveReader()
    with pytest.raises(SnapshotDamaged, match="length"):
        reader.feed(b"pycluster snapshot\n" + b"\xff\xff\xff\x7f")


def copied(one: Store) -> Store:
    """Through a snapshot."""
    writer, chunks = SnapshotWriter(one), []
    while (chunk := writer.chunk()) is not None:
        chunks.append(chunk)
    writer.close()
    return restored(chunks, one.params)


def test_a_state_moved_ahead_has_the_same_keys_later_and_nothing_before() -> None:
    one = store()
    done(one, Put(b"a", b"1"), Put(b"b", b"2"), DeleteRange(b"a"), LeaseGrant(60, 7), Put(b"c", b"3", lease=7))
    kvs, size_of_c = read(one).kvs, 1 + 1 + 128
    moved = bumped(one, 1_000)
    assert moved.revision == moved.compact_revision == 1_005
    assert read(moved).kvs == kvs
    assert moved.size_bytes == 2 * size_of_c
    assert moved.attached(7) == (b"c",) and moved.granted_ttl_s(7) == 60
    for revision in (1, 5, 1_004):
        answer = moved.range(Range(b"a", OPEN_END, revision=revision))
        assert isinstance(answer, Failure) and answer.kind == "compacted"
    assert done(moved, Put(b"d")) == PutResult(1_006)
    assert keys(moved, Range(b"\0", OPEN_END, revision=1_005)) == [b"b", b"c"]


def test_a_watcher_that_goes_on_where_it_was_is_told_that_it_is_compacted() -> None:
    one = store()
    done(one, *(Put(b"k", b"%d" % number) for number in range(5)))
    watches = Watches(bumped(one, 10))
    told = watches.open(1, Watch(b"k", start_revision=7))
    assert isinstance(told, WatchBatch) and told.compact_revision == 16 and not told.events


@pytest.mark.parametrize("seed", range(6))
def test_any_state_moved_ahead_can_be_written_and_read_and_goes_on(seed: int) -> None:
    rng = Random(seed)
    one = Store(PARAMS)
    busy(one, rng, 200)
    kvs, answers = read(one).kvs, one.remembered.everything()
    moved = bumped(one, rng.choice((1, 2, 1 << 40)))
    copy = copied(moved)
    assert (copy.digest(), copy.size_bytes, copy.revision) == (moved.digest(), moved.size_bytes, moved.revision)
    assert read(copy).kvs == kvs and copy.remembered.everything() == answers
    again = Random(seed + 1)
    busy(moved, Random(seed + 1), 100)
    busy(copy, again, 100)
    while moved.tidy() or copy.tidy():
        pass
    assert moved.digest() == copy.digest() == copied(copy).digest()
    apply(copy, Compact(copy.revision))
    apply(copy, Txn(success=(Put(b"p"), Put(b"q"))))
    assert copied(copy).digest() == copy.digest()


@pytest.mark.parametrize("by", [0, -1, (1 << 48) + 1])
def test_it_is_moved_ahead_within_bounds(by: int) -> None:
    with pytest.raises(LocalMisuse):
        bumped(Store(Params()), by)
