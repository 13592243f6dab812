"""A backup directory that hangs for good, as a mount whose server is gone: told, and nobody's end waits."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from pycluster.node.view import LeaderView
from pycluster.store import Store
from tests.unit.agent.test_backups import Copy, Stage, names, play

HANGS = "hangs: nothing came back within 1 s (look after its file system"


class Mount:
    """What the directory is on; it hangs until it goes on."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.goes_on = threading.Event()

    def hang(self) -> None:
        """From now on."""
        self._stage.worker.leave(self.goes_on.wait)


def hanging_while_written(directory: Path) -> tuple[Stage, Mount]:
    """The mount hangs after the head of the file was written."""
    stage = Stage(directory, interval_s=4.0, answer_s=1.0)
    mount = Mount(stage)

    class Hanging(Copy):
        def chunk(self) -> bytes | None:
            if not mount.goes_on.is_set():
                mount.hang()
            return super().chunk()

    stage.copies.of = Hanging
    return stage, mount


def test_one_that_hangs_while_it_is_written_is_told_and_the_next_waits_for_it(tmp_path: Path) -> None:
    stage, mount = hanging_while_written(tmp_path)

    async def scene() -> None:
        try:
            await stage.until(lambda: len(stage.ended) == 2)
            assert f"the directory {tmp_path} {HANGS}" in stage.ended[0].problem
            assert HANGS in stage.ended[1].problem
            assert stage.copies.asked == 1, "no second one is begun while the first hangs"
            assert not stage.copies.state.writers, "the copy keeps nothing in memory meanwhile"
            assert [name[-17:] for name in names(tmp_path)] == [".snapshot.partial"]
        finally:
            mount.goes_on.set()
        await stage.until(lambda: bool(stage.ended[-1].file))

    play(stage, scene)
    assert [str(tmp_path / name) for name in names(tmp_path)] == [stage.ended[-1].file]


def test_what_it_had_begun_is_removed_once_the_directory_answers(tmp_path: Path) -> None:
    stage, mount = hanging_while_written(tmp_path)

    async def scene() -> None:
        try:
            await stage.until(lambda: len(stage.ended) == 1)
            stage.turn("node002")
        finally:
            mount.goes_on.set()
        await stage.until(lambda: not names(tmp_path))

    play(stage, scene)


class Slow:
    """Keeps whoever puts a file of that directory in its place, or does ``what`` else to it, until it goes on."""

    _on: Slow | None = None

    def __init__(self, directory: Path, what: str = "os.rename") -> None:
        self._directory, self._what, self.goes_on = str(directory), what, threading.Event()

    def __enter__(self) -> Slow:
        Slow._on = self
        return self

    def __exit__(self, *_: object) -> None:
        Slow._on = None
        self.goes_on.set()

    @classmethod
    def hear(cls, event: str, given: tuple[Any, ...]) -> None:
        """One of Python's audit events."""
        slow = cls._on
        if slow is not None and event == slow._what and str(given[0]).startswith(slow._directory):
            slow.goes_on.wait(60)


@pytest.fixture(scope="module", autouse=True)
def _heard() -> None:
    sys.addaudithook(Slow.hear)


def test_one_that_is_finished_after_it_was_given_up_is_not_the_newest(tmp_path: Path) -> None:
    stage = Stage(tmp_path, interval_s=3_600, answer_s=1.0)

    async def scene() -> None:
        with Slow(tmp_path):
            await stage.until(lambda: bool(stage.ended))
        await stage.until(lambda: not names(tmp_path))

    play(stage, scene)
    assert HANGS in stage.ended[0].problem and not stage.read


def test_one_that_is_begun_after_it_was_given_up_is_removed(tmp_path: Path) -> None:
    stage = Stage(tmp_path, interval_s=3_600, answer_s=1.0)
    begun: list[str] = []

    async def scene() -> None:
        with Slow(tmp_path, "open"):
            await stage.until(lambda: bool(stage.ended))
            assert not names(tmp_path)
        await stage.worker.run(lambda: begun.extend(names(tmp_path)))  # behind whatever was waiting

    play(stage, scene)
    assert HANGS in stage.ended[0].problem
    assert not begun and not names(tmp_path)


