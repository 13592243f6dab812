"""Connections that a client keeps between its calls."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import SupportsIndex

#: How long one is kept without use. An agent ends what nobody used for five seconds; a request that meets that end on
#: its way is lost, so we are first.
_IDLE_S = 2.0
#: How many are kept: as many calls at once find one.
_KEPT_MAX = 8


class Reader(asyncio.StreamReader):
    """Knows how many bytes came that nobody has read: where no answer is due there should be none."""

    def __init__(self) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self.unread = 0

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        """See the base class; transports give bytes."""
        came = bytes(data)
        self.unread += len(came)
        super().feed_data(came)

    async def read(self, n: int = -1) -> bytes:
        """See the base class."""
        data = await super().read(n)
        self.unread -= len(data)
        return data

    async def readline(self) -> bytes:
        """See the base class."""
        line = await super().readline()
        self.unread -= len(line)
        return line


Line = tuple[Reader, asyncio.StreamWriter]


class KeptConnections:
    """To one agent, on one event loop: idle, with every answer read to its end. ``close`` it on that loop."""

    def __init__(self, idle_s: float = _IDLE_S) -> None:
        self._idle_s = idle_s
        #: With the moment (loop's clock, s) when it was given back; the newest last.
        self._idle: list[tuple[float, Line]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def take(self) -> Line | None:
        """The one that was used last, if any still stands as far as we know.

        A program that held up its loop is here before the timer, and before what came meanwhile was read.
        """
        least_s = asyncio.get_running_loop().time() - self._idle_s
        while self._idle:
            since_s, line = self._idle.pop()
            reader, writer = line
            if since_s > least_s and not (reader.unread or reader.at_eof() or writer.transport.is_closing()):
                return line
            _end(line)
        return None

    def give(self, line: Line) -> None:
        """Keep it for the next call."""
        if self._closed or len(self._idle) >= _KEPT_MAX:
            _end(line)
            return
        loop = asyncio.get_running_loop()
        self._idle.append((loop.time(), line))
        if self._timer is None:
            self._timer = loop.call_later(self._idle_s, self._end_the_old)

    def drop(self) -> None:
        """End all that are idle: the agent has ended one of them, so it may have ended them all."""
        while self._idle:
            _end(self._idle.pop()[1])

    async def close(self) -> None:
        """Keep nothing any more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self.drop()
        await asyncio.sleep(0)  # a transport closes its socket in the next round

    def _end_the_old(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        while self._idle and self._idle[0][0] + self._idle_s <= loop.time():
            _end(self._idle.pop(0)[1])
        if self._idle:
            self._timer = loop.call_at(self._idle[0][0] + self._idle_s, self._end_the_old)


def _end(line: Line) -> None:
    # By a name: a writer that is forgotten before its transport is told to end complains of that.
    _, writer = line
    writer.transport.abort()
