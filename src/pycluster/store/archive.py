"""A snapshot as a file that stands by itself: what it is of, the state in pieces, and a hash over everything.

It begins with ``"pycluster snapshot\\n"``. Then come frames of a length (4 bytes, little-endian) and a body: the
manifest as msgpack, the pieces of the state, and one of length 0; then the SHA-256 of all that. So a file that was cut
short, or changed anywhere, is told from a whole one, and what a file is of can be read from its beginning.
"""

from __future__ import annotations

import hashlib
from struct import Struct
from typing import Annotated

import msgspec

from pycluster.kernel.bounded import UNREADABLE, Name, Names, Ordinal, Uuid
from pycluster.store.snapshot import SnapshotDamaged

_MAGIC = b"pycluster snapshot\n"
_FORMAT = 1
_LENGTH = Struct("<I")
HASH_BYTES = 32
#: No frame is as large; a length above it was never written.
_FRAME_MAX_BYTES = 4 << 20


#: A log's index or term: a restored cluster's terms go on above it, and stay what a log can hold.
_Place = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
#: The last millisecond that a date can say.
MADE_MAX_MS = 253_402_300_799_999


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a snapshot is of: the state after the log's entry ``index`` of ``term``, as the node ``name`` had it.

    ``revision``, ``compacted`` (-1: never), ``size_bytes``: the state's. ``made_ms``: Unix time, milliseconds.
    ``version``: of the program that made it. ``voters``: who voted then. Each has a bound: a file may be anybody's.
    """

    cluster: Name
    cluster_uuid: Uuid
    name: Name
    voters: Names
    index: _Place
    term: _Place
    revision: Ordinal
    compacted: Annotated[int, msgspec.Meta(ge=-1, le=2**62)]
    size_bytes: Ordinal
    made_ms: Annotated[int, msgspec.Meta(ge=0, le=MADE_MAX_MS)]
    version: Annotated[str, msgspec.Meta(max_length=128)]
    format: Annotated[int, msgspec.Meta(ge=1, le=2**31)] = _FORMAT


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Manifest).decode


class ArchiveWriter:
    """The bytes of a file, in their order: ``head``, any number of ``piece``, ``end``."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._hash = hashlib.sha256()

    def head(self) -> bytes:
        """The beginning."""
        return self._hashed(_MAGIC + self._framed(_encode(self._manifest)))

    def piece(self, data: bytes) -> bytes:
        """The next piece, which is not empty."""
        return self._hashed(self._framed(data))

    def end(self) -> bytes:
        """The end."""
        return self._hashed(self._framed(b"")) + self._hash.digest()

    @staticmethod
    def _framed(data: bytes) -> bytes:
        return _LENGTH.pack(len(data)) + data

    def _hashed(self, data: bytes) -> bytes:
        self._hash.update(data)
        return data


class ArchiveReader:
    """Takes the bytes of a file as they come, however they are cut; raises ``SnapshotDamaged``, and is of no more use
    then. ``manifest`` is None until enough of them came.
    """

    def __init__(self) -> None:
        self.manifest: Manifest | None = None
        self._hash = hashlib.sha256()
        self._waiting = bytearray()
        self._begun = False
        self._over = False

    def feed(self, data: bytes) -> list[bytes]:
        """The pieces that these bytes complete. They are of a whole file only once ``finish`` has said so."""
        waiting = self._waiting
        waiting += data
        pieces: list[bytes] = []
        if not self._begun:
            if not _MAGIC.startswith(bytes(waiting[: len(_MAGIC)])):
                raise SnapshotDamaged("it does not begin as a snapshot does")
            if len(waiting) < len(_MAGIC):
                return pieces
            self._take(len(_MAGIC))
            self._begun = True
        while not self._over and len(waiting) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(waiting)
            if length > _FRAME_MAX_BYTES:
                raise SnapshotDamaged("a piece has a length that no piece has")
            if len(waiting) < _LENGTH.size + length:
                break
            body = self._take(_LENGTH.size + length)[_LENGTH.size :]
            if self.manifest is None:
                self.manifest = _manifest(body)
            elif body:
                pieces.append(body)
            else:
                self._over = True
        return pieces

    def finish(self) -> str:
        """The hash, hexadecimal, once every byte came; raises ``SnapshotDamaged`` where they make no whole."""
        if self.manifest is None or not self._over or len(self._waiting) < HASH_BYTES:
            raise SnapshotDamaged("it is cut short")
        if len(self._waiting) > HASH_BYTES:
            raise SnapshotDamaged("there is something after its end")
        if bytes(self._waiting) != self._hash.digest():
            raise SnapshotDamaged("it does not match its hash")
        return self._hash.hexdigest()

    def _take(self, length: int) -> bytes:
        taken = bytes(self._waiting[:length])
        del self._waiting[:length]
        self._hash.update(taken)
        return taken


def _manifest(body: bytes) -> Manifest:
    try:
        manifest = _decode(body)
    except UNREADABLE as error:
        raise SnapshotDamaged(f"what it is of cannot be read: {error}") from error
    if manifest.format != _FORMAT:
        raise SnapshotDamaged(f"its format is {manifest.format}, and this version knows {_FORMAT}")
    return manifest
