"""Watches as server-sent events: resumable, bounded, ended when the reader is too slow."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pycluster import store
from pycluster.web import Bounds
from tests.unit.web.fake import Agent, Sent, Stream


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with Agent(tmp_path, Bounds(keep_alive_s=0.05)) as running:
        yield running


def put(agent: Agent, key: bytes, value: bytes = b"1") -> None:
    agent.run(agent.state.ask(store.Put(key, value)))


def watch(agent: Agent, query: str, *, unix: bool = False, after: int | None = None) -> Stream:
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    return agent.stream(query, path="/kv/watch", unix=unix, headers=headers)


def take(stream: Stream) -> Sent:
    """The next event that is no comment and no progress."""
    while (sent := stream.next()) is not None:
        if sent.kind not in (":", "progress", ""):
            return sent
    raise AssertionError("the stream ended")


def data(sent: Sent) -> Any:
    return msgspec.json.decode(sent.data)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_changes_come_with_their_revisions_after_the_place_from_which_it_watches(agent: Agent) -> None:
    stream = watch(agent, "?key=a/&prefix=1&prev_kv=1")
    assert stream.answer.getheader("content-type") == "text/event-stream; charset=utf-8"
    first = stream.until("progress")
    assert (first.id, data(first)) == ("1", {"revision": 1})
    put(agent, b"b")
    put(agent, b"a/1", b"\xff")
    agent.run(agent.state.ask(store.DeleteRange(b"a/1")))
    written, deleted = take(stream), take(stream)
    assert (written.kind, written.id, data(written)["kv"]["mod_revision"]) == ("put", "3", 3)
    assert (data(written)["kv"]["value"], data(written)["kv"]["encoding"]) == ("/w==", "base64")
    assert data(written)["previous"] is None
    assert (deleted.kind, deleted.id, data(deleted)["previous"]["version"]) == ("delete", "4", 1)
    assert data(deleted)["kv"]["key"] == "a/1"
    stream.close()


def test_it_resumes_after_the_header_or_at_the_revision_given(agent: Agent) -> None:
    for value in (b"1", b"2", b"3"):
        put(agent, b"k", value)
    assert take(watch(agent, "?key=k&revision=3")).id == "3"
    resumed = watch(agent, "?key=k&revision=2", after=3)
    assert data(take(resumed))["kv"]["value"] == "3"


def test_only_the_last_change_of_a_revision_has_its_number(agent: Agent) -> None:
    """Who resumes after a number that was cut off in the middle of a revision must get all of that revision."""
    stream = watch(agent, "?key=&prefix=1")
    agent.run(agent.state.ask(store.Txn((), (store.Put(b"a"), store.Put(b"b"), store.Put(b"c")))))
    assert [take(stream).id for _ in range(3)] == [None, None, "2"]
    late = watch(agent, "?key=&prefix=1&revision=1")
    assert [take(late).id for _ in range(3)] == [None, None, "2"]


def test_puts_or_deletions_only(agent: Agent) -> None:
    puts, deletions = watch(agent, "?key=k&no_delete=1"), watch(agent, "?key=k&no_put=1")
    for stream in (puts, deletions):
        stream.until("progress")
    put(agent, b"k")
    agent.run(agent.state.ask(store.DeleteRange(b"k")))
    put(agent, b"k")
    assert [take(puts).id for _ in range(2)] == ["2", "4"]
    assert take(deletions).id == "3"


def test_what_is_compacted_is_410_at_the_beginning_and_told_later(agent: Agent) -> None:
    for value in (b"1", b"2", b"3"):
        put(agent, b"k", value)
    stream = watch(agent, "?key=k")
    stream.until("progress")
    agent.run(agent.state.ask(store.Compact(4)))
    refused = agent.ask("GET", "/api/v1/kv/watch?key=k&revision=2")
    assert (refused.status, refused.json["error"]["resume_revision"]) == (410, 4)
    assert refused.json["error"]["kind"] == "compacted"
    agent.loop.call_soon_threadsafe(agent.state.fail_watches, store.Failure("compacted", "", 4, 4))
    end = take(stream)
    assert (end.kind, end.id, data(end)["resume_revision"]) == ("compacted", "3", 4)
    assert stream.next() is None


def test_another_failure_says_whether_to_try_again(agent: Agent) -> None:
    stream = watch(agent, "?key=k")
    stream.until("progress")
    agent.loop.call_soon_threadsafe(agent.state.fail_watches, store.Failure("no-leader"))
    end = take(stream)
    assert (end.kind, data(end)["retryable"]) == ("failed", True)
    assert stream.next() is None


def test_a_reader_that_is_too_slow_is_told_where_to_resume_and_misses_nothing(agent: Agent) -> None:
    agent.state.ahead = 3
    stream = watch(agent, "?key=k")
    stream.until("progress")
    written = 0
    while any(not feed.resume for feed in tuple(agent.state.feeds.values())):  # until the reader has lagged
        put(agent, b"k", b"v" * 500_000)
        written += 1
        assert written < 1_000
    values: list[int] = []
    while (sent := take(stream)).kind == "put":
        values.append(data(sent)["kv"]["mod_revision"])
    assert (sent.kind, sent.id) == ("lagged", str(values[-1]))
    assert data(sent)["resume_revision"] == values[-1] + 1
    assert values == list(range(2, 2 + len(values)))
    assert stream.next() is None
    resumed = watch(agent, "?key=k", after=values[-1])
    assert data(take(resumed))["kv"]["mod_revision"] == values[-1] + 1


def test_a_reader_that_takes_nothing_is_cut_off_and_unsubscribed(tmp_path: Path) -> None:
    with Agent(tmp_path, Bounds(reader_timeout_s=0.2)) as agent, socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(("127.0.0.1", agent.port))
        reader.sendall(b"GET /api/v1/kv/watch?key=k HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_for(lambda: len(agent.state.feeds) == 1)
        for _ in range(20):
            put(agent, b"k", b"v" * 500_000)
        wait_for(lambda: not agent.state.feeds)


def test_a_reader_that_leaves_is_unsubscribed_and_a_silent_watch_is_kept_alive(agent: Agent) -> None:
    stream = watch(agent, "?key=k", unix=True)
    assert [stream.until(":").data for _ in range(2)] == ["keep-alive"] * 2
    assert len(agent.state.feeds) == 1
    stream.close()
    wait_for(lambda: not agent.state.feeds)


def test_one_watch_too_many_is_503_and_event_streams_have_places_of_their_own(tmp_path: Path) -> None:
    with Agent(tmp_path, Bounds(watches_max=2, streams_max=1, keep_alive_s=0.02)) as agent:
        streams = [watch(agent, "?key=k") for _ in range(2)]
        refused = agent.ask("GET", "/api/v1/kv/watch?key=k")
        assert (refused.status, refused.what) == (503, "too many watches of keys")
        assert refused.headers["retry-after"] == "10"
        agent.stream().close()
        watch(agent, "?key=k", unix=True).close()
        streams[0].close()
        wait_for(lambda: len(agent.state.feeds) < 2)
        watch(agent, "?key=k").close()


def test_head_subscribes_to_nothing(agent: Agent) -> None:
    assert agent.ask("HEAD", "/api/v1/kv/watch?key=k").status == 200
    assert not agent.state.feeds


def test_it_ends_when_the_agent_stops(tmp_path: Path) -> None:
    with Agent(tmp_path) as agent:
        stream = watch(agent, "?key=k")
        stream.until("progress")
    assert stream.next() is None


def test_a_watch_of_keys_only_leaves_the_values_out(agent: Agent) -> None:
    stream = watch(agent, "?key=a&keys_only=1&prev_kv=1")
    put(agent, b"a", b"x" * 100)
    put(agent, b"a", b"y" * 100)
    first, second = data(take(stream)), data(take(stream))
    assert (first["kv"]["key"], first["kv"]["value"], first["kv"]["version"]) == ("a", "", 1)
    assert (second["kv"]["value"], second["previous"]["value"], second["previous"]["mod_revision"]) == ("", "", 2)
    stream.close()
