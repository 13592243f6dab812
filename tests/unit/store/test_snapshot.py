"""Snapshots: of one moment, whole or refused, and as good as the original."""

from __future__ import annotations

import zlib
from random import Random

import msgspec
import pytest

from pycluster.store import (
    OPEN_END,
    Command,
    Compact,
    DeleteRange,
    LeaseGrant,
    LeaseRevoke,
    Params,
    Put,
    PutResult,
    SnapshotDamaged,
    SnapshotReader,
    SnapshotWriter,
    Store,
    Txn,
    Write,
)
from tests.unit.store.hand import apply, done, keys, restored, store, tidied, written

PARAMS = Params(chunk_bytes=1_024, slice_entries=20, remembered_max=30)


def write(rng: Random) -> Write:
    """Any write."""
    key = b"%02d" % rng.randrange(60)
    match rng.randrange(10):
        case 0:
            return DeleteRange(key, rng.choice((b"", b"3", OPEN_END)))
        case 1:
            return Txn(success=(Put(b"z" + key), DeleteRange(key), Put(b"x" + key)))
        case 2:
            return LeaseGrant(60, rng.randrange(1, 9))
        case 3:
            return LeaseRevoke(rng.randrange(1, 9))
        case _:
            return Put(key, rng.randbytes(rng.randrange(40)), rng.choice((0, 0, 1, 2, 3)))


def busy(one: Store, rng: Random, writes: int) -> list[Command]:
    """Apply some, compacting now and then; returns them."""
    commands = []
    for _ in range(writes):
        compact = rng.randrange(25) == 0
        commands.append(Command(rng.randbytes(4), Compact(rng.randrange(one.revision) + 1) if compact else write(rng)))
        one.apply(commands[-1])
    return commands


@pytest.mark.parametrize("seed", range(8))
def test_it_is_of_the_moment_it_began_whatever_goes_on(seed: int) -> None:
    rng = Random(seed)
    one = Store(PARAMS)
    busy(one, rng, 200)
    digest, size, revision = one.digest(), one.size_bytes, one.revision
    writer, chunks = SnapshotWriter(one), []
    while (chunk := writer.chunk()) is not None:
        chunks.append(chunk)
        busy(one, rng, 15)
        assert not one.tidy()
    writer.close()
    assert len(chunks) > 5 and one.digest() != digest
    copy = restored(chunks, PARAMS)
    assert (copy.digest(), copy.size_bytes, copy.revision) == (digest, size, revision)


@pytest.mark.parametrize("seed", range(8))
def test_what_is_restored_goes_on_like_the_original(seed: int) -> None:
    rng = Random(seed)
    one = Store(PARAMS)
    before = busy(one, rng, 200)
    copy = restored(written(one), PARAMS)
    tidied(one)
    commands = before[-10:] + busy(Store(PARAMS), rng, 200) + [Command(b"", Compact(one.revision))]
    for command in commands:
        assert copy.apply(command) == one.apply(command)
        assert copy.size_bytes == one.size_bytes
    assert copy.digest() == one.digest()


def test_a_compaction_while_one_is_written_takes_its_room_only_afterwards() -> None:
    one = store()
    done(one, *(Put(b"a", b"%d" % number) for number in range(5)))
    writers = SnapshotWriter(one), SnapshotWriter(one)
    done(one, Compact(6))
    assert not one.tidy() and len(one.keyspace.versions(b"a")) == 5
    writers[0].close()
    writers[0].close()
    assert writers[0].chunk() is None
    assert not one.tidy() and len(one.keyspace.versions(b"a")) == 5
    writers[1].close()
    tidied(one)
    assert len(one.keyspace.versions(b"a")) == 1


def test_an_empty_store_and_one_that_is_all_deleted_are_restored() -> None:
    one = store()
    assert restored(written(one)).digest() == one.digest()
    done(one, Put(b"a"), DeleteRange(b"a"), Put(b"b"), DeleteRange(b"b"), Compact(5))
    copy = restored(written(one))
    assert (copy.digest(), copy.revision, keys(copy)) == (one.digest(), 5, [])
    assert copy.apply(Command(b"", Put(b"a"))) == one.apply(Command(b"", Put(b"a")))


def test_a_key_with_many_versions_and_a_revision_with_many_keys_go_over_several_chunks() -> None:
    one = store(chunk_bytes=1_024)
    done(one, *(Put(b"a", b"x" * 20_000) for _ in range(10)))
    for number in range(300):
        done(one, Put(b"%03d" % number + b"k" * 300))
    done(one, DeleteRange(b"0", OPEN_END))
    chunks = written(one)
    copy = restored(chunks)
    assert copy.digest() == one.digest()
    done(copy, Compact(one.revision - 1))
    done(one, Compact(one.revision - 1))
    assert copy.size_bytes == one.size_bytes


