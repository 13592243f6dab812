"""An operator's own commands follow the leader, in order, bounded in time, and over a crash."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pycluster.node.view import ClusterEvent
from pycluster.runtime import HookBook, Hooks
from pycluster.settings import Hook
from tests.cluster.agents import environment
from tests.unit.descriptors import descriptors
from tests.unit.runtime.waiting import until

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "PYCLUSTER_NAME": "node001"}


def event(kind: str, term: int = 1, node: str = "node001") -> ClusterEvent:
    return ClusterEvent(term, kind, f"text of {kind}", 0, node, term)


class Stage:
    """Hooks that write what they were told into a file."""

    def __init__(self, folder: Path, script: str, *on: str, timeout_s: float = 30.0) -> None:
        self.written = folder / "told"
        self.book = folder / "hooks.json"
        self.said: list[tuple[str, str]] = []
        command = ("/bin/sh", "-c", f"exec >>{self.written}; {script}")
        self.hook = Hook("proxy", on, command, timeout_s)

    def hooks(self) -> Hooks:
        return Hooks((self.hook,), ENVIRONMENT, HookBook(str(self.book)), lambda *words: self.said.append(words))

    def lines(self) -> list[str]:
        return self.written.read_text().splitlines() if self.written.exists() else []


def test_it_is_told_what_it_asked_for_in_order_with_its_facts_and_nothing_else(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "echo $PYCLUSTER_EVENT $PYCLUSTER_TERM $PYCLUSTER_NAME", "leader-gained", "leader-lost")

    async def story() -> None:
        hooks = stage.hooks()
        for one in (event("leader-gained", 3), event("member-up"), event("leader-lost", 3), event("leader-gained", 5)):
            hooks.event(one)
        await hooks.finish(30)

    asyncio.run(story())
    told = ["leader-gained 3 node001", "leader-lost 3 node001", "leader-gained 5 node001"]
    # A command that is told to lead is ended early by the loss of leadership, so its line may be missing.
    assert [line for line in told if line in stage.lines()] == stage.lines()
    assert stage.lines()[-2:] == told[-2:]


def test_its_environment_is_minimal(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "env", "member-up")

    async def story() -> None:
        hooks = stage.hooks()
        hooks.event(event("member-up", node="node002"))
        await hooks.finish(30)

    asyncio.run(story())
    names = {line.partition("=")[0] for line in stage.lines()}
    assert "PYCLUSTER_EVENT_NODE=node002" in stage.lines()
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {
        *ENVIRONMENT,
        "PYCLUSTER_EVENT",
        "PYCLUSTER_EVENT_ID",
        "PYCLUSTER_EVENT_NODE",
        "PYCLUSTER_EVENT_TEXT",
        "PYCLUSTER_TERM",
    }


def test_one_that_hangs_is_stopped_and_told(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "sleep 1000 & sleep 1000", "member-up", timeout_s=0.2)

    async def story() -> None:
        hooks = stage.hooks()
        hooks.event(event("member-up"))
        await hooks.finish(30)

    asyncio.run(story())
    assert stage.said == [
        ("hook-failed", "Hook proxy failed on member-up: it did not end within 0.2 s and was stopped")
    ]


def test_one_that_fails_says_why_with_its_last_words(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "echo first >&2; echo no such service >&2; exit 3", "member-down")

    async def story() -> None:
        hooks = stage.hooks()
        hooks.event(event("member-down"))
        await hooks.finish(30)

    asyncio.run(story())
    assert stage.said == [("hook-failed", "Hook proxy failed on member-down: exit code 3: first | no such service")]


def test_a_command_that_does_not_exist_is_told(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "", "member-up")
    stage.hook = Hook("proxy", ("member-up",), ("/does/not/exist",))

    async def story() -> None:
        hooks = stage.hooks()
        hooks.event(event("member-up"))
        await hooks.finish(30)

    asyncio.run(story())
    (said,) = stage.said
    assert "/does/not/exist cannot be run: No such file" in said[1]


def test_losing_leadership_ends_the_command_that_was_told_to_lead(tmp_path: Path) -> None:
    script = "echo $PYCLUSTER_EVENT; [ $PYCLUSTER_EVENT = leader-lost ] || exec sleep 1000"
    stage = Stage(tmp_path, script, "leader-gained", "leader-lost")

    async def story() -> None:
        hooks = stage.hooks()
        hooks.event(event("leader-gained"))
        await until(lambda: stage.lines() == ["leader-gained"])
        hooks.event(event("leader-lost"))
        await until(lambda: stage.lines() == ["leader-gained", "leader-lost"])
        await hooks.finish(30)

    asyncio.run(story())
    assert stage.said == []


def test_after_a_crash_the_next_life_tells_that_it_is_over(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "echo $PYCLUSTER_EVENT $PYCLUSTER_TERM", "leader-gained", "leader-lost")

    async def leads() -> None:
        hooks = stage.hooks()
        hooks.event(event("leader-gained", 7))
        await hooks.finish(30)

    async def next_life() -> None:
        hooks = stage.hooks()
        hooks.catch_up("node001", 0, 0)
        await hooks.finish(30)

    asyncio.run(leads())
    assert json.loads(stage.book.read_text()) == {"proxy": 7}
    asyncio.run(next_life())
    asyncio.run(next_life())
    assert stage.lines() == ["leader-gained 7", "leader-lost 7"]
    assert json.loads(stage.book.read_text()) == {}


def test_at_the_end_what_runs_gets_its_time_and_no_more(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "echo began; sleep 1000", "member-up")

    async def story() -> None:
        hooks = stage.hooks()
        hooks.event(event("member-up"))
        await until(lambda: stage.lines() == ["began"])
        hooks.event(event("member-up"))
        await hooks.finish(0.05)

    asyncio.run(story())
    assert stage.lines() == ["began"]


def test_a_hook_that_is_too_slow_loses_member_events_and_says_so(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "[ $PYCLUSTER_EVENT = leader-lost ] || exec sleep 1000", "member-up", "leader-lost")

    async def story() -> None:
        hooks = stage.hooks()
        hooks.event(event("leader-lost"))
        for _ in range(300):
            hooks.event(event("member-up"))
        assert {kind for kind, _ in stage.said} == {"hook-dropped"}
        assert len(stage.said) == 300 + 1 - 256
        await hooks.finish(0.05)

    asyncio.run(story())


def test_what_was_not_begun_when_leadership_was_lost_is_not_begun(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "echo $PYCLUSTER_EVENT $PYCLUSTER_TERM", "leader-gained", "leader-lost", "member-up")

    async def story() -> None:
        hooks = stage.hooks()
        for one in (event("member-up"), event("leader-gained", 3), event("leader-lost", 3)):
            hooks.event(one)
        await hooks.finish(30)

    asyncio.run(story())
    assert stage.lines() == ["member-up 1", "leader-lost 3"]


def test_an_agent_that_stops_while_it_leads_tells_so(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "echo $PYCLUSTER_EVENT $PYCLUSTER_TERM", "leader-gained", "leader-lost")

    async def story() -> None:
        hooks = stage.hooks()
        hooks.event(event("leader-gained", 3))
        await until(lambda: stage.lines() == ["leader-gained 3"])
        for _ in range(2):
            hooks.conclude("node001", 0, 0)
        await hooks.finish(30)
        hooks.conclude("node001", 0, 0)
        await hooks.finish(30)

    asyncio.run(story())
    assert stage.lines() == ["leader-gained 3", "leader-lost 3"]


def test_one_that_asked_only_for_the_gain_is_never_told_the_loss(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "echo $PYCLUSTER_EVENT", "leader-gained")

    async def story() -> None:
        hooks = stage.hooks()
        hooks.event(event("leader-gained"))
        await hooks.finish(30)
        hooks.conclude("node001", 0, 0)
        stage.hooks().catch_up("node001", 0, 0)
        await hooks.finish(30)

    asyncio.run(story())
    assert stage.lines() == ["leader-gained"]


def test_a_loss_that_was_cut_short_is_told_again_by_the_next_life(tmp_path: Path) -> None:
    script = "echo $PYCLUSTER_EVENT; [ $PYCLUSTER_EVENT = leader-gained ] || exec sleep 1000"
    stage = Stage(tmp_path, script, "leader-gained", "leader-lost")

    async def story() -> None:
        hooks = stage.hooks()
        hooks.event(event("leader-gained", 4))
        await until(lambda: stage.lines() == ["leader-gained"])
        hooks.event(event("leader-lost", 4))
        await until(lambda: stage.lines() == ["leader-gained", "leader-lost"])
        hooks.abandon()
        await hooks.finish(30)

    asyncio.run(story())
    assert json.loads(stage.book.read_text()) == {"proxy": 4}


def test_what_a_command_leaves_running_holds_nothing_of_ours_open(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "", "member-up")
    stage.hook = Hook("proxy", ("member-up",), ("/bin/sh", "-c", f"sleep 1000 & echo $! >>{stage.written}"))

    async def story() -> None:
        hooks = stage.hooks()
        hooks.event(event("member-up"))
        await hooks.finish(30)
        before = descriptors().items()
        hooks.event(event("member-up"))
        await hooks.finish(30)
        assert not descriptors().items() - before

    try:
        asyncio.run(story())
    finally:
        for line in stage.lines():
            os.kill(int(line), signal.SIGKILL)


@pytest.mark.parametrize("found", [b"", b'{"proxy"', b'{"\xff":1}', b'{"proxy":' + b"[" * 100_000, None])
def test_a_book_that_says_nothing_is_told_and_whoever_may_have_been_told_to_lead_is_told_the_loss(
    tmp_path: Path, found: bytes | None
) -> None:
    stage = Stage(tmp_path, "echo $PYCLUSTER_EVENT $PYCLUSTER_TERM", "leader-gained", "leader-lost")
    if found is None:
        stage.book.mkdir()  # what is no file cannot be read, whoever asks
    else:
        stage.book.write_bytes(found)

    async def story() -> None:
        hooks = stage.hooks()
        ((kind, text),) = stage.said
        assert kind == "warning" and text.startswith(f"Warning: {stage.book} ")
        assert text.endswith(": every hook that follows the leader is told leader-lost")
        hooks.catch_up("node001", 0, 0)
        await hooks.finish(30)

    asyncio.run(story())
    assert stage.lines() == ["leader-lost 0"]
    if found is not None:
        assert json.loads(stage.book.read_text()) == {}
        assert not HookBook(str(stage.book)).problem


def test_a_damaged_book_is_told_where_no_hook_follows_the_leader_too(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "echo $PYCLUSTER_EVENT", "leader-gained")
    stage.book.write_bytes(b"{")

    async def story() -> None:
        hooks = stage.hooks()
        hooks.catch_up("node001", 0, 0)
        await hooks.finish(30)

    asyncio.run(story())
    assert stage.lines() == []
    assert [kind for kind, _ in stage.said] == ["warning"]


def test_the_books_owner_alone_reads_it(tmp_path: Path) -> None:
    umask = os.umask(0o022)
    try:
        asyncio.run(HookBook(str(tmp_path / "hooks.json")).note("a", 1))
    finally:
        os.umask(umask)
    assert (tmp_path / "hooks.json").stat().st_mode & 0o777 == 0o600


def test_the_book_is_in_its_directory_before_the_command_starts(tmp_path: Path) -> None:
    """A rename alone may be lost in a power cut: the directory is synced after it, by the kernel's own trace."""
    if shutil.which("strace") is None:
        pytest.skip("needs strace, Debian's package strace")
    trace, book = tmp_path / "trace", tmp_path / "hooks.json"
    note = f"asyncio.run(HookBook({str(book)!r}).note('a', 1))"
    program = f"import asyncio; from pycluster.runtime import HookBook; {note}"
    calls = "trace=fsync,rename,renameat,renameat2,openat"
    line = ["strace", "-f", "-y", "-e", calls, "-o", str(trace), sys.executable, "-c", program]
    subprocess.run(line, env=environment(), check=True, capture_output=True, timeout=60)
    told = trace.read_text()
    renamed = told.index(f'"{book}.new"', told.index("fsync("))
    assert f"<{tmp_path}>)" in told[told.index("fsync(", renamed) :]
