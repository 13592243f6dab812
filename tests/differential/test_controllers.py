"""Controllers on each engine: fenced writes, a history forgotten, many who change entries, files that follow."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

from pycluster import store
from pycluster.configs import ChangeRequest, Configs, Contended, Keeping, Params, Wanted
from pycluster.controllers import Params as Pace
from pycluster.controllers import fence_key, fence_value
from pycluster.node.events import FilePlaced
from pycluster.node.ports import StateEngine
from pycluster.rendering import Rendering, Shelf
from pycluster.runtime import Reconciler
from pycluster.runtime.files import Files
from pycluster.runtime.placing import Placing
from pycluster.runtime.renders import ChildRenderer
from pycluster.settings import Template
from tests.differential.engines import Play, asked
from tests.unit.controllers.hand import Controller
from tests.unit.runtime.test_reconciler import BOTH, event, twins
from tests.unit.web.entries import judged
from tests.unit.web.fake import FakeCluster

QUICK = Pace(gap_ms=1, backoff_min_ms=1, backoff_max_ms=50)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    while not await condition():  # noqa: ASYNC110  only asking tells
        await asyncio.sleep(0.01)


async def keys(engine: StateEngine, prefix: bytes) -> dict[bytes, store.KeyValue]:
    found = await asked(engine, store.Range(prefix, prefix[:-1] + bytes((prefix[-1] + 1,))))
    assert isinstance(found, store.RangeResult)
    return {kv.key: kv for kv in found.kvs}


def leading(engine: StateEngine, controller: Controller | Keeping) -> Reconciler:
    return Reconciler("node001", FakeCluster(), engine, lambda: (controller,), rng=random.Random(1), params=QUICK)


def test_an_outrun_leader_writes_nothing_more_and_each_thing_is_written_once(play: Play) -> None:
    async def scene(engine: StateEngine) -> None:
        old, new = (leading(engine, Controller(twins, interests=BOTH)) for _ in range(2))

        async def has(key: bytes) -> bool:
            return key in await keys(engine, b"b/")

        old.event(event("leader-gained", 7))
        await asked(engine, store.Put(b"a/1"))
        await until(lambda: has(b"b/1"))
        fence = fence_key(engine.head().cluster_id)
        assert (await keys(engine, fence))[fence].value == fence_value(7)
        new.event(event("leader-gained", 8))
        await asked(engine, store.Put(b"a/2"))
        await until(lambda: has(b"b/2"))

        async def outrun() -> bool:
            # Whoever was quicker wrote the last one; the next is for the one that may.
            await asked(engine, store.Put(b"a/%d" % random.randrange(10**9)))
            return old.views()[0].phase == "outrun"

        await until(outrun)
        assert (await keys(engine, fence))[fence].value == fence_value(8)
        await asked(engine, store.Put(b"a/last"))
        await until(lambda: has(b"b/last"))
        assert {kv.version for kv in (await keys(engine, b"b/")).values()} == {1}
        for one in (old, new):
            await one.stop()

    play(scene)


def test_old_versions_are_forgotten_by_the_leader(play: Play) -> None:
    async def scene(engine: StateEngine) -> None:
        configs = Configs(engine, judged, lambda: 1_000)
        for number in range(8):
            await configs.change(ChangeRequest(entries=(Wanted(name="app", content=str(number)),)))
        assert len(await keys(engine, b"/pycluster/config/history/")) == 7
        keeper = leading(engine, Keeping(Params(history_versions=2, history_days=0)))
        keeper.event(event("leader-gained", 3))

        async def kept() -> bool:
            return len(await keys(engine, b"/pycluster/config/history/")) == 3

        await until(kept)
        assert [one.version for one in (await configs.history("app")).versions] == [8, 7, 6, 5]
        assert (await configs.get("app")).content == "7"
        await keeper.stop()

    play(scene)


def test_many_who_change_one_entry_lose_no_version_and_give_none_twice(play: Play) -> None:
    async def scene(engine: StateEngine) -> None:
        given: list[int] = []

        async def write(writer: int) -> None:
            configs = Configs(engine, judged, lambda: 1_000)
            for number in range(10):
                wanted = Wanted(name="app.json", content=f'{{"n": [{writer}, {number}]}}')
                try:
                    done = await configs.change(ChangeRequest(entries=(wanted,)))
                except Contended:
                    continue
                given.append(done.changes[0].version)

        await asyncio.gather(*(write(writer) for writer in range(4)))
        versions = [one.version for one in (await Configs(engine, judged, int).history("app.json")).versions]
        assert sorted(given) == sorted(versions) == list(range(1, len(given) + 1))

    play(scene)


def test_files_follow_keys_entries_and_what_overrides_them(play: Play, tmp_path: Path) -> None:
    async def scene(engine: StateEngine) -> None:
        file, cluster, shelf = tmp_path / "web.conf", FakeCluster(), Shelf()
        check = ("/bin/sh", "-c", '! grep -q 13 "$0"')
        reads = ("web/",)
        template = Template(name="web", destination=str(file), entry="web.j2", keys=reads, check=check, timeout_s=60)
        configs, render = Configs(engine, judged, lambda: 1_000), ChildRenderer()
        told: list[FilePlaced] = []
        placing = Placing(str(tmp_path / "notes"), {"PATH": "/usr/bin:/bin"})
        files = Files((template,), shelf, cluster, engine, render, placing, told.append)
        here = Reconciler(
            "node001",
            cluster,
            engine,
            tuple,
            (Rendering((template,), shelf, "node001"),),
            actors=files.actors(),
            params=QUICK,
        )
        here.start()

        async def is_(text: str) -> bool:
            return await asyncio.to_thread(lambda: file.exists() and file.read_text() == text)

        await configs.change(ChangeRequest(entries=(Wanted(name="web.j2", content="v {{ keys('web/') }}\n"),)))
        await until(lambda: is_("v {}\n"))
        await asked(engine, store.Put(b"web/a", b"1"))
        await until(lambda: is_("v {'web/a': '1'}\n"))
        await configs.change(ChangeRequest(entries=(Wanted(name="web.j2@node:node001", content="mine\n"),)))
        await until(lambda: is_("mine\n"))
        await configs.change(ChangeRequest(entries=(Wanted(name="web.j2@node:node001"),)))
        await until(lambda: is_("v {'web/a': '1'}\n"))
        await asked(engine, store.Put(b"web/a", b"13"))

        async def failed() -> bool:
            return files.views().files[0].problem == "the check failed: exit code 1"

        await until(failed)
        assert await is_("v {'web/a': '1'}\n")
        await asked(engine, store.DeleteRange(b"web/a"))
        await until(lambda: is_("v {}\n"))
        await here.stop()
        await render.close()
        assert [one.problem for one in told if one.problem][-1] == "the check failed: exit code 1"

    play(scene)
