"""What comes in a request's body: as a whole, or one JSON value after the other while it is still on its way."""

from __future__ import annotations

import codecs
import re
from collections.abc import AsyncIterator, Callable

from pycluster.web.asgi import Receive
from pycluster.web.gateway.protojson import Malformed, Unfinished, first
from pycluster.web.gateway.refusals import RESOURCE_EXHAUSTED, Refusal

_SPACE = " \t\r\n"
_MARKS = re.compile(r'\\.?|["\[\]{}]', re.DOTALL)


class Disconnected(Exception):
    """The client has gone; nobody waits for an answer."""


class Room:
    """How much of bodies may wait to be whole, all connections together. Bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.taken = 0

    def take(self, size: int) -> None:
        """Raises ``Refusal`` where there is no room."""
        if self.taken + size > self._limit:
            raise Refusal(RESOURCE_EXHAUSTED, "etcdserver: too many requests")
        self.taken += size


async def whole(receive: Receive, limit: int, room: Room) -> bytes:
    """The body; raises ``Refusal`` past ``limit`` bytes or without room, and ``Disconnected``."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        check_length(len(body), limit)
        return body
    content, taken = bytearray(), 0
    try:
        while True:
            if message["type"] == "http.disconnect":
                raise Disconnected
            piece = message.get("body", b"")
            check_length(len(content) + len(piece), limit)
            room.take(len(piece))
            taken += len(piece)
            content += piece
            if not message.get("more_body", False):
                return bytes(content)
            message = await receive()
    finally:
        room.taken -= taken


def check_length(size: int, limit: int) -> None:
    """Raise ``Refusal`` past ``limit`` bytes, in gRPC's words."""
    if size > limit:
        raise Refusal(RESOURCE_EXHAUSTED, f"grpc: received message larger than max ({size} vs. {limit})")


class Values:
    """The JSON values of a body, as they come; raises ``Malformed``, and ``Disconnected``.

    What is not whole yet is read again when its last bracket has come, or when it has grown to twice its length, so
    that many small pieces do not cost more than a few large ones. ``read`` is what reads, as ``first`` does.
    """

    def __init__(self, receive: Receive, limit: int, read: Callable[[str], tuple[object, str]] = first) -> None:
        self._receive = receive
        self._limit = limit
        self._read = read
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""
        self._complete = False
        #: Of the value at the beginning: its length when it was not whole, and how far its brackets are counted.
        self._tried = self._seen = self._depth = 0
        self._quoted = False

    async def __aiter__(self) -> AsyncIterator[object]:
        size = 0
        while True:
            while self._text and (self._complete or len(self._text) >= 2 * self._tried or self._closed()):
                try:
                    value, rest = self._read(self._text)
                except Unfinished:
                    if self._complete:
                        raise
                    self._tried = len(self._text)
                    break
                self._text = rest.lstrip(_SPACE)
                self._begin()
                yield value
            if self._complete:
                return
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            piece = message.get("body", b"")
            size += len(piece)
            if size > self._limit:
                raise Malformed(f"the body is longer than {self._limit} bytes")
            self._complete = not message.get("more_body", False)
            self._text = (self._text + self._decoder.decode(piece, self._complete)).lstrip(_SPACE)

    def _begin(self) -> None:
        """Look at another value."""
        self._tried = self._seen = self._depth = 0
        self._quoted = False

    def _closed(self) -> bool:
        """Whether a string or a bracket ends in what has come since the last look, with none around it."""
        for mark in _MARKS.finditer(self._text, self._seen):
            if mark[0] == "\\":  # what it escapes is still to come
                self._seen = mark.start()
                return False
            self._seen = mark.end()
            if mark[0] == '"':
                self._quoted = not self._quoted
            elif not self._quoted and mark[0] in "[]{}":
                self._depth += 1 if mark[0] in "[{" else -1
            if self._depth <= 0 and not self._quoted:
                return True
        self._seen = len(self._text)
        return False
