"""The plan of rollouts: who is released when, what stops it, and what is in force at its end."""

from __future__ import annotations

import pytest

from pycluster.controllers import View
from pycluster.rollouts import Board, FileReport, Params, Rolling, Strategy
from tests.unit.rollouts.stage import NAME, Stage


def test_a_canary_then_batches_then_it_is_in_force() -> None:
    stage = Stage(5)
    started = stage.begin(canary=1, batch=2)
    assert (started.change.version, started.change.before) == (2, 1)
    assert (stage.entry().version, stage.entry().content, stage.entry().rolling) == (1, "one", 2)
    stage.settle()
    assert {node: one.batch for node, one in stage.released().items()} == {"n01": 1}
    assert stage.sees("n01") == (2, "two")
    assert stage.sees("n02") == (1, "one")
    stage.obey("n02")
    assert stage.settle() == [], "the canary said nothing yet"
    stage.obey("n01")
    stage.settle()
    assert sorted(stage.released()) == ["n01", "n02", "n03"]
    stage.obey("n02")
    assert stage.settle() == [], "half a batch"
    assert stage.lanes() == {"n01": "good", "n02": "good", "n03": "changing", "n04": "waiting", "n05": "waiting"}
    view = stage.play()
    assert (view.state, view.result, view.good, view.batch, view.total) == ("done", 2, 5, 3, 5)
    entry = stage.entry()
    assert (entry.version, entry.content, entry.author, entry.reason, entry.rolling) == (2, "two", "ada", "why not", 0)
    assert [one.version for one in stage.history()] == [2, 1]
    kinds = [one.kind for one in stage.told]
    assert kinds == ["rollout-started", *["rollout-released"] * 3, "rollout-done"]


def test_a_bad_canary_stops_it_and_the_others_never_saw_it() -> None:
    stage = Stage(10)
    stage.begin("bad", canary=1)
    stage.settle()
    stage.obey()
    stage.settle()
    assert sorted(stage.released()) == ["n01"]
    view = stage.play()
    assert (view.state, view.result) == ("rolled-back", 3)
    assert view.why == "n01: the check failed: exit code 1"
    assert stage.lanes() == {"n01": "back", **{f"n{n:02}": "untouched" for n in range(2, 11)}}
    newest, failed, first = stage.history()
    assert (newest.version, newest.author) == (3, "pycluster")
    assert (failed.version, failed.reason, first.version) == (2, "why not", 1)
    assert newest.reason == (
        "rollback to version 1: the rollout of version 2 stopped: n01: the check failed: exit code 1"
    )
    assert stage.entry().content == "one"
    assert {stage.sees(node) for node in stage.states} == {(3, "one")}
    told = {one.kind: one for one in stage.told}
    assert told["rollout-stopped"].problem == f"the rollout of {NAME} version 2 is rolling-back: {view.why}"
    assert told["rollout-rolled-back"].problem == ""


@pytest.mark.parametrize(("failures", "state"), [(1, "rolled-back"), (2, "done")])
def test_so_many_may_fail(failures: int, state: str) -> None:
    stage = Stage(4)
    stage.begin(batch=2, failures=failures)
    for _ in range(20):
        stage.settle()
        stage.obey()
        for node in ("n02", "n03"):
            if stage.sees(node)[0] == 2:
                stage.report(node, FileReport("web", NAME, 2, 1, 0, "the reload failed"))
        if stage.newest().over:
            break
    assert stage.newest().state == state
    if state == "rolled-back":
        assert stage.newest().why == "n02: the reload failed; n03: the reload failed"


def test_who_says_nothing_in_time_has_failed() -> None:
    stage = Stage(3)
    stage.begin(canary=1, timeout_s=30)
    stage.settle()
    stage.states["n01"] = "down"
    plan = stage.rolling.plan(stage.view(), stage.now_ms)
    assert plan.again_ms == stage.now_ms + 30_000
    stage.now_ms += 29_999
    assert stage.settle() == []
    stage.now_ms += 1
    stage.settle()
    assert stage.newest().why == "n01: it is not in place after 30 s: the node is down"
    assert stage.newest().state == "rolling-back", "it may come back with the new version"
    stage.now_ms += 30_000
    stage.settle()
    assert stage.newest().state == "rolled-back"
    assert stage.lanes()["n01"] == "failed"


