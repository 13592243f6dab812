"""etcd's watches over the state: what is told, in which order, to whom for how long."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator, Coroutine
from typing import Any

import msgspec
import pytest

from pycluster import store
from pycluster.node.ports import HowFar, StateFailed, WatchLagged
from pycluster.web import Access, Bounds
from pycluster.web.app import App, make_app
from pycluster.web.gateway.watching import fragments, whole_revisions
from tests.differential.local import LocalState
from tests.unit.web.caller import Call, call
from tests.unit.web.fake import FakeCluster


def app(state: Any = None, bounds: Bounds | None = None) -> App:
    return make_app(FakeCluster(), Access(), state=state or LocalState(), bounds=bounds)


def body(**request: object) -> bytes:
    return msgspec.json.encode(request)


def base64(text: str) -> str:
    return b64encode(text.encode()).decode()


async def put(one: App, key: str, value: str = "") -> None:
    assert (await call(one, "/v3/kv/put", {"key": base64(key), "value": base64(value)})).status == 200


async def told(watching: Call) -> dict[str, Any]:
    """The next line's result, without who says it."""
    line = await watching.line()
    assert set(line) == {"result"}, line
    result: dict[str, Any] = line["result"]
    result["revision"] = int(result.pop("header").get("revision", "0"))
    return result


def keys(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(event.get("type", "PUT"), event["kv"]["key"]) for event in result["events"]]


def play(what: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(what, 60))


def test_a_watch_is_created_told_and_cancelled() -> None:
    async def work() -> None:
        one = app()
        async with Call(one, "/v3/watch") as watching:
            watching.say(body(create_request={"key": base64("a"), "range_end": base64("b")}), more=True)
            assert await told(watching) == {"created": True, "revision": 1}
            assert (watching.status, watching.headers["content-type"]) == (200, "application/json")
            await put(one, "a", "1")
            await put(one, "b", "2")
            await put(one, "ab", "3")
            first = await told(watching)
            assert (first["revision"], keys(first)) == (2, [("PUT", base64("a"))])
            second = await told(watching)
            assert (second["revision"], keys(second)) == (4, [("PUT", base64("ab"))])
            watching.say(body(cancel_request={"watch_id": "0"}), more=True)
            assert await told(watching) == {"canceled": True, "revision": 4}
            watching.say(body(cancel_request={"watch_id": "0"}), more=True)
            watching.say(body(progress_request={}))
            assert await told(watching) == {"watch_id": "-1", "revision": 4}

    play(work())


def test_the_past_with_filters_and_what_was_before() -> None:
    async def work() -> None:
        one = app()
        await put(one, "a", "1")
        await put(one, "a", "2")
        await call(one, "/v3/kv/deleterange", {"key": base64("a")})
        everything = {"key": "AA==", "range_end": "AA==", "start_revision": "2", "prev_kv": True}
        async with Call(one, "/v3/watch") as watching:
            watching.say(body(create_request=everything | {"filters": ["NOPUT"]}))
            assert await told(watching) == {"created": True, "revision": 4}
            (event,) = (await told(watching))["events"]
            assert event["type"] == "DELETE"
            assert event["kv"] == {"key": base64("a"), "mod_revision": "4"}
            assert event["prev_kv"]["value"] == base64("2")
        async with Call(one, "/v3/watch") as watching:
            watching.say(body(createRequest=everything | {"filters": [1], "prevKv": False}))
            await told(watching)
            events = (await told(watching))["events"]
            assert [event["kv"]["value"] for event in events] == [base64("1"), base64("2")]
            assert not any("prev_kv" in event for event in events)

    play(work())


def test_what_is_compacted_is_not_told() -> None:
    async def work() -> None:
        one = app()
        for value in "123":
            await put(one, "a", value)
        await call(one, "/v3/kv/compaction", {"revision": 3})
        async with Call(one, "/v3/watch") as watching:
            watching.say(body(create_request={"key": base64("a"), "start_revision": 2}))
            assert await told(watching) == {"created": True, "revision": 4}
            assert await told(watching) == {"canceled": True, "compact_revision": "3", "revision": 0}

    play(work())


def test_several_watches_share_a_stream() -> None:
    async def work() -> None:
        one = app()
        async with Call(one, "/v3/watch") as watching:
            a, b = {"key": base64("a")}, {"key": base64("b"), "watch_id": 5}
            for wanted in (a, b, b, {"key": base64("b"), "range_end": base64("a")}, a):
                watching.say(body(create_request=wanted), more=True)
            assert await told(watching) == {"created": True, "revision": 1}
            assert await told(watching) == {"created": True, "watch_id": "5", "revision": 1}
            refused = {"watch_id": "-1", "created": True, "canceled": True, "revision": 1}
            duplicate = {"cancel_reason": "mvcc: duplicate watch ID provided on the WatchStream"}
            assert await told(watching) == refused | duplicate
            assert await told(watching) == refused | {"cancel_reason": "mvcc: watcher range is empty"}
            assert await told(watching) == {"created": True, "watch_id": "1", "revision": 1}
            watching.say(body(cancel_request={"watch_id": 0}), more=True)
            assert (await told(watching))["canceled"]
            await put(one, "b")
            assert (await told(watching))["watch_id"] == "5"
            await put(one, "a")
            assert (await told(watching))["watch_id"] == "1"

    play(work())


