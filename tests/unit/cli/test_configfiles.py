"""``config rendered`` and ``config render``: every form, and the exit codes."""

from __future__ import annotations

from tests.unit.cli.console import run
from tests.unit.web.fake import Agent


def test_rendered_tells_each_file(agent: Agent) -> None:
    told = run("config", "rendered")
    assert (told.code, told.err) == (0, "")
    heading, row = told.out.splitlines()
    assert heading.split() == ["NAME", "FILE", "STATE", "WANTED", "IN", "PLACE", "SINCE"]
    assert row.split()[:5] == ["web", "/etc/web.conf", "in-place", "ab12", "ab12"]
    assert "web.j2 (3)" in run("config", "rendered", "-o", "wide").out
    assert run("config", "rendered", "-o", "json").json["files"][0]["state"] == "in-place"
    assert run("config", "rendered", "-o", "name").out == "web\n"


def test_one_that_failed_says_why_and_ends_with_1(agent: Agent) -> None:
    agent.files.failed = "the check failed: exit code 1"
    told = run("config", "rendered")
    assert told.code == 1
    assert told.out.splitlines()[-1].startswith("web: the check failed: exit code 1 (tried again at ")


def test_render_says_what_was_done_and_what_would_be(agent: Agent) -> None:
    assert run("config", "render", "web").out == "/etc/web.conf: written\n"
    looked = run("config", "render", "web", "-dry-run", "-diff")
    assert looked.code == 0
    assert looked.out.splitlines() == [
        "/etc/web.conf: would change",
        "--- /etc/web.conf",
        "+++ template web",
        "@@ -1 +1 @@",
        "-old",
        "+new",
    ]
    assert run("config", "render", "web", "-q").out == ""
    assert run("config", "render", "web", "-o", "json").json["did"] == "written"


def test_what_is_not_for_everybody_is_not_told_over_tcp(agent: Agent) -> None:
    agent.files.closed = "the file has mode 0600"
    made = run("config", "render", "web", "-diff", "-addr", f"http://127.0.0.1:{agent.port}")
    assert (made.code, made.err) == (0, "")
    assert made.out.splitlines() == ["/etc/web.conf: written", "the file has mode 0600"]


def test_a_file_that_fails_ends_with_1(agent: Agent) -> None:
    done = run("config", "render", "bad")
    assert (done.code, done.out, done.err) == (1, "", "the check failed: exit code 1\n")
