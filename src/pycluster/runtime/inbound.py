"""Connections that others open to us: their calls and posts become events; a slow or silent stranger is cut off."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from typing import cast

from pycluster.kernel.ids import Address
from pycluster.kernel.limits import FRAME_MAX_BYTES, STREAMS_MAX
from pycluster.node.events import CallReceived, PostReceived, StreamEnded, StreamOpened
from pycluster.runtime.crowds import Crowd, Hoard
from pycluster.runtime.descriptors import share
from pycluster.runtime.endpoints import Endpoints
from pycluster.runtime.framing import CALL, GOODBYE, POST, REPLY, STREAM, BrokenFraming, FrameReader, framed
from pycluster.runtime.streams import CLOSE_S, keep_alive

Feed = Callable[[CallReceived | PostReceived | StreamOpened | StreamEnded], None]

#: Connections from others at once: seven voters need a few each, probes and anti-entropy a moment each.
CONNECTIONS_MAX = 1_024
#: Of these, what one host has for certain when it gets tight (``Crowd``): a voter's two lines, its stream, its calls,
#: for some agents on one machine. And of the idle streams.
HOST_CONNECTIONS = 64
HOST_STREAMS = 8
#: One place in so many is for the hosts of voters and configured nodes alone.
SEATS_SHARE = 8
#: Calls of one connection that wait for our answer.
CALLS_MAX = 16
#: A frame that began, or the first one, must be whole within this time.
FRAME_PATIENCE_S = 10.0
#: A connection on which nothing comes is closed after this time.
IDLE_S = 120.0
_SWEEP_S = 5.0
#: Bytes of answers that wait for a caller that does not read: two of the largest.
UNREAD_MAX_BYTES = 2 * FRAME_MAX_BYTES
#: Bytes of all unfinished frames and unread answers (``Hoard``): a few of the largest from each of many hosts.
HELD_MAX_BYTES = 32 * FRAME_MAX_BYTES


class _Connection(asyncio.Protocol):
    """One of them."""

    def __init__(self, server: InboundPort) -> None:
        self._server = server
        self._frames = FrameReader()
        self._transport: asyncio.Transport | None = None
        self.source = Address("", 0)
        self._tokens: set[int] = set()
        #: When a whole frame came last, or the one under way began, loop time; and whether the first one came.
        self._heard = 0.0
        self._settled = False
        self._choked = False
        #: Bytes that it was last known to make us keep.
        self._held_bytes = 0
        #: The number of the idle stream that this became, 0 before; and whether its end is no news to the node.
        self._stream = 0
        self._goodbye = False
        self._untold = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.source = self._server.endpoints.read(transport.get_extra_info("peername") or ("", 0))
        self._heard = asyncio.get_running_loop().time()
        self._server.opened(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._server.hoard.move(self.source.host, self._held_bytes, 0)
        self._held_bytes = 0
        self._server.closed(self, self._tokens, self._stream)
        if self._stream and not self._untold:
            self._server.feed(StreamEnded(self._stream, self._goodbye))

    def data_received(self, data: bytes) -> None:
        posts: list[PostReceived] = []
        between = not self._frames.partial
        try:
            for purpose, frame in self._frames.feed(data):
                first, self._settled = not self._settled, True
                self._heard = asyncio.get_running_loop().time()
                if self._transport is None or self._transport.is_closing():
                    return
                if self._stream:
                    self._hear_goodbye(purpose)
                elif purpose == STREAM and first:
                    self._become_stream(self._transport, frame)
                elif purpose == POST:
                    posts.append(PostReceived(self.source, frame))
                elif purpose == CALL and len(self._tokens) < CALLS_MAX:
                    token = self._server.token_for(self)
                    self._tokens.add(token)
                    self._server.feed(CallReceived(token, self.source, frame))
                else:
                    raise BrokenFraming("a reply that nobody asked for, a late greeting, or too many calls at once")
            if self._stream and self._frames.held_bytes > len(framed(GOODBYE)):
                # Nobody waits for the end of a frame on an idle stream, so it must not grow.
                raise BrokenFraming("more than a goodbye on an idle stream")
        except BrokenFraming:
            self._server.malformed += 1
            self._goodbye = True  # whoever talks nonsense lives
            self.abort()
        finally:
            if posts:
                self._server.take(posts)
        if between and self._settled and self._frames.partial:
            # What begins after a silence has its whole time; the first frame has it since the connection.
            self._heard = asyncio.get_running_loop().time()
        self._weigh()

    def _weigh(self) -> None:
        """Keep the books of what it holds; whoever holds too much is cut off."""
        if self._transport is None:
            return
        held_bytes = self._frames.held_bytes
        if self._choked:
            held_bytes += self._transport.get_write_buffer_size()
        if held_bytes == self._held_bytes:
            return
        if self._server.hoard.move(self.source.host, self._held_bytes, held_bytes):
            self._held_bytes = held_bytes
        else:
            self._server.hoarders += 1
            self._goodbye = True  # it lives
            self.abort()

    def _become_stream(self, transport: asyncio.Transport, greeting: bytes) -> None:
        self._stream = self._server.stream_for(self)
        if not self._stream:
            self.say_goodbye()
            return
        keep_alive(transport)
        self._server.feed(StreamOpened(self._stream, greeting))

    def _hear_goodbye(self, purpose: int) -> None:
        if purpose != GOODBYE:
            raise BrokenFraming("words on an idle stream")
        self._goodbye = True
        if self._transport is not None:
            self._transport.close()

    def say_goodbye(self) -> None:
        """End an idle stream of a peer's because we want to; the node is not told of its end."""
        self._untold = True
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(framed(GOODBYE))
            self._transport.close()

    @property
    def is_stream(self) -> bool:
        """Whether it became an idle stream."""
        return self._stream > 0

    def answer(self, token: int, data: bytes) -> None:
        """Send the reply."""
        self._tokens.discard(token)
        if self._transport is None:
            return
        self._transport.write(framed(REPLY, data))
        if self._transport.get_write_buffer_size() > UNREAD_MAX_BYTES:
            self.abort()
        self._weigh()

    def pause_writing(self) -> None:
        self._choked = True
        self._heard = asyncio.get_running_loop().time()
        if self._transport is not None:
            # Whoever takes no answers asks no more questions, or the answers would pile up here.
            self._transport.pause_reading()
        self._weigh()

    def resume_writing(self) -> None:
        self._choked = False
        self._heard = asyncio.get_running_loop().time()
        if self._transport is not None:
            self._transport.resume_reading()
        self._weigh()

    def abort(self) -> None:
        """End it without ceremony."""
        if self._transport is not None:
            self._transport.abort()

    def overdue(self, now: float) -> bool:
        """Whether its patience is used up; that of an idle stream never is."""
        if self._stream and self._transport is not None and not self._transport.is_closing():
            return False
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
        connections_max: int = CONNECTIONS_MAX,
        feed_all: Callable[[Sequence[PostReceived]], None] | None = None,
    ) -> None:
        """``greet`` is told the host of everyone who connects; ``connections_max``: as the system allows. ``feed_all``
        takes posts that came together; without it ``feed`` does, one after the other.
        """
        self.endpoints = endpoints
        self.feed = feed
        self._feed_all = feed_all
        self._greet = greet
        self.malformed = 0
        self.turned_away = 0
        self.streams_turned_away = 0
        self.hoarders = 0
        self.hoard = Hoard(HELD_MAX_BYTES)
        self._socket = opened
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        connections_max = share(connections_max)
        streams_max = min(STREAMS_MAX, connections_max // 2)
        self._crowd = Crowd(connections_max, HOST_CONNECTIONS, connections_max // SEATS_SHARE)
        self._stream_crowd = Crowd(streams_max, HOST_STREAMS, streams_max // SEATS_SHARE)
        self._ended = asyncio.Event()
        self._calls: dict[int, _Connection] = {}
        self._streams: dict[int, _Connection] = {}
        #: The last number given to a call or to a stream.
        self._last_number = 0
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    def take(self, posts: Sequence[PostReceived]) -> None:
        """Posts that came together."""
        if self._feed_all is not None:
            self._feed_all(posts)
            return
        for post in posts:
            self.feed(post)

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

    def close_stream(self, stream: int) -> None:
        """End the stream of ``StreamOpened(stream)`` with a goodbye; nothing happens where it has ended."""
        connection = self._streams.pop(stream, None)
        if connection is not None:
            connection.say_goodbye()

    def favour(self, seats: tuple[str, ...]) -> None:
        """The hosts for which places are kept from now on."""
        self._crowd.seats = self._stream_crowd.seats = frozenset(seats)

    def close(self, *, goodbye: bool = True) -> None:
        """Stop accepting and end every connection, the idle streams with a goodbye or as a crash would."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._server is not None:
            self._server.close()
        else:
            self._socket.close()
        for connection in tuple(self._connections):
            if connection.is_stream and goodbye:
                connection.say_goodbye()
            else:
                connection.abort()

    async def closing(self) -> None:
        """After ``close``: wait a moment until the goodbyes went out."""
        if self._connections:
            self._ended.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await self._ended.wait()

    def token_for(self, connection: _Connection) -> int:
        """A number for a call that came by ``connection``."""
        self._last_number += 1
        self._calls[self._last_number] = connection
        return self._last_number

    def stream_for(self, connection: _Connection) -> int:
        """A number for the idle stream that ``connection`` becomes; 0 where it may not."""
        if not self._stream_crowd.enter(connection.source.host):
            self.streams_turned_away += 1
            return 0
        self._last_number += 1
        self._streams[self._last_number] = connection
        return self._last_number

    def opened(self, connection: _Connection) -> None:
        """Somebody connected."""
        if self._closed:
            connection.abort()  # accepted just before
            return
        if not self._crowd.enter(connection.source.host):
            self.turned_away += 1
            connection.abort()
            return
        self._connections.add(connection)
        self._greet(connection.source.host)
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)

    def closed(self, connection: _Connection, tokens: set[int], stream: int) -> None:
        """A connection ended; its calls need no answer any more, and its places are free."""
        if connection in self._connections:
            self._connections.remove(connection)
            self._crowd.leave(connection.source.host)
        for token in tokens:
            self._calls.pop(token, None)
        if stream:
            self._streams.pop(stream, None)
            self._stream_crowd.leave(connection.source.host)
        if not self._connections:
            self._ended.set()

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in tuple(self._connections):
            if connection.overdue(now):
                connection.abort()
        impatient = any(not connection.is_stream for connection in self._connections)
        self._sweeper = loop.call_later(_SWEEP_S, self._sweep) if impatient else None
