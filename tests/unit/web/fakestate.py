"""The replicated state of one process: the real store without a log, on a clock that tests move."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable

import msgspec

from pycluster import store
from pycluster.kernel.units import SECOND
from pycluster.node.ports import HowFar, StateFailed, StateHead, WatchLagged
from pycluster.store import Applied, Lessor, Store, Watches


class Asked(msgspec.Struct, frozen=True):
    """One call of ``ask``."""

    request: store.Request
    timeout_s: float
    request_id: bytes


class Feed:
    """What one watcher has not taken yet; past ``limit`` batches it has lagged."""

    def __init__(self, limit: int) -> None:
        self.batches: asyncio.Queue[store.WatchBatch] = asyncio.Queue(limit)
        self.resume = 0
        self.failure: store.Failure | None = None
        self.changed = asyncio.Event()

    def tell(self, batch: store.WatchBatch) -> None:
        if self.resume or self.failure is not None:
            return
        if batch.compact_revision:
            self.failure = store.Failure("compacted", compact_revision=batch.compact_revision)
        elif self.batches.full():
            self.resume = batch.events[0].kv.mod_revision
        else:
            self.batches.put_nowait(batch)
        self.changed.set()


class FakeCopy:
    """A copy of a store; ``cut`` leaves its end out."""

    def __init__(self, state: Store, cut: bool = False) -> None:
        figures = (9, 4, state.revision, state.compacted, state.size_bytes, 0, "1.2.3")
        self.manifest = store.Manifest("demo", "c" * 32, "node001", ("node001", "node002"), *figures)
        self._writer = store.SnapshotWriter(state)
        self._cut = cut

    def chunk(self) -> bytes | None:
        piece = self._writer.chunk()
        if piece is None and self._cut:
            raise ConnectionResetError("the copy is lost")
        return piece

    def close(self) -> None:
        self._writer.close()


class FakeState:
    """``failures`` are raised by the next calls, one each; ``asked`` is what was asked.

    What lasts, so that nobody misses it, until a test takes it back: ``refusal`` meets every call, while ``deaf`` no
    leader answers a read, ``watch_failure`` ends every watch at its beginning.
    """

    def __init__(self) -> None:
        self.store = Store(store.Params(lease_ttl_min_s=1, value_max_bytes=1 << 20))
        self.failures: list[store.Failure] = []
        self.refusal: store.Failure | None = None
        self.deaf = False
        self.watch_failure: store.Failure | None = None
        self.asked: list[Asked] = []
        self.ahead = 100
        #: What the next copies do at their end.
        self.cut = False
        self.holds = True
        self.copied: list[tuple[bool, float]] = []
        self.feeds: dict[int, Feed] = {}
        self._watches = Watches(self.store)
        self._lessor = Lessor(self.store)
        self._now_us = 0
        self._ids = itertools.count(1)
        self._lessor.promote(0)

    def head(self) -> StateHead:
        now = self.store
        revisions = (now.revision, now.compact_revision, 7, now.size_bytes)
        return StateHead((1 << 64) - 1, 2, 3, 4, *revisions, replica=True)

    async def ask(self, request: store.Request, *, timeout_s: float = 5.0, request_id: bytes = b"") -> store.Result:
        told: list[store.Result] = []
        self.submit(request, told.append, timeout_s=timeout_s, request_id=request_id)
        if isinstance(told[0], store.Failure):
            raise StateFailed(told[0])
        return told[0]

    def submit(
        self,
        request: store.Request,
        told: Callable[[store.Result], None],
        *,
        timeout_s: float = 5.0,
        request_id: bytes = b"",
    ) -> None:
        self.asked.append(Asked(request, timeout_s, request_id))
        if self.failures:
            told(self.failures.pop(0))
        elif self.refusal is not None:
            told(self.refusal)
        elif self.deaf and isinstance(request, store.Range) and not request.serializable:
            told(store.Failure("timed-out"))
        else:
            told(self._answer(request, request_id or b"drawn-%d" % next(self._ids)))

    def _answer(self, request: store.Request, request_id: bytes) -> store.Result:
        match request:
            case store.Range():
                return self.store.range(request)
            case store.LeaseKeepAlive():
                ttl_s = self._lessor.renew(request.id, self._now_us)
                return store.LeaseKeepAliveResult(self.store.revision, request.id, ttl_s)
            case store.LeaseTimeToLive():
                left_s = self._lessor.remaining_s(request.id, self._now_us)
                keys = self.store.attached(request.id) if request.keys else ()
                granted_s = self.store.granted_ttl_s(request.id)
                return store.LeaseTimeToLiveResult(self.store.revision, request.id, left_s, granted_s, keys)
            case store.LeaseList():
                return store.LeaseListResult(self.store.revision, self.store.lease_ids())
            case store.LeaseGrant(id=0):
                return self._apply(store.LeaseGrant(request.ttl_s, 0x7000_0000_0000_0000 + next(self._ids)), request_id)
            case _:
                return self._apply(request, request_id)

    def _apply(self, write: store.Write, request_id: bytes) -> store.Result:
        applied: Applied = self.store.apply(store.Command(request_id, write))
        match applied.result:
            case store.LeaseGrantResult(id=granted):
                self._lessor.granted(granted, self._now_us)
            case store.LeaseRevokeResult():
                assert isinstance(write, store.LeaseRevoke)
                self._lessor.revoked(write.id)
            case _:
                pass
        for watch_id, batch in self._watches.publish(applied):
            self.feeds[watch_id].tell(batch)
        return applied.result

    async def pass_time(self, seconds: float) -> None:
        """Let leases grow older, and end."""
        self._now_us += int(seconds * SECOND)
        while expired := self._lessor.expired(self._now_us, 100):
            for lease in expired:
                self._apply(store.LeaseRevoke(lease, expired=True), b"expired-%d" % next(self._ids))

    async def watch(self, watch: store.Watch, how_far: HowFar | None = None) -> AsyncGenerator[store.WatchBatch, None]:
        watch_id, feed = next(self._ids), Feed(self.ahead)
        first = self._watches.open(watch_id, watch)
        if isinstance(first, store.Failure):
            raise StateFailed(first)
        feed.failure = self.watch_failure
        feed.tell(first)
        self.feeds[watch_id] = feed
        try:
            while self._watches.behind:
                for told, batch in self._watches.catch_up():
                    self.feeds[told].tell(batch)
            while True:
                while not feed.batches.empty():
                    yield feed.batches.get_nowait()
                if feed.failure is not None:
                    raise StateFailed(feed.failure)
                if feed.resume:
                    raise WatchLagged(feed.resume)
                feed.changed.clear()
                await feed.changed.wait()
        finally:
            self._watches.close(watch_id)
            del self.feeds[watch_id]

    def fail_watches(self, failure: store.Failure) -> None:
        """End every watch with it."""
        for feed in self.feeds.values():
            feed.failure = failure
            feed.changed.set()

    def holds_copy(self) -> bool:
        return self.holds

    async def open_copy(self, *, serializable: bool = False, timeout_s: float = 5.0) -> FakeCopy:
        self.copied.append((serializable, timeout_s))
        if self.failures:
            raise StateFailed(self.failures.pop(0))
        return FakeCopy(self.store, self.cut)
