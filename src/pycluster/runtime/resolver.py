"""DNS lookups in threads of their own, a few at a time; a numeric host resolves to itself at once."""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

from pycluster.kernel.ids import Address, is_numeric
from pycluster.node.effects import Resolve
from pycluster.node.events import Resolved

#: What ``socket.getaddrinfo`` is: host, port, family and kind to a list whose entries end with an address.
LookUp = Callable[[str, int, int, int], Sequence[tuple[Any, ...]]]
#: Lookups at once: the system's resolver blocks its thread for seconds where a name server is silent.
_THREADS_MAX = 2


class Resolver:
    """Performs ``Resolve`` for addresses of ``family``; a question that is being asked already is not asked twice."""

    def __init__(
        self,
        family: socket.AddressFamily,
        feed: Callable[[Resolved], None],
        *,
        dual: bool,
        look_up: LookUp = socket.getaddrinfo,
    ) -> None:
        self._look_up = look_up
        self._family = socket.AF_UNSPEC if dual else family
        self._feed = feed
        self._loop = asyncio.get_running_loop()
        self._asked: set[tuple[str, int]] = set()
        self._questions: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()
        self._threads = 0

    def perform(self, question: Resolve) -> None:
        """Ask; the answer never comes before this returns."""
        host, port = question.host, question.port
        if is_numeric(host):
            self._loop.call_soon(self._feed, Resolved(host, port, (Address(host, port),)))
            return
        if (host, port) in self._asked:
            return
        self._asked.add((host, port))
        self._questions.put((host, port))
        if self._threads < min(len(self._asked), _THREADS_MAX):
            self._threads += 1
            # A daemon: a lookup that hangs must not hold up the end of the process.
            threading.Thread(target=self._work, name="resolver", daemon=True).start()

    def _work(self) -> None:
        while True:
            host, port = self._questions.get()
            try:
                found = self._look_up(host, port, self._family, socket.SOCK_DGRAM)
            except (OSError, UnicodeError):
                found = []
            addresses = tuple(dict.fromkeys(Address(str(entry[4][0]).partition("%")[0], port) for entry in found))
            try:
                self._loop.call_soon_threadsafe(self._answer, Resolved(host, port, addresses))
            except RuntimeError:
                return  # the agent ended while the name server thought

    def _answer(self, answer: Resolved) -> None:
        self._asked.discard((answer.host, answer.port))
        self._feed(answer)
