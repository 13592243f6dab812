"""Which address the others are told."""

from __future__ import annotations

from pycluster.agent.addresses import advertised
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
