"""``lock`` and ``elect``: the command's exit code, its environment, and what happens when the lock is lost."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pycluster import store
from tests.unit.cli.console import run
from tests.unit.web.fake import Agent

SOURCE = Path(__file__).resolve().parents[3] / "src"


#: A command that counts interrupts until it is told to end. A shell may miss a signal while it begins what it runs.
COUNTING = """
import signal
interrupts, awaited = 0, {signal.SIGINT, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
print("begun", flush=True)
while signal.sigwait(awaited) == signal.SIGINT:
    interrupts += 1
    print("interrupted", flush=True)
print("ended after", interrupts, flush=True)
"""
COMMAND = (sys.executable, "-c", COUNTING)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def start(*words: str) -> subprocess.Popen[bytes]:
    """The command line in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-m", "pycluster", *words]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=-3)


def keys(agent: Agent, prefix: bytes) -> list[bytes]:
    result = agent.run(agent.state.ask(store.Range(prefix, prefix + b"\xff")))
    assert isinstance(result, store.RangeResult)
    return [kv.key for kv in result.kvs]


@pytest.mark.parametrize("verb", ["lock", "elect"])
@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("exit 3", 3)], ids=str
)
def test_it_ends_as_the_command_does_and_gives_back_what_it_held(
    agent: Agent, verb: str, script: str, code: int
) -> None:
    assert run(verb, "jobs", "--", "sh", "-c", script).code == code
    assert (keys(agent, b"jobs/"), agent.state.store.lease_ids()) == ([], ())


def test_the_command_is_told_its_fencing_token(agent: Agent) -> None:
    tokens = []
    for _ in range(2):
        command = 'echo "$PYCLUSTER_LOCK_TOKEN $PYCLUSTER_LOCK_KEY" > told'
        assert run("lock", "-ttl", "60s", "jobs", "--", "sh", "-c", command).code == 0
        token, key = Path("told").read_text().split()
        assert key.startswith("jobs/")
        tokens.append(int(token))
    assert 0 < tokens[0] < tokens[1]


@pytest.mark.parametrize(("command", "code"), [("no-such-command", 127), ("/", 126)])
def test_a_command_that_cannot_run(agent: Agent, command: str, code: int) -> None:
    done = run("lock", "jobs", "--", command)
    assert (done.code, done.err.startswith(f"cannot run {command}: ")) == (code, True)
    assert keys(agent, b"jobs/") == []


def test_only_one_at_a_time_and_giving_up_ends_with_6(agent: Agent) -> None:
    holder = start("lock", "jobs", "--", "sleep", "600")
    wait_for(lambda: len(keys(agent, b"jobs/")) == 1)
    done = run("lock", "jobs", "-wait", "2s", "--", "true")
    assert (done.code, done.err.startswith("the lock was not got")) == (6, True)
    waiting = start("lock", "jobs", "--", "sh", "-c", "exit 9")
    wait_for(lambda: len(keys(agent, b"jobs/")) == 2)
    holder.send_signal(signal.SIGTERM)  # reaches the command, and the lock goes to the next
    assert holder.wait(60) == 128 + signal.SIGTERM
    assert waiting.wait(60) == 9
    for process in (holder, waiting):
        process.communicate()


def test_when_the_lock_is_lost_the_command_is_ended_and_the_reason_told(agent: Agent) -> None:
    holder = start("lock", "-ttl", "5", "jobs", "--", *COMMAND)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"begun\n"
    agent.run(agent.state.pass_time(60))
    out, err = holder.communicate(timeout=60)
    assert (holder.returncode, out) == (1, b"ended after 0\n")
    assert err.startswith(b"the lock was lost: it")


def test_without_a_command_it_is_held_until_it_is_told_to_stop(agent: Agent) -> None:
    holder = start("lock", "jobs", "-o", "json")
    assert holder.stdout is not None
    line = holder.stdout.readline()
    (key,) = keys(agent, b"jobs/")
    assert line == b'{"key":"%b","token":2}\n' % key
    holder.send_signal(signal.SIGINT)
    holder.communicate(timeout=60)
    assert (holder.returncode, keys(agent, b"jobs/")) == (130, [])


def test_who_waits_and_is_told_to_stop_leaves_the_queue(agent: Agent) -> None:
    with_lock = agent.run(agent.state.ask(store.Put(b"jobs/1")))
    assert isinstance(with_lock, store.PutResult)
    waiting = start("lock", "jobs", "--", "true")
    wait_for(lambda: len(keys(agent, b"jobs/")) == 2)
    waiting.send_signal(signal.SIGTERM)
    waiting.communicate(timeout=60)
    assert (waiting.returncode, keys(agent, b"jobs/")) == (128 + signal.SIGTERM, [b"jobs/1"])


def test_the_election_can_be_observed(agent: Agent) -> None:
    observer = start("elect", "svc", "-observe")
    assert observer.stdout is not None
    assert observer.stdout.readline() == b"nobody leads\n"
    leader = start("elect", "svc", "-value", "me", "--", "sleep", "600")
    assert observer.stdout.readline() == b"me\n"
    leader.send_signal(signal.SIGTERM)
    assert observer.stdout.readline() == b"nobody leads\n"
    observer.send_signal(signal.SIGINT)
    for process in (leader, observer):
        process.communicate(timeout=60)
    assert (leader.returncode, observer.returncode) == (128 + signal.SIGTERM, 130)


