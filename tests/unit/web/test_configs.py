"""The configuration over HTTP: statuses and kinds of refusals, and the guard on the cluster's own keys."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from pycluster import store
from pycluster.web import Access
from pycluster.web.app import make_app
from tests.differential.local import LocalState
from tests.unit.web.caller import ELSEWHERE, call
from tests.unit.web.fake import Agent, Answer, FakeCluster

CONFIG = "/api/v1/config"


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with Agent(tmp_path) as running:
        yield running


def change(agent: Agent, *entries: dict[str, Any], **more: Any) -> Answer:
    return agent.ask("POST", f"{CONFIG}/change", {"entries": entries, **more})


def error(answer: Answer) -> tuple[int, str, bool]:
    fault = answer.json["error"]
    return answer.status, fault["kind"], fault["retryable"]


def test_a_change_and_what_it_left(agent: Agent) -> None:
    done = change(agent, {"name": "a/b.json", "content": "1"}, author="ada", reason="why").json
    assert (done["revision"], done["changes"][0]["action"]) == (2, "created")
    entry = agent.ask("GET", f"{CONFIG}/entry?name={quote('a/b.json')}").json
    assert (entry["content"], entry["author"], entry["at_ms"]) == ("1", "ada", 1_700_000_000_000)
    listed = agent.ask("GET", f"{CONFIG}?prefix=a/").json
    assert [(one["name"], one["content"]) for one in listed["entries"]] == [("a/b.json", "")]


def test_refusals_have_their_status_and_kind(agent: Agent) -> None:
    assert change(agent, {"name": "a.json", "content": "1"}).status == 200
    assert error(agent.ask("GET", f"{CONFIG}/entry?name=b")) == (404, "key-not-found", False)
    assert error(agent.ask("GET", f"{CONFIG}/effective?node=nobody")) == (404, "key-not-found", False)
    unfit = change(agent, {"name": "a.json", "content": "{"}, {"name": "b.yaml", "content": "["})
    assert error(unfit) == (422, "unfit", False)
    assert [line.partition(":")[0] for line in unfit.json["error"]["why"].splitlines()] == ["a.json", "b.yaml"]
    assert error(change(agent, {"name": "a.json", "content": "2", "if_version": 7})) == (409, "compare-failed", False)
    assert change(agent, {"name": "bad name", "content": "2"}).status == 400
    assert change(agent, {"name": "a", "content": "2", "other": 1}).status == 400
    assert agent.ask("GET", f"{CONFIG}?limit=0").status == 400
    assert agent.ask("GET", f"{CONFIG}/entry").status == 400
    agent.state.failures = [store.Failure("no-leader")]
    assert error(agent.ask("GET", f"{CONFIG}/entry?name=a.json")) == (503, "no-leader", True)


def test_what_is_too_long_is_told_in_a_sentence(agent: Agent) -> None:
    told = change(agent, {"name": "n" * 201, "content": "1"}).json["error"]
    assert (told["what"], told["why"]) == ("the name is too long", "it has at most 200 characters")
    told = change(agent, {"name": "a", "content": "1"}, reason="r" * 501).json["error"]
    assert (told["what"], told["why"]) == ("the reason is too long", "it has at most 500 characters")
    told = agent.ask("GET", f"{CONFIG}/entry?name={'n' * 201}").json["error"]
    assert told["what"] == "the name is too long"


def test_an_agent_without_a_configuration_says_so() -> None:
    answer = asyncio.run(call(make_app(FakeCluster(), Access(), state=LocalState()), CONFIG, method="GET"))
    assert answer.status == 503


def test_who_comes_from_elsewhere_reads_and_changes_nothing() -> None:
    one = make_app(FakeCluster(), Access(), state=LocalState())
    answer = asyncio.run(call(one, f"{CONFIG}/change", {"entries": []}, client=ELSEWHERE))
    assert answer.status == 403


KEY = "/pycluster/config/entry/a"


def base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def test_the_cluster_s_own_keys_are_written_when_it_is_meant(agent: Agent) -> None:
    assert agent.ask("PUT", "/api/v1/kv", {"key": KEY, "value": "x"}).status == 403
    assert agent.ask("DELETE", f"/api/v1/kv?key={KEY}").status == 403
    put = {"op": "put", "key": KEY, "value": "x"}
    for body in (
        {"success": [put]},
        {"failure": [put]},
        {"success": [{"op": "txn", "success": [put]}]},
        {"success": [{"op": "delete", "key": "/pycluster/", "prefix": True}]},
    ):
        assert agent.ask("POST", "/api/v1/kv/txn", body).status == 403, body
    assert agent.ask("PUT", "/api/v1/kv?force=1", {"key": KEY, "value": "x"}).status == 200
    assert agent.ask("POST", "/api/v1/kv/txn?force=1", {"success": [put]}).status == 200
    assert agent.ask("GET", f"/api/v1/kv?key={KEY}").status == 200
    assert agent.ask("DELETE", f"/api/v1/kv?key={KEY}&force=1").status == 200
    assert agent.ask("PUT", "/api/v1/kv?other=1", {"key": "k", "value": "x"}).status == 400
    assert agent.ask("GET", f"/api/v1/kv?key={KEY}&force=1").status == 400, "there is nothing to force"


@pytest.mark.parametrize(
    ("key", "range_end", "over"),
    [
        ("\0", "\0", True),
        ("/", "\0", True),
        ("/", "0", True),
        ("/pycluster", "/pyclusterz", True),
        ("/pycluster/zzz", "/z", True),
        ("a", "\0", False),
        ("", "/pycluster/", False),
        ("/pycluster0", "0", False),
        ("/pyclusters", "", False),
    ],
)
def test_a_deletion_over_them_is_refused_where_any_are(agent: Agent, key: str, range_end: str, over: bool) -> None:
    body = {"key": base64(key or "\0"), "range_end": base64(range_end)}
    assert agent.ask("POST", "/v3/kv/deleterange", body).status == 200, "with none it is as in etcd"
    assert change(agent, {"name": "a", "content": "1"}).status == 200
    answer = agent.ask("POST", "/v3/kv/deleterange", body)
    assert answer.status == (403 if over else 200)
    if over:
        assert (answer.json["code"], answer.json["error"].startswith("etcdserver: permission denied")) == (7, True)


def test_a_deletion_over_them_waits_for_the_leaders_word_on_whether_there_are_any(agent: Agent) -> None:
    assert agent.ask("PUT", "/api/v1/kv", {"key": "k", "value": "v"}).status == 200
    # The copy at hand says that there are none, which is not enough.
    agent.state.deaf = True
    try:
        assert error(agent.ask("DELETE", "/api/v1/kv?key=&prefix=1&timeout_ms=700")) == (504, "timed-out", True)
        txn = {"success": [{"op": "delete", "key": "", "prefix": True}]}
        assert error(agent.ask("POST", "/api/v1/kv/txn?timeout_ms=700", txn)) == (504, "timed-out", True)
        assert {one.timeout_s for one in agent.state.asked[-2:]} == {0.7}
        everything = {"key": base64("\0"), "range_end": base64("\0")}
        answer = agent.ask("POST", "/v3/kv/deleterange", everything)
        assert (answer.status, answer.json["error"]) == (503, "etcdserver: request timed out")
        agent.state.failures = [store.Failure("no-leader")]
        assert error(agent.ask("DELETE", "/api/v1/kv?key=&prefix=1")) == (503, "no-leader", True)
    finally:
        agent.state.deaf = False
    assert agent.ask("DELETE", "/api/v1/kv?key=&prefix=1").json["deleted"] == 1


def test_etcds_clients_read_and_watch_them_and_do_not_write_them(agent: Agent) -> None:
    assert change(agent, {"name": "a", "content": "1"}).status == 200
    assert agent.ask("POST", "/v3/kv/range", {"key": base64(KEY)}).json["count"] == "1"
    assert agent.ask("POST", "/v3/kv/put", {"key": base64(KEY), "value": base64("x")}).status == 403
    txn = {"success": [{"request_put": {"key": base64(KEY), "value": base64("x")}}]}
    assert agent.ask("POST", "/v3/kv/txn", txn).status == 403
    txn = {"success": [{"request_range": {"key": base64(KEY)}}]}
    assert agent.ask("POST", "/v3/kv/txn", txn).status == 200


def test_rendered_files_are_told_and_rendered(agent: Agent) -> None:
    told = agent.ask("GET", f"{CONFIG}/rendered").json
    assert [(one["name"], one["state"]) for one in told["files"]] == [("web", "in-place")]
    agent.files.closed = "the file has mode 0600"
    made = agent.ask("POST", f"{CONFIG}/render", {"name": "web", "dry_run": True}, unix=True).json
    assert (made["did"], made["before"], made["content"], made["withheld"]) == ("would-change", "old", "new", "")
    made = agent.ask("POST", f"{CONFIG}/render", {"name": "web", "dry_run": True}).json
    assert (made["did"], made["before"], made["content"]) == ("would-change", None, "")
    assert made["withheld"] == "the file has mode 0600"
    assert error(agent.ask("POST", f"{CONFIG}/render", {"name": "bad"})) == (422, "file-failed", False)
    assert agent.ask("POST", f"{CONFIG}/render", {"name": "web", "command": "rm"}).status == 400


def test_an_agent_without_templates_renders_nothing() -> None:
    one = make_app(FakeCluster(), Access(), state=LocalState())
    assert b'"files":[]' in asyncio.run(call(one, f"{CONFIG}/rendered", method="GET")).body
    assert asyncio.run(call(one, f"{CONFIG}/render", {"name": "web"})).status == 404


def test_rollouts_over_http_and_what_is_refused_meanwhile(agent: Agent) -> None:
    first = {"name": "r.j2", "content": "one"}
    assert change(agent, first).status == 200
    rollout = {"name": "r.j2", "content": "two", "strategy": {"canary": 1}}
    nobody = agent.ask("POST", f"{CONFIG}/rollout", rollout)
    assert (nobody.status, nobody.json["error"]["why"]) == (400, "no node renders a file from it")
    report = b'{"files": [{"template": "r", "entry": "r.j2", "wanted": 1, "placed": 1}]}'
    agent.run(agent.state.ask(store.Put(b"/pycluster/rollout/node/node001", report)))
    begun = agent.ask("POST", f"{CONFIG}/rollout", rollout).json
    assert (begun["change"]["version"], begun["rollout"]["state"]) == (2, "running")
    assert error(change(agent, {"name": "r.j2", "content": "three"})) == (409, "rolling-out", False)
    assert error(agent.ask("GET", f"{CONFIG}/rollout?name=other.j2")) == (404, "key-not-found", False)
    steer = {"name": "r.j2", "to": "abort", "author": "ada", "reason": "enough"}
    aborted = agent.ask("POST", f"{CONFIG}/rollout/steer", steer).json
    assert (aborted["wish"], aborted["by"], aborted["why"]) == ("abort", "ada", "enough")
    assert [one["node"] for one in aborted["lanes"]] == ["node001"]
    resumed = agent.ask("POST", f"{CONFIG}/rollout/steer", {**steer, "to": "resume"})
    assert error(resumed) == (409, "not-possible", False)
    assert agent.ask("POST", f"{CONFIG}/rollout/steer", {**steer, "to": "dance"}).status == 400
    assert agent.ask("POST", f"{CONFIG}/rollout", {**rollout, "strategy": {"percent": 101}}).status == 400
    listed = agent.ask("GET", f"{CONFIG}/rollouts?prefix=r").json["rollouts"]
    assert [(one["name"], one["lanes"]) for one in listed] == [("r.j2", [])]
    history = agent.ask("GET", f"{CONFIG}/history?name=r.j2").json["versions"]
    assert [(one["version"], one["current"], one["rolling"]) for one in history] == [(2, False, 2), (1, True, 2)]
    assert agent.ask("GET", f"{CONFIG}/entry?name=r.j2&version=2").json["content"] == "two"
    elsewhere = asyncio.run(
        call(make_app(FakeCluster(), Access(), state=LocalState()), f"{CONFIG}/rollout", rollout, client=ELSEWHERE)
    )
    assert elsewhere.status == 403


def draft(agent: Agent, name: str, content: str, **more: Any) -> Answer:
    return agent.ask("POST", f"{CONFIG}/draft", {"name": name, "content": content, **more})


def test_a_draft_is_read_with_the_schemas_and_the_entry_that_it_overrides(agent: Agent) -> None:
    schema = "properties: {port: {type: integer}}"
    written = ({"name": "web/@schema", "content": schema}, {"name": "web/app.yaml", "content": "port: 80\n"})
    assert change(agent, *written).status == 200
    told = draft(agent, "web/app.yaml@node:node001", "# mine\nport: x\n").json
    assert (told["value"], told["below"], told["anew"]) == ({"port": "x"}, {"port": 80}, False)
    assert told["schemas"] == [{"name": "web/@schema", "schema": {"properties": {"port": {"type": "integer"}}}}]
    assert [(one["place"], one["line"]) for one in told["problems"]] == [("/port", 2)]
    edits = [{"place": ["port"], "json": "81"}]
    told = draft(agent, "web/app.yaml", "# mine\nport: x\n", edits=edits).json
    assert (told["content"], told["problems"]) == ("# mine\nport: 81\n", [])
    assert agent.ask("GET", f"{CONFIG}/entry?name=web/app.yaml").json["version"] == 1, "nothing was written"


def test_a_draft_that_makes_no_sense_is_refused(agent: Agent) -> None:
    assert change(agent, {"name": "a.yaml", "content": "x: 1"}).status == 200
    assert draft(agent, "a.yaml@node:n", "x: 1", format="json").status == 400
    assert draft(agent, "a.yaml", "x" * 300_000).status == 400
    assert draft(agent, "a b", "x").status == 400
    assert draft(agent, "a.yaml", "x", edits=[{"place": ["x"], "value": 1}]).status == 400
    one = make_app(FakeCluster(), Access(), state=LocalState())
    body = {"name": "a", "content": ""}
    assert asyncio.run(call(one, f"{CONFIG}/draft", body, client=ELSEWHERE)).status == 403


def test_what_a_node_gets_has_the_layer_of_each_line(agent: Agent) -> None:
    base, above = {"name": "a.yaml", "content": "x: 1\ny: 2\n"}, {"name": "a.yaml@node:node002", "content": "y: 3\n"}
    assert change(agent, base, above).status == 200
    (told,) = agent.ask("GET", f"{CONFIG}/effective?node=node002").json["entries"]
    assert (told["content"], told["origins"]) == ("x: 1\ny: 3\n", [0, 1])