def spoilt(chunks: list[bytes]) -> dict[str, list[bytes]]:
    other = store(chunk_bytes=1_024)
    done(other, *(Put(b"%03d" % number, b"y" * 100) for number in range(50)))
    middle = len(chunks) // 2
    bits = bytearray(chunks[middle])
    bits[-1] ^= 1
    return {
        "nothing": [],
        "cut at the end": chunks[:-1],
        "cut in a piece": [*chunks[:-1], chunks[-1][:-1]],
        "a piece is empty": [*chunks[:2], b"", *chunks[2:]],
        "a bit": [*chunks[:middle], bytes(bits), *chunks[middle + 1 :]],
        "one is missing": chunks[:middle] + chunks[middle + 1 :],
        "two changed places": [*chunks[:middle], chunks[middle + 1], chunks[middle], *chunks[middle + 2 :]],
        "one twice": [*chunks[: middle + 1], *chunks[middle:]],
        "after the end": [*chunks, chunks[-1]],
        "half of another": [*chunks[:middle], *written(other)[middle:]],
    }


def test_what_is_not_whole_is_refused() -> None:
    one = store(chunk_bytes=1_024)
    done(one, *(Put(b"%03d" % number, b"x" * 100) for number in range(50)))
    chunks = written(one)
    assert len(chunks) > 5 and restored(chunks).digest() == one.digest()
    for _, wrong in spoilt(chunks).items():
        with pytest.raises(SnapshotDamaged):
            restored(wrong)


def sealed(*pieces: object) -> list[bytes]:
    """Chunks that are in order and unharmed, whatever they say."""
    chunks, checksum = [], 0
    for number, piece in enumerate(pieces):
        body = msgspec.msgpack.encode(piece)
        checksum = zlib.crc32(body, zlib.crc32(number.to_bytes(4, "big"), checksum))
        chunks.append(number.to_bytes(4, "big") + checksum.to_bytes(4, "big") + body)
    return chunks


#: A remembered answer.
ANSWER = msgspec.msgpack.encode(PutResult(2))
ORDER = [2, [b"a"]]


def put(revision: int, lease: int = 0) -> bytes:
    return b"".join(number.to_bytes(8, "little") for number in (revision, revision, 1, lease))


@pytest.mark.parametrize(
    ("complaint", "pieces"),
    [
        ("cannot be read", [["what"]]),
        ("cannot be read", [msgspec.Raw(b"\x92\xa3\xf3nd\x00")]),
        ("cannot be read", [msgspec.Raw(b"\x91" * 5_000)]),
        ("its format is 2", [["head", 2, 1, -1]]),
        ("the head comes first", [["end", 0]]),
        ("the head comes first", [["head", 1, 1, -1], ["head", 1, 1, -1]]),
        ("pieces are out of order", [["head", 1, 1, -1], ["keys", []], ["leases", []]]),
        ("its revisions are not possible", [["head", 1, 5, 6]]),
        ("its revisions are not possible", [["head", 1, 1 << 40, -1]]),
        ("what revision 2 changed is missing", [["head", 1, 2, -1], ["end", 0]]),
        ("versions are missing", [["head", 1, 2, -1], ["end", 1]]),
        ("keys are out of order", [["head", 1, 3, -1], ["keys", [[b"b", [put(2)]], [b"a", [put(3)]]]]]),
        ("a version is cut", [["head", 1, 2, -1], ["keys", [[b"a", [b"short"]]]]]),
        ("no possible revision", [["head", 1, 2, -1], ["keys", [[b"a", [put(3)]]]]]),
        ("no possible revision", [["head", 1, 3, -1], ["keys", [[b"a", [put(3), put(2)]]]]]),
        ("was forgotten", [["head", 1, 9, 8], ["keys", [[b"a", [put(2), put(3)]]]]]),
        ("a lease that is not there", [["head", 1, 2, -1], ["keys", [[b"a", [put(2, 7)]]]], ["end", 1]]),
        ("is not that of its keys", [["head", 1, 2, -1], ["keys", [[b"a", [put(2)]], [b"b", [put(2)]]]], ["end", 2]]),
        ("an order has no keys", [["head", 1, 2, -1], ["keys", [[b"a", [put(2)]]]], ["orders", [ORDER]], ["end", 1]]),
        ("an answer cannot be read", [["head", 1, 1, -1], ["answers", [[b"id", b"\xc1"]]]]),
        ("an answer cannot be read", [["head", 1, 1, -1], ["answers", [[b"id", b"\x92\xa3\xf3ut\x00"]]]]),
        ("an answer is there twice", [["head", 1, 1, -1], ["answers", [[b"i", ANSWER], [b"i", ANSWER]]]]),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(complaint: str, pieces: list[object]) -> None:
    with pytest.raises(SnapshotDamaged, match=complaint):
        restored(sealed(*pieces))


def test_a_reader_of_any_bytes_says_that_they_are_damaged() -> None:
    rng = Random(3)
    for _ in range(300):
        with pytest.raises(SnapshotDamaged):
            SnapshotReader(Params()).feed(rng.randbytes(rng.randrange(40)))


def test_answers_that_are_remembered_come_along() -> None:
    one = store()
    first = apply(one, Put(b"a", b"1"), b"id")
    copy = restored(written(one))
    again = apply(copy, Put(b"a", b"1"), b"id")
    assert (again.result, again.revision, again.events) == (first.result, 2, ())
