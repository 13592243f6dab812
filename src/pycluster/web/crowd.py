"""The connections of one kind together: how many there are, and what their readers have not taken yet."""

from __future__ import annotations

import asyncio

from pycluster.web.bounds import Bounds

#: An answer's head, and what goes around a piece of its body, at most.
_AROUND_BYTES = 1_024


class Crowd:
    """Those over the Unix socket (``unix``), or those over TCP.

    All write buffers are looked at only when what was written since the last time could fill the bound: to do so for
    each event of each stream would cost the agent more than the events.
    """

    def __init__(self, bounds: Bounds, *, unix: bool) -> None:
        self.unix = unix
        self._bounds = bounds
        self._open: set[asyncio.Transport] = set()
        #: Those that wait for their client's next request, the longest first.
        self._resting: dict[asyncio.Transport, None] = {}
        #: Bytes that waited when they were counted, and what was written since.
        self._counted = 0
        self._since = 0

    def __len__(self) -> int:
        return len(self._open)

    def enter(self, transport: asyncio.Transport) -> None:
        """One connection more."""
        self._open.add(transport)

    def leave(self, transport: asyncio.Transport) -> None:
        """It is closed."""
        self._open.discard(transport)
        self._resting.pop(transport, None)

    def rests(self, transport: asyncio.Transport) -> None:
        """Its client has its answer, and may ask again."""
        self._resting[transport] = None

    def works(self, transport: asyncio.Transport) -> None:
        """Its client asks again."""
        self._resting.pop(transport, None)

    def make_room(self) -> bool:
        """Close the one that has rested the longest, if any rests: clients keep connections without being served."""
        for transport in self._resting:
            self.leave(transport)
            transport.close()
            return True
        return False

    def wrote(self, size: int) -> None:
        """A piece of an answer, ``size`` bytes of its body, was given to one of these connections."""
        self._since += size + _AROUND_BYTES

    def swamped(self, own: asyncio.Transport) -> bool:
        """Whether too many bytes wait for the readers of these connections, or for this one's.

        What follows would wait, too, and nobody would count it.
        """
        if own.get_write_buffer_size() > self._bounds.long_bytes:
            return True
        if self._counted + self._since > self._bounds.unsent_max_bytes:
            self._counted = sum(one.get_write_buffer_size() for one in self._open)
            self._since = 0
        return self._counted > self._bounds.unsent_max_bytes
