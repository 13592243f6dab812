"""Watches across breaks, slowness and compaction: each change once, in order, whole revisions."""

from __future__ import annotations

import asyncio
import itertools
import signal
import threading
from collections.abc import AsyncGenerator, Callable
from contextvars import Context
from pathlib import Path
from typing import TypeVarTuple

import pytest

import pycluster
from pycluster import store
from pycluster.client import AgentFailed, AgentUnreachable, Compacted, NoQuorum, TimedOut
from pycluster.client.asynchronous import request
from pycluster.client.endpoint import Endpoint
from pycluster.client.loopthread import LoopThread
from pycluster.client.watching import Silence, watch
from pycluster.kernel.errors import LocalMisuse
from pycluster.web import Bounds
from tests.unit.virtual import in_virtual_time
from tests.unit.web.fake import Agent
from tests.unit.web.fakestate import FakeState


def put(agent: Agent, *keys: bytes, value: bytes = b"1") -> None:
    agent.run(agent.state.ask(store.Txn((), tuple(store.Put(key, value) for key in keys))))


def test_changes_come_once_and_in_order(tmp_path: Path) -> None:
    with Agent(tmp_path) as agent, pycluster.connect(agent.path) as client:
        put(agent, b"a/1", b"a/2")
        put(agent, b"b")
        agent.run(agent.state.ask(store.DeleteRange(b"a/1")))
        changes = client.watch("a/", prefix=True, revision=1, prev_kv=True)
        told = list(itertools.islice(changes, 3))
        assert [(event.kv.key, event.deleted, event.kv.mod_revision) for event in told] == [
            (b"a/1", False, 2),
            (b"a/2", False, 2),
            (b"a/1", True, 4),
        ]
        assert told[2].previous == told[0].kv
        put(agent, b"a/9")
        assert next(changes).kv.key == b"a/9"
        changes.close()  # type: ignore[attr-defined]


def test_a_reader_that_leaves_is_unsubscribed(tmp_path: Path) -> None:
    with Agent(tmp_path) as agent, pycluster.connect(agent.path) as client:
        changes = client.watch("k", revision=1)
        put(agent, b"k")
        next(changes)
        changes.close()  # type: ignore[attr-defined]
        while agent.run(_count(agent.state)):
            pass


async def _count(state: FakeState) -> int:
    await asyncio.sleep(0.01)
    return len(state.feeds)


def test_a_watch_goes_on_where_its_connection_broke(tmp_path: Path) -> None:
    with pycluster.connect(str(tmp_path / "agent.sock")) as client:
        with Agent(tmp_path) as first:
            changes = client.watch("k", revision=1)
            put(first, b"k", value=b"1")
            assert next(changes).kv.value == b"1"
            first.loop.call_soon_threadsafe(first.state.fail_watches, store.Failure("no-leader"))
            put(first, b"k", value=b"2")
            assert next(changes).kv.value == b"2"
        with Agent(tmp_path) as again:
            for value in (b"1", b"2", b"3"):
                put(again, b"k", value=value)
            assert next(changes).kv.value == b"3"
    for use in (lambda: next(changes), lambda: client.get("k")):
        with pytest.raises(LocalMisuse, match="closed"):
            use()


def test_a_slow_reader_goes_on_where_it_was_cancelled(tmp_path: Path) -> None:
    with Agent(tmp_path, Bounds(keep_alive_s=0.05)) as agent, pycluster.connect(agent.path) as client:
        agent.state.ahead = 2
        changes = client.watch("k", revision=1)
        put(agent, b"k", value=b"0")
        assert next(changes).kv.mod_revision == 2
        for _ in range(10):
            put(agent, b"k", value=b"v" * 500_000)
        agent.state.ahead = 100
        revisions = [event.kv.mod_revision for event in itertools.islice(changes, 10)]
        assert revisions == list(range(3, 13))
        changes.close()  # type: ignore[attr-defined]


def test_what_is_forgotten_is_said(tmp_path: Path) -> None:
    with Agent(tmp_path) as agent, pycluster.connect(agent.path) as client:
        put(agent, b"k")
        put(agent, b"k")
        changes = client.watch("k", revision=3)
        next(changes)
        agent.run(agent.state.ask(store.Compact(3)))
        with pytest.raises(Compacted) as raised:
            next(client.watch("k", revision=2))
        assert raised.value.resume_revision == 3
        agent.loop.call_soon_threadsafe(agent.state.fail_watches, store.Failure("compacted", "", 3, 3))
        with pytest.raises(Compacted):
            next(changes)


def test_an_agent_that_does_not_come_back_is_unreachable_in_the_end(tmp_path: Path) -> None:
    with pycluster.connect(str(tmp_path / "agent.sock")) as client:
        with Agent(tmp_path) as agent:
            put(agent, b"k")
            changes = client.watch("k", revision=1, patience_s=0.05)
            next(changes)
        with pytest.raises(AgentUnreachable):
            next(changes)


