"""Readers that do not read fill no memory, over either kind of stream, and miss nothing when they do."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec
import pytest

from pycluster.engines.room import ROOM_BYTES_MAX
from pycluster.store import Event, KeyValue, WatchBatch
from pycluster.web import Access, Bounds
from pycluster.web.app import make_app
from pycluster.web.inhand import light
from tests.unit.engines.past import Past
from tests.unit.web.caller import Call
from tests.unit.web.fake import FakeCluster

SIZE = 512 * 1024
WATCHES = 256


def play(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scene, 60))


def test_a_stream_of_many_watches_that_is_not_read_holds_no_more_than_the_room() -> None:
    async def scene() -> None:
        past = Past(4, SIZE)
        create = {"create_request": {"key": "AA==", "range_end": "AA==", "start_revision": 1}}
        async with Call(make_app(FakeCluster(), Access(), state=past.engine), "/v3/watch") as watching:
            watching.say(msgspec.json.encode(create) * WATCHES, more=True)
            for _ in range(WATCHES):
                assert (await watching.line())["result"]["created"]
            watching.takes.clear()
            await past.settle()
            assert ROOM_BYTES_MAX // 2 < past.most <= ROOM_BYTES_MAX + 2 * SIZE, "and one batch"
            watching.takes.set()
            heard: dict[str, list[str]] = {}
            going = asyncio.ensure_future(_read(watching, heard, 4 * WATCHES))
            while not going.done():
                past.slice()
                await asyncio.sleep(0)
            await going
            assert len(heard) == WATCHES
            assert all(revisions == ["2", "3", "4", "5"] for revisions in heard.values())
            assert past.most <= ROOM_BYTES_MAX + 2 * SIZE
        assert past.engine.waiting_bytes == 0

    play(scene())


async def _read(watching: Call, heard: dict[str, list[str]], count: int) -> None:
    while sum(map(len, heard.values())) < count:
        told = (await watching.line())["result"]
        heard.setdefault(told.get("watch_id", "0"), []).extend(one["kv"]["mod_revision"] for one in told["events"])


def test_a_stream_of_changes_counts_what_it_is_writing() -> None:
    async def scene() -> None:
        past = Past(6, SIZE)
        app = make_app(FakeCluster(), Access(), state=past.engine, bounds=Bounds(keep_alive_s=60.0))
        async with Call(app, "/api/v1/kv/watch", method="GET", query="key=k&revision=2") as watching:
            await watching.until(b"event: progress")
            watching.takes.clear()
            await past.settle()
            assert past.engine.waiting_bytes > 6 * SIZE, "nothing of it is written, and all of it counts"
            watching.takes.set()
            text = await watching.until(b"event: put", 6)
            assert [line for line in text.splitlines() if line.startswith("id:")] == [f"id: {at}" for at in range(2, 8)]
            await past.settle()
            assert past.engine.waiting_bytes == 0

    play(scene())


def test_a_watch_counts_what_its_stream_is_writing() -> None:
    async def scene() -> None:
        past = Past(6, SIZE)
        create = {"create_request": {"key": "AA==", "range_end": "AA==", "start_revision": 1}}
        async with Call(make_app(FakeCluster(), Access(), state=past.engine), "/v3/watch") as watching:
            watching.say(msgspec.json.encode(create), more=True)
            assert (await watching.line())["result"]["created"]
            watching.takes.clear()
            await past.settle()
            assert past.engine.waiting_bytes > 6 * SIZE, "nothing of it is written, and all of it counts"
            watching.takes.set()
            heard: dict[str, list[str]] = {}
            await _read(watching, heard, 6)
            assert heard == {"0": ["2", "3", "4", "5", "6", "7"]}
            await past.settle()
            assert past.engine.waiting_bytes == 0

    play(scene())


@pytest.mark.parametrize("part", ["key", "value", "previous"])
def test_nobody_waits_until_little_is_written(part: str) -> None:
    def event(size: int) -> Event:
        sizes = {"key": 0, "value": 0, "previous": 0, part: size}
        before = KeyValue(b"", bytes(sizes["previous"]), 1, 1, 1)
        return Event(False, KeyValue(bytes(sizes["key"]), bytes(sizes["value"]), 2, 2, 1), before)

    for sizes, is_light in (((), True), ((2_048,), True), ((2_049,), False), ((512,) * 4, True), ((1,) * 5, False)):
        assert light(WatchBatch(2, tuple(map(event, sizes)))) is is_light


def test_streams_of_changes_that_are_not_read_hold_no_more_than_the_room() -> None:
    async def scene() -> None:
        past = Past(6, 4 * SIZE)
        app = make_app(FakeCluster(), Access(), state=past.engine)
        calls = [Call(app, "/api/v1/kv/watch", method="GET", query="key=k&revision=2") for _ in range(40)]
        for watching in calls:
            await watching.__aenter__()
            await watching.until(b"event: progress")
            watching.takes.clear()
        await past.settle()
        assert ROOM_BYTES_MAX // 2 < past.most <= ROOM_BYTES_MAX + 5 * SIZE, "and one batch"
        for watching in calls:
            await watching.__aexit__(None, None, None)
        assert past.engine.waiting_bytes == 0

    play(scene())
