"""Steps that do not wait for each other: what the state refuses for its own sake holds up no other."""

from __future__ import annotations

import pytest

from pycluster import store
from pycluster.controllers import Plan, View, Write
from tests.unit.controllers.hand import PARAMS, Controller, Hand
from tests.unit.controllers.test_reconciliation import new, versions


def copying(*, apart: bool) -> Hand:
    """Copies every key of a/ to b/ and to no other; the state takes no b/2 while ``kind`` says so."""

    def copy(view: View, now_ms: int) -> Plan:
        missing = [b"b" + key[1:] for key in sorted(view.keys) if hand.value(b"b" + key[1:]) is None]
        steps = [
            Write(f"copy {key.decode()}", (store.Compare(key, "version", "equal", 0),), (store.Put(key, b"1"),))
            for key in missing
        ]
        return Plan(tuple(steps), apart=apart)

    hand = new(Controller(copy))
    return hand


def refuse(hand: Hand, kind: store.FailureKind) -> None:
    def answer(request: store.Range | store.Txn) -> store.Result | None:
        writes = (
            [one.key for one in request.success if isinstance(one, store.Put)] if isinstance(request, store.Txn) else []
        )
        return store.Failure(kind, "so it is") if b"b/2" in writes else hand.serve(request)

    hand.answer = answer


@pytest.mark.parametrize("kind", ["request-too-large", "no-space", "too-many-operations", "key-too-large"])
def test_one_that_is_refused_for_its_own_sake_holds_up_no_other_and_is_tried_again(kind: store.FailureKind) -> None:
    hand = copying(apart=True)
    refuse(hand, kind)
    for number in (1, 2, 3):
        hand.put(b"a/%d" % number)
    hand.start()
    assert versions(hand) == {b"b/1": 1, b"b/3": 1}
    view = hand.core.view()
    assert (view.phase, view.problem) == ("watching", f"copy b/2: the state refused: {kind}: so it is")
    hand.put(b"a/4")
    hand.pass_ms(PARAMS.gap_ms + 1)
    assert versions(hand) == {b"b/1": 1, b"b/3": 1, b"b/4": 1}, "at once, whatever the pause is"
    hand.answer = hand.serve
    hand.pass_ms(PARAMS.backoff_max_ms + 1_000)
    assert versions(hand) == {b"b/%d" % number: 1 for number in (1, 2, 3, 4)}
    assert hand.core.view().problem == ""


def test_it_is_tried_again_ever_later_with_a_bound() -> None:
    hand = copying(apart=True)
    refuse(hand, "no-space")
    hand.put(b"a/2")
    hand.start()
    for number in range(14):
        due_us = hand.core.next_deadline()
        assert due_us is not None
        longest = min(PARAMS.backoff_min_ms << number, PARAMS.backoff_max_ms)
        assert (due_us - hand.now_us) // 1_000 <= longest
        assert number < 8 or (due_us - hand.now_us) // 1_000 >= longest // 2 - 1
        hand.pass_ms((due_us - hand.now_us) // 1_000 + 1)


@pytest.mark.parametrize(("apart", "kind"), [(False, "no-space"), (True, "no-leader"), (True, "outcome-unknown")])
def test_otherwise_all_of_it_is_looked_at_afresh(apart: bool, kind: store.FailureKind) -> None:
    hand = copying(apart=apart)
    refuse(hand, kind)
    for number in (1, 2, 3):
        hand.put(b"a/%d" % number)
    hand.start()
    assert (versions(hand), hand.core.view().phase) == ({b"b/1": 1}, "backing-off")


@pytest.mark.parametrize("hiccup", ["conflict", "no-leader"])
def test_after_many_refusals_another_step_s_hiccup_is_as_short_as_ever(hiccup: str) -> None:
    hand = copying(apart=True)
    refuse(hand, "no-space")
    hand.put(b"a/2")
    hand.start()
    hand.pass_ms(20 * PARAMS.backoff_max_ms)
    many = hand.core.view().failures
    refused = hand.answer
    asked: list[store.Range | store.Txn] = []

    def answer(request: store.Range | store.Txn) -> store.Result | None:
        if isinstance(request, store.Txn) and any(getattr(one, "key", b"") == b"b/3" for one in request.success):
            asked.append(request)
            if len(asked) == 1 and hiccup == "no-leader":
                return store.Failure("no-leader")
            if len(asked) == 1:
                hand.write(store.Put(b"b/3", b"other"))
                hand.write(store.DeleteRange(b"b/3"))
                hand.write(store.Put(b"b/3", b"other"))
        return refused(request)

    hand.answer = answer
    hand.put(b"a/3")
    hand.pass_ms(PARAMS.gap_ms + 2 * PARAMS.backoff_min_ms + 100)
    hand.put(b"a/4")
    hand.pass_ms(PARAMS.gap_ms + 2 * PARAMS.backoff_min_ms + 100)
    assert {b"b/3", b"b/4"} <= set(versions(hand))
    assert hand.core.view().problem.startswith("copy b/2: the state refused: no-space")
    assert hand.core.view().failures > many > 10


def test_what_changes_meanwhile_makes_the_pause_no_longer() -> None:
    hand = copying(apart=True)
    refuse(hand, "no-space")
    hand.put(b"a/2")
    hand.start()
    for number in range(3, 30):
        hand.put(b"a/%d" % number)
        hand.pass_ms(PARAMS.gap_ms + 1)
    hand.answer = hand.serve
    hand.pass_ms(2 * 27 * (PARAMS.gap_ms + 1))
    assert b"b/2" in versions(hand)
