"""Our calls: a connection each, one request, one reply, within the time that the node allows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from pycluster.kernel.ids import Address
from pycluster.node.effects import Call
from pycluster.node.events import CallFailed, CallReplied
from pycluster.runtime.endpoints import Endpoints
from pycluster.runtime.framing import CALL, REPLY, BrokenFraming, FrameReader, framed

#: Calls in flight; one more fails at once. Membership keeps a few, so only a fault reaches it.
IN_FLIGHT_MAX = 256


class _Exchange(asyncio.Protocol):
    """One request and its reply."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._frames = FrameReader()
        self.reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(framed(CALL, self._request))

    def data_received(self, data: bytes) -> None:
        try:
            for purpose, frame in self._frames.feed(data):
                if purpose == REPLY and not self.reply.done():
                    self.reply.set_result(frame)
        except BrokenFraming:
            self._broken()

    def connection_lost(self, error: Exception | None) -> None:
        self._broken()

    def why_failed(self, error: OSError) -> str:
        """The ``reason`` of ``CallFailed``: what ``error`` means depends on whether there ever was a connection."""
        if self.transport is None:
            return "refused" if isinstance(error, ConnectionRefusedError) else "unreachable"
        return "timeout" if isinstance(error, TimeoutError) else "closed"

    def _broken(self) -> None:
        if not self.reply.done():
            self.reply.set_exception(ConnectionResetError())


class Calls:
    """Performs ``Call``; exactly one ``CallReplied`` or ``CallFailed`` follows each, unless closed before."""

    def __init__(self, endpoints: Endpoints, feed: Callable[[CallReplied | CallFailed], None]) -> None:
        self._endpoints = endpoints
        self._feed = feed
        self._tasks: set[asyncio.Task[None]] = set()

    def perform(self, call: Call) -> None:
        """Begin; the outcome never comes before this returns."""
        loop = asyncio.get_running_loop()
        if len(self._tasks) >= IN_FLIGHT_MAX:
            loop.call_soon(self._feed, CallFailed(call.call, "unreachable"))
            return
        task = loop.create_task(self._run(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, call: Call) -> None:
        outcome: CallReplied | CallFailed
        exchange = _Exchange(call.data)
        try:
            async with asyncio.timeout(call.timeout_us / 1_000_000):
                outcome = CallReplied(call.call, await self._exchange(call.to, exchange))
        except OSError as error:  # TimeoutError is one
            outcome = CallFailed(call.call, exchange.why_failed(error))
        self._feed(outcome)

    async def _exchange(self, to: Address, exchange: _Exchange) -> bytes:
        try:
            host, port = self._endpoints.write(to)
            await asyncio.get_running_loop().create_connection(
                lambda: exchange, host, port, local_addr=self._endpoints.source
            )
            return await exchange.reply
        finally:
            exchange.reply.cancel()
            if exchange.transport is not None:
                exchange.transport.abort()

    async def close(self) -> None:
        """End what is in flight, without a word to the node."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
