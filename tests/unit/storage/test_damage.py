"""What was damaged is refused with the reason and left as it was found; nothing is ever reset in silence."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pycluster.consensus import Stored, Vote
from pycluster.kernel.errors import LocalFault
from pycluster.kernel.ids import Identity
from tests.unit.storage.nodes import NAME, UUID, Life, entries, entry, open_database, write_log

LAST = 12
WRITTEN = (Identity(NAME, UUID, 7), Stored(Vote(1, UUID), entries(1, LAST)))


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory whose node was stopped: all of it is in the database file."""
    path = tmp_path_factory.mktemp("clean")
    write_log(path, LAST)
    return path


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory whose node was killed: almost all of it is in the write-ahead log."""
    origin, path = tmp_path_factory.mktemp("running"), tmp_path_factory.mktemp("killed") / "data"
    life = Life(origin)
    life.database.submit(1, 7, Vote(1, UUID))
    life.until(1)
    for index in range(1, LAST + 1):
        life.database.submit(index + 1, entries=(entry(index),))
        life.until(index + 1)
    shutil.copytree(origin, path)
    life.database.close()
    return path


def content(path: Path) -> dict[str, bytes]:
    return {name: (path / name).read_bytes() for name in sorted(os.listdir(path)) if not name.endswith("-shm")}


def refusal(path: Path) -> LocalFault:
    """Opening is refused, and what lies there is as it was."""
    before = content(path)
    with pytest.raises(LocalFault) as refused:
        open_database(path, "f" * 32)
    after = content(path)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) <= {"state.db-wal", "watermark"}
    return refused.value


def refused_or_whole(path: Path) -> bool:
    """Whether opening is refused; where it is not, nothing is missing."""
    try:
        database = open_database(path, "f" * 32)
    except LocalFault:
        return True
    database.close()
    assert (database.identity, database.stored) == WRITTEN
    return False


@pytest.mark.parametrize("file", ["state.db", "state.db-wal"])
def test_a_flipped_bit_anywhere_is_refused_or_without_effect(
    clean: Path, killed: Path, tmp_path: Path, file: str
) -> None:
    origin = clean if file == "state.db" else killed
    whole = (origin / file).read_bytes()
    refused = 0
    path = tmp_path / "data"
    for offset in range(0, len(whole), len(whole) // 200):
        shutil.copytree(origin, path)
        damaged = bytearray(whole)
        damaged[offset] ^= 1 << offset % 8
        (path / file).write_bytes(damaged)
        refused += refused_or_whole(path)
        shutil.rmtree(path)
    assert refused > 20


@pytest.mark.parametrize("file", ["state.db", "state.db-wal"])
@pytest.mark.parametrize("percent", [0, 1, 30, 60, 90, 99])
def test_a_file_cut_short_is_refused(clean: Path, killed: Path, tmp_path: Path, file: str, percent: int) -> None:
    path = tmp_path / "data"
    shutil.copytree(clean if file == "state.db" else killed, path)
    whole = (path / file).read_bytes()
    (path / file).write_bytes(whole[: len(whole) * percent // 100])
    fault = refusal(path)
    assert f"{path}/state.db" in fault.what
    assert fault.why
    assert f"remove the data directory {path} and start again: the node comes back as a new member" in fault.remedy


def test_a_write_ahead_log_that_lost_its_tail_is_no_crash_but_damage(killed: Path, tmp_path: Path) -> None:
    path = tmp_path / "data"
    shutil.copytree(killed, path)
    (path / "state.db-wal").unlink()
    fault = refusal(path)
    assert fault.what == f"the state file {path}/state.db is damaged"
    assert fault.why == f"{LAST + 1} acknowledged transactions are missing"


def test_without_a_watermark_a_power_cut_is_believed(killed: Path, tmp_path: Path) -> None:
    path = tmp_path / "data"
    shutil.copytree(killed, path)
    for damaged in (b"", b"\0" * 12, b"\xff" * 12):
        (path / "watermark").write_bytes(damaged)
        assert not refused_or_whole(path)


def test_a_transaction_that_nobody_was_told_of_may_be_there(killed: Path, tmp_path: Path) -> None:
    path = tmp_path / "data"
    shutil.copytree(killed, path)
    write_log(tmp_path, LAST - 1)
    shutil.copy(tmp_path / "watermark", path / "watermark")
    assert not refused_or_whole(path)


@pytest.mark.parametrize("left", ["watermark", "state.db-wal"])
def test_a_missing_file_is_not_made_anew_beside_what_it_left(killed: Path, tmp_path: Path, left: str) -> None:
    (tmp_path / left).write_bytes((killed / left).read_bytes())
    fault = refusal(tmp_path)
    assert fault.what == f"the state file {tmp_path}/state.db is missing"
    assert fault.why == f"{left} beside it shows that it was there"
    assert os.listdir(tmp_path) == [left]


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path / "state.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE log SET data = zeroblob(9) WHERE id = 5", "row 5 of the log does not match its checksum"),
        ("UPDATE log SET data = 'text' WHERE id = 5", "row 5 of the log does not match its checksum"),
        ("UPDATE log SET checksum = checksum + 1 WHERE id = 12", "row 12 of the log does not match its checksum"),
        ("DELETE FROM log WHERE id = 5", "row 5 of the log is missing"),
        ("DELETE FROM log WHERE id = 1", "row 1 of the log is missing"),
        ("DELETE FROM log WHERE id > 9", "the log ends at row 9 and not at 12"),
        (
            "INSERT INTO log SELECT 13, data, checksum FROM log WHERE id = 9",
            "row 13 of the log holds entry 9 of term 1",
        ),
        ("UPDATE head SET data = zeroblob(9)", "the head does not match its checksum"),
        ("DELETE FROM head", "it has 0 heads"),
        ("DROP TABLE head", "no such table: head"),
        ("PRAGMA user_version = 0", "it is not a state file of this program"),
    ],
)
def test_a_row_that_was_never_written_so_is_named(clean: Path, tmp_path: Path, statement: str, why: str) -> None:
    path = tmp_path / "data"
    shutil.copytree(clean, path)
    change(path, statement)
    fault = refusal(path)
    assert fault.why == why
    assert "remove the data directory" in fault.remedy


def test_a_term_that_falls_is_refused(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.database.submit(1, entries=(entry(1, term=5), entry(2, term=4)))
    life.until(1)
    life.database.close()
    assert refusal(tmp_path).why == "row 2 of the log holds entry 2 of term 4"


def test_a_file_of_a_later_version_is_refused(clean: Path, tmp_path: Path) -> None:
    path = tmp_path / "data"
    shutil.copytree(clean, path)
    change(path, "PRAGMA user_version = 3")
    fault = refusal(path)
    assert fault.why == "it has form 3 and this version knows up to 2"
    assert fault.remedy == "run the version that wrote it, or a later one"


def test_another_programs_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_text("Dear diary, today I kept no votes.\n" * 300)
    assert refusal(tmp_path).why == "file is not a database"


def test_a_draft_that_a_crash_left_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "state.db.new").write_bytes(b"half a database")
    (tmp_path / "state.db.new-wal").write_bytes(b"and of its log")
    database = open_database(tmp_path)
    assert database.stored.empty
    database.close()
    assert sorted(os.listdir(tmp_path)) == ["state.db", "watermark"]
