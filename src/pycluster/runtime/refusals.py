"""What Linux tells about datagrams that were not taken: the error queue of a UDP socket (``ip(7)``, ``IP_RECVERR``)."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from typing import Any

from pycluster.kernel.ids import Address
from pycluster.runtime.endpoints import Endpoints

#: ``linux/in.h``, ``linux/in6.h`` and ``linux/errqueue.h``; Python's ``socket`` has none of them.
_IP_RECVERR = 11
_IPV6_RECVERR = 25
_ORIGIN_ICMP = 2
_ORIGIN_ICMP6 = 3
#: (origin, type, code) of "nobody has this port": RFC 792 and RFC 4443 §3.1.
_PORT_UNREACHABLE = frozenset({(_ORIGIN_ICMP, 3, 3), (_ORIGIN_ICMP6, 1, 4)})
#: ``struct sock_extended_err``: errno, origin, type, code, pad, info, data.
_EXTENDED_ERR = struct.Struct("=IBBBBII")
#: The sender of the ICMP message follows it, as a ``sockaddr_in`` or a ``sockaddr_in6``.
_SOCKADDR_IN = struct.Struct("=HH4s")
_SOCKADDR_IN6 = struct.Struct("=HHI16s")
_ANCILLARY_BYTES = 256
#: An address is told at most once in this time, and so many addresses at most: anybody can send a flood of ICMP.
PAUSE_S = 1.0
TOLD_MAX = 256
#: Messages taken from the queue in one go.
AT_ONCE = 64


def watch_refusals(opened: socket.socket) -> bool:
    """Have the system queue what became of this socket's datagrams; False where it cannot."""
    if not (sys.platform == "linux" and hasattr(socket, "MSG_ERRQUEUE")):
        return False
    try:
        opened.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        if opened.family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    except OSError:
        return False
    return True


class Refusals:
    """Reads the queue, and remembers whom it named lately."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._told: dict[Address, float] = {}
        #: Messages that named nobody, or somebody again, and so were dropped.
        self.dropped = 0

    def read(self, opened: socket.socket, now: float) -> list[Address]:
        """Who has nobody on the port, by at most ``AT_ONCE`` messages; ``now`` in seconds, monotonic."""
        found: list[Address] = []
        for _ in range(AT_ONCE):
            try:
                _, ancillary, _, peer = opened.recvmsg(1, _ANCILLARY_BYTES, socket.MSG_ERRQUEUE)
            except OSError:
                break
            address = self._endpoints.read(peer) if peer else None
            if address is not None and self._refused(ancillary, address) and self._new(address, now):
                found.append(address)
            else:
                self.dropped += 1
        return found

    def _refused(self, ancillary: list[tuple[int, int, bytes]], address: Address) -> bool:
        for level, kind, data in ancillary:
            if (level, kind) in ((socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)):
                if len(data) < _EXTENDED_ERR.size:
                    return False
                _, origin, of_type, code, _, _, _ = _EXTENDED_ERR.unpack_from(data)
                if (origin, of_type, code) not in _PORT_UNREACHABLE:
                    return False
                # A firewall on the way says the same in its own name, and knows nothing of the process.
                return self._sender(data[_EXTENDED_ERR.size :]) == address.host
        return False

    def _sender(self, data: bytes) -> str:
        with contextlib.suppress(struct.error):
            family = int.from_bytes(data[:2], sys.byteorder)
            raw: Any
            if family == socket.AF_INET:
                _, _, raw = _SOCKADDR_IN.unpack_from(data)
                return self._endpoints.read((socket.inet_ntop(family, raw), 0)).host
            if family == socket.AF_INET6:
                _, _, _, raw = _SOCKADDR_IN6.unpack_from(data)
                return self._endpoints.read((socket.inet_ntop(family, raw), 0)).host
        return ""

    def _new(self, address: Address, now: float) -> bool:
        if now - self._told.get(address, -PAUSE_S) < PAUSE_S:
            return False
        if len(self._told) >= TOLD_MAX:
            self._told = {told: when for told, when in self._told.items() if now - when < PAUSE_S}
            if len(self._told) >= TOLD_MAX:
                return False
        self._told[address] = now
        return True
