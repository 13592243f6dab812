"""Waiting on the event loop for a condition, with a generous limit."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from pycluster.kernel.ids import Address
from pycluster.runtime.endpoints import Endpoints

LIMIT_S = 30.0
LOOPBACK = Endpoints("127.0.0.1")


async def until(condition: Callable[[], object]) -> None:
    """Return once ``condition`` holds."""
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110 any condition, not only one that tells
            await asyncio.sleep(0.005)


def bound(kind: socket.SocketKind) -> tuple[socket.socket, Address]:
    """A socket on a free port of the loopback network, and where it is."""
    opened = LOOPBACK.open(kind, "127.0.0.1", 0)
    return opened, Address("127.0.0.1", opened.getsockname()[1])
