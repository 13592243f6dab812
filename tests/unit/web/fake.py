"""A cluster that is only data, and a real server around it in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import msgspec

from pycluster.kernel.errors import LocalMisuse
from pycluster.node.ports import Outcome, StateStore
from pycluster.node.view import (
    ClusterEvent,
    ControllerView,
    CopyView,
    Counts,
    DiskView,
    Evidence,
    Explanation,
    LeaderView,
    LocalHealthView,
    MemberView,
    QuorumView,
    RaftStatusView,
    SnapshotView,
    StatusView,
    VoterView,
)
from pycluster.runtime.journal import EventJournal
from pycluster.web import Access, Bounds, LazyServer, site
from tests.unit.web.entries import FakeFiles, above
from tests.unit.web.fakestate import FakeState

T = TypeVar("T")

MEMBERS = (
    MemberView(
        name="node001",
        uuid="a" * 32,
        host="node001.example.org",
        address="192.0.2.1:7946",
        state="alive",
        role="leader",
        voter=True,
        local=True,
        last_seen_ms=0,
    ),
    MemberView(
        name="node002",
        uuid="b" * 32,
        host="node002",
        address="[2001:db8::2]:7946",
        state="suspect",
        role="follower",
        voter=True,
        local=False,
        tags={"rack": "r1"},
        last_seen_ms=1_500,
        rtt_ms=0.25,
        evidence=(Evidence(1, "probe-failed", "node001", "no ack in 500 ms"),),
    ),
    MemberView(
        name="node003",
        uuid="",
        host="node003.example.org",
        address="node003.example.org:7946",
        state="unknown",
        role="unknown",
        voter=False,
        local=False,
    ),
)

STATUS = StatusView(
    cluster="test",
    name="node001",
    uuid="a" * 32,
    address="192.0.2.1:7946",
    version="0.1.0",
    now_us=61_000_000,
    started_us=1_000_000,
    boot_id="boot",
    leader=LeaderView("node001", "a" * 32, 3, 2_000_000, acting=True, lease_ms=400, source="votes"),
    quorum=QuorumView(
        phase="bootstrapped",
        cluster_uuid="c" * 32,
        voters=(VoterView("node001", "a" * 32, True), VoterView("node002", "b" * 32, True, last_contact_ms=12)),
        needed=2,
        reachable=2,
        local_is_voter=True,
        commit_index=9,
        last_index=10,
    ),
    counts=Counts(alive=1, suspect=1, down=0, left=0, unknown=1),
    health=LocalHealthView("passing", 0),
    members=MEMBERS,
    acting_intervals=(),
    leader_history=(),
    counters={"datagrams_sent": 7, "frames-rejected": 1},
    controllers=(ControllerView("config-history", "leader", "backing-off", plans=3, failures=1, problem="it failed"),),
)

SNAPSHOT = SnapshotView(5, 4, 2_048, None, {"node003": 131_072})
COPY = CopyView(9, 7, 3, 300, 1_000_000, 2, 1, 100, 1, 200, 0, 1_000, SNAPSHOT)


class FakeCluster:
    """Views that a test sets, commands that it reads back, events that it publishes."""

    def __init__(self) -> None:
        self.view = STATUS
        self.commands: list[tuple[str, object]] = []
        self.outcome = Outcome(True)
        self.copy: CopyView | None = COPY
        self.disk: DiskView | None = DiskView(90, 64, 0.8, 0.9, 4.5)
        self.reads = 0
        self.readers = 0
        self.journal = EventJournal(100)
        self._told = 0

    def status(self) -> StatusView:
        self.reads += 1
        return self.view

    def members(self) -> tuple[MemberView, ...]:
        return self.view.members

    def member(self, name: str) -> MemberView | None:
        return next((member for member in self.view.members if member.name == name), None)

    def leader(self) -> LeaderView:
        return self.view.leader

    def raft(self) -> RaftStatusView:
        return RaftStatusView(self.view.name, "leader", self.view.leader, self.view.quorum, self.copy, self.disk)

    def explain(self, question: str, name: str = "") -> Explanation:
        if question == "node" and self.member(name) is None:
            raise LocalMisuse(f"no node named {name!r} is known here")
        return Explanation(f"Why {question} {name}?", "because", ("one", "two"))

    def settings(self) -> dict[str, object]:
        return {"cluster.name": {"value": "test", "source": "cluster.conf:2"}}

    async def events(self, after: int | None) -> AsyncIterator[ClusterEvent]:
        self.readers += 1
        try:
            async with contextlib.aclosing(self.journal.follow(after)) as events:
                async for event in events:
                    yield event
        finally:
            self.readers -= 1

    def append(self, kind: str, text: str, at_us: int, node: str, term: int = 0, wall_ms: int = 0) -> None:
        """One event more."""
        self._told += 1
        self.journal.append(ClusterEvent(self._told, kind, text, at_us, node, term, wall_ms=wall_ms))

    async def publish(self, count: int = 1, *, text: str = "it happened") -> None:
        """That many events more, in one breath; the oldest go where the journal keeps no more."""
        for _ in range(count):
            self.append("member-up", text, self._told + 1, "node002")

    async def _do(self, command: str, argument: object) -> Outcome:
        self.commands.append((command, argument))
        return self.outcome

    async def join(self, hosts: tuple[str, ...]) -> Outcome:
        return await self._do("join", hosts)

    async def leave(self) -> Outcome:
        return await self._do("leave", None)

    async def force_leave(self, name: str) -> Outcome:
        return await self._do("force-leave", name)

    async def transfer(self, to: str) -> Outcome:
        return await self._do("raft-transfer", to)

    async def add_voter(self, name: str, dry_run: bool = False) -> Outcome:
        return await self._do("raft-add", (name, dry_run))

    async def remove_voter(self, name: str, dry_run: bool = False) -> Outcome:
        return await self._do("raft-remove", (name, dry_run))

    async def replace_voter(self, old: str, name: str, dry_run: bool = False) -> Outcome:
        return await self._do("raft-replace", (old, name, dry_run))

    async def set_tags(self, tags: dict[str, str]) -> Outcome:
        return await self._do("tags", tags)


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(self._path)


class Answer(msgspec.Struct):
    """One answer, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def what(self) -> str:
        """The refusal's first line, having checked the refusal's shape."""
        assert set(self.json) == {"error"}
        assert set(self.json["error"]) == {"what", "why", "remedy"}
        return str(self.json["error"]["what"])


