"""The command line in this process, and what it printed."""

from __future__ import annotations

import contextlib
import io
import sys
from typing import Any

import msgspec

from pycluster.cli import main


class Stream(io.TextIOWrapper):
    """A stream in memory that may say it is a terminal."""

    def __init__(self, content: bytes = b"", *, terminal: bool = False) -> None:
        self.memory = io.BytesIO(content)
        super().__init__(self.memory, encoding="utf-8", newline="", write_through=True)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


class Terminal(io.StringIO):
    """A stream of text that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Ran(msgspec.Struct):
    """How a line ended; ``raw`` is what it wrote, byte by byte."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode()

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.raw)


def run(*words: str, terminal: bool = False, keys: str | None = None, piped: bytes | None = b"") -> Ran:
    """Run one line; ``keys`` are what is typed at a terminal meanwhile (None: there is none, but what is ``piped``).

    ``piped`` None: the shell closed standard input.
    """
    out, err = Stream(terminal=terminal), Stream(terminal=terminal)
    typed = None if keys is None else Stream(keys.encode(), terminal=True)
    before, sys.stdin = sys.stdin, typed or (None if piped is None else Stream(piped))
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(words)
    finally:
        sys.stdin = before
    return Ran(code, out.memory.getvalue(), err.memory.getvalue().decode())
