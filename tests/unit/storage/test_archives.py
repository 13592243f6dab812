"""Snapshot files on the disk: there when they are whole, and what was there stays where they are not."""

from __future__ import annotations

import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pycluster import store
from pycluster.kernel.errors import LocalFault
from pycluster.storage import archives
from pycluster.store import ArchiveWriter, Command, LeaseGrant, Manifest, Put, SnapshotWriter, Store

PARAMS = store.Params()


def some_state(keys: int = 3) -> Store:
    """One key a revision, and a lease."""
    state = Store(PARAMS)
    for number in range(keys):
        state.apply(Command(b"r%d" % number, Put(b"k%d" % number, b"v" * 20)))
    state.apply(Command(b"l", LeaseGrant(60, 9)))
    return state


def manifest_of(state: Store, cluster: str = "demo", index: int = 9, term: int = 4) -> Manifest:
    """As an agent would write it."""
    return Manifest(
        cluster,
        "c" * 32,
        "node001",
        ("node001", "node002", "node003"),
        index,
        term,
        state.revision,
        state.compacted,
        state.size_bytes,
        1_700_000_000_000,
        "1.2.3",
    )


def bytes_of(state: Store, manifest: Manifest | None = None) -> Iterator[bytes]:
    """The file, piece by piece."""
    writer, pieces = ArchiveWriter(manifest or manifest_of(state)), SnapshotWriter(state)
    yield writer.head()
    while (piece := pieces.chunk()) is not None:
        yield writer.piece(piece)
    yield writer.end()
    pieces.close()


def made(path: Path, state: Store | None = None, manifest: Manifest | None = None) -> str:
    """A whole one."""
    archives.write(str(path), bytes_of(state or some_state(), manifest))
    return str(path)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    state, seen = some_state(), []
    path = tmp_path / "a.snapshot"
    length = archives.write(str(path), bytes_of(state), lambda so_far, manifest: seen.append((so_far, manifest)))
    assert path.stat().st_size == length == seen[-1][0]
    assert seen[-1][1] == manifest_of(state)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    whole = archives.read(str(path), PARAMS)
    assert (whole.manifest, whole.file_bytes) == (manifest_of(state), length)
    assert whole.state.digest() == state.digest()
    assert [one.name for one in tmp_path.iterdir()] == ["a.snapshot"]


def test_a_stream_that_is_cut_short_or_breaks_leaves_no_file_and_not_another_one(tmp_path: Path) -> None:
    def cut() -> Iterator[bytes]:
        yield from list(bytes_of(some_state()))[:-1]

    def broken() -> Iterator[bytes]:
        yield from list(bytes_of(some_state()))[:1]
        raise ConnectionResetError("the other end went")

    path = tmp_path / "a.snapshot"
    with pytest.raises(LocalFault, match="cut short"):
        archives.write(str(path), cut())
    assert list(tmp_path.iterdir()) == []
    before = made(path) and path.read_bytes()
    with pytest.raises(LocalFault, match="cut short"):
        archives.write(str(path), cut())
    with pytest.raises(ConnectionResetError):
        archives.write(str(path), broken())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_takes_no_more_is_told(tmp_path: Path) -> None:
    """A quota's end and a disk's are the same to a writer."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(LocalFault, match="File too large"):
            archives.write(str(tmp_path / "a.snapshot"), bytes_of(some_state()))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(LocalFault, match="No such file"):
        archives.write(str(tmp_path / "nowhere" / "a.snapshot"), bytes_of(some_state()))


@pytest.mark.parametrize("there", [True, False])
def test_a_link_that_somebody_planted_is_not_followed(tmp_path: Path, there: bool) -> None:
    """Else whoever may write to the directory has the agent write wherever the agent may."""
    elsewhere = tmp_path / "elsewhere"
    if there:
        elsewhere.write_text("precious")
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "a.snapshot.partial").symlink_to(elsewhere)
    (folder / "a.snapshot").symlink_to(elsewhere)
    path = Path(made(folder / "a.snapshot"))
    assert not path.is_symlink() and archives.read(str(path), PARAMS).state.revision == 4
    assert [one.name for one in folder.iterdir()] == ["a.snapshot"]
    assert (elsewhere.read_text() == "precious") if there else not elsewhere.exists()


def test_what_a_killed_process_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "a.snapshot.partial").write_bytes(b"half of a file that was longer than the next one" * 100)
    path = made(tmp_path / "a.snapshot")
    assert archives.read(path, PARAMS).state.revision == 4
    assert [one.name for one in tmp_path.iterdir()] == ["a.snapshot"]


def test_of_two_that_write_one_file_neither_ends_with_the_half_of_the_other(tmp_path: Path) -> None:
    path, whole = str(tmp_path / "a.snapshot"), list(bytes_of(some_state()))
    first = archives.Draft(path)
    first.write(whole[0])
    second = archives.Draft(path)
    second.write(whole[0])
    for data in whole[1:]:
        first.write(data)
    with pytest.raises(LocalFault, match="somebody else writes the same file"):
        first.finish()
    for data in whole[1:]:
        second.write(data)
    second.finish()
    first.abandon()
    second.abandon()
    assert archives.read(path, PARAMS).state.revision == 4
    assert [one.name for one in tmp_path.iterdir()] == ["a.snapshot"]


def test_one_that_is_discarded_is_gone_but_not_what_somebody_put_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a.snapshot"
    for put in (False, True):
        draft = archives.Draft(str(path))
        for data in bytes_of(some_state()):
            draft.write(data)
        draft.finish()
        if put:
            (tmp_path / "other").write_bytes(b"another one")
            (tmp_path / "other").rename(path)
        draft.discard()
        assert [one.read_bytes() for one in tmp_path.iterdir()] == ([b"another one"] if put else [])
    path.unlink()
    draft = archives.Draft(str(path))
    draft.discard()
    assert not [*tmp_path.iterdir()]


def test_damage_of_every_kind_is_refused_with_the_file_s_name(tmp_path: Path) -> None:
    sound = Path(made(tmp_path / "sound")).read_bytes()
    damaged = tmp_path / "damaged"
    for content in (
        sound[:-1],
        sound[: len(sound) // 2],
        sound[:100] + b"?" + sound[101:],
        sound + b"more",
        b"",
        b"something else",
    ):
        damaged.write_bytes(content)
        with pytest.raises(LocalFault, match=str(damaged)):
            archives.read(str(damaged), PARAMS)
    with pytest.raises(LocalFault, match="cannot be read"):
        archives.read(str(tmp_path / "missing"), PARAMS)


def test_a_file_whose_hash_fits_and_whose_state_does_not_is_refused(tmp_path: Path) -> None:
    """Whoever made it made it wrong: the hash alone proves no state."""
    state = some_state()
    lying = msgspec.structs.replace(manifest_of(state), revision=77)
    with pytest.raises(LocalFault, match="revision"):
        archives.read(made(tmp_path / "a", state, lying), PARAMS)
