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

#: A disk that works is quicker by far, however busy it is.
ANSWER_S = 10.0

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
            failed: BaseException | None = None
            try:
                result = work(*given)
            except BaseException as error:  # whatever it is, it is for whoever waits
                failed = error
            with contextlib.suppress(RuntimeError):  # where the loop is closed nobody waits for this any more
                loop.call_soon_threadsafe(settle, cast(T, result), failed)

        def settle(result: T, failed: BaseException | None) -> None:
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

    @property
    def busy(self) -> bool:
        """Whether something is being done, or waits."""
        with self._lock:
            return self._busy

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


class Workers:
    """A ``Worker`` for each directory: where one hangs, nobody waits for it who has to do with another."""

    def __init__(self, name: str, limit_s: float = ANSWER_S) -> None:
        self._name = name
        #: So long one may take.
        self.limit_s = limit_s
        self._of: dict[str, Worker] = {}
        #: Where something was given up that had begun.
        self._hung: set[str] = set()

    async def run(self, directory: str, work: Callable[[*Ts], T], *given: *Ts) -> T:
        """As ``Worker.run``. ``OSError``, too, where ``directory`` does not answer in time, or something given up there
        before is still under way. What began goes on.
        """
        worker = self._of.setdefault(directory, Worker(self._name))
        if directory in self._hung:
            if worker.busy:
                raise self._silent(directory)
            self._hung.remove(directory)
        try:
            async with asyncio.timeout(self.limit_s) as limit:
                return await worker.run(work, *given)
        except TimeoutError:
            if not limit.expired():
                raise  # the system's own word
            self._hung.add(directory)
            raise self._silent(directory) from None

    def leave(self, directory: str, work: Callable[[], object]) -> None:
        """As ``Worker.leave``."""
        self._of.setdefault(directory, Worker(self._name)).leave(work)

    def _silent(self, directory: str) -> OSError:
        return OSError(errno.ETIMEDOUT, f"{directory} has not answered for {self.limit_s:g} s")
