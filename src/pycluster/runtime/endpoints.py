"""Addresses as sockets want them, and as sockets give them: IPv4, IPv6, and IPv4 seen through an IPv6 socket."""

from __future__ import annotations

import errno
import functools
import socket
from typing import Any

from pycluster.kernel.ids import Address, is_numeric

_MAPPED = "::ffff:"
#: Hosts whose form was judged already: a large cluster's.
_numeric = functools.lru_cache(maxsize=1_024)(is_numeric)


class Endpoints:
    """Translates for the sockets of one agent, which listen on ``host`` (numeric)."""

    def __init__(self, host: str) -> None:
        self.family = socket.AF_INET6 if ":" in host else socket.AF_INET
        #: Whether the socket takes IPv4 peers too, as mapped addresses.
        self.dual = host == "::"
        #: What outgoing connections come from; None leaves it to the routing table.
        self.source = None if host in ("::", "0.0.0.0") else (host, 0)

    def read(self, peer: Any) -> Address:
        """The peer's address from a socket's tuple."""
        host: str = peer[0]
        if host.startswith(_MAPPED):
            host = host.removeprefix(_MAPPED)
        return Address(host.partition("%")[0], peer[1])

    def write(self, address: Address) -> tuple[str, int]:
        """What ``sendto`` and ``connect`` take; raises ``OSError`` where a peer named an address that is none.

        The system would look a host's name up, and the event loop would wait for the name server.
        """
        if not (_numeric(address.host) and 0 < address.port <= 65_535):
            raise OSError(errno.EADDRNOTAVAIL, f"{address} is no address")
        if self.dual and ":" not in address.host:
            return _MAPPED + address.host, address.port
        return address.host, address.port

    def open(self, kind: socket.SocketKind, host: str, port: int) -> socket.socket:
        """A bound, non-blocking socket; raises ``OSError``."""
        opened = socket.socket(self.family, kind | socket.SOCK_NONBLOCK)
        try:
            if kind == socket.SOCK_STREAM:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if self.family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if self.dual else 1)
            opened.bind((host, port))
        except BaseException:
            opened.close()
            raise
        return opened
