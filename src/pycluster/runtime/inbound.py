"""Connections that others open to us: their calls and posts become events; a slow or silent stranger is cut off."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from pycluster.kernel.ids import Address
from pycluster.kernel.limits import FRAME_MAX_BYTES
from pycluster.node.events import CallReceived, PostReceived
from pycluster.runtime.descriptors import share
from pycluster.runtime.endpoints import Endpoints
from pycluster.runtime.framing import CALL, POST, REPLY, BrokenFraming, FrameReader, framed

Feed = Callable[[CallReceived | PostReceived], None]

#: Connections from others at once: seven voters need a few each, probes and anti-entropy a moment each.
CONNECTIONS_MAX = 1_024
#: Calls of one connection that wait for our answer.
CALLS_MAX = 16
#: A frame that began, or the first one, must be whole within this time.
FRAME_PATIENCE_S = 10.0
#: A connection on which nothing comes is closed after this time.
IDLE_S = 120.0
_SWEEP_S = 5.0
#: Bytes of answers that wait for a caller that does not read: two of the largest.
UNREAD_MAX_BYTES = 2 * FRAME_MAX_BYTES


class _Connection(asyncio.Protocol):
    """One of them."""

    def __init__(self, server: InboundPort) -> None:
        self._server = server
        self._frames = FrameReader()
        self._transport: asyncio.Transport | None = None
        self.source = Address("", 0)
        self._tokens: set[int] = set()
        #: Since when nothing whole has come, loop time; and whether it may take long.
        self._heard = 0.0
        self._settled = False
        self._choked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.source = self._server.endpoints.read(transport.get_extra_info("peername") or ("", 0))
        self._heard = asyncio.get_running_loop().time()
        self._server.opened(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._server.closed(self, self._tokens)

    def data_received(self, data: bytes) -> None:
        try:
            for purpose, frame in self._frames.feed(data):
                self._heard = asyncio.get_running_loop().time()
                self._settled = True
                if self._transport is None or self._transport.is_closing():
                    return
                if purpose == POST:
                    self._server.feed(PostReceived(self.source, frame))
                elif purpose == CALL and len(self._tokens) < CALLS_MAX:
                    token = self._server.token_for(self)
                    self._tokens.add(token)
                    self._server.feed(CallReceived(token, self.source, frame))
                else:
                    raise BrokenFraming("a reply that nobody asked for, or too many calls at once")
        except BrokenFraming:
            self._server.malformed += 1
            self.abort()

    def answer(self, token: int, data: bytes) -> None:
        """Send the reply."""
        self._tokens.discard(token)
        if self._transport is None:
            return
        self._transport.write(framed(REPLY, data))
        if self._transport.get_write_buffer_size() > UNREAD_MAX_BYTES:
            self.abort()

    def pause_writing(self) -> None:
        self._choked = True
        self._heard = asyncio.get_running_loop().time()
        if self._transport is not None:
            # Whoever takes no answers asks no more questions, or the answers would pile up here.
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._choked = False
        self._heard = asyncio.get_running_loop().time()
        if self._transport is not None:
            self._transport.resume_reading()

    def abort(self) -> None:
        """End it without ceremony."""
        if self._transport is not None:
            self._transport.abort()

    def overdue(self, now: float) -> bool:
        """Whether its patience is used up."""
        waiting = self._frames.partial or not self._settled or self._choked
        return now - self._heard > (FRAME_PATIENCE_S if waiting else IDLE_S)


class InboundPort:
    """The listening TCP socket and everything that came in by it."""

    def __init__(
        self,
        opened: socket.socket,
        endpoints: Endpoints,
        feed: Feed,
        greet: Callable[[str], None] = lambda host: None,
    ) -> None:
        """``greet`` is told the host of everyone who connects."""
        self.endpoints = endpoints
        self.feed = feed
        self._greet = greet
        self.malformed = 0
        self.turned_away = 0
        self._socket = opened
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._connections_max = share(CONNECTIONS_MAX)
        self._calls: dict[int, _Connection] = {}
        self._next_token = 0
        self._sweeper: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Accept from now on."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self.protocol, sock=self._socket, backlog=256)

    def protocol(self) -> asyncio.Protocol:
        """What takes one connection."""
        return _Connection(self)

    def answer(self, token: int, data: bytes) -> None:
        """Reply to ``CallReceived(token)``; nothing happens where its caller has gone."""
        connection = self._calls.pop(token, None)
        if connection is not None:
            connection.answer(token, data)

    def hang_up(self, token: int) -> None:
        """Close the connection of ``CallReceived(token)``."""
        connection = self._calls.pop(token, None)
        if connection is not None:
            connection.abort()

    def close(self) -> None:
        """Stop accepting and end every connection."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._server is not None:
            self._server.close()
        else:
            self._socket.close()
        for connection in tuple(self._connections):
            connection.abort()

    def token_for(self, connection: _Connection) -> int:
        """A number for a call that came by ``connection``."""
        self._next_token += 1
        self._calls[self._next_token] = connection
        return self._next_token

    def opened(self, connection: _Connection) -> None:
        """Somebody connected."""
        if len(self._connections) >= self._connections_max:
            self.turned_away += 1
            connection.abort()
            return
        self._connections.add(connection)
        self._greet(connection.source.host)
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)

    def closed(self, connection: _Connection, tokens: set[int]) -> None:
        """A connection ended; its calls need no answer any more."""
        self._connections.discard(connection)
        for token in tokens:
            self._calls.pop(token, None)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in tuple(self._connections):
            if connection.overdue(now):
                connection.abort()
        self._sweeper = loop.call_later(_SWEEP_S, self._sweep) if self._connections else None
