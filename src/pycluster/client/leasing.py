"""A lease that is kept alive while it is needed, and that says when it is lost."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Protocol, Self

from pycluster import store
from pycluster.client.errors import Lost, NotFound
from pycluster.kernel.errors import LocalMisuse, PyClusterError, RemoteFault

#: Renewals within one lease: two may fail.
RENEWALS = 3
_LEAST_PAUSE_S = 0.05
#: Whoever gives up while a lease is being granted waits so long for it, to give it back.
TAKE_BACK_S = 2.0


class Granter(Protocol):
    """What a lease needs of a client."""

    async def grant(self, ttl_s: int, *, timeout_s: float | None = None) -> store.LeaseGrantResult: ...

    async def keep_alive(self, id: int, *, timeout_s: float | None = None) -> int: ...

    async def revoke(self, id: int) -> int: ...


def clock_s() -> float:
    """Seconds that go on while the machine sleeps, as they do for the lease."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


async def _nothing_else() -> str:
    return ""


class AsyncLease:
    """A lease of ``ttl_s`` seconds, renewed three times in that; a context manager that revokes it.

    It counts as lost when the state says that it has ended, or when it may have: no renewal for as long as it lasts.
    The time runs from before the request of the last renewal that succeeded, so we know of the loss before anybody else
    can take what the lease holds. That somebody revoked it is known with the next renewal. Leaving a context in which
    it was lost raises ``Lost``.
    """

    def __init__(
        self,
        client: Granter,
        ttl_s: int,
        check: Callable[[], Awaitable[str]] = _nothing_else,
        clock: Callable[[], float] = clock_s,
    ) -> None:
        self._clock = clock
        self._client = client
        self._asked_s = ttl_s
        self._check = check
        self._lost = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._until = 0.0
        self._begun = False
        self._ended = False
        self.id = 0
        self.ttl_s = 0
        self.reason = ""
        #: Whether it was granted, and nobody said yet that it has ended.
        self.owed = False

    @property
    def held(self) -> bool:
        """Whether it is ours at this moment, unless it was revoked since the last renewal."""
        return not (self._ended or self._lost.is_set()) and self._clock() < self._until

    def check(self) -> None:
        """Raise ``Lost`` where it is not held any more."""
        if not self.held:
            raise Lost("the lease is lost", why=self.reason or "it was not renewed in time")

    async def lost(self) -> str:
        """Wait until it is lost; gives the reason."""
        await self._lost.wait()
        return self.reason

    async def begin(self, timeout_s: float | None = None) -> None:
        """Grant it, within ``timeout_s`` where that is given, and keep it alive from now on; once."""
        if self._begun:
            raise LocalMisuse("a lease is used once", remedy="ask the client for another")
        self._begun = True  # before anything is waited for: whoever else begins it meanwhile must not have one more
        sent = self._clock()
        granting = asyncio.ensure_future(self._client.grant(self._asked_s, timeout_s=timeout_s))
        try:
            granted = await asyncio.shield(granting)
            self.id, self.ttl_s, self.owed = granted.id, granted.ttl_s, True
        except asyncio.CancelledError:
            await self._take_back(granting)
            raise
        finally:
            self._begun = self.id != 0  # where there is none it may be asked for again
        self._until = sent + self.ttl_s
        self._keeper = asyncio.get_running_loop().create_task(self._keep())

    async def end(self) -> None:
        """Revoke it; harmless where it has ended. Where that fails ask again, or it ends by itself, after ``ttl_s``."""
        self._ended = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None
        if self.owed:
            try:
                await self._client.revoke(self.id)
            except NotFound:
                self.lose("it has ended")
            self.owed = False

    async def _take_back(self, granting: asyncio.Future[store.LeaseGrantResult]) -> None:
        """Leave no lease behind that nobody knows; where that takes too long it ends by itself."""
        with contextlib.suppress(TimeoutError, PyClusterError):
            async with asyncio.timeout(TAKE_BACK_S):
                await self._client.revoke((await granting).id)

    async def __aenter__(self) -> Self:
        await self.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._ended and not self.owed:
            return
        was_held = self._ended or self.held  # what was given back is not lost
        try:
            await self.end()
        except PyClusterError:
            if error is None and was_held:
                raise
        if error is None and not was_held:
            self.check()

    def lose(self, reason: str) -> None:
        """It is lost, as somebody knows who looks at what it is for."""
        self.reason = self.reason or reason
        self._lost.set()

    async def _keep(self) -> None:
        pause_s = self.ttl_s / RENEWALS
        while not self._lost.is_set():
            await asyncio.sleep(max(min(pause_s, self._until - self._clock()), _LEAST_PAUSE_S))
            sent = self._clock()
            left_s = self._until - sent
            if left_s <= 0:
                self.lose("it could not be renewed in time" if not self.reason else self.reason)
                return
            try:
                self.ttl_s = await self._client.keep_alive(self.id, timeout_s=left_s)
                # It has a time of its own, in which the lease may become somebody else's.
                async with asyncio.timeout(self._until - self._clock()):
                    reason = await self._check()
            except NotFound:
                self.lose("it has ended")
            except (RemoteFault, TimeoutError):
                pause_s = self.ttl_s / RENEWALS / RENEWALS
            except PyClusterError as error:
                self.lose(str(error))
            else:
                self._until, pause_s = sent + self.ttl_s, self.ttl_s / RENEWALS
                if reason:
                    self.lose(reason)
