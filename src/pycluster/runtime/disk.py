"""The node's disk: durable facts through the database's writer thread, acting intervals at once into their own file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pycluster.kernel.errors import LocalFault
from pycluster.node import effects, events
from pycluster.storage import ActingRecord, Database


class NodeDisk:
    """Performs ``Persist`` and ``RecordActing``; ``failed`` is called once when the disk let us down."""

    def __init__(
        self,
        database: Database,
        acting: ActingRecord,
        feed: Callable[[events.Persisted | events.StateSaved], None],
        failed: Callable[[LocalFault], None],
    ) -> None:
        self._database = database
        self._acting = acting
        self._feed = feed
        self._failed = failed
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        """Start the writer thread."""
        self._database.start(self._written, self._broken, self._saved)

    def persist(self, request: effects.Persist) -> None:
        """Queue it; ``Persisted`` follows."""
        self._database.submit(
            request.token,
            request.incarnation,
            request.vote,
            request.truncate_from,
            request.entries,
            request.promised_ms,
            request.snapshot,
        )

    def keep_piece(self, piece: effects.KeepPiece) -> None:
        """Queue it; ``StateSaved`` follows the last of our own."""
        self._database.submit_piece(piece.origin, piece.snapshot, piece.number, piece.data, piece.done)

    def record_acting(self, record: effects.RecordActing) -> None:
        """Write it now; it survives this process."""
        self._acting.record(record.term, record.since_us, record.until_us, record.ended, record.reason)

    # All on the writer's thread.

    def _written(self, token: int) -> None:
        self._tell(lambda: self._feed(events.Persisted(token)))

    def _saved(self, index: int) -> None:
        self._tell(lambda: self._feed(events.StateSaved(index)))

    def _broken(self, fault: LocalFault) -> None:
        self._tell(lambda: self._failed(fault))

    def _tell(self, what: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(what)
        except RuntimeError:
            return  # the loop is closed: nobody waits for this any more
