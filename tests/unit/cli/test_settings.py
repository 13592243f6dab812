"""``settings check`` and ``settings show`` of a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.console import run

GOOD = """[cluster]
name = proxy
discovery_port = 7946

[nodes]
node001 = "192.0.2.1:7946"
node002 = "192.0.2.2:7946"
node003 = "192.0.2.3:7946"
"""


def written(text: str) -> str:
    """A file in the working directory."""
    Path("some.conf").write_text(text)
    return "some.conf"


def test_a_good_file_has_no_mistakes() -> None:
    done = run("settings", "check", "-config", written(GOOD), "-name", "node001")
    assert (done.code, done.out, done.err) == (0, "some.conf: no mistakes\n", "")


def test_the_file_of_the_working_directory_is_meant_without_a_flag() -> None:
    Path("cluster.conf").write_text(GOOD)
    assert run("settings", "check", "-name", "node001").out == "cluster.conf: no mistakes\n"


def test_all_mistakes_come_at_once_with_their_lines() -> None:
    done = run("settings", "check", "-config", written(GOOD.replace("7946\n", "much\n", 1) + "node001 = 192.0.2.300\n"))
    assert (done.code, done.out) == (2, "")
    assert "some.conf:3" in done.err and "some.conf:9" in done.err


def test_the_cores_parameters_are_judged_too() -> None:
    text = GOOD + "[membership]\nprobe_intervall_ms = 5\n[consensus]\nlease_ms = 5000\n[following]\nclaim_ttl_ms = x\n"
    done = run("settings", "check", "-config", written(text), "-name", "node001", "-o", "json")
    assert done.code == 2
    problems = "\n".join(done.json["problems"])
    assert "did you mean probe_interval_ms?" in problems
    assert "lease_ms = 5000" in problems
    assert "claim_ttl_ms" in problems
    assert "some.conf:10" in problems
    assert done.json["ok"] is False


def test_a_warning_is_no_mistake() -> None:
    done = run("settings", "check", "-config", written(GOOD + "what is this\n"), "-name", "node001")
    assert (done.code, done.out) == (0, "some.conf: no mistakes\n")
    assert "warning: some.conf:9" in done.err
    assert run("settings", "check", "-config", "some.conf", "-name", "node001", "-q").err == ""


def test_a_missing_file_is_a_mistake() -> None:
    done = run("settings", "check", "-config", "nowhere.conf")
    assert done.code == 2
    assert "nowhere.conf" in done.err


def test_the_environment_may_name_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYCLUSTER_CONFIG", written(GOOD))
    assert run("settings", "check", "-name", "node001").out == "some.conf: no mistakes\n"
    monkeypatch.setenv("PYCLUSTER_CONFIG", "nowhere.conf")
    done = run("agent")
    assert (done.code, "nowhere.conf" in done.err) == (2, True)


def test_they_are_judged_whatever_else_is_wrong() -> None:
    text = "[cluster]\nname = a b\n[consensus]\nlease_ms = soon\n[node]\nprot = 1\n"
    problems = run("settings", "check", "-config", written(text), "-o", "json").json["problems"]
    assert len(problems) == 3
    assert [line for line in problems if line.startswith("some.conf:4: [consensus] lease_ms")]


def test_the_environment_is_judged_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYCLUSTER_PORT", "much")
    done = run("settings", "check", "-config", written(GOOD))
    assert done.code == 2
    assert "PYCLUSTER_PORT" in done.err


def test_a_files_settings_with_their_sources() -> None:
    done = run("settings", "show", "-config", written(GOOD), "-name", "node002")
    rows = {line.split()[0]: line.split()[1:] for line in done.out.splitlines()}
    assert rows["name"] == ["node002", "flag", "-name"]
    assert rows["port"] == ["7946", "file", "some.conf:3"]
    assert rows["nodes.node003"][0] == "192.0.2.3:7946"
    shown = run("settings", "show", "-config", "some.conf", "-name", "node002", "-o", "yaml").out
    assert "cluster:\n  value: proxy\n  source: file some.conf:2\n" in shown
