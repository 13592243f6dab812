"""Watchers at every agent, one key each or everything, while others write and the leader is killed."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import select
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec

import pycluster
from pycluster.agent import SOCKET_NAME
from pycluster.client.stream import EventParser
from pycluster.node.keyviews import ChangeView
from tests.cluster.agents import AgentProcess, fleet, free_port, wait_for
from tests.cluster.beside import beside
from tests.cluster.three import HOSTS, agents_on, formed, seated
from tests.cluster.writers import Everywhere, client_of

PREFIX = "watched/"
_END = b"end"
#: A thousand watchers keep a small machine busy.
_LIMIT_S = 600.0
#: A reader that takes nothing is cut off once enough waits for it.
_CUT_S = 240.0
#: Changes a second that one writer is good for, and no fewer writers than these.
_WRITER_PER_S = 15
_WRITERS_MIN = 12
#: A value's, so that a reader who stops has soon more waiting for it than the agent keeps.
_PADDING = "x" * 400
#: What a watcher hears, or should: the revision, the key, the value.
Told = tuple[int, bytes, bytes]


class Audience:
    """``single`` watchers of a key each, ``whole`` ones of all these keys; ``per_s`` writes go to the keys in turn."""

    def __init__(
        self, agents: tuple[AgentProcess, ...], webs: tuple[str, ...], single: int, whole: int, per_s: int
    ) -> None:
        self.agents = agents
        self._webs = webs
        self._keys = [f"{PREFIX}{number:04d}" for number in range(single)]
        self._whole = whole
        self._per_s = per_s
        self._writers = max(_WRITERS_MIN, per_s // _WRITER_PER_S)
        self._next = itertools.count()
        self._over = False
        self._heard: dict[str, list[Told]] = {}
        #: Every acknowledged write by its revision.
        self._written: dict[int, Told] = {}
        self.delays_s: list[float] = []
        #: Writes that came at the pace that was asked for, and how long it went on.
        self.paced, self.seconds = 0, 0.0
        #: Of the writes between the first and the leader's death: seconds until each watcher heard of each.
        self.calm_s: list[float] = []
        #: How many events the reader that stopped reading had got when it was cut off.
        self.cut_after: int | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch and write all the while; at the end every watcher has heard the last change of what it watches."""

        def run(over: threading.Event) -> None:
            try:
                asyncio.run(self._run(over))
            finally:
                self._over = True

        # All that is heard is kept. Looking through it for cycles would hold up everybody who listens here.
        gc.disable()
        try:
            with beside("audience", run):
                yield
        finally:
            gc.enable()

    @property
    def writes(self) -> int:
        """Acknowledged so far."""
        return len(self._written)

    def writes_more(self, more: int) -> None:
        """Until so many more writes are acknowledged."""
        wanted = self.writes + more

        def look() -> bool | None:
            assert not self._over, "the audience has gone"
            return self.writes >= wanted or None

        wait_for(f"{more} more writes are acknowledged", look, _LIMIT_S)

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
        async with asyncio.timeout(5 * _LIMIT_S), asyncio.TaskGroup() as group:
            for number, key in enumerate(self._keys):
                group.create_task(self._watch(key, number, begin, {key.encode()}))
            for number in range(self._whole):
                group.create_task(self._watch(f"all {number}", number, begin, self._all()))
            group.create_task(self._stop_reading(2 * len(self.agents) - 1, begin))
            begun = time.monotonic()
            async with asyncio.TaskGroup() as writers:
                for number in range(self._writers):
                    writers.create_task(self._write(number, over))
            self.paced, self.seconds = self.writes, time.monotonic() - begun
            everywhere = Everywhere(self.agents, 0)
            for key in self._keys:
                await self._put(everywhere, key, _END, f"end {key}")

    def _all(self) -> set[bytes]:
        return {key.encode() for key in self._keys}

    async def _watch(
        self, name: str, number: int, begin: int, open_keys: set[bytes], before: list[Told] | None = None
    ) -> None:
        turn, at = divmod(number, len(self.agents))
        # Half of them over TCP: either way in takes so many watches, and no more.
        client = client_of(self.agents[at]) if turn % 2 else pycluster.connect_async(self._webs[at])
        heard = self._heard[f"{name} at {self.agents[at].name}"] = [] if before is None else before
        whole = name.startswith("all")
        changes = client.watch(PREFIX if whole else name, prefix=whole, revision=begin, patience_s=_LIMIT_S)
        async with contextlib.aclosing(changes):
            async for event in changes:
                kv = event.kv
                heard.append((kv.mod_revision, kv.key, kv.value))
                if kv.value == _END:
                    open_keys.discard(kv.key)
                    if not open_keys:
                        return
                else:
                    self.delays_s.append((time.monotonic_ns() - int(kv.value.split()[1])) / 1e9)

    async def _stop_reading(self, number: int, begin: int) -> None:
        """Watch everything, read nothing until the agent has enough of that, then go on after what came."""
        heard, last = await asyncio.to_thread(stalled, self.agents[-1], begin)
        self.cut_after = len(heard)
        await self._watch("all that stopped", number, last + 1, self._all(), heard)

    async def _write(self, number: int, over: threading.Event) -> None:
        interval_s = self._writers / self._per_s
        due = time.monotonic() + interval_s * number / self._writers
        async with Everywhere(self.agents, number) as everywhere:
            while not over.is_set():
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                due = max(due + interval_s, time.monotonic() - 1.0)
                turn = next(self._next)
                value = f"{turn} {time.monotonic_ns()} {_PADDING}".encode()
                await self._put(everywhere, self._keys[turn % len(self._keys)], value, f"{turn}")

    async def _put(self, everywhere: Everywhere, key: str, value: bytes, id_: str) -> None:
        result = await everywhere.ask(lambda client: client.put(key, value, request_id=id_))
        self._written[result.revision] = result.revision, key.encode(), value


