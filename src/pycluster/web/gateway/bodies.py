"""What comes in a request's body: as a whole, or one JSON value after the other while it is still on its way."""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterator

from pycluster.web.asgi import Receive
from pycluster.web.gateway.protojson import Malformed, first
from pycluster.web.gateway.refusals import RESOURCE_EXHAUSTED, Refusal


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
    """The JSON values of a body, as they come; raises ``Malformed``, and ``Disconnected``."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""
        self._complete = False

    async def __aiter__(self) -> AsyncIterator[object]:
        size = 0
        while True:
            while self._text.strip():
                try:
                    value, self._text = first(self._text)
                except Malformed:
                    if self._complete:
                        raise
                    break
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
            self._text += self._decoder.decode(piece, self._complete)
