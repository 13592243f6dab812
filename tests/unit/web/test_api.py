"""Every address of the API, through real uvicorn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pycluster.node.ports import Outcome
from pycluster.node.view import LeaderView, LocalHealthView, MemberView, QuorumView, RaftStatusView, StatusView
from tests.unit.web.fake import MEMBERS, STATUS, Agent


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with Agent(tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture
def agent(shared: Agent) -> Agent:
    shared.cluster.view = STATUS
    shared.cluster.outcome = Outcome(True)
    shared.cluster.commands.clear()
    return shared


@pytest.mark.parametrize("unix", [True, False], ids=["unix", "tcp"])
def test_status_is_the_view(agent: Agent, unix: bool) -> None:
    answer = agent.ask("GET", "/api/v1/status", unix=unix)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert msgspec.json.decode(answer.body, type=StatusView) == STATUS


def test_members(agent: Agent) -> None:
    assert msgspec.json.decode(agent.ask("GET", "/api/v1/members").body, type=tuple[MemberView, ...]) == MEMBERS


def test_one_member(agent: Agent) -> None:
    found = agent.ask("GET", "/api/v1/members/node002")
    assert msgspec.json.decode(found.body, type=MemberView) == MEMBERS[1]
    missing = agent.ask("GET", "/api/v1/members/node009")
    assert missing.status == 404
    assert missing.what == "no node named 'node009' is known here"


def test_leader(agent: Agent) -> None:
    assert agent.ask("GET", "/api/v1/leader").json["leader"] == "node001"


def test_health(agent: Agent) -> None:
    answer = agent.ask("GET", "/api/v1/health")
    expected = {"status": "passing", "score": 0, "reasons": [], "leader": "node001", "quorum": True}
    assert (answer.status, answer.json) == (200, expected)


def test_critical_health_is_503(agent: Agent) -> None:
    agent.cluster.view = msgspec.structs.replace(STATUS, health=LocalHealthView("critical", 6, ("late event loop",)))
    answer = agent.ask("GET", "/api/v1/health")
    assert (answer.status, answer.json["reasons"]) == (503, ["late event loop"])


@pytest.mark.parametrize(
    ("phase", "needed", "reachable", "leader", "expected"),
    [
        ("bootstrapped", 3, 2, "", False),
        ("bootstrapped", 3, 3, "", True),
        ("waiting", 0, 0, "", False),
        ("observer", 2, 1, "node001", True),
        ("observer", 2, 2, "", False),
    ],
)
def test_quorum_in_health(agent: Agent, phase: str, needed: int, reachable: int, leader: str, expected: bool) -> None:
    quorum = QuorumView(phase, "", (), needed=needed, reachable=reachable, local_is_voter=phase != "observer")
    agent.cluster.view = msgspec.structs.replace(
        STATUS, quorum=quorum, leader=LeaderView(leader, "", 3, 0, acting=False)
    )
    assert agent.ask("GET", "/api/v1/health").json["quorum"] is expected


def test_ready(agent: Agent) -> None:
    assert agent.ask("GET", "/api/v1/ready").json == {"ready": True, "leader": "node001", "term": 3, "reason": ""}
    none = LeaderView("", "", 4, 0, acting=False, reason="2 of 5 voters reachable, 3 needed")
    agent.cluster.view = msgspec.structs.replace(STATUS, leader=none)
    answer = agent.ask("GET", "/api/v1/ready")
    assert (answer.status, answer.json["reason"]) == (503, "2 of 5 voters reachable, 3 needed")


def test_version(agent: Agent) -> None:
    answer = agent.ask("GET", "/api/v1/version").json
    assert set(answer) == {"version", "protocol", "api", "python", "compiled"}
    assert (answer["protocol"], answer["api"]) == ([1, 2], "v1")


def test_settings(agent: Agent) -> None:
    assert agent.ask("GET", "/api/v1/settings").json == agent.cluster.settings()


def test_explain(agent: Agent) -> None:
    assert agent.ask("GET", "/api/v1/explain?question=leader").json["evidence"] == ["one", "two"]
    assert agent.ask("GET", "/api/v1/explain?question=node&name=node002").json["question"] == "Why node node002?"
    assert agent.ask("GET", "/api/v1/explain?question=node&name=node009").status == 404


@pytest.mark.parametrize("query", ["", "?question=why", "?question=node"])
def test_explain_refuses_another_question(agent: Agent, query: str) -> None:
    answer = agent.ask("GET", f"/api/v1/explain{query}")
    assert answer.status == 400
    assert answer.what.startswith("cannot explain")


@pytest.mark.parametrize(
    ("method", "path", "body", "command"),
    [
        ("POST", "/api/v1/leave", {}, ("leave", None)),
        ("POST", "/api/v1/join", {"hosts": ["192.0.2.9:7946", "seed"]}, ("join", ("192.0.2.9:7946", "seed"))),
        ("POST", "/api/v1/force-leave", {"name": "node002"}, ("force-leave", "node002")),
        ("POST", "/api/v1/raft/transfer", {"to": "node002"}, ("raft-transfer", "node002")),
        ("POST", "/api/v1/raft/transfer", {}, ("raft-transfer", "")),
        ("POST", "/api/v1/raft/remove", {"name": "node002"}, ("raft-remove", ("node002", False))),
        ("POST", "/api/v1/raft/add", {"name": "node004", "dry_run": True}, ("raft-add", ("node004", True))),
        ("POST", "/api/v1/raft/replace", {"old": "a", "name": "b"}, ("raft-replace", ("a", "b", False))),
        ("PUT", "/api/v1/tags", {"tags": {"rack": "r2"}}, ("tags", {"rack": "r2"})),
    ],
)
@pytest.mark.parametrize("unix", [True, False], ids=["unix", "tcp"])
def test_changes(agent: Agent, method: str, path: str, body: object, command: object, unix: bool) -> None:
    answer = agent.ask(method, path, body, unix=unix)
    assert (answer.status, answer.json["ok"]) == (200, True)
    assert agent.cluster.commands == [command]


def test_a_refused_change_is_409_with_its_outcome(agent: Agent) -> None:
    agent.cluster.outcome = Outcome(False, "node001 cannot leave", "the quorum would be lost", "add a voter first")
    answer = agent.ask("POST", "/api/v1/leave", {})
    assert answer.status == 409
    assert msgspec.json.decode(answer.body, type=Outcome) == agent.cluster.outcome


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/leave", {"really": True}),
        ("/api/v1/leave", b""),
        ("/api/v1/leave", b"{"),
        ("/api/v1/leave", b"\xff\xfe"),
        ("/api/v1/leave", b"[" * 50_000),
        ("/api/v1/leave", []),
        ("/api/v1/join", {}),
        ("/api/v1/join", {"hosts": []}),
        ("/api/v1/join", {"hosts": [""]}),
        ("/api/v1/join", {"hosts": "node001"}),
        ("/api/v1/join", {"hosts": ["h"] * 65}),
        ("/api/v1/join", {"hosts": ["h" * 301]}),
        ("/api/v1/force-leave", {"name": ""}),
        ("/api/v1/raft/remove", {"name": ""}),
        ("/api/v1/raft/remove", {}),
        ("/api/v1/raft/add", {"name": "n", "dry-run": True}),
        ("/api/v1/raft/replace", {"name": "n"}),
        ("/api/v1/raft/transfer", {"name": "node002"}),
        ("/api/v1/force-leave", {"name": "node002", "prune": True}),
    ],
)
def test_a_body_that_does_not_fit_is_400(agent: Agent, path: str, body: object) -> None:
    answer = agent.ask("POST", path, body)
    assert (answer.status, answer.what) == (400, "the body is not what this request takes")
    assert agent.cluster.commands == []


def test_a_body_up_to_the_bound_is_taken_and_one_byte_more_is_413(agent: Agent) -> None:
    bound = agent.bounds.body_max_bytes
    fits = b"{}".ljust(bound)
    assert agent.ask("POST", "/api/v1/leave", fits).status == 200
    assert agent.ask("POST", "/api/v1/leave", fits + b" ").what == "the body is too long"


def test_a_chunked_body_is_bounded_too(agent: Agent) -> None:
    connection = agent.connect()
    chunks = (b" " * 8192 for _ in range(20))
    connection.request(
        "POST", "/api/v1/leave", body=chunks, headers={"Content-Type": "application/json"}, encode_chunked=True
    )
    assert connection.getresponse().status == 413
    connection.close()
    assert agent.cluster.commands == []


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_another_content_type_is_415(agent: Agent, kind: str) -> None:
    answer = agent.ask("POST", "/api/v1/leave", b"{}", headers={"Content-Type": kind})
    assert answer.status == 415
    assert agent.cluster.commands == []


def test_a_charset_does_not_change_the_content_type(agent: Agent) -> None:
    assert (
        agent.ask("POST", "/api/v1/leave", {}, headers={"Content-Type": "Application/JSON; charset=utf-8"}).status
        == 200
    )


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/api/v1/status", "GET, HEAD"),
        ("DELETE", "/api/v1/members/node002", "GET, HEAD"),
        ("GET", "/api/v1/leave", "POST"),
        ("POST", "/api/v1/tags", "PUT"),
        ("OPTIONS", "/api/v1/join", "POST"),
        ("TRACE", "/metrics", "GET, HEAD"),
    ],
)
def test_another_method_is_405(agent: Agent, method: str, path: str, allowed: str) -> None:
    answer = agent.ask(method, path, b"{}" if method == "POST" else None)
    assert (answer.status, answer.headers["allow"]) == (405, allowed)
    assert answer.what == f"{method} is not a method of {path}"


@pytest.mark.parametrize(
    "path", ["/api/v1/nothing", "/api/v2/status", "/api/v1/status/", "//api/v1/status", "/api", "/x"]
)
def test_nothing_there_is_404(agent: Agent, path: str) -> None:
    assert agent.ask("GET", path).what.startswith("there is nothing at")


def test_head(agent: Agent) -> None:
    answer = agent.ask("HEAD", "/api/v1/status")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 1000


def test_every_answer_carries_the_security_headers(agent: Agent) -> None:
    for path in ("/api/v1/status", "/nothing", "/metrics"):
        headers = agent.ask("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["cache-control"] == "no-store"
        assert "date" in headers
        assert "server" not in headers


def test_an_error_of_ours_inside_is_a_500_that_says_so_and_the_agent_goes_on(agent: Agent) -> None:
    broken: object = None
    agent.cluster.view = broken  # type: ignore[assignment]
    answer = agent.ask("GET", "/api/v1/health")
    assert (answer.status, answer.what) == (500, "the agent failed to answer")
    agent.cluster.view = STATUS
    assert agent.ask("GET", "/api/v1/health").status == 200


def test_the_origins_addresses(agent: Agent) -> None:
    status = agent.ask("GET", "/api/status").json
    assert status["success"] is True
    assert set(status["data"]) == {"cluster_name", "local_node", "leader", "nodes", "timestamp"}
    node = status["data"]["nodes"]["node002"]
    assert (node["address"], node["port"], node["state"]) == ("2001:db8::2", 7946, "follower")
    assert node["last_seen"].endswith("Z")
    assert agent.ask("GET", "/api/nodes").json["data"]["node003"]["last_seen"] == ""
    assert agent.ask("GET", "/api/leader").json == {"success": True, "data": {"leader": "node001"}}
    assert agent.ask("GET", "/api/node?id=node001").json["data"]["hostname"] == "node001.example.org"
    assert agent.ask("GET", "/api/node?id=node009").status == 404


def test_both_event_loops(tmp_path: Path) -> None:
    with Agent(tmp_path, uvloop=True) as other:
        assert other.ask("GET", "/api/v1/leader", unix=True).json["leader"] == "node001"
        assert other.ask("POST", "/api/v1/leave", {}).status == 200
        assert other.ask("POST", "/api/v1/leave", {}, unix=True, headers={"Host": "anything"}).status == 200


def test_raft_is_the_voters_the_copy_against_its_bounds_and_the_disk(agent: Agent) -> None:
    answer = agent.ask("GET", "/api/v1/raft")
    assert answer.status == 200
    told = msgspec.convert(answer.json, RaftStatusView)
    assert told == agent.cluster.raft()
    assert (told.role, told.leader, told.quorum) == ("leader", STATUS.leader, STATUS.quorum)
    assert told.copy is not None and told.copy.snapshot.sending == {"node003": 131_072}


def test_raft_of_a_node_without_a_copy_says_so(agent: Agent) -> None:
    agent.cluster.copy = None
    assert agent.ask("GET", "/api/v1/raft").json["copy"] is None
