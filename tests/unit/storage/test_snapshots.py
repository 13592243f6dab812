"""Snapshots on the disk: the old one or the new one, whole, whenever the process ends."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pycluster.consensus import Configuration, Entry, Snapshot, Stored, Voter
from pycluster.kernel.errors import LocalFault
from pycluster.storage.pieces import Origin, Pieces
from pycluster.storage.statefile import Piece, Request, StateFile
from tests.unit.storage.nodes import CLUSTER, NAME, UUID, Life, entries, open_database
from tests.unit.storage.test_crash import ENVIRONMENT

VOTERS = Configuration("c" * 32, (Voter(NAME, UUID),))


def at(index: int, term: int = 1) -> Snapshot:
    return Snapshot(index, term, VOTERS, 1)


def data(index: int, number: int) -> bytes:
    """A piece whose content follows from its place."""
    return b"%d/%d." % (index, number) * 40


def pieces(index: int, origin: Origin = "own", count: int = 3, term: int = 1) -> list[Piece]:
    return [Piece(origin, at(index, term), number, data(index, number), number == count - 1) for number in range(count)]


def open_file(path: Path) -> StateFile:
    return StateFile.open(str(path), CLUSTER, NAME, lambda: UUID)


def found(path: Path) -> tuple[Stored, list[bytes]]:
    """What a new process finds, before it goes on."""
    database = open_database(path)
    read = list(database.pieces()) if database.stored.snapshot.index else []
    faults: list[LocalFault] = []
    database.start(lambda _: None, faults.append)
    database.close()
    assert not faults
    return database.stored, read


def whole(index: int, count: int = 3) -> list[bytes]:
    return [data(index, number) for number in range(count)]


def names(path: Path) -> list[str]:
    return sorted(name for name in os.listdir(path) if name.startswith("snapshot"))


def form(path: Path) -> int:
    with closing(sqlite3.connect(path / "state.db")) as connection:
        (number,) = connection.execute("PRAGMA user_version").fetchone()
    assert isinstance(number, int)
    return number


def rows(path: Path) -> list[int]:
    with closing(sqlite3.connect(path / "state.db")) as connection:
        return [number for (number,) in connection.execute("SELECT id FROM log ORDER BY id")]


def test_an_own_snapshot_counts_from_its_last_piece_on(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.database.close()
    database = open_database(tmp_path)
    told: list[int | str] = []
    database.start(
        lambda token: told.append(f"persisted {token}"),
        life.reports.put,
        lambda index: told.append(f"saved {index}"),
        lambda piece: told.append(piece.number),
    )
    database.submit(1, entries=entries(1, 9))
    for piece in pieces(6):
        database.submit_piece(piece.origin, piece.snapshot, piece.number, piece.data, piece.done)
    database.submit(2, entries=entries(10, 10))
    database.close()
    assert told == ["persisted 1", *range(len(pieces(6))), "saved 6", "persisted 2"]
    stored, read = found(tmp_path)
    assert (stored.snapshot, stored.entries, read) == (at(6), entries(7, 10), whole(6))
    assert names(tmp_path) == ["snapshot.6"]


@pytest.mark.parametrize("left", [False, True])
def test_its_owner_alone_reads_it(tmp_path: Path, left: bool) -> None:
    if left:
        (tmp_path / "snapshot.own").touch(0o644)
    shelf, umask = Pieces(str(tmp_path)), os.umask(0o022)
    try:
        shelf.write("own", 0, b"everything")
    finally:
        os.umask(umask)
    modes = [(tmp_path / "snapshot.own").stat().st_mode & 0o777]
    shelf.finish("own", 7)
    modes.append((tmp_path / "snapshot.7").stat().st_mode & 0o777)
    assert modes == [0o600, 0o600]


def test_a_file_without_a_snapshot_keeps_the_form_that_older_versions_read(tmp_path: Path) -> None:
    for origin, last in (("own", 2), ("received", 3)):
        path = tmp_path / origin
        path.mkdir()
        file = open_file(path)
        file.commit([Request(1, entries=entries(1, 9))])
        sent = pieces(6, origin)  # type: ignore[arg-type]
        for piece in sent[:last]:
            file.write_piece(piece)
        assert form(path) == 1
        if origin == "own":
            file.write_piece(sent[-1])
        else:
            file.commit([Request(2, snapshot=at(6))])
        assert form(path) == 2
        file.close()
        assert form(path) == 2


@pytest.mark.parametrize(("index", "term", "left"), [(6, 1, entries(7, 9)), (9, 1, ()), (20, 1, ()), (6, 2, ())])
def test_a_received_one_keeps_what_follows_on_it_and_nothing_else(
    tmp_path: Path, index: int, term: int, left: tuple[Entry, ...]
) -> None:
    file = open_file(tmp_path)
    file.commit([Request(1, entries=entries(1, 9))])
    for piece in pieces(index, "received", term=term):
        assert not file.write_piece(piece)
    after = index + len(left) + 1
    file.commit([Request(2, snapshot=at(index, term)), Request(3, entries=entries(after, after, term))])
    file.close()
    stored, read = found(tmp_path)
    assert (stored.snapshot, stored.entries) == (at(index, term), left + entries(after, after, term))
    assert read == whole(index) and names(tmp_path) == [f"snapshot.{index}"]


def test_what_was_received_and_never_named_counts_for_nothing(tmp_path: Path) -> None:
    file = open_file(tmp_path)
    file.commit([Request(1, entries=entries(1, 9))])
    for piece in pieces(20, "received"):
        file.write_piece(piece)
    assert names(tmp_path) == ["snapshot.received"]
    file.close()
    stored, read = found(tmp_path)
    assert (stored.entries, stored.snapshot.index, read) == (entries(1, 9), 0, [])
    assert names(tmp_path) == []


def test_a_draft_that_begins_anew_holds_nothing_of_the_one_before(tmp_path: Path) -> None:
    file = open_file(tmp_path)
    file.commit([Request(1, entries=entries(1, 30))])
    for piece in (*pieces(6)[:2], *pieces(20), *pieces(25)[:1], *pieces(25, count=2)):
        file.write_piece(piece)
    file.close()
    assert found(tmp_path)[1] == whole(25, 2) and names(tmp_path) == ["snapshot.25"]


def test_an_own_one_that_a_received_one_overtook_is_dropped(tmp_path: Path) -> None:
    file = open_file(tmp_path)
    file.commit([Request(1, entries=entries(1, 9))])
    own = pieces(6)
    file.write_piece(own[0])
    for piece in pieces(20, "received"):
        file.write_piece(piece)
    file.commit([Request(2, snapshot=at(20))])
    for piece in own[1:]:
        file.write_piece(piece)
    assert names(tmp_path) == ["snapshot.20"]
    file.close()
    stored, read = found(tmp_path)
    assert (stored.snapshot, stored.entries, read) == (at(20), (), whole(20))


def test_the_rows_that_it_covers_go_in_slices_and_are_no_part_of_the_log_meanwhile(tmp_path: Path) -> None:
    file = open_file(tmp_path)
    file.commit([Request(1, entries=entries(1, 2_500))])
    for piece in pieces(2_400):
        file.write_piece(piece)
    assert rows(tmp_path)[0] == 1
    for token, first in ((2, 1_001), (3, 2_001), (4, 2_401), (5, 2_401)):
        file.commit([Request(token)])
        assert rows(tmp_path)[0] == first
        shutil.copytree(tmp_path, tmp_path / "copy")
        assert found(tmp_path / "copy")[0].entries == entries(2_401, 2_500)
        shutil.rmtree(tmp_path / "copy")
    file.close()


# --- whenever the process ends ----------------------------------------------------------------------------------------

CRASH = """if True:
    import os, sys
    from pathlib import Path
    from tests.unit.storage import test_snapshots as scene
    path, origin, step = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    count = 0
    def stop(event, arguments):
        global count
        if event in ("os.rename", "os.remove", "sqlite3.connect") or event == "open" and (
            "snapshot" in str(arguments[0]) or str(arguments[0]) == str(path)
        ):
            count += 1
            if count == step:
                os._exit(9)
    file = scene.open_file(path)
    sys.addaudithook(stop)
    scene.replace(file, origin, lambda: stop("os.rename", ()))
    os._exit(0)
