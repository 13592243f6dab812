"""Nodes that say goodbye in the middle of a rollout, for a while or for good, and versions that nobody had good."""

from __future__ import annotations

import pytest

from pycluster.rollouts import FileReport, Params
from pycluster.rollouts.names import NODES, above
from tests.unit.rollouts.stage import NAME, Stage


def test_where_all_of_the_canary_use_the_entry_no_more_there_is_another_one() -> None:
    stage = Stage(5)
    stage.begin("bad", canary=2)
    stage.settle()
    stage.report("n01")
    stage.report("n02")
    stage.settle()
    assert sorted(stage.released()) == ["n01", "n02", "n03", "n04"]


def test_who_says_goodbye_before_its_turn_is_waited_for_as_if_it_were_down() -> None:
    stage = Stage(1)
    stage.states["n01"] = "left"
    stage.begin("bad", canary=1, timeout_s=30)
    stage.settle()
    assert (stage.newest().state, stage.entry().content) == ("running", "one")
    assert stage.lanes() == {"n01": "absent"}
    stage.now_ms += 29_999
    assert stage.settle() == []
    stage.states["n01"] = "alive"
    assert stage.play().state == "rolled-back"
    assert stage.newest().why == "n01: the check failed: exit code 1"


def test_a_canary_that_says_goodbye_fails_when_its_time_is_up_and_nobody_else_gets_it() -> None:
    stage = Stage(4)
    stage.begin("bad", canary=1, timeout_s=30)
    stage.settle()
    stage.states["n01"] = "left"
    assert stage.settle() == []
    stage.now_ms += 29_999
    assert stage.settle() == []
    stage.now_ms += 1
    stage.settle()
    assert sorted(stage.released()) == ["n01"]
    assert stage.newest().why == "n01: it is not in place after 30 s: the node has left"
    assert (stage.newest().state, stage.lanes()["n01"]) == ("rolling-back", "returning")
    stage.now_ms += 30_000
    stage.settle()
    assert (stage.newest().state, stage.entry().content) == ("rolled-back", "one")


def test_who_left_for_good_holds_up_the_end_for_a_while_only() -> None:
    stage = Stage(3)
    stage.begin(timeout_s=30)
    stage.states["n02"] = "left"
    stage.settle()
    stage.obey()
    stage.settle()
    assert stage.lanes() == {"n01": "good", "n02": "absent", "n03": "good"}
    stage.now_ms += 29_999
    assert stage.settle() == []
    stage.now_ms += 1
    stage.settle()
    assert (stage.newest().state, stage.lanes()["n02"]) == ("done", "absent")


@pytest.mark.parametrize("forgotten", [False, True])
def test_where_all_left_for_good_it_is_given_up_and_no_text_that_nobody_tried_comes_into_force(forgotten: bool) -> None:
    stage = Stage(2)
    stage.states = dict.fromkeys(stage.states, "left")
    stage.begin(canary=1, timeout_s=30)
    stage.settle()
    stage.now_ms += 20_000
    stage.term = 2
    stage.settle()
    stage.states = {"n03": "alive"} if forgotten else stage.states
    stage.now_ms += 29_999
    assert stage.settle() == [], "a later leader waits anew"
    stage.now_ms += 1
    stage.settle()
    assert (stage.newest().state, stage.entry().content) == ("rolled-back", "one")
    assert stage.newest().why == "nobody is left to try it: n01, n02"
    assert stage.keys(NODES, above(NODES)) == {}, "the next one is not held up by them"


def test_no_batch_follows_while_nobody_is_good_whatever_number_may_fail() -> None:
    stage = Stage(4)
    stage.begin("bad", canary=1, failures=3, on_failure="pause")
    stage.settle()
    stage.obey()
    stage.settle()
    assert (stage.newest().state, sorted(stage.released())) == ("paused", ["n01"])
    assert stage.newest().why == "n01: the check failed: exit code 1"
    stage.steer("resume")
    stage.settle()
    assert sorted(stage.released()) == ["n01", "n02", "n03", "n04"], "people went on"


def test_of_a_batch_that_is_not_whole_yet_somebody_may_still_be_good() -> None:
    stage = Stage(4, Params(together=1))
    stage.begin(batch=2, failures=1)
    stage.lead()
    stage.report("n01", FileReport("web", NAME, 2, 1, 0, "the reload failed"))
    stage.settle()
    assert (stage.newest().state, sorted(stage.released())) == ("running", ["n01", "n02"])
    stage.obey("n02")
    stage.settle()
    assert sorted(stage.released()) == ["n01", "n02", "n03", "n04"]
