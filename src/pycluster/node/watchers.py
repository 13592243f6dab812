"""Who watches this node's copy of the state: watchers here, and peers' polls that wait for something to happen.

Invariants: a watcher is told whole revisions, in order, each once, also across a state that came from a leader; a poll
is answered once.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pycluster.kernel.units import MILLISECOND
from pycluster.node.config import StateParams
from pycluster.node.effects import WatchTold
from pycluster.node.outbox import Outbox
from pycluster.store import Applied, Failure, Store, Watch, WatchBatch, Watches
from pycluster.wire import WatchPoll

#: A poll waits for this long at most.
_WAIT_MAX_US = 60_000 * MILLISECOND


class _Watcher(msgspec.Struct):
    """``token`` of a watcher here, or how to ``reply`` to a poll and until when it waits."""

    watch: Watch
    token: int = 0
    reply: Callable[[WatchBatch | Failure], None] | None = None
    ends_us: int = 0
    #: Everything up to it was told.
    revision: int = 0


class Watchers:
    """By numbers of their own."""

    def __init__(self, params: StateParams, state: Store, outbox: Outbox) -> None:
        self._params = params
        self._outbox = outbox
        self._watches = Watches(state)
        self._state = state
        self._number = 0
        self._watchers: dict[int, _Watcher] = {}
        self._tokens: dict[int, int] = {}
        self._polls: dict[int, int] = {}
        #: No poll ends before; what all of them wait for is not looked through with every event.
        self._due_us: int | None = None

    @property
    def any(self) -> bool:
        """Whether there is anybody."""
        return bool(self._watchers)

    def watch(self, token: int, watch: Watch) -> None:
        """A watcher here."""
        self._open(_Watcher(watch, token=token))

    def unwatch(self, token: int) -> None:
        """It is gone."""
        number = self._tokens.get(token)
        if number is not None:
            self._close(number)

    def poll(self, poll: WatchPoll, reply: Callable[[WatchBatch | Failure], None], now_us: int) -> None:
        """A peer's; one from no revision on only asks where to begin."""
        if poll.watch.start_revision == 0:
            reply(WatchBatch(self._state.revision))
        else:
            self._open(_Watcher(poll.watch, reply=reply, ends_us=now_us + min(poll.wait_us, _WAIT_MAX_US)))

    def publish(self, applied: Applied) -> None:
        """Something was applied."""
        for number, batch in self._watches.publish(applied):
            self._tell(number, batch)

    def tick(self, now_us: int) -> None:
        """Polls to which nothing happened are told so."""
        if self._due_us is None or now_us < self._due_us:
            return
        for number, ends_us in [*self._polls.items()]:
            if now_us >= ends_us:
                self._tell(number, self._watches.progress(number) or WatchBatch(self._watchers[number].revision))
        self._due_us = min(self._polls.values(), default=None)

    def next_deadline(self) -> int | None:
        """When ``tick`` is due."""
        return self._due_us

    @property
    def behind(self) -> bool:
        """Whether somebody began in the past and has not caught up."""
        return self._watches.behind

    def catch_up(self) -> None:
        """One slice of that."""
        for number, batch in self._watches.catch_up():
            self._tell(number, batch)

    def move(self, state: Store) -> None:
        """Another state takes the place of the one that is watched; everybody goes on where he was."""
        self._state = state
        self._watches.replace(state)

    def leave(self, why: Failure) -> None:
        """This copy is fed no longer: who watches it does so anew, elsewhere."""
        for number in [*self._watchers]:
            self._tell(number, why)

    def _open(self, watcher: _Watcher) -> None:
        self._number += 1
        number = self._number
        self._watchers[number] = watcher
        if watcher.reply is None:
            self._tokens[watcher.token] = number
        else:
            self._polls[number] = watcher.ends_us
            self._due_us = watcher.ends_us if self._due_us is None else min(self._due_us, watcher.ends_us)
        if len(self._watchers) > self._params.watches_max:
            self._tell(number, Failure("overloaded", "too many watches", self._state.revision))
            return
        first = self._watches.open(number, watcher.watch)
        if isinstance(first, WatchBatch):
            watcher.revision = first.revision
        if isinstance(first, Failure) or first.compact_revision or watcher.reply is None:
            self._tell(number, first)

    def _tell(self, number: int, batch: WatchBatch | Failure) -> None:
        watcher = self._watchers.get(number)
        if watcher is None:
            return
        if isinstance(batch, WatchBatch):
            watcher.revision = batch.revision
        if watcher.reply is None:
            self._outbox.append(WatchTold(watcher.token, batch))
        else:
            watcher.reply(batch)
        if isinstance(batch, Failure) or batch.compact_revision or watcher.reply is not None:
            self._close(number)

    def _close(self, number: int) -> None:
        watcher = self._watchers.pop(number)
        self._polls.pop(number, None)
        if not self._polls:
            self._due_us = None
        if watcher.reply is None:
            self._tokens.pop(watcher.token, None)
        self._watches.close(number)