def stalled(agent: AgentProcess, begin: int) -> tuple[list[Told], int]:
    """What came of a watch of everything from ``begin`` on until the agent ended it, and its last whole revision."""
    head = f"GET /api/v1/kv/watch?key={PREFIX}&prefix=1&revision={begin} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.socket(socket.AF_UNIX) as reader:
        reader.connect(str(agent.data_dir / SOCKET_NAME))
        reader.sendall(head.encode())
        ended = select.poll()
        ended.register(reader, select.POLLRDHUP)
        assert ended.poll(_CUT_S * 1_000), "a reader that takes nothing is kept"
        content = b"".join(iter(partial(received, reader), b""))
    heard: list[Told] = []
    whole, last = 0, begin - 1
    parser = EventParser()
    for line in content.decode().split("\n"):
        sent = parser.feed(line.rstrip("\r"))
        if sent is not None and sent.kind == "put":
            kv = msgspec.json.decode(sent.data, type=ChangeView).model(deleted=False).kv
            heard.append((kv.mod_revision, kv.key, kv.value))
        if sent is not None and sent.id:
            whole, last = len(heard), int(sent.id)
    return heard[:whole], last


def received(reader: socket.socket) -> bytes:
    """The next piece; nothing at the end, however it ends."""
    try:
        return reader.recv(65_536)
    except ConnectionResetError:
        return b""


def difference(heard: list[Told], due: list[Told]) -> str:
    """Where what was heard leaves what it should have been."""
    place = next((at for at, (one, other) in enumerate(zip(heard, due, strict=False)) if one != other), None)
    place = min(len(heard), len(due)) if place is None else place
    return f"{len(heard)} events of {len(due)}; after {place}: {heard[place : place + 2]}, not {due[place : place + 2]}"


FOUR = {**HOSTS, "node004": "127.0.0.4"}


@contextmanager
def four(folder: Path) -> Iterator[tuple[tuple[AgentProcess, ...], tuple[str, ...]]]:
    """Three voters and a member without a vote, and where each serves HTTP."""
    webs = tuple(f"{host}:{free_port(host)}" for host in FOUR.values())
    listed = agents_on(folder, HOSTS)
    flags = [
        tuple(host if flag == HOSTS["node001"] else flag for flag in listed[0].flags[4:]) for host in FOUR.values()
    ]
    agents = tuple(
        AgentProcess(name, folder, *its, "-web", web) for name, its, web in zip(FOUR, flags, webs, strict=True)
    )
    with fleet(*agents):
        formed(agents[:3])
        seated(agents[:3])
        agents[3].wait_says("Following new leader: node001")
        yield agents, webs


def play(folder: Path, single: int, whole: int, per_s: int, writes: int) -> Audience:
    """Watch, write, kill the leader, start it again.

    At least so many ``writes`` at first, while it is measured, and at last; a fifth of them while the leader is gone.
    """
    with four(folder) as (agents, webs):
        audience = Audience(agents, webs, single, whole, per_s)
        with audience.running():
            audience.writes_more(writes)
            audience.delays_s.clear()
            audience.writes_more(writes)
            audience.calm_s = [*audience.delays_s]
            agents[0].kill()
            audience.writes_more(writes // 5)
            agents[0].start()
            audience.writes_more(writes)
            wait_for("the reader that stopped is cut off", lambda: audience.cut_after, _CUT_S)
        audience.check()
        return audience
