"""The command line in this process, and what it printed."""

from __future__ import annotations

import contextlib
import io
import sys
from typing import Any

import msgspec

from pycluster.cli import main


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Ran(msgspec.Struct):
    """How a line ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.out)


def run(*words: str, terminal: bool = False, keys: str | None = None) -> Ran:
    """Run one line; ``keys`` are what is typed at a terminal meanwhile (None: there is none to type at)."""
    out, err = Terminal() if terminal else io.StringIO(), io.StringIO()
    before, sys.stdin = sys.stdin, io.StringIO() if keys is None else Terminal(keys)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(words)
    finally:
        sys.stdin = before
    return Ran(code, out.getvalue(), err.getvalue())
