"""Data directories that are looked at, and laid out anew, while no agent has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pycluster.consensus import Configuration, Snapshot, Stored, Vote, Voter
from pycluster.kernel.errors import LocalFault
from pycluster.kernel.ids import Identity, Seed
from pycluster.storage import Found, SeatBook, lay, look, pieces_of
from tests.unit.storage.nodes import CLUSTER, NAME, UUID, Life, entry, open_database, write_log

SNAPSHOT = Snapshot(40, 7, Configuration("5" * 32, (Voter(NAME, "n" * 32), Voter("node002", ""))), 40)
IDENTITY = Identity(NAME, "n" * 32)
PIECES = [b"one" * 100, b"two", b"three"]


def contents(path: Path) -> dict[str, bytes]:
    """Everything that a start would read; SQLite's own files come and go with whoever looks."""
    whose = ("lock", "state.db-shm", "state.db-wal")
    return {one.name: one.read_bytes() for one in path.iterdir() if one.is_file() and one.name not in whose}


def laid(path: Path) -> str:
    return lay(str(path), CLUSTER, IDENTITY, Vote(1_000_007), SNAPSHOT, iter(PIECES))


def test_an_empty_directory_holds_nothing(tmp_path: Path) -> None:
    assert look(str(tmp_path)) is None


def test_what_a_node_left_is_found_and_not_changed(tmp_path: Path) -> None:
    write_log(tmp_path, 5)
    before = contents(tmp_path)
    found = look(str(tmp_path))
    assert found == Found(CLUSTER, Identity(NAME, UUID, 7), Vote(1, UUID), Snapshot(), tuple(map(entry, range(1, 6))))
    assert found.last == (1, 5)
    assert list(pieces_of(str(tmp_path), found)) == []
    assert contents(tmp_path) == before


def test_an_agent_starts_with_what_was_laid_out(tmp_path: Path) -> None:
    assert laid(tmp_path) == ""
    database = open_database(tmp_path, "not asked")
    assert database.identity == IDENTITY
    assert database.stored == Stored(Vote(1_000_007), (), 0, SNAPSHOT)
    assert list(database.pieces()) == PIECES
    database.close()
    found = look(str(tmp_path))
    assert found is not None and found.last == (7, 40)
    assert list(pieces_of(str(tmp_path), found)) == PIECES
    life = Life(tmp_path)
    life.database.submit(1, entries=(entry(41, 1_000_008),))
    life.until(1)
    life.database.close()
    assert open_database(tmp_path).stored.entries == (entry(41, 1_000_008),)


def test_what_was_there_is_in_a_folder_and_an_agent_could_start_on_it(tmp_path: Path) -> None:
    write_log(tmp_path, 5)
    before = contents(tmp_path)
    (tmp_path / "hooks.json").write_text("{}")
    assert laid(tmp_path) == str(tmp_path / "replaced.1")
    assert laid(tmp_path) == str(tmp_path / "replaced.2")
    assert {*before} <= {*contents(tmp_path / "replaced.1")}
    old = open_database(tmp_path / "replaced.1")
    assert len(old.stored.entries) == 5
    old.close()
    assert (tmp_path / "hooks.json").read_text() == "{}"
    assert open_database(tmp_path).stored.snapshot == SNAPSHOT


def test_where_the_old_voters_were_is_kept_aside(tmp_path: Path) -> None:
    """The new cluster has nothing to say to them."""
    write_log(tmp_path, 5)
    SeatBook(str(tmp_path)).keep((Seed("node004", "10.0.0.4", 7946),))
    (tmp_path / "voters.json.new").write_text("[")
    aside = laid(tmp_path)
    assert SeatBook(str(tmp_path)).seats == ()
    assert not [one for one in tmp_path.iterdir() if one.name.startswith("voters")]
    assert SeatBook(aside).seats == (Seed("node004", "10.0.0.4", 7946),)


def test_where_the_pieces_fail_nothing_is_changed(tmp_path: Path) -> None:
    def failing() -> Iterator[bytes]:
        yield b"one"
        raise LocalFault("the source is damaged")

    write_log(tmp_path, 5)
    before = contents(tmp_path)
    with pytest.raises(LocalFault, match="the source"):
        lay(str(tmp_path), CLUSTER, IDENTITY, Vote(9), SNAPSHOT, failing())
    assert contents(tmp_path) == before
    assert not [one for one in tmp_path.iterdir() if one.is_dir()]


def test_damage_is_told_and_not_taken_for_an_empty_directory(tmp_path: Path) -> None:
    write_log(tmp_path, 5)
    (tmp_path / "state.db").unlink()
    with pytest.raises(LocalFault, match="missing"):
        look(str(tmp_path))
    (tmp_path / "state.db").write_bytes(b"no database" * 100)
    with pytest.raises(LocalFault, match="damaged"):
        look(str(tmp_path))