class Endless(Stage):
    """Reading back does not come to its end."""

    async def verify(self, file: str) -> str:
        await super().verify(file)
        await asyncio.Event().wait()
        raise AssertionError


def test_one_that_was_not_read_to_its_end_is_not_the_newest_of_whoever_begins_next(tmp_path: Path) -> None:
    stage = Endless(tmp_path)

    async def scene() -> None:
        await stage.until(lambda: bool(stage.read))
        assert names(tmp_path)

    play(stage, scene)
    asyncio.run(stage.until(lambda: not names(tmp_path)))


def test_neither_the_backups_nor_the_loop_wait_at_their_end_for_what_hangs(tmp_path: Path) -> None:
    stage, mount = hanging_while_written(tmp_path)

    async def scene() -> None:
        await stage.until(lambda: bool(names(tmp_path)))

    try:
        play(stage, scene)
        assert not stage.copies.state.writers
    finally:
        mount.goes_on.set()
    asyncio.run(stage.until(lambda: not names(tmp_path)))


def test_looking_for_the_newest_one_has_a_limit(tmp_path: Path) -> None:
    stage = Stage(tmp_path, answer_s=1.0)
    mount = Mount(stage)
    mount.hang()

    async def scene() -> None:
        try:
            await stage.until(lambda: bool(stage.ended))
        finally:
            mount.goes_on.set()

    play(stage, scene)
    assert HANGS in stage.ended[0].problem and not stage.copies.asked


def test_pruning_has_a_limit(tmp_path: Path) -> None:
    """Whoever opens a pipe that nobody writes to waits for ever."""
    pipe = tmp_path / "demo-20200101T000000Z-r1.snapshot"
    os.mkfifo(pipe)
    stage = Stage(tmp_path, keep=1, answer_s=1.0)

    async def scene() -> None:
        await stage.until(lambda: bool(stage.ended))
        os.close(os.open(pipe, os.O_RDWR))  # whoever waits for a writer goes on

    play(stage, scene)
    assert HANGS in stage.ended[0].problem


class Damaging(Stage):
    """No file can be read back, and then the mount hangs."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, interval_s=3_600, answer_s=1.0)
        self.mount = Mount(self)

    async def verify(self, file: str) -> str:
        self.mount.hang()
        return "damaged"


def test_removing_one_that_could_not_be_read_back_has_a_limit(tmp_path: Path) -> None:
    stage = Damaging(tmp_path)

    async def scene() -> None:
        try:
            await stage.until(lambda: bool(stage.ended))
        finally:
            stage.mount.goes_on.set()

    play(stage, scene)
    assert HANGS in stage.ended[0].problem


def test_what_nobody_foresaw_is_told_with_its_traceback_and_tried_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, interval_s=4.0)
    unforeseen: list[dict[str, Any]] = []

    class Broken(Copy):
        def __init__(self, state: Store) -> None:
            stage.copies.of = Copy
            raise ZeroDivisionError("a defect of ours")

    stage.copies.of = Broken

    async def scene() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: unforeseen.append(what))
        await stage.until(lambda: len(stage.ended) == 2)

    play(stage, scene)
    assert stage.ended[0].problem == "internal error: ZeroDivisionError('a defect of ours')"
    assert [type(what["exception"]) for what in unforeseen] == [ZeroDivisionError]
    assert stage.ended[1].file


class Leaderless(Stage):
    """Who leads cannot even be asked."""

    def led(self) -> LeaderView:
        raise ZeroDivisionError("a defect of ours")


def test_backups_that_end_by_themselves_are_told(tmp_path: Path) -> None:
    stage = Leaderless(tmp_path)
    unforeseen: list[dict[str, Any]] = []

    async def scene() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: unforeseen.append(what))
        await stage.until(lambda: bool(unforeseen))

    play(stage, scene)
