"""The fence: raised once before a term's first step, and never lowered."""

from __future__ import annotations

from pycluster import store
from pycluster.controllers import fence_value
from tests.unit.controllers.test_reconciliation import FENCE, new, versions


def test_who_has_nothing_to_do_writes_nothing() -> None:
    hand = new()
    hand.start(term=4)
    hand.pass_ms(10_000)
    assert (hand.value(FENCE), hand.core.view().phase) == (None, "watching")
    assert not [one for one in hand.asked if isinstance(one, store.Txn)]
    hand.put(b"a/1")
    hand.pass_ms(10_000)
    assert (hand.value(FENCE), versions(hand)) == (fence_value(4), {b"b/1": 1})


def test_what_a_former_leader_wrote_before_the_fence_stood_is_seen() -> None:
    hand = new()
    hand.put(b"a/1")

    def late(request: store.Range | store.Txn) -> store.Result:
        if request == store.Range(FENCE) and hand.value(b"b/1") is None:
            hand.write(store.Put(b"b/1", b"the former leader's"))
        return hand.serve(request)

    hand.answer = late
    hand.start(term=4)
    hand.pass_ms(10_000)
    assert (versions(hand), hand.core.view().conflicts) == ({b"b/1": 1}, 0)


def test_the_fence_is_raised_before_the_first_step_and_compared_by_every_write() -> None:
    hand = new()
    hand.put(b"a/1")
    hand.start(term=4)
    assert hand.value(FENCE) == fence_value(4)
    writes = [one for one in hand.asked if isinstance(one, store.Txn)]
    assert writes[0].success == (store.Put(FENCE, fence_value(4)),)
    assert all(one.compare[0] == store.Compare(FENCE, "value", "equal", value=fence_value(4)) for one in writes[1:])
    assert len(writes) > 1


def test_the_fence_only_rises() -> None:
    hand = new()
    hand.put(FENCE, fence_value(9))
    hand.put(b"a/1")
    hand.start(term=8)
    hand.pass_ms(3_600_000)
    assert (versions(hand), hand.value(FENCE)) == ({}, fence_value(9))
    assert (hand.core.view().phase, hand.core.view().problem) == ("outrun", "a leader of term 9 reconciles")
    hand.start(term=10)
    assert (versions(hand), hand.value(FENCE)) == ({b"b/1": 1}, fence_value(10))


def test_two_that_raise_it_at_once_end_with_the_higher_one() -> None:
    hand = new()

    def meanwhile(request: store.Range | store.Txn) -> store.Result:
        answer = hand.serve(request)
        if request == store.Range(FENCE) and hand.value(FENCE) is None:
            hand.write(store.Put(FENCE, fence_value(6)))
        return answer

    hand.answer = meanwhile
    hand.put(b"a/1")
    hand.start(term=5)
    assert (hand.core.view().phase, hand.value(FENCE)) == ("outrun", fence_value(6))
