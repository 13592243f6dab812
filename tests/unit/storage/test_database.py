"""The database keeps what it acknowledged, in order, many requests to one transaction."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from threading import Event, current_thread, main_thread
from typing import TypeVar

import pytest

from pycluster.consensus import Entry, Snapshot, Stored, Vote
from pycluster.kernel.errors import LocalFault
from pycluster.kernel.ids import Identity
from pycluster.storage import Database, look
from pycluster.storage.database import LATENCY_OF, Latency
from pycluster.storage.statefile import Piece, Request, StateFile
from tests.unit.storage.nodes import CLUSTER, FOUNDED, NAME, UUID, Life, entries, entry, open_database


def stored_after(path: Path) -> Stored:
    database = open_database(path)
    database.close()
    return database.stored


def look_at(path: Path) -> tuple[Entry, ...]:
    """What is on the disk by now."""
    found = look(str(path))
    assert found is not None
    return found.entries


def rename_log(path: Path, old: str, new: str) -> None:
    """What an operator with another program might do to the file of a running node."""
    with closing(sqlite3.connect(path / "state.db")) as intruder:
        intruder.execute(f"ALTER TABLE {old} RENAME TO {new}")


def test_a_new_one_is_empty_and_its_identity_is_kept(tmp_path: Path) -> None:
    first = open_database(tmp_path, "1" * 32)
    assert first.identity == Identity(NAME, "1" * 32, 0)
    assert first.stored.empty
    # Not even closed: the identity was durable before ``open`` returned.
    second = open_database(tmp_path, "2" * 32)
    assert second.identity == Identity(NAME, "1" * 32, 0)
    second.close()
    first.close()


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.database.submit(1, 1)
    life.until(1)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(["state.db", "state.db-wal", "state.db-shm", "watermark"], 0o600)
    life.database.close()


def test_incarnation_vote_and_every_kind_of_entry_come_back(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.database.submit(1, incarnation=4)
    life.database.submit(2, vote=Vote(2, "b" * 32))
    life.database.submit(3, entries=FOUNDED)
    life.until(3)
    life.database.close()
    again = open_database(tmp_path)
    assert again.identity == Identity(NAME, UUID, 4)
    assert again.stored == Stored(Vote(2, "b" * 32), FOUNDED)
    again.close()


def test_what_a_request_leaves_out_stays_as_it_was(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.database.submit(1, 4, Vote(2, "b"), None, FOUNDED)
    life.database.submit(2)
    life.until(2)
    life.database.close()
    assert stored_after(tmp_path) == Stored(Vote(2, "b"), FOUNDED)


def test_a_chore_is_done_by_the_writer_once_all_before_it_is_durable(tmp_path: Path) -> None:
    life, done = Life(tmp_path), list[tuple[bool, int]]()
    life.database.submit(1, entries=entries(1, 10))
    life.database.submit_chore(lambda: done.append((current_thread() is main_thread(), len(look_at(tmp_path)))))
    life.database.submit(2, entries=entries(11, 20))
    life.until(2)
    assert done == [(False, 10)]
    life.database.submit_chore(lambda: done.append((False, 0)))
    life.database.close()
    assert done[1:] == [(False, 0)], "what was asked for is done before the end"


def test_truncation_comes_before_the_entries_of_its_request(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.database.submit(1, entries=entries(1, 10))
    life.database.submit(2, vote=Vote(3, ""), truncate_from=4, entries=entries(4, 6, term=3))
    life.database.submit(3, truncate_from=6)
    life.database.submit(4, truncate_from=9)
    life.until(4)
    life.database.close()
    assert stored_after(tmp_path) == Stored(Vote(3, ""), entries(1, 3) + entries(4, 5, term=3))


def test_requests_that_wait_for_the_disk_share_one_transaction(tmp_path: Path) -> None:
    database = open_database(tmp_path)
    reported: list[int] = []
    writing, go_on, all_written = Event(), Event(), Event()

    def persisted(token: int) -> None:
        assert current_thread() is not main_thread()
        reported.append(token)
        writing.set()
        assert go_on.wait(60)
        if token == 100:
            all_written.set()

    database.start(persisted, lambda fault: pytest.fail(str(fault)))
    database.submit(1, entries=(entry(1),))
    assert writing.wait(60)
    for token in range(2, 101):
        database.submit(token, entries=(entry(token),))
    go_on.set()
    assert all_written.wait(60)
    assert reported == [1, 100]
    database.close()
    assert stored_after(tmp_path).entries == entries(1, 100)


def test_closing_writes_what_was_submitted_and_may_be_repeated(tmp_path: Path) -> None:
    life = Life(tmp_path)
    for token in range(1, 51):
        life.database.submit(token, entries=(entry(token),))
    life.database.close()
    life.database.close()
    assert life.until(50)[-1] == 50
    assert stored_after(tmp_path).entries == entries(1, 50)
    assert sorted(os.listdir(tmp_path)) == ["state.db", "watermark"]


def test_closing_one_that_was_never_started_writes_too(tmp_path: Path) -> None:
    database = open_database(tmp_path)
    database.submit(1, entries=FOUNDED)
    database.close()
    assert stored_after(tmp_path).entries == FOUNDED


def test_after_a_failed_commit_it_says_so_once_and_writes_nothing_more(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.database.submit(1, entries=entries(1, 3))
    assert life.until(1) == [1]
    rename_log(tmp_path, "log", "elsewhere")
    life.database.submit(2, entries=(entry(4),))
    (fault,) = life.until(2)
    assert isinstance(fault, LocalFault)
    assert fault.what == f"the state file {tmp_path}/state.db cannot be used"
    assert fault.why == "no such table: log"
    life.database.submit(3, entries=(entry(4),))
    life.database.close()
    assert life.reports.empty()
    rename_log(tmp_path, "elsewhere", "log")
    assert stored_after(tmp_path).entries == entries(1, 3)


@pytest.mark.parametrize("wrong", [entry(3), entry(5), Entry(0, 1, FOUNDED[1].payload)])
def test_an_entry_out_of_its_place_is_never_written(tmp_path: Path, wrong: Entry) -> None:
    life = Life(tmp_path)
    life.database.submit(1, entries=entries(1, 3))
    life.until(1)
    life.database.submit(2, entries=(wrong,))
    (fault,) = life.until(2)
    assert isinstance(fault, LocalFault)
    assert fault.why == "entry 4 comes next"
    life.database.close()
    assert stored_after(tmp_path).entries == entries(1, 3)


def test_the_write_ahead_log_stays_small(tmp_path: Path) -> None:
    life = Life(tmp_path)
    for token in range(1, 401):
        life.database.submit(token, entries=(entry(token),))
        life.until(token)
    assert (tmp_path / "state.db-wal").stat().st_size < 2 * 1024 * 1024
    life.database.close()


@pytest.mark.parametrize(("cluster", "name"), [("other", NAME), (CLUSTER, "node002")])
def test_another_nodes_file_is_refused_and_both_are_named(tmp_path: Path, cluster: str, name: str) -> None:
    open_database(tmp_path).close()
    before = (tmp_path / "state.db").read_bytes()
    with pytest.raises(LocalFault) as refused:
        Database.open(str(tmp_path), cluster, name, lambda: UUID)
    assert refused.value.what == f"the state file {tmp_path}/state.db is not this node's"
    assert refused.value.why == f"it belongs to node001 in the cluster demo, and this is {name} in {cluster}"
    assert "-data-dir" in refused.value.remedy
    assert (tmp_path / "state.db").read_bytes() == before


def test_how_long_the_newest_writes_took_and_how_large_the_snapshot_is(tmp_path: Path) -> None:
    life = Life(tmp_path)
    assert (life.database.latency(), life.database.snapshot_bytes(7)) == (Latency(0), None)
    for token in range(1, LATENCY_OF + 3):
        life.database.submit(token, token)
        life.until(token)
    known = life.database.latency()
    assert (known.writes, known.of) == (LATENCY_OF + 2, LATENCY_OF)
    assert known.last_s is not None and known.median_s is not None and known.worst_s is not None
    assert 0 < known.median_s <= known.worst_s and 0 < known.last_s <= known.worst_s
    assert known.pending_s is None
    (tmp_path / "snapshot.7").write_bytes(b"x" * 100)
    assert life.database.snapshot_bytes(7) == 100
    life.database.close()


class SlowFile(StateFile):
    """One whose writes take until they are told to end."""

    began, goes_on = Event(), Event()

    def commit(self, requests: Sequence[Request]) -> None:
        self.began.set()
        assert self.goes_on.wait(60)
        super().commit(requests)


class SlowPieces(StateFile):
    """One whose snapshots take until they are told to end, and whose disk then fails."""

    began, goes_on = Event(), Event()

    def write_piece(self, piece: Piece) -> bool:
        self.began.set()
        assert self.goes_on.wait(60)
        raise LocalFault("gone")


Slow = TypeVar("Slow", bound=StateFile)


def started(kind: type[Slow], path: Path) -> tuple[Slow, Database, SimpleQueue[int | LocalFault]]:
    """A new file of that kind, its database at work, and what that reports."""
    file = kind.open(str(path), CLUSTER, NAME, lambda: UUID)
    assert isinstance(file, kind)
    database = Database(file)
    reports: SimpleQueue[int | LocalFault] = SimpleQueue()
    database.start(reports.put, reports.put)
    return file, database, reports


def test_a_piece_of_a_snapshot_under_way_is_timed_too_and_a_failed_one_no_longer(tmp_path: Path) -> None:
    file, database, reports = started(SlowPieces, tmp_path)
    database.submit_piece("own", Snapshot(7, 1), 0, b"piece", True)
    assert file.began.wait(60)
    pending_s = database.latency().pending_s
    assert pending_s is not None and pending_s > 0
    file.goes_on.set()
    assert isinstance(reports.get(timeout=60), LocalFault)
    assert database.latency().pending_s is None
    database.close()


def test_a_write_under_way_is_timed_before_it_ends(tmp_path: Path) -> None:
    file, database, reports = started(SlowFile, tmp_path)
    database.submit(1, 1)
    assert file.began.wait(60)
    known = database.latency()
    assert (known.writes, known.of) == (0, 0) and known.pending_s is not None and known.pending_s > 0
    file.goes_on.set()
    assert reports.get(timeout=60) == 1
    database.close()
    assert database.latency().pending_s is None
