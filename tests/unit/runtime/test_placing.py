"""A file in its place: the old one or the new one, whole; ``test_killed.py`` kills whoever writes it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import threading
from pathlib import Path

import msgspec
import pytest

from pycluster.rendering import FileProblem, Placed
from pycluster.runtime import Workers
from pycluster.runtime.placing import Placing
from pycluster.settings import Template
from tests.unit.descriptors import descriptors
from tests.unit.runtime.waiting import until

OLD, NEW = "old " * 5_000, "new " * 5_000


class Death(BaseException):
    """The end of a life, for whom a process of its own would be too much."""


def template(destination: str, reload: str, check: tuple[str, ...] = ("/bin/sh", "-c", 'test -s "$0"')) -> Template:
    """Checked for not being empty; ``reload`` is a line for the shell, empty for none."""
    command = ("/bin/sh", "-c", reload) if reload else ()
    return Template(name="web", destination=destination, source="/none", check=check, reload=command, mode=0o640)


class Stage:
    """A directory of a service, which keeps every file that it was told to read."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "etc"
        self.folder.mkdir()
        self.file = self.folder / "web.conf"
        self.seen = tmp_path / "seen"
        self.broken = tmp_path / "broken"
        self.notes = tmp_path / "notes"
        self.reload = f"head -c 3 {self.file} >> {self.seen}; ! test -e {self.broken} || ! grep -q new {self.file}"

    def template(self, reload: bool = True) -> Template:
        return template(str(self.file), self.reload if reload else "")

    def place(self, content: str, reload: bool = True, of: Template | None = None) -> Placed:
        placing = Placing(str(self.notes), dict(os.environ))
        return asyncio.run(placing.place(of or self.template(reload), content.encode()))

    def die_at(self, point: str, content: str) -> None:
        def die(reached: str) -> None:
            if reached == point:
                raise Death(point)

        placing = Placing(str(self.notes), dict(os.environ), die)
        with pytest.raises(Death):
            asyncio.run(placing.place(self.template(), content.encode()))

    def told(self) -> list[str]:
        """What the service read, each time."""
        text = self.seen.read_text() if self.seen.exists() else ""
        return [text[place : place + 3] for place in range(0, len(text), 3)]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_a_failed_check_leaves_the_old_file_untouched(stage: Stage) -> None:
    stage.place(OLD)
    before = stage.file.stat()
    with pytest.raises(FileProblem, match="the check failed: exit code 1"):
        stage.place("")
    assert stage.file.stat() == before
    assert stage.told() == ["old"]
    assert os.listdir(stage.folder) == ["web.conf"]


def test_a_failed_reload_of_a_first_file_takes_it_away_again(stage: Stage) -> None:
    stage.broken.touch()
    with pytest.raises(FileProblem, match="the file is gone again"):
        stage.place(NEW)
    assert os.listdir(stage.folder) == []
    assert os.listdir(stage.notes) == []


def test_what_is_as_it_should_be_is_not_written(stage: Stage) -> None:
    assert stage.place(OLD).did == "written"
    before = stage.file.stat()
    assert stage.place(OLD).did == "unchanged"
    assert stage.file.stat() == before
    assert stage.told() == ["old"]


def test_another_mode_is_a_change(stage: Stage) -> None:
    stage.place(OLD)
    assert stage.file.stat().st_mode & 0o777 == 0o640
    stage.file.chmod(0o666)
    assert stage.place(OLD).did == "written"
    assert stage.file.stat().st_mode & 0o777 == 0o640


def test_a_directory_that_gives_its_own_group_does_not_make_it_another_file(stage: Stage) -> None:
    others = [group for group in (os.getgroups() or [0]) if group != os.getegid()] or [65534]
    try:
        os.chown(stage.folder, -1, others[0])
    except PermissionError:
        return  # who has one group and is not root sees no such directory
    stage.folder.chmod(0o2755)
    assert stage.place(OLD).did == "written"
    assert stage.place(OLD).did == "unchanged"


