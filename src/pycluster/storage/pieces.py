"""Snapshots of the state on the disk: one file each, a length in front of every piece.

A file gets its name when it is whole and durable; before that it is a draft, which counts for nothing and is written
over by the next one. What a piece holds, and whether it is sound, is the reader's business: pieces check themselves.
"""

from __future__ import annotations

import contextlib
import os
import re
import struct
from collections.abc import Iterator
from typing import BinaryIO, Literal

from pycluster.storage.directory import private, sync_directory

Origin = Literal["own", "received"]

_LENGTH = struct.Struct("<I")
_NAME = re.compile(r"snapshot\.(\d+)")
#: Bytes after which a draft is synced, so that no sync is a long one: others wait for the disk, too.
_SYNC_BYTES = 1 << 20
#: No piece is as large; a length above it was never written.
_PIECE_MAX_BYTES = 4 << 20


class Pieces:
    """The snapshots of one data directory; every method raises ``OSError``."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._drafts: dict[Origin, BinaryIO] = {}
        self._unsynced: dict[Origin, int] = {}

    def file(self, index: int) -> str:
        """Where the snapshot at ``index`` is."""
        return os.path.join(self._path, f"snapshot.{index}")

    def write(self, origin: Origin, number: int, data: bytes) -> None:
        """Append a piece to the draft; ``number`` 0 begins it anew."""
        if number == 0:
            self._drop(origin)
            self._drafts[origin] = open(self._draft(origin), "wb", opener=private)  # noqa: SIM115
        draft = self._drafts[origin]
        draft.write(_LENGTH.pack(len(data)) + data)
        self._unsynced[origin] = self._unsynced.get(origin, 0) + len(data)
        if self._unsynced[origin] >= _SYNC_BYTES:
            self._sync(origin)

    def finish(self, origin: Origin, index: int) -> None:
        """The draft is whole: durable under its name on return."""
        self._sync(origin)
        self._drafts.pop(origin).close()
        os.rename(self._draft(origin), self.file(index))
        sync_directory(self._path)

    def keep(self, index: int) -> None:
        """Remove every other snapshot and, of an earlier process, every draft."""
        for name in os.listdir(self._path):
            found = _NAME.fullmatch(name)
            if found is not None and int(found[1]) != index:
                os.unlink(os.path.join(self._path, name))
        for origin in ("own", "received"):
            if origin not in self._drafts:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._draft(origin))

    def read(self, index: int) -> Iterator[bytes]:
        """The pieces of the snapshot at ``index``, the last one perhaps cut short."""
        with open(self.file(index), "rb") as file:
            while head := file.read(_LENGTH.size):
                length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
                yield file.read(min(length, _PIECE_MAX_BYTES))

    def close(self) -> None:
        """Let the drafts go; never raises."""
        for origin in tuple(self._drafts):
            self._drop(origin)

    def _draft(self, origin: Origin) -> str:
        return os.path.join(self._path, f"snapshot.{origin}")

    def _sync(self, origin: Origin) -> None:
        draft = self._drafts[origin]
        draft.flush()
        os.fdatasync(draft.fileno())
        self._unsynced[origin] = 0

    def _drop(self, origin: Origin) -> None:
        draft = self._drafts.pop(origin, None)
        if draft is not None:
            # It still has what a full disk did not take, and tries again; a draft counts for nothing, whole or not.
            with contextlib.suppress(OSError):
                draft.close()
