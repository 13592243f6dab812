"""Hooks: an operator's own commands, run when something happens, so that a service can follow the leader.

Each hook has a queue and runs one command at a time, in the order of the events. A hook that was told that this node
leads is told when it no longer does: at once, where the first command still runs, and by the agent's next life where
this one ends without a word. For that, who was told is kept in a file before the command starts.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable

import msgspec

from pycluster.node.view import ClusterEvent
from pycluster.runtime.children import Child
from pycluster.settings import Hook

GAINED, LOST = "leader-gained", "leader-lost"
#: Events that wait for a hook; past it the oldest member event is dropped and counted.
QUEUE_MAX = 256
Told = dict[str, int]
Say = Callable[[str, str], None]


class HookBook:
    """Which hooks were told that this node leads, and in which term, kept in ``path``."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.told: Told = {}
        try:
            with open(path, "rb") as file:
                self.told = msgspec.json.decode(file.read(), type=Told)
        except (OSError, msgspec.DecodeError):
            self.told = {}

    def note(self, hook: str, term: int | None) -> None:
        """Told in ``term``; None: told that it is over. Raises ``OSError`` where it cannot be kept."""
        if term is None:
            self.told.pop(hook, None)
        else:
            self.told[hook] = term
        partial = f"{self._path}.new"
        with open(partial, "wb") as file:
            file.write(msgspec.json.encode(self.told))
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, self._path)


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
        self._queue.append(event)
        if event.kind == LOST and self._running == GAINED and self._child is not None:
            self._child.terminate()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        try:
            while self._queue:
                await self._run(self._queue.popleft())
        finally:
            self._task = None

    async def _run(self, event: ClusterEvent) -> None:
        hook = self.hook
        if event.kind == GAINED:
            self._note(event.term)
        facts = {
            "PYCLUSTER_EVENT": event.kind,
            "PYCLUSTER_EVENT_ID": str(event.id),
            "PYCLUSTER_EVENT_TEXT": event.text,
            "PYCLUSTER_EVENT_NODE": event.node,
            "PYCLUSTER_TERM": str(event.term),
        }
        self._running = event.kind
        self._child = Child(hook.command, {**self._environment, **facts}, hook.timeout_s)
        problem = await self._child.run()
        self._child, self._running = None, ""
        if problem:
            self._say("hook-failed", f"Hook {hook.name} failed on {event.kind}: {problem}")
        if event.kind == LOST:
            self._note(None)

    def _note(self, term: int | None) -> None:
        try:
            self._book.note(self.hook.name, term)
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


class Hooks:
    """All hooks of an agent. ``environment`` and the event's own facts are all that a command gets."""

    def __init__(self, hooks: tuple[Hook, ...], environment: dict[str, str], book: HookBook, say: Say) -> None:
        self._runners = [_Runner(hook, environment, book, say) for hook in hooks]
        self._book = book

    def catch_up(self, node: str, now_us: int, wall_ms: int) -> None:
        """Tell the hooks that an earlier life left believing that this node leads. Call before any other event."""
        for runner in self._runners:
            term = self._book.told.get(runner.hook.name)
            if term is not None:
                text = f"Stopped leading: {node} (term {term}): the agent ended without a word"
                fields: dict[str, str | int] = {"reason": "the agent ended without a word"}
                runner.offer(ClusterEvent(0, LOST, text, now_us, node, term, fields, wall_ms))

    def event(self, event: ClusterEvent) -> None:
        """Run what asked for it."""
        for runner in self._runners:
            if event.kind in runner.hook.on:
                runner.offer(event)

    async def finish(self, patience_s: float) -> None:
        """Let what waits run, up to ``patience_s``; then end it."""
        if not self._runners:
            return
        try:
            async with asyncio.timeout(patience_s):
                await asyncio.gather(*(runner.idle() for runner in self._runners))
        except TimeoutError:
            for runner in self._runners:
                runner.abandon()
            await asyncio.gather(*(runner.idle() for runner in self._runners))
