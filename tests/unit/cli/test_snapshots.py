"""``snapshot`` and ``recover`` as they are typed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec
import pytest

from pycluster.storage import archives
from pycluster.store import Command, Params, Put
from pycluster.store.archive import MADE_MAX_MS
from tests.unit.agent.test_offline import settings, voter
from tests.unit.cli.console import run
from tests.unit.storage.test_archives import bytes_of, made, manifest_of, some_state
from tests.unit.web.fake import Agent


def test_save_makes_a_file_and_does_not_write_over_one(agent: Agent) -> None:
    agent.state.store.apply(Command(b"", Put(b"a", b"1")))
    saved = run("snapshot", "save", "a.snapshot")
    assert (saved.code, saved.err) == (0, "")
    assert saved.out == f"saved revision 2 of demo to a.snapshot, {Path('a.snapshot').stat().st_size} bytes\n"
    again = run("snapshot", "save", "a.snapshot")
    assert again.code == 1 and "a.snapshot is there already" in again.err and "--force" in again.err
    assert run("snapshot", "save", "a.snapshot", "--force", "-q").raw == b""
    assert archives.read("a.snapshot", Params()).state.revision == 2


def test_save_never_takes_the_place_of_what_is_no_file(agent: Agent) -> None:
    os.mkfifo("pipe")
    os.symlink("pipe", "link")
    for name in ("pipe", "link"):
        refused = run("snapshot", "save", name, "--force")
        assert refused.code == 1 and f"{name} is no regular file" in refused.err
    assert stat.S_ISFIFO(os.stat("link").st_mode)


def test_a_stream_that_is_cut_short_ends_with_1_and_leaves_no_file(agent: Agent) -> None:
    agent.state.cut = True
    ended = run("snapshot", "save", "a.snapshot")
    assert ended.code in (1, 4) and ended.err
    assert not list(Path().iterdir())


def test_save_says_as_json_what_it_saved(agent: Agent) -> None:
    told = run("snapshot", "save", "-serializable", "a.snapshot", "-o", "json").json
    assert (told["file"], told["revision"], told["cluster"], told["cluster_uuid"]) == (
        "a.snapshot",
        1,
        "demo",
        "c" * 32,
    )
    assert agent.state.copied[0][0] is True


def test_inspect_tells_what_is_in_a_file_and_what_is_wrong_with_it(tmp_path: Path) -> None:
    path = Path(made(tmp_path / "a"))
    told = run("snapshot", "inspect", str(path), "-o", "json").json
    assert told["hash"] == "ok" and (told["revision"], told["keys"], told["leases"]) == (4, 3, 1)
    assert (told["cluster"], told["term"], told["index"], told["made_by"]) == ("demo", 4, 9, "node001")
    assert told["made_at"] == "2023-11-14T22:13:20+00:00" and told["file_bytes"] == path.stat().st_size
    shown = run("snapshot", "inspect", str(path)).out
    assert f"sha256 {told['sha256']}" in shown and "version 1.2.3" in shown
    path.write_bytes(path.read_bytes()[:-1])
    damaged = run("snapshot", "inspect", str(path))
    assert damaged.code == 1 and "is damaged: it is cut short" in damaged.err and not damaged.raw


@pytest.mark.parametrize(
    "field", ["made_ms", "term", "index", "revision", "size_bytes", "compacted", "format", "version", "voters"]
)
def test_a_file_that_says_something_absurd_of_itself_is_damaged(tmp_path: Path, field: str) -> None:
    """Anybody can make a file whose hash fits."""
    absurd = {"version": "v" * 10_000, "voters": ("node001",) * 99, "compacted": -2, "format": -1}.get(field, 2**62 + 1)
    state = some_state()
    manifest = msgspec.structs.replace(manifest_of(state), **{field: absurd})
    path = tmp_path / "a"
    path.write_bytes(b"".join(bytes_of(state, manifest)))
    told = run("snapshot", "inspect", str(path))
    assert told.code == 1 and "is damaged" in told.err and not told.raw
    into = str(tmp_path / "one")
    conf = settings(tmp_path).path
    ended = run("snapshot", "restore", str(path), "-config", conf, "-name", "node001", "-data-dir", into)
    assert ended.code == 1 and "is damaged" in ended.err and not Path(into).exists()


def test_the_last_moment_that_a_file_may_name_can_be_shown(tmp_path: Path) -> None:
    state = some_state()
    path = made(tmp_path / "a", state, msgspec.structs.replace(manifest_of(state), made_ms=MADE_MAX_MS))
    assert run("snapshot", "inspect", path, "-o", "json").json["made_at"] == "9999-12-31T23:59:59+00:00"


def test_restore_tells_the_line_for_the_other_voters(tmp_path: Path) -> None:
    path, conf = made(tmp_path / "a"), settings(tmp_path).path
    first = run("snapshot", "restore", path, "-config", conf, "-name", "node001", "-data-dir", str(tmp_path / "one"))
    assert first.code == 0
    line = next(line for line in first.out.splitlines() if line.startswith("  pycluster snapshot restore a --token "))
    words = line.split()[4:]
    assert words[2:] == ["-config", conf]
    second = run(
        "snapshot", "restore", path, *words, "-name", "node002", "-data-dir", str(tmp_path / "two"), "-o", "json",
    )  # fmt: skip
    assert second.code == 0 and second.json["token"] == words[1] and second.json["replaced"] == ""
    again = run("snapshot", "restore", path, "-config", conf, "-name", "node001", "-data-dir", str(tmp_path / "one"))
    assert again.code == 1 and "--force" in again.err
    moved = run(
        "snapshot", "restore", path, "-config", conf, "-name", "node001", "-data-dir", str(tmp_path / "one"), "--force",
        "--bump-revision", "9",
    )  # fmt: skip
    assert moved.out.endswith(f" --bump-revision 9 --force -config {conf}\n")
    unlisted = run("snapshot", "restore", path, "-config", conf, "-name", "x", "-data-dir", str(tmp_path / "three"))
    assert unlisted.code == 2 and "not among the voters" in unlisted.err


def test_recover_asks_for_the_cluster_s_name_and_changes_nothing_without(tmp_path: Path) -> None:
    directory, conf = voter(tmp_path, "node002", 5, term=8, last_term=6), settings(tmp_path).path
    line = ("recover", "-config", conf, "-name", "node002", "-data-dir", directory)
    before = sorted(Path(directory).iterdir())
    looked = run(*line, "--dry-run")
    assert looked.code == 0
    for word in ("entry 14 of term 6", "committed up to 9", "revision 9, 8 keys", "Kept are the last 5 entries"):
        assert word in looked.out
    assert looked.out.endswith("  pycluster raft add node001\n  pycluster raft add node003\n")
    assert run(*line).code == run(*line, piped=None).code == 2
    assert run(*line, "--yes").code == 2
    mistyped = run(*line, keys="dem\n")
    assert mistyped.code == 1 and "nothing was changed" in mistyped.err
    assert sorted(one for one in Path(directory).iterdir() if "state.db-" not in one.name) == [
        one for one in before if "state.db-" not in one.name
    ]
    done = run(*line, keys="demo\n")
    assert done.code == 0 and "node002 is a cluster by itself now" in done.out
    told = run(*line, "--dry-run", "-o", "json").json
    assert [one["voters"] for one in told] == [["node002"]]
    alone = run(*line, "--dry-run").out
    assert "Kept are" in alone and alone.endswith("The new cluster has a new UUID and one voter, node002.\n")


def test_recover_first_puts_back_what_a_killed_run_had_moved_and_a_dry_run_says_so(tmp_path: Path) -> None:
    directory, conf = voter(tmp_path, "node002", 5, term=8, last_term=6), settings(tmp_path).path
    line = ("recover", "-config", conf, "-name", "node002", "-data-dir", directory)
    moved = Path(directory, "replacing")
    moved.mkdir()
    for name in ("state.db", "snapshot.9"):
        Path(directory, name).rename(moved / name)
    looked = run(*line, "--dry-run")
    assert looked.code == 1 and f"the old one is in {moved}" in looked.err
    refused = run("snapshot", "restore", made(tmp_path / "a", some_state()), *line[1:])
    assert refused.code == 1 and "holds the state of node002" in refused.err and not moved.exists()
    done = run(*line, "--yes", "--accept-data-loss")
    assert done.code == 0 and f"What was there is in {directory}/replaced.1" in done.out


def test_recover_refuses_the_older_of_two_and_a_directory_that_is_not_there(tmp_path: Path) -> None:
    older, newer = voter(tmp_path, "node001", 2, 6), voter(tmp_path, "node003", 3, 6)
    conf = settings(tmp_path).path
    sure = ("--yes", "--accept-data-loss")
    ended = run("recover", *sure, "-config", conf, "-name", "node001", "-data-dir", older, newer)
    assert ended.code == 1 and "is newer" in ended.err and "run this at node003" in ended.err
    ended = run("recover", *sure, "-config", conf, "-name", "node001", "-data-dir", str(tmp_path / "gone"))
    assert ended.code == 1 and "there is no data directory" in ended.err
    assert not (tmp_path / "gone").exists()
    ended = run("recover", *sure, "-config", conf, "-name", "node003", "-data-dir", newer, older, "-o", "json")
    assert ended.code == 0 and ended.json["node"] == "node003"
