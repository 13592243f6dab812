"""Backups: made by the leader alone, whole, read back, pruned; what fails is told and tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from pycluster.agent.backups import Backups, read_back
from pycluster.node.events import BackupEnded
from pycluster.node.ports import OpenCopy, StateFailed
from pycluster.node.view import ClusterEvent, LeaderView
from pycluster.runtime import Worker
from pycluster.settings import Settings
from pycluster.storage import archives
from pycluster.store import Failure, Manifest, SnapshotWriter, Store
from tests.unit.storage.test_archives import PARAMS, made, manifest_of, some_state


class Copy:
    """A copy of a state."""

    def __init__(self, state: Store) -> None:
        self.manifest: Manifest = manifest_of(state)
        self._writer = SnapshotWriter(state)

    def chunk(self) -> bytes | None:
        return self._writer.chunk()

    def close(self) -> None:
        self._writer.close()


class Endless(Copy):
    """One whose pieces take too long, all together."""

    def chunk(self) -> bytes | None:
        return b"piece"


class Copies:
    """The state's, unless it fails."""

    def __init__(self) -> None:
        self.state = some_state()
        self.failure: Failure | None = None
        self.asked = 0
        self.of: type[Copy] = Copy

    def holds_copy(self) -> bool:
        return True

    async def open_copy(self, *, serializable: bool = False, timeout_s: float = 5.0) -> OpenCopy:
        self.asked += 1
        if self.failure is not None:
            raise StateFailed(self.failure)
        return self.of(self.state)


class Stage:
    """Backups of a node, which leads or not."""

    def __init__(
        self,
        directory: Path,
        keep: int = 3,
        interval_s: float = 0.0,
        write_s: float = 60.0,
        answer_s: float = 60.0,
    ) -> None:
        self.copies = Copies()
        self.ended: list[BackupEnded] = []
        self.leader = "node001"
        self.verdicts: list[str] = []
        self.read: list[str] = []
        settings = Settings(
            cluster="demo",
            name="node001",
            backup_directory=str(directory),
            backup_interval_s=interval_s,
            backup_keep=keep,
        )
        #: Whatever is left to it holds up all that touches the directory.
        self.worker = Worker("backups")
        reached = (self.copies, self.led, self.ended.append, self.verify)
        self.said: list[tuple[str, str]] = []
        self.backups = Backups(settings, *reached, write_s, answer_s, self.worker, lambda *what: self.said.append(what))

    def led(self) -> LeaderView:
        return LeaderView(self.leader, "", 1, 0, acting=self.leader == "node001")

    def turn(self, leader: str) -> None:
        self.leader = leader
        kind = "leader-gained" if leader == "node001" else "leader-lost"
        self.backups.event(ClusterEvent(1, kind, "", 0, "", 0, {}))

    async def verify(self, file: str) -> str:
        self.read.append(file)
        return self.verdicts.pop(0) if self.verdicts else ""

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not holds():  # noqa: ASYNC110  what is waited for is a file, or a list that grows
                await asyncio.sleep(0.001)


