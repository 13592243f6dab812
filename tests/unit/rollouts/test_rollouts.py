"""The door to rollouts: what is begun and what is refused, what stands still meanwhile, what people may do."""

from __future__ import annotations

from typing import Any

import pytest

from pycluster import store
from pycluster.configs import ChangeRequest, Configs, EffectivesView, NoEntry, RollingOut, VersionDiffers, Wanted
from pycluster.kernel.errors import LocalFault, LocalMisuse
from pycluster.node.view import MemberView
from pycluster.rollouts import (
    FileReport,
    NotPossible,
    Release,
    RolloutRequest,
    Rollouts,
    Strategy,
    packed,
    release_key,
    staged_key,
)
from tests.unit.rollouts.stage import NAME, Stage
from tests.unit.web.entries import judged


def test_what_cannot_be_rolled_out_says_why() -> None:
    stage = Stage(1)
    with pytest.raises(LocalMisuse, match="no node renders a file from it"):
        stage.run(stage.rollouts.start(RolloutRequest(name="other", content="x")))
    stage.report("n01", FileReport("new", "new.j2", 0, 0, 0, "there is no entry new.j2"))
    with pytest.raises(LocalMisuse, match="nothing to go back to"):
        stage.run(stage.rollouts.start(RolloutRequest(name="new.j2", content="x")))
    stage.obey()
    with pytest.raises(LocalMisuse, match=r"is too large: it has 300[0-9]{3} bytes as JSON"):
        stage.begin("\n" * 150_000)
    with pytest.raises(VersionDiffers):
        stage.run(stage.rollouts.start(RolloutRequest(name=NAME, content="x", if_version=7)))
    assert stage.entry().rolling == 0


def test_a_schema_is_not_rolled_out() -> None:
    stage = Stage(1)
    stage.put("{}", "@schema")
    stage.report("n01", FileReport("new", "@schema", 1, 1))
    with pytest.raises(LocalMisuse, match="a schema cannot be rolled out"):
        stage.run(stage.rollouts.start(RolloutRequest(name="@schema", content="type: object")))


def test_the_same_content_begins_nothing_and_a_dry_run_neither() -> None:
    stage = Stage(1)
    same = stage.begin("one")
    assert (same.change.action, same.rollout, same.revision) == ("unchanged", None, 0)
    looked = stage.run(stage.rollouts.start(RolloutRequest(name=NAME, content="two", dry_run=True)))
    assert (looked.change.version, looked.rollout, looked.dry_run) == (2, None, True)
    assert stage.entry().rolling == 0
    with pytest.raises(NoEntry):
        stage.show()


def test_an_answer_that_was_lost_is_found_again_and_another_rollout_is_refused() -> None:
    stage = Stage(1)
    first = stage.begin(canary=1)
    again = stage.begin(canary=1)
    assert (again.change, again.rollout) == (first.change, first.rollout)
    for content, strategy in (("three", {"canary": 1}), ("two", {"canary": 2})):
        with pytest.raises(RollingOut):
            stage.begin(content, **strategy)
    assert len(stage.run(stage.rollouts.list(stage.states, stage.now_ms)).rollouts) == 1


@pytest.mark.parametrize("name", [NAME, f"{NAME}@node:n01", f"{NAME}@schema", "@schema"])
def test_what_is_judged_together_stands_still(name: str) -> None:
    stage = Stage(1)
    stage.put("elsewhere", "other.j2")
    stage.begin()
    with pytest.raises(RollingOut, match=rf"version 2 of {NAME} is rolled out .*config rollout abort {NAME}"):
        stage.put("type: string", name)
    stage.put("changed", "other.j2")
    stage.play()
    stage.put("type: string", name)


def test_whatever_an_entry_says_of_itself_only_a_rollout_keeps_it_still() -> None:
    stage = Stage(1)
    for content in ('"rolling":7', '"rolling":7}', '{"rolling":7}', "rolling"):
        stage.put(content)
    assert stage.entry().version == 5


