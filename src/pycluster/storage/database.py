"""The writer thread: what waits for the disk goes to it together, one transaction and one fsync for many requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from queue import SimpleQueue
from threading import Thread

from pycluster.consensus import Entry, Snapshot, Stored, Vote
from pycluster.kernel.errors import LocalFault
from pycluster.kernel.ids import Identity
from pycluster.storage import faults
from pycluster.storage.pieces import Origin
from pycluster.storage.statefile import Piece, Request, StateFile


def _tell_nobody(_: int | LocalFault) -> None:
    """For what was submitted to a database that was never started."""


class Database:
    """What this node must not forget: identity, vote and log. ``identity`` and ``stored`` are as of ``open``."""

    def __init__(self, file: StateFile) -> None:
        self._file = file
        #: None asks the writer to end.
        self._queue: SimpleQueue[Request | Piece | None] = SimpleQueue()
        self._writer: Thread | None = None
        self._closed = False
        self.identity: Identity = file.identity
        self.stored: Stored = file.stored

    @classmethod
    def open(cls, path: str, cluster: str, name: str, new_uuid: Callable[[], str]) -> Database:
        """The database of ``name`` in ``cluster`` in the data directory ``path``; the caller owns that directory.

        A new one gets ``new_uuid()``, durable on return. ``LocalFault`` where the file is damaged, another node's,
        of a later version, or cannot be used; it then stays as it is.
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
    ) -> None:
        """Start the writer; once. All are called on its thread.

        ``persisted(token)``: this request and all before it are durable. ``saved(index)``: so is our own snapshot of
        the state there. ``failed(fault)``: once, and nothing is written from then on.
        """
        self._writer = Thread(target=self._write, args=(persisted, failed, saved), name="log-writer", daemon=True)
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

    def close(self) -> None:
        """Write what was submitted, end the writer, close the file. Not from a callback; idempotent."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        if self._writer is None:
            self._write(_tell_nobody, _tell_nobody, _tell_nobody)
        else:
            self._writer.join()
        self._file.close()

    def _write(
        self,
        persisted: Callable[[int], None],
        failed: Callable[[LocalFault], None],
        saved: Callable[[int], None],
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
                        self._file.commit(requests)
                        persisted(requests[-1].token)
                    for piece in alike:
                        if isinstance(piece, Piece) and self._file.write_piece(piece):
                            saved(piece.snapshot.index)
            except LocalFault as fault:
                failed(fault)
                return