class Agent:
    """The server in a thread, on a Unix socket and a free loopback port; a context manager."""

    def __init__(
        self,
        directory: Path,
        bounds: Bounds | None = None,
        *,
        uvloop: bool = False,
        state: Callable[[], StateStore] | None = None,
    ) -> None:
        self._state = state
        self.path = str(directory / "agent.sock")
        self.bounds = bounds or Bounds(idle_timeout_s=600)
        self.port = 0
        self._uvloop = uvloop
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        factory: Callable[[], asyncio.AbstractEventLoop] | None = None
        if self._uvloop:
            import uvloop

            factory = uvloop.new_event_loop
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self.loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.cluster = FakeCluster()
        state = self._state() if self._state else FakeState()
        self.state, self.files = cast(FakeState, state), FakeFiles()
        served = {"protocol": (1, 2), "bounds": self.bounds, "copies": self.state, **above(state, self.files)}
        factory = site(self.cluster, Access.of("node001", "Web.Example.org"), state=state, **served)
        self.server = LazyServer(factory, self.path, ("127.0.0.1", 0), bounds=self.bounds)
        self.server.open()
        self.port = self.server.addresses[0].port
        self.server.start()
        self._ready.set()
        await self._stop.wait()
        await self.server.stop()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def connect(self, *, unix: bool = False) -> http.client.HTTPConnection:
        return UnixConnection(self.path) if unix else http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        unix: bool = False,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One request on a connection of its own; a ``body`` that is not bytes goes as JSON."""
        given = dict(headers or {})
        content = body if isinstance(body, bytes) or body is None else msgspec.json.encode(body)
        if content is not None:
            given.setdefault("Content-Type", "application/json")
        connection = self.connect(unix=unix)
        try:
            connection.request(method, path, body=content, headers=given)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def open(self) -> socket.socket:
        """A bare TCP connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def raw(self, data: bytes, *, end: bool = True) -> bytes:
        """Send bytes, then the ``end`` of sending where the server would wait for more; read until it closes."""
        with self.open() as connection:
            connection.sendall(data)
            if end:
                connection.shutdown(socket.SHUT_WR)
            return read_all(connection)

    def stream(
        self, query: str = "", *, unix: bool = False, headers: dict[str, str] | None = None, path: str = "/events"
    ) -> Stream:
        return Stream(self.connect(unix=unix), path + query, headers or {})


def read_all(connection: socket.socket) -> bytes:
    """Everything until the other side closes, or cuts the connection."""
    content = b""
    try:
        while chunk := connection.recv(65536):
            content += chunk
    except ConnectionResetError:
        pass
    return content


class Sent(msgspec.Struct):
    """One server-sent event, or a comment (``kind`` is ``:``)."""

    kind: str = ""
    id: str | None = None
    data: str = ""


class Stream:
    """A reader of the event stream."""

    def __init__(self, connection: http.client.HTTPConnection, target: str, headers: dict[str, str]) -> None:
        self._connection = connection
        connection.request("GET", f"/api/v1{target}", headers=headers)
        self.answer = connection.getresponse()
        assert self.answer.status == 200, self.answer.read()

    def next(self) -> Sent | None:
        """The next event or comment; None at the end."""
        sent, seen = Sent(), False
        while line := self.answer.readline().decode():
            if line == "\n":
                if seen:
                    return sent
                continue
            field, _, value = line.rstrip("\n").partition(":")
            value = value.removeprefix(" ")
            match field:
                case "":
                    sent.kind, sent.data, seen = ":", value, True
                case "event":
                    sent.kind, seen = value, True
                case "id":
                    sent.id = value
                case "data":
                    sent.data, seen = value, True
        return None

    def until(self, kind: str) -> Sent:
        """The next event of that kind."""
        while (sent := self.next()) is not None:
            if sent.kind == kind:
                return sent
        raise AssertionError(f"the stream ended before {kind}")

    def close(self) -> None:
        self.answer.close()
        self._connection.close()
