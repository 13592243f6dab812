"""Calls, posts and the port that takes them, over real loopback connections."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

import pytest

from pycluster.kernel.ids import Address
from pycluster.kernel.limits import FRAME_MAX_BYTES
from pycluster.node.effects import Call, Post
from pycluster.node.events import CallFailed, CallReceived, CallReplied, PostReceived, StreamEnded, StreamOpened
from pycluster.runtime.calls import IN_FLIGHT_MAX, Calls
from pycluster.runtime.framing import CALL, POST, REPLY, framed
from pycluster.runtime.inbound import FRAME_PATIENCE_S, UNREAD_MAX_BYTES, InboundPort
from pycluster.runtime.posts import Posts
from tests.unit.runtime.waiting import LOOPBACK, bound, until
from tests.unit.virtual import in_virtual_time

SECOND_US = 1_000_000


class Peer:
    """An agent's TCP side; calls are answered with the request in capitals, except ``hang`` and ``silence``."""

    def __init__(self) -> None:
        self.got: list[CallReceived | PostReceived] = []
        opened, self.address = bound(socket.SOCK_STREAM)
        self.port = InboundPort(opened, LOOPBACK, self.feed)

    def feed(self, event: CallReceived | PostReceived | StreamOpened | StreamEnded) -> None:
        assert isinstance(event, CallReceived | PostReceived)
        self.got.append(event)
        if isinstance(event, CallReceived):
            if event.data == b"hang":
                self.port.hang_up(event.token)
            elif event.data != b"silence":
                self.port.answer(event.token, event.data.upper())


