"""One HTTP/1.1 connection to a member, and whether a request that failed may have reached it."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncGenerator

import httptools

from pycluster.kernel.url import Url

_READ_BYTES = 65_536
#: A member whose machine is gone is noticed after at most so long, s: idle, between questions, and their number.
_KEEPALIVE = (10, 5, 3)


class Unsent(Exception):
    """Nothing of the request left this process."""


class Silent(Unsent):
    """Because the members that were asked before said nothing in time."""


class Lost(Exception):
    """The request was sent, and no whole answer came."""


class TooLong(Exception):
    """The answer, or a line of it, is longer than was allowed."""


class Connection:
    """One request at a time. After ``Lost`` or ``TooLong`` it is of no more use."""

    def __init__(self, url: Url, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.url = url
        self._reader = reader
        self._writer = writer
        self._status = 0
        self._body: list[bytes] = []
        self._length = 0
        #: Whether what came and was not taken has a line's end in it; whether the answer is over.
        self._line = False
        self._whole = False
        self._again = True

    @classmethod
    async def open(cls, url: Url, tls: ssl.SSLContext | None, timeout_s: float) -> Connection:
        """Connect; raises ``Unsent``."""
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer = await asyncio.open_connection(url.host, url.port, ssl=tls if url.secure else None)
        except TimeoutError:
            raise Unsent(f"{url}: no connection within {timeout_s:g} s") from None
        except (OSError, ssl.SSLError) as error:
            raise Unsent(f"{url}: {_reason(error)}") from error
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in zip(
            (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT), _KEEPALIVE, strict=True
        ):
            raw.setsockopt(socket.IPPROTO_TCP, option, value)
        return cls(url, reader, writer)

    @property
    def usable(self) -> bool:
        """Whether another request may go over it."""
        return self._again and not self._reader.at_eof() and not self._writer.is_closing()

    def close(self) -> None:
        """At once."""
        self._again = False
        self._writer.transport.abort()

    # --- what the parser says ---

    def on_body(self, data: bytes) -> None:
        self._body.append(data)
        self._length += len(data)
        self._line = self._line or b"\n" in data

    def on_message_complete(self) -> None:
        self._whole = True

    # --- requests ---

    async def ask(
        self, path: str, body: bytes, token: str, most_bytes: int, *, leader: bool = False
    ) -> tuple[int, bytes]:
        """``(status, body)``; raises ``Lost``, ``TooLong``."""
        parser = self._send(path, body, token, leader)
        while not self._whole:
            await self._receive(parser)
            if self._length > most_bytes:
                raise TooLong(f"more than {most_bytes} bytes")
        self._again = parser.should_keep_alive()
        return parser.get_status_code(), b"".join(self._body)

    async def lines(self, path: str, body: bytes, token: str, most_bytes: int) -> AsyncGenerator[bytes, None]:
        """The answer line by line, as it comes, until the member ends it; raises ``Lost``, ``TooLong``."""
        parser, rest = self._send(path, body, token, True), b""
        self._again = False
        while True:
            *whole, rest = b"".join((rest, *self._body)).split(b"\n")
            self._body.clear()
            self._line = False
            for line in whole:
                yield line
            if self._whole:
                if rest:
                    yield rest
                return
            self._length = len(rest)
            while not self._line:
                await self._receive(parser)
                if self._whole:
                    break
                if self._length > most_bytes:
                    raise TooLong(f"a line of more than {most_bytes} bytes")

    def _send(self, path: str, body: bytes, token: str, leader: bool) -> httptools.HttpResponseParser:
        self._body, self._length, self._line, self._whole = [], 0, False, False
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self.url.authority}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n"
        )
        if leader:
            # A member without a leader refuses at once, and ends its watches, instead of keeping silent.
            head += "Grpc-Metadata-Hasleader: true\r\n"
        head += f"Authorization: {token}\r\n\r\n" if token else "\r\n"
        self._writer.write(head.encode("latin-1") + body)
        return httptools.HttpResponseParser(self)

    async def _receive(self, parser: httptools.HttpResponseParser) -> None:
        try:
            data = await self._reader.read(_READ_BYTES)
            if not data:
                raise Lost(f"{self.url}: it closed the connection")
            parser.feed_data(data)
        except OSError as error:
            raise Lost(f"{self.url}: {_reason(error)}") from error
        except httptools.HttpParserError as error:
            raise Lost(f"{self.url} does not speak HTTP: {error}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS: {error.reason or error}"
    named = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else ""
    return named or str(error) or type(error).__name__
