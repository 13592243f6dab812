"""The node's state behind the port: answers come to whoever asked, watchers miss nothing and hear nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest

from pycluster.engines import embedded
from pycluster.engines.embedded import Embedded
from pycluster.node.effects import StateAnswered, WatchTold
from pycluster.node.events import StateAsked, WatchAsked, WatchClosed, WatchOpened
from pycluster.node.ports import HowFar, StateFailed, StateHead, WatchLagged
from pycluster.store import Event, Failure, KeyValue, Put, PutResult, Range, RangeResult, Watch, WatchBatch

Said = StateAsked | WatchOpened | WatchAsked | WatchClosed
HEAD = StateHead(1, 2, 3, 4, 5, 0, 6, 7, True)


class Node:
    """The node's side: what it was fed, and what it says at once where ``says`` does."""

    def __init__(self) -> None:
        self.fed: list[Said] = []
        self.says: Callable[[Said], None] = lambda event: None
        self.engine = Embedded(self._feed, lambda: HEAD, lambda: b"drawn")

    def _feed(self, event: Said) -> None:
        self.fed.append(event)
        self.says(event)

    def opened(self) -> list[WatchOpened]:
        return [event for event in self.fed if isinstance(event, WatchOpened)]

    def tell(self, batch: WatchBatch | Failure, token: int = 0) -> None:
        """To the newest watcher, unless another is named."""
        self.engine.told(WatchTold(token or self.opened()[-1].token, batch))


def events(*revisions: int, size: int = 1, each: int = 1) -> WatchBatch:
    made = [Event(False, KeyValue(b"k", b"x" * size, 2, revision, 1)) for revision in revisions for _ in range(each)]
    return WatchBatch(revisions[-1], tuple(made))


def run(scene: Callable[[Node], Awaitable[None]]) -> None:
    async def play() -> None:
        async with asyncio.timeout(60):
            await scene(Node())

    asyncio.run(play())


