"""Sockets of the test process inside a test host: a socket belongs to the namespace that its thread was in."""

from __future__ import annotations

import ctypes
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tests.cluster.hosts import Host

_CLONE_NEWNET = 0x40000000
T = TypeVar("T")


def inside(host: Host, make: Callable[[], T]) -> T:
    """What ``make`` gives on ``host``'s network; made by a thread that goes there and ends."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter_and_make() -> T:
        with open(f"/run/netns/{host.namespace}", "rb") as namespace:
            if libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"cannot enter {host.namespace}")
        return make()

    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(enter_and_make).result()


def udp(host: Host, port: int = 0) -> socket.socket:
    """A datagram socket on every address of ``host``."""

    def make() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("0.0.0.0", port))
        return made

    return inside(host, make)


def raw(host: Host) -> socket.socket:
    """A socket that sends whole IPv4 packets, with whatever sender they bear."""
    return inside(host, lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW))


def tap(host: Host) -> socket.socket:
    """A socket that sees every IPv4 packet on ``host``'s interface."""

    def make() -> socket.socket:
        made = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        made.bind(("eth0", 0x0800))
        return made

    return inside(host, make)


def through(sender: Host, receiver: Host, count: int = 1) -> int:
    """How many of ``count`` datagrams from ``sender`` reach ``receiver``; a last one may be waited for in vain."""
    with udp(receiver) as here, udp(sender) as there:
        here.settimeout(0.3)
        there.setblocking(False)
        for number in range(count):
            try:
                there.sendto(b"%d" % number, (receiver.address, here.getsockname()[1]))
            except OSError:
                continue
        arrived = 0
        try:
            while arrived < count:
                here.recv(64)
                arrived += 1
        except TimeoutError:
            return arrived
        return arrived