"""


def replace(file: StateFile, origin: Origin, between: object) -> None:
    """The snapshot at 20 takes the place of the one at 6."""
    assert callable(between)
    for piece in pieces(20, origin):
        between()
        file.write_piece(piece)
    between()
    if origin == "received":
        file.commit([Request(9, snapshot=at(20))])
    between()


@pytest.mark.parametrize("origin", ["own", "received"])
def test_a_process_that_ends_at_any_step_leaves_the_old_one_or_the_new_one_whole(
    tmp_path: Path, origin: Origin
) -> None:
    start = tmp_path / "start"
    start.mkdir()
    file = open_file(start)
    file.commit([Request(1, entries=entries(1, 25))])
    for piece in pieces(6):
        file.write_piece(piece)
    file.close()
    seen: list[int] = []
    for step in range(1, 40):
        path = tmp_path / str(step)
        shutil.copytree(start, path)
        command = (sys.executable, "-c", CRASH, str(path), origin, str(step))
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode in (0, 9), done.stderr
        stored, read = found(path)
        index = stored.snapshot.index
        assert read == whole(index) and stored.entries == entries(index + 1, 25)
        assert names(path) == [f"snapshot.{index}"]
        seen.append(index)
        if done.returncode == 0:
            break
    assert seen == sorted(seen) and set(seen) == {6, 20} and len(seen) > 6


# --- damage -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def folded(tmp_path: Path) -> Path:
    """A directory with a snapshot at 6 and a log up to 9."""
    file = open_file(tmp_path)
    file.commit([Request(1, entries=entries(1, 9))])
    for piece in pieces(6):
        file.write_piece(piece)
    file.close()
    return tmp_path


def test_a_snapshot_that_is_missing_is_refused_by_its_name(folded: Path) -> None:
    (folded / "snapshot.6").unlink()
    with pytest.raises(LocalFault) as refused:
        open_database(folded)
    assert f"the snapshot {folded}/snapshot.6 is missing" in str(refused.value)


def test_one_that_was_cut_gives_pieces_that_make_no_whole_and_is_refused_by_its_name(folded: Path) -> None:
    file = folded / "snapshot.6"
    content = file.read_bytes()
    for length in range(len(content)):
        file.write_bytes(content[:length])
        assert found(folded)[1] != whole(6)
    database = open_database(folded)
    assert f"{folded}/snapshot.6 is damaged" in str(database.damaged("it is cut"))
    database.close()


def test_a_length_that_was_never_written_asks_for_no_memory(folded: Path) -> None:
    (folded / "snapshot.6").write_bytes(b"\xff\xff\xff\xff" + b"x" * 10)
    assert found(folded)[1] == [b"x" * 10]


def test_one_that_cannot_be_read_is_refused_by_its_name(folded: Path) -> None:
    (folded / "snapshot.6").unlink()
    (folded / "snapshot.6").mkdir()
    database = open_database(folded)
    with pytest.raises(LocalFault, match=r"snapshot\.6 cannot be used"):
        list(database.pieces())
    database.close()


LEFT = ("snapshot.5", "snapshot.77", "snapshot.own", "snapshot.received")


def test_leftover_files_are_removed_by_the_writer_and_others_stay(folded: Path) -> None:
    for name in (*LEFT, "snapshot.txt", "notes"):
        (folded / name).write_bytes(b"left")
    assert found(folded)[1] == whole(6)
    assert names(folded) == ["snapshot.6", "snapshot.txt"] and (folded / "notes").exists()


def test_nothing_is_removed_before_the_snapshot_was_read(folded: Path) -> None:
    """It may be damaged, and then the leftovers are what there is to look at."""
    for name in LEFT:
        (folded / name).write_bytes(b"left")
    database = open_database(folded)
    assert list(database.pieces()) == whole(6)
    database.close()
    assert names(folded) == sorted(("snapshot.6", *LEFT))


def test_leftovers_that_cannot_be_removed_are_a_fault(folded: Path) -> None:
    (folded / "snapshot.5").mkdir()
    life = Life(folded)
    told = life.until(1)
    assert "snapshot.5" in str(told[-1]) and isinstance(told[-1], LocalFault)
    life.database.close()


def test_a_full_disk_stops_the_writing_and_keeps_what_was(folded: Path) -> None:
    """``RLIMIT_FSIZE`` is what a full disk looks like from inside."""
    script = """if True:
        import resource, signal, sys
        from pathlib import Path
        from pycluster.kernel.errors import LocalFault
        from tests.unit.storage import test_snapshots as scene
        file = scene.open_file(Path(sys.argv[1]))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
        try:
            for piece in scene.pieces(9):
                file.write_piece(piece)
        except LocalFault as fault:
            print(fault)"""
    command = (sys.executable, "-c", script, str(folded))
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False)
    assert "cannot be used" in done.stdout, done.stderr
    stored, read = found(folded)
    assert (stored.snapshot, stored.entries, read) == (at(6), entries(7, 9), whole(6))
