"""An agent's server above a real engine, with what the tests of what stands above the state ask of the fake one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import cast

from pycluster import store
from pycluster.node.ports import HowFar, StateEngine, StateFailed, StateHead, StateStore
from pycluster.store import LeaseList, LeaseListResult, Range, RangeResult, Request, Result, Watch, WatchBatch
from tests.differential.engines import ENGINES
from tests.unit.web.fake import Agent
from tests.unit.web.fakestate import Asked

#: An engine may take so much longer to notice that a lease has ended, s.
_LATE_S = 4.0


class RealState:
    """``fakestate.FakeState``, as far as tests use it: time passes by itself, and ``store`` asks over the port."""

    def __init__(self, engine: StateEngine, agent: EngineAgent) -> None:
        self.store = RealStore(agent)
        self.failures: list[store.Failure] = []
        self.deaf = False
        self.asked: list[Asked] = []
        self.feeds: dict[int, Watch] = {}
        self._engine = engine
        self._watches = 0

    def head(self) -> StateHead:
        return self._engine.head()

    def holds_copy(self) -> bool:
        return self._engine.holds_copy()

    async def ask(self, request: Request, *, timeout_s: float = 5.0, request_id: bytes = b"") -> Result:
        self.asked.append(Asked(request, timeout_s, request_id))
        if self.failures:
            raise StateFailed(self.failures.pop(0))
        if self.deaf and isinstance(request, Range) and not request.serializable:
            raise StateFailed(store.Failure("timed-out"))
        return await self._engine.ask(request, timeout_s=timeout_s, request_id=request_id)

    async def watch(self, watch: Watch, how_far: HowFar | None = None) -> AsyncGenerator[WatchBatch, None]:
        self._watches += 1
        number = self._watches
        try:
            async with aclosing(self._engine.watch(watch, how_far)) as batches:
                async for batch in batches:
                    self.feeds[number] = watch  # only now does it see what changes
                    yield batch
        finally:
            self.feeds.pop(number, None)

    async def pass_time(self, seconds: float) -> None:
        """Wait until leases that have no longer are gone."""
        await asyncio.sleep(seconds + _LATE_S)


class RealStore:
    """What is there, asked from another thread."""

    def __init__(self, agent: EngineAgent) -> None:
        self._agent = agent

    @property
    def revision(self) -> int:
        return self.range(Range(b"\0", count_only=True)).revision

    def lease_ids(self) -> tuple[int, ...]:
        return cast(LeaseListResult, self._agent.run(self._agent.state.ask(LeaseList()))).ids

    def range(self, wanted: Range) -> RangeResult:
        return cast(RangeResult, self._agent.run(self._agent.state.ask(wanted)))


class EngineAgent(Agent):
    """The server in a thread, above an empty ``engine``."""

    def __init__(self, directory: Path, engine: str) -> None:
        super().__init__(directory, state=lambda: cast(StateStore, RealState(self._engine, self)))
        self._name = engine

    async def _serve(self) -> None:
        async with ENGINES[self._name]() as self._engine:
            await super()._serve()