def test_an_override_is_rolled_out_to_those_it_counts_at_and_its_base_stands_still() -> None:
    stage = Stage(2)
    override = f"{NAME}@node:n02"
    stage.put("mine", override)
    stage.report("n02", FileReport("web", override, 1, 1))
    stage.run(stage.rollouts.start(RolloutRequest(name=override, content="mine too")))
    with pytest.raises(RollingOut):
        stage.put("three")
    stage.settle()
    assert sorted(stage.released()) == ["n02"]
    assert stage.sees("n02") == (2, "mine too")
    assert stage.sees("n01") == (1, "one")


def test_the_history_and_a_node_show_what_is_rolled_out() -> None:
    stage = Stage(2)
    stage.begin(canary=1)
    stage.settle()
    rolled, current = stage.history()
    assert (rolled.version, rolled.current, rolled.rolling) == (2, False, 2)
    assert (current.version, current.current, current.rolling) == (1, True, 2)
    assert stage.run(stage.rollouts.entry(NAME, 2)).content == "two"
    assert stage.run(stage.rollouts.entry(NAME)).content == "one"
    with pytest.raises(NoEntry):
        stage.run(stage.rollouts.entry(NAME, 3))
    members = tuple(MemberView(n, n, n, n, "alive", "follower", False, False) for n in stage.states)
    effective = {n: stage.run(stage.rollouts.effective(n, members)).entries[0] for n in stage.states}
    assert (effective["n01"].content, effective["n01"].layers[0].version) == ("two", 2)
    assert effective["n02"].content == "one"


def test_what_a_node_gets_is_as_of_the_earlier_of_two_reads() -> None:
    stage = Stage(1)
    stage.begin(canary=1)
    key = release_key("n01", NAME, 2)

    class ReleasedMeanwhile(Configs):
        async def effective(self, *args: Any, **more: Any) -> EffectivesView:
            await stage.state.ask(store.Put(key, packed(Release(1, 0))))
            return await super().effective(*args, **more)

    rollouts = Rollouts(stage.state, ReleasedMeanwhile(stage.state, judged, lambda: 0))
    before = stage.state.store.revision
    members = (MemberView("n01", "n01", "n01", "n01", "alive", "follower", False, False),)
    found = stage.run(rollouts.effective("n01", members))
    assert (found.entries[0].content, found.revision) == ("one", before)
    found = stage.run(stage.rollouts.effective("n01", members))
    assert (found.entries[0].content, found.revision) == ("two", before + 1)


def test_what_people_may_do_with_it() -> None:
    stage = Stage(2)
    stage.begin(canary=1)
    assert stage.steer("resume").state == "running"
    paused = stage.steer("pause", "lunch")
    assert (paused.state, paused.by, paused.why, paused.settled, paused.well) == ("paused", "bob", "lunch", False, True)
    assert stage.steer("pause", "again").why == "lunch"
    aborted = stage.steer("abort", "enough")
    assert (aborted.wish, aborted.state) == ("abort", "paused")
    assert stage.steer("abort").why == "enough"
    with pytest.raises(NotPossible, match="it is being aborted"):
        stage.steer("resume")
    stage.play()
    assert stage.steer("abort").state == "aborted"
    with pytest.raises(NotPossible, match="it is aborted"):
        stage.steer("pause")


def test_all_of_the_callers_id_counts_however_long_it_is() -> None:
    stage = Stage(2)
    stage.begin(canary=1)
    assert stage.steer("pause", request_id=b"x" + b"=" * 63).state == "paused"
    assert stage.steer("resume", request_id=b"y" + b"=" * 63).state == "running"
    assert stage.newest().state == "running"


def test_a_retry_tells_how_that_rollout_stands_and_begins_no_other() -> None:
    stage = Stage(2)
    first = stage.begin_as(b"mine")
    assert first.change.version == 2
    stage.play()
    stage.put("three")
    again = stage.begin_as(b"mine")
    assert (again.change, again.revision) == (first.change, first.revision)
    assert again.rollout == stage.show()
    assert (again.rollout.version, again.rollout.state) == (2, "done")
    assert stage.entry().rolling == 0


