"""Server-sent events, line by line."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterator

import msgspec

from pycluster.client.errors import AgentFailed

#: One line; a status of ten thousand members has about five million bytes.
LINE_MAX_BYTES = 64 * 1024 * 1024
_DEFAULT_RETRY_S = 2.0
#: Digits of a time to wait, in milliseconds; a longer number is no time that anybody meant.
_RETRY_DIGITS = 9


class Sent(msgspec.Struct):
    """One event as it was sent; ``id`` is None where it had none."""

    kind: str = "message"
    id: str | None = None
    data: str = ""


class EventParser:
    """Events out of lines. ``retry_s`` is what the server asks readers to wait before they come again."""

    def __init__(self) -> None:
        self.retry_s = _DEFAULT_RETRY_S
        self._sent, self._filled = Sent(), False

    def feed(self, line: str) -> Sent | None:
        """Take one line without its end; gives the event that an empty one completes."""
        if not line:
            whole = self._sent if self._filled else None
            self._sent, self._filled = Sent(), False
            return whole
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._sent.kind = value
        elif field == "id":
            self._sent.id = value
        elif field == "data":
            self._sent.data = f"{self._sent.data}\n{value}" if self._filled else value
            self._filled = True
        elif field == "retry" and value.isdecimal() and len(value) <= _RETRY_DIGITS:
            self.retry_s = int(value) / 1_000
        return None


class EventReader:
    """The events of one open answer."""

    def __init__(self, answer: http.client.HTTPResponse, opened: contextlib.ExitStack) -> None:
        self._answer = answer
        self._opened = opened
        self._parser = EventParser()

    @property
    def retry_s(self) -> float:
        """What the server asks readers to wait before they come again."""
        return self._parser.retry_s

    def __iter__(self) -> Iterator[Sent]:
        """Until the stream ends. An event that was cut off is dropped; raises what reading raises."""
        while line := self._line():
            if not line.endswith("\n"):
                return
            sent = self._parser.feed(line.rstrip("\r\n"))
            if sent is not None:
                yield sent

    def close(self) -> None:
        """Close what was opened."""
        self._opened.close()

    def _line(self) -> str:
        line = self._answer.readline(LINE_MAX_BYTES + 1)
        if len(line) > LINE_MAX_BYTES:
            raise AgentFailed("the agent's event stream makes no sense", why="a line of it has no end")
        return line.decode(errors="replace")
