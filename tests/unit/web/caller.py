"""Requests put to an ASGI application as a server would put them, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import msgspec

from pycluster.web.asgi import ASGIApp, Message

LOOPBACK = ("127.0.0.1", 40_000)
ELSEWHERE = ("192.0.2.9", 40_000)


class Reply(msgspec.Struct):
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Call:
    """One request on its way, an async context manager: its body may be said piece by piece, its answer be read line
    by line."""

    def __init__(
        self,
        app: ASGIApp,
        path: str,
        *,
        method: str = "POST",
        query: str = "",
        headers: Mapping[str, str] | None = None,
        client: tuple[str, int] = LOOPBACK,
    ) -> None:
        given = {"host": "localhost", "content-type": "application/json"} | dict(headers or {})
        self._scope = {
            "type": "http",
            "method": method,
            "path": path,
            "scheme": "http",
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given.items() if value],
            "client": client,
            "server": ("127.0.0.1" if client == LOOPBACK else "192.0.2.1", 8080),
        }
        self._app = app
        self._in: asyncio.Queue[Message] = asyncio.Queue()
        self._out: asyncio.Queue[Message] = asyncio.Queue()
        self.takes = asyncio.Event()
        self.takes.set()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.over = False
        self._rest = b""

    def say(self, body: bytes, *, more: bool = False) -> None:
        """A piece of the body."""
        self._in.put_nowait({"type": "http.request", "body": body, "more_body": more})

    def leave(self) -> None:
        """The client goes."""
        self._in.put_nowait({"type": "http.disconnect"})

    async def _send(self, message: Message) -> None:
        await self.takes.wait()
        await self._out.put(message)

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.leave()
        self.takes.set()
        await asyncio.wait_for(self.task, 30)

    async def _run(self) -> None:
        await self._app(self._scope, self._in.get, self._send)

    async def _read(self) -> None:
        message = await asyncio.wait_for(self._out.get(), 30)
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self._rest += message.get("body", b"")
            self.over = not message.get("more_body", False)

    async def line(self) -> Any:
        """The next line of the answer, decoded; None at its end."""
        while b"\n" not in self._rest and not self.over:
            await self._read()
        line, _, self._rest = self._rest.partition(b"\n")
        return msgspec.json.decode(line) if line else None

    async def lines(self) -> list[Any]:
        """The lines that are there already, decoded."""
        while not self._out.empty():
            await self._read()
        *whole, self._rest = self._rest.split(b"\n")
        return [msgspec.json.decode(line) for line in whole]

    async def until(self, mark: bytes, count: int = 1) -> str:
        """The answer as it is, once ``mark`` has come ``count`` times."""
        while self._rest.count(mark) < count:
            await self._read()
        text, self._rest = self._rest.decode(), b""
        return text

    async def reply(self) -> Reply:
        """The whole answer."""
        while not self.over:
            await self._read()
        return Reply(self.status, self.headers, self._rest)


async def call(
    app: ASGIApp,
    path: str,
    body: object = b"",
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    client: tuple[str, int] = LOOPBACK,
) -> Reply:
    """One request and its answer; a ``body`` that is not bytes goes as JSON."""
    async with Call(app, path, method=method, headers=headers, client=client) as one:
        one.say(body if isinstance(body, bytes) else msgspec.json.encode(body))
        return await one.reply()
