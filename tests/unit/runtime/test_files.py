"""The rendered files of an agent: what the plan's acts do, what is told of it, and the door."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

import msgspec
import pytest

from pycluster.controllers import Act, View
from pycluster.judging import Batch, Rendered
from pycluster.judging.rendering import render
from pycluster.kernel.errors import LocalMisuse
from pycluster.node.events import FilePlaced
from pycluster.node.view import MemberView
from pycluster.rendering import PROBE, FileProblem, Rendering, RenderRequest, Shelf
from pycluster.runtime import Reconciler
from pycluster.runtime.files import Files
from pycluster.runtime.placing import Placing
from pycluster.settings import Selector, Template
from pycluster.store import Put, Range, RangeResult
from tests.unit.descriptors import descriptors
from tests.unit.runtime.waiting import until
from tests.unit.web.fake import FakeCluster
from tests.unit.web.fakestate import FakeState


async def here(batch: Batch) -> tuple[Rendered, ...]:
    """Rendered in this process."""
    return tuple(render(batch))


class Stage:
    """One template, its actors and its door, on a real store and a real disk."""

    def __init__(self, folder: Path, **more: object) -> None:
        self.file = folder / "web.conf"
        self.source = folder / "web.j2"
        self.source.write_text("port {{ key('port', '80') }}\n")
        template = Template(
            name="web",
            destination=str(self.file),
            source=str(self.source),
            keys=("port",),
            **{"check": ("/bin/sh", "-c", '! grep -q 13 "$0"'), "timeout_s": 60.0, **more},  # type: ignore[arg-type]
        )
        self.state, self.cluster, self.shelf = FakeState(), FakeCluster(), Shelf()
        self.told: list[FilePlaced] = []
        placing = Placing(str(folder / "notes"), {"PATH": "/usr/bin:/bin"})
        self.renders = here
        self.files = Files((template,), self.shelf, self.cluster, self.state, self._render, placing, self.told.append)
        self.controller = Rendering((template,), self.shelf, "node001")
        self.local: MemberView = next(one for one in self.cluster.members() if one.local)

    async def _render(self, batch: Batch) -> tuple[Rendered, ...]:
        return await self.renders(batch)

    async def put(self, value: str) -> None:
        await self.state.ask(Put(b"port", value.encode()), timeout_s=5)

    async def play(self) -> int:
        """Perform one plan; how many acts it had."""
        found = await self.state.ask(Range(b"\0", b"\0"))
        assert isinstance(found, RangeResult)
        kvs = {kv.key: kv for kv in found.kvs}
        view = View("node001", 0, 1, kvs, self.cluster.members(), "node001")
        steps = self.controller.plan(view, 1 << 50).steps
        for step in steps:
            assert isinstance(step, Act)
            await self.files.actors()[step.name](step)
        return len(steps)


def test_the_plan_is_performed_and_told(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    async def play() -> None:
        assert await stage.play() == 2
        assert stage.file.read_text() == "port 80\n"
        assert stage.files.views().files[0].since_ms == stage.file.stat().st_mtime_ns // 1_000_000
        await stage.put("81")
        assert await stage.play() == 2
        assert await stage.play() == 0
        await stage.put("13")
        assert await stage.play() == 2
        assert stage.file.read_text() == "port 81\n"
        await stage.put("81")
        assert await stage.play() == 2

    asyncio.run(play())
    name = ("web", str(stage.file))
    assert stage.told == [
        FilePlaced(*name, "written"),
        FilePlaced(*name, "written"),
        FilePlaced(*name, problem="the check failed: exit code 1"),
        FilePlaced(*name, "unchanged"),
    ]
    assert [one.state for one in stage.files.views().files] == ["in-place"]


def test_the_same_failure_is_told_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.source.write_text("{{ no }}")

    async def play() -> None:
        assert await stage.play() == 2
        assert await stage.play() == 2, "its next try is due by that time"
        stage.source.unlink()
        assert await stage.play() == 2
        os.mkfifo(stage.source)
        assert await stage.play() == 2, "nobody waits for what never comes"

    asyncio.run(play())
    assert [one.problem.partition(":")[0] for one in stage.told] == [
        "line 1",
        f"{stage.source} cannot be read",
        f"{stage.source} is no regular file",
    ]
    assert not stage.file.exists()


def test_somebody_asks(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    async def play() -> None:
        await stage.put("82")
        looked = await stage.files.render(RenderRequest(name="web", dry_run=True))
        assert (looked.did, looked.before, looked.content) == ("would-change", None, "port 82\n")
        assert not stage.file.exists() and stage.told == []
        assert (await stage.files.render(RenderRequest(name="web"))).did == "written"
        assert (await stage.files.render(RenderRequest(name="web", dry_run=True))).did == "unchanged"
        stage.file.chmod(0o600)
        looked = await stage.files.render(RenderRequest(name="web", dry_run=True))
        assert (looked.did, looked.before) == ("would-change", looked.content), "its mode"
        stage.file.chmod(0o644)
        assert await stage.play() == 0, "what was rendered by hand is not rendered again"
        await stage.put("13")
        for dry_run in (True, False):
            with pytest.raises(FileProblem, match="the check failed"):
                await stage.files.render(RenderRequest(name="web", dry_run=dry_run))
        assert stage.file.read_text() == "port 82\n"
        with pytest.raises(LocalMisuse, match="no template other"):
            await stage.files.render(RenderRequest(name="other"))

    asyncio.run(play())
    assert sorted(one.name for one in tmp_path.iterdir()) == ["web.conf", "web.j2"]


@pytest.mark.parametrize(
    ("mode", "standing", "folder", "why"),
    [
        (0o644, None, 0o755, ""),
        (0o644, 0o644, 0o711, ""),
        (0o640, None, 0o755, "the file has mode 0640: "),
        (0o644, 0o600, 0o755, "the file has mode 0600: "),
        (0o644, None, 0o700, "is closed to others: "),
    ],
)
def test_contents_are_for_those_who_may_read_them(mode: int, standing: int | None, folder: int, why: str) -> None:
    # pytest's own directories are closed to others.
    with tempfile.TemporaryDirectory(dir="/tmp") as given:
        stage = Stage(Path(given), mode=mode)
        if standing is not None:
            stage.file.write_text("secret\n")
            stage.file.chmod(standing)
        Path(given).chmod(folder)
        request = RenderRequest(name="web", dry_run=True)
        others = asyncio.run(stage.files.render(request, whole=False))
        owner = asyncio.run(stage.files.render(request))
    assert (owner.content, owner.before) == ("port 80\n", None if standing is None else "secret\n")
    assert not owner.withheld
    if why:
        assert (others.did, others.content, others.before) == ("would-change", "", None)
        assert why in others.withheld and others.withheld.endswith("it is told over the agent's Unix socket only")
    else:
        assert others == owner


def test_what_is_for_another_node_is_not_rendered(tmp_path: Path) -> None:
    stage = Stage(tmp_path, nodes=(Selector("node", "another"),))
    assert asyncio.run(stage.play()) == 0
    assert [one.state for one in stage.files.views().files] == ["elsewhere"]
    with pytest.raises(LocalMisuse, match="not for this node"):
        asyncio.run(stage.files.render(RenderRequest(name="web")))


def test_a_failed_file_that_is_for_another_node_now_is_no_problem_any_more(tmp_path: Path) -> None:
    stage = Stage(tmp_path, nodes=(Selector("tag", "web", "role"),))
    stage.source.write_text("{{ no }}")

    def tagged(role: str) -> None:
        members = (msgspec.structs.replace(stage.local, tags={"role": role}),)
        stage.cluster.view = msgspec.structs.replace(stage.cluster.view, members=members)

    async def play() -> None:
        tagged("web")
        assert await stage.play() == 2
        tagged("db")
        assert await stage.play() == 1
        assert await stage.play() == 0

    asyncio.run(play())
    assert [one.did for one in stage.told] == ["", "not for this node any more"]


def test_what_is_in_place_is_probed_and_whoever_listens_hears_of_all(tmp_path: Path) -> None:
    stage = Stage(tmp_path, probe=("/bin/sh", "-c", f"grep -q 81 {tmp_path}/web.conf"))
    heard: list[str] = []
    stage.files.listen(lambda: heard.append("changed"))
    probe = Act("probe", PROBE, b"web")

    async def play() -> None:
        await stage.play()
        assert heard == ["changed", "changed"], "rendered, and placed"
        await stage.files.actors()[PROBE](probe)
        standing = stage.shelf.of("web")
        assert standing is not None
        assert (standing.probe, standing.probed) == ("exit code 1", 0)
        assert len(heard) == 3
        await stage.put("81")
        await stage.play()
        standing = stage.shelf.of("web")
        assert standing is not None
        standing.placed_version = 4
        await stage.files.actors()[PROBE](probe)
        assert (standing.probe, standing.probed) == ("", 4)

    asyncio.run(play())


def test_what_failed_when_somebody_asked_is_tried_again_by_itself(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.touch()
    stage = Stage(tmp_path, check=("/bin/sh", "-c", f"test -e {allowed}"))

    async def play() -> None:
        all_of_it = Reconciler(
            "node001", stage.cluster, stage.state, tuple, (stage.controller,), actors=stage.files.actors()
        )
        stage.files.listen(lambda: None, lambda: all_of_it.nudge(Rendering.name))
        all_of_it.start()
        await until(lambda: stage.file.exists() and all_of_it.views()[0].phase == "watching")
        allowed.unlink()
        stage.file.write_text("somebody's own\n")
        with pytest.raises(FileProblem, match="the check failed"):
            await stage.files.render(RenderRequest(name="web"))
        allowed.touch()
        await until(lambda: stage.file.read_text() == "port 80\n")
        await all_of_it.stop()

    asyncio.run(play())


def test_what_was_left_out_of_a_batch_keeps_what_it_was_and_is_due_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    async def nothing(batch: Batch) -> tuple[Rendered, ...]:
        return ()

    async def play() -> None:
        await stage.play()
        await stage.put("81")
        stage.renders = nothing
        assert await stage.play() == 2
        assert stage.file.read_text() == "port 80\n"
        assert stage.files.views().files[0].problem == ""
        stage.renders = here
        assert await stage.play() == 2

    asyncio.run(play())
    assert stage.file.read_text() == "port 81\n"


def test_a_directory_in_the_place_of_a_source_costs_no_descriptor(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.source.unlink()
    stage.source.mkdir()
    before = descriptors().items()
    for _ in range(3):
        with pytest.raises(FileProblem, match="is no regular file"):
            asyncio.run(stage.files.render(RenderRequest(name="web", dry_run=True)))
    assert not descriptors().items() - before