def test_no_symbolic_link_leads_out(stage: Stage, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    victim = elsewhere / "web.conf"
    victim.write_text("mine")
    stage.file.symlink_to(victim)
    with pytest.raises(FileProblem, match="symbolic link"):
        stage.place(NEW)
    (tmp_path / "link").symlink_to(elsewhere)
    with pytest.raises(FileProblem, match="symbolic link"):
        stage.place(NEW, of=template(str(tmp_path / "link" / "web.conf"), ""))
    (stage.folder / ".web.conf.pycluster").symlink_to(victim)
    stage.file.unlink()
    assert stage.place(NEW).did == "written"
    assert victim.read_text() == "mine"


def test_what_is_no_file_is_left_alone(stage: Stage) -> None:
    os.mkfifo(stage.file)
    with pytest.raises(FileProblem, match="no regular file"):
        stage.place(NEW)
    with pytest.raises(FileProblem, match="nowhere: No such file or directory"):
        stage.place(NEW, of=template("/nowhere/web.conf", ""))


def test_an_owner_that_does_not_exist_is_told(stage: Stage) -> None:
    unknown = Template(name="web", destination=str(stage.file), source="/none", owner="no-such-user")
    with pytest.raises(FileProblem, match="no-such-user does not exist"):
        stage.place(NEW, of=unknown)
    assert not stage.file.exists()


def test_the_check_gets_the_new_file_where_it_wants_it(stage: Stage, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    check = ("/bin/sh", "-c", f'cp "$1" {copy}; test "$1" = "$PYCLUSTER_FILE"', "sh", "{file}")
    assert stage.place(NEW, of=template(str(stage.file), "", check)).did == "written"
    assert copy.read_text() == NEW


def test_what_is_owed_to_another_file_is_not_put_back_here(stage: Stage) -> None:
    stage.place(OLD)
    stage.die_at("noted", NEW)
    moved = stage.folder / "moved.conf"
    failing = template(str(moved), "false")
    with pytest.raises(FileProblem, match="the file is gone again"):
        stage.place(NEW, of=failing)
    assert not moved.exists()
    assert stage.file.read_text() == OLD


def test_a_reload_that_is_owed_outlives_the_name_of_its_template(stage: Stage) -> None:
    stage.place(OLD)
    stage.die_at("entered", NEW)
    elsewhere = template(str(stage.folder / "other.conf"), "true")
    assert stage.place(NEW, of=elsewhere).did == "written", "it has the name that the first one had"
    renamed = msgspec.structs.replace(stage.template(), name="renamed")
    assert stage.place(NEW, of=renamed).did == "reloaded"
    assert stage.told() == ["old", "new"]
    assert stage.place(NEW, of=renamed).did == "unchanged"


def pair(stage: Stage) -> tuple[Template, Template]:
    """Two files with one reload, which will not have the word bad in either."""
    reload = f"echo told >> {stage.seen}; ! grep -q bad {stage.folder}/a {stage.folder}/b"
    first, second = (template(str(stage.folder / name), reload) for name in "ab")
    return msgspec.structs.replace(first, name="a"), msgspec.structs.replace(second, name="b")


def together(stage: Stage, *contents: str, workers: Workers | None = None) -> list[str]:
    """What became of each of the two."""
    files = [(one, text.encode()) for one, text in zip(pair(stage), contents, strict=True)]
    results = asyncio.run(Placing(str(stage.notes), dict(os.environ), workers=workers).place_all(files))
    return [one.did if isinstance(one, Placed) else str(one) for one in (results["a"], results["b"])]


def test_what_shares_a_reload_is_told_once(stage: Stage) -> None:
    assert together(stage, "1", "1") == ["written", "written"]
    assert stage.seen.read_text() == "told\n"
    assert together(stage, "1", "2") == ["unchanged", "written"]
    assert stage.seen.read_text() == "told\n" * 2
    assert together(stage, "", "3") == ["the check failed: exit code 1", "written"]
    assert (stage.folder / "a").read_text() == "1"
    assert os.listdir(stage.notes) == []


def test_where_a_shared_reload_fails_only_who_is_to_blame_stays_behind(stage: Stage) -> None:
    together(stage, "1", "1")
    first, second = together(stage, "bad", "2")
    assert first == "the reload failed: exit code 1; the file from before is back"
    assert second == "written"
    assert [(stage.folder / name).read_text() for name in "ab"] == ["1", "2"]
    assert os.listdir(stage.notes) == []
    assert sorted(os.listdir(stage.folder)) == ["a", "b"]


@pytest.mark.parametrize("steps", range(2, 40))
def test_killed_between_two_that_share_a_reload_each_is_whole_and_both_are_told(stage: Stage, steps: int) -> None:
    together(stage, "1", "1")
    left = [steps]

    def die(point: str) -> None:
        left[0] -= 1
        if not left[0]:
            raise Death(point)

    files = [(one, b"2") for one in pair(stage)]
    # Whoever is not really dead tidies up behind itself, in a thread: what the next life does comes after that.
    workers = Workers("files")
    with contextlib.suppress(Death):
        asyncio.run(Placing(str(stage.notes), dict(os.environ), die, workers).place_all(files))
    assert {(stage.folder / name).read_text() for name in "ab"} <= {"1", "2"}
    assert set(together(stage, "2", "2", workers=workers)) <= {"written", "reloaded", "unchanged"}
    assert [(stage.folder / name).read_text() for name in "ab"] == ["2", "2"]
    assert stage.seen.read_text().count("told") >= 2
    assert os.listdir(stage.notes) == []
    assert sorted(os.listdir(stage.folder)) == ["a", "b"]


def test_who_finds_the_file_of_another_beside_its_own_does_not_put_it_in_place(stage: Stage) -> None:
    stage.place(OLD)
    beside = stage.folder / ".web.conf.pycluster"
    for meddle in (f"rm {beside}", f"cp {beside} {beside}.x; echo half > {beside}.x; mv {beside}.x {beside}"):
        of = msgspec.structs.replace(stage.template(), check=("/bin/sh", "-c", meddle))
        with pytest.raises(FileProblem, match="another agent that writes here"):
            stage.place(NEW, of=of)
        assert stage.file.read_text() == OLD
    assert stage.told() == ["old"]


def test_a_file_with_the_number_of_the_one_that_was_checked_is_still_another_s(stage: Stage) -> None:
    beside = stage.folder / ".web.conf.pycluster"
    # Where the number is free, the file system may well give it to the next file.
    meddle = ("/bin/sh", "-c", f"rm {beside}; echo other > {beside}")
    with pytest.raises(FileProblem, match="another agent that writes here"):
        stage.place(NEW, of=msgspec.structs.replace(stage.template(), check=meddle))
    assert not stage.file.exists()


def test_where_the_reload_of_what_is_put_back_fails_too_it_stays_owed(stage: Stage, tmp_path: Path) -> None:
    down = tmp_path / "down"
    of = template(str(stage.file), f"echo told >> {stage.seen}; ! test -e {down}")
    assert stage.place(OLD, of=of).did == "written"
    down.touch()
    with pytest.raises(FileProblem, match="the file from before is back; the reload after it failed too"):
        stage.place(NEW, of=of)
    down.unlink()
    assert stage.place(OLD, of=of).did == "reloaded", "nobody has read it since"
    assert stage.place(OLD, of=of).did == "unchanged"
    assert stage.seen.read_text().count("told") == 4


def test_where_the_old_file_cannot_be_put_back_both_are_told(stage: Stage) -> None:
    stage.place(OLD)
    stage.broken.touch()
    undoing: list[str] = []

    def foreign(point: str) -> None:
        undoing.extend([point] if point == "undoing" else [])
        if undoing and point == "full":
            raise PermissionError(errno.EPERM, "Operation not permitted")

    placing = Placing(str(stage.notes), dict(os.environ), foreign)
    told = "the reload failed: exit code 1; the file from before cannot be put back: Operation not permitted"
    with pytest.raises(FileProblem, match=told):
        asyncio.run(placing.place(stage.template(), NEW.encode()))
    assert stage.file.read_text() == NEW
    stage.broken.unlink()
    assert stage.place(NEW).did == "reloaded", "which is still owed"


def test_a_directory_where_a_file_should_be_costs_no_descriptor(stage: Stage) -> None:
    stage.file.mkdir()
    before = descriptors().items()
    for _ in range(3):
        with pytest.raises(FileProblem, match="what stands there is no regular file"):
            stage.place(NEW)
    assert not descriptors().items() - before


@pytest.mark.parametrize("written", [0, 1])
def test_a_disk_that_is_full_is_left_no_fuller(stage: Stage, written: int) -> None:
    """The first that is written is the file, the second the note of what is owed."""
    stage.place(OLD)
    halves: list[str] = []

    def full(point: str) -> None:
        halves.extend([point] if point == "half" else [])
        if point == "half" and len(halves) > written:
            raise OSError(errno.ENOSPC, "No space left on device")

    placing = Placing(str(stage.notes), dict(os.environ), full)
    with pytest.raises(FileProblem, match=r"web\.conf cannot be written: No space left on device"):
        asyncio.run(placing.place(stage.template(), NEW.encode()))
    assert stage.file.read_text() == OLD
    assert (os.listdir(stage.folder), os.listdir(stage.notes)) == (["web.conf"], [])


@pytest.mark.parametrize("damage", [b"", b"\xc1", b"\x81\xabdestination\xa1\xff"])
def test_a_damaged_note_is_told_with_its_name_and_the_old_file_stands(stage: Stage, damage: bytes) -> None:
    stage.place(OLD)
    stage.die_at("noted", NEW)
    (note,) = stage.notes.iterdir()
    note.write_bytes(damage)
    with pytest.raises(FileProblem, match=f"{note.name} is damaged"):
        stage.place(NEW)
    assert stage.file.read_text() == OLD


def test_what_is_made_after_a_check_was_given_up_does_not_stay(stage: Stage) -> None:
    hangs, goes_on = threading.Event(), threading.Event()

    def hang(point: str) -> None:
        if point == "durable":
            hangs.set()
            goes_on.wait()

    async def story() -> None:
        placing = Placing(str(stage.notes), dict(os.environ), hang)
        checking = asyncio.ensure_future(placing.check(stage.template(), b"new"))
        await until(hangs.is_set)
        checking.cancel()
        await asyncio.wait({checking})
        assert os.listdir(stage.folder) == [".web.conf.pycluster"]
        goes_on.set()
        await until(lambda: not os.listdir(stage.folder))

    try:
        asyncio.run(story())
    finally:
        goes_on.set()


def test_a_directory_that_hangs_holds_up_no_other(stage: Stage, tmp_path: Path) -> None:
    other, hangs, goes_on = tmp_path / "other", threading.Event(), threading.Event()
    other.mkdir()

    def hang(point: str) -> None:
        if point == "durable" and not hangs.is_set():
            hangs.set()
            goes_on.wait()

    async def story() -> None:
        workers = Workers("files", limit_s=0.05)
        placing = Placing(str(stage.notes), dict(os.environ), hang, workers)

        async def refused() -> bool:
            with contextlib.suppress(FileProblem):
                return (await placing.place(stage.template(reload=False), b"new")).did != "written"
            await asyncio.sleep(0.01)
            return True

        while not hangs.is_set():
            assert await refused()
        workers.limit_s = 60
        assert (await placing.place(template(str(other / "web.conf"), ""), b"new")).did == "written"
        with pytest.raises(FileProblem, match="has not answered"):
            await placing.place(stage.template(reload=False), b"new")
        goes_on.set()
        while await refused():
            pass

    try:
        asyncio.run(story())
    finally:
        goes_on.set()
    assert stage.file.read_text() == "new"
    assert os.listdir(stage.folder) == ["web.conf"]
