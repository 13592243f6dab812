"""The UDP socket's error queue: ancillary data of any form names an address or nobody, and raises nothing."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from typing import cast

from pycluster.runtime.endpoints import Endpoints
from pycluster.runtime.refusals import AT_ONCE, Refusals

_PEER4, _PEER6 = ("192.0.2.2", 7946), ("2001:db8::2", 7946, 0, 0)
#: (level, kind) of what the kernel sends along: an IPv4 and an IPv6 error, and a time stamp.
_SORTS = ((socket.IPPROTO_IP, 11), (socket.IPPROTO_IPV6, 25), (socket.SOL_SOCKET, 29))


class _Queue:
    """A socket with messages in its error queue."""

    def __init__(self, ancillary: list[tuple[int, int, bytes]], peer: object) -> None:
        self._message = (b"", ancillary, 0, peer)

    def recvmsg(self, *sizes: int) -> object:
        return self._message


def seeds() -> Iterable[bytes]:
    """A byte for the family, one for the sort of the data, then the data: the error and who sent it."""
    error4 = struct.pack("=IBBBBII", 111, 2, 3, 3, 0, 0, 0)
    error6 = struct.pack("=IBBBBII", 111, 3, 1, 4, 0, 0, 0)
    sender4 = struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(_PEER4[0]))
    sender6 = struct.pack("=HHI16s", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, _PEER6[0]))
    yield b"\0\0" + error4 + sender4
    yield b"\1\1" + error6 + sender6
    yield b"\1\0" + error4 + sender4
    yield b"\2\0" + error4
    yield b"\0\2" + bytes(16)


def run(data: bytes) -> None:
    """Read a queue that holds this message for ever."""
    if len(data) < 2:
        return
    peer = (_PEER4, _PEER6, None, ())[data[0] % 4]
    level, kind = _SORTS[data[1] % len(_SORTS)]
    opened = cast(socket.socket, _Queue([(socket.SOL_SOCKET, 1, b""), (level, kind, data[2:])], peer))
    refusals = Refusals(Endpoints("::"))
    found = refusals.read(opened, 1.0)
    assert len(found) <= 1, "nobody is named twice in a row"
    assert all(one.usable for one in found)
    assert refusals.dropped + len(found) == AT_ONCE
