"""The end of an agent: in which order it is done, and that nothing that hangs keeps it from being done."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pycluster.agent.closing import HOOK_PATIENCE_S, Closing, Last
from tests.cluster.agents import environment
from tests.unit.runtime.waiting import until
from tests.unit.virtual import in_virtual_time

#: Whoever must not wait for anything.
FIRST = ["the node stands still", "hooks are told"]
#: They begin beside each other, none behind another.
BESIDE = {"controllers begins", "network begins", "hooks begins"}
EVERYTHING = ("controllers", "backups", "network", "hooks", "http")


async def turns() -> None:
    """Some of the loop's: whatever needs nobody else gets to where it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


class Stage:
    """All that ends, as a list of what began and what is over."""

    def __init__(self, hangs: tuple[str, ...], fails: str, patience_s: float) -> None:
        self.done: list[str] = []
        self.said: list[str] = []
        self.unforeseen: list[dict[str, Any]] = []
        self.abandoned = asyncio.Event()
        self._hangs = hangs
        self._fails = fails
        self._ended = asyncio.Event()
        self._closing = Closing(self.abandoned, lambda kind, text: self.said.append(text), patience_s)
        asyncio.get_running_loop().set_exception_handler(lambda _, what: self.unforeseen.append(what))

    async def close(self) -> None:
        last = Last(
            stand_still=lambda: self.done.append("the node stands still"),
            conclude=lambda: self.done.append("hooks are told"),
            hang_up=lambda: self._end("network"),
            hooks=self._hooks,
            abandon_hooks=self._abandon_hooks,
            work=(("controllers", lambda: self._end("controllers")), ("backups", lambda: self._end("backups"))),
            answer=lambda: self.done.append("nobody waits for the state"),
            serve=lambda: self._end("http"),
        )
        async with asyncio.timeout(60):
            await self._closing.close(last)

    async def _end(self, what: str) -> None:
        self.done.append(f"{what} begins")
        await turns()
        if what == self._fails:
            raise OSError("a defect")
        if what in self._hangs:
            await asyncio.get_running_loop().create_future()
        self.done.append(f"{what} is over")

    async def _hooks(self, patience_s: float) -> None:
        assert patience_s == HOOK_PATIENCE_S
        self.done.append("hooks begins")
        await turns()
        if "hooks" in self._hangs:
            await self._ended.wait()
        self.done.append("hooks is over")

    def _abandon_hooks(self) -> None:
        self.done.append("hooks are ended")
        self._ended.set()


def played(
    *hangs: str,
    fails: str = "",
    patience_s: float = 30.0,
    scene: Callable[[Stage], Awaitable[None]] = Stage.close,
) -> Stage:
    async def run(_: Callable[[], float]) -> Stage:
        stage = Stage(hangs, fails, patience_s)
        await scene(stage)
        return stage

    return in_virtual_time(run)


def test_hooks_are_told_and_the_network_is_closed_before_anything_is_waited_for() -> None:
    done = played().done
    assert done[:2] == FIRST
    assert {*done[2:5]} == BESIDE
    assert done.index("controllers is over") < done.index("backups begins")
    assert done[-3:] == ["nobody waits for the state", "http begins", "http is over"]


@pytest.mark.parametrize("hangs", ["controllers", "backups", "network"])
def test_what_hangs_holds_up_nothing_else_and_is_told(hangs: str) -> None:
    stage = played(hangs, patience_s=0.2)
    assert stage.done[:2] == FIRST
    assert {*stage.done[2:5]} == BESIDE
    assert {"hooks is over", "backups begins", "nobody waits for the state", "http is over"} <= {*stage.done}
    name = "The network" if hangs == "network" else hangs
    assert stage.said == [f"{name}: no end within 0.2 s, stopping without"]


@pytest.mark.parametrize("hangs", EVERYTHING)
def test_at_every_stage_a_second_signal_ends_it_at_once(hangs: str) -> None:
    async def scene(stage: Stage) -> None:
        closing = asyncio.ensure_future(stage.close())
        await until(lambda: f"{hangs} begins" in stage.done)
        await turns()
        assert not closing.done()
        stage.abandoned.set()
        await closing

    stage = played(hangs, patience_s=50.0, scene=scene)
    assert stage.done[:2] == FIRST
    assert {"nobody waits for the state", "http begins"} <= {*stage.done}
    assert ("hooks are ended" in stage.done) == (hangs == "hooks")
    assert stage.said == []


def test_after_a_second_signal_all_is_begun_and_nothing_waited_for() -> None:
    async def scene(stage: Stage) -> None:
        stage.abandoned.set()
        await stage.close()

    stage = played(*EVERYTHING, patience_s=50.0, scene=scene)
    assert stage.done[:2] == FIRST
    assert {*(f"{what} begins" for what in EVERYTHING), "hooks are ended"} <= {*stage.done}


@pytest.mark.parametrize("fails", ["network", "controllers", "backups", "http"])
def test_what_fails_is_told_and_what_comes_after_it_is_done(fails: str) -> None:
    stage = played(fails=fails)
    assert [type(what["exception"]) for what in stage.unforeseen] == [OSError]
    assert {"hooks is over", "backups begins", "nobody waits for the state", "http begins"} <= {*stage.done}


#: A loop that waits for a thread of asyncio's own, which hangs.
HANGS = """
import asyncio, functools, sys, threading
from pycluster.agent.closing import obey_signals_at_once, overdue
from pycluster.agent.console import Console
import uvloop
console = Console("text")
console.close = functools.partial(console.close, 60.0)
begun = threading.Event()
def hang():
    begun.set()  # what is cancelled before it began never hangs
    threading.Event().wait()
async def main():
    hangs = asyncio.ensure_future(asyncio.to_thread(hang))
    asyncio.get_running_loop().add_signal_handler(15, print, "handled")
    while not begun.is_set():
        await asyncio.sleep(0.01)
    hangs.cancel()
    obey_signals_at_once(asyncio.get_running_loop())
    print("live", flush=True)
    return 0
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    code = runner.run(main())
    with overdue(console, code, float(sys.argv[1])):
        runner.close()
"""


def test_a_process_whose_threads_hang_ends_and_says_so() -> None:
    line = [sys.executable, "-c", HANGS, "0.5"]
    ended = subprocess.run(line, env=environment(), capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert "Something hangs, most likely a file system: ended after 0.5 s" in ended.stderr


def test_a_signal_ends_even_what_hangs_after_the_last_word() -> None:
    line = [sys.executable, "-c", HANGS, "600"]
    with subprocess.Popen(line, env=environment(), stdout=subprocess.PIPE) as hanging:
        assert hanging.stdout is not None and hanging.stdout.readline() == b"live\n"
        hanging.send_signal(signal.SIGTERM)
        assert hanging.wait(60) == -signal.SIGTERM
