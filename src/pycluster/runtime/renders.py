"""Rendering templates in a process of its own; one that takes too much costs the others nothing but time."""

from __future__ import annotations

import asyncio
import sys

import msgspec

from pycluster.judging import Batch, Rendered
from pycluster.kernel.errors import LocalFault
from pycluster.runtime.judgment import Ended, Lasting, Room

_TIMEOUT_S = 15.0
#: Of one batch; what is not begun by then is left out. With the last child's run less than ``render_timeout_ms``.
_BATCH_S = 25.0
#: A child stays so long for the next batch: its start takes more processor time than most batches.
_IDLE_S = 30.0
#: Batches that may wait for the one child.
_WAITING_MAX = 64
_FAILED = "nothing can be rendered"
_COMMAND = (sys.executable, "-P", "-m", "pycluster.judging", "render")
_TOO_MUCH = "it takes more time or memory than there is for it"


class ChildRenderer:
    """Renders one batch at a time by a child; where it dies of one template, another does the rest.

    ``timeout_s`` (s): one run of a child; ``idle_s`` (s): it stays so long for the next batch; ``batch_s`` (s): after
    that no child is asked for the rest of a batch.
    """

    def __init__(
        self,
        command: tuple[str, ...] = _COMMAND,
        timeout_s: float = _TIMEOUT_S,
        idle_s: float = _IDLE_S,
        batch_s: float = _BATCH_S,
    ) -> None:
        self._command = command
        self._timeout_s = timeout_s
        self._idle_s = idle_s
        self._batch_s = batch_s
        self._room = Room(1, _WAITING_MAX, _FAILED)
        self._child: Lasting | None = None
        self._retiring: asyncio.TimerHandle | None = None

    async def __call__(self, batch: Batch) -> tuple[Rendered, ...]:
        """Results in the templates' order: of at least the first, of all where that does not take too long. Raises
        ``LocalFault`` where no child runs, or too many wait.
        """
        if not batch.sources:
            return ()
        async with self._room:
            if self._retiring is not None:
                self._retiring.cancel()
            try:
                return await self._rendered(batch)
            finally:
                self._retiring = asyncio.get_running_loop().call_later(self._idle_s, self._retire)

    async def close(self) -> None:
        """End the child that waits for more."""
        if self._retiring is not None:
            self._retiring.cancel()
        child, self._child = self._child, None
        if child is not None:
            await child.close()

    def _retire(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()

    async def _rendered(self, batch: Batch) -> tuple[Rendered, ...]:
        done: list[Rendered] = []
        now = asyncio.get_running_loop().time
        until = now() + self._batch_s
        while not done or (len(done) < len(batch.sources) and now() < until):
            rest = msgspec.structs.replace(batch, sources=batch.sources[len(done) :])
            fresh = self._child is None
            child = self._child or await Lasting.start(self._command, _FAILED)
            answers, ended = await self._asked(child, msgspec.msgpack.encode(rest))
            done += [msgspec.msgpack.decode(answer, type=Rendered) for answer in answers]
            if answers or (ended is not None and not fresh and not ended.late):
                continue  # one that stayed may have died of anything
            if ended is None or not ended.died:
                raise LocalFault(_FAILED, why="the process for it ended without a word")
            # It was the first in a fresh process, so it is to blame, and not what came before it.
            done.append(Rendered(batch.sources[len(done)].name, problem=_TOO_MUCH))
        return tuple(done)

    async def _asked(self, child: Lasting, given: bytes) -> tuple[list[bytes], Ended | None]:
        self._child = None  # whoever is broken off leaves none that waits
        answers, ended = await child.ask(given, self._timeout_s)
        if ended is None:
            self._child = child
        elif ended.code and not ended.died:
            raise LocalFault(_FAILED, why=ended.words)
        return answers, ended
