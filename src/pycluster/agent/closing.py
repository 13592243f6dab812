"""How an agent ends: who must hear of it at once, then what may take its time.

Nothing here is waited for without a limit: a disk, a mount or a child may hang for good, and whoever waits for this
node to be gone (its hooks, the other nodes, an operator) must not wait for that.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import msgspec

from pycluster.agent.console import Console

#: Hooks that still run at the end get this long.
HOOK_PATIENCE_S = 10.0
#: Longer than a command that does not obey SIGTERM takes to be killed.
STEP_PATIENCE_S = 5.0
#: What is left after the last word, closing the files of the data directory above all.
FILES_PATIENCE_S = 15.0
#: The same where somebody said "at once".
ABANDONED_PATIENCE_S = 1.0
CLOSED = "agent-stopped"

Step = Callable[[], Awaitable[None]]


class Last(msgspec.Struct, frozen=True):
    """What has to be done at the end, as calls; ``Closing`` has their order."""

    #: Nothing reaches the node any more, and it decides nothing.
    stand_still: Callable[[], None]
    #: Hooks that believe that this node leads are told that it does not; they begin to run.
    conclude: Callable[[], None]
    #: The ports, and every connection to other nodes.
    hang_up: Step
    #: Wait for the hooks, so many seconds at most; and end those that still run.
    hooks: Callable[[float], Awaitable[None]]
    abandon_hooks: Callable[[], None]
    #: What may run commands and write files, with its name.
    work: tuple[tuple[str, Step], ...]
    #: Whoever waits for the state.
    answer: Callable[[], None]
    #: Whoever asks this agent, its hooks among them.
    serve: Step


class Closing:
    """One end of one agent. ``abandoned`` is set where it shall come at once."""

    def __init__(
        self, abandoned: asyncio.Event, say: Callable[[str, str], None], patience_s: float = STEP_PATIENCE_S
    ) -> None:
        self._abandoned = abandoned
        self._say = say
        self._patience_s = patience_s
        #: What was not waited for any longer.
        self._left: list[asyncio.Future[None]] = []

    async def close(self, last: Last) -> None:
        """First who must not act in two places, then the others' evidence, then everything else.

        The next leader acts, and its hooks run, half a second after this one is gone. So its own hooks come before
        anything that is waited for; and the connections before all that is slow, for while they stand the others
        believe that this node lives.
        """
        last.stand_still()
        last.conclude()
        work = asyncio.ensure_future(self._work(last.work))
        hooks = asyncio.ensure_future(last.hooks(HOOK_PATIENCE_S))
        await self._step("The network", last.hang_up())
        await work
        last.answer()
        if not await self._step("Hooks", hooks, HOOK_PATIENCE_S + self._patience_s):
            last.abandon_hooks()
            await asyncio.wait({hooks}, timeout=self._patience_s)
        await self._step("The HTTP interface", last.serve())

    async def _work(self, work: tuple[tuple[str, Step], ...]) -> None:
        for what, end in work:
            await self._step(what, end())

    async def _step(self, what: str, work: Awaitable[None], patience_s: float | None = None) -> bool:
        """Wait for that, within a time, and not at all once the end shall come at once. Whether it is over."""
        patience_s = self._patience_s if patience_s is None else patience_s
        step = asyncio.ensure_future(work)
        at_once = asyncio.ensure_future(self._abandoned.wait())
        either: set[asyncio.Future[Any]] = {step, at_once}
        await asyncio.wait(either, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        at_once.cancel()
        if not step.done():
            self._left.append(step)
            if not self._abandoned.is_set():
                self._say("agent-stopping", f"{what}: no end within {patience_s:g} s, stopping without")
            return False
        error = None if step.cancelled() else step.exception()
        if error is not None:  # the steps after it are none the less due
            told = {"message": f"{what} did not end as it should", "exception": error}
            asyncio.get_running_loop().call_exception_handler(told)
        return True


def obey_signals_at_once(loop: asyncio.AbstractEventLoop) -> None:
    """From now on SIGTERM and SIGINT do what they do to any process: no handler of ours runs any more."""
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def overdue(console: Console, code: int, patience_s: float) -> Iterator[None]:
    """End the process where it does not leave the block within ``patience_s``.

    Everything that matters to others is done by then. What remains is the loop, which waits for its threads, and files
    that are closed: neither can be given a limit, and one of them hangs where its file system does. A process that is
    killed then leaves its data directory as a power cut would, and that is sound.
    """

    def end() -> None:
        console.say(CLOSED, f"Something hangs, most likely a file system: ended after {patience_s:g} s")
        console.close()
        os._exit(code or 1)

    timer = threading.Timer(patience_s, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
