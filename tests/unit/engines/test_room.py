"""What waits for all watchers together is bounded; nobody loses anything by it, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Coroutine
from contextlib import aclosing
from typing import Any

import pytest

from pycluster.engines.room import EVENT_BYTES, ROOM_BYTES_MAX, SMALL_BYTES, Room
from pycluster.node.effects import WatchTold
from pycluster.node.ports import StateFailed
from pycluster.store import Failure, Watch, WatchBatch
from tests.unit.engines.past import Past

MIB = 1024 * 1024
Feed = AsyncGenerator[WatchBatch, None]


def play(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scene, 60))


async def begin(past: Past, count: int, start: int = 2) -> list[Feed]:
    """Watchers that have heard where they begin, and read no further."""
    feeds = [past.engine.watch(Watch(b"k", start_revision=start)) for _ in range(count)]
    for feed in feeds:
        assert await anext(feed) == WatchBatch(start - 1)
    return feeds


async def until_newest(past: Past, feed: Feed) -> list[int]:
    """The revisions that it hears, in the order in which it does."""
    heard: list[int] = []
    async with aclosing(feed):
        async for batch in feed:
            heard += [event.kv.mod_revision for event in batch.events]
            if heard and heard[-1] >= past.newest:
                break
    return heard


async def beside(past: Past, scene: Awaitable[Any]) -> Any:
    """The node goes on meanwhile."""
    going = asyncio.ensure_future(scene)
    while not going.done():
        past.slice()
        await asyncio.sleep(0)
    return await going


def test_many_that_nobody_reads_take_a_bounded_room_and_hear_everything_once_when_they_do_read() -> None:
    async def scene() -> None:
        past = Past(40, MIB)
        feeds = await begin(past, 200)
        await past.settle()
        assert ROOM_BYTES_MAX // 2 < past.most <= ROOM_BYTES_MAX
        copied = past.copied
        await past.settle()
        assert past.copied == copied < 500, "nothing is copied for whoever does not read"
        heard = await beside(past, asyncio.gather(*(until_newest(past, feed) for feed in feeds)))
        assert heard == [list(range(2, 42))] * 200
        assert past.most <= ROOM_BYTES_MAX + MIB + 1 + EVENT_BYTES, "and one batch"
        assert past.engine.waiting_bytes == 0

    play(scene())


def test_a_few_slow_ones_may_fall_behind_as_far_as_ever() -> None:
    async def scene() -> None:
        past = Past(15, MIB)
        feeds = await begin(past, 3)
        await past.settle()
        assert past.copied == 45 and past.engine.waiting_bytes == 45 * (MIB + 1 + EVENT_BYTES)
        for feed in feeds:
            await feed.aclose()
        assert past.engine.waiting_bytes == 0

    play(scene())


def test_what_a_reader_has_in_hand_counts_until_it_asks_for_the_next() -> None:
    async def scene() -> None:
        past = Past(2, MIB)
        (feed,) = await begin(past, 1)
        await past.settle()
        for left in (2, 1):
            await anext(feed)
            assert past.engine.waiting_bytes == left * (MIB + 1 + EVENT_BYTES)
        asked = asyncio.ensure_future(anext(feed))
        await asyncio.sleep(0)
        assert past.engine.waiting_bytes == 0
        past.tell(b"")
        assert (await asked).revision == 4
        await feed.aclose()
        assert past.engine.waiting_bytes == 0

    play(scene())


def test_one_that_is_closed_lets_others_go_on() -> None:
    async def scene() -> None:
        past = Past(1, 8 * MIB)
        idle = await begin(past, 20)
        await past.settle()
        keep = await begin(past, 2)
        for feed in keep:
            assert (await beside(past, anext(feed))).revision == 2, "in its turn"
        assert past.engine.waiting_bytes > ROOM_BYTES_MAX
        (waits,) = await begin(past, 1)
        heard = asyncio.ensure_future(until_newest(past, waits))
        await past.settle()
        assert not heard.done()
        await idle[0].aclose()
        assert await beside(past, heard) == [2]
        for feed in (*idle, *keep):
            await feed.aclose()
        assert past.engine.waiting_bytes == 0

    play(scene())


def test_small_changes_reach_whoever_reads_though_others_hold_all_the_room() -> None:
    async def scene() -> None:
        past = Past(40, MIB)
        idle = await begin(past, 100)
        await past.settle()
        (reader,) = await begin(past, 1, past.newest + 1)
        for _ in range(100):
            past.tell(bytes(1_000))
            assert (await anext(reader)).revision == past.newest
        for feed in (*idle, reader):
            await feed.aclose()
        assert past.engine.waiting_bytes == 0

    play(scene())


def test_a_batch_larger_than_the_room_is_told() -> None:
    async def scene() -> None:
        past = Past(3, ROOM_BYTES_MAX + 1)
        feeds = await begin(past, 3)
        heard = await beside(past, asyncio.gather(*(until_newest(past, feed) for feed in feeds)))
        assert heard == [[2, 3, 4]] * 3
        assert past.most <= 2 * ROOM_BYTES_MAX + 2 + EVENT_BYTES, "one such at a time"
        assert past.engine.waiting_bytes == 0

    play(scene())


def test_small_events_count_for_what_they_take() -> None:
    room = Room()
    assert room.fits(SMALL_BYTES - EVENT_BYTES, EVENT_BYTES)
    room.take(ROOM_BYTES_MAX)
    assert room.fits(0, SMALL_BYTES) and not room.fits(1, SMALL_BYTES)

    async def scene() -> None:
        past = Past(1_000, 0)
        (feed,) = await begin(past, 1)
        for _ in range(1_000):
            past.slice()
        assert past.engine.waiting_bytes == 1_000 * (1 + EVENT_BYTES)
        await feed.aclose()

    play(scene())


@pytest.mark.parametrize("stops", [True, False])
def test_where_the_agent_stops_or_the_leader_goes_all_of_it_comes_back(stops: bool) -> None:
    async def scene() -> None:
        past = Past(40, MIB)
        feeds = await begin(past, 100)
        await past.settle()
        waiting = asyncio.gather(*(until_newest(past, feed) for feed in feeds), return_exceptions=True)
        await asyncio.sleep(0)
        if stops:
            past.engine.close()
            assert {type(end) for end in await waiting} == {StateFailed}
        else:
            for token in range(1, 301):
                past.engine.told(WatchTold(token, Failure("no-leader")))
            assert await beside(past, waiting) == [list(range(2, 42))] * 100
        assert past.engine.waiting_bytes == 0

    play(scene())


def test_turns_come_in_order_and_only_once_less_is_taken() -> None:
    async def scene() -> None:
        room = Room()
        room.take(ROOM_BYTES_MAX + 1)
        first, second = (asyncio.ensure_future(room.turn()) for _ in range(2))
        await asyncio.sleep(0.01)
        assert not first.done()
        room.give(1)
        turn = await first
        assert room.has(turn)
        await asyncio.sleep(0.01)
        assert not second.done(), "one at a time"
        room.over(turn)
        assert not room.has(turn)
        assert room.has(await second)
        room.over(turn)
        assert room.has(second.result()), "what is over ends nobody else's turn"
        room.close()

    play(scene())


@pytest.mark.parametrize("granted", [True, False])
def test_whoever_gives_up_waiting_keeps_nobody_else_from_a_turn(granted: bool) -> None:
    async def scene() -> None:
        room = Room()
        room.take(ROOM_BYTES_MAX + 1)
        first, second = (asyncio.ensure_future(room.turn()) for _ in range(2))
        await asyncio.sleep(0)
        if granted:
            room.give(1)
        first.cancel()
        if not granted:
            room.give(1)
        assert room.has(await second)
        assert first.cancelled()
        room.close()

    play(scene())


def test_a_turn_that_nothing_comes_for_goes_to_the_next() -> None:
    """What there was no room for may be compacted by now."""

    async def scene() -> None:
        room = Room(turn_s=0.01)
        room.take(ROOM_BYTES_MAX // 2 + 1)
        turn = await room.turn()
        assert room.has(await room.turn())
        assert not room.has(turn)
        room.close()

    play(scene())


def test_where_half_of_the_room_is_free_all_go_on_though_one_has_the_turn() -> None:
    async def scene() -> None:
        room = Room()
        room.take(ROOM_BYTES_MAX + 1)
        waiting = [asyncio.ensure_future(room.turn()) for _ in range(100)]
        await asyncio.sleep(0)
        waiting[50].cancel()
        room.give(ROOM_BYTES_MAX // 2 + 1)
        turns = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(turns[50], asyncio.CancelledError)
        assert [room.has(turn) for turn in turns if isinstance(turn, asyncio.Future)] == [True] + [False] * 98
        room.close()

    play(scene())


def test_one_that_finds_no_room_begins_anew_at_what_it_had_none_for() -> None:
    """What it heard last may be long ago, and forgotten, though it always read."""

    async def scene() -> None:
        past = Past(40, MIB)
        idle = await begin(past, 100)
        await past.settle()
        reader = past.engine.watch(Watch(b"quiet", start_revision=2))
        assert await anext(reader) == WatchBatch(1)
        heard = asyncio.ensure_future(anext(reader))
        await past.settle()
        past.opened.clear()
        past.tell(bytes(MIB), b"quiet")
        past.tell(b"", b"quiet")
        for feed in idle:
            await feed.aclose()
        assert (await beside(past, heard)).revision == past.newest - 1
        assert past.opened == [past.newest - 1]
        assert (await beside(past, anext(reader))).revision == past.newest
        await reader.aclose()

    play(scene())


def test_a_turn_is_not_kept_by_a_watcher_that_is_closed() -> None:
    async def scene() -> None:
        past = Past(1, ROOM_BYTES_MAX)
        feeds = await begin(past, 2)
        past.slice()
        tasks: list[asyncio.Task[list[int]]] = [asyncio.create_task(until_newest(past, feed)) for feed in feeds]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        tasks[0].cancel()
        assert await beside(past, tasks[1]) == [2]
        assert past.engine.waiting_bytes == 0

    play(scene())
