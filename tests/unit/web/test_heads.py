"""Requests whose head came before on their connection: answered without the framework, and no differently."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from random import Random

import msgspec
import pytest

from pycluster import store
from pycluster.web.asgi import Reply
from pycluster.web.gateway import shapes
from pycluster.web.gateway.protojson import Malformed, parse
from pycluster.web.heads import HEADS_MAX, Heads
from tests.differential.local import LocalState
from tests.unit.web.fake import Agent, read_all


class Counting(LocalState):
    """Knows how often it was asked by a task of its own, and how often at all."""

    def __init__(self) -> None:
        super().__init__()
        self.tasks = self.asked = 0

    async def ask(self, request: store.Request, *, timeout_s: float = 5.0, request_id: bytes = b"") -> store.Result:
        self.tasks += 1
        return await super().ask(request, timeout_s=timeout_s, request_id=request_id)

    def submit(
        self,
        request: store.Request,
        told: Callable[[store.Result], None],
        *,
        timeout_s: float = 5.0,
        request_id: bytes = b"",
    ) -> None:
        self.asked += 1
        super().submit(request, told, timeout_s=timeout_s, request_id=request_id)


class Waiting(Counting):
    """The second request is answered when it is let ``go``."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = threading.Event()
        self.kept: list[Callable[[], None]] = []

    def submit(
        self,
        request: store.Request,
        told: Callable[[store.Result], None],
        *,
        timeout_s: float = 5.0,
        request_id: bytes = b"",
    ) -> None:
        self.asked += 1
        if self.asked == 2:
            self.kept.append(lambda: LocalState.submit(self, request, told))
            self.waits.set()
        else:
            LocalState.submit(self, request, told)

    def go(self) -> None:
        for one in self.kept:
            one()
        self.kept.clear()


def request(body: bytes, path: str = "/v3/kv/range", *more: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *more, "", ""]
    return "\r\n".join(lines).encode() + body


def answer(connection: socket.socket) -> bytes:
    """The next whole answer, but for its date."""
    content = b""
    while b"\r\n\r\n" not in content:
        piece = connection.recv(1)
        assert piece, content
        content = (content + piece).replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    found = re.search(rb"content-length: ([0-9]+)", content)
    assert found is not None
    length = int(found[1])
    while length:
        piece = connection.recv(length)
        assert piece, content
        content, length = content + piece, length - len(piece)
    return re.sub(rb"date: [^\r]+", b"date: some", content)


READ = b'{"key":"YQ=="}'


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v3/kv/range", READ),
        ("/v3/kv/range", b'{"key":"YQ==","revision":"99"}'),
        ("/v3/kv/range", b'{"key":"YQ=="'),
        ("/v3/kv/range", b'{"key":17}'),
        ("/v3/kv/put", b'{"value":"YQ=="}'),
        ("/v3/kv/put", b'{"key":"YQ==","lease":"5"}'),
        ("/v3/lease/leases", b"{}"),
        ("/v3beta/kv/range", READ),
    ],
)
def test_an_answer_is_the_same_byte_for_byte(tmp_path: Path, path: str, body: bytes) -> None:
    state = Counting()
    with Agent(tmp_path, uvloop=True, state=lambda: state) as agent, agent.open() as connection:
        told = []
        for _ in range(3):
            connection.sendall(request(body, path))
            told.append(answer(connection))
        assert told[0] == told[1] == told[2]
        assert state.tasks <= 1, "the first alone had a task"


def test_only_the_first_has_a_task_of_its_own(tmp_path: Path) -> None:
    state = Counting()
    with Agent(tmp_path, state=lambda: state) as agent, agent.open() as connection:
        for number in range(1, 6):
            connection.sendall(request(b'{"key":"YQ==","value":"eA=="}', "/v3/kv/put"))
            assert f'"revision":"{number + 1}"'.encode() in answer(connection)
        assert (state.tasks, state.asked) == (1, 5)
        connection.sendall(request(b'{"key":"YQ==","value":"eHk="}', "/v3/kv/put", "X-Other: 1"))
        answer(connection)
        assert state.tasks == 2, "another head is another question"


@pytest.mark.parametrize(
    "whole",
    [
        request(READ, "/v3/kv/range", "Expect: 100-continue"),
        b"POST /v3/kv/range HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\ne\r\n"
        + READ
        + b"\r\n0\r\n\r\n",
        request(READ, "/v3/kv/range", "X-Long: " + "x" * 2_000),
    ],
    ids=["expect", "chunked", "long"],
)
def test_what_is_framed_otherwise_goes_the_whole_way(tmp_path: Path, whole: bytes) -> None:
    state = Counting()
    with Agent(tmp_path, state=lambda: state) as agent, agent.open() as connection:
        for _ in range(2):
            connection.sendall(whole)
            assert answer(connection).startswith(b"HTTP/1.1 200")
        assert (state.tasks, state.asked) == (2, 2)