def test_a_probe_that_does_not_pass_holds_it_up_and_says_why() -> None:
    stage = Stage(2)
    stage.begin(canary=1, timeout_s=10)
    stage.settle()
    stage.report("n01", FileReport("web", NAME, 2, 2, 0, "", "exit code 7"))
    assert stage.settle() == []
    assert stage.lanes()["n01"] == "changing"
    stage.now_ms += 10_000
    stage.settle()
    assert stage.newest().why == "n01: it is not in place after 10 s: exit code 7"


def test_it_soaks_between_batches_and_a_node_that_fails_meanwhile_stops_it() -> None:
    stage = Stage(3)
    stage.begin(batch=1, soak_s=20)
    stage.settle()
    stage.obey()
    stage.settle()
    assert stage.show().soak_until_ms == stage.now_ms + 20_000
    stage.now_ms += 19_999
    assert stage.settle() == []
    stage.now_ms += 1
    stage.settle()
    assert sorted(stage.released()) == ["n01", "n02"]
    stage.obey()
    stage.settle()
    assert sorted(stage.released()) == ["n01", "n02"], "each batch soaks anew"
    stage.report("n01", FileReport("web", NAME, 2, 1, 0, "the reload failed"))
    stage.settle()
    assert (stage.newest().state, stage.newest().why) == ("rolling-back", "n01: the reload failed")


def test_a_failure_may_pause_it_and_people_go_on_or_not() -> None:
    stage = Stage(3)
    stage.begin("bad", canary=1, on_failure="pause")
    stage.settle()
    stage.obey()
    stage.settle()
    view = stage.show()
    assert (view.state, view.why, view.by, view.settled, view.well) == (
        "paused",
        "n01: the check failed: exit code 1",
        "",
        True,
        False,
    )
    assert stage.told[-1].problem
    stage.steer("resume")
    stage.settle()
    assert sorted(stage.released()) == ["n01", "n02", "n03"], "the canary is accepted as it is"
    stage.obey()
    stage.settle()
    assert stage.newest().state == "paused"
    stage.steer("abort", "enough")
    assert stage.show().wish == "abort"
    view = stage.play()
    assert (view.state, view.by, view.why) == ("aborted", "bob", "enough")
    newest = stage.history()[0]
    assert (newest.author, newest.reason) == (
        "bob",
        "rollback to version 1: the rollout of version 2 was aborted: enough",
    )


def test_paused_it_releases_nobody_and_goes_on_where_it_was() -> None:
    stage = Stage(3)
    stage.begin(batch=1)
    stage.settle()
    stage.steer("pause", "lunch")
    stage.obey()
    assert stage.settle() == []
    assert sorted(stage.released()) == ["n01"]
    stage.steer("resume")
    assert stage.play().state == "done"
    kinds = [one.kind for one in stage.told]
    assert kinds.count("rollout-paused") == kinds.count("rollout-resumed") == 1


def test_while_paused_a_failure_still_brings_the_old_version_back() -> None:
    stage = Stage(3)
    stage.begin("bad", batch=1)
    stage.settle()
    stage.steer("pause")
    stage.obey()
    stage.settle()
    assert stage.play().state == "rolled-back"


def test_who_is_down_is_passed_over_and_the_end_waits_for_it_for_a_while() -> None:
    stage = Stage(3)
    stage.states["n02"] = "down"
    stage.begin(batch=1, timeout_s=30)
    for _ in range(5):
        stage.settle()
        stage.obey()
    assert stage.lanes() == {"n01": "good", "n03": "good", "n02": "absent"}
    assert stage.newest().state == "running"
    stage.states["n02"] = "alive"
    stage.settle()
    assert stage.released()["n02"].batch == 3
    assert stage.play().state == "done"

    stage.states["n02"] = "down"
    stage.begin("three", batch=1, timeout_s=30)
    for _ in range(5):
        stage.settle()
        stage.obey()
    stage.now_ms += 30_000
    stage.settle()
    assert (stage.newest().state, stage.lanes()["n02"]) == ("done", "absent")
    assert stage.sees("n02") == (3, "three"), "what is in force, when it is back"


def test_only_nodes_that_are_down_keep_it_from_ending_with_nobody() -> None:
    stage = Stage(2)
    stage.states = dict.fromkeys(stage.states, "down")
    stage.begin(canary=1)
    stage.now_ms += 1_000_000
    assert stage.settle() == []
    stage.states["n02"] = "alive"
    stage.settle()
    assert sorted(stage.released()) == ["n02"]


def test_who_is_suspected_is_waited_for() -> None:
    stage = Stage(2)
    stage.states["n02"] = "suspect"
    stage.begin()
    stage.settle()
    stage.obey()
    stage.settle()
    stage.now_ms += 1_000_000
    assert stage.settle() == []
    assert (stage.newest().state, sorted(stage.released())) == ("running", ["n01"])
    stage.states["n02"] = "alive"
    assert stage.play().state == "done"
    assert stage.lanes() == {"n01": "good", "n02": "good"}


