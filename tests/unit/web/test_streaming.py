"""Streams whose reader takes nothing or hears nothing, on a clock whose time passes at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from pycluster import store
from pycluster.web import Access
from pycluster.web.asgi import Message, Receive, Scope, Send
from pycluster.web.bounds import Bounds
from pycluster.web.crowd import Crowd
from pycluster.web.gateway.keepalive import keep_alive
from pycluster.web.guard import Guard
from pycluster.web.keystream import KeyStream
from pycluster.web.streaming import KEEP_ALIVE, Pool, Quiet, Stream
from tests.differential.local import LocalState
from tests.unit.virtual import in_virtual_time
from tests.unit.web.test_crowd import Reader

BOUNDS = Bounds(reader_timeout_s=20, keep_alive_s=10)


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


async def never_heard() -> Message:
    await forever()
    return {}


class Short(Stream):
    """Says one thing and ends."""

    async def _pump(self) -> None:
        await forever()

    async def _write(self, scope: Scope, send: Send) -> None:
        await self._send(send, b"said")


class Cut:
    """A connection on which the message ``held`` of a stream, counted from 0, is not taken."""

    def __init__(self, held: int, unsent: Callable[[], int] | None) -> None:
        self.sent: list[Message] = []
        self.aborted = 0
        self._held = held
        self.scope: Scope = {"type": "http", "method": "GET", "state": {"abort": self._abort}}
        if unsent is not None:
            self.scope["state"]["unsent"] = unsent

    def _abort(self) -> None:
        self.aborted += 1

    async def send(self, message: Message) -> None:
        if len(self.sent) == self._held:
            await forever()
        self.sent.append(message)


@pytest.mark.parametrize("held", [1, 2, 3])
@pytest.mark.parametrize("unsent", [None, lambda: 1])
def test_whoever_takes_nothing_is_cut_off_at_every_piece_and_at_the_end(
    held: int, unsent: Callable[[], int] | None
) -> None:
    cut = Cut(held, unsent)

    async def work(clock: Callable[[], float]) -> None:
        async with asyncio.timeout(1_000):
            await Short(Pool(1, "streams"), BOUNDS)(cut.scope, never_heard, cut.send)
        assert clock() == pytest.approx(20)

    in_virtual_time(work)
    assert (len(cut.sent), cut.aborted) == (held, 1)


def test_whoever_takes_everything_is_not() -> None:
    cut = Cut(-1, lambda: 0)
    in_virtual_time(lambda _: Short(Pool(1, "streams"), BOUNDS)(cut.scope, never_heard, cut.send))
    assert [message.get("body") for message in cut.sent] == [None, b"retry: 2000\n\n", b"said", b""]
    assert cut.aborted == 0


def test_a_keep_alive_of_leases_whose_client_takes_nothing_ends() -> None:
    cut = Cut(1, None)

    async def asked() -> Message:
        return {"type": "http.request", "body": b'{"ID":1}', "more_body": False}

    async def work(clock: Callable[[], float]) -> None:
        async with asyncio.timeout(1_000):
            with pytest.raises(TimeoutError):
                await keep_alive(LocalState(), BOUNDS, asked, cut.send)
        assert clock() == pytest.approx(20)

    in_virtual_time(work)


def test_a_piece_that_waits_for_its_reader_is_counted_when_it_is_written_whoever_counts_meanwhile() -> None:
    bounds = Bounds(unsent_max_bytes=1_000_000)
    crowd = Crowd(bounds, unix=False)
    slow, other = Reader(crowd), Reader(crowd)
    piece = b"x" * 2_000_000

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": piece, "more_body": False})

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            other.told(bounds.unsent_max_bytes, takes=True)
            assert not other.swamped(), "all are counted, and nothing is written yet"
            slow.waiting += len(message["body"])

    scope: Scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "headers": [(b"host", b"node001")],
        "state": {"wrote": crowd.wrote},
    }
    asyncio.run(Guard(inner, Access.of("node001"), bounds.long_bytes)(scope, never_heard, send))
    assert other.swamped()


def test_quiet_is_what_nothing_was_said_in_for_the_whole_time() -> None:
    async def work(clock: Callable[[], float]) -> None:
        wake = asyncio.Event()
        quiet = Quiet(wake, 9.0)
        for _ in range(30):
            await asyncio.sleep(3)
            assert not quiet.over
            assert not wake.is_set()
            quiet.spoke()
        async with asyncio.timeout(1_000):
            await wake.wait()
        assert quiet.over
        assert clock() == pytest.approx(30 * 3 + 9)
        quiet.spoke()
        assert not quiet.over
        wake.clear()
        async with asyncio.timeout(1_000):
            await wake.wait()
        assert clock() == pytest.approx(30 * 3 + 2 * 9)
        quiet.end()
        wake.clear()
        await asyncio.sleep(100)
        assert not wake.is_set()

    in_virtual_time(work)


class Watched:
    """A watch of a key in a state of this process: what it brought, and when."""

    def __init__(self, clock: Callable[[], float], swamped: Callable[[], bool] = lambda: False) -> None:
        self.state = LocalState()
        self.told: list[tuple[float, bytes]] = []
        self._clock = clock
        self._swamped = swamped
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Watched:
        stream = KeyStream(self.state, Pool(1, "watches"), BOUNDS, store.Watch(b"a"))
        scope: Scope = {"type": "http", "method": "GET", "state": {"swamped": self._swamped, "unsent": lambda: 0}}
        self._task = asyncio.create_task(stream(scope, never_heard, self._send))
        await asyncio.sleep(0.001)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _send(self, message: Message) -> None:
        if message.get("body"):
            self.told.append((self._clock(), message["body"]))

    async def put(self) -> None:
        await self.state.ask(store.Put(b"a", b"1"))
        await asyncio.sleep(0.001)

    def of(self, kind: bytes) -> list[float]:
        return [at for at, body in self.told if kind in body]


def test_a_watch_is_kept_alive_only_where_nothing_else_was_told_for_long() -> None:
    async def work(clock: Callable[[], float]) -> None:
        async with Watched(clock) as watched:
            for _ in range(10):
                await asyncio.sleep(4)
                await watched.put()
            assert watched.of(KEEP_ALIVE) == []
            await asyncio.sleep(35)
            assert watched.of(KEEP_ALIVE) == pytest.approx([50, 60, 70], abs=0.1)
            await watched.put()
            assert watched.of(KEEP_ALIVE) == pytest.approx([50, 60, 70], abs=0.1)
            assert len(watched.of(b"event: put")) == 11

    in_virtual_time(work)


def test_a_watch_tells_nothing_while_others_leave_too_much_unread() -> None:
    async def work(clock: Callable[[], float]) -> None:
        async with Watched(clock, lambda: 5 < clock() < 9) as watched:
            await asyncio.sleep(6)
            await watched.put()
            await asyncio.sleep(6)
            assert watched.of(b"event: put") == pytest.approx([9], abs=0.2)

    in_virtual_time(work)
