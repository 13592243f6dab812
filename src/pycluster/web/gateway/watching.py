"""Watches: a stream of requests in, what happens to the watched keys out, until the client goes.

A watcher that reads too slowly loses nothing: its watch begins anew, out of the history, where it stopped.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator, Coroutine, Iterator, Sequence
from typing import Any, assert_never

import msgspec

from pycluster import store
from pycluster.node.ports import HowFar, StateFailed, StateStore, WatchLagged
from pycluster.web.asgi import Receive, Scope, Send
from pycluster.web.bounds import Bounds
from pycluster.web.gateway import answers, shapes
from pycluster.web.gateway.answers import Told
from pycluster.web.gateway.bodies import Disconnected, Values
from pycluster.web.gateway.keepalive import STREAM_HEADERS
from pycluster.web.gateway.protojson import Malformed
from pycluster.web.gateway.refusals import RESOURCE_EXHAUSTED, UNAVAILABLE, UNKNOWN, Refusal
from pycluster.web.inhand import light
from pycluster.web.streaming import cut_off

logger = logging.getLogger("pycluster.web")

_REFUSED_ID = -1


class WatchPool:
    """The open watch streams of an agent: one pool for TCP, one for the Unix socket."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._open: dict[WatchStream, bool] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._open)

    def close(self) -> None:
        """End every stream, and admit no other."""
        self._closed = True
        for stream in tuple(self._open):
            stream.end(Refusal(UNAVAILABLE, "etcdserver: server stopped"))

    async def serve(self, state: StateStore, scope: Scope, receive: Receive, send: Send) -> None:
        """One stream; raises ``Refusal`` where there are too many, or where it never began."""
        unix = bool(scope.get("state", {}).get("unix", False))
        if self._closed:
            raise Refusal(UNAVAILABLE, "etcdserver: server stopped")
        if sum(kind is unix for kind in self._open.values()) >= self._bounds.watch_streams_max:
            raise Refusal(RESOURCE_EXHAUSTED, "etcdserver: too many requests")
        stream = WatchStream(state, self._bounds)
        self._open[stream] = unix
        try:
            await stream.serve(receive, send)
        except TimeoutError:
            cut_off(scope, self._bounds)
        finally:
            del self._open[stream]


class _Watch(msgspec.Struct):
    """One watch of a stream. ``told``: everything up to this revision is written; ``quiet``: nothing sent since the
    last look; ``asked``: how far it is, and not answered yet.
    """

    id: int
    wanted: shapes.Create
    feed: AsyncGenerator[store.WatchBatch, None]
    told: int
    how_far: HowFar
    task: asyncio.Task[None] | None = None
    quiet: bool = False
    asked: bool = False


