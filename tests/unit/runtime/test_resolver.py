"""Names to addresses, off the event loop's thread."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from pycluster.kernel.errors import LocalMisuse
from pycluster.kernel.ids import Address
from pycluster.node.effects import Resolve
from pycluster.node.events import Resolved
from pycluster.runtime.resolver import Resolver
from pycluster.runtime.seeds import parse
from tests.unit.runtime.waiting import until


def name_server(host: str, port: int, family: int, kind: int) -> list[tuple[Any, ...]]:
    """Knows one name, with two addresses, one of them told twice."""
    if host != "node001.example.org":
        raise socket.gaierror(socket.EAI_NONAME, "unknown")
    return [(family, kind, 17, "", (address, port)) for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1")]


def answers(*questions: Resolve) -> list[Resolved]:
    """What comes of them."""
    found: list[Resolved] = []

    async def story() -> None:
        resolver = Resolver(socket.AF_INET, found.append, dual=False, look_up=name_server)
        for question in questions:
            resolver.perform(question)
        assert found == [], "an answer never comes before the question is out"
        await until(lambda: {(a.host, a.port) for a in found} == {(q.host, q.port) for q in questions})

    asyncio.run(story())
    return found


def test_a_number_is_its_own_answer() -> None:
    assert answers(Resolve("192.0.2.1", 7946)) == [Resolved("192.0.2.1", 7946, (Address("192.0.2.1", 7946),))]


def test_a_name_is_looked_up_and_asked_once_at_a_time() -> None:
    (found,) = answers(Resolve("node001.example.org", 7946), Resolve("node001.example.org", 7946))
    assert found.addresses == (Address("192.0.2.1", 7946), Address("192.0.2.2", 7946))


def test_a_name_that_leads_nowhere_has_no_address() -> None:
    assert answers(Resolve("no.such.host", 1)) == [Resolved("no.such.host", 1, ())]


@pytest.mark.parametrize("host", ["x" * 300, "a..b"])
def test_what_the_system_cannot_even_ask_for_has_no_address(host: str) -> None:
    found: list[Resolved] = []

    async def story() -> None:
        Resolver(socket.AF_INET, found.append, dual=False).perform(Resolve(host, 1))
        await until(lambda: bool(found))

    asyncio.run(story())
    assert found == [Resolved(host, 1, ())]


@pytest.mark.parametrize(
    ("text", "seed"),
    [
        ("node001", ("node001", 7946)),
        ("node001:1", ("node001", 1)),
        ("[2001:db8::1]:65535", ("2001:db8::1", 65_535)),
        ("[2001:db8::1]", ("2001:db8::1", 7946)),
        ("2001:db8::1", ("2001:db8::1", 7946)),
    ],
)
def test_an_operator_says_where_to_look(text: str, seed: tuple[str, int]) -> None:
    assert parse((text,), 7946) == (seed,)


@pytest.mark.parametrize("text", ["", ":7946", "a b", "host:0", "host:65536", "host:x", "[::1", "[::1]x", "1:2:3"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(LocalMisuse, match="cannot contact"):
        parse((text,), 7946)
