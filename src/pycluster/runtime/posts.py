"""Our lasting connections, one for each (address, channel): in order while one lasts, dropped otherwise."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from typing import cast

from pycluster.kernel.ids import Address
from pycluster.node.effects import Channel, Post
from pycluster.runtime.endpoints import Endpoints
from pycluster.runtime.framing import POST, framed

#: A peer that acknowledges nothing for this long is dialled afresh: TCP's own retries would come ever more rarely,
#: and a healed network would be noticed late.
USER_TIMEOUT_MS = 2_000
DIAL_TIMEOUT_S = 1.0
#: The pause after a failed dial, doubled up to the second number.
RETRY_S = (0.1, 0.5)
#: Frames that wait for a dial, and bytes that wait for a peer that does not read; more are dropped.
QUEUE_MAX = 64
UNREAD_MAX_BYTES = 8 * 1024 * 1024


class _Line(asyncio.Protocol):
    """One lasting connection, or the attempt at one."""

    def __init__(self, endpoints: Endpoints, to: Address) -> None:
        self._endpoints = endpoints
        self._to = to
        self._waiting: deque[bytes] = deque()
        self._transport: asyncio.Transport | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._pause_s = RETRY_S[0]
        self._not_before = 0.0

    def send(self, frame: bytes) -> bool:
        """Send or keep for the dial under way; False where it was dropped."""
        if self._transport is not None:
            if self._transport.get_write_buffer_size() + len(frame) > UNREAD_MAX_BYTES:
                return False
            self._transport.write(frame)
            return True
        loop = asyncio.get_running_loop()
        if self._dialling is None:
            if loop.time() < self._not_before:
                return False
            self._dialling = loop.create_task(self._dial())
        if len(self._waiting) >= QUEUE_MAX:
            self._waiting.popleft()
        self._waiting.append(frame)
        return True

    async def _dial(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            host, port = self._endpoints.write(self._to)
            async with asyncio.timeout(DIAL_TIMEOUT_S):
                await loop.create_connection(lambda: self, host, port, local_addr=self._endpoints.source)
        except OSError:  # TimeoutError is one
            # Where time ran out in the very turn in which the connection stood, the loop closed it and tells nobody.
            self._transport = None
            self._waiting.clear()
            self._not_before = loop.time() + self._pause_s
            self._pause_s = min(2 * self._pause_s, RETRY_S[1])
        finally:
            self._dialling = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._pause_s = RETRY_S[0]
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        while self._waiting:
            self._transport.write(self._waiting.popleft())

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None

    def hurry(self) -> None:
        """The peer is there after all: the next frame dials at once."""
        self._not_before = 0.0
        self._pause_s = RETRY_S[0]

    @property
    def idle(self) -> bool:
        """Whether nothing is connected or about to be."""
        return self._transport is None and self._dialling is None

    def close(self) -> asyncio.Task[None] | None:
        """Let what was written go out, and end; gives the dial that has to end first."""
        if self._transport is not None:
            self._transport.close()
        if self._dialling is not None:
            self._dialling.cancel()
        return self._dialling


class Posts:
    """Performs ``Post``."""

    #: Lines kept before the idle ones are cleared away: seven voters on two channels, and their old addresses.
    LINES_MAX = 64

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._lines: dict[tuple[Address, Channel], _Line] = {}
        self.dropped = 0

    def perform(self, post: Post) -> None:
        """Send, dialling where there is no connection."""
        key = (post.to, post.channel)
        line = self._lines.get(key)
        if line is None:
            if len(self._lines) >= self.LINES_MAX:
                self._lines = {old: kept for old, kept in self._lines.items() if not kept.idle}
            line = self._lines[key] = _Line(self._endpoints, post.to)
        if not line.send(framed(POST, post.data)):
            self.dropped += 1

    def heard_from(self, host: str) -> None:
        """Somebody on ``host`` has just connected to us, so what failed to reach it before may reach it now.

        Without this the answers to a voter that has just started are dropped for up to half a second.
        """
        for (address, _), line in self._lines.items():
            if address.host == host:
                line.hurry()

    async def close(self) -> None:
        """End every line."""
        dialling = [line.close() for line in self._lines.values()]
        await asyncio.gather(*(task for task in dialling if task is not None), return_exceptions=True)
