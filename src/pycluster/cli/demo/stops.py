"""Ctrl-C and SIGTERM as something to wait for, so that nothing is interrupted half-way."""

from __future__ import annotations

import signal
import socket
from types import TracebackType
from typing import Self

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stops:
    """Counts the signals that ask for the end, while the ``with`` lasts. Readable, for a selector, when one came."""

    def __init__(self) -> None:
        self.count = 0
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)

    def __enter__(self) -> Self:
        self._before = {number: signal.getsignal(number) for number in _NUMBERS}
        self._wakeup = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        for number in _NUMBERS:
            signal.signal(number, lambda *_: None)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._read.close()
        self._write.close()

    def fileno(self) -> int:
        """What becomes readable."""
        return self._read.fileno()

    def look(self) -> None:
        """Count what came."""
        try:
            self.count += sum(number in _NUMBERS for number in self._read.recv(64))
        except BlockingIOError:
            return