def test_what_is_malformed_is_refused_first_and_overheard_later() -> None:
    async def work() -> None:
        one = app()
        for wrong, message in (
            (b"x", "invalid character 'x' looking for beginning of value"),
            (
                body(create_request={"filters": ["X"]}),
                'unknown value "X" for enum etcdserverpb.WatchCreateRequest_FilterType',
            ),
            (b'{"create_request":', "unexpected EOF"),
        ):
            reply = await call(one, "/v3/watch", wrong)
            assert (reply.status, reply.json) == (500, {"error": message, "message": message, "code": 2})
        async with Call(one, "/v3/watch") as watching:
            watching.say(body(create_request={"key": base64("a")}) + b" x")
            assert (await told(watching))["created"]
            await put(one, "a")
            assert keys(await told(watching)) == [("PUT", base64("a"))]

    play(work())


def test_a_request_may_come_in_pieces() -> None:
    async def work() -> None:
        async with Call(app(), "/v3/watch") as watching:
            whole = body(create_request={"key": base64("a")})
            watching.say(whole[:9], more=True)
            watching.say(whole[9:] + whole, more=True)
            assert (await told(watching))["created"]
            assert (await told(watching))["watch_id"] == "1"
            watching.say(b"\n")

    play(work())


def test_large_batches_are_told_in_pieces_where_the_client_wants_it() -> None:
    async def work() -> None:
        one = app(bounds=Bounds(fragment_bytes=400))
        async with Call(one, "/v3/watch") as watching:
            watching.say(body(create_request={"key": "AA==", "range_end": "AA==", "fragment": True}), more=True)
            watching.say(body(create_request={"key": "AA==", "range_end": "AA==", "watch_id": 9}))
            await told(watching)
            await told(watching)
            operations = [{"request_put": {"key": base64(f"key{n}"), "value": base64("v" * 60)}} for n in range(5)]
            assert (await call(one, "/v3/kv/txn", {"success": operations})).status == 200
            parts = [await told(watching) for _ in range(4)]
            whole = next(part for part in parts if part.get("watch_id") == "9")
            pieces = [part for part in parts if part is not whole]
            assert len(keys(whole)) == 5
            assert [part.get("fragment", False) for part in pieces] == [True, True, False]
            assert [key for part in pieces for key in keys(part)] == keys(whole)

    play(work())


def test_a_piece_has_at_least_one_event() -> None:
    assert list(fragments(("aaaa", "b", "cc", "d"), 3)) == [("aaaa",), ("b", "cc"), ("d",)]


