"""Members of etcd that say what a test wants, and an engine over them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from pycluster import store
from pycluster.engines.etcd import Access, Etcd
from pycluster.kernel.url import Url
from pycluster.node.ports import StateFailed, StateHead

HEAD = StateHead(1, 2, 3, 4, 5, 0, 6, 7, True)
#: What a member does with a request: answers with a status and a body, with 1000 more to the status without an end; or
#: with None cuts the connection.
Says = Callable[[str, bytes, str], tuple[int, bytes] | None]


def ok(**fields: object) -> tuple[int, bytes]:
    return 200, msgspec.json.encode({"header": {"revision": "7"}, **fields})


def refused(message: str) -> tuple[int, bytes]:
    return 503, msgspec.json.encode({"error": message, "message": message, "code": 14})


class Member:
    """A listener that says what ``says`` makes of each request; ``heard`` are the paths, ``looks`` counts those at its
    status, ``met`` the connections, and ``open`` those that are not closed.
    """

    def __init__(self, says: Says) -> None:
        self._says = says
        self.heard: list[str] = []
        self.looks = self.met = self.open = 0
        self.url = Url("", 0)

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = Url("127.0.0.1", server.sockets[0].getsockname()[1])
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.met += 1
        self.open += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.partition("content-length: ")[2].partition("\r")[0])
                body = await reader.readexactly(length)
                path = head.split()[1]
                if path == "/v3/maintenance/status":
                    self.looks += 1
                else:
                    self.heard.append(path.removeprefix("/v3/"))
                said = self._says(path.removeprefix("/v3/"), body, head)
                if said is None:
                    break
                status, told = said
                promised = len(told) if status < 1_000 else 1_000_000
                writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status % 1_000, promised, told))
        except (OSError, asyncio.IncompleteReadError):
            pass
        self.open -= 1
        writer.transport.abort()


def play(scene: Callable[[Etcd], Awaitable[None]], *members: Member, user: str = "", password_file: str = "") -> None:
    async def whole() -> None:
        servers = [await member.start() for member in members]
        urls = tuple(member.url for member in members)
        engine = Etcd(Access(urls, user=user, password_file=password_file), lambda: HEAD, look_s=0.2)
        async with asyncio.timeout(60):
            await scene(engine)
        engine.close()
        for server in servers:
            server.close()
        await asyncio.sleep(0.01)

    asyncio.run(whole())


async def result(
    engine: Etcd, request: store.Request, timeout_s: float = 20.0, request_id: bytes = b""
) -> store.Result:
    try:
        return await engine.ask(request, timeout_s=timeout_s, request_id=request_id)
    except StateFailed as failed:
        return failed.failure
