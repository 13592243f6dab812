"""``monitor`` and ``--watch``: what comes while it runs, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from pycluster.node.view import ClusterEvent
from pycluster.runtime.journal import EventJournal
from tests.unit.cli.console import run
from tests.unit.web.fake import STATUS, Agent

ROOT = Path(__file__).resolve().parents[3]


def start(agent: Agent, *words: str) -> subprocess.Popen[str]:
    """The command line in a process of its own, its output in a pipe."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYCLUSTER_ADDR": f"unix:{agent.path}"}
    return subprocess.Popen(
        [sys.executable, "-m", "pycluster", *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def line(process: subprocess.Popen[str]) -> str:
    """Its next line."""
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_events_one_a_line_in_json(agent: Agent, form: str) -> None:
    agent.run(agent.cluster.publish(3))
    done = run("monitor", "-after", "1", "-count", "2", "-o", form)
    events = [msgspec.json.decode(text, type=ClusterEvent) for text in done.out.splitlines()]
    assert (done.code, [event.id for event in events]) == (0, [2, 3])


def test_events_for_people(agent: Agent) -> None:
    agent.run(agent.cluster.publish(2, text="it\x1bhappened"))
    done = run("monitor", "-after", "0", "-count", "1")
    assert done.out.endswith(" it?happened\n")
    assert run("monitor", "-after", "0", "-count", "1", "-o", "wide").out.endswith(" 1 member-up: it?happened\n")
    assert run("monitor", "-after", "0", "-count", "2", "-o", "name").out == "member-up\nmember-up\n"
    assert run("monitor", "-after", "0", "-count", "2", "-o", "yaml").out.count("kind: member-up") == 2


def test_a_place_that_is_gone_is_told_and_following_goes_on(agent: Agent) -> None:
    agent.cluster.journal = EventJournal(2)
    agent.run(agent.cluster.publish(9))
    process = start(agent, "monitor", "-after", "1", "-count", "1", "-o", "jsonl")
    with process:
        assert process.stderr is not None
        assert "following from now on" in process.stderr.readline()
        published = 0
        while process.poll() is None and published < 100:
            # It subscribes in its own time, and only what comes afterwards is news to it.
            agent.run(agent.cluster.publish(1))
            published += 1
            try:
                process.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
        assert process.returncode == 0
        assert msgspec.json.decode(line(process), type=ClusterEvent).id > 9


def test_ctrl_c_is_130(agent: Agent) -> None:
    agent.run(agent.cluster.publish(1))
    process = start(agent, "monitor", "-after", "0")
    with process:
        assert line(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


@pytest.mark.parametrize("words", [("monitor", "-after", "0"), ("members", "-w"), ("leader", "-w", "-o", "json")])
def test_it_ends_with_its_reader_though_nothing_happens(agent: Agent, words: tuple[str, ...]) -> None:
    agent.run(agent.cluster.publish(1))
    process = start(agent, *words)
    with process:
        assert line(process)
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.wait(30) == 141
        assert process.stderr.read() == ""


def test_a_reader_that_has_gone_is_no_traceback(agent: Agent) -> None:
    process = start(agent, "status")
    with process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.wait(30) == 141
        assert process.stderr.read() == ""


def test_watching_prints_again_when_something_changed(agent: Agent) -> None:
    process = start(agent, "leader", "-w", "-o", "name")
    with process:
        assert line(process) == "node001\n"
        agent.cluster.view = msgspec.structs.replace(
            STATUS, now_us=STATUS.now_us + 1, leader=msgspec.structs.replace(STATUS.leader, leader="node002")
        )
        agent.run(agent.cluster.publish(1))
        assert line(process) == "node002\n"
        process.kill()


def test_with_standard_input_closed_nobody_is_asked(agent: Agent, tmp_path: Path) -> None:
    (tmp_path / "entries").mkdir()
    (tmp_path / "motd").write_text("hello")
    for words in (
        ("config", "put", "motd", str(tmp_path / "motd")),
        ("config", "import", str(tmp_path / "entries"), "-prune"),
        ("config", "put", "motd", str(tmp_path / "motd")),
        ("config", "del", "motd"),
        ("kv", "del", "", "-prefix", "-force"),
        ("leave",),
    ):
        done = run(*words, piped=None)
        assert done.code == 0, (words, done)