def test_a_long_past_comes_in_lots_of_whole_revisions() -> None:
    one = [store.Event(False, store.KeyValue(b"k%d" % number, b"", 2, 2 + number // 2, 1)) for number in range(6)]
    lots = list(whole_revisions(tuple(one), 1))
    assert [(at, len(lot)) for at, lot in lots] == [(2, 2), (3, 2), (4, 2)]
    ((at, lot),) = whole_revisions(tuple(one), 1_000_000)
    assert (at, lot) == (4, tuple(text for _, texts in lots for text in texts))

    async def work() -> None:
        served = app(bounds=Bounds(long_bytes=1))
        for value in "123":
            await put(served, "a", value)
        async with Call(served, "/v3/watch") as watching:
            watching.say(body(create_request={"key": base64("a"), "start_revision": 2}))
            await told(watching)
            assert [(await told(watching))["revision"] for _ in range(3)] == [2, 3, 4]

    play(work())


class Scripted(LocalState):
    """Each feed asked for is the next of the script: batches, then an exception, or nothing more for ever."""

    def __init__(self, *feeds: tuple[store.WatchBatch | Exception, ...]) -> None:
        super().__init__()
        self.wanted: list[store.Watch] = []
        self.open = 0
        self._script = list(feeds)

    async def watch(self, watch: store.Watch, how_far: HowFar | None = None) -> AsyncGenerator[store.WatchBatch, None]:
        self.wanted.append(watch)
        self.open += 1
        try:
            for what in self._script.pop(0):
                if isinstance(what, Exception):
                    raise what
                yield what
            await asyncio.Event().wait()
        finally:
            self.open -= 1


def change(revision: int) -> store.WatchBatch:
    return store.WatchBatch(revision, (store.Event(False, store.KeyValue(b"a", b"", revision, revision, 1)),))


def test_a_reader_that_lagged_goes_on_where_it_stopped() -> None:
    async def work() -> None:
        state = Scripted(
            (store.WatchBatch(4), change(5), WatchLagged(6)),
            (store.WatchBatch(5), WatchLagged(6)),
            (store.WatchBatch(5), change(6), StateFailed(store.Failure("compacted", compact_revision=9))),
        )
        async with Call(app(state), "/v3/watch") as watching:
            watching.say(body(create_request={"key": base64("a"), "prev_kv": True}))
            assert await told(watching) == {"created": True, "revision": 4}
            assert (await told(watching))["revision"] == 5
            assert (await told(watching))["revision"] == 6
            assert await told(watching) == {"canceled": True, "compact_revision": "9", "revision": 0}
        assert [one.start_revision for one in state.wanted] == [0, 6, 6]
        assert all(one.prev_kv for one in state.wanted)
        assert state.open == 0

    play(work())


@pytest.mark.parametrize("last", [store.WatchBatch(7, compact_revision=8), StateFailed(store.Failure("no-leader"))])
def test_a_feed_that_ends_cancels_its_watch(last: store.WatchBatch | Exception) -> None:
    async def work() -> None:
        async with Call(app(Scripted((store.WatchBatch(1), last))), "/v3/watch") as watching:
            watching.say(body(create_request={"key": base64("a")}))
            await told(watching)
            end = await told(watching)
            assert end["canceled"]
            if isinstance(last, Exception):
                assert end["cancel_reason"] == "etcdserver: no leader"
            else:
                assert end["compact_revision"] == "8"

    play(work())


def test_a_feed_that_never_opens_creates_no_watch() -> None:
    async def work() -> None:
        async with Call(app(Scripted((StateFailed(store.Failure("overloaded")),))), "/v3/watch") as watching:
            watching.say(body(create_request={"key": base64("a")}))
            end = await told(watching)
            assert (end["watch_id"], end["canceled"], end["cancel_reason"]) == (
                "-1",
                True,
                "etcdserver: too many requests",
            )

    play(work())


def test_a_feed_that_says_nothing_holds_up_no_other_watch_of_the_stream() -> None:
    async def work() -> None:
        state = Scripted((), (store.WatchBatch(1),))
        async with Call(app(state, Bounds(state_timeout_s=0.01)), "/v3/watch") as watching:
            watching.say(body(create_request={"key": base64("a")}) + body(create_request={"key": base64("b")}))
            refused = {"watch_id": "-1", "created": True, "canceled": True, "revision": 1}
            assert await told(watching) == refused | {"cancel_reason": "etcdserver: request timed out"}
            assert await told(watching) == {"created": True, "revision": 1}
            assert state.open == 1

    play(work())


def test_a_quiet_watch_says_how_far_it_has_come() -> None:
    async def work() -> None:
        state = Scripted((store.WatchBatch(4), store.WatchBatch(7)), (store.WatchBatch(4),))
        async with Call(app(state, Bounds(progress_s=0.01)), "/v3/watch") as watching:
            watching.say(body(create_request={"key": base64("a"), "progress_notify": True, "watch_id": 3}), more=True)
            watching.say(body(create_request={"key": base64("b")}))
            lines = [await told(watching) for _ in range(4)]
            assert {"watch_id": "3", "revision": 7} in lines
            assert all(line.get("watch_id") == "3" for line in lines if "created" not in line)

    play(work())


def test_every_feed_is_closed_when_the_client_goes() -> None:
    async def work() -> None:
        state = Scripted(*[(store.WatchBatch(1),)] * 3)
        one = app(state)
        async with Call(one, "/v3/watch") as watching:
            for _ in range(3):
                watching.say(body(create_request={"key": base64("a")}), more=True)
                await told(watching)
            assert state.open == 3
            watching.say(body(cancel_request={"watch_id": 1}), more=True)
            await told(watching)
            assert state.open == 2
        assert state.open == 0

    play(work())


def test_a_slow_reader_holds_up_nobody_and_is_cut_off() -> None:
    async def work() -> None:
        one = app(bounds=Bounds(reader_timeout_s=0.05))
        async with Call(one, "/v3/watch") as watching:
            watching.say(body(create_request={"key": base64("a")}))
            await told(watching)
            watching.takes.clear()
            for _ in range(20):
                await put(one, "a")
            await asyncio.wait_for(watching.task, 30)

    play(work())


def test_streams_and_watches_have_a_bound() -> None:
    async def work() -> None:
        one = app(bounds=Bounds(watch_streams_max=1, stream_watches_max=1))
        async with Call(one, "/v3/watch") as watching:
            watching.say(body(create_request={"key": base64("a")}), more=True)
            await told(watching)
            watching.say(body(create_request={"key": base64("a")}), more=True)
            assert (await told(watching))["cancel_reason"] == "etcdserver: too many requests"
            refused = await call(one, "/v3/watch", body(create_request={"key": base64("a")}))
            assert (refused.status, refused.json["code"]) == (429, 8)
        async with Call(one, "/v3/watch") as watching:
            watching.say(body(create_request={"key": base64("a")}))
            assert (await told(watching))["created"]

    play(work())


def test_the_end_of_the_server_ends_every_stream_with_a_word() -> None:
    async def work() -> None:
        one = app()
        async with Call(one, "/v3/watch") as watching:
            watching.say(body(create_request={"key": base64("a")}))
            await told(watching)
            one.close()
            last = await watching.line()
            assert last["error"]["message"] == "etcdserver: server stopped"
            assert watching.over
        refused = await call(one, "/v3/watch", body(create_request={"key": base64("a")}))
        assert (refused.status, refused.json["message"]) == (503, "etcdserver: server stopped")

    play(work())
