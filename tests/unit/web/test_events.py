"""The event stream over real connections."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from pycluster.node.view import ClusterEvent, StatusView
from pycluster.runtime.journal import EventJournal
from pycluster.web import Bounds
from tests.unit.web.fake import STATUS, Agent, Stream, read_all


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def numbers(stream: Stream, count: int) -> list[str | None]:
    return [stream.until("member-up").id for _ in range(count)]


def test_new_events_under_their_kind_and_number(tmp_path: Path) -> None:
    with Agent(tmp_path, Bounds(keep_alive_s=0.05)) as agent:
        agent.run(agent.cluster.publish(3))
        stream = agent.stream()
        assert stream.answer.getheader("content-type") == "text/event-stream; charset=utf-8"
        assert stream.answer.getheader("cache-control") == "no-store, no-transform"
        stream.until(":")  # the subscription stands
        agent.run(agent.cluster.publish(2, text="line\nbreak"))
        sent = stream.until("member-up")
        assert sent.id == "4"
        event = msgspec.json.decode(sent.data, type=ClusterEvent)
        assert (event.id, event.text) == (4, "line\nbreak")
        assert numbers(stream, 1) == ["5"]
        stream.close()


def test_resume_by_header_and_by_query_and_the_header_wins(tmp_path: Path) -> None:
    with Agent(tmp_path) as agent:
        agent.run(agent.cluster.publish(5))
        by_header = agent.stream("?after=1", headers={"Last-Event-ID": "3"})
        assert numbers(by_header, 2) == ["4", "5"]
        by_query = agent.stream("?after=0")
        assert numbers(by_query, 5) == ["1", "2", "3", "4", "5"]
        agent.run(agent.cluster.publish())
        assert numbers(by_header, 1) == numbers(by_query, 1) == ["6"]
        by_header.close()
        by_query.close()


@pytest.mark.parametrize("after", ["x", "-1", "1.5", "٣", "9" * 19])
def test_a_place_that_is_no_number_is_400(tmp_path: Path, after: str) -> None:
    with Agent(tmp_path) as agent:
        answer = agent.ask("GET", "/api/v1/events", headers={"Last-Event-ID": after.encode().decode("latin-1")})
        assert (answer.status, answer.what) == (400, "an event's number is a whole number")
        assert agent.ask("GET", "/api/v1/events?snapshot=yes").status == 400


@pytest.mark.parametrize("after", [3, 99], ids=["no longer kept", "from another life"])
def test_a_place_that_is_not_kept_is_told_to_start_afresh(tmp_path: Path, after: int) -> None:
    with Agent(tmp_path) as agent:
        agent.cluster.journal = EventJournal(2)
        agent.run(agent.cluster.publish(10))
        stream = agent.stream(f"?after={after}")
        reset = stream.until("reset")
        assert reset.id == ""  # a browser forgets its place
        assert msgspec.json.decode(reset.data)["why"] == "the events after the reader's place are no longer kept"
        assert stream.next() is None


def test_a_snapshot_first_then_one_after_each_change(tmp_path: Path) -> None:
    with Agent(tmp_path, Bounds(snapshot_gap_s=0.05, snapshot_age_s=600)) as agent:
        agent.run(agent.cluster.publish(2))
        stream = agent.stream("?snapshot=1&after=0")
        first = stream.next()
        assert first is not None
        assert (first.kind, first.id) == ("status", None)
        assert msgspec.json.decode(first.data, type=StatusView) == STATUS
        assert numbers(stream, 2) == ["1", "2"]
        agent.cluster.view = msgspec.structs.replace(STATUS, name="changed")
        agent.run(agent.cluster.publish())
        while msgspec.json.decode(stream.until("status").data)["name"] != "changed":
            pass
        stream.close()


def test_many_changes_make_few_snapshots(tmp_path: Path) -> None:
    with Agent(tmp_path, Bounds(snapshot_gap_s=600, snapshot_age_s=600, keep_alive_s=600)) as agent:
        stream = agent.stream("?snapshot=1")
        stream.until("status")
        for _ in range(20):
            agent.run(agent.cluster.publish(5))
        kinds: list[str] = []
        while len(kinds) < 100:
            sent = stream.next()
            assert sent is not None
            kinds.append(sent.kind)
        assert kinds == ["member-up"] * 100
        assert agent.cluster.reads == 1
        stream.close()


def test_a_snapshot_comes_when_nothing_happens_too(tmp_path: Path) -> None:
    with Agent(tmp_path, Bounds(snapshot_age_s=0.05)) as agent:
        stream = agent.stream("?snapshot=1")
        assert [stream.until("status").kind for _ in range(3)] == ["status"] * 3
        stream.close()


def test_readers_share_one_reading(tmp_path: Path) -> None:
    with Agent(tmp_path, Bounds(snapshot_age_s=600)) as agent:
        streams = [agent.stream("?snapshot=1") for _ in range(10)]
        for stream in streams:
            stream.until("status")
        assert agent.cluster.reads < 10
        for stream in streams:
            stream.close()


def test_a_silent_stream_is_kept_alive(tmp_path: Path) -> None:
    with Agent(tmp_path, Bounds(keep_alive_s=0.02)) as agent:
        stream = agent.stream()
        assert [stream.until(":").data for _ in range(3)] == ["keep-alive"] * 3
        assert agent.cluster.readers == 1
        stream.close()
        wait_for(lambda: agent.cluster.readers == 0)


@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
def test_one_stream_too_many_is_503_and_a_place_is_free_again_after(tmp_path: Path, unix: bool) -> None:
    with Agent(tmp_path, Bounds(streams_max=2, keep_alive_s=0.02)) as agent:
        streams = [agent.stream(unix=unix) for _ in range(2)]
        refused = agent.ask("GET", "/api/v1/events", unix=unix)
        assert (refused.status, refused.what) == (503, "too many event streams")
        assert refused.headers["retry-after"] == "10"
        agent.stream(unix=not unix).close()  # the other kind has its own places
        streams[0].close()
        wait_for(lambda: agent.ask("HEAD", "/api/v1/status").status == 200 and _admitted(agent, unix))
        streams[1].close()


def _admitted(agent: Agent, unix: bool) -> bool:
    connection = agent.connect(unix=unix)
    connection.request("GET", "/api/v1/events")
    status = connection.getresponse().status
    connection.close()
    return status == 200


def test_a_reader_that_takes_nothing_is_cut_off(tmp_path: Path) -> None:
    bounds = Bounds(reader_timeout_s=0.2, stream_ahead=2)
    with Agent(tmp_path, bounds) as agent, socket.socket() as reader:
        agent.cluster.journal = EventJournal(20_000)
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(("127.0.0.1", agent.port))
        reader.sendall(b"GET /api/v1/events?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        reader.settimeout(30)
        assert reader.recv(1) == b"H"
        agent.run(agent.cluster.publish(10_000, text="x" * 1_000))
        metric = b"pycluster_event_streams 0.0"
        wait_for(lambda: metric in agent.ask("GET", "/metrics").body)
        assert agent.cluster.readers == 0
        assert len(read_all(reader)) < 10_000 * 1_000


def test_the_agents_end_ends_the_streams(tmp_path: Path) -> None:
    with Agent(tmp_path, Bounds(keep_alive_s=0.02, shutdown_s=30)) as agent:
        stream = agent.stream("?snapshot=1")
        stream.until("status")
        agent.run(agent.cluster.publish())
        stream.until("member-up")
    while stream.next() is not None:
        pass
    stream.close()


def test_head_of_the_stream_ends_at_once(tmp_path: Path) -> None:
    with Agent(tmp_path) as agent:
        answer = agent.ask("HEAD", "/api/v1/events")
        assert (answer.status, answer.body) == (200, b"")
