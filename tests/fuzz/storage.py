"""The data directory's files, damaged at will: opened, or refused by ``LocalFault``, nothing lost unsaid."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import tempfile
from collections.abc import Iterable

from pycluster.consensus import Vote
from pycluster.kernel.errors import LocalFault
from pycluster.storage.acting import ActingRecord
from pycluster.storage.statefile import Request, StateFile
from tests.unit.storage.nodes import CLUSTER, FOUNDED, NAME, UUID

_FILES = ("state.db", "state.db-wal", "watermark", "acting")
_BOOT = "boot"
_FOLDER = tempfile.mkdtemp(prefix="pycluster-fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)


@functools.cache
def _written() -> tuple[dict[str, bytes], StateFile]:
    """A directory as a killed node leaves it: part of its state in the write-ahead log."""
    path = os.path.join(_FOLDER, "origin")
    os.makedirs(path)
    kept = StateFile.open(path, CLUSTER, NAME, lambda: UUID)
    kept.commit([Request(1, 7, Vote(2, UUID))])
    for entry in FOUNDED:
        kept.commit([Request(2, entries=(entry,))])
    record = ActingRecord.open(path, _BOOT)
    record.record(3, 1, 2, True, "it ended")
    record.close()
    files = {name: _read(os.path.join(path, name)) for name in _FILES}
    return files, kept


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def seeds() -> Iterable[bytes]:
    """Which file, whether it is replaced or patched, then the whole of it or patches: offset (2), length, bytes."""
    for number in range(len(_FILES)):
        for offset in (0, 16, 40, 100, 300, 4_096, 4_120, 8_192):
            yield bytes((number, 0)) + offset.to_bytes(2, "big") + b"\2\xff\xff"
        yield bytes((number, 1)) + _written()[0][_FILES[number]][:2_000]
        yield bytes((number, 2)) + b"\x10\x00"


def run(data: bytes) -> None:
    """Damage a copy and open it."""
    if len(data) < 2:
        return
    files, _ = _written()
    path = os.path.join(_FOLDER, "data")
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    chosen = _FILES[data[0] % len(_FILES)]
    for name, content in files.items():
        with open(os.path.join(path, name), "wb") as file:
            file.write(_damaged(content, data[1], data[2:]) if name == chosen else content)
    record = ActingRecord.open(path, _BOOT)
    record.close()
    try:
        opened = StateFile.open(path, CLUSTER, NAME, lambda: "f" * 32)
    except LocalFault:
        return
    with contextlib.closing(opened):
        assert opened.identity.uuid == UUID
        if chosen == "acting":
            assert opened.stored.entries == FOUNDED


def _damaged(content: bytes, how: int, rest: bytes) -> bytes:
    if how % 3 == 1:
        return rest
    if how % 3 == 2:
        return content[: int.from_bytes(rest[:3], "big")]
    changed, at = bytearray(content), 0
    while at + 3 <= len(rest):
        offset, length = int.from_bytes(rest[at : at + 2], "big") * 3 % max(1, len(content)), rest[at + 2] % 32
        piece = rest[at + 3 : at + 3 + length]
        changed[offset : offset + len(piece)] = piece
        at += 3 + max(1, length)
    return bytes(changed)
