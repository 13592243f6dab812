"""Our idle streams: one silent TCP connection to each peer whose end the peer's kernel tells us when its process ends.

A stream carries a greeting, then nothing, and at last a goodbye where its end is wanted. Whatever else ends it is
evidence for the node (``docs/protocol/membership.md``).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from random import Random
from typing import cast

from pycluster.kernel.ids import Address
from pycluster.node.effects import KeepStreams
from pycluster.node.events import StreamLost, StreamUp
from pycluster.runtime.endpoints import Endpoints
from pycluster.runtime.framing import GOODBYE, STREAM, BrokenFraming, FrameReader, framed

#: Streams of ours at once: a member's few and one to each other voter, thrice over.
KEPT_MAX = 32
DIAL_TIMEOUT_S = 1.0
#: The pause before a stream is dialled again, doubled up to the second number, give or take a quarter.
RETRY_S = (0.2, 15.0)
#: A peer that wants no stream is not dialled more often than this, not even when it is heard from.
UNWANTED_S = 5.0
#: Bytes that a peer may send on a stream of ours, where only a goodbye of five bytes has any meaning.
HEARD_MAX_BYTES = 4_096
#: Silence after which TCP asks whether the other machine still knows the stream. Otherwise one that crashed, or a
#: firewall that forgot the stream, would never be noticed. A packet in two minutes is cheap, and home routers and
#: clouds forget after 300 seconds or more.
KEEP_ALIVE_S = 120
#: Seconds between the questions that follow one without an answer.
KEEP_ALIVE_AGAIN_S = 10
#: The third such question without an answer ends the stream. Linux lets this limit overrule the number of questions,
#: so a shorter one would end a stream for a single packet lost.
USER_TIMEOUT_MS = (KEEP_ALIVE_S + 3 * KEEP_ALIVE_AGAIN_S) * 1_000
#: How long an agent that stops waits for its goodbyes to go out.
CLOSE_S = 0.5


def keep_alive(transport: asyncio.BaseTransport) -> None:
    """Prepare the socket of an idle stream, whichever side opened it."""
    raw = transport.get_extra_info("socket")
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # macOS has neither this nor the same names
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEP_ALIVE_S)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEP_ALIVE_AGAIN_S)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)


class _Stream(asyncio.Protocol):
    """One connection, from its greeting to its end."""

    def __init__(self, line: _Line) -> None:
        self._line = line
        self._frames = FrameReader()
        self._heard_bytes = 0
        self._transport: asyncio.Transport | None = None
        #: Whether its end tells nothing: we wanted it, or the peer said goodbye. And whether it came.
        self.wanted_end = False
        self.over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        keep_alive(transport)

    def greet(self) -> None:
        """Begin. Not before the dial is over, for the end of one that is given up must not look like a death."""
        if self._transport is not None:
            self._transport.write(framed(STREAM, self._line.greeting()))

    def give_up(self) -> None:
        """End a connection that came about too late, without a word."""
        self.wanted_end = True
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._heard_bytes += len(data)
        try:
            if self._heard_bytes > HEARD_MAX_BYTES:
                raise BrokenFraming("too many words on an idle stream")
            for purpose, _ in self._frames.feed(data):
                if purpose == GOODBYE:
                    self.end(goodbye=False)
                    return
                self._line.noise()
        except BrokenFraming:
            self._line.noise()
            self.end(goodbye=False)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self.over = True
        self._line.ended(self)

    def end(self, *, goodbye: bool) -> None:
        """End it, and say so to the peer where it does not know."""
        self.wanted_end = True
        if self._transport is not None:
            if goodbye and not self._transport.is_closing():
                self._transport.write(framed(GOODBYE))
            self._transport.close()


class _Line:
    """What we do for one peer: dial, hold, dial again."""

    def __init__(self, streams: IdleStreams, peer: Address) -> None:
        self._streams = streams
        self._peer = peer
        self._stream: _Stream | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pause_s = RETRY_S[0]
        #: Loop time before which not even a peer that is heard from is dialled, and when the stream came to stand.
        self._not_before = 0.0
        self._since = 0.0
        self._closed = False
        self._dial()

    def greeting(self) -> bytes:
        """What a new stream begins with."""
        return self._streams.greeting

    def noise(self) -> None:
        """The peer said what means nothing on a stream of ours."""
        self._streams.noises += 1

    def hurry(self) -> None:
        """The peer may be there again: what waits to be dialled is dialled as soon as it may."""
        if self._timer is not None:
            self._pause_s = RETRY_S[0]
            self._dial_at(min(self._timer.when(), max(self._not_before, asyncio.get_running_loop().time())))

    def ended(self, stream: _Stream) -> None:
        """A connection ended, or never came to stand."""
        if stream is not self._stream:
            return  # nobody was told of it yet, or ever will be
        self._stream = None
        if self._closed:
            self._streams.gone(self)
            return
        now = asyncio.get_running_loop().time()
        if stream.wanted_end:
            self._pause_s = RETRY_S[1]
            self._not_before = now + UNWANTED_S
        elif now - self._since > RETRY_S[1]:
            # One that falls soon after it stood is dialled ever more rarely, as if it had never stood.
            self._pause_s = RETRY_S[0]
        self._wait()
        if not stream.wanted_end:
            self._streams.feed(StreamLost(self._peer))

    def close(self, *, goodbye: bool = True) -> None:
        """Say goodbye and end; ``IdleStreams.gone`` is told when nothing is left."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._dialling is not None:
            # A dial that has not begun yet never runs at all when it is cancelled, so only its end tells.
            self._dialling.add_done_callback(lambda _: self._streams.gone(self))
            self._dialling.cancel()
        elif self._stream is not None:
            self._stream.end(goodbye=goodbye)
        else:
            self._streams.gone(self)

    def _dial(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        self._not_before = loop.time() + RETRY_S[0]
        self._dialling = loop.create_task(self._connect())

    def _wait(self) -> None:
        pause_s = self._pause_s * self._streams.rng.uniform(0.75, 1.25)
        self._pause_s = min(2 * self._pause_s, RETRY_S[1])
        self._dial_at(max(self._not_before, asyncio.get_running_loop().time() + pause_s))

    def _dial_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(when, self._dial)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        endpoints = self._streams.endpoints
        stream = _Stream(self)
        stood = False
        try:
            host, port = endpoints.write(self._peer)
            async with asyncio.timeout(DIAL_TIMEOUT_S):
                await loop.create_connection(lambda: stream, host, port, local_addr=endpoints.source)
            stood = True
        except OSError:  # TimeoutError is one
            self._streams.failed_dials += 1
        finally:
            self._dialling = None
            if self._closed or not stood:
                stream.give_up()
            if not stood and not self._closed:
                self._wait()
        if stood and not self._closed:
            self._stream = stream
            stream.greet()
            self._since = loop.time()
            self._streams.feed(StreamUp(self._peer))
            if stream.over:
                self.ended(stream)


class IdleStreams:
    """Performs ``KeepStreams``; feeds ``StreamUp`` and ``StreamLost``, never before ``perform`` has returned."""

    def __init__(self, endpoints: Endpoints, feed: Callable[[StreamUp | StreamLost], None], rng: Random) -> None:
        """``rng`` keeps agents that lost the same peer from dialling it in step."""
        self.endpoints = endpoints
        self.feed = feed
        self.rng = rng
        self.greeting = b""
        self.failed_dials = 0
        #: Frames that mean nothing on an idle stream, and peers that were too many.
        self.noises = 0
        self.too_many = 0
        self._lines: dict[Address, _Line] = {}
        self._leaving: set[_Line] = set()
        self._left = asyncio.Event()

    def perform(self, wanted: KeepStreams) -> None:
        """Hold one stream to each of ``wanted.peers``, the first ``KEPT_MAX`` of them."""
        self.greeting = wanted.greeting
        peers = dict.fromkeys(wanted.peers)
        self.too_many += max(len(peers) - KEPT_MAX, 0)
        kept = list(peers)[:KEPT_MAX]
        for peer in self._lines.keys() - set(kept):
            self._end(self._lines.pop(peer))
        for peer in kept:
            if peer not in self._lines:
                self._lines[peer] = _Line(self, peer)

    def heard_from(self, host: str) -> None:
        """Somebody on ``host`` has just connected to us, so a stream to it may stand again."""
        for peer, line in self._lines.items():
            if peer.host == host:
                line.hurry()

    def gone(self, line: _Line) -> None:
        """Nothing is left of a line that was closed."""
        self._leaving.discard(line)
        if not self._leaving:
            self._left.set()

    async def close(self, *, goodbye: bool = True) -> None:
        """End every stream, with a goodbye unless the peers shall take it for a death, and wait a moment for that."""
        lines, self._lines = self._lines, {}
        for line in lines.values():
            self._end(line, goodbye=goodbye)
        if self._leaving:
            self._left.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await self._left.wait()

    def _end(self, line: _Line, *, goodbye: bool = True) -> None:
        self._leaving.add(line)
        line.close(goodbye=goodbye)
