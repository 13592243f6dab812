"""A node with a past that a test plays: whoever watches from before is told it, a revision at a time, each in turn."""

from __future__ import annotations

import asyncio

from pycluster.engines.embedded import Embedded
from pycluster.node.effects import WatchTold
from pycluster.node.events import StateAsked, WatchAsked, WatchClosed, WatchOpened
from pycluster.node.ports import StateHead
from pycluster.store import Event, KeyValue, WatchBatch


class Past:
    """Revisions 2 to ``newest`` of the key ``k``, of ``size`` bytes each; ``tell`` adds one, for those who know all
    others.
    """

    def __init__(self, count: int, size: int) -> None:
        self.newest = count + 1
        self.engine = Embedded(self._feed, self._head)
        #: The most that waited at any time, and the revisions that were copied.
        self.most = self.copied = 0
        #: From which revision on somebody watched, each time.
        self.opened: list[int] = []
        self._value = bytes(size)
        self._added: dict[int, tuple[bytes, bytes]] = {}
        #: The next revision for each, and its key.
        self._following: dict[int, int] = {}
        self._keys: dict[int, bytes] = {}

    def _head(self) -> StateHead:
        return StateHead(1, 2, 3, 4, self.newest, 0, 6, 7, True)

    def _feed(self, event: StateAsked | WatchOpened | WatchAsked | WatchClosed) -> None:
        if isinstance(event, WatchOpened):
            self.opened.append(event.watch.start_revision)
            self._following[event.token] = max(event.watch.start_revision, 2)
            self._keys[event.token] = event.watch.key
            self.engine.told(WatchTold(event.token, WatchBatch(event.watch.start_revision - 1)))
        elif isinstance(event, WatchClosed):
            self._following.pop(event.token, None)

    def slice(self) -> None:
        """The next revision for each one that is behind."""
        for token, revision in tuple(self._following.items()):
            if revision <= self.newest:
                self._following[token] = revision + 1
                self._say(token, revision, *self._added.get(revision, (b"k", self._value)))

    async def settle(self) -> None:
        """Slices until nobody gets any further."""
        for _ in range(100):
            self.slice()
            await asyncio.sleep(0)

    def tell(self, value: bytes, key: bytes = b"k") -> None:
        """A change, to those who know everything before it."""
        self.newest += 1
        self._added[self.newest] = key, value
        for token, revision in tuple(self._following.items()):
            if revision == self.newest:
                self._following[token] = revision + 1
                self._say(token, revision, key, value)

    def _say(self, token: int, revision: int, key: bytes, value: bytes) -> None:
        if key not in (self._keys[token], b"k" if self._keys[token] == b"\0" else b""):
            return
        self.copied += 1
        event = Event(False, KeyValue(key, value, 2, revision, 1))
        self.engine.told(WatchTold(token, WatchBatch(revision, (event,))))
        self.most = max(self.most, self.engine.waiting_bytes)
