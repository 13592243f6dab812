"""One controller's loop: it sees, plans and writes, each thing once, and says what keeps it from doing so."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from pycluster import store
from pycluster.controllers import Act, Interest, Params, Plan, View, Write, fence_key, fence_value
from pycluster.controllers import messages as m
from tests.unit.controllers.hand import PARAMS, WALL_MS, Controller, Hand

FENCE = fence_key(7)


def copy_all(view: View, now_ms: int) -> Plan:
    """Every key under ``a/`` has a twin under ``b/`` that counts how often it was made."""
    return Plan(
        tuple(
            Write(
                f"copy {key.decode()}",
                (store.Compare(twin, "version", "equal", 0), store.Compare(key, "mod", "equal", kv.mod_revision)),
                (store.Put(twin, kv.value),),
            )
            for key, kv in view.keys.items()
            if key.startswith(b"a/") and (twin := b"b" + key[1:]) not in view.keys
        )
    )


BOTH = (Interest(b"a/", b"a0"), Interest(b"b/", b"b0"))


def copier() -> Controller:
    return Controller(copy_all, interests=BOTH)


def new(controller: Controller | None = None, *, params: Params = PARAMS) -> Hand:
    return Hand(store.Store(store.Params()), controller or copier(), params=params)


def versions(hand: Hand, prefix: bytes = b"b/") -> dict[bytes, int]:
    found = hand.store.range(store.Range(prefix, prefix[:-1] + b"0"))
    assert isinstance(found, store.RangeResult)
    return {kv.key: kv.version for kv in found.kvs}


def test_what_is_there_is_planned_at_once_and_what_comes_after_a_gap() -> None:
    hand = new()
    hand.put(b"a/1")
    hand.start()
    assert versions(hand) == {b"b/1": 1}
    hand.put(b"a/2")
    hand.put(b"a/3")
    assert versions(hand) == {b"b/1": 1}
    hand.pass_ms(PARAMS.gap_ms)
    assert versions(hand) == {b"b/1": 1, b"b/2": 1, b"b/3": 1}
    hand.pass_ms(10_000)
    view = hand.core.view()
    assert (view.phase, view.problem, view.conflicts, view.steps) == ("watching", "", 0, 3)


def test_where_nothing_changes_nothing_is_asked_and_no_timer_runs() -> None:
    hand = new()
    hand.put(b"a/1")
    hand.start()
    hand.pass_ms(10_000)
    asked = len(hand.asked)
    assert hand.core.next_deadline() is None
    hand.pass_ms(3_600_000)
    assert (len(hand.asked), hand.core.view().plans) == (asked, hand.core.view().plans)


def test_a_leader_that_was_outrun_between_two_steps_writes_nothing_more() -> None:
    hand = new()
    for name in (b"a/1", b"a/2", b"a/3"):
        hand.put(name)
    writes = 0

    def overtaken(request: store.Range | store.Txn) -> store.Result:
        nonlocal writes
        if isinstance(request, store.Txn) and request.success[0] != store.Put(FENCE, fence_value(1)):
            writes += 1
            if writes == 2:
                hand.write(store.Put(FENCE, fence_value(2)))
        return hand.serve(request)

    hand.answer = overtaken
    hand.start(term=1)
    hand.pass_ms(3_600_000)
    assert (len(versions(hand)), hand.core.view().phase) == (1, "outrun")


def test_a_fence_that_somebody_removed_is_raised_anew() -> None:
    hand = new()
    hand.start()
    hand.write(store.DeleteRange(FENCE))
    hand.put(b"a/1")
    hand.pass_ms(5_000)
    assert (versions(hand), hand.value(FENCE)) == ({b"b/1": 1}, fence_value(1))


def test_another_cluster_counts_its_terms_anew() -> None:
    hand = new()
    hand.put(b"a/1")
    hand.put(fence_key(6), fence_value(99))
    hand.start(term=1)
    assert versions(hand) == {b"b/1": 1}


@pytest.mark.parametrize("applied", [True, False])
def test_an_unknown_outcome_is_looked_at_and_nothing_is_done_twice(applied: bool) -> None:
    hand = new()
    hand.put(b"a/1")
    late: list[store.Txn] = []

    def vanish(request: store.Range | store.Txn) -> store.Result:
        if isinstance(request, store.Txn) and request.success == (store.Put(b"b/1", b"1"),) and not late:
            late.append(request)
            if applied:
                hand.serve(request)
            return store.Failure("outcome-unknown")
        return hand.serve(request)

    hand.answer = vanish
    hand.start()
    assert hand.core.view().phase == "backing-off"
    hand.pass_ms(1_000)
    hand.write(late[0])  # the write that was lost comes after all
    hand.pass_ms(5_000)
    assert versions(hand) == {b"b/1": 1}
    assert hand.core.view().phase == "watching"


def test_a_conflict_ends_the_plan_and_the_next_one_is_made_from_what_is() -> None:
    hand = new()
    hand.put(b"a/1")
    hand.put(b"a/2")

    def interfere(request: store.Range | store.Txn) -> store.Result:
        if (
            isinstance(request, store.Txn)
            and request.success == (store.Put(b"b/1", b"1"),)
            and hand.value(b"a/1") == b"1"
        ):
            hand.write(store.Put(b"a/1", b"2"))
        return hand.serve(request)

    hand.answer = interfere
    hand.start()
    assert (versions(hand), hand.core.view().conflicts) == ({}, 1)
    hand.pass_ms(5_000)
    assert (hand.value(b"b/1"), hand.value(b"b/2"), hand.core.view().problem) == (b"2", b"1", "")


def test_failures_are_tried_again_ever_later_with_a_bound() -> None:
    hand = new()
    hand.answer = lambda request: store.Failure("no-leader", "nobody")
    hand.start()
    pauses = []
    for _ in range(14):
        due_us = hand.core.next_deadline()
        assert due_us is not None
        pauses.append((due_us - hand.now_us) // 1_000)
        hand.pass_ms(pauses[-1] + 1)
    for number, pause in enumerate(pauses):
        longest = min(PARAMS.backoff_min_ms << number, PARAMS.backoff_max_ms)
        assert longest // 2 - 1 <= pause <= longest
    view = hand.core.view()
    assert (view.failures, view.problem) == (15, "the state refused: no-leader: nobody")
    hand.answer = hand.serve
    hand.pass_ms(PARAMS.backoff_max_ms)
    assert (hand.core.view().phase, hand.core.view().problem) == ("watching", "")


def test_a_stopped_one_waits_for_nothing_and_hears_nothing() -> None:
    hand = new()
    hand.put(b"a/1")
    hand.hold = True
    hand.start()
    hand.feed(m.Stopped())
    hand.release()
    hand.pass_ms(60_000)
    assert (versions(hand), hand.core.view().phase, hand.core.next_deadline()) == ({}, "idle", None)


def test_keys_are_read_in_pages_as_of_one_revision() -> None:
    params = Params(page_keys=2)
    hand = new(params=params)
    for number in range(5):
        hand.put(b"a/%d" % number)

    def meanwhile(request: store.Range | store.Txn) -> store.Result:
        answer = hand.serve(request)
        if isinstance(request, store.Range) and request.key == b"a/" and hand.value(b"a/0") is not None:
            hand.write(store.DeleteRange(b"a/0"))
        return answer

    hand.answer = meanwhile
    hand.start()
    hand.pass_ms(5_000)
    assert sorted(versions(hand)) == [b"b/%d" % number for number in range(1, 5)]


def test_what_is_compacted_while_it_reads_makes_it_begin_anew() -> None:
    hand = new(params=Params(page_keys=1))
    hand.put(b"a/1")
    hand.put(b"a/2")
    compacted = False

    def compact(request: store.Range | store.Txn) -> store.Result:
        nonlocal compacted
        answer = hand.serve(request)
        if isinstance(request, store.Range) and request.key == b"a/" and not compacted:
            compacted = True
            hand.put(b"other")
            hand.write(store.Compact(hand.store.revision))
        return answer

    hand.answer = compact
    hand.start()
    assert "compacted" in hand.core.view().problem
    hand.pass_ms(5_000)
    assert len(versions(hand)) == 2


def test_more_keys_than_it_may_see_are_refused_and_said() -> None:
    hand = new(params=Params(keys_max=2))
    for number in range(3):
        hand.put(b"a/%d" % number)
    hand.start()
    assert hand.core.view().problem == "there are more than 2 keys to see"
    assert versions(hand) == {}
    hand.write(store.DeleteRange(b"a/0"))
    hand.write(store.DeleteRange(b"a/1"))
    hand.pass_ms(60_000)
    assert sorted(versions(hand)) == [b"b/2"]
    hand.put(b"a/3")
    assert hand.core.view().problem == "there are more than 2 keys to see"


def test_without_values_only_names_and_revisions_are_kept() -> None:
    seen: dict[bytes, bytes] = {}

    def look(view: View, now_ms: int) -> Plan:
        seen.update({key: kv.value for key, kv in view.keys.items()})
        return Plan()

    hand = new(Controller(look, interests=(Interest(b"a/", b"a0", values=False),)))
    hand.put(b"a/1", b"x" * 100)
    hand.start()
    hand.put(b"a/2", b"x" * 100)
    hand.pass_ms(1_000)
    assert seen == {b"a/1": b"", b"a/2": b""}


def broken(view: View, now_ms: int) -> Plan:
    raise LookupError("no such thing")


def bare(view: View, now_ms: int) -> Plan:
    return Plan((Write("blind", (), (store.Put(b"b/1"),)),))


def swarm(view: View, now_ms: int) -> Plan:
    return Plan((Act("one of many", "nothing"),) * 3)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (broken, "no plan can be made: LookupError: no such thing"),
        (bare, "no plan can be made: ValueError: 'blind' writes b'b/1' without comparing it"),
        (swarm, "no plan can be made: ValueError: it has 3 steps, of 2 possible"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_whole_and_said(make: Callable[[View, int], Plan], problem: str) -> None:
    hand = new(Controller(make), params=Params(steps_max=2))
    hand.start()
    assert (hand.core.view().phase, hand.core.view().problem) == ("backing-off", problem)
    assert (hand.acts, versions(hand)) == ([], {})


def test_a_plan_may_be_wanted_again_at_a_time() -> None:
    times: list[int] = []

    def look(view: View, now_ms: int) -> Plan:
        times.append(now_ms)
        return Plan(again_ms=WALL_MS + 60_000)

    hand = new(Controller(look))
    hand.start()
    hand.pass_ms(58_000)
    assert len(times) == 1
    hand.pass_ms(2_000)
    assert times[1] == WALL_MS + 60_000
    hand.pass_ms(1_000)
    assert 2 < len(times) < 6, "a time that is past is not a busy loop"


def test_an_act_is_done_and_one_that_fails_is_tried_again() -> None:
    def act(view: View, now_ms: int) -> Plan:
        return Plan((Act("say", "say", b"hello"),) if len(hand.acts) < 3 else ())

    hand = new(Controller(act, kind="node"))
    hand.problem = "it is mute"
    hand.feed(m.Started())
    assert (hand.core.view().problem, len(hand.acts)) == ("it is mute", 1)
    hand.problem = ""
    hand.pass_ms(10_000)
    hand.put(b"a/1")
    hand.pass_ms(1_000)
    assert [one.act.argument for one in hand.acts] == [b"hello"] * 3
    assert hand.core.view().problem == ""
    assert hand.value(FENCE) is None, "what runs on every node has no fence"


def test_members_are_shown_to_those_that_want_them() -> None:
    seen: list[tuple[str, ...]] = []

    def look(view: View, now_ms: int) -> Plan:
        seen.append((view.leader, *(member.name for member in view.members)))
        return Plan()

    from tests.unit.web.fake import MEMBERS

    for wants, expected in ((True, [("",), ("node002", "node001")]), (False, [("",)])):
        seen.clear()
        hand = new(Controller(look, wants_members=wants))
        hand.start()
        hand.meet(MEMBERS[0], leader="node002")
        hand.pass_ms(1_000)
        assert seen == expected


def test_who_is_nudged_plans_anew_without_any_change_and_not_while_it_is_idle() -> None:
    plans: list[int] = []

    def look(view: View, now_ms: int) -> Plan:
        plans.append(now_ms)
        return Plan()

    hand = new(Controller(look))
    hand.feed(m.Nudged())
    hand.pass_ms(1_000)
    assert plans == []
    hand.start()
    assert len(plans) == 1
    hand.feed(m.Nudged())
    hand.feed(m.Nudged())
    hand.pass_ms(1_000)
    assert len(plans) == 2


def test_a_watch_that_ends_is_begun_anew_from_what_is() -> None:
    hand = new()
    hand.start()
    token = next(effect for effect in range(1, 20) if effect in hand.core._watches)
    hand.watches.close(token)
    hand.put(b"a/1")
    hand.feed(m.WatchEnded(token, "it was too slow"))
    assert hand.core.view().problem == "the watch of its keys ended: it was too slow"
    hand.pass_ms(1_000)
    assert versions(hand) == {b"b/1": 1}


def test_a_change_while_it_writes_is_planned_afterwards() -> None:
    hand = new()
    hand.put(b"a/1")
    hand.start()
    hand.put(b"a/2")
    hand.hold = True
    hand.pass_ms(PARAMS.gap_ms)
    hand.put(b"a/3")
    hand.release()
    hand.pass_ms(2_000)
    assert sorted(versions(hand)) == [b"b/1", b"b/2", b"b/3"]
    assert msgspec.structs.astuple(hand.core.view())[9] == 0, "without a conflict"