class WatchStream:
    """One client's stream."""

    def __init__(self, state: StateStore, bounds: Bounds) -> None:
        self._state = state
        self._bounds = bounds
        # One line ahead, and one watch at a time that writes: what a slow reader leaves is not written yet.
        self._out: asyncio.Queue[bytes] = asyncio.Queue(1)
        self._turn = asyncio.Lock()
        self._over = False
        self._refusal: Refusal | None = None
        self._watches: dict[int, _Watch] = {}
        self._answered = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._next_id = 0

    def end(self, refusal: Refusal | None = None) -> None:
        """Finish, with this as the last word."""
        self._refusal = refusal
        self._over = True
        if self._out.empty():
            self._out.put_nowait(b"")

    async def serve(self, receive: Receive, send: Send) -> None:
        """Serve until the client goes, or ``end``; raises ``Refusal`` where that comes before anything else, and
        ``TimeoutError`` where the client takes nothing.
        """
        begun = False
        self._start(self._listen(receive))
        self._start(self._progress())
        try:
            while (line := await self._out.get()) and not self._over:
                if not begun:
                    begun = True
                    await send({"type": "http.response.start", "status": 200, "headers": list(STREAM_HEADERS)})
                async with asyncio.timeout(self._bounds.reader_timeout_s):
                    await send({"type": "http.response.body", "body": line, "more_body": True})
                self._out.task_done()
            if not begun:
                raise self._refusal or Disconnected
            last = self._refusal.chunk() if self._refusal else b""
            async with asyncio.timeout(self._bounds.reader_timeout_s):
                await send({"type": "http.response.body", "body": last, "more_body": False})
        finally:
            tasks = tuple(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for watch in self._watches.values():
                await watch.feed.aclose()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # --- what the client says ---

    async def _listen(self, receive: Receive) -> None:
        understood, refusal = False, None
        try:
            try:
                async for value in Values(receive, self._bounds.body_max_bytes):
                    request = shapes.WATCH(value)
                    understood = True
                    await self._take(request)
            except Malformed as error:
                if not understood:
                    self.end(Refusal(UNKNOWN, str(error)))
                    return
                # As if the client had said no more: its watches go on.
            while (await receive())["type"] != "http.disconnect":
                pass
        except Disconnected:
            pass
        except Exception:
            logger.exception("a watch stream failed")
            refusal = Refusal(UNKNOWN, "etcdserver: watch failed")
        self.end(refusal)

    async def _take(self, request: shapes.Create | shapes.Cancel | shapes.Progress | None) -> None:
        match request:
            case shapes.Create():
                await self._create(request)
            case shapes.Cancel():
                await self._cancel(request.watch_id)
            case shapes.Progress():
                await self._tell(await self._written(), Told(_REFUSED_ID))
            case None:
                pass
            case _:
                assert_never(request)

    async def _create(self, wanted: shapes.Create) -> None:
        """Tell that it is created before anything of it is told."""
        watch = wanted.watch
        empty = watch.range_end not in (b"", store.OPEN_END) and watch.key >= watch.range_end
        if empty:
            await self._reject("mvcc: watcher range is empty")
        elif wanted.watch_id in self._watches and wanted.watch_id:
            await self._reject("mvcc: duplicate watch ID provided on the WatchStream")
        elif len(self._watches) >= self._bounds.stream_watches_max:
            await self._reject("etcdserver: too many requests")
        else:
            await self._begin(wanted)

    async def _begin(self, wanted: shapes.Create) -> None:
        how_far = HowFar()
        feed = self._state.watch(wanted.watch, how_far)
        try:
            # Whoever creates or cancels another watch on this stream waits, too.
            async with asyncio.timeout(self._bounds.state_timeout_s):
                opened = await anext(feed)
        except TimeoutError:
            await self._reject(Refusal.of(store.Failure("timed-out")).message)
            return
        except StateFailed as error:
            if error.failure.kind != "compacted":
                await self._reject(Refusal.of(error.failure).message)
                return
            number = wanted.watch_id or self._free_id()
            await self._tell(self._state.head().revision, Told(number, created=True))
            await self._tell(0, Told(number, canceled=True, compact_revision=error.failure.compact_revision))
            return
        number = wanted.watch_id or self._free_id()
        at = self._state.head().revision if wanted.watch.start_revision else opened.revision
        watch = self._watches[number] = _Watch(number, wanted, feed, opened.revision, how_far)
        await self._tell(at, Told(number, created=True))
        watch.task = self._start(self._follow(watch))

    def _free_id(self) -> int:
        while self._next_id in self._watches:
            self._next_id += 1
        self._next_id += 1
        return self._next_id - 1

    async def _reject(self, reason: str) -> None:
        await self._tell(self._state.head().revision, Told(_REFUSED_ID, created=True, canceled=True, reason=reason))

    async def _cancel(self, number: int) -> None:
        """A watch that is not there is nothing to tell about."""
        watch = self._watches.get(number)
        if watch is None or watch.task is None:
            return
        watch.task.cancel()
        await asyncio.gather(watch.task, return_exceptions=True)
        await watch.feed.aclose()
        self._forget(watch)
        await self._tell(self._state.head().revision, Told(number, canceled=True))

    def _forget(self, watch: _Watch) -> None:
        """It is over: whoever waits to hear how far it is waits no more."""
        self._watches.pop(watch.id, None)
        watch.asked = False
        self._answered.set()

    async def _ask(self, watches: Sequence[_Watch]) -> None:
        """Bring their ``told`` up to date."""
        for watch in watches:
            if watch.how_far.ask is not None and not watch.asked:
                watch.asked = True
                watch.how_far.ask()
        try:
            # A slow reader has to take first what was before; no longer than anybody waits for an answer.
            async with asyncio.timeout(self._bounds.state_timeout_s):
                while any(watch.asked for watch in watches):
                    self._answered.clear()
                    await self._answered.wait()
        except TimeoutError:
            pass

    async def _written(self) -> int:
        """The revision up to which everything is written: a client may begin anew behind it."""
        await self._ask(tuple(self._watches.values()))
        head = self._state.head().revision
        if self._watches:
            least = min(watch.told for watch in self._watches.values())
            # One that begins in the future is no further than the state; before the first revision nothing happened.
            return max(min(least, head or least), 1)
        return head or await self._newest()

    async def _newest(self) -> int:
        """As whoever has a copy says; 0 where nobody does."""
        newest = store.Range(b"\0", serializable=True, count_only=True)
        try:
            return (await self._state.ask(newest, timeout_s=self._bounds.state_timeout_s)).revision
        except StateFailed:
            return 0

    # --- what is told ---

    async def _tell(self, revision: int, told: Told) -> None:
        async with self._turn:
            await self._out.put(answers.watched(self._state.head(), revision, told))

    async def _follow(self, watch: _Watch) -> None:
        """Tell what happens until the watch ends of itself."""
        reason, compacted = "etcdserver: watch ended", 0
        try:
            compacted = await self._pass_on(watch)
        except StateFailed as error:
            reason = Refusal.of(error.failure).message
            compacted = error.failure.compact_revision if error.failure.kind == "compacted" else 0
        except Exception:
            logger.exception("a watch failed")
            reason = "etcdserver: watch failed"
        await watch.feed.aclose()
        self._forget(watch)
        if compacted:
            await self._tell(0, Told(watch.id, canceled=True, compact_revision=compacted))
        else:
            await self._tell(self._state.head().revision, Told(watch.id, canceled=True, reason=reason))

    async def _pass_on(self, watch: _Watch) -> int:
        """Tell its events; a feed that was too quick for the client is followed by one that begins where it stopped.
        Gives the revision before which all is forgotten, where that ended it.
        """
        while True:
            try:
                async for batch in watch.feed:
                    if batch.events:
                        watch.quiet = False
                        await self._tell_events(watch, batch)
                    else:
                        watch.asked = False
                        self._answered.set()
                    watch.told = max(watch.told, batch.revision)
                    if batch.compact_revision:
                        return batch.compact_revision
                return 0
            except WatchLagged as lagged:
                await watch.feed.aclose()
                again = msgspec.structs.replace(watch.wanted.watch, start_revision=lagged.resume_revision)
                watch.feed = self._state.watch(again, watch.how_far)

    async def _tell_events(self, watch: _Watch, batch: store.WatchBatch) -> None:
        newest = batch.events[-1].kv.mod_revision
        limit = self._bounds.fragment_bytes if watch.wanted.fragment else sys.maxsize
        async with self._turn:
            for at, events in whole_revisions(batch.events, self._bounds.long_bytes):
                pieces = list(fragments(events, limit))
                for place, piece in enumerate(pieces, 1):
                    told = Told(watch.id, fragment=place < len(pieces))
                    revision = batch.revision if at == newest else at
                    await self._out.put(answers.watched(self._state.head(), revision, told, piece))
            if not light(batch):
                # Until it is written it counts as what waits for this reader: asking for the next ends that.
                await self._out.join()

    async def _progress(self) -> None:
        """Every while, say of quiet watches that want it how far they have come."""
        while True:
            await asyncio.sleep(self._bounds.progress_s)
            quiet = [watch for watch in self._watches.values() if watch.wanted.progress_notify and watch.quiet]
            for watch in self._watches.values():
                watch.quiet = True
            await self._ask(quiet)
            for watch in quiet:
                # Events may have come meanwhile: they say it themselves.
                if watch.quiet and self._watches.get(watch.id) is watch:
                    await self._tell(watch.told, Told(watch.id))


def whole_revisions(events: tuple[store.Event, ...], limit: int) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The events as they go over the wire, each lot under its last revision: no more than it takes to reach ``limit``
    characters, but always all of a revision.
    """
    lot: list[str] = []
    size = at = 0
    for one in events:
        if size >= limit and one.kv.mod_revision != at:
            yield at, tuple(lot)
            lot, size = [], 0
        at = one.kv.mod_revision
        lot.append(answers.event(one))
        size += len(lot[-1])
    yield at, tuple(lot)


def fragments(events: tuple[str, ...], limit: int) -> Iterator[tuple[str, ...]]:
    """Pieces of at most ``limit`` characters, or of one event."""
    piece: list[str] = []
    size = 0
    for one in events:
        if piece and size + len(one) > limit:
            yield tuple(piece)
            piece, size = [], 0
        piece.append(one)
        size += len(one)
    yield tuple(piece)
