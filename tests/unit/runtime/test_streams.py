"""Idle streams from the side that dials: what their beginning and their end tell."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import pytest
import uvloop

from pycluster.kernel.ids import Address
from pycluster.node.effects import KeepStreams
from pycluster.node.events import CallReceived, PostReceived, StreamEnded, StreamLost, StreamOpened, StreamUp
from pycluster.runtime.framing import GOODBYE, POST, STREAM, framed
from pycluster.runtime.inbound import InboundPort
from pycluster.runtime.streams import HEARD_MAX_BYTES, KEPT_MAX, RETRY_S, UNWANTED_S, IdleStreams
from tests.unit.runtime.waiting import LOOPBACK, bound, until

Loop = Callable[[], asyncio.AbstractEventLoop]
on_both_loops = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["plain", "uv"])


def play(loop: Loop, story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run it on a loop of that kind."""
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(story())


class Keeper:
    """Somebody who keeps idle streams."""

    def __init__(self) -> None:
        self.told: list[StreamUp | StreamLost] = []
        self.streams = IdleStreams(LOOPBACK, self.told.append, Random(1))

    def keep(self, *peers: Address) -> None:
        self.streams.perform(KeepStreams(peers, b"I am here"))


class Host:
    """Somebody to whom streams are kept, with an agent's port."""

    def __init__(self) -> None:
        self.told: list[CallReceived | PostReceived | StreamOpened | StreamEnded] = []
        self.opened, self.address = bound(socket.SOCK_STREAM)
        self.port = InboundPort(self.opened, LOOPBACK, self.told.append)