def test_steering_is_not_told_anew_where_others_steered_since() -> None:
    stage = Stage(2)
    stage.begin(canary=1)
    assert stage.steer("pause", request_id=b"mine").state == "paused"
    stage.steer("resume")
    assert stage.steer("pause", request_id=b"mine").state == "running"
    stage.play()
    stage.begin("three", canary=1)
    ended = stage.steer("pause", request_id=b"mine")
    assert (ended.version, ended.state) == (2, "done")
    assert stage.newest().state == "running"


def test_one_id_is_of_one_rollout_and_of_one_order() -> None:
    stage = Stage(2)
    stage.begin_as(b"mine")
    stage.play()
    stage.put("three")
    with pytest.raises(LocalMisuse, match="given to another change"):
        stage.begin_as(b"mine", "four")
    assert stage.entry().rolling == 0
    stage.begin("five", canary=1)
    stage.steer("pause", request_id=b"order")
    with pytest.raises(LocalMisuse, match="given to another change"):
        stage.steer("abort", request_id=b"order")
    assert (stage.newest().state, stage.newest().wish) == ("paused", "")


def test_what_stood_so_already_another_order_under_the_id_did_not_do() -> None:
    stage = Stage(2)
    stage.begin("two", canary=1)
    stage.play()
    stage.put("else", name="other")
    change = ChangeRequest(entries=(Wanted(name="other", content="new"),))
    stage.run(stage.configs.change(change, request_id=b"change"))
    stage.put("three")
    with pytest.raises(LocalMisuse, match="given to another change"):
        stage.begin_as(b"change", "two")
    stage.begin_as(b"begun", "four")
    stage.steer("pause")
    with pytest.raises(LocalMisuse, match="given to another change"):
        stage.steer("resume", request_id=b"begun")
    assert stage.newest().state == "paused"


def test_an_abort_before_anybody_has_it_ends_at_once() -> None:
    stage = Stage(2)
    stage.begin(canary=1)
    stage.steer("abort")
    stage.settle()
    assert (stage.newest().state, stage.released()) == ("aborted", {})
    assert stage.lanes() == {"n01": "untouched", "n02": "untouched"}


def test_a_rollout_that_moved_meanwhile_is_looked_at_again() -> None:
    stage = Stage(2)
    stage.begin(canary=1)
    inner = stage.state.ask

    async def quicker(request: store.Request, **more: object) -> store.Result:
        if isinstance(request, store.Txn):
            stage.state.ask = inner  # type: ignore[method-assign]
            for step in stage.rolling.plan(stage.view(), stage.now_ms).steps[:1]:
                await inner(store.Txn(step.compare, step.writes))  # type: ignore[union-attr]
        return await inner(request, **more)  # type: ignore[arg-type]

    stage.state.ask = quicker  # type: ignore[method-assign]
    paused = stage.steer("pause")
    assert (paused.state, paused.released) == ("paused", 1)
    assert stage.newest().released == 1


def test_what_was_forced_is_named() -> None:
    stage = Stage(1)
    stage.begin()
    stage.run(stage.state.ask(store.Put(staged_key(NAME, 2), b"nonsense")))
    with pytest.raises(LocalFault, match=r"holds nothing of a rollout.*kv del -force"):
        stage.history()


def test_of_nodes_one_entry_and_what_overrides_it() -> None:
    stage = Stage(1)
    files = [FileReport(f"t{n}", name, 1, 1) for n, name in enumerate((NAME, f"{NAME}@node:n01", "other.j2"))]
    stage.report("n01", *files)
    assert [one.entry for node in stage.run(stage.rollouts.nodes(NAME)).nodes for one in node.files] == [
        NAME,
        f"{NAME}@node:n01",
    ]
    assert len(stage.run(stage.rollouts.nodes()).nodes[0].files) == 3


def test_a_strategy_has_bounds() -> None:
    assert Strategy(percent=1).size(1) == 1
    assert Strategy(percent=100).size(7) == 7
