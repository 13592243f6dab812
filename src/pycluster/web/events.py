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
from pycluster.web.asgi import Scope, Send
from pycluster.web.bounds import Bounds
from pycluster.web.guard import check_room, swamped
from pycluster.web.streaming import KEEP_ALIVE, Pool, Stream, place

logger = logging.getLogger("pycluster.web")

_SNAPSHOT_REUSE_S = 0.25


def resume_point(request: Request) -> int | None:
    """The event number after which the reader wants to go on: ``Last-Event-ID`` first, then ``?after=``."""
    return place(request.headers.get("last-event-id", "") or request.query_params.get("after", ""))


class Streams(Pool):
    """The open streams, and the snapshot that all of them share."""

    def __init__(self, cluster: Cluster, bounds: Bounds) -> None:
        super().__init__(bounds.streams_max, "event streams")
        self._cluster = cluster
        self._snapshot = b""
        self._snapshot_event = -1
        self._snapshot_at = float("-inf")

    def snapshot(self, newest_event: int, now: float) -> bytes:
        """The status as JSON, not older than ``newest_event`` and hardly older than ``now`` (seconds)."""
        if newest_event > self._snapshot_event or now - self._snapshot_at > _SNAPSHOT_REUSE_S:
            self._snapshot = msgspec.json.encode(self._cluster.status())
            self._snapshot_event, self._snapshot_at = newest_event, now
        return self._snapshot


class EventStream(Stream):
    """One reader's stream of events."""

    def __init__(
        self, cluster: Cluster, streams: Streams, bounds: Bounds, after: int | None, *, snapshots: bool
    ) -> None:
        super().__init__(streams, bounds)
        self._cluster = cluster
        self._streams = streams
        self._after = after
        self._snapshots = snapshots
        self._ahead: asyncio.Queue[ClusterEvent] = asyncio.Queue(bounds.stream_ahead)
        self._lagged = ""
        self._newest = -1

    def _check(self, scope: Scope) -> None:
        if self._snapshots:
            check_room(scope)

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

    async def _write(self, scope: Scope, send: Send) -> None:
        clock, bounds = asyncio.get_running_loop().time, self._bounds
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
                chunk = KEEP_ALIVE
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
