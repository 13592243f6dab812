"""HTTP to an agent on an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import http.client
import os
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable

import msgspec

from pycluster.client.connection import SOCKET_PATH_MAX
from pycluster.client.endpoint import Endpoint
from pycluster.client.kept import KeptConnections, Line, Reader

_PIECE_BYTES = 65_536
#: An answer's headers; ours have twenty.
_HEADERS_MAX = 100
_WITHOUT_BODY = frozenset((204, 304))
#: Between tries to enter a Unix socket's queue that is full.
_QUEUE_PAUSE_S = 0.02


class StaleConnection(ConnectionResetError):
    """One that was kept brought no answer. Most likely the agent had ended it, but it may have taken the request."""


class Answer(msgspec.Struct):
    """An answer whose head was read; ``pieces`` reads on, ``abort`` cuts the connection.

    ``last``: the connection ends with it; ``over``: all of it was read.
    """

    status: int
    headers: dict[str, str]
    reader: asyncio.StreamReader
    abort: Callable[[], None]
    last: bool
    over: bool = False

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes; raises ``http.client.IncompleteRead`` where it ends early."""
        if self.status in _WITHOUT_BODY:
            pass
        elif self.headers.get("transfer-encoding", "").lower() == "chunked":
            while size := _size(await _line(self.reader)):
                async for piece in self._exactly(size):
                    yield piece
                await _line(self.reader)
            while await _line(self.reader):
                pass  # trailers
        elif (length := self.headers.get("content-length")) is not None:
            if not (length.isascii() and length.isdecimal() and len(length) < 19):
                raise http.client.HTTPException(f"{length[:80]!r} is no length")
            async for piece in self._exactly(int(length)):
                yield piece
        else:
            self.last = True
            while piece := await self.reader.read(_PIECE_BYTES):
                yield piece
        self.over = True

    async def _exactly(self, size: int) -> AsyncIterator[bytes]:
        while size > 0:
            piece = await self.reader.read(min(size, _PIECE_BYTES))
            if not piece:
                raise http.client.IncompleteRead(b"", size)
            size -= len(piece)
            yield piece

    async def body(self, limit: int) -> bytes:
        """The whole body; raises ``http.client.HTTPException`` past ``limit`` bytes."""
        content = bytearray()
        async for piece in self.pieces():
            content += piece
            if len(content) > limit:
                raise http.client.HTTPException(f"the answer is longer than {limit} bytes")
        return bytes(content)

    async def lines(self, limit: int) -> AsyncGenerator[list[str], None]:
        """The body line by line, without their ends, those together that came together; one cut off is left out."""
        rest = bytearray()
        async for piece in self.pieces():
            rest += piece
            if b"\n" not in piece:
                if len(rest) > limit:
                    raise http.client.HTTPException(f"a line is longer than {limit} bytes")
                continue
            *whole, last = rest.split(b"\n")
            yield [line.rstrip(b"\r").decode(errors="replace") for line in whole]
            rest = bytearray(last)


@contextlib.asynccontextmanager
async def request(
    endpoint: Endpoint,
    method: str,
    target: str,
    headers: dict[str, str],
    body: bytes = b"",
    kept: KeptConnections | None = None,
    *,
    fresh: bool = False,
) -> AsyncIterator[Answer]:
    """Ask and give the answer's head; raises ``OSError`` and ``http.client.HTTPException``.

    On a connection of its own, or on one of ``kept`` unless it must be ``fresh``. ``kept`` gets either back where the
    whole answer was read. Raises ``StaleConnection`` where one of ``kept`` ended, or spoke out of turn, instead of
    answering.
    """
    lent = kept.take() if kept is not None and not fresh else None
    reader, writer = lent or await connected(endpoint)
    answer = None
    try:
        host = "localhost" if endpoint.path else str(endpoint).removeprefix("http://")
        given = {"Host": host, "Content-Length": str(len(body)), **headers}
        if kept is None:
            given["Connection"] = "close"
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        writer.write(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body)
        async with _sending(writer):
            try:
                answer = await _head(reader, writer.transport)
            except (ConnectionError, http.client.HTTPException) as error:
                if lent is None or kept is None:
                    raise
                kept.drop()
                raise StaleConnection(errno.ECONNRESET, os.strerror(errno.ECONNRESET)) from error
            yield answer
    finally:
        whole = answer is not None and answer.over and not answer.last
        if kept is not None and whole and not writer.transport.get_write_buffer_size():
            kept.give((reader, writer))
        else:
            writer.transport.abort()
            await asyncio.sleep(0)  # the transport closes its socket in the next round


@contextlib.asynccontextmanager
async def _sending(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """While what was written goes out. Whoever refuses a long body answers before it has come: what is read counts."""
    if not writer.transport.get_write_buffer_size():
        yield
        return
    sending = asyncio.ensure_future(writer.drain())
    try:
        yield
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def connected(endpoint: Endpoint) -> Line:
    """A new connection; raises ``OSError``."""
    loop, reader = asyncio.get_running_loop(), Reader()
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    if not endpoint.path:
        transport, _ = await loop.create_connection(lambda: protocol, endpoint.host, endpoint.port)
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)
    directory, near = None, endpoint.path
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if len(os.fsencode(near)) > SOCKET_PATH_MAX:
            directory = os.open(os.path.dirname(near), os.O_PATH | os.O_DIRECTORY)
            near = f"/proc/self/fd/{directory}/{os.path.basename(near)}"
        await _enter(sock, near)
        transport, _ = await loop.create_unix_connection(lambda: protocol, sock=sock)
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)
    except BaseException:
        sock.close()
        raise
    finally:
        if directory is not None:
            os.close(directory)


async def _enter(sock: socket.socket, path: str) -> None:
    """Connect, as soon as the listener's queue has room. The loop's own way takes a full one for a connection that is
    on its way, as it would be over TCP.
    """
    while True:
        try:
            sock.connect(path)
        except BlockingIOError:
            await asyncio.sleep(_QUEUE_PAUSE_S)
        else:
            return


async def _head(reader: asyncio.StreamReader, transport: asyncio.WriteTransport) -> Answer:
    """The first that is not of what is yet to come (1xx)."""
    while True:
        version, status, headers = await _one_head(reader)
        if status >= 200:
            last = version == "HTTP/1.0" or "close" in headers.get("connection", "").lower()
            return Answer(status, headers, reader, transport.abort, last)


async def _one_head(reader: asyncio.StreamReader) -> tuple[str, int, dict[str, str]]:
    words = (await _line(reader)).split(maxsplit=2)
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdecimal():
        raise http.client.BadStatusLine(" ".join(words)[:80])
    headers: dict[str, str] = {}
    while line := await _line(reader):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
        if len(headers) > _HEADERS_MAX:
            raise http.client.HTTPException("the answer has too many headers")
    return words[0], int(words[1]), headers


async def _line(reader: asyncio.StreamReader) -> str:
    try:
        line = await reader.readline()
    except ValueError:
        raise http.client.LineTooLong("head") from None
    if not line.endswith(b"\n"):
        raise http.client.IncompleteRead(line)
    return line.decode("latin-1").strip()


def _size(line: str) -> int:
    try:
        size = int(line.partition(";")[0], 16)
    except ValueError:
        size = -1
    if size < 0:
        raise http.client.HTTPException(f"{line[:80]!r} is no size of a chunk")
    return size
