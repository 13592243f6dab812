"""Connections kept between calls: used again where that is safe, and never at the price of a change made twice."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

import pycluster
from pycluster.client import AgentFailed, AgentUnreachable, Endpoint
from pycluster.client.asynchronous import connected
from pycluster.client.calls import Calls
from pycluster.client.kept import KeptConnections
from pycluster.client.state import AsyncStateClient
from tests.unit.runtime.waiting import until

PUT = msgspec.json.encode({"revision": 7, "version": 1})
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(PUT), PUT)
LAST = PLAIN.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"%x\r\n%b\r\n0\r\nA-Trailer: x\r\n\r\n" % (len(PUT), PUT)
)
OLD = PLAIN.replace(b"/1.1", b"/1.0", 1)
EARLY = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + PLAIN
OPEN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + PUT


class Server:
    """Says to each request what is next in ``says``, or ``PLAIN``; ends the connection after ``OPEN``, instead of
    ``b""`` and with ``END`` after an answer.
    """

    END = b"(ends)"

    def __init__(self, *says: bytes) -> None:
        self._says = list(says)
        self.met = self.open = 0
        self.pause_s = 0.0
        self.ids: list[str] = []
        self.host = ""

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.met += 1
        self.open += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                await reader.readexactly(int(head.partition("content-length: ")[2].partition("\r")[0]))
                self.ids.append(head.partition("idempotency-key: ")[2].partition("\r")[0])
                await asyncio.sleep(self.pause_s)
                said = self._says.pop(0) if self._says else PLAIN
                writer.write(said.removesuffix(self.END))
                if said in (b"", OPEN) or said.endswith(self.END):
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass
        self.open -= 1
        writer.close()


@asynccontextmanager
async def served(*says: bytes) -> AsyncIterator[tuple[Server, AsyncStateClient]]:
    server = Server(*says)
    async with asyncio.timeout(60), await server.start():
        yield server, pycluster.connect_async(server.host)
        await until(lambda: not server.open)


def test_calls_within_a_client_share_a_connection_and_those_without_have_their_own() -> None:
    async def scene() -> None:
        async with served() as (server, client):
            async with client:
                for _ in range(5):
                    await client.put("k", "v")
                assert (server.met, server.open) == (1, 1)
            await until(lambda: not server.open)
            for _ in range(3):
                await client.put("k", "v")
            assert server.met == 4

    asyncio.run(scene())


def test_calls_at_once_have_a_connection_each_and_eight_of_them_are_kept() -> None:
    async def scene() -> None:
        async with served() as (server, client), client:
            await asyncio.gather(*(client.put("k", "v") for _ in range(12)))
            await until(lambda: server.open == 8)
            await asyncio.gather(*(client.put("k", "v") for _ in range(8)))
            assert server.met == 12

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("says", "met"),
    [(PLAIN, 1), (CHUNKED, 1), (EARLY, 1), (LAST, 2), (OLD, 2), (OPEN, 2)],
    ids=["length", "chunked", "early", "last", "old", "open"],
)
def test_only_what_ended_whole_and_was_not_the_last_is_used_again(says: bytes, met: int) -> None:
    async def scene() -> None:
        async with served(says) as (server, client), client:
            for _ in range(3):
                assert (await client.put("k", "v")).revision == 7
            assert server.met == met

    asyncio.run(scene())


@pytest.mark.parametrize(
    "surplus",
    [PLAIN.replace(b'"revision":7', b'"revision":9'), b"\r\n", b"HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n"],
    ids=["answer", "line", "refusal"],
)
def test_what_nobody_asked_for_is_no_answer(surplus: bytes) -> None:
    async def scene() -> None:
        async with served(PLAIN + surplus) as (server, client), client:
            assert (await client.put("k", "v")).revision == 7
            await asyncio.sleep(0.01)  # all of it is on the way to us
            assert (await client.put("k", "v")).revision == 7
            assert server.met == 2

    asyncio.run(scene())


def test_an_answer_without_a_body_is_whole_at_once() -> None:
    async def scene() -> None:
        async with served(b"HTTP/1.1 204 No Content\r\n\r\n") as (server, client), client:
            with pytest.raises(AgentFailed, match="204"):
                await client.put("k", "v")
            await client.put("k", "v")
            assert server.met == 1

    asyncio.run(scene())


def test_the_last_of_those_within_a_client_ends_its_connections() -> None:
    async def scene() -> None:
        async with served() as (server, client):
            await client.close()  # there are none yet
            async with client:
                async with client:
                    await client.put("k", "v")
                await client.put("k", "v")
                assert server.met == 1

    asyncio.run(scene())


def test_no_try_begins_past_the_time_and_what_was_sent_stays_in_doubt() -> None:
    async def scene() -> None:
        async with served(PLAIN, b"") as (server, _):
            calls = Calls(Endpoint.parse(server.host), 0.2)
            calls.keep()
            await calls.call("PUT", "/kv", dict)
            server.pause_s = 0.3
            with pytest.raises(AgentUnreachable, match="before the answer was complete"):
                await calls.call("PUT", "/kv", dict)
            assert len(server.ids) == 2
            await calls.close()

    asyncio.run(scene())


def test_a_change_on_a_connection_that_the_agent_ended_is_asked_again_under_the_same_id() -> None:
    async def scene() -> None:
        async with served(PLAIN, b"") as (server, client), client:
            await client.put("k", "v")
            await client.put("k", "v")
            assert server.met == 2
            assert server.ids[1] == server.ids[2] != server.ids[0]

    asyncio.run(scene())


def test_one_whose_end_was_heard_meanwhile_is_not_used() -> None:
    async def scene() -> None:
        async with served(PLAIN + Server.END) as (server, client), client:
            await client.put("k", "v")
            await until(lambda: not server.open)
            await asyncio.sleep(0.01)  # its end is on the way to us
            await client.put("k", "v")
            assert (server.met, len(server.ids)) == (2, 2), "it was asked once only"

    asyncio.run(scene())


def test_where_nobody_is_left_a_change_that_was_sent_is_in_doubt_and_a_read_is_not() -> None:
    async def scene(change: bool) -> str:
        server = Server(PLAIN, b"")
        async with asyncio.timeout(60):
            listening = await server.start()
            async with pycluster.connect_async(server.host) as client:
                await client.put("k", "v")
                listening.close()
                with pytest.raises(AgentUnreachable) as failed:
                    await (client.put("k", "v") if change else client.get("k"))
        return failed.value.why

    assert "before the answer was complete" in asyncio.run(scene(change=True))
    assert asyncio.run(scene(change=False)) == "nobody listens there"


def test_what_is_not_used_is_ended_after_a_while() -> None:
    async def scene() -> None:
        async with served() as (server, _):
            endpoint, kept = Endpoint.parse(server.host), KeptConnections(idle_s=0.02)
            for _ in range(2):
                kept.give(await connected(endpoint))
            await until(lambda: server.met == 2 and not server.open)
            assert kept.take() is None
            kept.give(await connected(endpoint))
            time.sleep(0.03)  # noqa: ASYNC251  it holds up the loop: no timer comes before
            assert kept.take() is None
            kept.give(await connected(endpoint))
            await kept.close()
            kept.give(await connected(endpoint))
            await until(lambda: server.met == 5 and not server.open)

    asyncio.run(scene())


def test_a_full_queue_of_a_unix_socket_is_waited_for(tmp_path: Path) -> None:
    async def scene() -> None:
        path = tmp_path / "agent.sock"
        with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as first:
            listening.bind(str(path))
            listening.listen(0)
            first.connect(str(path))
            entering = asyncio.ensure_future(connected(Endpoint(str(path))))
            await asyncio.sleep(0.05)
            assert not entering.done()
            listening.accept()[0].close()
            _, writer = await entering
            writer.close()
            await writer.wait_closed()

    asyncio.run(scene())


def test_a_client_of_a_program_without_a_loop_keeps_them_until_it_is_closed() -> None:
    async def scene() -> None:
        async with served() as (server, _):

            def work() -> None:
                with pycluster.connect(server.host) as client:
                    for _ in range(3):
                        client.put("k", "v")
                    assert (server.met, server.open) == (1, 1)

            await asyncio.to_thread(work)

    asyncio.run(scene())
