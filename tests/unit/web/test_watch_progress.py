"""How far a stream of watches is: a client may begin anew behind it, and loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import msgspec
import pytest

from pycluster import store
from pycluster.node.ports import HowFar, StateFailed, StateHead
from pycluster.web import Bounds
from tests.differential.beside import heard
from tests.differential.local import LocalState
from tests.unit.web.caller import Call, call
from tests.unit.web.test_watches import Scripted, app, base64, body, change, keys, play, put, told

PROGRESS = body(progress_request={})


class Seatless(Scripted):
    """Of an agent without a copy: it cannot say how far the state is."""

    def head(self) -> StateHead:
        return msgspec.structs.replace(super().head(), revision=0, replica=False)


def test_a_slow_reader_is_not_told_of_a_revision_before_its_events() -> None:
    async def work() -> None:
        one = app()
        async with Call(one, "/v3/watch") as watching:
            watching.say(body(create_request={"key": base64("a")}), more=True)
            await told(watching)
            watching.takes.clear()
            for _ in range(10):
                await put(one, "a")
            watching.say(PROGRESS)
            await heard(watching)  # every task has its turn
            watching.takes.set()
            seen: list[int] = []
            while (line := await told(watching)).get("watch_id") != "-1":
                seen += [int(event["kv"]["mod_revision"]) for event in line["events"]]
            assert (seen, line["revision"]) == (list(range(2, 12)), 11)

    play(work())


class Mute(Seatless):
    """It never says how far a watch is."""

    def __init__(self, *feeds: tuple[store.WatchBatch, ...]) -> None:
        super().__init__(*feeds)
        self.questions: list[store.Watch] = []

    def watch(self, watch: store.Watch, how_far: HowFar | None = None) -> AsyncGenerator[store.WatchBatch, None]:
        assert how_far is not None
        how_far.ask = lambda: self.questions.append(watch)
        return super().watch(watch)


def test_what_is_not_said_in_time_is_not_waited_for() -> None:
    async def work() -> None:
        state = Mute((store.WatchBatch(4),), (store.WatchBatch(6),))
        async with Call(app(state, Bounds(state_timeout_s=0.01)), "/v3/watch") as watching:
            for _ in range(2):
                watching.say(body(create_request={"key": base64("a")}), more=True)
                await told(watching)
            for _ in range(2):
                watching.say(PROGRESS, more=True)
                assert await told(watching) == {"watch_id": "-1", "revision": 4}
            assert len(state.questions) == 2, "what waits for its answer is not asked again"

    play(work())


def test_a_watch_that_nothing_happens_to_is_as_far_as_the_state() -> None:
    async def work() -> None:
        one = app()
        async with Call(one, "/v3/watch") as watching:
            watching.say(body(create_request={"key": base64("a")}), more=True)
            watching.say(body(create_request={"key": base64("a"), "start_revision": 1}), more=True)
            watching.say(body(create_request={"key": base64("a"), "start_revision": 1000}), more=True)
            for _ in range(3):
                await told(watching)
            for _ in range(3):
                await put(one, "b")
            for _ in range(2):
                watching.say(PROGRESS, more=True)
                assert await told(watching) == {"watch_id": "-1", "revision": 4}

    play(work())


@pytest.mark.parametrize(
    ("starts", "feeds", "revision"),
    [
        ((0, 0), ((store.WatchBatch(3), change(7)), (store.WatchBatch(3), store.WatchBatch(4))), 4),
        ((0, 5), ((store.WatchBatch(6), change(7)), (store.WatchBatch(4),)), 4),
        ((1,), ((store.WatchBatch(0),),), 1),
    ],
)
def test_without_a_copy_it_is_the_least_that_the_watches_were_told(
    starts: tuple[int, ...], feeds: tuple[tuple[store.WatchBatch, ...], ...], revision: int
) -> None:
    async def work() -> None:
        async with Call(app(Seatless(*feeds)), "/v3/watch") as watching:
            for start in starts:
                watching.say(body(create_request={"key": base64("a"), "start_revision": start}), more=True)
            await heard(watching)
            watching.say(PROGRESS)
            line = await told(watching)
            assert line == {"watch_id": "-1", "revision": revision}

    play(work())


def test_a_stream_without_watches_is_as_far_as_the_state() -> None:
    async def work() -> None:
        for state in (LocalState(), Seatless()):
            one = app(state)
            await put(one, "a")
            async with Call(one, "/v3/watch") as watching:
                watching.say(PROGRESS)
                assert await told(watching) == {"watch_id": "-1", "revision": 2}

    play(work())


class Alone(Seatless):
    """Of an agent that reaches nobody who has a copy."""

    async def ask(self, request: store.Request, *, timeout_s: float = 5.0, request_id: bytes = b"") -> store.Result:
        raise StateFailed(store.Failure("no-leader"))


def test_where_nobody_knows_how_far_the_state_is_no_revision_is_told() -> None:
    async def work() -> None:
        async with Call(app(Alone()), "/v3/watch") as watching:
            watching.say(PROGRESS)
            assert await told(watching) == {"watch_id": "-1", "revision": 0}

    play(work())


def test_a_quiet_watch_comes_as_far_as_the_state_and_a_client_begins_anew_behind_it() -> None:
    async def work() -> None:
        one = app(bounds=Bounds(progress_s=0.01))
        async with Call(one, "/v3/watch") as watching:
            watching.say(body(create_request={"key": base64("a"), "progress_notify": True}), more=True)
            await told(watching)
            for _ in range(20):
                await put(one, "b")
            assert (await call(one, "/v3/kv/compaction", {"revision": 21})).status == 200
            await watching.lines()
            # One may be on its way to the client, one wait for it, and one for its turn.
            *_, notice = [await told(watching) for _ in range(5)]
            assert notice == {"revision": 21}
        async with Call(one, "/v3/watch") as watching:
            behind = {"key": base64("a"), "start_revision": notice["revision"] + 1}
            watching.say(body(create_request=behind), more=True)
            await told(watching)
            await put(one, "a")
            line = await told(watching)
            assert [event["kv"]["mod_revision"] for event in line["events"]] == ["22"]

    play(work())


def test_a_notice_waits_no_longer_than_anybody_for_how_far_a_watch_is() -> None:
    async def work() -> None:
        state = Mute((store.WatchBatch(4),))
        async with Call(app(state, Bounds(state_timeout_s=0.01, progress_s=0.01)), "/v3/watch") as watching:
            watching.say(body(create_request={"key": base64("a"), "progress_notify": True}), more=True)
            await told(watching)
            for _ in range(3):
                assert await told(watching) == {"revision": 4}
            assert len(state.questions) == 1, "what waits for its answer is not asked again"

    play(work())


class HalfMute(LocalState):
    """It says how far every watch is, but for those on ``a``."""

    def __init__(self) -> None:
        super().__init__()
        self.questioned = asyncio.Event()

    def watch(self, watch: store.Watch, how_far: HowFar | None = None) -> AsyncGenerator[store.WatchBatch, None]:
        if watch.key != b"a" or how_far is None:
            return super().watch(watch, how_far)
        how_far.ask = self.questioned.set
        return super().watch(watch)


def test_a_watch_that_is_cancelled_or_has_events_holds_up_no_notice() -> None:
    async def work() -> None:
        state = HalfMute()
        async with Call(one := app(state, Bounds(state_timeout_s=1000, progress_s=0.01)), "/v3/watch") as watching:
            for number, key in enumerate("cba", 1):
                wanted = {"key": base64(key), "progress_notify": True, "watch_id": number}
                watching.say(body(create_request=wanted), more=True)
                await told(watching)
            await asyncio.wait_for(state.questioned.wait(), 30)
            await heard(watching)
            await put(one, "c")
            assert keys(await told(watching)) == [("PUT", base64("c"))]
            watching.say(body(cancel_request={"watch_id": 3}), more=True)
            lines = [await told(watching) for _ in range(2)]
            assert lines == [{"watch_id": "3", "canceled": True, "revision": 2}, {"watch_id": "2", "revision": 1}]

    play(work())
