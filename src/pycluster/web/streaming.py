"""Streams of server-sent events: counted, kept alive, ended when the reader is too slow or the agent stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from pycluster.web.asgi import Message, Receive, Scope, Send
from pycluster.web.bounds import Bounds
from pycluster.web.faults import HttpFault

logger = logging.getLogger("pycluster.web")

RETRY = b"retry: 2000\n\n"
KEEP_ALIVE = b": keep-alive\n\n"


def place(text: str) -> int | None:
    """An event's number, None for nothing; raises ``HttpFault`` 400 for anything else."""
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise HttpFault(400, "an event's number is a whole number", why=f"it is {text[:80]!r}")
    return int(text)


class Pool:
    """The open streams of one kind: at most ``limit`` over TCP, and as many over the Unix socket."""

    def __init__(self, limit: int, kind: str) -> None:
        self._limit = limit
        self._kind = kind
        self._open: dict[Stream, bool] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, stream: Stream, unix: bool) -> None:
        """Count the stream; raises ``HttpFault`` 503 where its pool is full."""
        if self._closed:
            raise HttpFault(503, "this agent is stopping", headers={"Retry-After": "10"})
        if sum(kind is unix for kind in self._open.values()) >= self._limit:
            raise HttpFault(
                503,
                f"too many {self._kind}",
                why=f"{self._limit} readers are connected already",
                remedy="close other pages of this agent, or open another agent's",
                headers={"Retry-After": "10"},
            )
        self._open[stream] = unix

    def release(self, stream: Stream) -> None:
        """The stream has ended."""
        self._open.pop(stream, None)

    def close(self) -> None:
        """End every stream, and admit no other."""
        self._closed = True
        for stream in tuple(self._open):
            stream.end()


class Quiet:
    """Notices that nothing was said for ``pause_s``, and wakes whoever waits for ``wake``.

    A timer for the stream, not one for each event.
    """

    def __init__(self, wake: asyncio.Event, pause_s: float) -> None:
        self._wake = wake
        self._pause_s = pause_s
        self._loop = asyncio.get_running_loop()
        self._spoke_s = self._loop.time()
        self._timer = self._loop.call_later(pause_s, self._look)
        #: Whether it is time to say something.
        self.over = False

    def spoke(self) -> None:
        """Something was said."""
        self._spoke_s = self._loop.time()
        self.over = False

    def end(self) -> None:
        """Notice nothing any more."""
        self._timer.cancel()

    def _look(self) -> None:
        left_s = self._spoke_s + self._pause_s - self._loop.time()
        if left_s <= 0:
            self.over, left_s = True, self._pause_s
            self._wake.set()
        self._timer = self._loop.call_later(left_s, self._look)


class Stream:
    """One reader's stream, an ASGI application. A kind of stream says what it takes in and what it writes."""

    def __init__(self, pool: Pool, bounds: Bounds) -> None:
        self._pool = pool
        self._bounds = bounds
        self._wake = asyncio.Event()
        self._ended = False
        self._gone = False
        self._unsent: Callable[[], int] | None = None

    def end(self) -> None:
        """Send what is at hand, then finish."""
        self._ended = True
        self._wake.set()

    def _check(self, scope: Scope) -> None:
        """Raise ``HttpFault`` where the stream may not begin now."""

    async def _begin(self) -> None:
        """What must succeed before the answer's head; raises what is answered instead."""

    async def _close(self) -> None:
        """Let go of what ``_begin`` and ``_pump`` took."""

    async def _pump(self) -> None:
        """Take in what is to be written, and wake the writer."""
        raise NotImplementedError

    async def _write(self, scope: Scope, send: Send) -> None:
        """Write until the stream has ended."""
        raise NotImplementedError

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve until the reader goes, is too slow, or the agent stops."""
        state = scope.get("state", {})
        self._unsent = state.get("unsent")
        head = scope["method"] == "HEAD"
        self._check(scope)
        if not head:
            self._pool.admit(self, bool(state.get("unix", False)))
        tasks: list[asyncio.Task[None]] = []
        try:
            if not head:
                await self._begin()
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            if not head:
                tasks = [asyncio.create_task(self._pump()), asyncio.create_task(self._watch(receive))]
                await asyncio.sleep(0)  # the subscription stands before anything is read: nothing falls between
                await self._send(send, RETRY)
                await self._write(scope, send)
            await self._send(send, b"", more=False)
        except TimeoutError:
            cut_off(scope, self._bounds)
        finally:
            self._pool.release(self)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._close()

    async def _watch(self, receive: Receive) -> None:
        """Notice that the reader has gone."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self.end()

    async def _send(self, send: Send, chunk: bytes, *, more: bool = True) -> None:
        """Raises ``TimeoutError`` where the reader takes nothing."""
        message: Message = {"type": "http.response.body", "body": chunk, "more_body": more}
        if self._unsent is not None and not self._unsent():
            await send(message)  # where nothing waits, nothing is waited for: most events need no timer
            return
        async with asyncio.timeout(self._bounds.reader_timeout_s):
            await send(message)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(seconds, 0)):
                await self._wake.wait()
        except TimeoutError:
            pass


def cut_off(scope: Scope, bounds: Bounds) -> None:
    """The reader of that stream took nothing."""
    logger.info("a stream's reader took nothing for %s s: cut off", bounds.reader_timeout_s)
    abort: Callable[[], None] | None = scope.get("state", {}).get("abort")
    if abort is not None:
        abort()


_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
    (b"connection", b"close"),
)
