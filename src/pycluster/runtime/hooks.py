"""Hooks: an operator's own commands, run when something happens, so that a service can follow the leader.

Each hook has a queue and runs one command at a time, in the order of the events. A hook that was told that this node
leads is told when it no longer does: at once, where the first command still runs, at the latest before the agent ends,
and by its next life where this one is killed. For that, who was told is kept in a file before the command starts.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable

import msgspec

from pycluster.node.view import ClusterEvent
from pycluster.runtime.children import Child
from pycluster.runtime.worker import Worker
from pycluster.settings import Hook
from pycluster.storage import private, read_hint, sync_directory

GAINED, LOST = "leader-gained", "leader-lost"
#: Events that wait for a hook; past it the oldest member event is dropped and counted.
QUEUE_MAX = 256
Told = dict[str, int]
Say = Callable[[str, str], None]


class HookBook:
    """Which hooks were told that this node leads, and in which term, kept in ``path``.

    ``problem`` says why an earlier life's could not be read; empty where it could, or where there is none.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._worker = Worker("hook-book")
        self.told: Told
        self.told, self.problem = read_hint(path, Told, {})

    async def note(self, hook: str, term: int | None) -> None:
        """Told in ``term``; None: told that it is over. Raises ``OSError`` where it cannot be kept."""
        if term is None:
            self.told.pop(hook, None)
        else:
            self.told[hook] = term
        # A slow disk must not hold up a leader that was elected a moment ago.
        await self._worker.run(self._write, msgspec.json.encode(self.told))

    def _write(self, told: bytes) -> None:
        partial = f"{self._path}.new"
        with open(partial, "wb", opener=private) as file:
            file.write(told)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, self._path)
        sync_directory(os.path.dirname(self._path))  # else a power cut may bring the old one back


class _Runner:
    """One hook: its queue, and the command that runs."""

    def __init__(self, hook: Hook, environment: dict[str, str], book: HookBook, say: Say) -> None:
        self.hook = hook
        self._environment = environment
        self._book = book
        self._say = say
        self._queue: deque[ClusterEvent] = deque()
        self._child: Child | None = None
        self._running = ""
        self._task: asyncio.Task[None] | None = None

    def offer(self, event: ClusterEvent) -> None:
        """An event that this hook asked for."""
        if len(self._queue) >= QUEUE_MAX:
            droppable = next((old for old in self._queue if old.kind not in (GAINED, LOST)), self._queue[0])
            self._queue.remove(droppable)
            self._say("hook-dropped", f"Hook {self.hook.name} is too slow: an event {droppable.kind} was dropped")
        if event.kind == LOST:
            # What was not begun yet shall not begin now.
            self._queue = deque(old for old in self._queue if old.kind != GAINED)
            if self._running == GAINED and self._child is not None:
                self._child.terminate()
        self._queue.append(event)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    @property
    def leading_in(self) -> int | None:
        """The term in which it was told, or is about to be, that this node leads; None where it knows of none."""
        turns = [event for event in self._queue if event.kind in (GAINED, LOST)]
        if turns:
            return turns[-1].term if turns[-1].kind == GAINED else None
        return None if self._running == LOST else self._book.told.get(self.hook.name)

    async def _work(self) -> None:
        try:
            while self._queue:
                await self._run(self._queue.popleft())
        finally:
            self._task = None

    async def _run(self, event: ClusterEvent) -> None:
        hook = self.hook
        self._running = event.kind
        self._child = child = Child(hook.command, {**self._environment, **_facts(event)}, hook.timeout_s)
        try:
            if event.kind == GAINED:
                await self._note(event.term)
            problem = await child.run()
        except Exception as error:  # what waits behind it is none the less due
            problem = f"{type(error).__name__}: {error}"
        finally:
            self._child, self._running = None, ""
        if problem:
            self._say("hook-failed", f"Hook {hook.name} failed on {event.kind}: {problem}")
        if event.kind == LOST and not child.cut_short:
            await self._note(None)

    async def _note(self, term: int | None) -> None:
        try:
            await self._book.note(self.hook.name, term)
        except OSError as error:
            self._say("hook-failed", f"Hook {self.hook.name}: cannot keep that it was told: {error.strerror}")

    async def idle(self) -> None:
        """Until nothing runs or waits."""
        while self._task is not None:
            await self._task

    def abandon(self) -> None:
        """Run nothing more, and end what runs."""
        self._queue.clear()
        if self._child is not None:
            self._child.terminate()


def _facts(event: ClusterEvent) -> dict[str, str]:
    return {
        "PYCLUSTER_EVENT": event.kind,
        "PYCLUSTER_EVENT_ID": str(event.id),
        "PYCLUSTER_EVENT_TEXT": event.text,
        "PYCLUSTER_EVENT_NODE": event.node,
        "PYCLUSTER_TERM": str(event.term),
    }


class Hooks:
    """All hooks of an agent. ``environment`` and the event's own facts are all that a command gets."""

    def __init__(self, hooks: tuple[Hook, ...], environment: dict[str, str], book: HookBook, say: Say) -> None:
        if book.problem:
            # Whoever may have been told that this node leads hears that it does not: that is harmless to repeat.
            book.told = {hook.name: 0 for hook in hooks if {GAINED, LOST} <= {*hook.on}}
            rest = f": every hook that follows the leader is told {LOST}" if book.told else ""
            say("warning", f"Warning: {book.problem}{rest}")
        self._runners = [_Runner(hook, environment, book, say) for hook in hooks]

    def catch_up(self, node: str, now_us: int, wall_ms: int) -> None:
        """Tell the hooks that an earlier life left believing that this node leads. Call before any other event."""
        self._tell_lost(node, now_us, wall_ms, "the agent ended without a word")

    def conclude(self, node: str, now_us: int, wall_ms: int) -> None:
        """Tell the hooks that still believe that this node leads. Call once no more events come."""
        self._tell_lost(node, now_us, wall_ms, "the agent stopped")

    def _tell_lost(self, node: str, now_us: int, wall_ms: int, reason: str) -> None:
        for runner in self._runners:
            term = runner.leading_in
            if term is not None and LOST in runner.hook.on:
                text = f"Stopped leading: {node} (term {term}): {reason}"
                runner.offer(ClusterEvent(0, LOST, text, now_us, node, term, {"reason": reason}, wall_ms))

    def event(self, event: ClusterEvent) -> None:
        """Run what asked for it."""
        for runner in self._runners:
            if event.kind in runner.hook.on:
                runner.offer(event)

    async def finish(self, patience_s: float) -> None:
        """Let what waits run, up to ``patience_s``; then end it."""
        try:
            async with asyncio.timeout(patience_s):
                await self._idle()
        except TimeoutError:
            self.abandon()
            await self._idle()

    def abandon(self) -> None:
        """Run nothing more, and end what runs."""
        for runner in self._runners:
            runner.abandon()

    async def _idle(self) -> None:
        await asyncio.gather(*(runner.idle() for runner in self._runners))