def test_who_joins_in_the_middle_gets_its_turn_and_who_uses_the_entry_no_more_is_not_waited_for() -> None:
    stage = Stage(4)
    stage.begin(canary=1, batch=1)
    stage.settle()
    stage.join("n00")
    assert stage.sees("n00") == (1, "one")
    stage.obey("n01")
    stage.settle()
    assert sorted(stage.released()) == ["n00", "n01"], "by name, the next batch"
    stage.report("n00")
    stage.settle()
    assert sorted(stage.released()) == ["n00", "n01", "n02"]
    stage.states["n00"] = "down"
    assert stage.play().state == "done"
    assert stage.lanes() == {"n01": "good", "n00": "gone", "n02": "good", "n03": "good", "n04": "good"}


def test_a_later_leader_waits_again_for_whom_it_does_not_know_yet() -> None:
    stage = Stage(2)
    stage.states["n02"] = "down"
    stage.begin(batch=1, timeout_s=30)
    stage.settle()
    stage.obey()
    stage.settle()
    stage.states = {"n01": "alive"}
    stage.term, stage.now_ms = 2, stage.now_ms + 1_000_000
    stage.settle()
    assert stage.newest().state == "running"
    stage.states["n02"] = "alive"
    stage.settle()
    assert sorted(stage.released()) == ["n01", "n02"]
    assert stage.play().state == "done"
    assert "rollout-continued" in [one.kind for one in stage.told]


def test_of_two_plans_that_see_other_members_only_one_releases() -> None:
    stage = Stage(3)
    stage.begin(batch=1)
    stage.states["n01"] = "down"
    late = stage.rolling.plan(stage.view(), stage.now_ms)
    stage.states["n01"] = "alive"
    stage.settle()
    assert sorted(stage.released()) == ["n01"]
    assert stage.perform(late) == [], "it would have released another one"
    assert sorted(stage.released()) == ["n01"]


def test_a_batch_of_many_takes_several_transactions_and_no_more_than_the_batch() -> None:
    stage = Stage(9, Params(together=2))
    stage.begin(batch=5)
    assert stage.lead() == [f"release to n01, n02: {NAME} version 2"]
    assert stage.settle() == [f"release to n03, n04: {NAME} version 2", f"release to n05: {NAME} version 2"]
    assert len(stage.released()) == 5
    assert stage.play().state == "done"


@pytest.mark.parametrize(
    ("strategy", "total", "size"), [(Strategy(percent=25), 10, 3), (Strategy(batch=4), 10, 4), (Strategy(), 10, 0)]
)
def test_how_many_a_batch_has(strategy: Strategy, total: int, size: int) -> None:
    assert strategy.size(total) == size


def test_what_nodes_watched_is_forgotten_a_while_after_the_end_and_the_run_stays() -> None:
    stage = Stage(2)
    stage.begin()
    view = stage.play()
    count = len(stage.keys(b"/pycluster/rollout/", b"/pycluster/rollout0"))
    assert count == 1 + 1 + 2 + 2, "a run, what is staged, releases, reports"
    stage.now_ms = view.ended_ms + 59_999
    assert stage.settle() == []
    stage.now_ms += 1
    stage.settle()
    assert len(stage.keys(b"/pycluster/rollout/", b"/pycluster/rollout0")) == 1 + 2
    assert stage.show() == view


def test_old_rollouts_and_reports_of_who_left_are_forgotten() -> None:
    stage = Stage(2, Params(runs_kept=2, staged_ms=0))
    for content in ("two", "three", "four"):
        stage.begin(content)
        stage.play()
    stage.settle()
    assert [one.version for one in stage.run(stage.rollouts.list(stage.states, stage.now_ms)).rollouts] == [4, 3]
    stage.begin("five")
    stage.states["n02"] = "left"
    stage.settle()
    assert [one.node for one in stage.run(stage.rollouts.nodes()).nodes] == ["n01", "n02"], "it may be restarting"
    stage.obey("n01")
    stage.settle()
    stage.now_ms += 60_000
    stage.settle()
    assert stage.newest().state == "done"
    assert [one.node for one in stage.run(stage.rollouts.nodes()).nodes] == ["n01"]


def test_a_rollout_whose_step_is_refused_holds_up_no_other() -> None:
    assert Rolling(Board()).plan(View("n01", 1, 1, {}, (), "n01"), 0).apart
