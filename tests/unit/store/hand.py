"""Short words for the store's tests."""

from __future__ import annotations

from pycluster.store import (
    OPEN_END,
    Applied,
    Command,
    Failure,
    Params,
    Range,
    RangeResult,
    SnapshotReader,
    SnapshotWriter,
    Store,
    Write,
    WriteResult,
)

EVERYTHING = Range(b"\0", OPEN_END)


def store(**bounds: int) -> Store:
    """An empty one."""
    return Store(Params(**bounds))


def apply(one: Store, write: Write, request_id: bytes = b"") -> Applied:
    """As if it came from the log."""
    return one.apply(Command(request_id, write))


def done(one: Store, *writes: Write) -> WriteResult:
    """The result of the last; none of them is refused."""
    results = [apply(one, write).result for write in writes]
    for result in results:
        assert not isinstance(result, Failure), result
    last = results[-1]
    assert not isinstance(last, Failure)
    return last


def refused(one: Store, write: Write) -> str:
    """Why, and that nothing was changed by it."""
    before = one.digest()
    applied = apply(one, write)
    assert isinstance(applied.result, Failure), applied.result
    assert (one.digest(), applied.revision, applied.events) == (before, one.revision, ())
    return applied.result.kind


def read(one: Store, request: Range = EVERYTHING) -> RangeResult:
    """What a range brings."""
    result = one.range(request)
    assert isinstance(result, RangeResult), result
    return result


def keys(one: Store, request: Range = EVERYTHING) -> list[bytes]:
    """The keys that a range brings."""
    return [kv.key for kv in read(one, request).kvs]


def tidied(one: Store) -> int:
    """Remove all that is compacted; in how many slices."""
    slices = 1
    while one.tidy():
        slices += 1
    return slices


def written(one: Store) -> list[bytes]:
    """A snapshot."""
    writer = SnapshotWriter(one)
    chunks = []
    while (chunk := writer.chunk()) is not None:
        chunks.append(chunk)
    writer.close()
    return chunks


def restored(chunks: list[bytes], params: Params | None = None) -> Store:
    """The store in it."""
    reader = SnapshotReader(params or Params())
    for chunk in chunks:
        reader.feed(chunk)
    return reader.finish()
