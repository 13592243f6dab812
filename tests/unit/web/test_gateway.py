"""etcd's JSON API over the state: its paths, its words, its refusals, and who may write."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pycluster import store
from pycluster.node.ports import HowFar, StateFailed, StateHead
from pycluster.web import Access, Bounds
from pycluster.web.app import App, make_app
from pycluster.web.gateway.refusals import Refusal
from tests.differential.local import LocalState
from tests.unit.web.caller import ELSEWHERE, Call, Reply, call
from tests.unit.web.fake import Agent, FakeCluster

_HEADER = '"header":{"cluster_id":"12648430","member_id":"48879","revision":"%d","raft_term":"2"}'


def base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def app(state: Any = None, bounds: Bounds | None = None) -> App:
    return make_app(FakeCluster(), Access(), state=state or LocalState(), bounds=bounds)


def asked(path: str, body: object = b"{}", **options: Any) -> Reply:
    """One request to an empty state."""
    return asyncio.run(call(app(), path, body, **options))


class Failing:
    """A state that refuses everything in one way."""

    def __init__(self, kind: store.FailureKind, detail: str = "") -> None:
        self._failure = store.Failure(kind, detail)

    def head(self) -> StateHead:
        return LocalState().head()

    async def ask(self, request: store.Request, *, timeout_s: float = 5.0, request_id: bytes = b"") -> store.Result:
        raise StateFailed(self._failure)

    async def watch(self, watch: store.Watch, how_far: HowFar | None = None) -> AsyncGenerator[store.WatchBatch, None]:
        raise StateFailed(self._failure)
        yield  # a generator, as the port asks for


def test_what_is_put_is_read_with_etcds_bytes() -> None:
    async def play() -> None:
        one = app()
        put = await call(one, "/v3/kv/put", {"key": base64("a"), "value": base64("b")})
        assert (put.status, put.headers["content-type"]) == (200, "application/json")
        assert put.body.decode() == "{" + _HEADER % 2 + "}"
        read = await call(one, "/v3/kv/range", {"key": base64("a")})
        kv = '{"key":"YQ==","create_revision":"2","mod_revision":"2","version":"1","value":"Yg=="}'
        assert read.body.decode() == "{" + _HEADER % 2 + ',"kvs":[' + kv + '],"count":"1"}'

    asyncio.run(play())


def test_a_transaction_answers_in_the_order_of_its_operations() -> None:
    body = {
        "compare": [{"key": "YQ==", "target": "CREATE", "createRevision": "0"}],
        "success": [
            {"request_put": {"key": "YQ==", "value": "Yg=="}},
            {"requestRange": {"key": "YQ==", "keysOnly": True}},
            {"request_txn": {"success": [{"request_delete_range": {"key": "eA==", "prev_kv": True}}]}},
        ],
    }
    kv = '{"key":"YQ==","create_revision":"2","mod_revision":"2","version":"1"}'
    inner = '{"response_delete_range":{"header":{"revision":"2"}}}'
    assert asked("/v3/kv/txn", body).body.decode() == (
        "{"
        + _HEADER % 2
        + ',"succeeded":true,"responses":[{"response_put":{"header":{"revision":"2"}}},'
        + '{"response_range":{"header":{"revision":"2"},"kvs":['
        + kv
        + '],"count":"1"}},{"response_txn":{"header":{},"succeeded":true,"responses":['
        + inner
        + "]}}]}"
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"key":"YQ"}', "illegal base64 data at input byte 0"),
        (b'{"key":1}', "json: cannot unmarshal number into Go value of type []uint8"),
        (b'{"key":"YQ==","limit":1.0}', "json: cannot unmarshal number 1.0 into Go value of type int64"),
        (
            b'{"key":"YQ==","limit":' + b"9" * 5_000 + b"}",
            f"json: cannot unmarshal number {'9' * 5_000} into Go value of type int64",
        ),
        (b'{"key":"YQ==","limit":"x"}', "invalid character 'x' looking for beginning of value"),
        (b'{"key":"YQ==","sort_order":"up"}', 'unknown value "up" for enum etcdserverpb.RangeRequest_SortOrder'),
        (b'{"key":"YQ==","sort_order":3}', "3 is no value of enum etcdserverpb.RangeRequest_SortOrder"),
        (b'{"key":"YQ=="', "unexpected EOF"),
        (b"[]", "json: cannot unmarshal array into Go value of type map[string]json.RawMessage"),
        (b"{}", "etcdserver: key is not provided"),
        (b"", "etcdserver: key is not provided"),
        (b"[" * 100_000, "the body is nested too deeply"),
    ],
)
def test_a_body_that_does_not_fit(body: bytes, message: str) -> None:
    reply = asked("/v3/kv/range", body)
    assert (reply.status, reply.json) == (400, {"error": message, "message": message, "code": 3})


def nested(depth: int) -> bytes:
    return b'{"success":[{"request_txn":' * depth + b"{}" + b"}]}" * depth


def test_a_negative_revision_is_the_newest_but_within_a_transaction_it_lies_before_the_first() -> None:
    async def play() -> None:
        one = app()
        await call(one, "/v3/kv/put", {"key": "YQ=="})

        async def read(revision: int) -> tuple[str, int]:
            wanted = {"key": "YQ==", "revision": revision}
            alone = await call(one, "/v3/kv/range", wanted)
            within = await call(one, "/v3/kv/txn", {"success": [{"request_range": wanted}]})
            return alone.json["count"], within.json.get("code", within.status)

        assert [await read(revision) for revision in (-1, -2)] == [("1", 200), ("1", 11)]
        await call(one, "/v3/kv/compaction", {"revision": 0})
        assert [await read(revision) for revision in (-1, 0)] == [("1", 11), ("1", 200)]

    asyncio.run(play())


def test_transactions_nest_up_to_a_bound() -> None:
    assert asked("/v3/kv/txn", nested(15)).status == 200
    for depth in (16, 100):
        message = asked("/v3/kv/txn", nested(depth)).json["message"]
        assert message == "etcdserver: too many transactions within transactions"
    assert asked("/v3/kv/txn", nested(10_000)).json["message"] == "the body is nested too deeply"


@pytest.mark.parametrize(
    ("kind", "status", "code", "message"),
    [
        ("compacted", 400, 11, "etcdserver: mvcc: required revision has been compacted"),
        ("lease-not-found", 404, 5, "etcdserver: requested lease not found"),
        ("lease-exists", 412, 9, "etcdserver: lease already exists"),
        ("no-space", 429, 8, "etcdserver: mvcc: database space exceeded"),
        ("overloaded", 429, 8, "etcdserver: too many requests"),
        ("no-leader", 503, 14, "etcdserver: no leader"),
        ("timed-out", 503, 14, "etcdserver: request timed out"),
        ("outcome-unknown", 503, 14, "etcdserver: request timed out"),
        ("bad-request", 400, 3, "etcdserver: invalid request: because"),
    ],
)
def test_each_failure_has_etcds_status_code_and_words(
    kind: store.FailureKind, status: int, code: int, message: str
) -> None:
    reply = asyncio.run(call(app(Failing(kind, "because")), "/v3/kv/put", {"key": "YQ=="}))
    assert (reply.status, reply.json) == (status, {"error": message, "message": message, "code": code})


def test_a_refusal_is_quoted_as_go_quotes() -> None:
    assert b"a \\u003cb\\u003e \\u0026 c" in Refusal(3, "a <b> & c").body()


def test_paths_methods_and_the_older_prefix() -> None:
    assert asked("/v3beta/kv/range", {"key": "YQ=="}).status == 200
    missing = asked("/v3/kv/nothing")
    assert (missing.status, missing.body, missing.headers["content-type"]) == (
        404,
        b"Not Found\n",
        "text/plain; charset=utf-8",
    )
    wrong = asked("/v3/kv/range", b"", method="GET")
    assert (wrong.status, wrong.body) == (405, b"Method Not Allowed\n")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("kv/put", {"key": "YQ=="}),
        ("kv/deleterange", {"key": "YQ=="}),
        ("kv/txn", {}),
        ("kv/compaction", {"revision": 1}),
        ("lease/grant", {"TTL": 60}),
        ("lease/revoke", {"ID": 1}),
        ("kv/lease/revoke", {"ID": 1}),
        ("lease/keepalive", {"ID": 1}),
    ],
)
def test_writes_only_from_this_machine(path: str, body: object) -> None:
    reply = asked(f"/v3/{path}", body, client=ELSEWHERE)
    assert (reply.status, reply.json["code"]) == (403, 7)
    assert reply.json["message"].startswith("etcdserver: permission denied: kv is not allowed from 192.0.2.9")
    proxied = asked(f"/v3/{path}", body, headers={"x-forwarded-for": "192.0.2.9"})
    assert (proxied.status, proxied.json["code"]) == (403, 7)


@pytest.mark.parametrize(
    "path",
    [
        "kv/range",
        "lease/timetolive",
        "lease/leases",
        "kv/lease/leases",
        "maintenance/status",
        "cluster/member/list",
    ],
)
def test_reads_from_anywhere(path: str) -> None:
    assert asked(f"/v3/{path}", {"key": "YQ=="}, client=ELSEWHERE).status == 200


@pytest.mark.parametrize("content_type", ["", "application/x-www-form-urlencoded", "text/plain"])
def test_a_program_needs_no_content_type_and_a_browser_does(content_type: str) -> None:
    body = {"key": "YQ=="}
    assert asked("/v3/kv/put", body, headers={"content-type": content_type, "user-agent": "curl/8"}).status == 200
    for sign, value in (
        ("origin", "http://localhost"),
        ("referer", "http://localhost/"),
        ("sec-fetch-site", "none"),
        ("sec-fetch-mode", "navigate"),
        ("cookie", "a=b"),
        ("accept-language", "en"),
        ("user-agent", "Mozilla/5.0"),
    ):
        assert asked("/v3/kv/put", body, headers={"content-type": content_type, sign: value}).status == 415, sign
    assert asked("/api/v1/leave", {}, headers={"content-type": content_type}).status == 415


def test_a_page_of_another_site_cannot_write() -> None:
    reply = asked("/v3/kv/put", {"key": "YQ=="}, headers={"origin": "http://evil.example"})
    assert (reply.status, reply.json["error"]["what"]) == (403, "a page of another site asked for a change")


def test_bodies_have_a_bound_each_and_together() -> None:
    async def play() -> None:
        one = app(bounds=Bounds(gateway_body_max_bytes=1_000, bodies_max_bytes=1_500))
        value = {"key": "YQ==", "value": "x" * 2_000}
        assert (await call(one, "/v3/kv/put", value)).json == {
            "error": "grpc: received message larger than max (2025 vs. 1000)",
            "message": "grpc: received message larger than max (2025 vs. 1000)",
            "code": 8,
        }
        declared = await call(one, "/v3/kv/put", b"", headers={"content-length": "1001"})
        assert (declared.status, declared.json["code"]) == (429, 8)
        async with Call(one, "/v3/kv/put") as first, Call(one, "/v3/kv/put") as second:
            first.say(b'{"key":"YQ=="' + b" " * 900, more=True)
            await asyncio.sleep(0)
            second.say(b" " * 900, more=True)
            assert (await second.reply()).json["message"] == "etcdserver: too many requests"
            first.say(b"}")
            assert (await first.reply()).status == 200
        async with Call(one, "/v3/kv/put") as third:
            third.say(b" " * 900, more=True)
            third.say(b'{"key":"YQ=="}')
            assert (await third.reply()).status == 200

    asyncio.run(play())


def test_a_client_that_goes_gets_no_answer() -> None:
    async def play() -> None:
        async with Call(app(), "/v3/kv/put") as one:
            one.say(b'{"key":"YQ=="', more=True)
        assert one.status == 0

    asyncio.run(play())


def test_members_status_and_authentication() -> None:
    members = asked("/v3/cluster/member/list").json
    assert "revision" not in members["header"]
    assert members["members"][0] == {
        "ID": str(int("a" * 16, 16)),
        "name": "node001",
        "peerURLs": ["http://192.0.2.1:7946"],
    }
    status = asked("/v3/maintenance/status").json
    assert status["version"] == "3.4.23"
    assert (status["leader"], status["raftTerm"]) == ("48879", "2")
    refused = asked("/v3/auth/authenticate", {"name": "a", "password": "b"})
    assert (refused.status, refused.json["message"]) == (412, "etcdserver: authentication is not enabled")


def test_the_probes() -> None:
    version = asked("/version", b"", method="GET")
    assert version.body == b'{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}'
    assert asked("/health", b"", method="GET").body == b'{"health":"true"}'
    assert asked("/health").status == 405
    page = asked("/health", b"", method="GET", headers={"accept": "text/html,*/*"})
    assert page.headers["content-type"].startswith("text/html")


def test_an_agent_without_a_state_says_so() -> None:
    async def play() -> None:
        one = make_app(FakeCluster(), Access())
        for path in ("kv/range", "watch", "maintenance/status"):
            reply = await call(one, f"/v3/{path}", b"{}")
            assert (reply.status, reply.json["code"]) == (503, 14)
            assert reply.json["message"] == "etcdserver: this agent keeps no replicated state"
        health = await call(one, "/health", method="GET")
        assert (health.status, health.body) == (503, b'{"health":"false"}')

    asyncio.run(play())


def test_leases_live_by_the_clock() -> None:
    async def play() -> None:
        now = 0
        one = app(LocalState(lambda: now))
        granted = (await call(one, "/v3/lease/grant", {"TTL": "60"})).json
        lease = granted["ID"]
        assert int(lease) > 0
        await call(one, "/v3/kv/put", {"key": "YQ==", "lease": lease})
        left = (await call(one, "/v3/lease/timetolive", {"ID": lease, "keys": True})).json
        assert (left["TTL"], left["grantedTTL"], left["keys"]) == ("60", "60", ["YQ=="])
        now = 50_000_000
        alive = await call(one, "/v3/lease/keepalive", b'{"ID":"%b"}{"ID":1}' % lease.encode())
        first, second = alive.body.splitlines()
        assert first.endswith(b'"ID":"%b","TTL":"60"}}' % lease.encode())
        assert second.endswith(b'"ID":"1"}}')
        now = 120_000_000
        assert "leases" not in (await call(one, "/v3/lease/leases")).json
        assert "kvs" not in (await call(one, "/v3/kv/range", {"key": "YQ=="})).json
        assert (await call(one, "/v3/lease/timetolive", {"ID": lease})).json["TTL"] == "-1"

    asyncio.run(play())


def test_a_keep_alive_that_fails_says_so_in_the_stream_or_instead_of_it() -> None:
    class Once(LocalState):
        asked = 0

        async def ask(self, request: store.Request, *, timeout_s: float = 5.0, request_id: bytes = b"") -> store.Result:
            self.asked += 1
            if self.asked > 1:
                raise StateFailed(store.Failure("no-leader"))
            return await super().ask(request)

    before = asyncio.run(call(app(Failing("no-leader")), "/v3/lease/keepalive", {"ID": 1}))
    assert (before.status, before.json["message"]) == (503, "etcdserver: no leader")
    within = asyncio.run(call(app(Once()), "/v3/lease/keepalive", b'{"ID":1}{"ID":1}'))
    assert within.status == 200
    told = b'{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader","http_status":"Service Unavailable"}'
    assert within.body.splitlines()[1] == b'{"error":' + told + b"}"


def test_over_a_real_connection(tmp_path: Path) -> None:
    """A large value there and back, a stream whose lines are chunks of their own, and the Unix socket."""
    with Agent(tmp_path, state=LocalState) as agent:
        large = base64("v" * 1_000_000)
        assert agent.ask("POST", "/v3/kv/put", {"key": "YQ==", "value": large}).status == 200
        assert agent.ask("POST", "/v3/kv/range", {"key": "YQ=="}).json["kvs"][0]["value"] == large
        watch = b'{"create_request":{"key":"Yg==","start_revision":"3"}}'
        with agent.open() as connection:
            head = b"POST /v3/watch HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(watch)
            connection.sendall(head + watch)
            lines = connection.makefile("rb")
            while lines.readline() != b"\r\n":
                pass
            created = lines.readline(), lines.readline(), lines.readline()
            assert int(created[0], 16) == len(created[1])
            assert msgspec.json.decode(created[1])["result"]["created"]
            assert agent.ask("POST", "/v3/kv/put", {"key": "Yg=="}, unix=True).status == 200
            size, line = lines.readline(), lines.readline()
            assert int(size, 16) == len(line)
            assert msgspec.json.decode(line)["result"]["events"][0]["kv"]["key"] == "Yg=="
