"""Who watches this node's copy of the state: watchers here, and peers' polls that wait for something to happen.

Invariants: a watcher is told whole revisions, in order, each once, also across a state that came from a leader; a poll
is answered once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pycluster.kernel.limits import FRAME_MAX_BYTES
from pycluster.kernel.units import MILLISECOND
from pycluster.node.config import StateParams
from pycluster.node.effects import WatchTold
from pycluster.node.outbox import Outbox
from pycluster.store import Applied, Event, Failure, Store, Watch, WatchBatch, Watches
from pycluster.wire import WatchPart, WatchPoll

#: A poll waits for this long at most.
_WAIT_MAX_US = 60_000 * MILLISECOND
#: Bytes of keys and values in one answer to a poll, beyond its first event: a frame takes twice as many.
_ANSWER_MAX_BYTES = FRAME_MAX_BYTES // 2
#: What an event adds to that.
_EVENT_BYTES = 64


class _Watcher:
    """``token`` of a watcher here, or how to ``reply`` to a poll and until when it waits."""

    __slots__ = ("ends_us", "reply", "token", "watch")

    def __init__(
        self,
        watch: Watch,
        token: int = 0,
        reply: Callable[[WatchBatch | Failure], None] | None = None,
        ends_us: int = 0,
    ) -> None:
        self.watch = watch
        self.token = token
        self.reply = reply
        self.ends_us = ends_us


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

    def __len__(self) -> int:
        return len(self._watchers)

    @property
    def any(self) -> bool:
        """Whether there is anybody."""
        return bool(self._watchers)

    def watch(self, token: int, watch: Watch) -> None:
        """A watcher here."""
        self._open(_Watcher(watch, token=token))

    def say(self, token: int) -> None:
        """How far it is."""
        number = self._tokens.get(token)
        if number is not None:
            self._tell(number, self._so_far(number))

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
            told = (lambda batch: reply(_fitting(batch, poll))) if poll.parts else reply
            self._open(_Watcher(poll.watch, reply=told, ends_us=now_us + min(poll.wait_us, _WAIT_MAX_US)))

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
                self._tell(number, self._so_far(number))
        self._due_us = min(self._polls.values(), default=None)

    def next_deadline(self) -> int | None:
        """When ``tick`` is due."""
        return self._due_us

    @property
    def behind(self) -> bool:
        """Whether somebody began in the past and has not caught up."""
        return bool(self._watchers) and self._watches.behind

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
        if isinstance(first, Failure) or first.compact_revision or watcher.reply is None:
            self._tell(number, first)

    def _so_far(self, number: int) -> WatchBatch:
        # A poll that has not caught up goes on from here, or it would begin anew for ever.
        return self._watches.progress(number) or WatchBatch(self._watches.seen(number))

    def _tell(self, number: int, batch: WatchBatch | Failure) -> None:
        watcher = self._watchers.get(number)
        if watcher is None:
            return
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


def _fitting(batch: WatchBatch | Failure, poll: WatchPoll) -> WatchBatch | Failure:
    """As many whole revisions as one answer takes, or else a part of the first.

    A revision's events are the same and in the same order whenever, and by whomever, they are told.
    """
    if isinstance(batch, Failure) or batch.compact_revision or not batch.events:
        return batch
    events = batch.events
    fits = _count(events)
    if fits == len(events) and not poll.skip:
        return batch
    first = events[0].kv.mod_revision
    length = next((place for place, one in enumerate(events) if one.kv.mod_revision != first), len(events))
    if fits >= length and not poll.skip:
        upto = events[fits].kv.mod_revision  # that one is not whole, or the next
        return WatchBatch(upto - 1, tuple(event for event in events[:fits] if event.kv.mod_revision < upto))
    left = events[poll.skip : length]
    part = left[: _count(left)]
    more = len(part) < len(left)
    told = poll.watch.start_revision - 1 if more else first
    return WatchPart(told, part, skipped=poll.skip, more=more)


def _count(events: Sequence[Event]) -> int:
    """How many of them go into one answer; one always does."""
    left = _ANSWER_MAX_BYTES
    for place, event in enumerate(events):
        previous = 0 if event.previous is None else len(event.previous.value)
        left -= _EVENT_BYTES + 2 * len(event.kv.key) + len(event.kv.value) + previous
        if left < 0 and place:
            return place
    return len(events)
