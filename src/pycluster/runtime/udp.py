"""The UDP socket. Losing a datagram is no error, so whatever the system refuses is counted and dropped.

That nobody has the port it went to, which the other machine says by ICMP, is told.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable

from pycluster.kernel.ids import Address
from pycluster.runtime.endpoints import Endpoints
from pycluster.runtime.refusals import Refusals, watch_refusals

#: More than a valid datagram, so that one that is too long is seen to be.
_READ_BYTES = 2_048
#: Datagrams taken in one go; then others of the event loop have their turn.
_READ_AT_ONCE = 64
#: What the kernel keeps while this process is busy: some seconds of a large cluster's gossip.
_KERNEL_BUFFER_BYTES = 1 << 20


class DatagramPort:
    """``received`` gets each datagram with its source, ``refused`` whoever has nobody on the port."""

    def __init__(
        self,
        opened: socket.socket,
        endpoints: Endpoints,
        received: Callable[[Address, bytes], None],
        refused: Callable[[Address], None] = lambda peer: None,
    ) -> None:
        self._socket = opened
        self._endpoints = endpoints
        self._received = received
        self._refused = refused
        self.refusals = Refusals(endpoints)
        self._watched = watch_refusals(opened)
        #: Whether the error queue may hold something.
        self._failed = False
        self._ready: select.epoll | None = None
        self.send_failures = 0
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL_BUFFER_BYTES)

    def start(self) -> None:
        """Read from now on, on the running loop."""
        descriptor = self._socket.fileno()
        if self._watched:
            # A socket with something in its error queue reports an error besides readiness, on which libuv (uvloop)
            # stops to watch it, for good. An epoll inside the loop's own is just readable then.
            self._ready = select.epoll()
            self._ready.register(descriptor, select.EPOLLIN | select.EPOLLERR)
            descriptor = self._ready.fileno()
        asyncio.get_running_loop().add_reader(descriptor, self._readable)

    def send(self, to: Address, data: bytes) -> None:
        """Send, or count what the system would not take."""
        try:
            peer = self._endpoints.write(to)
        except OSError:
            self.send_failures += 1
            return
        try:
            self._socket.sendto(data, peer)
        except OSError:
            # What the socket reports may be the fate of an earlier datagram; it reports that once.
            self._failed = True
            try:
                self._socket.sendto(data, peer)
            except OSError:
                self.send_failures += 1

    def close(self) -> None:
        """Stop reading and give the port up."""
        loop = asyncio.get_running_loop()
        if self._ready is not None:
            loop.remove_reader(self._ready.fileno())
            self._ready.close()
        else:
            loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _readable(self) -> None:
        if not self._read_datagrams():
            # Woken for nothing to read: for the error queue, then.
            self._failed = True
        if self._failed and self._watched:
            self._failed = False
            for peer in self.refusals.read(self._socket, asyncio.get_running_loop().time()):
                self._refused(peer)

    def _read_datagrams(self) -> int:
        taken = 0
        for _ in range(_READ_AT_ONCE):
            try:
                data, peer = self._socket.recvfrom(_READ_BYTES)
            except BlockingIOError:
                break
            except OSError:
                self._failed = True  # an earlier datagram was refused by its receiver; the next one is to be read
                continue
            taken += 1
            self._received(self._endpoints.read(peer), data)
        return taken
