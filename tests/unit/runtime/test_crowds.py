"""Many hosts together cannot keep the voters out, and an IPv6 network is one host."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest
import uvloop

from pycluster.node.events import CallReceived, PostReceived, StreamEnded, StreamOpened
from pycluster.runtime.crowds import Crowd, Hoard, network
from pycluster.runtime.endpoints import Endpoints
from pycluster.runtime.framing import POST, framed
from pycluster.runtime.inbound import SEATS_SHARE, InboundPort
from tests.unit.runtime.waiting import until


def fill(crowd: Crowd, hosts: list[str]) -> int:
    """How many places those hosts get together, each taking all it can."""
    taken = 0
    for host in hosts:
        while crowd.enter(host):
            taken += 1
    return taken


def test_hosts_of_nobody_leave_the_kept_places_to_the_seats() -> None:
    crowd = Crowd(80, 8, 10)
    crowd.seats = frozenset({"10.0.0.1", "10.0.0.2"})
    assert fill(crowd, [f"192.0.2.{number}" for number in range(40)]) == 70
    assert fill(crowd, ["10.0.0.1"]) == 8
    assert fill(crowd, ["10.0.0.2"]) == 2
    assert len(crowd) == 80


def test_what_the_seats_hold_costs_the_others_nothing_of_theirs() -> None:
    crowd = Crowd(80, 8, 10)
    crowd.seats = frozenset({"10.0.0.1"})
    assert [crowd.enter("10.0.0.1") for _ in range(5)] == [True] * 5
    assert fill(crowd, [f"192.0.2.{number}" for number in range(40)]) == 70


def test_who_becomes_a_seat_while_it_holds_places_gives_them_back_as_it_took_them() -> None:
    crowd = Crowd(80, 8, 10)
    assert fill(crowd, ["2001:db8::1"]) == 40
    crowd.seats = frozenset({"2001:db8::1"})
    for _ in range(40):
        crowd.leave("2001:db8::1")
    assert len(crowd) == 0
    assert fill(crowd, ["2001:db8::2"]) == 40


def test_all_addresses_of_an_ipv6_network_are_one_host() -> None:
    crowd = Crowd(80, 8, 10)
    assert fill(crowd, [f"2001:db8::{number:x}" for number in range(1, 200)]) == 40
    assert fill(crowd, ["2001:db8:0:1::1"]) == 8


def test_a_seat_among_attackers_of_its_own_network_is_counted_apart() -> None:
    crowd = Crowd(80, 8, 10)
    crowd.seats = frozenset({"2001:db8::1"})
    assert fill(crowd, [f"2001:db8::{number:x}" for number in range(2, 200)]) == 40
    assert fill(crowd, ["2001:db8::1"]) == 8


def test_bytes_are_counted_by_network_too() -> None:
    hoard = Hoard(10 * Hoard.FREE_BYTES)
    held = [hoard.move(f"2001:db8::{number:x}", 0, 2 * Hoard.FREE_BYTES) for number in range(8)]
    assert held == [True] * 5 + [False] * 3
    assert hoard.move("2001:db8:0:1::1", 0, 2 * Hoard.FREE_BYTES)


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::/64"),
        ("::1", "::/64"),
        ("not:an:address", "not:an:address"),
    ],
)
def test_a_network(host: str, counted: str) -> None:
    assert network(host) == counted


class Port:
    """An agent's TCP port on all of this machine's loopback addresses."""

    def __init__(self) -> None:
        self.told: list[CallReceived | PostReceived | StreamOpened | StreamEnded] = []
        endpoints = Endpoints("0.0.0.0")
        opened = endpoints.open(socket.SOCK_STREAM, "0.0.0.0", 0)
        self.number: int = opened.getsockname()[1]
        self.inbound = InboundPort(opened, endpoints, self.told.append, connections_max=128)

    def dial(self, source: str) -> socket.socket:
        """A connection from that address."""
        return socket.create_connection(("127.0.0.1", self.number), 10, (source, 0))


def test_sixteen_addresses_fill_what_is_theirs_and_a_voter_still_gets_in() -> None:
    async def story() -> None:
        port = Port()
        await port.inbound.start()
        port.inbound.favour(("127.0.1.1",))
        with contextlib.ExitStack() as held:
            for address in range(1, 17):
                for _ in range(8):
                    held.enter_context(port.dial(f"127.0.0.{address}"))
            await until(lambda: len(port.inbound._crowd) + port.inbound.turned_away == 128)
            assert port.inbound.turned_away == 128 // SEATS_SHARE
            voter = held.enter_context(port.dial("127.0.1.1"))
            voter.sendall(framed(POST, b"vote"))
            await until(lambda: bool(port.told))
            assert isinstance(port.told[0], PostReceived)
            assert port.told[0].source.host == "127.0.1.1"
        port.inbound.close()
        await port.inbound.closing()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(story())