def test_a_state_that_cannot_be_watched_is_said_in_the_end(tmp_path: Path) -> None:
    with Agent(tmp_path) as agent, pycluster.connect(agent.path) as client:
        put(agent, b"k")
        changes = client.watch("k", revision=1, patience_s=0)
        next(changes)
        agent.loop.call_soon_threadsafe(agent.state.fail_watches, store.Failure("no-leader", "nobody leads"))
        with pytest.raises(NoQuorum, match="nobody leads"):
            next(changes)


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nnope",
        b"",
    ],
)
def test_who_does_not_speak_as_an_agent_does_is_an_error_of_ours(tmp_path: Path, answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async def work() -> None:
        path = str(tmp_path / "agent.sock")
        server = await asyncio.start_unix_server(serve, path)
        try:
            with pytest.raises((AgentFailed, AgentUnreachable)):
                await pycluster.connect_async(path, timeout_s=1).get("k")
        finally:
            server.close()

    asyncio.run(work())


def test_a_body_may_come_in_any_form(tmp_path: Path) -> None:
    forms = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nab\ncd\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=1\r\nab\nc\r\n3\r\nd\r\n\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nab\ncd\r\n",
    ]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(forms[0])
        await writer.drain()
        writer.close()

    async def work() -> None:
        endpoint = Endpoint(path=str(tmp_path / "agent.sock"))
        server = await asyncio.start_unix_server(serve, endpoint.path)
        while forms:
            async with request(endpoint, "GET", "/", {}) as answer:
                assert [line async for lines in answer.lines(100) for line in lines] == ["ab", "cd"]
            forms.pop(0)
        server.close()

    asyncio.run(work())


def test_a_reader_that_is_interrupted_is_unsubscribed_though_it_unwinds_slowly() -> None:
    """Ctrl-C comes while the next change is waited for; what is cancelled then takes a few steps of the loop."""
    closed: list[str] = []

    async def changes() -> AsyncGenerator[int, None]:
        try:
            yield 1
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            closed.append("closed")

    thread = LoopThread()
    with pytest.raises(KeyboardInterrupt):
        for _ in thread.each(changes()):
            pass
    assert closed == ["closed"]
    thread.close()


Given = TypeVarTuple("Given")


class InterruptedLoop(asyncio.SelectorEventLoop):
    """Ctrl-C comes once, as work is handed over from another thread: after that is done, or before."""

    armed = False

    def __init__(self, after: bool) -> None:
        super().__init__()
        self._after = after

    def call_soon_threadsafe(
        self, callback: Callable[[*Given], object], *args: *Given, context: Context | None = None
    ) -> asyncio.Handle:
        interrupts, self.armed = self.armed, False
        if interrupts and not self._after:
            raise KeyboardInterrupt
        handle = super().call_soon_threadsafe(callback, *args, context=context)
        if interrupts:
            raise KeyboardInterrupt
        return handle


@pytest.mark.parametrize("after", [True, False], ids=["it was handed over", "it was not yet"])
def test_an_interrupt_while_a_wait_is_handed_to_the_loop_leaves_nothing_behind(after: bool) -> None:
    closed: list[str] = []

    async def changes() -> AsyncGenerator[int, None]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            closed.append("closed")

    loop = InterruptedLoop(after)
    thread = LoopThread(lambda: loop)
    items = thread.each(changes())
    assert next(items) == 1
    loop.armed = True
    with pytest.raises(KeyboardInterrupt):
        next(items)
    assert closed == ["closed"]
    thread.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
PUT = b'id: 2\nevent: put\ndata: {"kv":{"key":"a","value":"1","create_revision":2,"mod_revision":2,"version":1}}\n\n'


def test_a_connection_that_says_nothing_for_too_long_is_dead_and_a_slow_consumer_breaks_none(tmp_path: Path) -> None:
    served: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + PUT)
        served.append(writer)
        await reader.read()
        writer.close()

    async def work() -> None:
        endpoint = Endpoint(path=str(tmp_path / "agent.sock"))
        server = await asyncio.start_unix_server(serve, endpoint.path)
        changes = watch(endpoint, store.Watch(b"a"), patience_s=0.0, silence_s=0.2)
        assert (await anext(changes)).kv.key == b"a"
        await asyncio.sleep(0.5)  # longer than the limit, without asking for more
        served[0].write(PUT.replace(b"id: 2", b"id: 3").replace(b'"mod_revision":2', b'"mod_revision":3'))
        assert (await anext(changes)).kv.mod_revision == 3
        async with asyncio.timeout(30):
            with pytest.raises(TimedOut) as silent:
                await anext(changes)
        assert silent.value.why == "nothing came for 0.2 s"
        assert len(served) == 1
        await served[0].wait_closed()
        server.close()

    asyncio.run(work())


def test_a_connection_that_is_given_up_is_broken_off_by_nobody_later() -> None:
    broken: list[bool] = []

    async def work(_: Callable[[], float]) -> None:
        for ended in (False, True):
            silence = Silence(30.0)
            silence.begin(lambda ended=ended: broken.append(ended))  # type: ignore[misc]
            with silence:
                if ended:
                    silence.end()
                await asyncio.sleep(100)
            assert silence.broken is not ended

    in_virtual_time(work)
    assert broken == [False]
