"""Checks against foreign web pages: Host, Origin, Sec-Fetch-Site."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.web.fake import Agent


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with Agent(tmp_path_factory.mktemp("guard")) as running:
        yield running


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "192.0.2.7:8080",
        "[::1]:8080",
        "[fe80::1%eth0]",
        "localhost",
        "LOCALHOST:1",
        "node001",
        "NODE001.:80",
        "web.example.org",
        "Web.Example.Org:8080",
    ],
)
def test_a_host_that_is_ours(agent: Agent, host: str) -> None:
    assert agent.ask("GET", "/api/v1/leader", headers={"Host": host}).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "node001.evil.example", "localhost.evil.example", "127.0.0.1.nip.example", "2130706433", "127.1"],
)
def test_a_foreign_host_is_421(agent: Agent, host: str) -> None:
    answer = agent.ask("GET", "/api/v1/leader", headers={"Host": host})
    assert answer.status == 421
    assert answer.what == f"this agent does not answer to the name {host!r}"
    assert "[http] names" in answer.json["error"]["remedy"]


@pytest.mark.parametrize("host", ["", "a b", "localhost:99999", "localhost:", "[::1", "user@localhost", "localhost/x"])
def test_a_malformed_host_is_400(agent: Agent, host: str) -> None:
    assert agent.ask("GET", "/api/v1/leader", headers={"Host": host}).what == "the request names no valid Host"


def test_no_host_and_two_hosts_are_400(agent: Agent) -> None:
    assert b" 400 " in agent.raw(b"GET /api/v1/leader HTTP/1.1\r\nConnection: close\r\n\r\n", end=False)
    twice = b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    assert b"the header host is given more than once" in agent.raw(twice, end=False)


def test_over_the_unix_socket_any_host_is_taken(agent: Agent) -> None:
    assert agent.ask("GET", "/api/v1/leader", unix=True, headers={"Host": "agent"}).status == 200


def test_a_change_from_our_own_page(agent: Agent) -> None:
    own = {"Host": "localhost:8080", "Origin": "http://localhost:8080", "Sec-Fetch-Site": "same-origin"}
    assert agent.ask("POST", "/api/v1/leave", {}, headers=own).status == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "https://localhost:8080",
        "http://localhost:8081",
        "http://localhost",
        "http://LOCALHOST.:8080",
    ],
)
def test_a_change_from_another_origin_is_403(agent: Agent, origin: str) -> None:
    agent.cluster.commands.clear()
    for unix in (False, True):
        answer = agent.ask("POST", "/api/v1/leave", {}, unix=unix, headers={"Host": "localhost:8080", "Origin": origin})
        assert (answer.status, answer.what) == (403, "a page of another site asked for a change")
    assert agent.cluster.commands == []


def cross_site(mode: str, destination: str) -> dict[str, str]:
    return {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination}


def test_a_browser_that_says_cross_site_reads_nothing_but_may_follow_a_link_to_a_page(agent: Agent) -> None:
    for path in ("/", "/metrics", "/api/v1/status"):
        fetched = agent.ask("GET", path, headers=cross_site("no-cors", "empty"))
        assert (fetched.status, fetched.what) == (403, "a page of another site called this agent")
    for path in ("/", "/metrics"):
        assert agent.ask("GET", path, headers=cross_site("navigate", "document")).status == 200


@pytest.mark.parametrize("path", ["/api/v1/snapshot", "/api/v1/members", "/v3/kv/range", "/v3beta/watch"])
def test_no_link_of_another_site_leads_to_what_is_for_programs(agent: Agent, path: str) -> None:
    copied = len(agent.state.copied)
    answer = agent.ask("GET", path, headers=cross_site("navigate", "document"))
    assert (answer.status, answer.what) == (403, "a page of another site called this agent")
    assert len(agent.state.copied) == copied


@pytest.mark.parametrize("destination", ["iframe", "frame", "embed", "object"])
def test_a_frame_on_another_site_shows_nothing(agent: Agent, destination: str) -> None:
    for path in ("/", "/metrics", "/api/v1/snapshot"):
        assert agent.ask("GET", path, headers=cross_site("navigate", destination)).status == 403
    undressed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert agent.ask("GET", "/", headers=undressed).status == 403


def test_a_proxys_header_takes_the_right_to_change(agent: Agent) -> None:
    agent.cluster.commands.clear()
    for header in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):
        answer = agent.ask("POST", "/api/v1/leave", {}, headers={header: "127.0.0.1"})
        assert (answer.status, answer.what) == (403, "leave is not allowed through a proxy")
    assert agent.cluster.commands == []
    assert agent.ask("GET", "/api/v1/leader", headers={"X-Forwarded-For": "192.0.2.1"}).status == 200