async def settle() -> None:
    """Everybody who can go on does."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_an_answer_comes_to_whoever_asked() -> None:
    async def scene(node: Node) -> None:
        first = asyncio.ensure_future(node.engine.ask(Put(b"a")))
        second = asyncio.ensure_future(node.engine.ask(Range(b"b"), timeout_s=2.5, request_id=b"given"))
        await settle()
        assert node.fed == [
            StateAsked(1, Put(b"a"), b"drawn", 5_000_000),
            StateAsked(2, Range(b"b"), b"given", 2_500_000),
        ]
        node.engine.answered(StateAnswered(2, RangeResult(7)))
        node.engine.answered(StateAnswered(1, PutResult(8)))
        node.engine.answered(StateAnswered(1, PutResult(9)))
        assert (await first, await second) == (PutResult(8), RangeResult(7))

    run(scene)


def test_an_answer_at_once_is_taken_too_and_a_read_needs_no_id() -> None:
    async def scene(node: Node) -> None:
        node.says = lambda event: node.engine.answered(StateAnswered(1, RangeResult(3)))
        assert await node.engine.ask(Range(b"k")) == RangeResult(3)
        assert node.fed == [StateAsked(1, Range(b"k"), b"", 5_000_000)]

    run(scene)


def test_a_failure_is_raised() -> None:
    async def scene(node: Node) -> None:
        failure = Failure("lease-not-found", "there is no lease 7")
        node.says = lambda event: node.engine.answered(StateAnswered(1, failure))
        with pytest.raises(StateFailed, match="lease-not-found: there is no lease 7") as failed:
            await node.engine.ask(Put(b"k", lease=7))
        assert failed.value.failure == failure

    run(scene)


def test_a_caller_that_gives_up_is_forgotten() -> None:
    async def scene(node: Node) -> None:
        asked = asyncio.ensure_future(node.engine.ask(Put(b"a")))
        await settle()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        node.engine.answered(StateAnswered(1, PutResult(2)))
        later = asyncio.ensure_future(node.engine.ask(Put(b"b")))
        await settle()
        node.engine.answered(StateAnswered(2, PutResult(3)))
        assert await later == PutResult(3)

    run(scene)


def test_a_watcher_hears_where_it_begins_and_then_everything() -> None:
    async def scene(node: Node) -> None:
        node.says = lambda event: node.tell(WatchBatch(5)) if isinstance(event, WatchOpened) else None
        watch = node.engine.watch(Watch(b"k"))
        assert await anext(watch) == WatchBatch(5)
        for batch in (events(6), WatchBatch(8), events(9)):
            node.tell(batch)
            assert await anext(watch) == batch
        await watch.aclose()
        assert node.fed == [WatchOpened(1, Watch(b"k")), WatchClosed(1)]
        node.tell(events(10))

    run(scene)


def test_what_is_forgotten_is_raised_with_where_to_begin_anew() -> None:
    async def scene(node: Node) -> None:
        watch = node.engine.watch(Watch(b"k", start_revision=3))
        first = asyncio.ensure_future(anext(watch))
        await settle()
        node.tell(WatchBatch(2, compact_revision=9))
        with pytest.raises(StateFailed) as failed:
            await first
        assert (failed.value.failure.kind, failed.value.failure.compact_revision) == ("compacted", 9)
        assert node.fed[-1] == WatchClosed(1)

    run(scene)


def test_a_refusal_for_good_ends_the_watch_and_one_for_the_moment_opens_it_anew_where_it_was() -> None:
    async def scene(node: Node) -> None:
        again = asyncio.Event()

        def says(event: Said) -> None:
            if isinstance(event, WatchOpened):
                node.tell(WatchBatch((event.watch.start_revision or 6) - 1))
                if len(node.opened()) == 2:
                    again.set()

        node.says = says
        watch = node.engine.watch(Watch(b"k"))
        assert await anext(watch) == WatchBatch(5)
        node.tell(events(6))
        assert await anext(watch) == events(6)
        node.tell(Failure("no-leader"))
        following = asyncio.ensure_future(anext(watch))
        await again.wait()
        assert [event.watch.start_revision for event in node.opened()] == [0, 7]
        assert node.fed.index(WatchClosed(1)) < node.fed.index(node.opened()[1])
        node.tell(events(6), token=1)
        node.tell(events(7, 8))
        assert await following == events(7, 8), "where it begins anew it is not told again"
        node.tell(Failure("bad-request"))
        with pytest.raises(StateFailed, match="bad-request"):
            await anext(watch)

    run(scene)


def test_a_watch_too_many_is_refused_and_one_that_began_waits_for_a_place() -> None:
    async def scene(node: Node) -> None:
        full = Failure("overloaded", "too many watches")
        answers: list[WatchBatch | Failure] = [full, WatchBatch(5), Failure("no-leader"), full, events(6)]

        def says(event: Said) -> None:
            if isinstance(event, WatchOpened):
                node.tell(answers.pop(0))

        node.says = says
        with pytest.raises(StateFailed, match="overloaded: too many watches"):
            await anext(node.engine.watch(Watch(b"k")))
        assert node.fed == [WatchOpened(1, Watch(b"k")), WatchClosed(1)]
        watch = node.engine.watch(Watch(b"k"))
        assert await anext(watch) == WatchBatch(5)
        node.tell(answers.pop(0))
        assert await anext(watch) == events(6)
        assert [event.watch.start_revision for event in node.opened()] == [0, 0, 6, 6]

    run(scene)


def test_how_far_a_watch_is_is_told_behind_all_that_waits_and_where_it_begins_anew() -> None:
    async def scene(node: Node) -> None:
        begins: list[WatchBatch | Failure] = [WatchBatch(5), Failure("no-leader"), WatchBatch(6)]

        def says(event: Said) -> None:
            if isinstance(event, WatchOpened):
                node.tell(begins.pop(0))
            elif isinstance(event, WatchAsked):
                node.tell(WatchBatch(6), token=event.token)

        node.says, how_far = says, HowFar()
        watch = node.engine.watch(Watch(b"k"), how_far)
        assert await anext(watch) == WatchBatch(5)
        node.tell(events(6))
        assert how_far.ask is not None
        how_far.ask()
        assert node.fed[-1] == WatchAsked(1)
        assert [await anext(watch) for _ in range(2)] == [events(6), WatchBatch(6)]
        node.tell(begins.pop(0))
        assert await anext(watch) == WatchBatch(6), "who asked meanwhile would wait in vain"
        await watch.aclose()
        assert how_far.ask is None, "there is nobody to ask"

    run(scene)


async def read(watch: AsyncGenerator[WatchBatch, None]) -> tuple[list[int], int]:
    """Revisions up to where it lagged, and where to resume."""
    seen: list[int] = []
    try:
        async for batch in watch:
            seen += [event.kv.mod_revision for event in batch.events]
    except WatchLagged as lagged:
        return seen, lagged.resume_revision
    raise AssertionError("it ended without a word")


@pytest.mark.parametrize(
    ("count", "each", "size"),
    [(embedded.WAITING_EVENTS_MAX + 1, 1, 1), (20, 1, embedded.WAITING_BYTES_MAX // 16), (5, 4_096, 1)],
)
def test_a_slow_watcher_is_told_where_to_resume_and_misses_nothing(count: int, each: int, size: int) -> None:
    async def scene(node: Node) -> None:
        watch = node.engine.watch(Watch(b"k"))
        first = asyncio.ensure_future(anext(watch))
        await settle()
        node.tell(WatchBatch(1))
        await first
        batches = [events(revision, size=size, each=each) for revision in range(2, count + 2)]
        for batch in batches:
            node.tell(batch)
        seen, resume = await read(watch)
        assert 2 < resume <= count + 1, "it lagged on the way"
        assert seen == [revision for revision in range(2, resume) for _ in range(each)]
        assert node.fed[-1] == WatchClosed(1)

    run(scene)


def test_one_batch_alone_is_taken_however_large_it_is() -> None:
    """A revision comes whole: whoever resumed there would be told that it lags, again and again."""

    async def scene(node: Node) -> None:
        watch = node.engine.watch(Watch(b"k"))
        first = asyncio.ensure_future(anext(watch))
        await settle()
        node.tell(WatchBatch(1))
        await first
        large = events(2, each=embedded.WAITING_EVENTS_MAX + 1)
        for revision in (2, 3):
            node.tell(large if revision == 2 else events(3))
            assert (await anext(watch)).revision == revision

    run(scene)


def test_when_the_agent_stops_nobody_waits_and_a_write_is_in_doubt() -> None:
    async def scene(node: Node) -> None:
        asked = asyncio.ensure_future(node.engine.ask(Put(b"a")))
        watched = asyncio.ensure_future(anext(node.engine.watch(Watch(b"k"))))
        await settle()
        node.engine.close()
        with pytest.raises(StateFailed, match="outcome-unknown: the agent is stopping"):
            await asked
        with pytest.raises(StateFailed, match="no-leader: the agent is stopping"):
            await watched
        with pytest.raises(StateFailed, match="no-leader: the agent is stopping"):
            await node.engine.ask(Put(b"b"))
        with pytest.raises(StateFailed, match="no-leader: the agent is stopping"):
            await anext(node.engine.watch(Watch(b"k")))
        assert sum(isinstance(event, StateAsked) for event in node.fed) == 1

    run(scene)


def test_the_head_is_the_nodes() -> None:
    assert Node().engine.head() == HEAD


def test_where_a_watch_begins_is_nothing_that_its_reader_left_unread() -> None:
    """The past may come with it, in the same turn, and be one large revision."""

    async def scene(node: Node) -> None:
        large, watch = events(2, each=embedded.WAITING_EVENTS_MAX + 1), Watch(b"k", start_revision=2)

        def say(event: Said) -> None:
            if isinstance(event, WatchOpened):
                for batch in (WatchBatch(1), large, events(3)):
                    node.tell(batch)

        node.says = say
        with pytest.raises(WatchLagged) as lagged:
            assert [batch async for batch in node.engine.watch(watch)] == []
        assert lagged.value.resume_revision == 3, "the large one was told"

    run(scene)
