"""The HTTP interface, from the first byte of a connection: every answer is one of ours, and none of them is a 500."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec
from uvicorn.config import Config
from uvicorn.server import ServerState

from pycluster.web import Access
from pycluster.web.app import make_app
from pycluster.web.bounds import Bounds
from pycluster.web.crowd import Crowd
from pycluster.web.protocol import BoundedProtocol
from pycluster.web.routes import OPERATIONS
from tests.unit.web.fake import FakeCluster

_LOOP = asyncio.new_event_loop()
_BOUNDS = Bounds()
_TURNS = 40
_REFUSAL = {"error", "ok", "what", "why", "remedy", "message", "code"}


class _Transport(asyncio.Transport):
    """Where the answer goes. Callers come from this machine, so that changes are not refused at the door."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 9), "sockname": ("127.0.0.1", 80)})
        self.written = bytearray()
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def write_eof(self) -> None:
        """Nothing to close."""

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        """Nothing is read here."""

    def resume_reading(self) -> None:
        """Nothing is read here."""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """No upgrade is taken."""


def seeds() -> Iterable[bytes]:
    """A request for every operation, with and without what it needs."""
    bodies = (b"{}", b'{"hosts":["a","b:1"]}', b'{"name":"node002"}', b'{"tags":{"rack":"r1"}}', b"[" * 500, b"nul")
    for operation in OPERATIONS:
        path = operation.path.replace("{name}", "node002").replace("{path}", "app.js")
        query = "?" + "&".join(f"{one.name}=node" for one in operation.query) if operation.query else ""
        for body in bodies if operation.body is not None else (b"",):
            head = f"{operation.method} {path}{query} HTTP/1.1\r\nHost: localhost\r\n"
            if body:
                head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            yield head.encode() + b"\r\n" + body
    yield b"GET / HTTP/1.1\r\nHost: node001\r\nOrigin: http://evil\r\nSec-Fetch-Site: cross-site\r\n\r\n"
    yield b"POST / HTTP/1.1\r\nHost: [::1]:99\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    yield b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 7\r\nAccept: text/event-stream\r\n\r\n"
    yield b"GET /%00%ff/..%2f HTTP/1.0\r\nHost: localhost\r\nAccept-Encoding: gzip, br;q=0\r\nIf-None-Match: *\r\n\r\n"


def run(data: bytes) -> None:
    """One connection, and the turns of the event loop that its answers take."""
    _LOOP.run_until_complete(_connection(data))


async def _connection(data: bytes) -> None:
    app = make_app(FakeCluster(), Access.of("node001"), bounds=_BOUNDS)
    config = Config(app, lifespan="off", log_config=None, access_log=False, proxy_headers=False, server_header=False)
    config.load()
    state = ServerState()
    protocol = BoundedProtocol(config, state, bounds=_BOUNDS, crowd=Crowd(_BOUNDS, unix=False))
    transport = _Transport()
    protocol.connection_made(transport)
    half = len(data) // 2
    protocol.data_received(data[:half])
    protocol.data_received(data[half:])
    for _ in range(_TURNS):
        await asyncio.sleep(0)
        if not state.tasks:
            break
    protocol.connection_lost(None)
    app.close()
    for _ in range(_TURNS):
        await asyncio.sleep(0)
        if not state.tasks:
            break
    for task in tuple(state.tasks):
        task.cancel()
    await asyncio.gather(*state.tasks, return_exceptions=True)
    _judge(bytes(transport.written))


def _judge(answer: bytes) -> None:
    if not answer:
        return
    line, _, rest = answer.partition(b"\r\n")
    version, status, _ = line.split(b" ", 2)
    assert version == b"HTTP/1.1", line
    assert 200 <= int(status) < 500 or int(status) == 503, answer
    head, _, body = rest.partition(b"\r\n\r\n")
    assert all(b":" in header and header.isascii() for header in head.split(b"\r\n")), head
    if int(status) >= 400 and body:
        first = body[: int(_length(head))]
        if first in (b"Not Found\n", b"Method Not Allowed\n"):
            return
        assert set(msgspec.json.decode(first, type=dict[str, object])) <= _REFUSAL, body


def _length(head: bytes) -> bytes:
    found = [
        value for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")) if name == b"content-length"
    ]
    return found[0].strip() if found else b"0"
