"""Clients that write through every agent of a cluster, and what they were promised.

A change keeps its ID until somebody answers it, whichever agent that is, so at the end it is known of each whether it
was made: what is in the state must then be that, no less and no more.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Self, TypeVar

import pycluster
from pycluster import store
from pycluster.agent import SOCKET_NAME
from pycluster.client import AgentFailed, AgentUnreachable, CompareFailed, NoQuorum, TimedOut
from pycluster.client.state import AsyncStateClient
from tests.cluster.agents import AgentProcess, wait_for
from tests.cluster.beside import beside

T = TypeVar("T")
#: What another agent may answer, or the same one later.
RETRYABLE = (AgentUnreachable, TimedOut, NoQuorum, AgentFailed)
#: One agent is given so long for one try; then the next one is asked.
TRY_S = 2.0
#: A change that nobody answers for so long is a failure of the cluster.
PATIENCE_S = 60.0
COUNTERS = 2


def client_of(agent: AgentProcess, timeout_s: float = TRY_S) -> AsyncStateClient:
    """Through its Unix socket."""
    return pycluster.connect_async(f"unix:{agent.data_dir / SOCKET_NAME}", timeout_s=timeout_s)


def listed(agent: AgentProcess, prefix: str = "", *, serializable: bool = False) -> store.RangeResult:
    """All keys that begin so, as this agent answers; waits until it does."""
    with pycluster.connect(f"unix:{agent.data_dir / SOCKET_NAME}") as client:

        def look() -> store.RangeResult | None:
            try:
                return client.list(prefix, serializable=serializable)
            except RETRYABLE:
                return None

        return wait_for(f"{agent.name} answers a read", look)


class Everywhere:
    """A client that asks the agents one after the other until one of them answers; within ``async with`` it keeps its
    connections.
    """

    def __init__(self, agents: tuple[AgentProcess, ...], first: int) -> None:
        self._clients = [client_of(agent) for agent in agents]
        self._at = first
        self._entered = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        for client in self._clients:
            await self._entered.enter_async_context(client)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._entered.aclose()

    async def ask(self, call: Callable[[AsyncStateClient], Awaitable[T]]) -> T:
        """The answer; ``call`` is made anew for each try, under the same ID if it is a change."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                return await call(self._clients[self._at % len(self._clients)])
            except RETRYABLE as error:
                if time.monotonic() > until:
                    raise AssertionError(f"nobody answers: {error}") from error
                self._at += 1
                await asyncio.sleep(0.02)


