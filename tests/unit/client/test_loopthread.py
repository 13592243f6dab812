"""Closing the loop of callers that have none, while others still call."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path

import pytest

import pycluster
from pycluster.client.loopthread import LoopThread
from pycluster.kernel.errors import LocalMisuse
from tests.cluster.agents import environment

LONG_S = 60


class Apart(threading.Thread):
    """Does something in a thread of its own; ``outcome`` is what that gave or raised."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._outcome: object = None
        self.start()

    def run(self) -> None:
        try:
            self._outcome = self._work()
        except BaseException as error:
            self._outcome = error

    @property
    def outcome(self) -> object:
        self.join(LONG_S)
        assert not self.is_alive()
        return self._outcome


class Slow:
    """Work that waits for ever, and that takes until it is told to unwind where it is cancelled."""

    def __init__(self) -> None:
        self.begun, self.unwinding = threading.Event(), threading.Event()
        self.unwound = False

    async def work(self) -> None:
        self.loop, self.task, self._told = asyncio.get_running_loop(), asyncio.current_task(), asyncio.Event()
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.unwinding.set()
            await self._told.wait()
            self.unwound = True

    def cancel(self) -> None:
        assert self.task is not None
        self.loop.call_soon_threadsafe(self.task.cancel)

    def unwind(self) -> None:
        self.loop.call_soon_threadsafe(self._told.set)


async def numbers(closed: list[str]) -> AsyncGenerator[int, None]:
    try:
        yield 1
        yield 2
    finally:
        closed.append("closed")


def begun(thread: LoopThread, slow: Slow) -> Apart:
    calling = Apart(lambda: thread.run(slow.work()))
    assert slow.begun.wait(LONG_S)
    return calling


def test_who_is_in_a_call_is_told_that_the_client_is_closed_and_so_is_who_comes_meanwhile() -> None:
    thread, slow = LoopThread(unwind_s=LONG_S), Slow()
    calling = begun(thread, slow)
    closing = Apart(thread.close)
    assert slow.unwinding.wait(LONG_S)
    with pytest.raises(LocalMisuse, match="closed"):
        thread.run(asyncio.sleep(0))
    slow.unwind()
    assert str(calling.outcome).startswith("the client is closed")
    assert isinstance(calling.outcome, LocalMisuse)
    assert closing.outcome is None and slow.unwound
    thread.close()  # once more does no harm


def test_what_gives_back_already_is_not_cut_short() -> None:
    thread, giving, other = LoopThread(unwind_s=LONG_S), Slow(), Slow()
    calls = [begun(thread, giving), begun(thread, other)]
    giving.cancel()
    assert giving.unwinding.wait(LONG_S)
    closing = Apart(thread.close)
    assert other.unwinding.wait(LONG_S)  # everything was cancelled that is to be
    giving.unwind()
    other.unwind()
    assert closing.outcome is None
    assert giving.unwound and other.unwound
    assert [type(call.outcome) for call in calls] == [LocalMisuse, LocalMisuse]


def test_what_never_unwinds_is_waited_for_by_nobody() -> None:
    thread, slow = LoopThread(unwind_s=0.01), Slow()
    calling = begun(thread, slow)
    thread.close()
    assert isinstance(calling.outcome, LocalMisuse)
    assert not slow.unwound


def test_an_iterator_that_is_open_ends_as_the_client_is_closed() -> None:
    closed: list[str] = []
    thread = LoopThread()
    items = thread.each(numbers(closed))
    assert next(items) == 1
    thread.close()
    assert closed == ["closed"]
    with pytest.raises(LocalMisuse, match="closed"):
        next(items)


class Cycle:
    """What only the collector of cycles finds."""

    def __init__(self, items: Iterator[int]) -> None:
        self.items, self.own = items, self


def test_an_iterator_that_is_collected_on_the_loop_s_own_thread_ends_there() -> None:
    closed: list[str] = []
    thread = LoopThread()

    async def collect() -> None:
        gc.collect()

    gc.disable()  # none but ours may find it
    try:
        items = thread.each(numbers(closed))
        assert next(items) == 1
        cycle = Cycle(items)
        del items, cycle
        assert Apart(lambda: thread.run(collect())).outcome is None
    finally:
        gc.enable()
    while not closed:
        thread.run(asyncio.sleep(0.01))
    thread.close()


def test_an_iterator_that_is_open_as_the_interpreter_ends_keeps_nobody() -> None:
    source = Path(pycluster.__file__).parents[1]
    program = f"""
import sys
sys.path.insert(0, {str(source)!r})
from pycluster.client.loopthread import LoopThread
async def numbers():
    yield 1
    yield 2
items = LoopThread().each(numbers())
print(next(items))
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"1\n", b"")


def test_where_no_thread_can_be_had_the_next_call_tries_again() -> None:
    script = """
import asyncio, resource, threading
from pycluster.client.loopthread import LoopThread
async def answer():
    return 42
thread = LoopThread()
usual = threading.stack_size(1 << 29)
before = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (1 << 29, before[1]))
try:
    thread.run(answer())
except RuntimeError as error:
    print(error)
threading.stack_size(usual)
resource.setrlimit(resource.RLIMIT_AS, before)
print(thread.run(answer()))
thread.close()
"""
    line = [sys.executable, "-c", script]
    ended = subprocess.run(line, env=environment(), capture_output=True, text=True, check=False, timeout=120)
    assert ended.stdout == "can't start new thread\n42\n", ended.stderr
