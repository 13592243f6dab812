"""Copies of one question: none is applied after whoever asked was told that it is refused, and none leaves a trace."""

from __future__ import annotations

from pycluster.node.config import StateParams
from pycluster.store import LeaseGrant, Put, PutResult, Range, RangeResult
from tests.unit.node.copyhand import CopyHand, kinds


def test_a_retry_of_what_is_under_way_waits_for_it_and_is_never_applied_after_a_refusal() -> None:
    hand = CopyHand()
    hand.take(Put(b"k", b"", 7), b"id", 1)
    hand.take(LeaseGrant(10, 7), b"other", 2)
    for asker in (3, 1, 3):
        hand.take(Put(b"k", b"", 7), b"id", asker)
    assert hand.replica.under_way == 3
    assert hand.commit() == [Put(b"k", b"", 7), LeaseGrant(10, 7)]
    assert [asker for asker, _ in hand.answers] == [1, 3, 2]
    assert kinds(hand) == ["lease-not-found", "lease-not-found", "LeaseGrantResult"]
    assert hand.read(Range(b"k")) == RangeResult(1)
    assert hand.replica.under_way == 0
    hand.take(Put(b"k", b"", 7), b"id", 3)
    assert hand.waiting == [] and kinds(hand)[4:] == ["lease-not-found"], "a copy that was on its way"
    assert isinstance(hand.write(Put(b"k", b"", 7), b"id"), PutResult), "asked again, it is a new question"


def test_of_refusals_as_many_are_kept_as_requests_may_be_under_way_and_none_for_another_term() -> None:
    hand = CopyHand(StateParams(requests_max=2))
    for asker in (1, 2, 3):
        hand.take(Put(b"k", b"", 7), b"%d" % asker, asker)
        hand.commit()
    hand.take(Put(b"k", b"", 7), b"1", 1)
    hand.take(Put(b"k", b"", 7), b"3", 3)
    assert [asker for asker, _ in hand.answers] == [1, 2, 3, 3]
    hand.follow("node002")
    hand.follow("node001")
    hand.take(Put(b"k", b"", 7), b"3", 3)
    assert len(hand.waiting) == 2


def test_a_write_over_which_leadership_is_lost_is_in_doubt_and_leaves_nothing_behind() -> None:
    """Its own entry, or one before it in the same turn, may ask for a quorum that is not there."""
    hand = CopyHand()
    hand.loses = True
    hand.take(Put(b"k"), b"id", 1)
    assert kinds(hand) == ["outcome-unknown"] and hand.replica.under_way == 0
    hand.loses = False
    hand.follow("node001")
    hand.take(Put(b"k"), b"id", 2)
    assert len(hand.commit()) == 2 and hand.answers[1:] == [(2, PutResult(2))]
