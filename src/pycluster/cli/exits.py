"""Exit codes, and how errors are told."""

from __future__ import annotations

import sys
from enum import IntEnum

from pycluster.kernel.errors import LocalMisuse, PyClusterError


class Exit(IntEnum):
    """What a verb ended with; scripts rely on these."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    UNREACHABLE = 4
    NO_LEADER = 5
    TIMED_OUT = 6
    DENIED = 7
    INTERRUPTED = 130
    BROKEN_PIPE = 141


class NothingFound(PyClusterError):
    """What was asked for does not exist."""


def code_of(error: PyClusterError) -> Exit:
    """The exit code that stands for an error."""
    from pycluster.client import AgentUnreachable, CompareFailed, Denied, NoAgent, NoQuorum, NotFound, TimedOut

    match error:
        case AgentUnreachable() | NoAgent():
            return Exit.UNREACHABLE
        case NotFound() | NothingFound() | CompareFailed():
            return Exit.NOT_FOUND
        case NoQuorum():
            return Exit.NO_LEADER
        case TimedOut():
            return Exit.TIMED_OUT
        case Denied():
            return Exit.DENIED
        case LocalMisuse():
            return Exit.USAGE
        case _:
            return Exit.FAILED


def report(error: PyClusterError) -> None:
    """Tell an error on stderr; of one that names several problems, each on a line of its own."""
    problems: tuple[str, ...] = getattr(error, "problems", ())
    for line in problems or (str(error),):
        print(printable(line), file=sys.stderr)


def printable(text: str) -> str:
    """``text`` without what a terminal would obey; it may come from another machine."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text)
