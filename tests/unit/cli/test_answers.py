"""What the verbs that read print, in every form, and the exit codes that scripts rely on."""

from __future__ import annotations

import socket
from pathlib import Path

import msgspec
import pytest
import yaml

from pycluster.node.view import Explanation, LeaderView, LocalHealthView, MemberView, StatusView
from tests.unit.cli.console import run
from tests.unit.web.fake import MEMBERS, STATUS, Agent


def test_status_as_json_is_exactly_what_http_answers(agent: Agent) -> None:
    done = run("status", "-o", "json")
    assert done.code == 0
    assert done.out.encode() == agent.ask("GET", "/api/v1/status").body + b"\n"
    assert msgspec.json.decode(done.out, type=StatusView) == STATUS


def test_status_shows_everything_on_one_sheet(agent: Agent) -> None:
    agent.cluster.view = msgspec.structs.replace(STATUS, warnings=("two voters tolerate no failure",))
    done = run("status")
    assert (done.code, done.err) == (0, "")
    facts = dict(line.split(":", 1) for line in done.out.partition("\n\n")[0].splitlines())
    assert {name: value.strip() for name, value in facts.items()} == {
        "cluster": "test",
        "node": "node001 at 192.0.2.1:7946",
        "leader": "node001 in term 3 for 59s, acting",
        "quorum": "2 of 2 voters reachable, 2 needed",
        "members": "1 alive, 1 suspect, 1 unknown",
        "health": "passing",
        "up": "1m0s, version 0.1.0",
        "controller": "config-history: it failed",
        "warning": "two voters tolerate no failure",
    }
    assert "NAME" in done.out and "node003" in done.out


def test_members_stand_in_aligned_columns(agent: Agent) -> None:
    done = run("members")
    assert done.code == 0
    assert done.out.splitlines() == [
        "NAME       ADDRESS                   STATE    ROLE      VOTER  LAST SEEN  RTT",
        "node001 *  192.0.2.1:7946            alive    leader    yes    here       -",
        "node002    [2001:db8::2]:7946        suspect  follower  yes    2s         0.25 ms",
        "node003    node003.example.org:7946  unknown  unknown   no     never      -",
    ]
    wide = run("members", "-o", "wide").out
    assert "INCARNATION" in wide and "rack=r1" in wide and "b" * 32 in wide


def test_quiet_leaves_out_the_heading(agent: Agent) -> None:
    assert run("members", "-q").out.splitlines()[0].startswith("node001")


def test_members_in_the_other_forms(agent: Agent) -> None:
    assert msgspec.json.decode(run("members", "-o", "json").out, type=tuple[MemberView, ...]) == MEMBERS
    lines = run("members", "-o", "jsonl").out.splitlines()
    assert tuple(msgspec.json.decode(line, type=MemberView) for line in lines) == MEMBERS
    assert msgspec.convert(yaml.safe_load(run("members", "-o", "yaml").out), tuple[MemberView, ...]) == MEMBERS
    assert run("members", "-o", "name").out == "node001\nnode002\nnode003\n"


def test_a_filter_keeps_members_with_that_tag(agent: Agent) -> None:
    assert run("members", "-l", "rack=r1", "-o", "name").out == "node002\n"
    assert run("members", "-l", "rack=r1", "-l", "row=2", "-o", "name").out == ""
    assert run("-l", "rack=r2", "members", "-o", "name").out == ""


def test_the_leader_and_the_exit_code_without_one(agent: Agent) -> None:
    done = run("leader")
    assert (done.code, done.out.splitlines()[0].split()) == (0, ["leader:", "node001"])
    assert run("leader", "-o", "name").out == "node001\n"
    nobody = LeaderView("", "", 4, 0, acting=False, reason="1 of 3 voters reachable")
    agent.cluster.view = msgspec.structs.replace(STATUS, leader=nobody)
    done = run("leader")
    assert done.code == 5
    assert "none" in done.out and "1 of 3 voters reachable" in done.out
    assert (run("leader", "-o", "name").code, run("leader", "-o", "name").out) == (5, "")
    assert run("leader", "-o", "json").json["reason"] == "1 of 3 voters reachable"
    status = run("status")
    assert status.code == 0
    assert "none (1 of 3 voters reachable)" in status.out


def test_explain_gives_the_answer_then_the_evidence(agent: Agent) -> None:
    done = run("explain", "node", "node002")
    assert done.out == "Why node node002?\nbecause\n\nEvidence:\n- one\n- two\n"
    assert run("explain", "leader").out.startswith("Why leader")
    shown = msgspec.json.decode(run("explain", "leader", "-o", "json").out, type=Explanation)
    assert shown.evidence == ("one", "two")