class Load:
    """So many ``writers`` of each kind, each beginning at another agent, and one reader that goes around.

    ``label`` tells this load's lists from those of another one on the same cluster.
    """

    def __init__(self, agents: tuple[AgentProcess, ...], label: str, writers: int = 3, pause_s: float = 0.005) -> None:
        self.agents = agents
        self.label = label
        self._writers = writers
        self._pause_s = pause_s
        self._changes = 0
        #: Every acknowledged change: when (monotonic s) and the revision it made, in the order in which they came.
        self.acknowledged: list[tuple[float, int]] = []
        self.own: dict[str, int] = {}
        self.counted: Counter[str] = Counter()
        self.appended: list[str] = []
        self.read = 0

    @property
    def revision(self) -> int:
        """The highest that was acknowledged or read."""
        return max(self.read, max((revision for _, revision in self.acknowledged), default=0))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Write all the while; at the end every change is answered, which takes a cluster that works again."""
        with beside(f"load {self.label}", lambda over: asyncio.run(self._run(over))):
            yield

    def acknowledges(self, more: int) -> None:
        """Until so many further changes are acknowledged that were asked for after this moment or before it."""
        had = len(self.acknowledged)
        wait_for(f"{more} more writes are acknowledged", lambda: len(self.acknowledged) >= had + more or None)

    def longest_gap(self, since_s: float, until_s: float) -> float:
        """Seconds, the longest between two acknowledgements, or since ``since_s``."""
        moments = [since_s, *(at_s for at_s, _ in self.acknowledged if since_s < at_s <= until_s)]
        return max(later - one for one, later in zip(moments, [*moments[1:], until_s], strict=True))

    async def _run(self, over: threading.Event) -> None:
        kinds = (self._count_up, self._increment, self._append)
        async with asyncio.TaskGroup() as group:
            for number in range(self._writers):
                for kind in kinds:
                    group.create_task(self._write(over, kind, f"{self.label}.{number}", number))
            group.create_task(self._read(over))

    async def _write(
        self, over: threading.Event, kind: Callable[[Everywhere, str], Awaitable[int]], name: str, first: int
    ) -> None:
        last = 0
        async with Everywhere(self.agents, first) as everywhere:
            while not over.is_set():
                revision = await kind(everywhere, name)
                assert revision > last, f"{name} was told revision {revision} after {last}"
                last = revision
                self.acknowledged.append((time.monotonic(), revision))
                await asyncio.sleep(self._pause_s)

    async def _read(self, over: threading.Event) -> None:
        """Whoever asks later sees no less, whichever agent it asks."""
        turn = 0
        while not over.is_set():
            turn += 1
            known = self.revision
            found = await Everywhere(self.agents, turn).ask(lambda client: client.list("counter/"))
            assert found.revision >= known, f"a read saw revision {found.revision} after {known} was acknowledged"
            self.read = found.revision
            await asyncio.sleep(10 * self._pause_s)

    def _id(self) -> str:
        self._changes += 1
        return f"{self.label}-{self._changes}"

    async def _count_up(self, everywhere: Everywhere, name: str) -> int:
        """A key of its own, whose number only rises."""
        key, number, id_ = f"own/{name}", self.own.get(name, 0) + 1, self._id()
        result = await everywhere.ask(lambda client: client.put(key, str(number), request_id=id_))
        self.own[name] = number
        return result.revision

    async def _increment(self, everywhere: Everywhere, name: str) -> int:
        """A counter that is everybody's, by its revision."""
        key = f"counter/{self._changes % COUNTERS}"
        revision = await self._swap(everywhere, key, lambda value: str(int(value or "0") + 1))
        self.counted[key] += 1
        return revision

    async def _append(self, everywhere: Everywhere, name: str) -> int:
        """A list that is everybody's."""
        token = f"{name}:{self._id()}"
        revision = await self._swap(everywhere, f"list/{self.label}", lambda value: f"{value} {token}".strip())
        self.appended.append(token)
        return revision

    async def _swap(self, everywhere: Everywhere, key: str, change: Callable[[str], str]) -> int:
        while True:
            there = await everywhere.ask(lambda client: client.get(key))
            value, revision = (there.value.decode(), there.mod_revision) if there is not None else ("", 0)
            written, id_ = change(value), self._id()

            def swap(
                client: AsyncStateClient, written: str = written, revision: int = revision, id_: str = id_
            ) -> Awaitable[store.PutResult]:
                return client.put(key, written, if_mod_revision=revision, request_id=id_)

            try:
                return (await everywhere.ask(swap)).revision
            except CompareFailed:
                await asyncio.sleep(self._pause_s)


class Promised:
    """What all loads of one cluster were promised together; ``check`` looks it up."""

    def __init__(self) -> None:
        self.revision = 0
        self._own: dict[bytes, bytes] = {}
        self._counted: Counter[str] = Counter()

    def take(self, load: Load) -> None:
        """A load has ended."""
        assert load.revision >= self.revision, f"revision {load.revision} after {self.revision}"
        self.revision = load.revision
        self._own.update({f"own/{name}".encode(): str(number).encode() for name, number in load.own.items()})
        self._counted += load.counted

    def check(self, load: Load, agents: tuple[AgentProcess, ...]) -> None:
        """Everything acknowledged is there, once, at every agent; then each one's own copy is the same."""
        self.take(load)
        shown = [listed(agent) for agent in agents]
        for agent, state in zip(agents, shown, strict=True):
            assert state.revision >= self.revision, f"{agent.name}: {state.revision} < {self.revision}"
            assert state.kvs == shown[0].kvs, f"{agent.name} shows another state than {agents[0].name}"
        found = {kv.key: kv.value for kv in shown[0].kvs}
        assert {key: found.get(key) for key in self._own} == self._own
        counted = {key: int(found.get(key.encode(), b"0")) for key in self._counted}
        assert counted == dict(self._counted), f"{counted} in the state, {dict(self._counted)} acknowledged"
        there = found.get(f"list/{load.label}".encode(), b"").decode().split()
        assert Counter(there) == Counter(load.appended), "a list is not what was appended"
        self.revision = max(state.revision for state in shown)
        for agent in agents:
            wait_for(
                f"the copy of {agent.name} is the same",
                lambda agent=agent: listed(agent, serializable=True).kvs == shown[0].kvs or None,  # type: ignore[misc]
            )
