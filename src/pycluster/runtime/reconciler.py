"""The reconciler: runs every controller's loop on the event loop, with the state and the node's events."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from random import Random
from typing import assert_never

from pycluster.controllers import Act, Controller, ControllerView, Fence, Params, Reconciliation
from pycluster.controllers import messages as m
from pycluster.kernel.errors import PyClusterError
from pycluster.node.ports import ClusterReads, StateFailed, StateStore, WatchLagged
from pycluster.node.view import ClusterEvent
from pycluster.runtime import clock
from pycluster.store import Failure, Result, WatchBatch

logger = logging.getLogger("pycluster.runtime")

#: Who does what an ``Act`` names; what it raises is its failure.
Actor = Callable[[Act], Awaitable[None]]

_LED = frozenset(("leader-changed", "leader-gained", "leader-lost", "leader-unknown"))
#: Between two looks at the members, for each of them: what a look costs grows with their number, and so does how often
#: one of them changes where many come and go.
_LOOK_S = 0.000_5


class Reconciler:
    """Every controller of one agent. ``listen`` it to the driver's events; then ``start``, at the end ``stop``.

    A leader's controller begins with ``leader-gained`` and ends with ``leader-lost``; where neither happens it does not
    even exist.
    """

    def __init__(
        self,
        node: str,
        cluster: ClusterReads,
        state: StateStore,
        leaders: Callable[[], Sequence[Controller]],
        everywhere: Sequence[Controller] = (),
        *,
        rng: Random | None = None,
        actors: Mapping[str, Actor] | None = None,
        params: Params | None = None,
    ) -> None:
        """``leaders`` makes the controllers of the acting leader, when this node is one for the first time."""
        self._node = node
        self._cluster = cluster
        self._state = state
        self._rng = rng or Random(secrets.randbits(64))
        self._actors = actors or {}
        self._params = params or Params()
        self._make_leaders: Callable[[], Sequence[Controller]] | None = leaders
        self._runs = self._made(everywhere)
        self._look: asyncio.TimerHandle | None = None
        self._looks_at = 0.0

    def start(self) -> None:
        """Begin what runs on every node."""
        self._show_members()
        for run in self._runs:
            if run.controller.kind == "node":
                run.feed(m.Started())

    def event(self, event: ClusterEvent) -> None:
        """Something happened at this node."""
        if event.kind == "leader-gained" and self._make_leaders is not None:
            self._runs += self._made(self._make_leaders())
            self._make_leaders = None
        if event.kind in _LED:
            self._show_members()
        elif event.kind.startswith("member-"):
            self._show_members_soon()
        for run in self._runs:
            if run.controller.kind == "leader" and event.kind == "leader-gained":
                run.feed(m.Started(Fence(self._state.head().cluster_id, event.term)))
            elif run.controller.kind == "leader" and event.kind == "leader-lost":
                run.feed(m.Stopped())

    def nudge(self, name: str) -> None:
        """What the controller of that name knows beside the state changed."""
        for run in self._runs:
            if run.controller.name == name:
                run.feed(m.Nudged())

    def views(self) -> tuple[ControllerView, ...]:
        """How each of them stands."""
        return tuple(run.core.view() for run in self._runs)

    async def stop(self) -> None:
        """End everything under way."""
        if self._look is not None:
            self._look.cancel()
        for run in self._runs:
            run.feed(m.Stopped())
        for run in self._runs:
            await run.over()

    def _made(self, controllers: Sequence[Controller]) -> tuple[_Run, ...]:
        parts = (self._node, self._state, self._rng, self._actors, self._params)
        return tuple(_Run(controller, *parts) for controller in controllers)

    def _show_members_soon(self) -> None:
        if self._look is None:
            loop = asyncio.get_running_loop()
            self._look = loop.call_at(max(self._looks_at, loop.time()), self._show_members)

    def _show_members(self) -> None:
        """To all that want to see them."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        wanting = [run for run in self._runs if run.controller.wants_members]
        if wanting:
            seen = m.MembersChanged(self._cluster.members(), self._cluster.leader().leader)
            self._looks_at = asyncio.get_running_loop().time() + len(seen.members) * _LOOK_S
            for run in wanting:
                run.feed(seen)


class _Run:
    """One controller: its effects performed, what came of them fed back."""

    def __init__(
        self,
        controller: Controller,
        node: str,
        state: StateStore,
        rng: Random,
        actors: Mapping[str, Actor],
        params: Params,
    ) -> None:
        self.controller = controller
        self.core = Reconciliation(controller, node, _wall_ms, rng, params)
        self._state = state
        self._actors = actors
        self._tasks: set[asyncio.Task[None]] = set()
        self._watches: dict[int, asyncio.Task[None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def feed(self, event: m.Event) -> None:
        """Hand an event to the core and do what it wants done."""
        if isinstance(event, m.Stopped):
            for task in self._tasks:
                task.cancel()
        for effect in self.core.handle(event, clock.now_us()):
            self._perform(effect)
        self._arm()

    async def over(self) -> None:
        """Wait until nothing runs any more."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _perform(self, effect: m.Effect) -> None:
        match effect:
            case m.Ask():
                self._spawn(self._ask(effect))
            case m.Open():
                self._watches[effect.token] = self._spawn(self._watch(effect))
            case m.Close(token):
                self._watches.pop(token).cancel()
            case m.Do():
                self._spawn(self._do(effect))
            case _:
                assert_never(effect)

    def _spawn(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        assert isinstance(task, asyncio.Task)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _ask(self, effect: m.Ask) -> None:
        result: Result
        try:
            result = await self._state.ask(effect.request, timeout_s=effect.timeout_us / 1_000_000)
        except StateFailed as failed:
            result = failed.failure
        except Exception as error:
            # The engine is broken, not the request: said in the log, and tried again as any failure is.
            logger.exception("%s: the state could not be asked", self.controller.name)
            result = Failure("bad-request", repr(error))
        self.feed(m.Answered(effect.token, result))

    async def _watch(self, effect: m.Open) -> None:
        why = "it was closed"
        try:
            feed: AsyncGenerator[WatchBatch, None] = self._state.watch(effect.watch)
            async with aclosing(feed) as batches:
                async for batch in batches:
                    self.feed(m.Told(effect.token, batch))
        except (StateFailed, WatchLagged) as error:
            why = str(error)
        except Exception as error:
            logger.exception("%s: a watch failed", self.controller.name)
            why = repr(error)
        if effect.token in self._watches:
            self.feed(m.WatchEnded(effect.token, why))

    async def _do(self, effect: m.Do) -> None:
        act, problem = effect.act, ""
        actor = self._actors.get(act.name)
        try:
            if actor is None:
                problem = f"this agent cannot do {act.name!r}"
            else:
                async with asyncio.timeout(act.timeout_ms / 1_000):
                    await actor(act)
        except TimeoutError:
            problem = f"{act.what}: it took longer than {act.timeout_ms} ms"
        except (PyClusterError, OSError) as error:
            problem = f"{act.what}: {error}"
        except Exception as error:
            logger.exception("%s failed", act.what)
            problem = f"{act.what}: {type(error).__name__}: {error}"
        self.feed(m.Done(effect.token, problem))

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_us = self.core.next_deadline()
        if due_us is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(due_us - clock.now_us(), 0) / 1_000_000, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self.feed(m.Timer())


def _wall_ms(now_us: int) -> int:
    """The Unix time, ms, of a moment of the boot-time clock."""
    return time.time_ns() // 1_000_000 + (now_us - clock.now_us()) // 1_000
