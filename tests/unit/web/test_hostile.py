"""Input that no honest client sends, and clients that are slow on purpose."""

from __future__ import annotations

import gc
import http.client
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pycluster.web import Bounds
from pycluster.web.protocol import BoundedProtocol
from tests.unit.web.fake import STATUS, Agent, read_all

GOOD = b"GET /api/v1/leader HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with Agent(tmp_path_factory.mktemp("hostile")) as running:
        yield running


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\n Host: localhost\r\n\r\n",
    ],
)
def test_malformed_requests_are_refused(agent: Agent, data: bytes) -> None:
    answer = agent.raw(data)
    assert b" 400 " in answer.split(b"\r\n")[0], answer
    assert b'{"error":{"what":' in answer


def test_large_heads_are_refused(agent: Agent) -> None:
    bound = agent.bounds.head_max_bytes
    many = b"".join(b"X-%d: y\r\n" % number for number in range(bound // 8))
    for head in (
        b"GET /" + b"a" * bound + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * bound + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + many + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 64 * bound,
        b"GET /" + b"a" * 4 * bound,
    ):
        assert b" 431 " in agent.raw(head).split(b"\r\n")[0]
    largest = b"GET /api/v1/leader HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: " + b"a" * (bound - 500)
    assert b" 200 " in agent.raw(largest + b"\r\n\r\n", end=False).split(b"\r\n")[0]


def test_a_connection_that_was_refused_is_gone_without_the_collector_of_cycles(agent: Agent) -> None:
    """It comes by too rarely: 60 KB a connection took 50 MiB before it did."""

    def kept() -> int:
        return sum(type(one) is BoundedProtocol and one.transport.is_closing() for one in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before = kept()
        for _ in range(20):
            assert b" 431 " in agent.raw(b"GET /" + b"a" * 60_000)
        # The end of the last one or two may not have come to the server yet.
        assert kept() - before <= 2
    finally:
        gc.enable()


def test_requests_sent_ahead_are_bounded(agent: Agent) -> None:
    few = agent.raw(GOOD * 4 + GOOD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), end=False)
    assert few.count(b"HTTP/1.1 200") == 5
    assert agent.raw(GOOD * 1000, end=False).count(b"HTTP/1.1 200") < 1000
    assert agent.ask("GET", "/api/v1/leader").status == 200


def test_an_upgrade_is_not_taken(agent: Agent) -> None:
    wanted = (
        b"GET /api/v1/leader HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n"
    )
    assert b" 200 " in agent.raw(wanted, end=False).split(b"\r\n")[0]


def test_noise_harms_nobody(agent: Agent) -> None:
    noise = random.Random(7)
    for _ in range(300):
        data = bytearray(GOOD)
        for _ in range(noise.randrange(1, 8)):
            data[noise.randrange(len(data))] = noise.randrange(256)
        with agent.open() as caller:
            caller.sendall(data)
    deadline = time.monotonic() + 60  # a busy machine may still have more of them open than may be
    while not answers(agent):
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HT", b"\r\n", b"POST /api/v1/leave HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n{"]
)
def test_a_request_that_takes_its_time_is_cut_off(tmp_path: Path, sent: bytes) -> None:
    with Agent(tmp_path, Bounds(request_timeout_s=0.1)) as agent:
        with agent.open() as caller:
            caller.sendall(sent)
            read_all(caller)  # returns: the server has ended the connection
        deadline = time.monotonic() + 60
        while not answers(agent):
            assert time.monotonic() < deadline


def answers(agent: Agent) -> bool:
    """A busy machine may need too long even for an honest request."""
    try:
        return agent.ask("GET", "/api/v1/leader").status == 200
    except (OSError, http.client.HTTPException):
        return False


def test_an_idle_connection_is_closed(tmp_path: Path) -> None:
    with Agent(tmp_path, Bounds(idle_timeout_s=0)) as agent, agent.open() as caller:
        caller.sendall(GOOD)
        assert read_all(caller).startswith(b"HTTP/1.1 200")


def test_a_crowd_over_tcp_is_told_and_does_not_keep_the_operator_out(tmp_path: Path) -> None:
    with Agent(tmp_path, Bounds(connections_max=3, request_timeout_s=600)) as agent:
        crowd = [agent.open() for _ in range(3)]
        refused = agent.ask("GET", "/api/v1/leader")
        assert (refused.status, refused.what, refused.headers["retry-after"]) == (503, "too many connections", "10")
        assert agent.ask("GET", "/api/v1/leader", unix=True).status == 200
        idle = [agent.open() for _ in range(4)]
        assert read_all(idle[3]) == b""  # past twice the bound nobody is heard
        for caller in idle:
            caller.close()
        for one in crowd:
            one.close()


def test_connections_that_rest_make_room_for_who_asks_the_longest_first(tmp_path: Path) -> None:
    with Agent(tmp_path, Bounds(connections_max=3, idle_timeout_s=600)) as agent:
        crowd = [agent.connect() for _ in range(3)]
        for one in [*crowd, *crowd[:2]]:
            one.request("GET", "/api/v1/leader")
            assert one.getresponse().read()
        assert agent.ask("GET", "/api/v1/leader").status == 200
        assert crowd[2].sock.recv(1) == b"", "it had rested the longest"
        for one in crowd[:2]:
            one.request("GET", "/api/v1/leader")
            assert one.getresponse().read()
        newcomers = [agent.connect() for _ in range(6)]
        for one in newcomers:
            one.request("GET", "/api/v1/leader")
            assert one.getresponse().status == 200
        for one in [*crowd, *newcomers]:
            one.close()


@pytest.mark.parametrize("uvloop", [False, True])
def test_a_request_that_was_refused_before_it_was_whole_leaves_no_connection_for_ever(
    tmp_path: Path, uvloop: bool
) -> None:
    with Agent(tmp_path, Bounds(idle_timeout_s=1), uvloop=uvloop) as agent, agent.open() as caller:
        head = (
            b"PUT /api/v1/kv?key=k HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n"
        )
        caller.sendall(head)
        told = caller.recv(65_536)  # its head, and its body now or later
        caller.sendall(b"hello")
        told += read_all(caller)
        assert told.startswith(b"HTTP/1.1 4")
        assert told.count(b"HTTP/1.1") == 1, "what came late is no request"


def slow_reader(agent: Agent, path: str) -> socket.socket:
    """Asks, and takes nothing."""
    caller = socket.socket()
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    caller.connect(("127.0.0.1", agent.port))
    caller.sendall(b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % path.encode())
    return caller


def wait_until_swamped(agent: Agent) -> None:
    deadline = time.monotonic() + 30
    while (refused := agent.ask("GET", "/api/v1/status")).status != 503:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert (refused.what, refused.headers["retry-after"]) == ("too much waits for slow readers", "10")


@pytest.mark.parametrize("path", ["/api/v1/status", "/api/v1/events?snapshot=1"])
@pytest.mark.parametrize("uvloop", [False, True])
def test_what_slow_readers_leave_is_bounded_and_keeps_nobody_from_short_answers(
    tmp_path: Path, path: str, uvloop: bool
) -> None:
    long = msgspec.structs.replace(STATUS, boot_id="x" * 12_000_000)  # past what the kernel takes from one sender
    with Agent(tmp_path, Bounds(unsent_max_bytes=4_000_000, reader_timeout_s=600), uvloop=uvloop) as agent:
        agent.cluster.view = long
        slow = [slow_reader(agent, path)]
        wait_until_swamped(agent)
        assert agent.ask("GET", "/api/v1/leader").status == 200
        assert agent.ask("GET", "/api/v1/events?snapshot=1").status == 503
        assert agent.ask("GET", "/api/v1/status", unix=True).status == 200, "the operator has a bound of his own"
        for one in slow:
            one.close()
        deadline = time.monotonic() + 30
        while agent.ask("GET", "/api/v1/status").status != 200:
            assert time.monotonic() < deadline, "room again"


def test_a_stream_has_no_snapshots_while_slow_readers_leave_too_much_and_has_them_again_then(tmp_path: Path) -> None:
    room = Bounds(unsent_max_bytes=4_000_000, reader_timeout_s=600)
    bounds = msgspec.structs.replace(room, snapshot_gap_s=0.02, snapshot_age_s=0.02, keep_alive_s=0.05)
    with Agent(tmp_path, bounds) as agent:
        stream = agent.stream("?snapshot=1")
        stream.until("status")
        agent.cluster.view = msgspec.structs.replace(STATUS, boot_id="x" * 12_000_000)
        slow = slow_reader(agent, "/api/v1/status")
        wait_until_swamped(agent)
        agent.cluster.view = STATUS
        while (sent := stream.next()) is not None and sent.kind != ":":
            assert sent.kind == "status"
        agent.run(agent.cluster.publish())
        stream.until("member-up")
        slow.close()
        stream.until("status")
        stream.close()


def test_who_has_not_taken_one_long_answer_is_given_no_second_one(tmp_path: Path) -> None:
    """It would wait for room as well, where nobody counts it."""
    with Agent(tmp_path, Bounds(unsent_max_bytes=1_000_000_000, reader_timeout_s=600)) as agent:
        agent.cluster.view = msgspec.structs.replace(STATUS, boot_id="x" * 12_000_000)
        caller = slow_reader(agent, "/api/v1/status")
        caller.sendall(b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        deadline = time.monotonic() + 30
        while agent.cluster.reads < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        answered = read_all(caller)
        caller.close()
    assert answered.count(b"HTTP/1.1 200") == 1
    assert answered.count(b"HTTP/1.1 503") == 1
