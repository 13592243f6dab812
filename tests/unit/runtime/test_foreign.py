"""A command that has become another user's, as by ``sudo``: this user may not end it, and nobody waits for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cluster.agents import environment

pytestmark = pytest.mark.root

#: The command is begun as root, and whoever has to end it is nobody then. What is left over is ended as root again.
_STORY = """
import asyncio, contextlib, os, shutil, signal, sys, tempfile
from pycluster.node.view import ClusterEvent
from pycluster.runtime import Child, HookBook, Hooks, hooks
from pycluster.settings import Hook
from tests.unit.runtime.waiting import until

folder = tempfile.mkdtemp()
os.chmod(folder, 0o777)

def pid():
    with contextlib.suppress(FileNotFoundError, ValueError):
        with open(f"{folder}/pid") as file:
            return int(file.read())
    return 0

def said(*words):
    print(*words)

async def child():
    before = len(os.listdir("/proc/self/fd"))
    script = f"echo $$ > {folder}/pid; trap '' TERM; while :; do sleep 600; done"
    running = asyncio.ensure_future(Child(("/bin/sh", "-c", script), {"PATH": "/usr/bin:/bin"}, 600.0).run())
    await until(pid)
    os.setresuid(65534, 65534, 0)
    running.cancel()
    try:
        await running
    except asyncio.CancelledError:
        print("broken off")
    print("left open:", len(os.listdir("/proc/self/fd")) - before)

async def hooks_of_one_that_does_not_end():
    script = f"umask 0; echo $PYCLUSTER_EVENT >> {folder}/told; [ $PYCLUSTER_EVENT = leader-lost ] && exit;"
    script += f"echo $$ > {folder}/pid; trap '' TERM; while :; do sleep 600; done"
    hook = Hook("vip", ("leader-gained", "leader-lost"), ("/bin/sh", "-c", script), 600.0)
    all_of_them = Hooks((hook,), {"PATH": "/usr/bin:/bin"}, HookBook(f"{folder}/book"), said)
    all_of_them.event(ClusterEvent(1, "leader-gained", "", 0, "node001", 1))
    await until(pid)
    os.chmod(f"{folder}/book", 0o666)
    os.setresuid(65534, 65534, 0)
    all_of_them.event(ClusterEvent(2, "leader-lost", "", 0, "node001", 1))
    await all_of_them.finish(60)
    with open(f"{folder}/told") as file:
        print(file.read().split())

try:
    asyncio.run({"child": child, "hooks": hooks_of_one_that_does_not_end}[sys.argv[1]]())
finally:
    os.setresuid(0, 0, 0)
    os.killpg(pid(), signal.SIGKILL)
    shutil.rmtree(folder)
"""


def story(which: str) -> list[str]:
    """What it prints."""
    line = [sys.executable, "-c", _STORY, which]
    ended = subprocess.run(line, env=environment(), capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def test_whoever_waits_for_it_goes_and_leaves_nothing_open() -> None:
    assert story("child") == ["broken off", "left open: 0"]


def test_the_hook_behind_it_runs_all_the_same() -> None:
    told = story("hooks")
    assert told[-1] == "['leader-gained', 'leader-lost']"
    assert "Hook vip failed on leader-gained: it does not end, and this user may not end it" in told[0]
