"""Packets that claim what is not so: port unreachable and resets in the name of a live agent. Needs root."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.beside import beside
from tests.cluster.hosts import Host
from tests.cluster.sockets import inside, raw, tap

_TCP_RST = 0x04
_UNREACHABLE, _PORT = 3, 3
#: IPv4 without options: version and length, service, whole length, identity, offset, life, protocol, checksum, ends.
_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_TCP = struct.Struct("!HHIIBBHHH")


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def ipv4(source: str, target: str, protocol: int, content: bytes) -> bytes:
    """One packet, from whomever it shall seem to come."""
    ends = (socket.inet_aton(source), socket.inet_aton(target))
    fields = (0x45, 0, _IPV4.size + len(content), 0, 0, 64, protocol)
    head = _IPV4.pack(*fields, checksum(_IPV4.pack(*fields, 0, *ends)), *ends)
    return head + content


def port_unreachable(gone: str, told: str, port: int) -> bytes:
    """``gone`` seems to tell ``told`` that nobody listens for the datagram it sent to ``port`` (RFC 792)."""
    datagram = struct.pack("!HHHH", port, port, 8, 0)
    body = bytes(4) + ipv4(told, gone, socket.IPPROTO_UDP, datagram)
    head = struct.pack("!BBH", _UNREACHABLE, _PORT, 0)
    summed = struct.pack("!BBH", _UNREACHABLE, _PORT, checksum(head + body))
    return ipv4(gone, told, socket.IPPROTO_ICMP, summed + body)


def reset(source: tuple[str, int], target: tuple[str, int], sequence: int) -> bytes:
    """``source`` seems to end its connection with ``target``, which expects ``sequence`` next (RFC 9293 §3.5.2)."""
    fields = (source[1], target[1], sequence & 0xFFFFFFFF, 0, _TCP.size // 4 << 4, _TCP_RST, 0)
    ends = socket.inet_aton(source[0]) + socket.inet_aton(target[0])
    pseudo = ends + struct.pack("!BBH", 0, socket.IPPROTO_TCP, _TCP.size)
    summed = checksum(pseudo + _TCP.pack(*fields, 0, 0))
    return ipv4(source[0], target[0], socket.IPPROTO_TCP, _TCP.pack(*fields, summed, 0))


class Wiretap:
    """Hears every connection between ``victim``'s agent and others from its beginning, and knows what both ends expect.

    A stream that is idle shows nothing, so whoever wants to reset it must have heard it before.
    """

    def __init__(self, heard: socket.socket, port: int) -> None:
        self._port = port
        self._over = False
        #: (peer, victim) -> what the victim expects next, what the peer expects next; changed since last asked for.
        self._expected: dict[tuple[tuple[str, int], tuple[str, int]], tuple[int, int]] = {}
        self._heard = heard
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Hear nothing more."""
        self._over = True
        self._thread.join()

    def resets(self) -> list[bytes]:
        """Resets for both ends of every connection that has spoken since this was asked last."""
        known, self._expected = self._expected, {}
        return [
            forged
            for (peer, victim), (victim_expects, peer_expects) in list(known.items())
            for forged in (reset(peer, victim, victim_expects), reset(victim, peer, peer_expects))
        ]

    def _listen(self) -> None:
        self._heard.settimeout(0.05)
        while not self._over:
            try:
                self._learn(self._heard.recv(2048))
            except TimeoutError:
                continue

    def _learn(self, packet: bytes) -> None:
        length = (packet[0] & 15) * 4
        if packet[9] != socket.IPPROTO_TCP or len(packet) < length + _TCP.size:
            return
        source_port, target_port, sequence, acknowledged, offset, flags, *_ = _TCP.unpack_from(packet, length)
        if self._port not in (source_port, target_port):
            return
        ends = (socket.inet_ntoa(packet[12:16]), source_port), (socket.inet_ntoa(packet[16:20]), target_port)
        if flags & 0x17 == 0x10:  # an acknowledgement, no SYN, FIN or RST
            carried = int.from_bytes(packet[2:4], "big") - length - (offset >> 4) * 4
            self._expected[ends] = (sequence + carried, acknowledged)
        elif flags & 0x05:
            self._expected.pop(ends, None)


@contextmanager
def wiretap(victim: Host, port: int) -> Iterator[Wiretap]:
    """Listen on ``victim``'s interface; begun before its agent starts."""
    with tap(victim) as heard:
        listening = Wiretap(heard, port)
        try:
            yield listening
        finally:
            listening.stop()


@contextmanager
def again_and_again(every_s: float, action: Callable[[], None]) -> Iterator[None]:
    """``action`` all the while, beside the test."""

    def act(over: threading.Event) -> None:
        while not over.wait(every_s):
            action()

    with beside("forging", act):
        yield


@contextmanager
def slandered(attacker: Host, victim: Host, audience: Iterable[Host], port: int) -> Iterator[None]:
    """All the while ``audience`` is told, twenty times a second each, that nobody listens at ``victim``."""
    lies = [(host.address, port_unreachable(victim.address, host.address, port)) for host in audience]
    with raw(attacker) as out:

        def tell() -> None:
            for address, lie in lies:
                out.sendto(lie, (address, 0))

        with again_and_again(0.05, tell):
            yield


@contextmanager
def severed(attacker: Host, tapped: Wiretap) -> Iterator[None]:
    """All the while each connection of the tapped agent is reset at both ends, and again whenever it speaks."""
    with raw(attacker) as out:

        def cut() -> None:
            for forged in tapped.resets():
                out.sendto(forged, (socket.inet_ntoa(forged[16:20]), 0))

        with again_and_again(0.02, cut):
            yield


@contextmanager
def refusing(victim: Host, port: int) -> Iterator[None]:
    """The victim's own host answers all TCP for its agent with resets: streams end, and redials are refused."""
    rule = f"tcp dport {port} reject with tcp reset"
    back = f"tcp sport {port} reject with tcp reset"
    victim.nft(
        "add table inet forged\n"
        "add chain inet forged arriving { type filter hook input priority -1; }\n"
        f"add rule inet forged arriving {rule}\nadd rule inet forged arriving {back}"
    )
    try:
        yield
    finally:
        victim.nft("delete table inet forged")


def counter(host: Host, protocol: str, name: str) -> int:
    """A counter of ``host``'s kernel, such as ``Icmp`` ``InDestUnreachs``."""
    text = inside(host, Path("/proc/thread-self/net/snmp").read_text)
    names, values = (line.split() for line in text.splitlines() if line.startswith(f"{protocol}:"))
    return int(values[names.index(name)])