class Caller:
    """Somebody who calls and posts."""

    def __init__(self) -> None:
        self.outcomes: list[CallReplied | CallFailed] = []
        self.calls = Calls(LOOPBACK, self.outcomes.append)
        self.posts = Posts(LOOPBACK)

    async def ask(self, to: Address, data: bytes, timeout_us: int = 10 * SECOND_US) -> CallReplied | CallFailed:
        before = len(self.outcomes)
        self.calls.perform(Call(before, to, data, timeout_us))
        await until(lambda: len(self.outcomes) > before)
        return self.outcomes[-1]

    async def ask_in_vain(self, listening: Callable[[], Address]) -> str:
        """Why a call fails that nobody answers; with more time where a busy machine had not connected it in time."""
        for timeout_us in (SECOND_US // 20, SECOND_US, 20 * SECOND_US):
            failed = await self.ask(listening(), b"silence", timeout_us)
            assert isinstance(failed, CallFailed)
            if failed.reason != "unreachable":
                return failed.reason
        raise AssertionError("nobody can connect")

    async def close(self) -> None:
        await self.calls.close()
        await self.posts.close()


def test_every_call_has_its_one_outcome() -> None:
    async def story() -> None:
        peer, caller = Peer(), Caller()
        await peer.port.start()
        assert await caller.ask(peer.address, b"hello") == CallReplied(0, b"HELLO")
        assert await caller.ask(peer.address, b"hang") == CallFailed(1, "closed")
        large = b"x" * (FRAME_MAX_BYTES - 1)
        assert await caller.ask(peer.address, large) == CallReplied(2, large.upper())
        assert await caller.ask_in_vain(lambda: peer.address) == "timeout"
        peer.port.close()
        refused = CallFailed(len(caller.outcomes), "refused")
        assert await caller.ask(peer.address, b"hello") == refused
        assert [outcome.call for outcome in caller.outcomes] == [*range(len(caller.outcomes))]
        await caller.close()

    asyncio.run(story())


def test_who_cannot_be_connected_to_in_time_is_unreachable_and_who_then_stays_mute_is_late() -> None:
    async def story() -> None:
        caller = Caller()
        with contextlib.ExitStack() as stack:
            addresses: list[Address] = []

            def listening() -> Address:
                full, address = bound(socket.SOCK_STREAM)
                stack.enter_context(full).listen(0)
                addresses.append(address)
                return address

            assert await caller.ask_in_vain(listening) == "timeout"  # its kernel took it
            for _ in range(4):  # more than its kernel takes for a process that accepts nobody
                filling = stack.enter_context(socket.socket())
                filling.setblocking(False)
                filling.connect_ex(_at(addresses[-1]))
            unreachable = CallFailed(len(caller.outcomes), "unreachable")
            assert await caller.ask(addresses[-1], b"hello", 50_000) == unreachable
        await caller.close()

    asyncio.run(story())


def test_more_calls_than_the_bound_fail_at_once() -> None:
    async def story() -> None:
        peer, caller = Peer(), Caller()
        await peer.port.start()
        for number in range(IN_FLIGHT_MAX + 3):
            caller.calls.perform(Call(number, peer.address, b"silence", 10 * SECOND_US))
        await until(lambda: len(caller.outcomes) == 3)
        assert set(caller.outcomes) == {CallFailed(IN_FLIGHT_MAX + extra, "unreachable") for extra in range(3)}
        await caller.close()
        peer.port.close()

    asyncio.run(story())


def test_posts_arrive_in_order_over_one_connection_and_again_after_a_restart() -> None:
    async def story() -> None:
        peer, caller = Peer(), Caller()
        await peer.port.start()
        for number in range(20):
            caller.posts.perform(Post(peer.address, "heartbeat", b"%d" % number))
        await until(lambda: len(peer.got) == 20)
        assert [event.data for event in peer.got] == [b"%d" % number for number in range(20)]
        assert len({event.source for event in peer.got}) == 1

        peer.port.close()
        again = InboundPort(LOOPBACK.open(socket.SOCK_STREAM, *_at(peer.address)), LOOPBACK, peer.feed)
        await again.start()

        def heard() -> bool:
            caller.posts.perform(Post(peer.address, "heartbeat", b"back"))
            return any(event.data == b"back" for event in peer.got)

        await until(heard)
        await caller.close()
        again.close()

    asyncio.run(story())


def test_a_peer_that_was_not_there_is_dialled_at_once_when_it_is_heard_from() -> None:
    async def story() -> None:
        opened, address = bound(socket.SOCK_STREAM)
        caller = Caller()

        def pausing() -> bool:
            caller.posts.perform(Post(address, "heartbeat", b"anyone"))
            return caller.posts.dropped > 0

        await until(pausing)  # bound and not listening: every dial is refused
        got: list[CallReceived | PostReceived | StreamOpened | StreamEnded] = []
        port = InboundPort(opened, LOOPBACK, got.append)
        await port.start()
        dropped = caller.posts.dropped
        caller.posts.heard_from(address.host)
        caller.posts.perform(Post(address, "heartbeat", b"back"))
        await until(lambda: bool(got))
        assert isinstance(got[0], PostReceived)
        assert (got[0].data, caller.posts.dropped) == (b"back", dropped)
        await caller.close()
        port.close()

    asyncio.run(story())


def test_everyone_who_connects_is_greeted() -> None:
    async def story() -> None:
        greeted: list[str] = []
        opened, address = bound(socket.SOCK_STREAM)
        port = InboundPort(opened, LOOPBACK, lambda event: None, greeted.append)
        await port.start()
        _, writer = await asyncio.open_connection(address.host, address.port)
        await until(lambda: greeted == ["127.0.0.1"])
        writer.close()
        port.close()

    asyncio.run(story())


def test_posts_to_nobody_are_dropped_and_counted() -> None:
    async def story() -> None:
        opened, address = bound(socket.SOCK_STREAM)
        opened.close()
        caller = Caller()

        def dropped() -> bool:
            caller.posts.perform(Post(address, "bulk", b"anyone"))
            return caller.posts.dropped > 0

        await until(dropped)
        await caller.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    "words",
    [
        b"GET / HTTP/1.1\r\nHost: agent\r\n\r\n",
        (FRAME_MAX_BYTES + 2).to_bytes(4, "big") + b"\x01",
        framed(REPLY, b"unasked"),
        framed(9, b"unknown"),
    ],
)
def test_a_stranger_is_cut_off_and_counted(words: bytes) -> None:
    async def story() -> None:
        peer = Peer()
        await peer.port.start()
        reader, writer = await asyncio.open_connection(peer.address.host, peer.address.port)
        writer.write(words)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        assert peer.got == []
        assert peer.port.malformed == 1
        writer.close()
        peer.port.close()

    asyncio.run(story())


