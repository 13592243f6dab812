"""The writer thread: what waits for the disk goes to it together, one transaction and one fsync for many requests."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import groupby
from queue import SimpleQueue
from threading import Thread

import msgspec

from pycluster.consensus import Entry, Snapshot, Stored, Vote
from pycluster.kernel.errors import LocalFault
from pycluster.kernel.ids import Identity
from pycluster.storage import faults
from pycluster.storage.pieces import Origin
from pycluster.storage.statefile import Piece, Request, StateFile

logger = logging.getLogger("pycluster.storage")

#: Of so many durable writes the time is kept.
LATENCY_OF = 64


class _Chore(msgspec.Struct, frozen=True):
    """What is done between the writes, where it keeps nobody but the writer waiting."""

    do: Callable[[], None]


def _tell_nobody(_: int | LocalFault | Piece) -> None:
    """For what was submitted to a database that was never started."""


class Latency(msgspec.Struct, frozen=True):
    """How long durable writes took: the newest ``of`` of all ``writes``, in seconds; None before the first.

    ``pending_s``: how long the one under way takes so far, which may be a snapshot's piece, too.
    """

    writes: int
    of: int = 0
    last_s: float | None = None
    median_s: float | None = None
    worst_s: float | None = None
    pending_s: float | None = None


class Database:
    """What this node must not forget: identity, vote and log. ``identity`` and ``stored`` are as of ``open``."""

    def __init__(self, file: StateFile) -> None:
        self._file = file
        #: None asks the writer to end.
        self._queue: SimpleQueue[Request | Piece | _Chore | None] = SimpleQueue()
        self._writer: Thread | None = None
        self._closed = False
        #: The writer's, read by others: an append and a count are one step each.
        self._took_s: deque[float] = deque(maxlen=LATENCY_OF)
        self._writes = 0
        self._began_s: float | None = None
        self.identity: Identity = file.identity
        self.stored: Stored = file.stored

    @classmethod
    def open(cls, path: str, cluster: str, name: str, new_uuid: Callable[[], str]) -> Database:
        """The database of ``name`` in ``cluster`` in the data directory ``path``; the caller owns that directory.

        A new one gets ``new_uuid()``, durable on return. ``LocalFault`` where the file is damaged, another node's,
        of a later version, or cannot be used; it then stays as it is, and all beside it.
        """
        return cls(StateFile.open(path, cluster, name, new_uuid))

    def pieces(self) -> Iterator[bytes]:
        """The pieces of the snapshot that ``stored`` names; ``LocalFault`` where they cannot be read."""
        try:
            yield from self._file.pieces.read(self.stored.snapshot.index)
        except OSError as error:
            raise faults.failed(self._file.pieces.file(self.stored.snapshot.index), error) from error

    def damaged(self, why: str) -> LocalFault:
        """What to say where those pieces make no whole."""
        return faults.damaged(self._file.pieces.file(self.stored.snapshot.index), why)

    def start(
        self,
        persisted: Callable[[int], None],
        failed: Callable[[LocalFault], None],
        saved: Callable[[int], None] = _tell_nobody,
        kept: Callable[[Piece], None] = _tell_nobody,
    ) -> None:
        """Start the writer; once, and only with a snapshot that was read and is sound: leftovers of others are removed.

        All are called on its thread.

        ``persisted(token)``: this request and all before it are durable. ``kept(piece)``: it is written, and the next
        one may come. ``saved(index)``: our own snapshot of the state there is durable. ``failed(fault)``: once,
        whatever went wrong, and nothing is written from then on.
        """
        self._queue.put(_Chore(self._file.tidy))
        self._writer = Thread(target=self._write, args=(persisted, failed, saved, kept), name="log-writer", daemon=True)
        self._writer.start()

    def submit(
        self,
        token: int,
        incarnation: int | None = None,
        vote: Vote | None = None,
        truncate_from: int | None = None,
        entries: tuple[Entry, ...] = (),
        promised_ms: int | None = None,
        snapshot: Snapshot | None = None,
    ) -> None:
        """Ask for this to become durable after all that was asked for before; never blocks."""
        self._queue.put(Request(token, incarnation, vote, truncate_from, entries, promised_ms, snapshot))

    def submit_piece(self, origin: Origin, snapshot: Snapshot, number: int, data: bytes, done: bool) -> None:
        """The same for a piece of a snapshot, of our own state or of the leader's; never blocks."""
        self._queue.put(Piece(origin, snapshot, number, data, done))

    def submit_chore(self, do: Callable[[], None]) -> None:
        """Have ``do`` called on the writer's thread, after all that was asked for before is durable; never blocks.

        It must not raise. It is not called once the disk let us down.
        """
        self._queue.put(_Chore(do))

    def latency(self) -> Latency:
        """How quick this disk has been of late."""
        took_s, began_s = tuple(self._took_s), self._began_s
        pending_s = None if began_s is None else time.perf_counter() - began_s
        if not took_s:
            return Latency(0, pending_s=pending_s)
        median_s = sorted(took_s)[len(took_s) // 2]
        return Latency(self._writes, len(took_s), took_s[-1], median_s, max(took_s), pending_s)

    def snapshot_bytes(self, index: int) -> int | None:
        """The size of the snapshot at ``index``; None where its file is gone."""
        try:
            return os.stat(self._file.pieces.file(index)).st_size
        except OSError:
            return None

    def close(self) -> None:
        """Write what was submitted, end the writer, close the file. Not from a callback; idempotent.

        ``LocalFault`` where the file could not be closed in order; it is let go all the same.
        """
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        if self._writer is None:
            self._write(_tell_nobody, _tell_nobody, _tell_nobody, _tell_nobody)
        else:
            self._writer.join()
        self._file.close()

    @contextlib.contextmanager
    def _under_way(self, began_s: float) -> Iterator[None]:
        self._began_s = began_s
        try:
            yield
        finally:
            self._began_s = None

    def _write(
        self,
        persisted: Callable[[int], None],
        failed: Callable[[LocalFault], None],
        saved: Callable[[int], None],
        kept: Callable[[Piece], None],
    ) -> None:
        ending = False
        while not ending:
            waiting = [self._queue.get()]
            while not self._queue.empty():
                waiting.append(self._queue.get())
            ending = None in waiting
            try:
                for alike in (tuple(run) for _, run in groupby(waiting, type)):
                    requests = [one for one in alike if isinstance(one, Request)]
                    if requests:
                        began = time.perf_counter()
                        with self._under_way(began):
                            self._file.commit(requests)
                        self._took_s.append(time.perf_counter() - began)
                        self._writes += 1
                        persisted(requests[-1].token)
                    for one in alike:
                        if isinstance(one, Piece):
                            with self._under_way(time.perf_counter()):
                                whole = self._file.write_piece(one)
                            kept(one)
                            if whole:
                                saved(one.snapshot.index)
                        elif isinstance(one, _Chore):
                            one.do()
            except LocalFault as fault:
                failed(fault)
                return
            except Exception as error:
                # A voter whose writer is gone would go on and promise, and never acknowledge anything again.
                try:
                    logger.exception("The log-writer failed")
                finally:
                    failed(faults.unforeseen(self._file.file, error))
                return
