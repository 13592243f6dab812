"""The replicated state without replicas: one store in this process, applied at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from random import Random
from typing import assert_never

from pycluster.node.ports import HowFar, StateFailed, StateHead, WatchLagged
from pycluster.store import (
    Command,
    Compact,
    DeleteRange,
    Failure,
    LeaseGrant,
    LeaseKeepAlive,
    LeaseKeepAliveResult,
    LeaseList,
    LeaseListResult,
    LeaseRevoke,
    LeaseTimeToLive,
    LeaseTimeToLiveResult,
    Lessor,
    Params,
    Put,
    Range,
    Request,
    Result,
    Store,
    Txn,
    Watch,
    WatchBatch,
    Watches,
    Write,
)

#: Batches that wait for a reader; past it the watch has lagged.
_AHEAD = 1_000


class LocalState:
    """A ``StateStore``. ``clock`` gives the leases' time in microseconds."""

    def __init__(self, clock: Callable[[], int] = lambda: 0, params: Params | None = None, seed: int = 1) -> None:
        self.store = Store(params or Params())
        self._clock = clock
        self._rng = Random(seed)
        self._watches = Watches(self.store)
        self._lessor = Lessor(self.store)
        self._lessor.promote(clock())
        self._feeds: dict[int, asyncio.Queue[WatchBatch]] = {}
        self._opened = 0
        self._applied = 0

    def head(self) -> StateHead:
        return StateHead(
            cluster_id=0xC0FFEE,
            member_id=0xBEEF,
            leader_id=0xBEEF,
            term=2,
            revision=self.store.revision,
            compact_revision=self.store.compact_revision,
            index=self._applied,
            size_bytes=self.store.size_bytes,
            replica=True,
        )

    async def ask(self, request: Request, *, timeout_s: float = 5.0, request_id: bytes = b"") -> Result:
        told: list[Result] = []
        self.submit(request, told.append, timeout_s=timeout_s, request_id=request_id)
        if isinstance(told[0], Failure):
            raise StateFailed(told[0])
        return told[0]

    def submit(
        self, request: Request, told: Callable[[Result], None], *, timeout_s: float = 5.0, request_id: bytes = b""
    ) -> None:
        for lease in self._lessor.expired(self._clock(), 1_000):
            self._apply(LeaseRevoke(lease, expired=True), b"")
        told(self._answer(request, request_id))

    def _answer(self, request: Request, request_id: bytes) -> Result:
        match request:
            case Range():
                return self.store.range(request)
            case LeaseKeepAlive(id):
                return LeaseKeepAliveResult(self.store.revision, id, self._lessor.renew(id, self._clock()))
            case LeaseTimeToLive(id, keys):
                left = self._lessor.remaining_s(id, self._clock())
                attached = self.store.attached(id) if keys else ()
                return LeaseTimeToLiveResult(self.store.revision, id, left, self.store.granted_ttl_s(id), attached)
            case LeaseList():
                return LeaseListResult(self.store.revision, self.store.lease_ids())
            case LeaseGrant(ttl_s, 0):
                return self._apply(LeaseGrant(ttl_s, self._rng.getrandbits(62) + 1), request_id)
            case Put() | DeleteRange() | Txn() | Compact() | LeaseGrant() | LeaseRevoke():
                return self._apply(request, request_id)
            case _:
                assert_never(request)

    def _apply(self, write: Write, request_id: bytes) -> Result:
        """As behind a log: what is checked first is refused without an entry."""
        refused = self.store.check(write)
        if refused is not None:
            return refused
        applied = self.store.apply(Command(request_id or self._rng.randbytes(16), write))
        self._applied += 1
        if isinstance(write, LeaseGrant) and not isinstance(applied.result, Failure):
            self._lessor.granted(write.id, self._clock())
        if isinstance(write, LeaseRevoke) and not isinstance(applied.result, Failure):
            self._lessor.revoked(write.id)
        self._deliver(self._watches.publish(applied))
        while self.store.tidy():
            pass
        return applied.result

    async def watch(self, watch: Watch, how_far: HowFar | None = None) -> AsyncGenerator[WatchBatch, None]:
        self._opened += 1
        number = self._opened
        opened = self._watches.open(number, watch)
        if isinstance(opened, Failure):
            raise StateFailed(opened)
        if opened.compact_revision:
            raise StateFailed(Failure("compacted", "", self.store.revision, opened.compact_revision))
        feed = self._feeds[number] = asyncio.Queue()
        told = opened.revision
        if how_far is not None:
            how_far.ask = lambda: feed.put_nowait(self._watches.progress(number) or WatchBatch(told))
        try:
            yield opened
            while self._watches.behind:
                self._deliver(self._watches.catch_up())
            while True:
                if feed.qsize() > _AHEAD:
                    raise WatchLagged(told + 1)
                batch = await feed.get()
                if batch.compact_revision:
                    raise StateFailed(Failure("compacted", "", self.store.revision, batch.compact_revision))
                yield batch
                told = max(told, batch.revision)
        finally:
            self._watches.close(number)
            del self._feeds[number]

    def _deliver(self, batches: Sequence[tuple[int, WatchBatch]]) -> None:
        for number, batch in batches:
            self._feeds[number].put_nowait(batch)
