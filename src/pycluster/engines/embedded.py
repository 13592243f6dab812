"""The state that the agents keep themselves: requests become events of the node, its effects their answers."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial

import msgspec

from pycluster import store
from pycluster.node.copying import StateCopy
from pycluster.node.effects import StateAnswered, WatchTold
from pycluster.node.events import StateAsked, WatchAsked, WatchClosed, WatchOpened
from pycluster.node.ports import HowFar, StateFailed, StateHead, WatchLagged
from pycluster.store import RETRYABLE, Failure, Watch, WatchBatch

#: Events, and bytes of keys and values, that may wait for one watcher; past either it is cancelled.
WAITING_EVENTS_MAX = 8_192
WAITING_BYTES_MAX = 16 * 1024 * 1024
#: What an answer may need beyond the time it was given; then the node has lost it.
_GRACE_S = 5.0
#: Between two attempts to open a watch anew that nobody takes.
_REOPEN_S = 0.1
#: Between two looks whether this node's copy has caught up.
_CATCH_UP_S = 0.02

Told = Callable[[store.Result], None]
Feed = Callable[[StateAsked | WatchOpened | WatchAsked | WatchClosed], None]


class _Watcher:
    """What waits for one watcher."""

    def __init__(self, revision: int) -> None:
        self.batches: deque[WatchBatch | Failure] = deque()
        self.arrived = asyncio.Event()
        self.lagged = False
        #: Everything up to it was handed out, or need not be.
        self.revision = revision
        self._events = 0
        self._bytes = 0

    def put(self, batch: WatchBatch | Failure) -> None:
        """Keep it; whoever reads too slowly is marked, and gets no more."""
        if isinstance(batch, WatchBatch):
            waits = self._events > 0
            self._events += len(batch.events)
            self._bytes += _bytes_of(batch)
            # One batch alone is no sign of slowness: a revision may be larger than what is kept, and comes whole.
            if waits and (self._events > WAITING_EVENTS_MAX or self._bytes > WAITING_BYTES_MAX):
                self.lagged = True
        if not self.lagged:
            self.batches.append(batch)
        self.arrived.set()

    async def take(self) -> WatchBatch | Failure:
        """The next one; raises ``WatchLagged`` when what was kept is read."""
        while not self.batches:
            if self.lagged:
                raise WatchLagged(self.revision + 1)
            self.arrived.clear()
            await self.arrived.wait()
        batch = self.batches.popleft()
        if isinstance(batch, WatchBatch):
            self._events -= len(batch.events)
            self._bytes -= _bytes_of(batch)
        return batch


class Embedded:
    """``node.ports.StateStore`` over the running node; on the event loop's thread."""

    def __init__(
        self,
        feed: Feed,
        head: Callable[[], StateHead],
        new_id: Callable[[], bytes] | None = None,
        feed_all: Callable[[Sequence[StateAsked]], None] | None = None,
        copy: Callable[[], StateCopy | None] = lambda: None,
    ) -> None:
        """``feed_all`` takes what was asked within one turn of the loop; without it ``feed`` does, at once. ``copy``
        begins a copy of the whole state.
        """
        self._copy = copy
        self._feed = feed
        self._feed_all = feed_all
        self._together: list[StateAsked] = []
        self._head = head
        self._new_id = new_id or _numbered()
        self._token = 0
        #: Whom to tell, and after which time of the loop the node has lost it.
        self._asked: dict[int, tuple[Told, float]] = {}
        self._sweeper: asyncio.TimerHandle | None = None
        self._watchers: dict[int, _Watcher] = {}
        self._closed = False

    # --- what the node says -----------------------------------------------------------------------------------------

    def answered(self, effect: StateAnswered) -> None:
        """An answer."""
        waiting = self._asked.pop(effect.token, None)
        if waiting is not None:
            waiting[0](effect.result)

    def told(self, effect: WatchTold) -> None:
        """News for a watcher."""
        watcher = self._watchers.get(effect.token)
        if watcher is not None:
            watcher.put(effect.batch)

    def close(self) -> None:
        """The node is gone: nobody waits in vain."""
        self._closed = True
        asked, self._asked = self._asked, {}
        for told, _ in asked.values():
            told(Failure("outcome-unknown", "the agent is stopping"))
        if self._sweeper is not None:
            self._sweeper.cancel()
        for watcher in self._watchers.values():
            watcher.put(Failure("no-leader", "the agent is stopping"))

    # --- node.ports.StateStore ----------------------------------------------------------------------------------------

    def head(self) -> StateHead:
        return self._head()

    async def ask(self, request: store.Request, *, timeout_s: float = 5.0, request_id: bytes = b"") -> store.Result:
        waiting: asyncio.Future[store.Result] = asyncio.get_running_loop().create_future()

        def told(result: store.Result) -> None:
            if not waiting.done():
                waiting.set_result(result)

        self.submit(request, told, timeout_s=timeout_s, request_id=request_id)
        result = await waiting
        if isinstance(result, Failure):
            raise StateFailed(result)
        return result

    def holds_copy(self) -> bool:
        return self._head().replica

    async def open_copy(self, *, serializable: bool = False, timeout_s: float = 5.0) -> StateCopy:
        if self._closed:
            raise StateFailed(Failure("no-leader", "the agent is stopping"))
        if not serializable:
            now = asyncio.get_running_loop().time
            until = now() + timeout_s
            known = await self.ask(store.Range(b"\0", count_only=True), timeout_s=timeout_s)
            # Whoever leads has answered; this copy hears of what is committed a moment later.
            while self._head().revision < known.revision:
                if now() >= until:
                    raise StateFailed(Failure("timed-out", "this agent's copy does not catch up"))
                await asyncio.sleep(_CATCH_UP_S)
        begun = self._copy()
        if begun is None:
            raise StateFailed(Failure("no-leader", "this agent holds no copy of the state"))
        return begun

    def submit(self, request: store.Request, told: Told, *, timeout_s: float = 5.0, request_id: bytes = b"") -> None:
        if self._closed:
            told(Failure("no-leader", "the agent is stopping"))
            return
        self._token += 1
        loop = asyncio.get_running_loop()
        self._asked[self._token] = told, loop.time() + timeout_s + _GRACE_S
        if self._sweeper is None:
            self._sweeper = loop.call_later(_GRACE_S, self._sweep)
        if isinstance(request, store.Write) and not request_id:
            request_id = self._new_id()
        self._hand_on(StateAsked(self._token, request, request_id, int(timeout_s * 1_000_000)))

    def _sweep(self) -> None:
        """Nobody waits for ever for what the node has lost."""
        loop = asyncio.get_running_loop()
        self._sweeper, now = None, loop.time()
        for token in [token for token, (_, until) in self._asked.items() if until <= now]:
            told, _ = self._asked.pop(token)
            told(Failure("timed-out", "this agent lost the request"))
        if self._asked:
            self._sweeper = loop.call_later(_GRACE_S, self._sweep)

    def _hand_on(self, asked: StateAsked) -> None:
        if self._feed_all is None:
            self._feed(asked)
            return
        if not self._together:
            asyncio.get_running_loop().call_soon(self._flush, self._feed_all)
        self._together.append(asked)

    def _flush(self, feed_all: Callable[[Sequence[StateAsked]], None]) -> None:
        together, self._together = self._together, []
        feed_all(together)

    async def watch(self, watch: Watch, how_far: HowFar | None = None) -> AsyncGenerator[WatchBatch, None]:
        first, told_all, how_far = True, how_far is not None, how_far or HowFar()
        while True:
            self._token += 1
            token, watcher = self._token, _Watcher(watch.start_revision - 1)
            self._watchers[token] = watcher
            try:
                if self._closed:
                    raise StateFailed(Failure("no-leader", "the agent is stopping"))
                self._feed(WatchOpened(token, watch))
                how_far.ask = partial(self._feed, WatchAsked(token))
                async for batch in self._batches(watcher, begun=not first):
                    # Whoever asks how far it is may have asked just before it was opened anew.
                    if batch.events or first or told_all or batch.revision > watch.start_revision - 1:
                        yield batch
                    first = False
                    watch = msgspec.structs.replace(watch, start_revision=batch.revision + 1)
            finally:
                how_far.ask = None
                del self._watchers[token]
                self._feed(WatchClosed(token))
            # The node could not go on with it; it begins anew where it was.
            await asyncio.sleep(_REOPEN_S)

    async def _batches(self, watcher: _Watcher, *, begun: bool) -> AsyncGenerator[WatchBatch, None]:
        """Until the node cannot go on with it for the moment. One that has not ``begun`` and finds no place is told so:
        places come free when others go, not in a moment.
        """
        while True:
            batch = await watcher.take()
            if isinstance(batch, WatchBatch):
                if batch.compact_revision:
                    why = "what was asked for is forgotten"
                    raise StateFailed(Failure("compacted", why, batch.revision, batch.compact_revision))
                watcher.revision = max(watcher.revision, batch.revision)
                yield batch
            elif batch.kind in RETRYABLE and not self._closed and (begun or batch.kind != "overloaded"):
                return
            else:
                raise StateFailed(batch)


def _numbered() -> Callable[[], bytes]:
    """IDs of 16 bytes that nobody else draws: a random beginning for this process, and a number."""
    beginning, numbers = secrets.token_bytes(10), itertools.count()
    return lambda: beginning + next(numbers).to_bytes(6, "big")


def _bytes_of(batch: WatchBatch) -> int:
    return sum(
        len(event.kv.key) + len(event.kv.value) + (len(event.previous.value) if event.previous else 0)
        for event in batch.events
    )
