"""The embedded state as a side of a migration: asked through an agent, as any client asks."""

from __future__ import annotations

from typing import assert_never

from pycluster import store
from pycluster.client import NotFound, TooLarge
from pycluster.client.state import AsyncStateClient
from pycluster.node.ports import StateFailed


class AgentSide:
    """``migration.Side`` over a client. It takes what a migration asks."""

    def __init__(self, client: AsyncStateClient) -> None:
        self._client = client

    async def ask(self, request: store.Request, *, timeout_s: float = 5.0) -> store.Result:
        """Raises what the client raises; ``StateFailed`` where an answer is too large."""
        try:
            return await self._ask(request)
        except TooLarge as error:
            raise StateFailed(store.Failure("request-too-large", str(error))) from None

    async def _ask(self, request: store.Request) -> store.Result:
        client = self._client
        match request:
            case store.Range():
                return await client.range(request)
            case store.Txn(compare, success, failure):
                return await client.txn(compare, success, failure, force=True)
            case store.LeaseGrant(ttl_s, number):
                return await client.grant(ttl_s, number)
            case store.LeaseList():
                return store.LeaseListResult(0, await client.leases())
            case store.LeaseTimeToLive(number):
                try:
                    return await client.time_to_live(number)
                except NotFound:
                    return store.LeaseTimeToLiveResult(0, number, -1)
            case store.Put() | store.DeleteRange() | store.Compact() | store.LeaseRevoke() | store.LeaseKeepAlive():
                raise TypeError(f"a migration asks no {type(request).__name__}")
            case _:
                assert_never(request)
