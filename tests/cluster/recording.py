"""Clients of one agent each that write down what they asked and were told, for the checkers of the simulator."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import msgspec

from pycluster import store
from pycluster.client.state import AsyncStateClient
from pycluster.kernel.errors import PyClusterError
from pycluster.simulator.checkers import Operation
from tests.cluster.agents import AgentProcess
from tests.cluster.beside import beside
from tests.cluster.writers import RETRYABLE, client_of

KEYS = tuple(f"k{number}".encode() for number in range(6))
EVERYTHING = store.Range(b"k", b"l")


class Refused(msgspec.Struct, frozen=True):
    """What a client was not given: when it asked (µs), of which agent, and what it was told."""

    invoked_us: int
    agent: str
    changing: bool
    error: PyClusterError


class Recording:
    """``each`` clients of every agent, all writing into one history."""

    def __init__(self, agents: tuple[AgentProcess, ...], each: int = 2, pause_s: float = 0.05, seed: int = 1) -> None:
        self._agents = agents
        self._each = each
        self._pause_s = pause_s
        self._rng = Random(seed)
        self._number = 0
        self.history: list[Operation] = []
        self.refused: list[Refused] = []
        self.answered: dict[str, int] = {agent.name: 0 for agent in agents}

    @contextmanager
    def running(self) -> Iterator[None]:
        """Ask all the while."""
        with beside("recording", lambda over: asyncio.run(self._run(over))):
            yield

    def refusals_of(self, agent: AgentProcess, since_us: int) -> list[Refused]:
        """The changes that this agent was asked for since then and refused."""
        return [one for one in self.refused if one.agent == agent.name and one.changing and one.invoked_us >= since_us]

    async def _run(self, over: threading.Event) -> None:
        async with asyncio.TaskGroup() as group:
            for agent in self._agents:
                for number in range(self._each):
                    group.create_task(self._client(over, agent, f"{agent.name}.{number}"))

    async def _client(self, over: threading.Event, agent: AgentProcess, name: str) -> None:
        client, lives, seen = client_of(agent), 0, store.RangeResult(0)
        while not over.is_set():
            request = self._drawn(seen)
            invoked_us = now_us()
            try:
                result = await self._asked(client, request)
            except RETRYABLE as error:
                changing = not isinstance(request, store.Range)
                self.refused.append(Refused(invoked_us, agent.name, changing, error))
                self.history.append(Operation(f"{name}.{lives}", invoked_us, None, request, None))
                # Whoever does not know what became of its request is somebody else from now on.
                lives += 1
            else:
                self.history.append(Operation(f"{name}.{lives}", invoked_us, now_us(), request, result))
                self.answered[agent.name] += 1
                if isinstance(result, store.RangeResult):
                    seen = result
            await asyncio.sleep(self._pause_s)

    def _drawn(self, seen: store.RangeResult) -> store.Range | store.Put | store.Txn:
        """No value is written twice."""
        self._number += 1
        key, value, dice = self._rng.choice(KEYS), f"v{self._number}".encode(), self._rng.random()
        if dice < 0.4:
            return EVERYTHING
        if dice < 0.7:
            return store.Put(key, value)
        revision = next((kv.mod_revision for kv in seen.kvs if kv.key == key), 0)
        condition = store.Compare(key, "mod", "equal", revision)
        return store.Txn((condition,), (store.Put(key, value),), (store.Range(key),))

    async def _asked(
        self, client: AsyncStateClient, request: store.Range | store.Put | store.Txn
    ) -> store.RangeResult | store.PutResult | store.TxnResult:
        match request:
            case store.Range():
                return await client.range(request)
            case store.Put(key, value):
                return await client.put(key, value)
            case store.Txn(compare, success, failure):
                return await client.txn(compare, success, failure)


def now_us() -> int:
    """The clock that every client shares, in microseconds."""
    return time.monotonic_ns() // 1_000
