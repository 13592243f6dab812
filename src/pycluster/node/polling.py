"""Watches on a node that holds no state: it asks a voter again and again what changed since.

Invariants: each poll begins right after the revision that the last one brought; so nothing is told twice or left out,
whoever answers. A revision too large for one answer comes in parts, and is told when all are here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from pycluster.kernel.units import SECOND
from pycluster.node.asking import Asking
from pycluster.node.config import StateParams
from pycluster.node.effects import WatchTold
from pycluster.node.outbox import Outbox
from pycluster.node.pending import Answer
from pycluster.store import RETRYABLE, Event, Failure, Watch, WatchBatch
from pycluster.wire import WatchPart, WatchPoll

#: How long a voter may wait for something to happen before it says that nothing did.
_WAIT_US = 10 * SECOND
#: How long a poll is tried before the next one takes its place.
_PATIENCE_US = 60 * SECOND


class Polling:
    """The watchers at this node."""

    def __init__(self, params: StateParams, asking: Asking, outbox: Outbox) -> None:
        self._params = params
        self._asking = asking
        self._outbox = outbox
        self._watches: dict[int, Watch] = {}
        self._asked: dict[int, int] = {}
        #: What came so far of the revision that is next.
        self._parts: dict[int, list[Event]] = {}

    def watch(self, token: int, watch: Watch) -> None:
        """A watcher here."""
        if len(self._watches) >= self._params.watches_max:
            self._outbox.append(WatchTold(token, Failure("overloaded", "too many watches")))
            return
        self._watches[token] = watch
        if watch.start_revision:
            self._outbox.append(WatchTold(token, WatchBatch(watch.start_revision - 1)))
        self._ask(token)

    def say(self, token: int) -> None:
        """How far it is by the last poll, which may have brought nothing to tell."""
        watch = self._watches.get(token)
        if watch is not None and watch.start_revision:
            self._outbox.append(WatchTold(token, WatchBatch(watch.start_revision - 1)))

    def unwatch(self, token: int) -> None:
        """It is gone."""
        self._parts.pop(token, None)
        if self._watches.pop(token, None) is not None:
            self._asking.drop(self._asked.pop(token))

    def _ask(self, token: int) -> None:
        told: Callable[[Answer], None] = partial(self._told, token)
        poll = WatchPoll(self._watches[token], _WAIT_US, parts=True, skip=len(self._parts.get(token, ())))
        number = self._asking.poll(poll, _PATIENCE_US, told)
        if token in self._watches:  # what was answered at once may have ended it, or have been followed by another
            self._asked[token] = max(number, self._asked.get(token, 0))

    def _told(self, token: int, answer: Answer) -> None:
        watch = self._watches.get(token)
        if watch is None:
            return
        whole = self._whole(token, answer) if isinstance(answer, WatchBatch) else answer
        if whole is not None:
            self._take(token, watch, whole)
        if token in self._watches:
            self._ask(token)

    def _whole(self, token: int, answer: WatchBatch) -> WatchBatch | None:
        """With the parts before it; None while some are missing."""
        parts = self._parts.pop(token, [])
        if not isinstance(answer, WatchPart):
            return answer
        if answer.skipped != len(parts):
            return None  # not what was asked for: from its beginning
        parts += answer.events
        if not answer.more:
            return WatchBatch(answer.revision, tuple(parts))
        self._parts[token] = parts
        return None

    def _take(self, token: int, watch: Watch, answer: Answer) -> None:
        if isinstance(answer, WatchBatch) and not answer.compact_revision:
            self._watches[token] = msgspec.structs.replace(watch, start_revision=answer.revision + 1)
            if answer.events or not watch.start_revision:
                self._outbox.append(WatchTold(token, answer))
        elif not isinstance(answer, Failure) or answer.kind not in RETRYABLE:
            assert isinstance(answer, WatchBatch | Failure)
            del self._watches[token]
            self._asked.pop(token, None)
            self._parts.pop(token, None)
            self._outbox.append(WatchTold(token, answer))
