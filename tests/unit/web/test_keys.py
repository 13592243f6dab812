"""Keys, transactions and leases over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from pycluster import store
from pycluster.web import Access, Bounds
from pycluster.web.app import make_app
from pycluster.web.asgi import Message
from pycluster.web.asking import _REMEDY, _STATUS, _WHAT
from tests.unit.web.fake import Agent, Answer, FakeCluster

KV = "/api/v1/kv"


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with Agent(tmp_path) as running:
        yield running


def put(agent: Agent, key: str, value: str, **more: Any) -> Answer:
    return agent.ask("PUT", KV, {"key": key, "value": value, **more})


def test_a_key_is_written_read_and_deleted(agent: Agent) -> None:
    assert put(agent, "a", "1").json == {"revision": 2, "previous": None}
    read = agent.ask("GET", f"{KV}?key=a")
    view = {
        "key": "a",
        "value": "1",
        "create_revision": 2,
        "mod_revision": 2,
        "version": 1,
        "lease": "",
        "key_encoding": "text",
        "encoding": "text",
    }
    assert read.status == 200
    assert read.json == {"revision": 2, "linearizable": True, "count": 1, "more": False, "kvs": [view]}
    gone = agent.ask("DELETE", f"{KV}?key=a&prev_kv=1")
    assert gone.json == {"revision": 3, "deleted": 1, "previous": [view]}
    assert agent.ask("DELETE", f"{KV}?key=a").json == {"revision": 3, "deleted": 0, "previous": []}


def test_a_key_that_is_not_there_is_404_and_an_empty_list_is_none(agent: Agent) -> None:
    missing = agent.ask("GET", f"{KV}?key=a")
    assert (missing.status, missing.json["error"]["kind"]) == (404, "key-not-found")
    assert agent.ask("GET", f"{KV}?key=a&prefix=1").json["kvs"] == []
    assert agent.ask("GET", f"{KV}?key=a&count_only=1").json["count"] == 0


def test_no_byte_of_a_key_or_a_value_is_lost(agent: Agent) -> None:
    every = bytes(range(256))
    agent.run(agent.state.ask(store.Put(b"\xff\0", every)))
    kv = agent.ask("GET", f"{KV}?key=%ff%00").json["kvs"][0]
    assert (kv["key"], kv["key_encoding"], kv["encoding"]) == ("/wA=", "base64", "base64")
    copied = {name: kv[name] for name in ("value", "encoding", "key", "key_encoding")}
    assert agent.ask("PUT", KV, copied).status == 200
    asked = agent.state.asked[-1].request
    assert asked == store.Put(b"\xff\0", every)
    text = "žluťoučký\0\n\u2028 \U0001f600"
    assert put(agent, text, text).status == 200
    kv = agent.ask("GET", f"{KV}?key={quote(text)}").json["kvs"][0]
    assert (kv["key"], kv["value"], kv["encoding"]) == (text, text, "text")
    assert agent.ask("GET", f"{KV}?key=%2FwA%3D&key_encoding=base64").json["count"] == 1


def test_prefix_interval_limit_sort_and_revision(agent: Agent) -> None:
    for key in ("a/2", "a/1", "b", "a/3"):
        put(agent, key, key)

    def keys(query: str) -> list[str]:
        return [kv["key"] for kv in agent.ask("GET", f"{KV}?{query}").json["kvs"]]

    assert keys("key=a/&prefix=true") == ["a/1", "a/2", "a/3"]
    assert keys("key=&prefix=1") == ["a/1", "a/2", "a/3", "b"]
    assert keys("key=a/2&range_end=b") == ["a/2", "a/3"]
    assert keys("key=a/2&range_end=%00") == ["a/2", "a/3", "b"]
    assert keys("key=a/&prefix=1&sort=create&order=descend") == ["a/3", "a/1", "a/2"]
    assert keys("key=a/&prefix=1&max_create_revision=3") == ["a/1", "a/2"]
    assert keys("key=a/&prefix=1&revision=2") == ["a/2"]
    limited = agent.ask("GET", f"{KV}?key=a/&prefix=1&limit=2&keys_only=1&serializable=1").json
    assert (limited["more"], limited["count"], limited["linearizable"]) == (True, 3, False)
    assert [kv["value"] for kv in limited["kvs"]] == ["", ""]


@pytest.mark.parametrize(
    ("conditions", "met", "unmet"),
    [
        ({"if_absent": True}, None, "1"),
        ({"if_version": 1}, "1", None),
        ({"if_mod_revision": 2}, "1", None),
        ({"if_mod_revision": 0}, None, "1"),
        ({"if_absent": True, "if_version": 0}, None, "1"),
    ],
)
def test_a_write_under_a_condition(
    agent: Agent, conditions: dict[str, object], met: str | None, unmet: str | None
) -> None:
    if met is not None:
        put(agent, "k", met)
    assert put(agent, "k", "2", **conditions).status == 200
    agent.run(agent.state.ask(store.DeleteRange(b"k")))
    if unmet is not None:
        put(agent, "k", unmet)
    before = agent.state.store.revision
    refused = put(agent, "k", "3", **conditions)
    assert (refused.status, refused.json["error"]["kind"]) == (409, "compare-failed")
    assert refused.json["error"]["why"].startswith("the key exists: version 1" if unmet else "the key does not exist")
    assert not refused.json["error"]["retryable"]
    assert agent.state.store.revision == before


def test_a_deletion_under_a_condition(agent: Agent) -> None:
    put(agent, "k", "1")
    assert agent.ask("DELETE", f"{KV}?key=k&if_mod_revision=9").status == 409
    assert agent.ask("DELETE", f"{KV}?key=k&if_version=1").json["deleted"] == 1
    assert agent.ask("DELETE", f"{KV}?key=k&prefix=1&if_version=1").status == 400


def test_a_transaction_takes_one_branch_and_answers_in_order(agent: Agent) -> None:
    put(agent, "other/1", "1")
    put(agent, "k", "1")
    wanted = {
        "compare": [{"key": "k", "target": "value", "value": "MQ==", "encoding": "base64"}],
        "success": [
            {"op": "put", "key": "k", "value": "2", "prev_kv": True},
            {"op": "get", "key": "k"},
            {"op": "txn", "success": [{"op": "delete", "key": "other", "prefix": True}]},
        ],
        "failure": [{"op": "get", "key": "k"}],
    }
    first = agent.ask("POST", f"{KV}/txn", wanted).json
    assert first["succeeded"]
    assert [result["op"] for result in first["results"]] == ["put", "get", "txn"]
    assert first["results"][0]["previous"]["value"] == "1"
    assert first["results"][1]["kvs"][0]["value"] == "2"
    assert first["results"][2]["results"] == [{"op": "delete", "revision": 4, "deleted": 1, "previous": []}]
    second = agent.ask("POST", f"{KV}/txn", wanted).json
    assert (second["succeeded"], second["results"][0]["count"]) == (False, 1)


def test_a_retry_under_the_same_key_is_done_once(agent: Agent) -> None:
    once = {"Idempotency-Key": "one"}
    answers = [agent.ask("PUT", KV, {"key": "k", "value": "1", "if_absent": True}, headers=once) for _ in range(2)]
    assert [answer.json["revision"] for answer in answers] == [2, 2]
    assert agent.state.asked[-1].request_id == b"one"
    for wrong in ("", "x" * 65):
        assert agent.ask("PUT", KV, {"key": "k"}, headers={"Idempotency-Key": wrong}).status == 400


@pytest.mark.parametrize("first", [{"success": [{"op": "get", "key": "k"}]}, {"success": []}], ids=str)
def test_a_key_that_was_given_to_another_write_is_refused_and_nothing_is_told_as_done(
    agent: Agent, first: dict[str, object]
) -> None:
    once = {"Idempotency-Key": "one"}
    assert agent.ask("POST", f"{KV}/txn", first, headers=once).status == 200
    for method, path, body in (
        ("PUT", KV, {"key": "k", "value": "1", "if_absent": True}),
        ("PUT", KV, {"key": "k", "value": "1"}),
        ("DELETE", f"{KV}?key=k&if_version=0", None),
        ("POST", f"{KV}/txn", {"success": [{"op": "put", "key": "k", "value": "1"}]}),
    ):
        answer = agent.ask(method, path, body, headers=once)
        assert (answer.status, answer.json["error"]["why"]) == (400, "its request ID was given to another write before")
    assert agent.ask("GET", f"{KV}?key=k").status == 404


def test_a_retry_whose_answer_was_too_long_to_be_kept_is_told_the_revision(agent: Agent) -> None:
    put(agent, "k", "v" * 5_000)
    once = {"Idempotency-Key": "put"}
    body = {"key": "k", "value": "w" * 5_000, "if_version": 1, "prev_kv": True}
    answers = [agent.ask("PUT", KV, body, headers=once).json for _ in range(2)]
    assert [answer["revision"] for answer in answers] == [3, 3]
    assert [answer["previous"] is None for answer in answers] == [False, True]
    query, once = f"{KV}?key=k&if_version=2&prev_kv=1", {"Idempotency-Key": "delete"}
    deleted = [agent.ask("DELETE", query, headers=once).json for _ in range(2)]
    assert [(answer["revision"], answer["deleted"], len(answer["previous"])) for answer in deleted] == [
        (4, 1, 1),
        (4, 1, 0),
    ]
    long = "k" * 2_000
    put(agent, long, "1")
    body, once = {"key": long, "value": "2", "if_absent": True}, {"Idempotency-Key": "refused"}
    assert [agent.ask("PUT", KV, body, headers=once).status for _ in range(2)] == [409, 409]


def test_leases(agent: Agent) -> None:
    granted = agent.ask("POST", "/api/v1/leases", {"ttl_s": 60}).json
    assert granted["ttl_s"] == 60
    lease = granted["id"]
    assert len(lease) == 16 and int(lease, 16) > 1 << 53  # more than a number in JSON can be relied on to have
    assert put(agent, "k", "1", lease=lease).status == 200
    assert agent.ask("GET", f"{KV}?key=k").json["kvs"][0]["lease"] == lease
    agent.run(agent.state.pass_time(20))
    shown = agent.ask("GET", f"/api/v1/leases/{lease}?keys=1").json
    assert (shown["ttl_s"], shown["granted_ttl_s"]) == (40, 60)
    assert shown["keys"] == [{"key": "k", "key_encoding": "text"}]
    assert agent.ask("POST", f"/api/v1/leases/{lease}/keep-alive", {}).json["ttl_s"] == 60
    assert agent.ask("GET", "/api/v1/leases").json["ids"] == [lease]
    assert agent.ask("DELETE", f"/api/v1/leases/{lease}").json == {"revision": 3}
    for method, path, body in (("GET", "", None), ("POST", "/keep-alive", {}), ("DELETE", "", None)):
        gone = agent.ask(method, f"/api/v1/leases/{lease}{path}", body)
        assert (gone.status, gone.json["error"]["kind"]) == (404, "lease-not-found")
    assert agent.ask("POST", "/api/v1/leases", {"ttl_s": 9, "id": "7fffffffffffffff"}).json["id"] == "7" + "f" * 15
    assert agent.ask("POST", "/api/v1/leases", {"ttl_s": 9, "id": "7fffffffffffffff"}).status == 409


def test_compaction_forgets(agent: Agent) -> None:
    for value in "123":
        put(agent, "k", value)
    assert agent.ask("POST", f"{KV}/compact", {"revision": 3}).json == {"revision": 4}
    gone = agent.ask("GET", f"{KV}?key=k&revision=2")
    assert (gone.status, gone.json["error"]["kind"], gone.json["error"]["resume_revision"]) == (410, "compacted", 3)
    assert agent.ask("GET", f"{KV}?key=k&revision=9").json["error"]["kind"] == "future-revision"


def test_the_head_has_ids_that_no_reader_rounds(agent: Agent) -> None:
    head = agent.ask("GET", "/api/v1/state").json
    assert (head["cluster_id"], head["member_id"], head["revision"]) == ("f" * 16, "0" * 15 + "2", 1)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("GET", "?key=", None),
        ("GET", "?key=a&limit=x", None),
        ("GET", "?key=a&limit=-1", None),
        ("GET", "?key=a&key=b", None),
        ("GET", "?key=a&colour=red", None),
        ("GET", "?key=a&sort=size", None),
        ("GET", "?key=a&prefix=1&range_end=b", None),
        ("GET", "?key=%2&key_encoding=base64", None),
        ("GET", "?key=a&timeout_ms=0", None),
        ("GET", "?key=a&timeout_ms=60001", None),
        ("GET", "?key=a&timeout_ms=%D9%A3", None),
        ("PUT", "", {"value": "1"}),
        ("PUT", "", {"key": "", "value": "1"}),
        ("PUT", "", {"key": "a", "value": 1}),
        ("PUT", "", {"key": "a", "value": "ž", "encoding": "base64"}),
        ("PUT", "", {"key": "a", "value": "1", "lease": "xyz"}),
        ("PUT", "", {"key": "a", "value": "1", "if_version": -1}),
        ("PUT", "", b'{"key": "a", "value": "\xff"}'),
        ("POST", "/txn", {"success": [{"op": "drop", "key": "a"}]}),
        ("POST", "/txn", {"success": [{"op": "put", "key": "a"}, {"op": "put", "key": "a"}]}),
        ("POST", "/compact", {"revision": 0}),
        ("DELETE", "?prefix=1", None),
        ("DELETE", "", None),
        ("POST", "/txn?key=a", {}),
        ("GET", "/watch?key=a&revision=x", None),
        ("GET", "/watch", None),
    ],
)
def test_what_makes_no_sense_is_400_and_changes_nothing(agent: Agent, method: str, path: str, body: object) -> None:
    answer = agent.ask(method, KV + path, body)
    assert (answer.status, bool(answer.json["error"]["what"])) == (400, True)
    assert agent.state.store.revision == 1


@pytest.mark.parametrize("lease", ["0", "xyz", "1" * 17, "-1", "%20"])
def test_a_lease_that_is_none_is_400(agent: Agent, lease: str) -> None:
    assert agent.ask("GET", f"/api/v1/leases/{lease}").status == 400


def test_what_is_too_large_is_413(agent: Agent) -> None:
    long = put(agent, "k" * 8193, "1")
    assert (long.status, long.json["error"]["kind"]) == (413, "key-too-large")
    assert put(agent, "k", "v" * (1 << 20)).status == 200
    assert put(agent, "k", "v" * ((1 << 20) + 1)).status == 413
    assert put(agent, "k", "v" * (3 << 20)).json["error"]["what"] == "the body is too long"


@pytest.mark.parametrize("kind", sorted(_STATUS))
def test_every_failure_says_what_why_and_whether_to_try_again(agent: Agent, kind: store.FailureKind) -> None:
    agent.state.failures = [store.Failure(kind, "the reason", 7, 5)]
    answer = agent.ask("GET", f"{KV}?key=a")
    error = answer.json["error"]
    assert (error["kind"], error["why"], answer.status) == (kind, "the reason", _STATUS[kind])
    assert error["retryable"] is (kind in store.RETRYABLE) is ("retry-after" in answer.headers)
    assert (answer.status >= 500 or answer.status == 429) is (kind in (*store.RETRYABLE, "no-space", "too-many-leases"))


def test_every_kind_of_failure_has_its_words() -> None:
    kinds = set(store.FailureKind.__args__)  # type: ignore[attr-defined]
    assert set(_STATUS) == set(_WHAT) == kinds >= set(_REMEDY)


def test_the_time_that_the_state_is_given(agent: Agent) -> None:
    put(agent, "a", "1")
    agent.ask("GET", f"{KV}?key=a&timeout_ms=250")
    assert [asked.timeout_s for asked in agent.state.asked] == [5.0, 0.25]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", KV, {"key": "a", "value": "1"}),
        ("DELETE", f"{KV}?key=a", None),
        ("POST", f"{KV}/txn", {}),
        ("POST", f"{KV}/compact", {"revision": 1}),
        ("POST", "/api/v1/leases", {"ttl_s": 9}),
        ("POST", "/api/v1/leases/7/keep-alive", {}),
        ("DELETE", "/api/v1/leases/7", None),
    ],
)
def test_who_comes_through_a_proxy_may_read_only(agent: Agent, method: str, path: str, body: object) -> None:
    refused = agent.ask(method, path, body, headers={"Via": "1.1 proxy"})
    assert (refused.status, refused.what) == (403, "kv is not allowed through a proxy")
    assert agent.state.asked == []
    assert agent.ask("GET", f"{KV}?key=a&prefix=1", headers={"Via": "1.1 proxy"}).status == 200
    assert agent.ask(method, path, body, unix=True).status in (200, 404)


def test_a_foreign_page_can_not_delete(agent: Agent) -> None:
    assert agent.ask("DELETE", f"{KV}?key=a", headers={"Origin": "http://evil.example.org"}).status == 403


def test_an_agent_without_the_state_says_so() -> None:
    async def asked(path: str) -> int:
        app, sent = make_app(FakeCluster(), Access(), bounds=Bounds()), []
        scope = {
            "type": "http",
            "method": "GET",
            "path": f"/api/v1{path}",
            "query_string": b"key=a" if "/kv" in path else b"",
            "headers": [(b"host", b"localhost")],
            "scheme": "http",
            "state": {"unix": True},
        }

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await app(scope, receive, send)
        return int(sent[0]["status"])

    for path in ("/state", "/kv", "/leases", "/kv/watch"):
        assert asyncio.run(asked(path)) == 503
