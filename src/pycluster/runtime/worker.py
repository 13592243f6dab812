"""A thread for work on files that may never come back, as on a mount whose server is gone."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple, cast

logger = logging.getLogger("pycluster.runtime")

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Worker:
    """Does one thing after the other, in order, on one thread that exists while there is something to do.

    asyncio's own threads are few and everybody's, and the end of the loop and of the process waits for them: what hangs
    there holds up strangers, and the end. Here it holds up what comes behind it, and nobody has to wait for that.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], object]] = deque()
        self._busy = False

    async def run(self, work: Callable[[*Ts], T], *given: *Ts) -> T:
        """What ``work(*given)`` gives or raises. Whoever gives up before it began has withdrawn it.

        ``OSError``, too, where no thread can be had; the next call tries again.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def do() -> None:
            result: T | None = None
            failed: Exception | None = None
            try:
                result = work(*given)
            except Exception as error:
                failed = error
            with contextlib.suppress(RuntimeError):  # where the loop is closed nobody waits for this any more
                loop.call_soon_threadsafe(settle, cast(T, result), failed)

        def settle(result: T, failed: Exception | None) -> None:
            if done.done():
                return
            if failed is not None:
                done.set_exception(failed)
            else:
                done.set_result(result)

        with self._lock:
            self._start()
            self._waiting.append(do)
        try:
            return await done
        finally:
            with self._lock:
                if do in self._waiting:
                    self._waiting.remove(do)

    def leave(self, work: Callable[[], object]) -> None:
        """Have it done after all that waits, without anybody who waits for it."""
        with self._lock:
            self._waiting.append(work)
            with contextlib.suppress(OSError):  # no thread can be had: the next one does it, too
                self._start()

    def _start(self) -> None:
        if not self._busy:
            # A daemon: the end of the process does not wait for it.
            thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                raise OSError(errno.EAGAIN, str(error)) from error
            self._busy = True

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._busy = False
                    return
                work = self._waiting.popleft()
            try:
                work()
            except Exception:
                logger.exception("%s failed", self._name)