@pytest.mark.parametrize("line", ["explain node node02", "rtt node02", "force-leave node02"])
def test_an_unknown_node_is_3_and_the_nearest_name_is_offered(agent: Agent, line: str) -> None:
    done = run(*line.split())
    assert (done.code, done.out) == (3, "")
    assert "'node02'" in done.err and "did you mean node002?" in done.err


def test_health_is_1_only_when_critical(agent: Agent) -> None:
    for status, code in (("passing", 0), ("warning", 0), ("critical", 1)):
        agent.cluster.view = msgspec.structs.replace(
            STATUS, health=msgspec.convert({"status": status, "score": 3, "reasons": ["late"]}, LocalHealthView)
        )
        done = run("health")
        assert (done.code, status in done.out, "late" in done.out) == (code, True, True)


def test_info_tells_identity_process_and_figures(agent: Agent) -> None:
    done = run("info")
    assert done.code == 0
    for text in ("a" * 32, "c" * 32, "process:", "memory:", "Never acted as leader.", "datagrams_sent"):
        assert text in done.out
    over_tcp = run("info", "-addr", f"127.0.0.1:{agent.port}", "-o", "json").json
    assert over_tcp["process"] is None
    assert over_tcp["counters"]["datagrams_sent"] == 7


def test_round_trip_times(agent: Agent) -> None:
    assert run("rtt", "-o", "json").json == [
        {"name": "node002", "state": "suspect", "rtt_ms": 0.25, "last_seen_ms": 1500},
        {"name": "node003", "state": "unknown", "rtt_ms": None, "last_seen_ms": None},
    ]
    one = run("rtt", "node002").out.splitlines()
    assert one[1].split() == ["node002", "0.25", "ms", "2s", "suspect"]


def test_settings_of_the_running_agent_with_their_sources(agent: Agent) -> None:
    done = run("settings", "show")
    assert done.out.splitlines()[1].split() == ["cluster.name", "test", "cluster.conf:2"]


def test_version_tells_the_agents_too(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYCLUSTER_TIMEOUT", "60s")  # else it goes without an agent that is slow
    done = run("version")
    assert (done.code, len(done.out.splitlines())) == (0, 2)
    assert "protocol 1 to 2" in done.out
    agent_version = run("version", "-o", "json").json["agent"]
    assert agent_version["api"] == "v1"


def test_version_without_an_agent_is_no_failure(tmp_path: Path) -> None:
    done = run("version", "-data-dir", str(tmp_path))
    assert (done.code, len(done.out.splitlines())) == (0, 1)
    assert "no such socket" in done.err
    assert run("version", "-o", "json").json["agent"] is None


def test_an_agent_that_does_not_run_is_4(tmp_path: Path) -> None:
    done = run("status", "-data-dir", str(tmp_path))
    assert (done.code, done.out) == (4, "")
    assert "no agent answers" in done.err and "-data-dir" in done.err


def test_an_agent_that_does_not_answer_is_6(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as stopped:
        stopped.bind(str(tmp_path / "agent.sock"))
        stopped.listen()
        done = run("status", "-data-dir", str(tmp_path), "--timeout", "50ms")
        monkeypatch.setenv("PYCLUSTER_TIMEOUT", "60ms")
        again = run("status", "-data-dir", str(tmp_path))
        monkeypatch.setenv("PYCLUSTER_TIMEOUT", "soon")
        wrong = run("status", "-data-dir", str(tmp_path))
    assert (done.code, done.out) == (6, "")
    assert "0.05 s" in done.err
    assert (again.code, wrong.code) == (6, 2)
    assert "0.06 s" in again.err and "PYCLUSTER_TIMEOUT: 'soon'" in wrong.err


def test_what_another_machine_says_cannot_command_a_terminal(agent: Agent) -> None:
    evil = msgspec.structs.replace(MEMBERS[1], tags={"x": "\x1b]0;owned\x07\n"}, version="\x1b[2J")
    agent.cluster.view = msgspec.structs.replace(STATUS, members=(MEMBERS[0], evil))
    out = run("members", "-o", "wide").out
    assert "\x1b" not in out and "\x07" not in out
    assert len(out.splitlines()) == 3


def test_colours_on_a_terminal_only_and_not_where_they_are_unwanted(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "\x1b[33m" in run("members", terminal=True).out
    assert "\x1b" not in run("members").out
    assert "\x1b" not in run("members", "--no-color", terminal=True).out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run("members", terminal=True).out