@pytest.mark.parametrize("after", range(8), ids=lambda after: f"{after} turns of the loop")
def test_no_command_outlives_the_claim_when_a_signal_comes_while_it_is_begun(agent: Agent, after: int) -> None:
    """SIGTERM to ourselves while the process is made, and each few turns of the event loop later."""
    code = f"""
import asyncio, os, signal, sys
real = asyncio.create_subprocess_exec
async def create(*words, **kept):
    def tell(turns):
        asyncio.get_running_loop().call_soon(tell, turns - 1) if turns else os.kill(os.getpid(), signal.SIGTERM)
    tell({after})
    return await real(*words, **kept)
asyncio.create_subprocess_exec = create
from pycluster.cli import main
sys.argv = ["pycluster", "elect", "svc", "--", "sleep", "600"]
sys.exit(main())
"""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=pipe, stderr=pipe) as process:
        # the command holds these pipes too: they end with the last of both
        process.communicate(timeout=60)
    assert (process.returncode, keys(agent, b"svc/")) == (128 + signal.SIGTERM, [])


def test_with_standard_input_closed_the_command_runs_with_the_lock(agent: Agent) -> None:
    assert run("lock", "jobs", "--", "sh", "-c", "exit 7", piped=None).code == 7
    assert keys(agent, b"jobs/") == []


def test_no_command_outlives_the_claim_where_something_fails_once_it_runs(agent: Agent) -> None:
    code = """
import asyncio, sys
real = asyncio.create_subprocess_exec
async def create(*words, **kept):
    process = await real(*words, **kept)
    asyncio.get_running_loop().add_signal_handler = None
    return process
asyncio.create_subprocess_exec = create
from pycluster.cli import main
sys.argv = ["pycluster", "lock", "jobs", "--", "sleep", "600"]
sys.exit(main())
"""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=pipe, stderr=pipe) as process:
        # the command holds these pipes too: they end with the last of both
        _, err = process.communicate(timeout=60)
    assert (process.returncode, keys(agent, b"jobs/")) == (1, [])
    assert err.splitlines()[-1] == b"TypeError: 'NoneType' object is not callable"


def test_a_command_is_ended_where_the_verb_is_killed(agent: Agent) -> None:
    holder = start("lock", "-ttl", "600", "jobs", "--", *COMMAND)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"begun\n"
    holder.kill()
    assert holder.communicate(timeout=60)[0] == b"ended after 0\n"


@pytest.mark.parametrize("code", [0, 7])
def test_it_ends_as_the_command_does_also_where_the_lock_cannot_be_given_back(agent: Agent, code: int) -> None:
    script = f"echo begun; while [ ! -e go ]; do sleep 0.05; done; exit {code}"
    holder = start("lock", "-ttl", "600", "jobs", "--", "sh", "-c", script)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"begun\n"
    agent.state.failures = [store.Failure("no-space", "the reason")] * 1_000
    Path("go").touch()
    _, err = holder.communicate(timeout=60)
    agent.state.failures = []
    assert holder.returncode == code
    assert b" was not given back, and ends by itself within 600 s: " in err and b"the reason" in err
    assert len(keys(agent, b"jobs/")) == 1


def test_without_a_quorum_nobody_is_said_to_have_the_lock(agent: Agent) -> None:
    agent.ask("GET", "/api/v1/state")  # the server is awake
    agent.state.failures = [store.Failure("no-leader", "the reason")] * 1_000
    done = run("lock", "jobs", "-wait", "3s", "--", "true")
    assert (done.code, "the reason" in done.err, "somebody" in done.err) == (5, True, False)


def test_when_its_key_is_deleted_the_command_is_ended_at_once(agent: Agent) -> None:
    holder = start("lock", "-ttl", "3600", "jobs", "--", "sh", "-c", "echo begun; exec sleep 600")
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"begun\n"
    (key,) = keys(agent, b"jobs/")
    assert run("kv", "del", os.fsdecode(key)).code == 0
    _, err = holder.communicate(timeout=60)
    assert (holder.returncode, err) == (1, b"the lock was lost: its key was deleted\n")


#: The command line in a session of its own, of the terminal that is given, if any. It says when it passes signals on.
APART = """
import asyncio, fcntl, os, signal, sys, termios
os.setsid()
if sys.argv[1]:
    fcntl.ioctl(int(sys.argv[1]), termios.TIOCSCTTY, 0)
real = asyncio.SelectorEventLoop.add_signal_handler
def add(loop, number, *given):
    real(loop, number, *given)
    if number == signal.SIGINT:
        print("ready", flush=True)
asyncio.SelectorEventLoop.add_signal_handler = add
from pycluster.cli import main
del sys.argv[1]
sys.exit(main())
"""


@pytest.mark.parametrize("by_terminal", [True, False])
def test_an_interrupt_reaches_the_command_once_though_standard_input_is_no_terminal(
    agent: Agent, by_terminal: bool
) -> None:
    ours, theirs = pty.openpty()
    terminal = str(theirs) if by_terminal else ""
    words = [sys.executable, "-c", APART, terminal, "lock", "-ttl", "3600", "jobs", "--", *COMMAND]
    environment, pipe = {**os.environ, "PYTHONPATH": str(SOURCE)}, subprocess.PIPE
    with subprocess.Popen(words, env=environment, stdout=pipe, stdin=-3, pass_fds=[theirs]) as holder:
        assert holder.stdout is not None
        assert sorted(holder.stdout.readline() for _ in range(2)) == [b"begun\n", b"ready\n"]
        if by_terminal:
            os.write(ours, b"\x03")
        else:
            holder.send_signal(signal.SIGINT)
        assert holder.stdout.readline() == b"interrupted\n"
        holder.send_signal(signal.SIGTERM)  # is passed on after what came before it
        assert holder.communicate(timeout=60)[0] == b"ended after 1\n"
    assert holder.returncode == 0
    for end in (ours, theirs):
        os.close(end)
