"""When this node acted as leader, kept past the end of its process without waiting for a disk.

The file is a ring of slots behind a head that names the boot. A slot is written with one ``pwrite`` into space that the
file already has, never synced: it outlives the process and not the machine, as do the clock readings in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
from zlib import crc32

import msgspec

from pycluster.kernel.limits import ACTING_INTERVALS_KEPT

FILE = "acting"
CUT_SHORT = "the process ended without a word; the lease it held ran until then"

_SLOT_BYTES = 256
_FILE_BYTES = (1 + ACTING_INTERVALS_KEPT) * _SLOT_BYTES
_MAGIC = b"pycluster acting 1"
#: Sequence number, term, start and end in microseconds of this boot, whether it ended, length of the reason in bytes.
_FIELDS = struct.Struct("<QQqqBB")
_CHECKSUM = struct.Struct("<I")
_REASON_MAX = _SLOT_BYTES - _FIELDS.size - _CHECKSUM.size


class Acted(msgspec.Struct, frozen=True):
    """One interval, in microseconds of this boot's clock, in which this node acted as leader."""

    term: int
    started_us: int
    ended_us: int
    reason: str = ""


class ActingRecord:
    """The intervals of earlier processes of this boot, and a place for this one's."""

    def __init__(self, file: int | None, sequence: int, past: tuple[Acted, ...]) -> None:
        self._file = file
        self._sequence = sequence
        self._open: tuple[int, int] | None = None
        #: What earlier processes of this boot left, oldest first; at most ``ACTING_INTERVALS_KEPT``.
        self.past = past

    @classmethod
    def open(cls, path: str, boot_id: str) -> ActingRecord:
        """Read the record in the data directory ``path``; one of another boot, or damaged, is begun anew.

        Never raises: where the file cannot be had, nothing is past and ``record`` says no.
        """
        head = _MAGIC + hashlib.blake2b(boot_id.encode(), digest_size=16).digest()
        file: int | None = None
        try:
            file = os.open(os.path.join(path, FILE), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            content = os.pread(file, _FILE_BYTES + 1, 0)
            if len(content) != _FILE_BYTES or not content.startswith(head):
                content = _begin(file, head)
        except OSError:
            if file is not None:
                os.close(file)
            return cls(None, 0, ())
        slots = sorted(
            slot
            for offset in range(_SLOT_BYTES, _FILE_BYTES, _SLOT_BYTES)
            if (slot := _unpack(content[offset : offset + _SLOT_BYTES])) is not None
        )
        past = tuple(
            Acted(term, since_us, until_us, reason if ended else CUT_SHORT)
            for _, term, since_us, until_us, ended, reason in slots
        )
        return cls(file, slots[-1][0] + 1 if slots else 0, past)

    def record(self, term: int, since_us: int, until_us: int, ended: bool, reason: str = "") -> bool:
        """Note that this node acts in ``term`` from ``since_us`` to ``until_us`` at most, or that it ended then.

        The same term and start again replace what was noted before. False where it could not be noted.
        """
        if self._file is None:
            return False
        if self._open != (term, since_us):
            self._sequence += self._open is not None
            self._open = (term, since_us)
        slot = _pack(self._sequence, term, since_us, until_us, ended, reason)
        offset = (1 + self._sequence % ACTING_INTERVALS_KEPT) * _SLOT_BYTES
        try:
            return os.pwrite(self._file, slot, offset) == _SLOT_BYTES
        except OSError:
            return False

    def close(self) -> None:
        """Note nothing more; what was noted stays. Idempotent."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = None


def _begin(file: int, head: bytes) -> bytes:
    """Lay the file out, empty, with all the space it will ever need; the head comes last and makes it valid."""
    empty = bytes(_FILE_BYTES)
    os.ftruncate(file, 0)
    if os.pwrite(file, empty, 0) != len(empty):
        raise OSError("no space for the record")
    os.pwrite(file, head, 0)
    return empty


def _pack(sequence: int, term: int, since_us: int, until_us: int, ended: bool, reason: str) -> bytes:
    # A character that the cut would halve is dropped.
    text = reason.encode()[:_REASON_MAX].decode(errors="ignore").encode()
    fields = _FIELDS.pack(sequence, term, since_us, until_us, ended, len(text))
    body = (fields + text).ljust(_SLOT_BYTES - _CHECKSUM.size, b"\0")
    return body + _CHECKSUM.pack(crc32(body))


def _unpack(slot: bytes) -> tuple[int, int, int, int, bool, str] | None:
    body = slot[: -_CHECKSUM.size]
    if _CHECKSUM.pack(crc32(body)) != slot[-_CHECKSUM.size :]:
        return None
    sequence, term, since_us, until_us, ended, length = _FIELDS.unpack_from(body)
    reason = body[_FIELDS.size : _FIELDS.size + length].decode(errors="replace")
    return sequence, term, since_us, until_us, bool(ended), reason
