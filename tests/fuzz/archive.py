"""Snapshot files that somebody else made: every hash and checksum fits, and what they say may be absurd."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from random import Random
from zlib import crc32

import msgspec

from pycluster.agent.offline import TERM_LEAP
from pycluster.cli.snapshots import moment
from pycluster.consensus import Snapshot, Vote
from pycluster.store import ArchiveReader, ArchiveWriter, Manifest, Params, SnapshotDamaged, SnapshotReader
from tests.fuzz.mutation import mutated_body
from tests.unit.storage.test_archives import bytes_of, manifest_of, some_state

_PARAMS = Params(state_max_bytes=1 << 20)
#: In front of a piece: its number and checksum.
_HEAD_BYTES = 8


@functools.cache
def _bodies() -> tuple[bytes, ...]:
    """The manifest, and what each piece of a small state says."""
    state = some_state()
    reader = ArchiveReader()
    pieces = reader.feed(b"".join(bytes_of(state)))
    return (msgspec.msgpack.encode(manifest_of(state)), *(piece[_HEAD_BYTES:] for piece in pieces))


def seeds() -> Iterable[bytes]:
    """Which of them is another one, and what it says."""
    for number, body in enumerate(_bodies()):
        yield bytes((number,)) + body


def mutate(data: bytes, rng: Random) -> bytes:
    """What it says is changed, and that it says something stays."""
    return data[:1] + mutated_body(data[1:], rng)


def run(data: bytes) -> None:
    """Read it as ``inspect`` and ``restore`` do."""
    if not data:
        return
    bodies = list(_bodies())
    bodies[data[0] % len(bodies)] = data[1:]
    reader, building = ArchiveReader(), SnapshotReader(_PARAMS)
    try:
        for piece in reader.feed(_sealed(bodies)):
            building.feed(piece)
        reader.finish()
        building.finish()
    except SnapshotDamaged:
        pass
    manifest = reader.manifest
    if manifest is None:
        return
    assert moment(manifest.made_ms)
    assert msgspec.json.decode(msgspec.json.encode(manifest), type=Manifest) == manifest
    vote, folded = Vote(manifest.term + TERM_LEAP), Snapshot(max(manifest.index, 1), manifest.term)
    for kept in (vote, folded):
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(kept), type=type(kept)) == kept


def _sealed(bodies: list[bytes]) -> bytes:
    """A file of these, with everything that is reckoned from them."""
    writer = ArchiveWriter(manifest_of(some_state()))
    begun, manifest, checksum = writer.head(), bodies[0], 0
    magic = begun[: begun.index(b"\n") + 1]
    # The writer's own hash is of another manifest: this one is reckoned here.
    parts = [magic, len(manifest).to_bytes(4, "little"), manifest]
    for number, body in enumerate(bodies[1:]):
        place = number.to_bytes(4, "big")
        checksum = crc32(body, crc32(place, checksum))
        piece = place + checksum.to_bytes(4, "big") + body
        parts += [len(piece).to_bytes(4, "little"), piece]
    return _hashed(b"".join((*parts, bytes(4))))


def _hashed(data: bytes) -> bytes:
    import hashlib

    return data + hashlib.sha256(data).digest()