def test_a_caller_that_went_away_needs_no_answer() -> None:
    async def story() -> None:
        peer = Peer()
        await peer.port.start()
        _, writer = await asyncio.open_connection(peer.address.host, peer.address.port)
        writer.write(framed(1, b"silence") + framed(POST, b"then"))
        await until(lambda: len(peer.got) == 2)
        writer.close()
        call = peer.got[0]
        assert isinstance(call, CallReceived)
        await until(lambda: not peer.port._calls)
        peer.port.answer(call.token, b"too late")
        peer.port.close()

    asyncio.run(story())


class UnreadTransport(asyncio.Transport):
    """A connection whose other end takes nothing."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 4711)})
        self.unread = 0
        self.reading = True
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.unread += len(data)

    def get_write_buffer_size(self) -> int:
        return self.unread

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


def test_who_takes_no_answers_asks_no_more_questions() -> None:
    async def story() -> None:
        peer, transport = Peer(), UnreadTransport()
        connection = peer.port.protocol()
        connection.connection_made(transport)
        connection.pause_writing()
        assert not transport.reading
        connection.resume_writing()
        assert transport.reading
        peer.port.close()

    asyncio.run(story())


def test_answers_that_nobody_takes_are_bounded_even_within_one_read() -> None:
    async def story() -> None:
        peer, transport = Peer(), UnreadTransport()
        connection = peer.port.protocol()
        connection.connection_made(transport)
        connection.data_received(framed(CALL, b"a" * FRAME_MAX_BYTES) * 10)
        assert transport.aborted
        assert transport.unread <= UNREAD_MAX_BYTES + FRAME_MAX_BYTES + 5
        assert len(peer.got) == transport.unread // FRAME_MAX_BYTES
        peer.port.close()

    asyncio.run(story())


class Line:
    """A connection to a peer on a loop whose time passes at once; the peer looks after it every five seconds."""

    def __init__(self) -> None:
        self.peer, self.transport = Peer(), UnreadTransport()
        self._connection = self.peer.port.protocol()
        self._connection.connection_made(self.transport)

    async def later(self, seconds: float, data: bytes) -> None:
        """That comes then, unless the connection was cut before."""
        await asyncio.sleep(seconds)
        if not self.transport.aborted:
            self._connection.data_received(data)

    async def trickle(self) -> None:
        """One byte of a frame each second, until it is cut."""
        for byte in framed(POST, b"x" * 100):
            await self.later(1, bytes((byte,)))
            if self.transport.aborted:
                return
        raise AssertionError("nobody cut it")


def test_a_frame_that_begins_after_a_silence_has_its_whole_time() -> None:
    async def story(clock: Callable[[], float]) -> None:
        line, frame = Line(), framed(POST, b"x" * 1_000)
        await line.later(0, frame)
        await line.later(3 * FRAME_PATIENCE_S, frame[:1])
        await line.later(FRAME_PATIENCE_S - 1, frame[1:] + frame[:1])
        await line.later(FRAME_PATIENCE_S - 1, frame[1:])
        assert len(line.peer.got) == 3 and not line.transport.aborted
        line.peer.port.close()

    in_virtual_time(story)


def test_a_frame_that_comes_byte_by_byte_is_cut_off_all_the_same() -> None:
    async def story(clock: Callable[[], float]) -> None:
        line = Line()
        await line.later(0, framed(POST, b"words"))
        await asyncio.sleep(3 * FRAME_PATIENCE_S)
        await line.trickle()
        assert 4 * FRAME_PATIENCE_S < clock() < 5 * FRAME_PATIENCE_S
        line.peer.port.close()

    in_virtual_time(story)


def test_the_first_frame_has_its_time_since_the_connection() -> None:
    async def story(clock: Callable[[], float]) -> None:
        line = Line()
        await asyncio.sleep(FRAME_PATIENCE_S - 1)
        await line.trickle()
        assert FRAME_PATIENCE_S < clock() < 2 * FRAME_PATIENCE_S - 1
        line.peer.port.close()

    in_virtual_time(story)


def _at(address: Address) -> tuple[str, int]:
    return address.host, address.port
