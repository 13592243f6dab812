"""What connections can make this process keep in memory is bounded, by host and altogether."""

from __future__ import annotations

import asyncio
import socket

from pycluster.kernel.limits import FRAME_MAX_BYTES
from pycluster.node.events import CallReceived, PostReceived, StreamEnded, StreamOpened
from pycluster.runtime.crowds import Hoard
from pycluster.runtime.framing import CALL, POST, framed
from pycluster.runtime.inbound import HELD_MAX_BYTES, InboundPort
from tests.unit.runtime.waiting import LOOPBACK, bound

FREE = Hoard.FREE_BYTES
ALMOST = framed(POST, bytes(FRAME_MAX_BYTES))[:-1]


class Wire(asyncio.Transport):
    """A connection from ``host`` that takes nothing of what it is answered."""

    def __init__(self, host: str) -> None:
        super().__init__({"peername": (host, 7946)})
        self.unread = 0
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.unread += len(data)

    def get_write_buffer_size(self) -> int:
        return self.unread

    def pause_reading(self) -> None:
        """Nothing comes anyway."""

    def resume_reading(self) -> None:
        """Nothing comes anyway."""

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


class Port:
    """An agent's port, and connections to it."""

    def __init__(self) -> None:
        self.told: list[CallReceived | PostReceived | StreamOpened | StreamEnded] = []
        opened, _ = bound(socket.SOCK_STREAM)
        self.port = InboundPort(opened, LOOPBACK, self.told.append)

    def connect(self, host: str) -> tuple[asyncio.Protocol, Wire]:
        connection, wire = self.port.protocol(), Wire(host)
        connection.connection_made(wire)
        assert isinstance(connection, asyncio.Protocol)
        return connection, wire


def test_one_host_may_hold_half_and_all_together_no_more_than_there_is() -> None:
    hoard = Hoard(100)
    assert hoard.move("one", 0, FREE) and hoard.move("one", FREE, FREE + 50)
    assert not hoard.move("one", 0, FREE + 1), "half is taken"
    assert hoard.move("two", 0, FREE + 50)
    assert not hoard.move("three", 0, FREE + 1), "all is taken"
    assert hoard.move("three", 0, FREE), "the first bytes of each are free"
    assert hoard.move("one", FREE + 50, 0) and hoard.move("three", FREE, FREE + 50)


def test_a_host_that_begins_large_frames_everywhere_is_cut_off_and_keeps_nobody_else_out() -> None:
    async def story() -> None:
        port = Port()
        greedy = [port.connect("10.0.0.1") for _ in range(HELD_MAX_BYTES // FRAME_MAX_BYTES)]
        for connection, _ in greedy:
            connection.data_received(ALMOST)
        cut = [wire for _, wire in greedy if wire.aborted]
        assert len(greedy) // 3 < len(cut) < len(greedy) and port.port.hoarders == len(cut)
        other, wire = port.connect("10.0.0.2")
        other.data_received(ALMOST)
        other.data_received(b"\0")
        assert not wire.aborted and len(port.told) == 1
        for connection, _ in greedy:
            connection.connection_lost(None)
        again, wire = port.connect("10.0.0.1")
        again.data_received(ALMOST)
        assert not wire.aborted, "what a connection held is given back with its end"
        port.port.close()

    asyncio.run(story())


def test_answers_that_a_host_does_not_take_count_like_what_it_sends() -> None:
    async def story() -> None:
        port = Port()
        lazy = [port.connect("10.0.0.1") for _ in range(HELD_MAX_BYTES // FRAME_MAX_BYTES)]
        for connection, _ in lazy:
            connection.data_received(framed(CALL, b"all of it"))
            connection.pause_writing()
        for event in port.told:
            assert isinstance(event, CallReceived)
            port.port.answer(event.token, bytes(FRAME_MAX_BYTES))
        cut = [wire for _, wire in lazy if wire.aborted]
        assert 0 < len(cut) < len(lazy)
        for connection, wire in lazy:
            wire.unread = 0
            connection.resume_writing()
        assert len([wire for _, wire in lazy if wire.aborted]) == len(cut)
        port.port.close()

    asyncio.run(story())
