"""Watchers at every agent, one key each or everything, while others write and the leader is killed."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.agents import AgentProcess, fleet, wait_for
from tests.cluster.beside import beside
from tests.cluster.three import HOSTS, agents_on, formed, seated
from tests.cluster.writers import PATIENCE_S, Everywhere, client_of

PREFIX = "watched/"
_END = b"end"
_WRITERS = 12
#: What a watcher hears, or should: the revision, the key, the value.
Told = tuple[int, bytes, bytes]


class Audience:
    """``single`` watchers of a key each, ``whole`` ones of all these keys; ``per_s`` writes go to the keys in turn."""

    def __init__(self, agents: tuple[AgentProcess, ...], single: int, whole: int, per_s: int) -> None:
        self.agents = agents
        self._keys = [f"{PREFIX}{number:04d}" for number in range(single)]
        self._whole = whole
        self._per_s = per_s
        self._next = itertools.count()
        self._heard: dict[str, list[Told]] = {}
        #: Every acknowledged write by its revision.
        self._written: dict[int, Told] = {}
        self.delays_s: list[float] = []
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch and write all the while; at the end every watcher has heard the last change of what it watches."""
        with beside("audience", lambda over: asyncio.run(self._run(over))):
            yield

    @property
    def writes(self) -> int:
        """Acknowledged so far."""
        return len(self._written)

    def writes_more(self, more: int) -> None:
        """Until so many more writes are acknowledged."""
        had = self.writes
        wait_for(f"{more} more writes are acknowledged", lambda: self.writes >= had + more or None)

    def check(self) -> None:
        """Each watcher heard each change of what it watches once, in order."""
        everything = [self._written[revision] for revision in sorted(self._written)]
        by_key: defaultdict[str, list[Told]] = defaultdict(list)
        for told in everything:
            by_key[told[1].decode()].append(told)
        for name, heard in self._heard.items():
            due = everything if name.startswith("all") else by_key[name.partition(" ")[0]]
            assert heard == due, f"{name}: {difference(heard, due)}"

    async def _run(self, over: threading.Event) -> None:
        first = await Everywhere(self.agents, 0).ask(lambda client: client.put("before", "", request_id="before"))
        begin = first.revision + 1
        async with asyncio.timeout(5 * PATIENCE_S), asyncio.TaskGroup() as group:
            for number, key in enumerate(self._keys):
                group.create_task(self._watch(key, self._agent(number), begin, {key.encode()}))
            for number in range(self._whole):
                group.create_task(self._watch(f"all {number}", self._agent(number), begin, self._all()))
            begun = time.monotonic()
            async with asyncio.TaskGroup() as writers:
                for number in range(_WRITERS):
                    writers.create_task(self._write(number, over))
            self.seconds = time.monotonic() - begun
            everywhere = Everywhere(self.agents, 0)
            for key in self._keys:
                await self._put(everywhere, key, _END)

    def _agent(self, number: int) -> AgentProcess:
        return self.agents[number % len(self.agents)]

    def _all(self) -> set[bytes]:
        return {key.encode() for key in self._keys}

    async def _watch(self, name: str, agent: AgentProcess, begin: int, open_keys: set[bytes]) -> None:
        heard = self._heard[f"{name} at {agent.name}"] = []
        whole = name.startswith("all")
        changes = client_of(agent).watch(PREFIX if whole else name, prefix=whole, revision=begin, patience_s=PATIENCE_S)
        async with contextlib.aclosing(changes):
            async for event in changes:
                kv = event.kv
                heard.append((kv.mod_revision, kv.key, kv.value))
                if kv.value == _END:
                    open_keys.discard(kv.key)
                    if not open_keys:
                        return
                else:
                    self.delays_s.append((time.monotonic_ns() - int(kv.value.partition(b" ")[2])) / 1e9)

    async def _write(self, number: int, over: threading.Event) -> None:
        everywhere, interval_s = Everywhere(self.agents, number), _WRITERS / self._per_s
        due = time.monotonic() + interval_s * number / _WRITERS
        while not over.is_set():
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due = max(due + interval_s, time.monotonic() - 1.0)
            turn = next(self._next)
            await self._put(everywhere, self._keys[turn % len(self._keys)], f"{turn} {time.monotonic_ns()}".encode())

    async def _put(self, everywhere: Everywhere, key: str, value: bytes) -> None:
        id_ = f"{key} {value.decode()}"
        result = await everywhere.ask(lambda client: client.put(key, value, request_id=id_))
        self._written[result.revision] = result.revision, key.encode(), value


def difference(heard: list[Told], due: list[Told]) -> str:
    """Where what was heard leaves what it should have been."""
    place = next((at for at, (one, other) in enumerate(zip(heard, due, strict=False)) if one != other), None)
    place = min(len(heard), len(due)) if place is None else place
    return f"{len(heard)} events of {len(due)}; after {place}: {heard[place : place + 2]}, not {due[place : place + 2]}"


@contextmanager
def four(folder: Path) -> Iterator[tuple[AgentProcess, ...]]:
    """Three voters and a member without a vote."""
    voters = agents_on(folder, HOSTS)
    flags = tuple("127.0.0.4" if flag == "127.0.0.1" else flag for flag in voters[0].flags[4:])
    fourth = AgentProcess("node004", folder, *flags)
    with fleet(*voters, fourth):
        formed(voters)
        seated(voters)
        fourth.wait_says("Following new leader: node001")
        yield (*voters, fourth)


def play(folder: Path, single: int, whole: int, per_s: int, writes: int) -> Audience:
    """Watch, write, kill the leader, start it again; so many ``writes`` before, between and after."""
    with four(folder) as agents:
        audience = Audience(agents, single, whole, per_s)
        with audience.running():
            audience.writes_more(writes)
            agents[0].kill()
            audience.writes_more(writes)
            agents[0].start()
            audience.writes_more(writes)
        audience.check()
        return audience
