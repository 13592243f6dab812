"""Server-sent events, line by line."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterator

import msgspec

from pycluster.client.errors import AgentFailed

#: One line; a status of ten thousand members has about five million bytes.
_LINE_MAX_BYTES = 64 * 1024 * 1024
_DEFAULT_RETRY_S = 2.0
#: Digits of a time to wait, in milliseconds; a longer number is no time that anybody meant.
_RETRY_DIGITS = 9


class Sent(msgspec.Struct):
    """One event as it was sent; ``id`` is None where it had none."""

    kind: str = "message"
    id: str | None = None
    data: str = ""


class EventReader:
    """The events of one open answer. ``retry_s`` is what the server asks readers to wait before they come again."""

    def __init__(self, answer: http.client.HTTPResponse, opened: contextlib.ExitStack) -> None:
        self._answer = answer
        self._opened = opened
        self.retry_s = _DEFAULT_RETRY_S

    def __iter__(self) -> Iterator[Sent]:
        """Until the stream ends. An event that was cut off is dropped; raises what reading raises."""
        sent, filled = Sent(), False
        while line := self._line():
            text = line.rstrip("\r\n")
            if not line.endswith("\n"):
                return
            if not text:
                if filled:
                    yield sent
                sent, filled = Sent(), False
                continue
            field, _, value = text.partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                sent.kind = value
            elif field == "id":
                sent.id = value
            elif field == "data":
                sent.data = f"{sent.data}\n{value}" if filled else value
                filled = True
            elif field == "retry" and value.isdecimal() and len(value) <= _RETRY_DIGITS:
                self.retry_s = int(value) / 1_000

    def close(self) -> None:
        """Close what was opened."""
        self._opened.close()

    def _line(self) -> str:
        line = self._answer.readline(_LINE_MAX_BYTES + 1)
        if len(line) > _LINE_MAX_BYTES:
            raise AgentFailed("the agent's event stream makes no sense", why="a line of it has no end")
        return line.decode(errors="replace")
