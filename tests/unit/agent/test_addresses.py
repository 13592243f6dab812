"""Which address the others are told."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading

from pycluster.agent.addresses import advertised, moved
from pycluster.kernel.errors import LocalMisuse
from pycluster.kernel.ids import Address, Seed

OTHER = Seed("node002", "127.0.0.2", 7946)


def test_the_chosen_one_wins() -> None:
    chosen = Address("192.0.2.9", 9)
    assert advertised("127.0.0.1", 7946, (OTHER,), "node001", chosen) == chosen


def test_a_bind_address_that_is_one_address_is_told() -> None:
    assert advertised("127.0.0.7", 7946, (OTHER,), "node001", None) == Address("127.0.0.7", 7946)
    assert advertised("::1", 7946, (OTHER,), "node001", None) == Address("::1", 7946)


def test_listening_everywhere_it_is_what_this_machine_sends_from_to_reach_the_others() -> None:
    assert advertised("0.0.0.0", 7946, (OTHER,), "node001", None) == Address("127.0.0.1", 7946)


def test_a_name_that_does_not_resolve_is_passed_over() -> None:
    nowhere = Seed("node003", "no.such.host.invalid", 7946)
    assert advertised("0.0.0.0", 7946, (nowhere, OTHER), "node001", None) == Address("127.0.0.1", 7946)


def test_listening_on_both_families_nodes_with_ipv4_addresses_are_found() -> None:
    assert advertised("::", 7946, (OTHER,), "node001", None) == Address("127.0.0.1", 7946)


def test_the_own_name_that_leads_to_loopback_says_nothing_about_the_others() -> None:
    def look_up(host: str, port: int, family: int, kind: int) -> list[tuple[object, ...]]:
        if host != "node001.example":
            raise OSError("no name server answers")
        return [(socket.AF_INET, kind, 0, "", ("127.0.1.1", port))]

    own, other = Seed("node001", "node001.example", 7946), Seed("node002", "node002.example", 7946)
    assert advertised("0.0.0.0", 7946, (own,), "node001", None, look_up) == Address("127.0.0.1", 7946)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        if probe.connect_ex(("192.0.2.1", 9)):
            return  # a machine without a network has nothing else to tell
    told = advertised("0.0.0.0", 7946, (own, other), "node001", None, look_up)
    assert not ipaddress.ip_address(told.host).is_loopback


def test_name_servers_that_do_not_answer_hold_nobody_up() -> None:
    answered = threading.Event()

    def look_up(host: str, port: int, family: int, kind: int) -> list[tuple[object, ...]]:
        if host == "silent.example":
            answered.wait()
        return [(socket.AF_INET, kind, 0, "", ("127.0.0.2", port))]

    silent = tuple(Seed(f"node{number:03}", "silent.example", 7946) for number in range(2, 200))

    def told(lookups_s: float) -> Address | None:
        with contextlib.suppress(LocalMisuse):
            return advertised("0.0.0.0", 7946, (OTHER, *silent), "node001", None, look_up, lookups_s)
        return None

    # A busy machine may need longer even for the one that answers.
    assert Address("127.0.0.1", 7946) in map(told, (0.05, 1.0, 20.0))
    answered.set()


def test_an_address_that_this_machine_still_has_stays() -> None:
    assert moved(Address("127.0.0.1", 7946), (Address("127.0.0.2", 7946),)) is None


def test_an_address_that_is_gone_is_followed_to_the_one_that_reaches_a_peer() -> None:
    ways = {"127.0.0.2": "127.0.0.1", "192.0.2.7": "192.0.2.30"}
    peers = (Address("2001:db8::1", 7946), Address("127.0.0.2", 7946), Address("192.0.2.7", 7946))
    found = moved(Address("192.0.2.29", 7946), peers, lambda there, family: ways.get(there[0]))
    assert found == Address("192.0.2.30", 7946), "neither another family's nor loopback"


def test_without_any_way_to_a_peer_the_old_address_stays() -> None:
    assert moved(Address("192.0.2.29", 7946), (Address("192.0.2.7", 7946),), lambda there, family: None) is None
