"""A watch of keys as a stream of server-sent events, resumable and bounded.

What a reader sees: first ``progress``, that says from where it watches; then ``put`` and ``delete``. The last event of
each revision has the revision as its ``id``, so that whoever resumes after an ``id`` gets whole revisions, each once.
A reader that is too slow gets ``lagged``, one that asks for what is forgotten ``compacted``, both with an ``id`` from
which it may go on, and the end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from pycluster import store
from pycluster.node.keyviews import ChangeView, RevisionView, StateFault
from pycluster.node.ports import StateFailed, StateStore, WatchLagged
from pycluster.web.asgi import Scope, Send
from pycluster.web.asking import fault, refusal
from pycluster.web.bounds import Bounds
from pycluster.web.faults import HttpFault
from pycluster.web.guard import swamped
from pycluster.web.inhand import light
from pycluster.web.streaming import KEEP_ALIVE, Pool, Quiet, Stream

logger = logging.getLogger("pycluster.web")

_SWAMPED_PAUSE_S = 0.1


class KeyStream(Stream):
    """One reader's watch."""

    def __init__(
        self, state: StateStore, pool: Pool, bounds: Bounds, watch: store.Watch, *, keys_only: bool = False
    ) -> None:
        super().__init__(pool, bounds)
        self._keys_only = keys_only
        self._feed = state.watch(watch)
        # One batch in hand, no more: how far the reader may fall behind is the store's to bound.
        self._batches: asyncio.Queue[store.WatchBatch] = asyncio.Queue(1)
        self._last_word = b""

    async def _begin(self) -> None:
        try:
            async with asyncio.timeout(self._bounds.state_timeout_s):
                self._batches.put_nowait(await anext(self._feed))
        except TimeoutError:
            raise refusal(store.Failure("timed-out")) from None
        except StateFailed as failed:
            raise refusal(failed.failure) from None
        except StopAsyncIteration:
            raise HttpFault(503, "this agent is stopping", headers={"Retry-After": "10"}) from None

    async def _pump(self) -> None:
        try:
            async for batch in self._feed:
                await self._batches.put(batch)
                self._wake.set()
                if not light(batch):
                    # Until it is written it counts as what waits for this reader: asking for the next ends that.
                    await self._batches.join()
        except StateFailed as failed:
            word = fault(failed.failure)
            kind = "compacted" if failed.failure.kind == "compacted" else "failed"
            self._last_word = _closing(kind, word)
        except WatchLagged as lagged:
            why, remedy = "its reader is too slow", "watch again from the revision given here"
            word = StateFault("the watch has ended", why, remedy, "lagged", True, lagged.resume_revision)
            self._last_word = _closing("lagged", word)
        except Exception:
            logger.exception("a watch failed")
        self.end()

    async def _close(self) -> None:
        # A generator that waits at its yield does not notice that the pump is cancelled: end it now.
        await self._feed.aclose()

    async def _write(self, scope: Scope, send: Send) -> None:
        quiet = Quiet(self._wake, self._bounds.keep_alive_s)
        try:
            await self._tell(scope, send, quiet)
        finally:
            quiet.end()
        if self._last_word and not self._gone:
            await self._send(send, self._last_word)

    async def _tell(self, scope: Scope, send: Send, quiet: Quiet) -> None:
        while True:
            self._wake.clear()
            while not (self._gone or self._batches.empty()):
                for chunk in _chunks(self._batches.get_nowait(), self._bounds.long_bytes, self._keys_only):
                    if swamped(scope):
                        await self._room(scope)
                    await self._send(send, chunk)
                    quiet.spoke()
                self._batches.task_done()
            if self._ended:
                return
            if quiet.over:
                await self._send(send, KEEP_ALIVE)
                quiet.spoke()
            await self._wake.wait()

    async def _room(self, scope: Scope) -> None:
        """Wait while slow readers leave too much unsent; raises ``TimeoutError``."""
        async with asyncio.timeout(self._bounds.reader_timeout_s):
            while swamped(scope):  # noqa: ASYNC110  the buffers of other connections tell nobody when they drain
                await asyncio.sleep(_SWAMPED_PAUSE_S)


def _chunks(batch: store.WatchBatch, size: int, keys_only: bool) -> Iterator[bytes]:
    """The batch as it goes over the wire, in pieces of hardly more than ``size`` bytes."""
    if not batch.events:
        yield b"id: %d\nevent: progress\ndata: %b\n\n" % (
            batch.revision,
            msgspec.json.encode(RevisionView(batch.revision)),
        )
        return
    chunk = b""
    for event, following in zip(batch.events, (*batch.events[1:], None), strict=True):
        revision = event.kv.mod_revision
        if following is None or following.kv.mod_revision != revision:
            chunk += b"id: %d\n" % revision
        kind = b"delete" if event.deleted else b"put"
        chunk += b"event: %b\ndata: %b\n\n" % (
            kind,
            msgspec.json.encode(ChangeView.of(_bare(event) if keys_only else event)),
        )
        if len(chunk) >= size:
            yield chunk
            chunk = b""
    if chunk:
        yield chunk


def _bare(event: store.Event) -> store.Event:
    """The same without its values."""
    before = event.previous
    return store.Event(event.deleted, replace(event.kv, value=b""), before and replace(before, value=b""))


def _closing(kind: str, word: StateFault) -> bytes:
    """The last event; its ``id`` is where a browser's reader goes on by itself."""
    place = b"id: %d\n" % (word.resume_revision - 1) if word.resume_revision else b""
    return place + b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode(word))