def test_a_head_that_was_refused_is_refused_again(tmp_path: Path) -> None:
    state = Counting()
    with Agent(tmp_path, state=lambda: state) as agent, agent.open() as connection:
        for more in ("Sec-Fetch-Site: cross-site", "Origin: http://evil.example", "X-Forwarded-For: 192.0.2.1"):
            for _ in range(2):
                connection.sendall(request(b'{"key":"YQ==","value":"eA=="}', "/v3/kv/put", more))
                assert answer(connection).startswith(b"HTTP/1.1 4")
        assert state.asked == 0


def test_what_is_sent_ahead_is_answered_in_order(tmp_path: Path) -> None:
    state = Waiting()
    with Agent(tmp_path, uvloop=True, state=lambda: state) as agent, agent.open() as connection:
        connection.sendall(request(READ))
        answer(connection)
        connection.sendall(request(READ))
        assert state.waits.wait(30)
        connection.sendall(request(b"{", "/v3/kv/range") + request(READ))
        agent.loop.call_soon_threadsafe(state.go)
        assert answer(connection).startswith(b"HTTP/1.1 200")
        assert answer(connection).startswith(b"HTTP/1.1 400")
        assert answer(connection).startswith(b"HTTP/1.1 200")


def test_a_server_that_stops_answers_first(tmp_path: Path) -> None:
    state = Waiting()
    with Agent(tmp_path, uvloop=True, state=lambda: state) as agent:
        connection = agent.open()
        connection.sendall(request(READ))
        answer(connection)
        connection.sendall(request(READ))
        assert state.waits.wait(30)
        # By then it has been told to stop, which it does not before this is answered.
        agent.loop.call_soon_threadsafe(agent.loop.call_later, 0.2, state.go)
    with connection:
        assert read_all(connection).startswith(b"HTTP/1.1 200")


def test_a_failure_of_ours_is_a_500_that_says_so(tmp_path: Path) -> None:
    class Failing(Counting):
        def submit(self, *given: object, **more: object) -> None:
            if self.asked:
                raise RuntimeError("a defect")
            super().submit(*given, **more)  # type: ignore[arg-type]

    with Agent(tmp_path, state=Failing) as agent, agent.open() as connection:
        connection.sendall(request(READ))
        answer(connection)
        connection.sendall(request(READ))
        told = answer(connection)
        assert told.startswith(b"HTTP/1.1 500") and b"the agent failed to answer" in told


def test_only_so_many_heads_are_known() -> None:
    def direct(body: bytes, reply: Reply) -> None:
        raise AssertionError("nobody asks")

    heads = Heads()
    for number in range(HEADS_MAX + 1):
        whole = request(READ, f"/v3/{number}")
        assert heads.find(whole) is None
        heads.passing(whole, len(READ))
        heads.learn(direct)
        assert heads.find(whole) == (direct, READ)
    assert heads.find(request(READ, "/v3/0")) is None
    assert heads.find(whole + b" ") is None and heads.find(whole[:-1]) is None
    heads.other()
    heads.learn(direct)
    heads.forget()
    assert heads.find(whole) is None


PARTS = (
    '"key"',
    '"value"',
    '"range_end"',
    '"serializable"',
    '"prev_kv"',
    ":",
    ",",
    "{",
    "}",
    "null",
    "true",
    "1",
    '""',
)
BASE64 = (
    '"YQ=="',
    '"YR=="',
    '"YWI="',
    '"YWJj"',
    '"YQ="',
    '"Y Q=="',
    '"YQ==\\n"',
    '"Y\\u0051=="',
    '"-_=="',
    '"YQ==YQ=="',
    '"="',
)


def test_a_plain_body_is_read_as_any_other() -> None:
    def told_by(read: Callable[[bytes], object], body: bytes) -> object:
        try:
            return read(body)
        except Malformed as error:
            return str(error)

    rng = Random(1)
    plain = 0
    for _ in range(20_000):
        fields = [f'"{rng.choice(("key", "value", "range_end", "serializable", "keys", "key"))}":']
        text = "{" + ",".join(
            rng.choice(fields) + rng.choice((*BASE64, "null", "true", "7")) for _ in range(rng.randrange(4))
        )
        text += rng.choice(("}", "}", "}", "} ", "", "}x"))
        if rng.random() < 0.1:
            text = "".join(rng.choice((*PARTS, *BASE64)) for _ in range(rng.randrange(8)))
        body = text.encode()
        told = told_by(shapes.read_put, body)
        assert told == told_by(lambda body: shapes.PUT(parse(body)), body), text
        assert told_by(shapes.read_range, body) == told_by(lambda body: shapes.RANGE(parse(body)), body), text
        plain += isinstance(told, store.Put)
    assert plain > 1_000
    for made in (store.Put(b"\0k", b"v" * 300), store.Put(b"k")):
        body = msgspec.json.encode({"key": made.key, "value": made.value})
        assert shapes.read_put(body) == made
