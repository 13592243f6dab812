"""Work that may hang: in order, withdrawn where it did not begin, and nobody's end waits for it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from pycluster.runtime import Worker, Workers
from tests.cluster.agents import environment
from tests.unit.runtime.waiting import until

#: A loop and a process that end while a thread of theirs hangs.
_HANGS = """
import asyncio, threading
from pycluster.runtime import Worker
async def main():
    hangs = asyncio.ensure_future(Worker("hangs").run(threading.Event().wait))
    await asyncio.sleep(0.01)
    hangs.cancel()
asyncio.run(main())
print("over")
"""

#: A machine without room for one more thread, until there is some again.
_CROWDED = """
import asyncio, resource, threading
from pycluster.runtime import Worker
done = []
async def main():
    worker = Worker("w")
    usual = threading.stack_size(1 << 29)
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 29, before[1]))
    try:
        await worker.run(done.append, "withdrawn")
    except OSError as error:
        print(error.strerror)
    worker.leave(lambda: done.append("left"))
    threading.stack_size(usual)
    resource.setrlimit(resource.RLIMIT_AS, before)
    async with asyncio.timeout(60):
        await worker.run(done.append, "done")
asyncio.run(main())
print(done)
"""


def refuse() -> None:
    raise OSError("no")


def test_it_gives_what_the_work_gives_and_raises_what_it_raises() -> None:
    async def story() -> None:
        worker = Worker("w")
        assert await worker.run(divmod, 7, 3) == (2, 1)
        with pytest.raises(OSError, match="no"):
            await worker.run(refuse)
        assert await worker.run(lambda: threading.current_thread().daemon)

    asyncio.run(story())


def test_one_comes_after_the_other_and_what_did_not_begin_can_be_withdrawn() -> None:
    done: list[str] = []

    async def story() -> None:
        worker, goes_on, began = Worker("w"), threading.Event(), threading.Event()

        def hang() -> None:
            began.set()
            goes_on.wait(60)
            done.append("first")

        first = asyncio.ensure_future(worker.run(hang))
        await until(began.is_set)
        first.cancel()
        withdrawn = asyncio.ensure_future(worker.run(done.append, "withdrawn"))
        await asyncio.sleep(0)
        withdrawn.cancel()
        worker.leave(lambda: done.append("left"))
        worker.leave(refuse)
        last = asyncio.ensure_future(worker.run(done.append, "last"))
        await asyncio.sleep(0)
        assert not done
        goes_on.set()
        await last

    asyncio.run(story())
    assert done == ["first", "left", "last"]


def test_a_thread_that_cannot_be_had_is_told_and_the_next_call_tries_again() -> None:
    line = [sys.executable, "-c", _CROWDED]
    ended = subprocess.run(line, env=environment(), capture_output=True, text=True, check=False, timeout=120)
    assert ended.stdout == "can't start new thread\n['left', 'done']\n", ended.stderr


def test_neither_the_loop_nor_the_process_waits_for_what_hangs() -> None:
    line = [sys.executable, "-c", _HANGS]
    ended = subprocess.run(line, env=environment(), capture_output=True, text=True, check=False, timeout=60)
    assert (ended.stdout, ended.returncode) == ("over\n", 0), ended.stderr


def test_what_hangs_in_one_directory_keeps_only_that_waiting() -> None:
    async def story() -> None:
        workers, goes_on = Workers("w", limit_s=0.05), threading.Event()
        try:
            with pytest.raises(OSError, match="/hung has not answered for"):
                await workers.run("/hung", goes_on.wait)
            workers.limit_s = 60
            with pytest.raises(OSError, match="/hung has not answered"):
                await workers.run("/hung", refuse)
            assert await workers.run("/other", divmod, 7, 3) == (2, 1)
        finally:
            goes_on.set()
        while True:
            try:
                assert await workers.run("/hung", divmod, 7, 3) == (2, 1)
                break
            except OSError:  # its thread is about to end
                await asyncio.sleep(0.01)

    asyncio.run(story())


def test_a_time_out_of_the_work_itself_is_no_silence() -> None:
    def late() -> None:
        raise TimeoutError("the server's word")

    async def story() -> None:
        workers = Workers("w")
        with pytest.raises(TimeoutError, match="the server's word"):
            await workers.run("/d", late)
        assert await workers.run("/d", divmod, 7, 3) == (2, 1)

    asyncio.run(story())
