"""Whatever goes wrong on the writer's thread is told once, in our words: nobody waits for a writer that is no more."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pycluster.kernel.errors import LocalFault
from pycluster.storage import Database
from pycluster.storage.statefile import Request
from tests.unit.descriptors import descriptors
from tests.unit.storage.nodes import Life, entries
from tests.unit.storage.test_crash import ENVIRONMENT
from tests.unit.storage.test_snapshots import at, open_file, pieces


def change(path: Path, *statements: str) -> None:
    """What a bad disk, or another program, might do to the file of a running node."""
    with closing(sqlite3.connect(path / "state.db")) as intruder, intruder:
        for statement in statements:
            intruder.execute(statement)


def told(life: Life, token: int) -> LocalFault:
    """The one fault that follows; the database is closed."""
    fault = life.until(token)[-1]
    assert isinstance(fault, LocalFault)
    life.database.submit(token + 1, 9)
    life.database.close()
    assert life.reports.empty()
    return fault


def submit(database: Database, index: int) -> None:
    """A snapshot at ``index``, received and named by a request."""
    for piece in pieces(index, "received"):
        database.submit_piece(piece.origin, piece.snapshot, piece.number, piece.data, piece.done)
    database.submit(2, snapshot=at(index))


@pytest.mark.parametrize("damage", ["data = x'00'", "data = 'text'", "checksum = checksum + 1"])
def test_a_damaged_row_where_a_received_snapshot_ends_is_named(tmp_path: Path, damage: str) -> None:
    life = Life(tmp_path)
    life.database.submit(1, entries=entries(1, 9))
    life.until(1)
    change(tmp_path, f"UPDATE log SET {damage} WHERE id = 6")
    submit(life.database, 6)
    assert told(life, 2).why == "row 6 of the log does not match its checksum"


#: SQLite tells of it with the name, and no text has that byte.
NO_TEXT = (
    "PRAGMA writable_schema = ON",
    "INSERT INTO sqlite_master VALUES ('table', CAST(x'ff' AS TEXT), CAST(x'ff' AS TEXT), 9999, 'CREATE nothing')",
    "PRAGMA schema_version = 99",
)


def test_damage_that_sqlite_reports_in_words_that_are_no_text_is_damage(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.database.submit(1, entries=entries(1, 9))
    life.until(1)
    change(tmp_path, *NO_TEXT)
    life.database.submit(2, entries=entries(10, 10))
    assert told(life, 2).why == "SQLite reports damage in words that are no text"


def test_so_it_is_where_an_own_snapshot_would_begin_to_count(tmp_path: Path) -> None:
    file = open_file(tmp_path)
    file.commit([Request(1, entries=entries(1, 9))])
    change(tmp_path, *NO_TEXT)
    first, last = pieces(6, count=2)
    file.write_piece(first)
    with pytest.raises(LocalFault, match="in words that are no text"):
        file.write_piece(last)
    file.close()


def test_what_nobody_thought_of_ends_the_writing_with_its_name_and_its_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fails() -> None:
        raise MemoryError("no more of it")

    life = Life(tmp_path)
    life.database.submit_chore(fails)
    fault = told(life, 1)
    assert str(fault) == f"the state file {tmp_path}/state.db is written no more: MemoryError: no more of it"
    assert "in fails" in caplog.text


def open_files(path: Path) -> dict[str, int]:
    """The descriptors of this process, by the files in ``path`` that they are of."""
    inside = f"{path}/"
    held = descriptors().items()
    return {name.removeprefix(inside): number for number, name in held if name.startswith(inside)}


def test_closing_lets_go_of_everything_and_tells_what_failed(tmp_path: Path) -> None:
    file = open_file(tmp_path)
    file.commit([Request(1, entries=entries(1, 9))])
    file.write_piece(pieces(6)[0])
    held = open_files(tmp_path)
    assert {"state.db", "state.db-wal", "watermark", "snapshot.own"} <= set(held)
    os.close(held["watermark"])
    with pytest.raises(LocalFault, match="cannot be used"):
        file.close()
    assert open_files(tmp_path) == {}


def test_a_disk_that_is_full_with_a_snapshot_on_its_way_is_one_fault_and_an_end_in_order(tmp_path: Path) -> None:
    """``RLIMIT_FSIZE`` is what a full disk looks like from inside."""
    script = """if True:
        import resource, signal, sys
        from tests.unit.storage.nodes import Life
        from tests.unit.storage.test_snapshots import pieces
        life = Life(sys.argv[1])
        life.database.submit(1, 1)
        life.until(1)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50, 50))
        for piece in pieces(9, count=1):
            life.database.submit_piece(piece.origin, piece.snapshot, piece.number, piece.data, piece.done)
        print(life.until(2)[-1])
        life.database.close()
        print("closed", life.reports.empty())"""
    command = (sys.executable, "-c", script, str(tmp_path))
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "cannot be used" in done.stdout and done.stdout.endswith("\nclosed True\n")
