"""The newest events and their readers."""

from __future__ import annotations

import asyncio

import pytest

from pycluster.node.ports import EventStreamLagged
from pycluster.node.view import ClusterEvent
from pycluster.runtime.journal import EventJournal

FIRST = (5 << 20) + 1


def event(number: int) -> ClusterEvent:
    return ClusterEvent(FIRST + number, "kind", f"event {number}", 0)


async def take(journal: EventJournal, after: int | None, count: int) -> list[int]:
    taken = []
    async for one in journal.follow(after):
        taken.append(one.id - FIRST)
        if len(taken) == count:
            break
    return taken


async def story_of_two_readers() -> None:
    journal = EventJournal(kept=5)
    for number in range(3):
        journal.append(event(number))
    assert await take(journal, 0, 3) == [0, 1, 2]
    assert await take(journal, FIRST, 2) == [1, 2]
    follower = asyncio.ensure_future(take(journal, None, 2))
    await asyncio.sleep(0)
    journal.append(event(3))
    journal.append(event(4))
    assert await follower == [3, 4]


def test_readers_resume_where_they_were_and_wait_for_what_is_new() -> None:
    asyncio.run(story_of_two_readers())


@pytest.mark.parametrize(
    ("after", "why"), [(FIRST, "no longer kept"), (FIRST + 99, "not told yet"), (7, "another life")]
)
def test_a_place_that_is_not_kept_is_told_so(after: int, why: str) -> None:
    journal = EventJournal(kept=5)
    for number in range(10):
        journal.append(event(number))
    with pytest.raises(EventStreamLagged):
        asyncio.run(take(journal, after, 1))


def test_everything_that_is_kept_can_be_asked_for() -> None:
    journal = EventJournal(kept=5)
    for number in range(10):
        journal.append(event(number))
    assert asyncio.run(take(journal, 0, 5)) == [5, 6, 7, 8, 9]


def test_a_reader_that_falls_too_far_behind_is_told_so() -> None:
    async def story() -> None:
        journal = EventJournal(kept=5)
        journal.append(event(0))
        reader = journal.follow(0)
        assert (await anext(reader)).id == FIRST
        for number in range(1, 10):
            journal.append(event(number))
        with pytest.raises(EventStreamLagged):
            await anext(reader)

    asyncio.run(story())


def test_a_reader_of_a_silent_agent_waits() -> None:
    async def story() -> None:
        journal = EventJournal()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await take(journal, None, 1)

    asyncio.run(story())
