"""The engine over a node that a test plays."""

from __future__ import annotations

import asyncio

import pytest

from pycluster import store
from pycluster.engines.embedded import WAITING_EVENTS_MAX, Embedded
from pycluster.node.effects import WatchTold
from pycluster.node.events import StateAsked, WatchAsked, WatchClosed, WatchOpened
from pycluster.node.ports import StateHead, WatchLagged


def deletions(revision: int, count: int) -> store.WatchBatch:
    gone = (store.Event(True, store.KeyValue(b"%d" % number, b"", 0, revision, 0)) for number in range(count))
    return store.WatchBatch(revision, tuple(gone))


class FakeNode:
    """Tells each watcher ``batches`` as soon as it is there, all at once."""

    def __init__(self, *batches: store.WatchBatch) -> None:
        self.batches = batches
        self.engine = Embedded(self.feed, self.head)

    def feed(self, event: StateAsked | WatchOpened | WatchAsked | WatchClosed) -> None:
        if isinstance(event, WatchOpened):
            for batch in self.batches:
                self.engine.told(WatchTold(event.token, batch))

    def head(self) -> StateHead:
        raise AssertionError("nobody asks")


def test_a_revision_larger_than_what_is_kept_for_a_watcher_reaches_it() -> None:
    """It comes whole, and would be as large the next time."""
    large = deletions(5, WAITING_EVENTS_MAX + 1)
    node = FakeNode(store.WatchBatch(4), large, deletions(6, 1))

    got: list[store.WatchBatch] = []

    async def watch() -> None:
        async for batch in node.engine.watch(store.Watch(b"\0", store.OPEN_END, 5)):
            got.append(batch)

    with pytest.raises(WatchLagged) as lagged:
        asyncio.run(watch())
    assert got == [store.WatchBatch(4), large] and lagged.value.resume_revision == 6
