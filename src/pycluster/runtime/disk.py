"""The node's disk: durable facts through the database's writer thread, acting intervals at once into their own file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec.structs import replace

from pycluster.kernel.errors import LocalFault
from pycluster.node import effects, events
from pycluster.node.view import DiskView, RaftStatusView
from pycluster.storage import ActingRecord, Database, Piece, SeatBook


class NodeDisk:
    """Performs ``Persist`` and ``RecordActing``; ``failed`` is called once when the disk let us down."""

    def __init__(
        self,
        database: Database,
        acting: ActingRecord,
        seats: SeatBook,
        feed: Callable[[events.Persisted | events.PieceKept | events.StateSaved], None],
        failed: Callable[[LocalFault], None],
    ) -> None:
        self._database = database
        self._acting = acting
        self._seats = seats
        self._feed = feed
        self._failed = failed
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        """Start the writer thread."""
        self._database.start(self._written, self._broken, self._saved, self._kept)

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
        """Queue it; ``PieceKept`` follows, and ``StateSaved`` the last of our own."""
        self._database.submit_piece(piece.origin, piece.snapshot, piece.number, piece.data, piece.done)

    def record_acting(self, record: effects.RecordActing) -> None:
        """Write it now; it survives this process."""
        self._acting.record(record.term, record.since_us, record.until_us, record.ended, record.reason)

    def keep_seats(self, effect: effects.KeepSeats) -> None:
        """Queue them behind what the log waits for; the next start may find older ones."""
        self._database.submit_chore(lambda: self._seats.keep(effect.seats))

    def measured(self, raft: RaftStatusView) -> RaftStatusView:
        """The same with what this disk is known for: how quick it is, how large the newest snapshot."""
        timed = self._database.latency()
        times_s = timed.last_s, timed.median_s, timed.worst_s, timed.pending_s
        disk = DiskView(timed.writes, timed.of, *map(_ms, times_s))
        copy = raft.copy
        if copy is not None and copy.snapshot.index:
            size = self._database.snapshot_bytes(copy.snapshot.index)
            copy = replace(copy, snapshot=replace(copy.snapshot, size_bytes=size))
        return replace(raft, copy=copy, disk=disk)

    # All on the writer's thread.

    def _written(self, token: int) -> None:
        self._tell(lambda: self._feed(events.Persisted(token)))

    def _kept(self, piece: Piece) -> None:
        kept = events.PieceKept(piece.origin, piece.snapshot.index, piece.number)
        self._tell(lambda: self._feed(kept))

    def _saved(self, index: int) -> None:
        self._tell(lambda: self._feed(events.StateSaved(index)))

    def _broken(self, fault: LocalFault) -> None:
        self._tell(lambda: self._failed(fault))

    def _tell(self, what: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(what)
        except RuntimeError:
            return  # the loop is closed: nobody waits for this any more


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1_000, 3)
