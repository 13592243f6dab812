"""The event stream: server-sent events, resumable, bounded, ended when the reader is too slow or the agent stops.

What a reader sees, in this order: with ``?snapshot=1`` one ``status``; then each ClusterEvent under its kind, with its
number as ``id``; with snapshots again a ``status`` whenever something changed, and every few seconds anyway. A reader
whose place is no longer kept gets ``reset`` (with an empty ``id``, so that a browser starts afresh) and the end.
"""

from __future__ import annotations

import asyncio
import logging

import msgspec
from starlette.requests import Request

from pycluster.node.ports import Cluster, EventStreamLagged
from pycluster.node.view import ClusterEvent, Fault
from pycluster.web.asgi import Receive, Scope, Send
from pycluster.web.bounds import Bounds
from pycluster.web.faults import HttpFault
from pycluster.web.guard import check_room, swamped

logger = logging.getLogger("pycluster.web")

_RETRY_MS = 2_000
_SNAPSHOT_REUSE_S = 0.25


def resume_point(request: Request) -> int | None:
    """The event number after which the reader wants to go on: ``Last-Event-ID`` first, then ``?after=``."""
    text = request.headers.get("last-event-id", "") or request.query_params.get("after", "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise HttpFault(400, "an event's number is a whole number", why=f"it is {text[:80]!r}")
    return int(text)


class Streams:
    """The open streams: two pools, one for TCP, one for the Unix socket, and the snapshot that all of them share."""

    def __init__(self, cluster: Cluster, bounds: Bounds) -> None:
        self._cluster = cluster
        self._limit = bounds.streams_max
        self._open: dict[EventStream, bool] = {}
        self._closed = False
        self._snapshot = b""
        self._snapshot_event = -1
        self._snapshot_at = float("-inf")

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, stream: EventStream, unix: bool) -> None:
        """Count the stream; raises ``HttpFault`` 503 where its pool is full."""
        if self._closed:
            raise HttpFault(503, "this agent is stopping", headers={"Retry-After": "10"})
        if sum(kind is unix for kind in self._open.values()) >= self._limit:
            raise HttpFault(
                503,
                "too many event streams",
                why=f"{self._limit} readers are connected already",
                remedy="close other pages of this agent, or open another agent's",
                headers={"Retry-After": "10"},
            )
        self._open[stream] = unix

    def release(self, stream: EventStream) -> None:
        """The stream has ended."""
        self._open.pop(stream, None)

    def close(self) -> None:
        """End every stream, and admit no other."""
        self._closed = True
        for stream in tuple(self._open):
            stream.end()

    def snapshot(self, newest_event: int, now: float) -> bytes:
        """The status as JSON, not older than ``newest_event`` and hardly older than ``now`` (seconds)."""
        if newest_event > self._snapshot_event or now - self._snapshot_at > _SNAPSHOT_REUSE_S:
            self._snapshot = msgspec.json.encode(self._cluster.status())
            self._snapshot_event, self._snapshot_at = newest_event, now
        return self._snapshot


class EventStream:
    """One reader's stream, an ASGI application."""

    def __init__(
        self, cluster: Cluster, streams: Streams, bounds: Bounds, after: int | None, *, snapshots: bool
    ) -> None:
        self._cluster = cluster
        self._streams = streams
        self._bounds = bounds
        self._after = after
        self._snapshots = snapshots
        self._ahead: asyncio.Queue[ClusterEvent] = asyncio.Queue(bounds.stream_ahead)
        self._wake = asyncio.Event()
        self._ended = False
        self._lagged = ""
        self._newest = -1

    def end(self) -> None:
        """Send what is at hand, then finish."""
        self._ended = True
        self._wake.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve until the reader goes, is too slow, or the agent stops."""
        state = scope.get("state", {})
        head = scope["method"] == "HEAD"
        if self._snapshots:
            check_room(scope)
        if not head:
            self._streams.admit(self, bool(state.get("unix", False)))
        tasks: list[asyncio.Task[None]] = []
        try:
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            if not head:
                tasks = [asyncio.create_task(self._pump()), asyncio.create_task(self._watch(receive))]
                await asyncio.sleep(0)  # the subscription stands before the first snapshot: nothing falls between
                await self._write(scope, send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            logger.info("an event stream's reader took nothing for %s s: cut off", self._bounds.reader_timeout_s)
            state.get("abort", _nothing)()
        finally:
            self._streams.release(self)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _pump(self) -> None:
        """Take events from the node, ``stream_ahead`` at most ahead of the reader."""
        feed = self._cluster.events(self._after)
        try:
            async for event in feed:
                await self._ahead.put(event)
                self._wake.set()
        except EventStreamLagged as lagged:
            self._lagged = str(lagged) or "the events after the reader's place are no longer kept"
        except Exception:
            logger.exception("an event stream failed")
        finally:
            # A generator that waits at its yield does not notice that this task is cancelled: unsubscribe it now.
            unsubscribe = getattr(feed, "aclose", None)
            if unsubscribe is not None:
                await unsubscribe()
        self.end()

    async def _watch(self, receive: Receive) -> None:
        """Notice that the reader has gone."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self.end()

    async def _write(self, scope: Scope, send: Send) -> None:
        clock, bounds = asyncio.get_running_loop().time, self._bounds
        await self._send(send, b"retry: %d\n\n" % _RETRY_MS)
        changed, shown_at, sent_at = True, float("-inf"), clock()
        while True:
            self._wake.clear()
            chunk = self._status(clock()) if self._snapshots and shown_at < 0 else b""
            if chunk:
                changed, shown_at = False, clock()
            fresh = self._drain()
            changed = changed or bool(fresh)
            chunk += fresh
            due = shown_at + (bounds.snapshot_gap_s if changed else bounds.snapshot_age_s)
            if self._snapshots and clock() >= due:
                shown_at = clock()
                changed = swamped(scope)
                chunk += b"" if changed else self._status(shown_at)
                due = shown_at + (bounds.snapshot_gap_s if changed else bounds.snapshot_age_s)
            if not chunk and clock() >= sent_at + bounds.keep_alive_s:
                chunk = b": keep-alive\n\n"
            if chunk:
                await self._send(send, chunk)
                sent_at = clock()
            if self._ended and self._ahead.empty():
                break
            due = min(due, sent_at + bounds.keep_alive_s) if self._snapshots else sent_at + bounds.keep_alive_s
            await self._pause(due - clock())
        if self._lagged:
            fault = Fault("the stream starts afresh", self._lagged, "read the status, then follow without an id")
            await self._send(send, b"id:\nevent: reset\ndata: %b\n\n" % msgspec.json.encode(fault))

    def _status(self, now: float) -> bytes:
        return b"event: status\ndata: %b\n\n" % self._streams.snapshot(self._newest, now)

    def _drain(self) -> bytes:
        """Everything at hand, as it goes over the wire."""
        chunk = b""
        while not self._ahead.empty():
            event = self._ahead.get_nowait()
            self._newest = max(self._newest, event.id)
            chunk += b"id: %d\nevent: %b\ndata: %b\n\n" % (event.id, event.kind.encode(), msgspec.json.encode(event))
        return chunk

    async def _send(self, send: Send, chunk: bytes) -> None:
        async with asyncio.timeout(self._bounds.reader_timeout_s):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(seconds, 0)):
                await self._wake.wait()
        except TimeoutError:
            pass


def _nothing() -> None:
    """Where no server offers to abort the connection."""


_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
    (b"connection", b"close"),
)
