"""Rollouts of configuration entries, for programs with an event loop and without."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

from pycluster.client.calls import Calls
from pycluster.judging import Format
from pycluster.rollouts import (
    NodeFiles,
    NodesQuery,
    NodesView,
    RolloutQuery,
    RolloutRequest,
    RolloutsQuery,
    RolloutsView,
    RolloutView,
    StartedView,
    Steer,
    SteerRequest,
    Strategy,
)

T = TypeVar("T")

_EVERY_S = 0.5


class AsyncRollouts:
    """Rollouts, asked through one agent; see ``AsyncStateClient`` for what methods raise. ``RolloutConflict``: an entry
    is rolled out already, or a rollout is not in a state where that can be done. ``version`` 0 is the newest one.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def start(
        self,
        name: str,
        content: str,
        strategy: Strategy,
        *,
        format: Format | None = None,
        author: str = "",
        reason: str = "",
        if_version: int | None = None,
        dry_run: bool = False,
    ) -> StartedView:
        """Roll a new content of an entry out; the same content as it has begins nothing."""
        body = RolloutRequest(
            name=name,
            content=content,
            format=format,
            if_version=if_version,
            author=author,
            reason=reason,
            strategy=strategy,
            dry_run=dry_run,
        )
        return await self._calls.call("POST", "/config/rollout", StartedView, body=body)

    async def list(self, prefix: str = "") -> tuple[RolloutView, ...]:
        """Those that are kept of entries that begin so, the newest first, without lanes."""
        query = RolloutsQuery(prefix=prefix)
        return (await self._calls.call("GET", "/config/rollouts", RolloutsView, query=query)).rollouts

    async def get(self, name: str, version: int = 0) -> RolloutView:
        """One of them with every node's lane; raises ``NotFound``."""
        query = RolloutQuery(name=name, version=version)
        return await self._calls.call("GET", "/config/rollout", RolloutView, query=query)

    async def nodes(self, name: str = "") -> tuple[NodeFiles, ...]:
        """What every node has in place, of one entry and what overrides it, or of all."""
        return (await self._calls.call("GET", "/config/nodes", NodesView, query=NodesQuery(name=name))).nodes

    async def pause(self, name: str, version: int = 0, *, author: str = "", reason: str = "") -> RolloutView:
        """Release nobody more for now."""
        return await self._steer(name, version, "pause", author, reason)

    async def resume(self, name: str, version: int = 0, *, author: str = "", reason: str = "") -> RolloutView:
        """Go on; nodes that failed until now are accepted as they are."""
        return await self._steer(name, version, "resume", author, reason)

    async def abort(self, name: str, version: int = 0, *, author: str = "", reason: str = "") -> RolloutView:
        """Have the old content brought back; ``wait`` says when that is done."""
        return await self._steer(name, version, "abort", author, reason)

    async def wait(self, name: str, version: int = 0) -> RolloutView:
        """Until it is over, or a failure paused it."""
        while True:
            view = await self.get(name, version)
            if view.settled:
                return view
            version = view.version
            await asyncio.sleep(_EVERY_S)

    async def _steer(self, name: str, version: int, to: Steer, author: str, reason: str) -> RolloutView:
        body = SteerRequest(name=name, version=version, to=to, author=author, reason=reason)
        return await self._calls.call("POST", "/config/rollout/steer", RolloutView, body=body)


class _Run(Protocol):
    def __call__(self, work: Coroutine[Any, Any, T]) -> T: ...


class Rollouts:
    """See ``AsyncRollouts``."""

    def __init__(self, run: _Run, inner: AsyncRollouts) -> None:
        self._run = run
        self._inner = inner

    def start(
        self,
        name: str,
        content: str,
        strategy: Strategy,
        *,
        format: Format | None = None,
        author: str = "",
        reason: str = "",
        if_version: int | None = None,
        dry_run: bool = False,
    ) -> StartedView:
        """Roll a new content of an entry out; the same content as it has begins nothing."""
        said = {"format": format, "author": author, "reason": reason, "if_version": if_version, "dry_run": dry_run}
        return self._run(self._inner.start(name, content, strategy, **said))  # type: ignore[arg-type]

    def list(self, prefix: str = "") -> tuple[RolloutView, ...]:
        """Those that are kept of entries that begin so, the newest first, without lanes."""
        return self._run(self._inner.list(prefix))

    def get(self, name: str, version: int = 0) -> RolloutView:
        """One of them with every node's lane; raises ``NotFound``."""
        return self._run(self._inner.get(name, version))

    def nodes(self, name: str = "") -> tuple[NodeFiles, ...]:
        """What every node has in place, of one entry and what overrides it, or of all."""
        return self._run(self._inner.nodes(name))

    def pause(self, name: str, version: int = 0, *, author: str = "", reason: str = "") -> RolloutView:
        """Release nobody more for now."""
        return self._run(self._inner.pause(name, version, author=author, reason=reason))

    def resume(self, name: str, version: int = 0, *, author: str = "", reason: str = "") -> RolloutView:
        """Go on; nodes that failed until now are accepted as they are."""
        return self._run(self._inner.resume(name, version, author=author, reason=reason))

    def abort(self, name: str, version: int = 0, *, author: str = "", reason: str = "") -> RolloutView:
        """Have the old content brought back; ``wait`` says when that is done."""
        return self._run(self._inner.abort(name, version, author=author, reason=reason))

    def wait(self, name: str, version: int = 0) -> RolloutView:
        """Until it is over, or a failure paused it."""
        return self._run(self._inner.wait(name, version))
