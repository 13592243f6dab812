"""Standard input and output, whose errors bear no name of their own."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import click

from pycluster.kernel.errors import LocalFault


class Unwritten(OSError):
    """The standard output took no more, say on a disk that is full."""


class Answers:
    """A stream, or the bytes below it, whose errors are marked as its own: those of other files have no name either.

    That nobody reads any more is an error of its own kind already.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def buffer(self) -> Answers:
        """The bytes below."""
        return Answers(self._stream.buffer)

    def write(self, data: str | bytes) -> int:
        """As the stream does; raises ``Unwritten``."""
        with _marked():
            return int(self._stream.write(data))

    def flush(self) -> None:
        """As the stream does; raises ``Unwritten``."""
        with _marked():
            self._stream.flush()


@contextlib.contextmanager
def _marked() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Unwritten(error.errno, error.strerror) from error


def attended() -> bool:
    """Whether somebody sits at standard input, who can be asked; a shell may have closed it (<&-)."""
    return sys.stdin is not None and sys.stdin.isatty()


def piped(missing: str) -> bytes:
    """All that comes on standard input; where somebody sits there instead, what is ``missing`` is told."""
    if sys.stdin is None or attended():
        raise click.UsageError(missing)
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        why = error.strerror or str(error)
        raise LocalFault("standard input cannot be read", why=why, remedy="nothing was sent") from None
