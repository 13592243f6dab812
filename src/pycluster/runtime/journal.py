"""The newest events, kept for readers who follow them, each at its own pace."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from pycluster.kernel.limits import EVENTS_KEPT
from pycluster.node.ports import EventStreamLagged
from pycluster.node.view import ClusterEvent


class EventJournal:
    """Events with rising ids. A reader that falls behind what is kept has to start again; it costs nobody memory."""

    def __init__(self, kept: int = EVENTS_KEPT) -> None:
        self._events: deque[ClusterEvent] = deque(maxlen=kept)
        self._news = asyncio.Event()

    def append(self, event: ClusterEvent) -> None:
        """The next event."""
        self._events.append(event)
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def follow(self, after: int | None) -> AsyncGenerator[ClusterEvent, None]:
        """Events above the id ``after`` (None: only new ones; 0: all that are kept first), for ever.

        Raises ``EventStreamLagged`` where some of them are no longer kept, or ``after`` is no event of this life.
        """
        last = (self._events[-1].id if self._events else 0) if after is None else after
        from_start = last == 0
        while True:
            news = self._news
            waiting = self._after(last, from_start)
            for event in waiting:
                from_start = False
                last = event.id
                yield event
            if not waiting:
                await news.wait()

    def _after(self, last: int, from_start: bool) -> list[ClusterEvent]:
        events = self._events
        if from_start:
            return list(events)
        if not events or last > events[-1].id or last < events[0].id - 1:
            raise EventStreamLagged
        return [event for event in events if event.id > last]
