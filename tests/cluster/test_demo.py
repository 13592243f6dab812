"""``pycluster demo`` tells the whole story and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.agents import LIMIT_S, ROOT, environment, wait_for


def demo(folder: Path, *flags: str) -> subprocess.Popen[str]:
    """Start it, its output in ``demo.out``."""
    with (folder / "demo.out").open("w") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "pycluster", "demo", *flags],
            cwd=ROOT,
            env=environment(TMPDIR=str(folder)),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
        )


def descendants(pid: int) -> set[int]:
    """Every process below ``pid``, from /proc."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


@pytest.mark.slow
def test_the_whole_story_in_one_command(tmp_path: Path) -> None:
    process = demo(tmp_path, "--kill-leader-after", "5", "--exit-after", "15")
    try:
        children = wait_for("five agents run", lambda: found if len(found := descendants(process.pid)) >= 5 else None)
        assert process.wait(timeout=LIMIT_S) == 0
    finally:
        process.kill()
        process.wait()
    text = (tmp_path / "demo.out").read_text()
    assert "New node discovered" in text, text
    # Who leads is the agents' matter: on a busy machine it may be the second.
    killing = re.search(r"Killing the leader, (node\d+), hard", text)
    assert killing is not None, text
    killed, before, after = killing[1], text[: killing.start()], text[killing.start() :]
    assert f"Became new leader: {killed}" in before, text
    lost, led = after.find(f"Leader {killed} timed out"), re.search(rf"Became new leader: (?!{killed})(node\d+)", after)
    assert led is not None and 0 <= lost < led.start(), text
    assert f"Following new leader: {led[1]}" in after, text
    assert "Cluster Status:" in text
    assert re.search(r"http://127\.\d+\.\d+\.\d+:\d+", text)
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []


def test_ctrl_c_cleans_up(tmp_path: Path) -> None:
    process = demo(tmp_path, "--nodes", "3")
    out = tmp_path / "demo.out"
    try:
        wait_for("a leader", lambda: True if "Became new leader: node001" in out.read_text() else None)
        children = descendants(process.pid)
        assert len(children) >= 3
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=LIMIT_S) in (0, 130), out.read_text()
    finally:
        process.kill()
        process.wait()
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []
    assert [path.name for path in tmp_path.iterdir()] == ["demo.out"], "its data is removed"


def test_its_agents_do_not_outlive_a_demo_that_was_killed(tmp_path: Path) -> None:
    process = demo(tmp_path, "--nodes", "3")
    out = tmp_path / "demo.out"
    try:
        wait_for("a leader", lambda: True if "Became new leader: node001" in out.read_text() else None)
        children = descendants(process.pid)
        assert len(children) >= 3
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        wait_for("no agent is left", lambda: None if any(Path(f"/proc/{pid}").exists() for pid in children) else True)
    finally:
        process.kill()
        process.wait()
