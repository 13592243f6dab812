"""The command line in this process, and what it printed."""

from __future__ import annotations

import contextlib
import io
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


def run(*words: str, terminal: bool = False) -> Ran:
    """Run one line."""
    out, err = Terminal() if terminal else io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    return Ran(code, out.getvalue(), err.getvalue())
