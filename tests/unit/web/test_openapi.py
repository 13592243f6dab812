"""The OpenAPI document and the agent agree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from pycluster import store
from pycluster.rollouts import FileReport, Report, node_key, packed
from pycluster.web.openapi import document
from pycluster.web.routes import OPERATIONS
from tests.unit.web.fake import Agent

DOCUMENT: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document(OPERATIONS)))


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with Agent(tmp_path_factory.mktemp("openapi")) as running:
        yield running


def fits(value: Any, schema: dict[str, Any], at: str = "$") -> None:
    """Assert that ``value`` fits ``schema``, and that it has no property the schema does not name."""
    if "$ref" in schema:
        found: Any = DOCUMENT
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        fits(value, found, at)
        return
    if "anyOf" in schema:
        kinds = []
        for one in schema["anyOf"]:
            try:
                fits(value, one, at)
            except AssertionError as error:
                kinds.append(error)
        assert len(kinds) < len(schema["anyOf"]), kinds
        return
    if "enum" in schema:
        assert value in schema["enum"], at
        return
    python = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None)}
    match schema.get("type"):
        case "object":
            assert isinstance(value, dict), at
            properties, rest = (
                schema.get("properties", {}),
                schema.get("additionalProperties", "properties" not in schema),
            )
            assert set(schema.get("required", ())) <= set(value), at
            for key, inner in value.items():
                assert key in properties or rest is not False, f"{at}.{key}"
                if key in properties or isinstance(rest, dict):
                    fits(inner, properties.get(key, rest), f"{at}.{key}")
        case "array":
            assert isinstance(value, list), at
            for place, inner in enumerate(value):
                prefix = schema.get("prefixItems", [])
                fits(inner, prefix[place] if place < len(prefix) else schema["items"], f"{at}[{place}]")
        case None:
            assert schema.keys() <= {"description", "default"}, f"{at}: {schema}"
        case kind:
            assert isinstance(value, python[kind]), f"{at}: {value!r} is no {kind}"  # type: ignore[arg-type]
            assert not (isinstance(value, bool) and kind != "boolean"), at


def test_it_is_served(agent: Agent) -> None:
    assert agent.ask("GET", "/api/v1/openapi.json").json == DOCUMENT
    assert DOCUMENT["openapi"] == "3.1.0"


def test_every_operation_has_its_own_name_and_every_reference_leads_somewhere() -> None:
    names = [operation.name for operation in OPERATIONS]
    assert len(set(names)) == len(names)
    references = set(re.findall(r"'#/components/schemas/([^']+)'", repr(DOCUMENT)))
    assert references <= set(DOCUMENT["components"]["schemas"])
    assert "StatusView" in references


def test_every_route_is_documented_and_every_documented_path_answers(agent: Agent) -> None:
    for operation in OPERATIONS:
        assert operation.method.lower() in DOCUMENT["paths"][operation.path]
        path = operation.path.replace("{name}", "node001").replace("{path}", "no-such-file")
        wrong = agent.ask("PATCH", path)
        assert (wrong.status, operation.method in wrong.headers["allow"]) == (405, True)


TRANSACTION = {
    "compare": [{"key": "there", "target": "create", "result": "greater", "number": 0}],
    "success": [{"op": "get", "key": "there"}, {"op": "txn", "failure": []}],
    "failure": [{"op": "put", "key": "there", "value": "1"}, {"op": "delete", "key": "x", "prefix": True}],
}
ASKED = [
    ("/api/v1/status", ""),
    ("/api/v1/members", ""),
    ("/api/v1/members/{name}", ""),
    ("/api/v1/leader", ""),
    ("/api/v1/raft", ""),
    ("/api/v1/health", ""),
    ("/api/v1/ready", ""),
    ("/api/v1/version", ""),
    ("/api/v1/explain", "?question=leader"),
    ("/api/v1/settings", ""),
    ("/api/v1/openapi.json", ""),
    ("/api/v1/state", ""),
    ("/api/v1/kv", "?key=there&prefix=1"),
    ("/api/v1/leases", ""),
    ("/api/v1/leases/{id}", "?keys=1"),
    ("/api/v1/config", "?prefix=a&limit=5"),
    ("/api/v1/config/entry", "?name=app.json"),
    ("/api/v1/config/history", "?name=app.json"),
    ("/api/v1/config/effective", "?node=node002"),
    ("/api/v1/config/rendered", ""),
    ("/api/v1/config/rollouts", "?prefix=app"),
    ("/api/v1/config/rollout", "?name=rolled.json"),
    ("/api/v1/config/nodes", "?name=app.json"),
    ("/api/status", ""),
    ("/api/nodes", ""),
    ("/api/leader", ""),
    ("/api/node", "?id=node002"),
]
CHANGED = [
    ("post", "/api/v1/leave", {}),
    ("post", "/api/v1/join", {"hosts": ["h"]}),
    ("post", "/api/v1/force-leave", {"name": "n"}),
    ("post", "/api/v1/raft/transfer", {"to": "n"}),
    ("post", "/api/v1/raft/add", {"name": "n", "dry_run": True}),
    ("post", "/api/v1/raft/remove", {"name": "n"}),
    ("post", "/api/v1/raft/replace", {"old": "o", "name": "n"}),
    ("put", "/api/v1/tags", {"tags": {}}),
    ("put", "/api/v1/kv", {"key": "there", "value": "/w==", "encoding": "base64", "prev_kv": True}),
    ("post", "/api/v1/kv/txn", TRANSACTION),
    ("post", "/api/v1/kv/compact", {"revision": 1}),
    ("post", "/api/v1/config/change", {"entries": [{"name": "a", "content": "b"}, {"name": "c"}], "dry_run": True}),
    (
        "post",
        "/api/v1/config/draft",
        {"name": "a.yaml", "content": "x: 1", "edits": [{"place": ["x"], "json": "2"}]},
    ),
    ("post", "/api/v1/config/rollback", {"name": "app.json", "to": 1}),
    ("post", "/api/v1/config/render", {"name": "web", "dry_run": True}),
    (
        "post",
        "/api/v1/config/rollout",
        {"name": "app.json", "content": "2", "strategy": {"canary": 1}, "dry_run": True},
    ),
    ("post", "/api/v1/config/rollout/steer", {"name": "rolled.json", "to": "pause"}),
    ("post", "/api/v1/leases", {"ttl_s": 60}),
    ("post", "/api/v1/leases/{id}/keep-alive", {}),
]
DELETED = [("/api/v1/kv", "?key=there&prev_kv=1"), ("/api/v1/leases/{id}", "")]
LEASE = "77"


def test_these_are_all_operations_with_a_json_answer() -> None:
    documented = {
        (method, path)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
        if "application/json" in operation["responses"]["200"]["content"]
    }
    changed = {(method, path) for method, path, _ in CHANGED} | {("delete", path) for path, _ in DELETED}
    assert documented == {("get", path) for path, _ in ASKED} | changed


@pytest.mark.parametrize(("path", "query"), ASKED)
def test_a_read_answers_as_documented(agent: Agent, path: str, query: str) -> None:
    prepare(agent)
    answer = agent.ask("GET", path.replace("{name}", "node002").replace("{id}", LEASE) + query)
    content = DOCUMENT["paths"][path]["get"]["responses"][str(answer.status)]["content"]
    fits(answer.json, content["application/json"]["schema"])
    assert answer.status == 200


@pytest.mark.parametrize(("method", "path", "body"), CHANGED)
def test_a_change_takes_and_answers_as_documented(agent: Agent, method: str, path: str, body: object) -> None:
    operation = DOCUMENT["paths"][path][method]
    fits(body, operation["requestBody"]["content"]["application/json"]["schema"])
    prepare(agent)
    path = path.replace("{id}", LEASE)
    answer = agent.ask(method.upper(), path, body)
    fits(answer.json, operation["responses"][str(answer.status)]["content"]["application/json"]["schema"])
    refused = agent.ask(method.upper(), path, {"other": 1})
    fits(refused.json, operation["responses"][str(refused.status)]["content"]["application/json"]["schema"])
    assert (answer.status, refused.status) == (200, 400)


@pytest.mark.parametrize(("path", "query"), DELETED)
def test_a_deletion_answers_as_documented(agent: Agent, path: str, query: str) -> None:
    prepare(agent)
    operation = DOCUMENT["paths"][path]["delete"]
    address = path.replace("{id}", LEASE)
    answers = [agent.ask("DELETE", address + query), agent.ask("DELETE", f"{address}?other=1")]
    for answer in answers:
        fits(answer.json, operation["responses"][str(answer.status)]["content"]["application/json"]["schema"])
    assert [answer.status for answer in answers] == [200, 400]


def prepare(agent: Agent) -> None:
    """There are a key, a lease, an entry with an override, and one that is rolled out."""
    entries = [{"name": "app.json", "content": "{}"}, {"name": "app.json@node:node002", "content": '{"a": 1}'}]
    assert agent.ask("POST", "/api/v1/config/change", {"entries": entries}).status == 200
    if agent.ask("GET", "/api/v1/config/rollout?name=rolled.json").status == 404:
        first = [{"name": "rolled.json", "content": "{}"}]
        assert agent.ask("POST", "/api/v1/config/change", {"entries": first}).status == 200
        files = tuple(FileReport(name, name, 1, 1) for name in ("app.json", "rolled.json"))
        agent.run(agent.state.ask(store.Put(node_key("node002"), packed(Report(files)))))
        rolled = {"name": "rolled.json", "content": "1", "strategy": {"percent": 50}}
        assert agent.ask("POST", "/api/v1/config/rollout", rolled).status == 200
    for write in (store.Put(b"there", b"1"), store.LeaseGrant(60, int(LEASE, 16))):
        if not isinstance(write, store.LeaseGrant) or write.id not in agent.state.store.lease_ids():
            agent.run(agent.state.ask(write))


def test_the_checker_itself_refuses() -> None:
    schema = DOCUMENT["components"]["schemas"]["ReadyView"]
    fits({"ready": True, "leader": "", "term": 1, "reason": ""}, schema)
    for wrong in (
        {"ready": True, "leader": ""},
        {"ready": 1, "leader": "", "term": 1},
        {"ready": True, "leader": "", "term": 1, "x": 1},
    ):
        with pytest.raises(AssertionError):
            fits(wrong, schema)
