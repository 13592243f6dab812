"""An event loop in a thread of its own, for callers that have none."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import sys
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator
from typing import Any, TypeVar

from pycluster.kernel.errors import LocalMisuse

T = TypeVar("T")

#: What was cancelled as the loop is closed has so long to unwind, such as to give a place in a queue back.
_UNWIND_S = 5.0
#: What goes on nevertheless is cancelled again after that.
_AGAIN_S = 0.5


class LoopThread:
    """An event loop in a daemon thread, started with the first thing to run on it.

    ``at_end`` is the last to run there.
    """

    def __init__(
        self,
        new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
        unwind_s: float = _UNWIND_S,
        at_end: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._new_loop = new_loop
        self._at_end = at_end
        self._unwind_s = unwind_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        #: Whoever has it hands work over or closes. An iterator may be collected meanwhile, which hands its end over.
        self._starting = threading.RLock()
        self._calls: dict[asyncio.Task[Any], concurrent.futures.Future[Any]] = {}
        self._open: set[AsyncGenerator[Any, None]] = set()
        #: What ends iterators that nobody waits for.
        self._ends: set[asyncio.Task[None]] = set()
        self._ending: asyncio.Task[None] | None = None
        self._closed = False

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The outcome of ``work``; an interrupted caller cancels it. Raises ``LocalMisuse`` once closed, or meanwhile.

        An interrupt may come at any instruction, between the call that starts it and the one that would name it, too:
        what is cancelled is whatever was started before.
        """
        outcome: concurrent.futures.Future[T] = concurrent.futures.Future()
        started: list[asyncio.Task[T]] = []

        def start() -> None:
            started.append(asyncio.get_running_loop().create_task(work))
            self._calls[started[0]] = outcome
            started[0].add_done_callback(tell)

        def tell(task: asyncio.Task[T]) -> None:
            if self._calls.pop(task, None) is None:
                return  # it was not waited for any longer
            if task.cancelled():
                outcome.set_exception(_closed())
            elif error := task.exception():
                outcome.set_exception(error)
            else:
                outcome.set_result(task.result())

        def give_up() -> None:
            if started:
                started[0].cancel()
            else:
                work.close()

        loop = None
        try:
            with self._starting:
                loop = self._ready()
                loop.call_soon_threadsafe(start)
            return outcome.result()
        except BaseException:
            if loop is None:
                work.close()
            elif not outcome.done():
                with contextlib.suppress(RuntimeError):  # it is closed: nothing runs there
                    loop.call_soon_threadsafe(give_up)
            raise

    def _ready(self) -> asyncio.AbstractEventLoop:
        if self._closed:
            raise _closed()
        if self._loop is None:
            loop = self._new_loop()
            thread = threading.Thread(target=_serve, args=(loop,), name="pycluster-client", daemon=True)
            try:
                thread.start()
            except BaseException:  # no thread can be had: the next call tries again
                with contextlib.suppress(RuntimeError):  # an interrupt came once it ran
                    loop.close()
                raise
            self._loop, self._thread = loop, thread
        return self._loop

    def each(self, items: AsyncGenerator[T, None]) -> Iterator[T]:
        """What ``items`` gives, one by one."""
        ended = object()
        asking: set[asyncio.Task[Any]] = set()
        self._open.add(items)
        try:
            while (item := self.run(_next(items, ended, asking))) is not ended:
                yield item  # type: ignore[misc]
        except GeneratorExit:
            self._leave(items, asking)
            raise
        except BaseException:
            self._end_one(items, asking)
            raise
        self._end_one(items, asking)

    def _end_one(self, items: AsyncGenerator[Any, None], asking: set[asyncio.Task[Any]]) -> None:
        with contextlib.suppress(LocalMisuse):  # who closes ends it
            self.run(_end(items, asking))
            self._open.discard(items)

    def _leave(self, items: AsyncGenerator[Any, None], asking: set[asyncio.Task[Any]]) -> None:
        """It is closed, or was dropped, and nobody waits for its end: the collector of cycles comes by anywhere, on the
        loop's own thread, and on one that has the lock of a future which that wants.
        """
        if self._loop is None or sys.is_finalizing():
            return  # the loop's thread is gone
        with contextlib.suppress(RuntimeError):  # it is closed
            self._loop.call_soon_threadsafe(self._end_soon, items, asking)

    def _end_soon(self, items: AsyncGenerator[Any, None], asking: set[asyncio.Task[Any]]) -> None:
        self._open.discard(items)
        task = asyncio.ensure_future(_end(items, asking))
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)

    def close(self) -> None:
        """Stop the loop; what still runs on it is cancelled, and has some seconds to unwind."""
        with self._starting:
            self._closed = True
            if self._loop is None or self._thread is None:
                return
            with contextlib.suppress(RuntimeError):  # it is closed
                self._loop.call_soon_threadsafe(self._begin_end)
        self._thread.join()

    def _begin_end(self) -> None:
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._end_all())

    async def _end_all(self) -> None:
        """End what runs, then what is left of it. Nobody may wait for what never ends, nor lose what it gives back."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._unwind_s
        try:
            for task in self._calls:
                if not task.cancelling():  # an interrupt did that already, and what unwinds is not to be cut short
                    task.cancel()
            if unwinding := {*self._calls, *self._ends}:
                await asyncio.wait(unwinding, timeout=self._unwind_s)
            for items in tuple(self._open):
                with contextlib.suppress(Exception):
                    async with asyncio.timeout_at(until):
                        await items.aclose()
            while others := asyncio.all_tasks() - {asyncio.current_task()}:
                for task in others:
                    task.cancel()
                await asyncio.wait(others, timeout=_AGAIN_S)
                if loop.time() >= until:
                    break
            if self._at_end is not None:
                await self._at_end()
        finally:
            while self._calls:
                self._calls.popitem()[1].set_exception(_closed())
            loop.stop()


def _closed() -> LocalMisuse:
    return LocalMisuse("the client is closed", remedy="connect again")


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


async def _next(items: AsyncGenerator[T, None], ended: object, asking: set[asyncio.Task[Any]]) -> T | object:
    task = asyncio.current_task()
    assert task is not None, "it runs on a loop"
    asking.add(task)
    try:
        return await anext(items, ended)
    finally:
        asking.discard(task)


async def _end(items: AsyncGenerator[Any, None], asking: set[asyncio.Task[Any]]) -> None:
    """What was cancelled still unwinds, and nothing that runs can be closed."""
    if asking:
        await asyncio.wait(asking)
    await items.aclose()