def play(stage: Stage, scene: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        stage.backups.start()
        try:
            await scene()
        finally:
            await stage.backups.stop()

    asyncio.run(run())


def names(directory: Path) -> list[str]:
    return sorted(one.name for one in directory.iterdir())


def test_each_is_whole_named_by_time_and_revision_and_read_back(tmp_path: Path) -> None:
    directory = tmp_path / "backups"
    stage = Stage(directory, interval_s=3_600)

    async def scene() -> None:
        await stage.until(lambda: bool(stage.ended))

    play(stage, scene)
    ((file, revision, problem),) = [(one.file, one.revision, one.problem) for one in stage.ended]
    assert stage.read == [file] and revision == 4 and not problem
    (name,) = names(directory)
    assert file == str(directory / name)
    assert name.startswith("demo-2") and name.endswith("Z-r4.snapshot")
    whole = archives.read(file, PARAMS)
    assert whole.state.digest() == stage.copies.state.digest()
    assert whole.manifest.made_ms > 1_700_000_000_000
    assert not stage.copies.state.writers


def test_a_young_backup_is_enough_for_whoever_starts_or_leads_next(tmp_path: Path) -> None:
    first, second = Stage(tmp_path, interval_s=3_600), Stage(tmp_path, interval_s=3_600)

    async def made() -> None:
        await first.until(lambda: bool(first.ended))

    async def nothing() -> None:
        second.turn("node002")
        second.turn("node001")
        for _ in range(20):
            await asyncio.sleep(0.005)

    play(first, made)
    play(second, nothing)
    assert second.copies.asked == 0


def test_who_does_not_lead_makes_none_and_begins_when_it_leads(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.leader = "node002"

    async def scene() -> None:
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert not stage.copies.asked
        stage.turn("node001")
        await stage.until(lambda: bool(stage.ended))

    play(stage, scene)


def test_only_the_newest_are_kept_and_of_others_nothing_is_touched(tmp_path: Path) -> None:
    old = [f"demo-2020010{day}T000000Z-r{day}.snapshot" for day in range(1, 7)]
    foreign = ["demo2-20200101T000000Z-r1.snapshot", "demo-by-hand.snapshot", "notes.partial", "x"]
    for name in (*old, *foreign, old[0] + ".partial"):
        (tmp_path / name).write_bytes(b"")
    stage = Stage(tmp_path, keep=3, interval_s=3_600)

    async def scene() -> None:
        await stage.until(lambda: bool(stage.ended))

    play(stage, scene)
    kept = [name for name in names(tmp_path) if name not in foreign]
    assert kept[:2] == old[-2:] and len(kept) == 3
    assert {*foreign} <= {*names(tmp_path)}


def test_an_old_one_that_cannot_be_removed_keeps_no_other_and_is_told_once(tmp_path: Path) -> None:
    old = [f"demo-2020010{day}T000000Z-r{day}.snapshot" for day in range(1, 7)]
    for name in old[2:]:
        (tmp_path / name).write_bytes(b"")
    (tmp_path / old[0]).mkdir()
    (tmp_path / old[1]).symlink_to(tmp_path / "gone meanwhile")
    partial = old[2] + ".partial"
    stage = Stage(tmp_path, keep=2)

    async def scene() -> None:
        await stage.until(lambda: len(stage.ended) >= 3)
        assert len(stage.said) == 1
        (tmp_path / partial).mkdir()
        await stage.until(lambda: len(stage.said) > 1)
        more = len(stage.ended) + 2
        await stage.until(lambda: len(stage.ended) >= more)

    play(stage, scene)
    assert not any(one.problem for one in stage.ended)
    text = "Warning: an old backup could not be removed and stays"
    assert stage.said == [("warning", f"{text}: {tmp_path / name}: Is a directory") for name in (old[0], partial)]
    assert not {*old[2:-1]} & {*names(tmp_path)}


def test_several_that_stay_are_one_line(tmp_path: Path) -> None:
    for day in range(1, 4):
        (tmp_path / f"demo-2020010{day}T000000Z-r{day}.snapshot").mkdir()
    stage = Stage(tmp_path, keep=1, interval_s=3_600)

    async def scene() -> None:
        await stage.until(lambda: bool(stage.ended))

    play(stage, scene)
    ((_, text),) = stage.said
    assert text.endswith("demo-20200101T000000Z-r1.snapshot: Is a directory (and 2 more)")
    assert stage.ended[0].file


def test_those_from_the_future_go_first_and_never_the_one_just_made(tmp_path: Path) -> None:
    future = [f"demo-2999010{day}T000000Z-r{day}.snapshot" for day in range(1, 4)]
    old = "demo-20200101T000000Z-r1.snapshot"
    for name in (old, *future):
        (tmp_path / name).write_bytes(b"")
    stage = Stage(tmp_path, keep=3, interval_s=3_600)

    async def scene() -> None:
        await stage.until(lambda: bool(stage.ended))

    play(stage, scene)
    made = Path(stage.ended[0].file).name
    assert {made, old, future[-1]} <= {*names(tmp_path)}
    assert not {*future[:2]} & {*names(tmp_path)}


def test_one_that_cannot_be_read_back_is_removed_told_and_made_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, interval_s=3_600)
    stage.verdicts = ["exit code 1: the snapshot is damaged"]

    async def scene() -> None:
        await stage.until(lambda: len(stage.ended) == 1)
        assert names(tmp_path) == []

    play(stage, scene)
    assert "could not be read back and was removed" in stage.ended[0].problem
    assert "the snapshot is damaged" in stage.ended[0].problem


def test_a_failure_is_told_and_tried_again_and_cleared_when_another_node_leads(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "file" / "below")
    (tmp_path / "file").write_text("in the way")

    async def scene() -> None:
        await stage.until(lambda: len(stage.ended) == 1)
        assert "Not a directory" in stage.ended[0].problem
        (tmp_path / "file").unlink()
        stage.copies.failure = Failure("no-leader", "nobody")
        await stage.until(lambda: len(stage.ended) == 2)
        assert "no-leader" in stage.ended[1].problem
        stage.turn("node002")
        await stage.until(lambda: len(stage.ended) >= 3)
        assert stage.ended[-1] == BackupEnded()
        stage.copies.failure = None
        stage.turn("node001")
        await stage.until(lambda: bool(stage.ended[-1].file))

    play(stage, scene)


def test_without_a_directory_nothing_runs() -> None:
    stage = Stage(Path(""))
    stage.backups = Backups(Settings(cluster="demo", name="n"), stage.copies, stage.led, stage.ended.append)

    async def scene() -> None:
        await asyncio.sleep(0)

    play(stage, scene)
    assert not stage.copies.asked


def test_reading_back_tells_a_sound_file_from_a_damaged_one(tmp_path: Path) -> None:
    path = Path(made(tmp_path / "a.snapshot"))
    assert asyncio.run(read_back(str(path))) == ""
    path.write_bytes(path.read_bytes()[:-1])
    assert "cut short" in asyncio.run(read_back(str(path)))


def test_a_name_that_is_no_time_is_none_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "demo-99999999T999999Z-r1.snapshot").write_bytes(b"")
    stage = Stage(tmp_path, keep=1, interval_s=3_600)

    async def scene() -> None:
        await stage.until(lambda: bool(stage.ended))

    play(stage, scene)
    assert stage.ended[0].file and len(names(tmp_path)) == 2


def test_one_that_takes_too_long_is_let_go_with_its_copy_and_told(tmp_path: Path) -> None:
    stage = Stage(tmp_path, write_s=0.05)
    stage.copies.of = Endless

    async def scene() -> None:
        await stage.until(lambda: bool(stage.ended) and not names(tmp_path))

    play(stage, scene)
    assert "it is not whole after 0.05 s" in stage.ended[0].problem
    assert not stage.copies.state.writers


def test_those_of_a_lost_cluster_outlive_the_backups_of_one_founded_anew(tmp_path: Path) -> None:
    """All disks are lost, the agents start again and found an empty cluster of the same name."""
    state = some_state()
    lost, own = (f"demo-2020010{day}T000000Z-r4.snapshot" for day in (1, 2))
    made(tmp_path / lost, state, msgspec.structs.replace(manifest_of(state), cluster_uuid="d" * 32))
    made(tmp_path / own, state)
    stage = Stage(tmp_path, keep=1, interval_s=3_600)

    async def scene() -> None:
        await stage.until(lambda: bool(stage.ended))

    play(stage, scene)
    assert lost in names(tmp_path) and own not in names(tmp_path) and len(names(tmp_path)) == 2