class Process:
    """A peer that takes connections and does with them what a test says."""

    def __init__(self, behave: Callable[[asyncio.StreamWriter], None] = lambda writer: None) -> None:
        self.opened, self.address = bound(socket.SOCK_STREAM)
        self.greetings: list[bytes] = []
        self.heard: list[bytes] = []
        self._behave = behave
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._take, sock=self.opened)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self.greetings.append(await reader.readexactly(len(framed(STREAM, b"I am here"))))
        self._behave(writer)
        with contextlib.suppress(OSError):
            self.heard.append(await reader.read())

    def end(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()


@on_both_loops
def test_a_stream_stands_is_greeted_and_ends_with_a_goodbye_once_it_is_not_wanted(loop: Loop) -> None:
    async def story() -> None:
        keeper, host = Keeper(), Host()
        await host.port.start()
        keeper.keep(host.address)
        assert keeper.told == []
        await until(lambda: bool(keeper.told and host.told))
        assert keeper.told == [StreamUp(host.address)]
        assert host.told == [StreamOpened(1, b"I am here")]
        keeper.keep(host.address)
        keeper.keep()
        await until(lambda: len(host.told) == 2)
        assert host.told[1] == StreamEnded(1, goodbye=True)
        await keeper.streams.close()
        assert keeper.told == [StreamUp(host.address)]
        host.port.close()
        await host.port.closing()

    play(loop, story)


@on_both_loops
def test_an_agent_that_stops_says_goodbye_on_the_streams_of_both_directions(loop: Loop) -> None:
    async def story() -> None:
        keeper, other, host = Keeper(), Keeper(), Host()
        await host.port.start()
        keeper.keep(host.address)
        other.keep(host.address)
        await until(lambda: len(host.told) == 2)
        await other.streams.close()
        await until(lambda: StreamEnded(1, goodbye=True) in host.told or StreamEnded(2, goodbye=True) in host.told)
        host.port.close()
        await host.port.closing()
        await until(lambda: keeper.streams._lines[host.address]._timer is not None)
        assert keeper.told == [StreamUp(host.address)]
        assert len(host.told) == 3
        await keeper.streams.close()

    play(loop, story)


@on_both_loops
def test_a_stream_that_ends_without_a_goodbye_is_lost_once_and_dialled_again(loop: Loop) -> None:
    async def story() -> None:
        keeper, process = Keeper(), Process()
        await process.start()
        keeper.keep(process.address)
        for times in range(1, 4):
            await until(lambda times=times: len(process.greetings) == times)  # type: ignore[misc]
            process._writers[-1].close()
        await until(lambda: keeper.told.count(StreamUp(process.address)) == 4)
        assert keeper.told == [StreamUp(process.address), StreamLost(process.address)] * 3 + [StreamUp(process.address)]
        assert process.greetings[:3] == [framed(STREAM, b"I am here")] * 3
        await keeper.streams.close()
        await until(lambda: len(process.heard) == 4)
        assert process.heard[-1] == framed(GOODBYE)
        process.end()

    play(loop, story)


@on_both_loops
def test_a_killed_peer_is_lost_even_where_its_end_comes_as_a_reset(loop: Loop) -> None:
    async def story() -> None:
        keeper = Keeper()
        process = Process(lambda writer: writer.transport.abort())
        await process.start()
        keeper.keep(process.address)
        await until(lambda: StreamLost(process.address) in keeper.told)
        assert keeper.told[0] == StreamUp(process.address)
        await keeper.streams.close()
        process.end()

    play(loop, story)


@on_both_loops
def test_a_peers_goodbye_is_no_loss_and_it_is_dialled_slowly_even_when_it_is_heard_from(loop: Loop) -> None:
    async def story() -> None:
        keeper = Keeper()
        process = Process(lambda writer: writer.write(framed(GOODBYE)))
        await process.start()
        now = asyncio.get_running_loop().time()
        keeper.keep(process.address)
        line = keeper.streams._lines[process.address]
        await until(lambda: bool(keeper.told) and line._timer is not None)
        assert keeper.told == [StreamUp(process.address)]
        timer = line._timer
        assert timer is not None
        assert timer.when() - now > UNWANTED_S
        keeper.streams.heard_from(process.address.host)
        assert line._timer is not None
        assert timer.when() > line._timer.when() > now + UNWANTED_S / 2
        await keeper.streams.close()
        process.end()

    play(loop, story)


@on_both_loops
def test_a_failed_dial_feeds_nothing_is_tried_ever_more_rarely_and_at_once_when_its_host_is_heard_from(
    loop: Loop,
) -> None:
    async def story() -> None:
        keeper, host = Keeper(), Host()  # bound and not listening: every dial is refused
        keeper.keep(host.address)
        line = keeper.streams._lines[host.address]
        for times in range(1, 4):
            await until(lambda times=times: keeper.streams.failed_dials == times)  # type: ignore[misc]
            assert line._pause_s == RETRY_S[0] * 2**times
        line._pause_s = RETRY_S[1]
        await until(lambda: keeper.streams.failed_dials == 4)
        assert line._pause_s == RETRY_S[1]
        assert keeper.told == []
        await host.port.start()
        keeper.streams.heard_from("192.0.2.1")
        assert line._pause_s == RETRY_S[1]
        keeper.streams.heard_from(host.address.host)
        await until(lambda: keeper.told == [StreamUp(host.address)])
        await keeper.streams.close()
        host.port.close()
        await host.port.closing()

    play(loop, story)


@on_both_loops
@pytest.mark.parametrize("words", [framed(POST, b"x") * (HEARD_MAX_BYTES // 6 + 1), b"GET / HTTP/1.1\r\n\r\n"])
def test_a_peer_that_talks_on_an_idle_stream_is_ignored_and_then_cut_off_without_a_loss(
    loop: Loop, words: bytes
) -> None:
    async def story() -> None:
        keeper = Keeper()
        process = Process(lambda writer: writer.write(words))
        await process.start()
        keeper.keep(process.address)
        line = keeper.streams._lines[process.address]
        await until(lambda: line._timer is not None)
        assert keeper.told == [StreamUp(process.address)]
        assert keeper.streams.noises > 0
        await keeper.streams.close()
        process.end()

    play(loop, story)


def test_a_few_words_on_an_idle_stream_end_nothing() -> None:
    async def story() -> None:
        keeper = Keeper()
        process = Process(lambda writer: writer.write(framed(POST, b"x")))
        await process.start()
        keeper.keep(process.address)
        await until(lambda: keeper.streams.noises == 1)
        assert keeper.told == [StreamUp(process.address)]
        assert keeper.streams._lines[process.address]._stream is not None
        await keeper.streams.close()
        process.end()

    asyncio.run(story())


def test_no_more_streams_are_kept_than_the_bound() -> None:
    async def story() -> None:
        keeper, host = Keeper(), Host()
        await host.port.start()
        keeper.keep(host.address, host.address, *(Address("127.0.0.1", port) for port in range(1, KEPT_MAX + 3)))
        assert len(keeper.streams._lines) == KEPT_MAX
        assert keeper.streams.too_many == 3
        await until(lambda: keeper.told == [StreamUp(host.address)])
        await keeper.streams.close()
        await until(lambda: not keeper.streams._leaving)
        host.port.close()
        await host.port.closing()

    asyncio.run(story())


@on_both_loops
def test_who_is_not_wanted_any_more_however_far_its_dial_got_is_never_taken_for_lost(loop: Loop) -> None:
    async def story() -> None:
        faults: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
        host = Host()
        await host.port.start()
        gc.collect()
        gc.freeze()  # what other tests left is not looked at each time
        for turns in range(16):
            keeper = Keeper()
            keeper.keep(host.address)
            for _ in range(turns):
                await asyncio.sleep(0)
            keeper.keep()
            await keeper.streams.close()
            await until(lambda keeper=keeper: not keeper.streams._leaving)  # type: ignore[misc]
            assert keeper.told in ([], [StreamUp(host.address)])
            gc.collect()
        opened = [event.stream for event in host.told if isinstance(event, StreamOpened)]
        await until(lambda: not host.port._connections)
        ended = [event for event in host.told if isinstance(event, StreamEnded)]
        assert all(event.goodbye for event in ended)
        assert len(ended) >= len(opened)
        assert faults == []
        host.port.close()

    play(loop, story)
