"""Idle streams from the side that is dialled, and how many connections one host may have."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from pycluster.kernel.ids import Address
from pycluster.kernel.limits import STREAMS_MAX
from pycluster.node.events import CallReceived, PostReceived, StreamEnded, StreamOpened
from pycluster.runtime.crowds import Crowd
from pycluster.runtime.framing import CALL, GOODBYE, GREETING_MAX_BYTES, POST, STREAM, framed
from pycluster.runtime.inbound import FRAME_PATIENCE_S, IDLE_S, InboundPort
from tests.unit.runtime.waiting import LOOPBACK, bound, until

GREETING = framed(STREAM, b"I am here")


class Host:
    """An agent's port, and what came in by it."""

    def __init__(self) -> None:
        self.told: list[CallReceived | PostReceived | StreamOpened | StreamEnded] = []
        opened, self.address = bound(socket.SOCK_STREAM)
        self.port = InboundPort(opened, LOOPBACK, self.told.append)

    async def connect(self, words: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(self.address.host, self.address.port)
        writer.write(words)
        return reader, writer

    async def close(self) -> None:
        self.port.close()
        await self.port.closing()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """What comes until the end."""
    with contextlib.suppress(ConnectionResetError):
        return await reader.read()
    return b""


def test_a_stream_that_just_ends_is_told_without_a_goodbye() -> None:
    async def story() -> None:
        host = Host()
        await host.port.start()
        _, writer = await host.connect(GREETING)
        await until(lambda: host.told == [StreamOpened(1, b"I am here")])
        writer.close()
        await until(lambda: len(host.told) == 2)
        assert host.told[1] == StreamEnded(1, goodbye=False)
        assert host.port.malformed == 0
        await host.close()

    asyncio.run(story())


def test_a_goodbye_is_told_and_answered_with_the_end_even_where_it_comes_with_the_greeting() -> None:
    async def story() -> None:
        host = Host()
        await host.port.start()
        reader, writer = await host.connect(GREETING + framed(GOODBYE))
        assert await rest(reader) == b""
        assert host.told == [StreamOpened(1, b"I am here"), StreamEnded(1, goodbye=True)]
        writer.close()
        await host.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    "words",
    [
        GREETING,
        framed(POST, b"words"),
        framed(CALL, b"words"),
        framed(POST, bytes(1_000))[:900],
        b"GET / HTTP/1.1\r\n\r\n",
        framed(GOODBYE)[:4] + b"\x09",
    ],
)
def test_whoever_talks_on_an_idle_stream_is_cut_off_and_lives(words: bytes) -> None:
    async def story() -> None:
        host = Host()
        await host.port.start()
        reader, writer = await host.connect(GREETING)
        await until(lambda: len(host.told) == 1)
        writer.write(words)
        assert await rest(reader) == b""
        assert host.told[1:] == [StreamEnded(1, goodbye=True)]
        assert host.port.malformed == 1
        writer.close()
        await host.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("words", "heard"),
    [
        (framed(POST, b"words") + GREETING, 1),
        (framed(GOODBYE), 0),
        (framed(STREAM, bytes(GREETING_MAX_BYTES + 1))[:5], 0),
    ],
)
def test_a_greeting_comes_first_and_small_and_a_goodbye_after_it(words: bytes, heard: int) -> None:
    async def story() -> None:
        host = Host()
        await host.port.start()
        reader, writer = await host.connect(words)
        assert await rest(reader) == b""
        assert len(host.told) == heard
        assert host.port.malformed == 1
        writer.close()
        await host.close()

    asyncio.run(story())


def test_a_stream_that_the_node_closes_gets_a_goodbye_and_its_end_is_not_told() -> None:
    async def story() -> None:
        host = Host()
        await host.port.start()
        reader, writer = await host.connect(GREETING)
        await until(lambda: len(host.told) == 1)
        host.port.close_stream(1)
        host.port.close_stream(1)
        host.port.close_stream(4711)
        assert await rest(reader) == framed(GOODBYE)
        writer.close()
        await until(lambda: not host.port._connections)
        assert len(host.told) == 1
        await host.close()

    asyncio.run(story())


def test_an_idle_stream_may_be_silent_for_ever_but_its_greeting_may_not() -> None:
    async def story() -> None:
        host = Host()
        await host.port.start()
        now = asyncio.get_running_loop().time()
        _, silent = await host.connect()
        await until(lambda: len(host.port._connections) == 1)
        (ungreeted,) = host.port._connections
        assert ungreeted.overdue(now + FRAME_PATIENCE_S + 60)
        silent.write(GREETING)
        await until(lambda: len(host.told) == 1)
        assert not ungreeted.overdue(now + 1_000 * IDLE_S)
        silent.close()
        await host.close()

    asyncio.run(story())


def test_streams_that_are_too_many_get_a_goodbye_and_are_counted() -> None:
    async def story() -> None:
        host = Host()
        await host.port.start()
        one_host = STREAMS_MAX // 2
        peers = [await host.connect(GREETING) for _ in range(one_host)]
        await until(lambda: len(host.told) == one_host)
        reader, late = await host.connect(GREETING)
        assert await rest(reader) == framed(GOODBYE)
        assert host.port.streams_turned_away == 1
        peers[0][1].close()
        await until(lambda: len(host.told) == one_host + 1)
        _, again = await host.connect(GREETING)
        await until(lambda: len(host.told) == one_host + 2)
        assert isinstance(host.told[-1], StreamOpened)
        for writer in (late, again, *(writer for _, writer in peers)):
            writer.close()
        await host.close()

    asyncio.run(story())


class Transport(asyncio.Transport):
    """A connection from ``source``."""

    def __init__(self, source: Address) -> None:
        super().__init__({"peername": (source.host, source.port)})
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


def test_one_host_gets_half_of_all_connections_and_leaves_room_for_others() -> None:
    async def story() -> None:
        host = Host()
        crowd = host.port._crowd
        alone = 0
        while True:
            protocol, transport = host.port.protocol(), Transport(Address("192.0.2.1", 1 + alone))
            protocol.connection_made(transport)
            if transport.aborted:
                break
            alone += 1
        assert alone == crowd.most // 2
        assert host.port.turned_away == 1
        protocol.connection_lost(None)
        assert len(crowd) == alone
        other, transport = host.port.protocol(), Transport(Address("192.0.2.2", 1))
        other.connection_made(transport)
        assert not transport.aborted
        other.connection_lost(None)
        assert len(crowd) == alone
        host.port.close()

    asyncio.run(story())


def test_once_half_is_taken_every_host_has_its_share_until_all_is_taken() -> None:
    crowd = Crowd(20, 4)
    assert [crowd.enter("a") for _ in range(11)] == [True] * 10 + [False]
    assert [crowd.enter("b") for _ in range(5)] == [True] * 4 + [False]
    assert [crowd.enter("c") for _ in range(5)] == [True] * 4 + [False]
    assert [crowd.enter("d") for _ in range(3)] == [True] * 2 + [False]
    for _ in range(10):
        crowd.leave("a")
    assert len(crowd) == 10
    assert not crowd.enter("b")
    assert crowd.enter("d")
    crowd.leave("d")
    crowd.leave("d")
    assert crowd.enter("b")
