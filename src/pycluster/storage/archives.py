"""Snapshot files on the disk: made under another name and renamed when they are whole, read with nothing believed."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterable, Iterator

import msgspec

from pycluster import store
from pycluster.kernel.errors import LocalFault
from pycluster.storage.directory import private, sync_directory

_READ_BYTES = 1 << 20
#: In so many first bytes a file says what it is of.
_HEAD_BYTES = 1 << 14
#: Bytes after which a file that grows is synced: its last sync is not a long one.
_SYNC_BYTES = 8 << 20
#: Behind the name of a file that is not whole yet.
PARTIAL = ".partial"


class Whole(msgspec.Struct, frozen=True):
    """A snapshot file that was read to its end and matches its hash, and what is in it."""

    manifest: store.Manifest
    sha256: str
    file_bytes: int
    state: store.Store


class Draft:
    """A file on its way: under another name until it is whole, checked and durable. Every method raises ``LocalFault``,
    and there is no file then, or still the one from before.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._reader = store.ArchiveReader()
        self._unsynced = 0
        self.length = 0
        self._partial = path + PARTIAL
        self._placed: os.stat_result | None = None
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._partial)  # what a process that was killed left; never what a link there points at
            self._file = open(self._partial, "xb", opener=private)  # noqa: SIM115
        except OSError as error:
            raise self._failed(error) from error

    @property
    def manifest(self) -> store.Manifest | None:
        """What it is of, once that came."""
        return self._reader.manifest

    def write(self, data: bytes) -> None:
        """The next bytes."""
        try:
            self._reader.feed(data)
            self._file.write(data)
            self.length += len(data)
            self._unsynced += len(data)
            if self._unsynced >= _SYNC_BYTES:
                self._file.flush()
                os.fdatasync(self._file.fileno())
                self._unsynced = 0
        except (store.SnapshotDamaged, OSError) as error:
            self.abandon()
            raise self._failed(error) from error

    def finish(self) -> None:
        """That was all: the file is there."""
        try:
            self._reader.finish()
            self._file.flush()
            os.fsync(self._file.fileno())
            if not self._ours():
                raise FileExistsError(errno.EEXIST, "somebody else writes the same file", self._partial)
            self._placed = os.fstat(self._file.fileno())
            os.replace(self._partial, self.path)
            self._file.close()
            sync_directory(os.path.dirname(os.path.abspath(self.path)))
        except (store.SnapshotDamaged, OSError) as error:
            self.abandon()
            raise self._failed(error) from error

    def abandon(self) -> None:
        """Let it go; a file that is finished stays."""
        with contextlib.suppress(OSError):
            if not self._file.closed and self._ours():
                os.unlink(self._partial)
        with contextlib.suppress(OSError):
            self._file.close()

    def discard(self) -> None:
        """Let it go, finished or not; a file that somebody else put in its place stays."""
        self.abandon()
        with contextlib.suppress(OSError):
            if self._placed is not None and os.path.samestat(os.lstat(self.path), self._placed):
                os.unlink(self.path)

    def _ours(self) -> bool:
        """Whether the file under the partial name is still the one that was made here."""
        return os.path.samestat(os.lstat(self._partial), os.fstat(self._file.fileno()))

    def _failed(self, error: store.SnapshotDamaged | OSError) -> LocalFault:
        what = f"no snapshot was written to {self.path}"
        if isinstance(error, OSError):
            return failed(what, error)
        return LocalFault(what, why=f"what came is not whole: {error}", remedy="try again")


def write(path: str, data: Iterable[bytes], progress: Callable[[int, store.Manifest], None] | None = None) -> int:
    """Make the file ``path`` of these bytes; gives its length. Raises ``LocalFault``, and what ``data`` raises.

    ``progress`` is told the bytes so far.
    """
    draft = Draft(path)
    try:
        for piece in data:
            draft.write(piece)
            if progress is not None and draft.manifest is not None:
                progress(draft.length, draft.manifest)
        draft.finish()
    finally:
        draft.abandon()
    return draft.length


def read(path: str, params: store.Params) -> Whole:
    """Read all of it; raises ``LocalFault`` where it is damaged, cut short, no snapshot, or cannot be read."""
    reader, building, length = store.ArchiveReader(), store.SnapshotReader(params), 0
    try:
        for data in _bytes_of(path):
            length += len(data)
            for piece in reader.feed(data):
                building.feed(piece)
        sha256, state = reader.finish(), building.finish()
        manifest = reader.manifest
        assert manifest is not None, "a whole one has it"
        if (manifest.revision, manifest.compacted) != (state.revision, state.compacted):
            raise store.SnapshotDamaged("its state is not at the revision that it names")
    except store.SnapshotDamaged as error:
        raise LocalFault(f"the snapshot {path} is damaged", why=str(error), remedy="take another one") from error
    except OSError as error:
        raise failed(f"the snapshot {path} cannot be read", error) from error
    return Whole(manifest, sha256, length, state)


def cluster_of(path: str) -> str:
    """The UUID of the cluster that a snapshot file names at its beginning; empty where it is none. ``OSError``."""
    reader = store.ArchiveReader()
    with open(path, "rb") as file, contextlib.suppress(store.SnapshotDamaged):
        reader.feed(file.read(_HEAD_BYTES))
    return "" if reader.manifest is None else reader.manifest.cluster_uuid


def failed(what: str, error: OSError) -> LocalFault:
    """A disk's failure, in our words."""
    return LocalFault(what, why=error.strerror or str(error))


def _bytes_of(path: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while data := file.read(_READ_BYTES):
            yield data
