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
from pycluster.engines.room import EVENT_BYTES, Room, Turn
from pycluster.node.copying import StateCopy
from pycluster.node.effects import StateAnswered, WatchTold
from pycluster.node.events import StateAsked, WatchAsked, WatchClosed, WatchOpened
from pycluster.node.ports import HowFar, StateFailed, StateHead, WatchLagged
from pycluster.store import RETRYABLE, Failure, Watch, WatchBatch

#: Events, and bytes of keys and values, that may wait for one watcher; past either it is cancelled. For all of them
#: together ``room.ROOM_BYTES_MAX`` may.
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
    """What waits for one watcher, and what its reader was handed last."""

    def __init__(self, revision: int, room: Room, turn: Turn | None = None) -> None:
        #: Each with the bytes of its keys and values.
        self.batches: deque[tuple[WatchBatch | Failure, int]] = deque()
        self.arrived = asyncio.Event()
        self.lagged = False
        #: It lagged because others took the room.
        self.crowded = False
        #: The revision of the first event that was not kept: all before it were, or are of no interest here.
        self.missed = 0
        #: Everything up to it was handed out, or need not be.
        self.revision = revision
        self._events = 0
        self._bytes = 0
        self._room = room
        self._turn = turn
        #: Of the room; and how much of that its reader has in hand.
        self._held = 0
        self._in_hand = 0

    def put(self, batch: WatchBatch | Failure) -> bool:
        """Keep it; whoever reads too slowly, or finds no room, is marked, and gets no more.

        Gives whether it was marked just now.
        """
        if self.lagged:
            return False
        size = 0
        if isinstance(batch, WatchBatch) and batch.events:
            waits, size = self._events > 0, batch.size_bytes
            self._events += len(batch.events)
            self._bytes += size
            # One batch alone is no sign of slowness: a revision may be larger than what is kept, and comes whole.
            self.lagged = waits and (self._events > WAITING_EVENTS_MAX or self._bytes > WAITING_BYTES_MAX)
            if not self.lagged:
                self.lagged = self.crowded = not self._takes(size + EVENT_BYTES * len(batch.events))
            if self.lagged:
                self.missed = batch.events[0].kv.mod_revision
        if not self.lagged:
            self.batches.append((batch, size))
        self.arrived.set()
        return self.lagged

    def _takes(self, size: int) -> bool:
        room = self._room
        if not room.has(self._turn) and not room.fits(self._held, size):
            return False
        room.take(size)
        self._held += size
        if self._turn is not None:
            room.over(self._turn)
            self._turn = None
        return True

    async def take(self) -> WatchBatch | Failure | None:
        """The next one, by which its reader says that it is done with the last; None when what was kept is read and
        there was no room for more. Raises ``WatchLagged`` when it was too slow by itself.
        """
        self._give(self._in_hand)
        self._in_hand = 0
        while not self.batches:
            if self.crowded:
                return None
            if self.lagged:
                raise WatchLagged(max(self.revision + 1, self.missed))
            self.arrived.clear()
            await self.arrived.wait()
        batch, size = self.batches.popleft()
        if isinstance(batch, WatchBatch):
            self._events -= len(batch.events)
            self._bytes -= size
            self._in_hand = size + EVENT_BYTES * len(batch.events)
        return batch

    def close(self) -> None:
        """It takes no room any more, and no turn."""
        self.batches.clear()
        self._give(self._held)
        self._in_hand = 0
        if self._turn is not None:
            self._room.over(self._turn)

    def _give(self, size: int) -> None:
        self._held -= size
        self._room.give(size)


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
        self._room = Room()
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
        if watcher is not None and watcher.put(effect.batch):
            # Nothing more is copied out of the history for whoever does not read; the node is in the middle of it.
            asyncio.get_running_loop().call_soon(self._shut, effect.token)

    @property
    def waiting_bytes(self) -> int:
        """What all watchers have not read yet, as ``Room`` counts it."""
        return self._room.taken

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
        self._room.close()

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
        turn: Turn | None = None
        while True:
            self._token += 1
            token, watcher = self._token, _Watcher(watch.start_revision - 1, self._room, turn)
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
                watcher.close()
                self._shut(token)
            # The node could not go on with it, or there was no room; it begins anew where it was. What it heard last
            # may be long ago, and forgotten; what it had no room for is not.
            watch = msgspec.structs.replace(watch, start_revision=max(watch.start_revision, watcher.missed))
            turn = await self._room.turn() if watcher.crowded and not self._closed else None
            if turn is None:
                await asyncio.sleep(_REOPEN_S)

    def _shut(self, token: int) -> None:
        """The node has nothing more to tell it."""
        if self._watchers.pop(token, None) is not None:
            self._feed(WatchClosed(token))

    async def _batches(self, watcher: _Watcher, *, begun: bool) -> AsyncGenerator[WatchBatch, None]:
        """Until the node cannot go on with it for the moment, or there is no room. One that has not ``begun`` and finds
        no place is told so: places come free when others go, not in a moment.
        """
        while True:
            batch = await watcher.take()
            if batch is None:
                return
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
    beginning, numbers = store.VOUCHED + secrets.token_bytes(9), itertools.count()
    return lambda: beginning + next(numbers).to_bytes(6, "big")
