"""Where a node of a name is reached."""

from __future__ import annotations

from random import Random

import pytest

from pycluster import membership
from pycluster.kernel.ids import Address, Seed
from pycluster.membership import Local, Packet, Swim
from pycluster.membership.messages import Alive
from pycluster.node.addresses import AddressBook

SEEDS = (Seed("node001", "one.example", 7946), Seed("node002", "two.example", 7946))
OLD, NEW = Address("192.0.2.2", 7946), Address("192.0.2.22", 7946)


@pytest.fixture
def swim() -> Swim:
    local = Local("node001", "u1", 1, Address("192.0.2.1", 7946))
    swim = Swim(membership.Params(), local, SEEDS[1:], "demo", Random(1))
    swim.handle(membership.Start(), 0)
    return swim


@pytest.fixture
def book(swim: Swim) -> AddressBook:
    return AddressBook(swim, SEEDS)


def test_before_a_seed_is_a_member_dns_says_where_it_is(book: AddressBook) -> None:
    assert book.of("node002") is None
    book.resolved("two.example", 7946, (OLD, NEW))
    assert book.of("node002") == OLD
    book.resolved("two.example", 7946, ())
    assert book.of("node002") == OLD, "a lookup that failed says nothing"
    book.resolved("two.example", 7946, (NEW,))
    assert book.of("node002") == NEW


def test_a_members_own_word_comes_first(book: AddressBook, swim: Swim) -> None:
    book.resolved("two.example", 7946, (OLD,))
    packet = Packet("node002", "u2", 1, None, (Alive("node002", "u2", 1, NEW),))
    swim.handle(membership.PacketReceived(NEW, packet), 1)
    assert book.of("node002") == NEW


def test_nobody_else_is_remembered(book: AddressBook) -> None:
    book.resolved("stranger.example", 7946, (OLD,))
    book.resolved("two.example", 1, (OLD,))
    assert book.of("node002") is None and book.of("stranger") is None


def test_reloaded_seeds_take_the_place_of_the_old(book: AddressBook) -> None:
    book.resolved("two.example", 7946, (OLD,))
    book.reseed((Seed("node002", "elsewhere.example", 7946),))
    assert book.of("node002") is None
    book.resolved("elsewhere.example", 7946, (NEW,))
    assert book.of("node002") == NEW
