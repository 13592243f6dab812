"""Addresses on their way to and from sockets; some were named by strangers."""

from __future__ import annotations

import asyncio
import socket

import pytest

from pycluster.kernel.ids import Address
from pycluster.node.effects import Call, Post
from pycluster.node.events import CallFailed, CallReplied
from pycluster.runtime.calls import Calls
from pycluster.runtime.endpoints import Endpoints
from pycluster.runtime.posts import Posts
from pycluster.runtime.udp import DatagramPort
from tests.unit.runtime.waiting import LOOPBACK, bound, until

#: What a record that came by gossip may carry where an address should be.
NO_ADDRESSES = [Address(host, 7946) for host in ("", "localhost", "example.invalid", "999.1.1.1", "\0", "a" * 300)]
NO_ADDRESSES += [Address("127.0.0.1", port) for port in (0, -1, 65_536, 2**40)]


def test_an_ipv6_socket_that_takes_both_families_sees_and_writes_ipv4_as_it_is() -> None:
    dual = Endpoints("::")
    assert dual.read(("::ffff:192.0.2.1", 7946, 0, 0)) == Address("192.0.2.1", 7946)
    assert dual.write(Address("192.0.2.1", 7946)) == ("::ffff:192.0.2.1", 7946)
    assert dual.write(Address("2001:db8::1", 7946)) == ("2001:db8::1", 7946)


@pytest.mark.parametrize("wrong", NO_ADDRESSES, ids=str)
def test_what_is_no_address_is_never_looked_up(wrong: Address) -> None:
    with pytest.raises(OSError, match="is no address"):
        LOOPBACK.write(wrong)


def test_a_datagram_to_what_is_no_address_is_counted_and_dropped() -> None:
    async def story() -> None:
        opened, own = bound(socket.SOCK_DGRAM)
        came: list[bytes] = []
        port = DatagramPort(opened, LOOPBACK, lambda source, data: came.append(data))
        port.start()
        for wrong in NO_ADDRESSES:
            port.send(wrong, b"lost")
        port.send(own, b"kept")
        await until(lambda: bool(came))
        assert (came, port.send_failures) == ([b"kept"], len(NO_ADDRESSES))
        port.close()

    asyncio.run(story())


def test_calls_and_posts_to_what_is_no_address_fail_like_any_other() -> None:
    async def story() -> None:
        outcomes: list[CallReplied | CallFailed] = []
        calls, posts = Calls(LOOPBACK, outcomes.append), Posts(LOOPBACK)
        for number, wrong in enumerate(NO_ADDRESSES):
            calls.perform(Call(number, wrong, b"x", 10_000_000))
            posts.perform(Post(wrong, "bulk", b"x"))
        await until(lambda: len(outcomes) == len(NO_ADDRESSES))
        assert set(outcomes) == {CallFailed(number, "unreachable") for number in range(len(NO_ADDRESSES))}
        await calls.close()
        await posts.close()

    asyncio.run(story())
