"""The UDP socket. Losing a datagram is no error, so whatever the system refuses is counted and dropped."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from pycluster.kernel.ids import Address
from pycluster.runtime.endpoints import Endpoints

#: More than a valid datagram, so that one that is too long is seen to be.
_READ_BYTES = 2_048
#: Datagrams taken in one go; then others of the event loop have their turn.
_READ_AT_ONCE = 64
#: What the kernel keeps while this process is busy: some seconds of a large cluster's gossip.
_KERNEL_BUFFER_BYTES = 1 << 20


class DatagramPort:
    """``received`` gets each datagram with its source."""

    def __init__(self, opened: socket.socket, endpoints: Endpoints, received: Callable[[Address, bytes], None]) -> None:
        self._socket = opened
        self._endpoints = endpoints
        self._received = received
        self.send_failures = 0
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL_BUFFER_BYTES)

    def start(self) -> None:
        """Read from now on, on the running loop."""
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._readable)

    def send(self, to: Address, data: bytes) -> None:
        """Send, or count what the system would not take."""
        try:
            self._socket.sendto(data, self._endpoints.write(to))
        except OSError:
            self.send_failures += 1

    def close(self) -> None:
        """Stop reading and give the port up."""
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()

    def _readable(self) -> None:
        for _ in range(_READ_AT_ONCE):
            try:
                data, peer = self._socket.recvfrom(_READ_BYTES)
            except BlockingIOError:
                return
            except OSError:
                continue  # an earlier datagram was refused by its receiver; the next one is to be read
            self._received(self._endpoints.read(peer), data)
