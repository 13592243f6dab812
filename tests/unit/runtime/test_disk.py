"""The node's disk keeps nobody waiting."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from pycluster.consensus import Snapshot, Vote
from pycluster.kernel.errors import LocalFault
from pycluster.kernel.ids import Seed
from pycluster.node import effects, events
from pycluster.runtime import NodeDisk
from pycluster.storage import ActingRecord, SeatBook
from tests.unit.storage.nodes import entries, open_database

SEATS = (Seed("node004", "10.0.0.4", 7946),)


class SlowBook(SeatBook):
    """A disk that takes until it is told to go on."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self.goes_on = threading.Event()
        self.threads: list[threading.Thread] = []

    def keep(self, seats: tuple[Seed, ...]) -> None:
        self.threads.append(threading.current_thread())
        assert self.goes_on.wait(60)
        super().keep(seats)


def test_where_the_seats_are_is_written_beside_the_loop_and_behind_the_log(tmp_path: Path) -> None:
    async def live() -> None:
        told: asyncio.Queue[events.Persisted | events.PieceKept | events.StateSaved] = asyncio.Queue()
        failed: list[LocalFault] = []
        database, book = open_database(tmp_path), SlowBook(str(tmp_path))
        acting = ActingRecord.open(str(tmp_path), "boot")
        disk = NodeDisk(database, acting, book, told.put_nowait, failed.append)
        disk.start()
        disk.persist(effects.Persist(1, vote=Vote(1, "")))
        disk.keep_seats(effects.KeepSeats(SEATS))
        # The loop is here while the disk takes its time, and what was asked for before is answered.
        assert await asyncio.wait_for(told.get(), 60) == events.Persisted(1)
        assert SeatBook(str(tmp_path)).seats == ()
        disk.persist(effects.Persist(2, vote=Vote(2, "")))
        book.goes_on.set()
        assert await asyncio.wait_for(told.get(), 60) == events.Persisted(2)
        assert SeatBook(str(tmp_path)).seats == SEATS, "it was asked for before the second"
        assert threading.current_thread() not in book.threads and len(book.threads) == 1
        database.close()
        acting.close()
        assert not failed

    asyncio.run(live())


def test_each_piece_of_a_snapshot_is_told_when_it_is_written(tmp_path: Path) -> None:
    async def live() -> None:
        told: asyncio.Queue[events.Persisted | events.PieceKept | events.StateSaved] = asyncio.Queue()
        failed: list[LocalFault] = []
        database, acting = open_database(tmp_path), ActingRecord.open(str(tmp_path), "boot")
        disk = NodeDisk(database, acting, SeatBook(str(tmp_path)), told.put_nowait, failed.append)
        disk.start()
        at = Snapshot(6, 1)
        disk.persist(effects.Persist(1, entries=entries(1, 9)))
        disk.keep_piece(effects.KeepPiece("received", at, 0, b"first", False))
        disk.keep_piece(effects.KeepPiece("own", at, 0, b"first", False))
        disk.keep_piece(effects.KeepPiece("own", at, 1, b"last", True))
        assert [await asyncio.wait_for(told.get(), 60) for _ in range(5)] == [
            events.Persisted(1),
            events.PieceKept("received", 6, 0),
            events.PieceKept("own", 6, 0),
            events.PieceKept("own", 6, 1),
            events.StateSaved(6),
        ]
        database.close()
        acting.close()
        assert not failed

    asyncio.run(live())
