"""``config put -rollout``, ``config rollout`` and ``config nodes``: every form, and the exit codes."""

from __future__ import annotations

import re
import threading
import time

import pytest

from pycluster import store
from pycluster.controllers import Act, View, Write
from pycluster.rollouts import Board, FileReport, Report, Rolling, node_key, packed
from pycluster.rollouts.names import ROLLOUTS, above
from tests.unit.cli.console import run
from tests.unit.web.entries import NOW_MS
from tests.unit.web.fake import Agent

NAME = "web.j2"
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


class Leader:
    """Whoever brings the fake agent's rollouts forward. ``node001`` obeys; ``broken`` says why not."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.rolling = Rolling(Board())
        self.broken = ""
        self.ahead_ms = 0
        self.over = threading.Event()
        self.report(1, 1)

    def report(self, wanted: int, placed: int, problem: str = "") -> None:
        files = (FileReport("web", NAME, wanted, placed, NOW_MS, problem),)
        self.agent.run(self.agent.state.ask(store.Put(node_key("node001"), packed(Report(files)))))

    def lead(self) -> None:
        """Every plan, until one does nothing."""
        more = True
        while more:
            found = self.agent.run(self.agent.state.ask(store.Range(ROLLOUTS, above(ROLLOUTS))))
            assert isinstance(found, store.RangeResult)
            keys = {kv.key: kv for kv in found.kvs}
            view = View("node001", 1, found.revision, keys, self.agent.cluster.members())
            more = False
            for step in self.rolling.plan(view, time.time_ns() // 1_000_000 + self.ahead_ms).steps:
                if isinstance(step, Write):
                    self.agent.run(self.agent.state.ask(store.Txn(step.compare, step.writes)))
                    more = True
                else:
                    assert isinstance(step, Act)
                    self.rolling._board.told(step)

    def obey(self, version: int) -> None:
        self.lead()
        if self.broken:
            self.report(version, version - 1, self.broken)
            self.lead()
            self.report(version + 1, version + 1)
        else:
            self.report(version, version)
        self.lead()


@pytest.fixture
def leader(agent: Agent) -> Leader:
    assert run("config", "put", NAME, "-author", "ada", piped=b"one").code == 0
    return Leader(agent)


def begin(*more: str, content: bytes = b"two") -> str:
    done = run("config", "put", NAME, "-author", "ada", "-rollout", "canary=1,batch=50%", *more, piped=content)
    assert (done.code, done.err) == (0, "")
    return done.out


def test_it_begins_and_is_shown_in_every_form(leader: Leader) -> None:
    assert begin("-m", "why not") == "web.j2: version 2 is rolled out (over version 1)\n"
    leader.lead()
    shown = run("config", "rollout", "show", NAME)
    assert (shown.code, shown.err) == (0, "")
    head, heading, row = TIME.sub("WHEN", shown.out).splitlines()
    assert head == "web.j2: version 2 over version 1: running"
    assert heading.split() == ["NODE", "STATE", "BATCH", "WANTED", "IN", "PLACE", "SINCE", "WHY", "NOT"]
    assert row.split() == ["node001", "changing", "1", "2", "1", "WHEN", "-"]
    view = run("config", "rollout", "show", NAME, "-version", "2", "-o", "json").json
    assert (view["strategy"]["canary"], view["strategy"]["percent"], view["reason"]) == (1, 50, "why not")
    assert run("config", "rollout", "show", NAME, "-o", "name").out == "node001\n"
    listed = TIME.sub("WHEN", run("config", "rollout", "list").out).splitlines()
    assert [line.split() for line in listed] == [
        ["NAME", "VERSION", "STATE", "GOOD", "BEGUN", "AUTHOR", "WHY"],
        [NAME, "2", "running", "0", "of", "1", "WHEN", "ada", "-"],
    ]
    assert run("config", "rollout", "list", "-o", "name").out == "web.j2#2\n"
    assert run("config", "rollout", "list", "other", "-q").out == ""
    history = run("config", "history", NAME).out.splitlines()
    assert "(rolled out now) why not" in history[1] and history[1].split()[0] == "2"
    assert run("config", "get", NAME, "-version", "2").raw == b"two"
    assert run("config", "get", NAME).raw == b"one"


def test_what_is_rolled_out_stands_still(leader: Leader) -> None:
    begin()
    done = run("config", "put", NAME, piped=b"three")
    assert (done.code, done.out) == (1, "")
    assert "version 2 of web.j2 is rolled out (wait for it, or: pycluster config rollout abort web.j2)" in done.err
    again = run("config", "put", NAME, "-rollout", "all", piped=b"three")
    assert again.code == 1


def test_an_old_version_is_rolled_out_as_a_new_one(leader: Leader) -> None:
    assert run("config", "put", NAME, piped=b"two").code == 0
    looked = run("config", "rollback", NAME, "-rollout", "canary=1", "-dry-run")
    assert (looked.code, looked.out.splitlines()[-2:]) == (0, ["-two", "+one"])
    done = run("config", "rollback", NAME, "-rollout", "canary=1")
    assert (done.code, done.out) == (0, "web.j2: version 3 is rolled out (over version 2)\n")
    leader.lead()
    assert run("config", "get", NAME).raw == b"two"
    assert run("config", "get", NAME, "-version", "3").raw == b"one"
    assert "(rolled out now) rollback to version 1" in run("config", "history", NAME).out


def test_a_deletion_is_not_rolled_out(leader: Leader) -> None:
    for words in (("del", NAME, "-y"), ("put", NAME)):
        assert run("config", *words, piped=b"new").code == 0
    done = run("config", "rollback", NAME, "-rollout", "all")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("version 2 of web.j2 is a deletion, which is not rolled out (")
    assert run("config", "rollback", NAME, "-wait").code == 2


@pytest.mark.parametrize(("broken", "code", "state"), [("", 0, "done"), ("the check failed", 1, "rolled-back")])
def test_wait_ends_with_what_came_of_it(leader: Leader, broken: str, code: int, state: str) -> None:
    leader.broken = broken
    done = []

    def put() -> None:
        words = ("config", "put", NAME, "-rollout", "all", "-wait", "-o", "json")
        done.append(run(*words, piped=b"two"))

    # The console of this process is the thread's meanwhile.
    waiting = threading.Thread(target=put)
    waiting.start()
    while waiting.is_alive() and not leader.agent.run(_staged(leader)):
        waiting.join(0.01)
    leader.obey(2)
    waiting.join(60)
    assert (done[0].code, done[0].json["state"]) == (code, state)
    shown = run("config", "rollout", "wait", NAME)
    assert shown.code == code
    assert run("config", "rollout", "show", NAME).code == code
    if broken:
        assert "node001: the check failed" in shown.out
        assert "version 3 has the content from before" in shown.out


async def _staged(leader: Leader) -> bool:
    found = await leader.agent.state.ask(store.Range(ROLLOUTS + b"run/", ROLLOUTS + b"run0"))
    assert isinstance(found, store.RangeResult)
    return bool(found.kvs)


def test_people_steer_it(leader: Leader) -> None:
    begin()
    assert run("config", "rollout", "pause", NAME, "-m", "lunch").out == "web.j2: the rollout of version 2 is paused\n"
    shown = run("config", "rollout", "show", NAME)
    assert shown.code == 0
    assert "lunch (by " in shown.out
    assert run("config", "rollout", "resume", NAME).out == "web.j2: the rollout of version 2 is running\n"
    assert run("config", "rollout", "abort", NAME).out == "web.j2: the rollout of version 2 is being aborted\n"
    assert run("config", "rollout", "abort", NAME, "-q").out == ""
    assert "it is being aborted" in run("config", "rollout", "show", NAME).out
    leader.lead()
    assert run("config", "rollout", "abort", NAME, "-wait").out == "web.j2: the rollout of version 2 is aborted\n"
    late = run("config", "rollout", "pause", NAME)
    assert (late.code, late.out) == (1, "")
    assert "cannot be changed any more: it is aborted" in late.err
    assert run("config", "rollout", "wait", NAME).code == 1


def test_an_abort_says_who_did_not_go_back(leader: Leader) -> None:
    begin()
    leader.lead()
    leader.report(2, 2)
    assert run("config", "rollout", "abort", NAME).code == 0
    leader.lead()
    leader.report(3, 2, "disk full")
    assert "is being aborted" in run("config", "rollout", "abort", NAME).out
    leader.ahead_ms = 61_000
    leader.lead()
    done = run("config", "rollout", "abort", NAME, "-wait")
    assert (done.code, done.out.splitlines()) == (
        1,
        ["web.j2: the rollout of version 2 is aborted", "node001: it is not back after 60 s: disk full"],
    )
    assert run("config", "rollout", "abort", NAME, "-wait", "-q").code == 1
    assert run("config", "rollout", "abort", NAME).code == 0, "nobody waited for what the nodes do"


def test_nodes_say_what_they_have(leader: Leader) -> None:
    told = run("config", "nodes", NAME)
    assert told.code == 0
    row = TIME.sub("WHEN", told.out).splitlines()[1]
    assert row.split() == ["node001", "web", NAME, "1", "1", "WHEN", "-"]
    leader.report(2, 1, "the check failed")
    failed = run("config", "nodes")
    assert failed.code == 1
    assert failed.out.splitlines()[1].endswith("the check failed")
    assert run("config", "nodes", "-o", "json").json[0]["files"][0]["wanted"] == 2
    assert run("config", "nodes", "other", "-q").out == ""


def test_nothing_changes_and_a_dry_run(leader: Leader) -> None:
    same = run("config", "put", NAME, "-rollout", "all", "-wait", piped=b"one")
    assert (same.code, same.out) == (0, "web.j2: unchanged, version 1\n")
    looked = run("config", "put", NAME, "-rollout", "all", "-dry-run", piped=b"two")
    assert looked.code == 0
    assert looked.out.splitlines()[0] == "web.j2: version 2 (it was 1)"
    assert looked.out.splitlines()[-2:] == ["-one", "+two"]
    nobody = run("config", "put", "other", "-rollout", "all", "-dry-run", piped=b"two")
    assert (nobody.code, nobody.err) == (
        2,
        "other cannot be rolled out: no node renders a file from it (write it without -rollout)\n",
    )
    assert run("config", "rollout", "list", "-q").out == ""


@pytest.mark.parametrize("verb", ["show", "wait", "pause", "resume", "abort"])
def test_without_a_rollout_it_ends_with_3(agent: Agent, verb: str) -> None:
    done = run("config", "rollout", verb, NAME)
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith(f"there is no rollout of {NAME}")


@pytest.mark.parametrize(
    "how",
    ["", "canary", "canary=x", "batch=-1", "batch=200%", "soak=tomorrow", "on-failure=cry", "timeout=0.1s", "more=1"],
)
def test_a_strategy_that_is_none_ends_with_2(agent: Agent, how: str) -> None:
    done = run("config", "put", NAME, "-rollout", how, piped=b"two")
    assert (done.code, done.out) == (2, "")
    assert "on-failure=rollback or pause" in done.err or "is no time" in done.err


def test_to_wait_needs_a_rollout(agent: Agent) -> None:
    assert run("config", "put", NAME, "-wait", piped=b"two").code == 2
