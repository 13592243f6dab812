"""The UDP socket, on asyncio's loop and on uvloop's: what a refused datagram tells, and what it must not break."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from pycluster.kernel.ids import Address
from pycluster.runtime.endpoints import Endpoints
from pycluster.runtime.refusals import PAUSE_S, TOLD_MAX, Refusals
from pycluster.runtime.udp import DatagramPort
from tests.unit.runtime.waiting import until

Story = Callable[[], Coroutine[Any, Any, None]]
LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop, uvloop.new_event_loop]
#: Where a socket listens, and where its peers are.
HOSTS = [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::", "127.0.0.1"), ("::", "::1")]

on_both_loops = pytest.mark.parametrize("loop", LOOPS, ids=["asyncio", "uvloop"])
in_both_families = pytest.mark.parametrize(("host", "peer_host"), HOSTS)


class Member:
    """Somebody with an open UDP port."""

    def __init__(self, host: str, seen_as: str = "") -> None:
        self.endpoints = Endpoints(host)
        self.socket = self.endpoints.open(socket.SOCK_DGRAM, host, 0)
        self.address = Address(seen_as or host, self.socket.getsockname()[1])
        self.got: list[bytes] = []
        self.refused: list[Address] = []
        self.port = DatagramPort(
            self.socket, self.endpoints, lambda source, data: self.got.append(data), self.refused.append
        )


def nobody(host: str) -> Address:
    """An address on which nobody listens."""
    with socket.socket(Endpoints(host).family, socket.SOCK_DGRAM) as taken:
        taken.bind((host, 0))
        return Address(host, taken.getsockname()[1])


def asks(member: Member, missing: Address) -> bool:
    """Whether a refusal came; asks until one does, for a system sends only so much ICMP in a second."""
    member.port.send(missing, b"anybody?")
    return missing in member.refused


def play(loop: Callable[[], asyncio.AbstractEventLoop], story: Story) -> None:
    """Run it on a loop of that kind."""
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(story())


@on_both_loops
@in_both_families
def test_a_refused_datagram_names_its_receiver_and_the_port_goes_on_hearing(
    loop: Callable[[], asyncio.AbstractEventLoop], host: str, peer_host: str
) -> None:
    async def story() -> None:
        member, peer = Member(host, peer_host), Member(peer_host)
        member.port.start()
        gone = [nobody(peer_host) for _ in range(3)]
        for number, missing in enumerate(gone):
            await until(lambda missing=missing: asks(member, missing))  # type: ignore[misc]
            peer.port.send(member.address, b"%d" % number)
            await until(lambda number=number: len(member.got) > number)  # type: ignore[misc]
        assert list(dict.fromkeys(member.refused)) == gone
        assert member.got == [b"0", b"1", b"2"]
        assert member.port.send_failures == 0
        member.port.close()
        peer.port.close()

    play(loop, story)


@on_both_loops
@in_both_families
def test_what_one_receiver_refused_costs_the_next_one_nothing(
    loop: Callable[[], asyncio.AbstractEventLoop], host: str, peer_host: str
) -> None:
    async def story() -> None:
        member, peer = Member(host, peer_host), Member(peer_host)
        peer.port.start()
        missing = nobody(peer_host)
        for number in range(50):
            member.port.send(missing, b"anybody?")  # refused before it returns, on loopback
            member.port.send(peer.address, b"%d" % number)
        await until(lambda: len(peer.got) == 50)
        assert member.port.send_failures == 0
        member.port.close()
        peer.port.close()

    play(loop, story)


@on_both_loops
def test_thousands_of_refusals_tell_once_keep_nothing_and_keep_nobody_from_being_heard(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def story() -> None:
        member, peer = Member("127.0.0.1"), Member("127.0.0.1")
        member.port.start()
        missing = nobody("127.0.0.1")
        for turn in range(50):
            for _ in range(100):
                member.port.send(missing, b"anybody?")
            peer.port.send(member.address, b"%d" % turn)
            await until(lambda turn=turn: len(member.got) > turn)  # type: ignore[misc]
        assert member.got == [b"%d" % turn for turn in range(50)]
        assert member.port.refusals.dropped > member.refused.count(missing) > 0
        assert set(member.refused) == {missing}
        assert len(member.port.refusals._told) == 1
        member.port.close()
        peer.port.close()

    play(loop, story)


class Queue(socket.socket):
    """An error queue that holds what a test puts in."""

    def __init__(self, *messages: tuple[Address, bytes]) -> None:
        super().__init__(socket.AF_INET, socket.SOCK_DGRAM)
        self.messages = list(messages)

    def recvmsg(self, *_: int) -> tuple[bytes, list[tuple[int, int, bytes]], int, Any]:
        if not self.messages:
            raise BlockingIOError
        address, data = self.messages.pop(0)
        return b"", [(socket.IPPROTO_IP, 11, data)], 0, (address.host, address.port)


def extended(origin: int, of_type: int, code: int, sender: str) -> bytes:
    """``struct sock_extended_err`` and the sender of the ICMP message."""
    return (
        (111).to_bytes(4, "little")
        + bytes((origin, of_type, code, 0))
        + bytes(8)
        + socket.AF_INET.to_bytes(2, "little")
        + bytes(2)
        + socket.inet_aton(sender)
        + bytes(8)
    )


HERE = Address("192.0.2.1", 7946)


@pytest.mark.parametrize(
    "data",
    [
        extended(2, 3, 1, HERE.host),  # host unreachable
        extended(2, 3, 4, HERE.host),  # fragmentation needed
        extended(1, 3, 3, HERE.host),  # an error of this machine's
        extended(2, 3, 3, "192.0.2.254"),  # a firewall on the way
        extended(2, 3, 3, HERE.host)[:15],
        extended(2, 3, 3, HERE.host)[:17],
        b"",
    ],
)
def test_only_the_receivers_own_word_that_the_port_is_unreachable_counts(data: bytes) -> None:
    refusals = Refusals(Endpoints("0.0.0.0"))
    with Queue((HERE, data), (HERE, extended(2, 3, 3, HERE.host))) as queue:
        assert refusals.read(queue, 0.0) == [HERE]
    assert refusals.dropped == 1


def test_an_address_is_told_again_after_a_pause_and_a_crowd_of_them_is_bounded() -> None:
    refusals = Refusals(Endpoints("0.0.0.0"))
    crowd = [Address(HERE.host, port) for port in range(1, TOLD_MAX + 3)]

    def read(now: float) -> list[Address]:
        found: list[Address] = []
        with Queue(*((address, extended(2, 3, 3, HERE.host)) for address in crowd)) as queue:
            while queue.messages:
                found += refusals.read(queue, now)
        return found

    assert read(10.0) == crowd[:TOLD_MAX]
    assert read(10.0 + PAUSE_S / 2) == []
    assert refusals.dropped == 2 + len(crowd)
    assert read(10.0 + PAUSE_S) == crowd[:TOLD_MAX]
