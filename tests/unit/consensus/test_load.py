"""A leader under load: what it takes, how soon followers hear of a commit, and who counts as up to date."""

from __future__ import annotations

from pycluster.consensus import CommandFailed, Heartbeat, Notify, Params, Propose, Proposed
from pycluster.consensus.messages import AppendEntries, ReachQuery, ReachReply, TimeoutNow
from tests.paper.raft_hand import MS, Hand


def test_entries_that_no_majority_takes_have_a_bound() -> None:
    hand = Hand(params=Params(proposals_max=3))
    hand.act()
    for _ in range(3):
        hand.feed(Propose(b"x"))
        assert len(hand.did(Proposed)) == 1
    hand.feed(Propose(b"x"))
    (refused,) = hand.did(CommandFailed)
    assert refused.why == "3 entries wait for a majority to take them" and hand.did(Proposed) == []
    hand.write()
    hand.match(1, hand.raft.commit_index + 1)
    hand.feed(Propose(b"x"))
    assert hand.did(CommandFailed) == []


def commit(hand: Hand) -> int:
    """One more entry; how many heartbeats that takes along."""
    hand.feed(Propose(b"x"))
    sent = len(hand.sent(Heartbeat))
    hand.write()
    sent += len(hand.sent(Heartbeat))
    before = hand.raft.commit_index
    hand.match(1, before + 1)
    assert hand.raft.commit_index == before + 1
    return sent + len(hand.sent(Heartbeat))


def test_followers_hear_of_a_commit_in_time_and_not_of_each_alone() -> None:
    hand = Hand(params=Params(commit_notice_ms=10))
    hand.act()
    hand.later(10)
    commit(hand)
    for _ in range(40):
        hand.now_us += MS
        known = hand.raft.commit_index
        hand.feed(Propose(b"x"))
        assert hand.sent(AppendEntries)[0].commit_index == known, "the next entries tell it"
        hand.write()
        hand.match(1, known + 1)
        assert hand.sent(Heartbeat) == [] and hand.raft.commit_index == known + 1
    hand.match(3, hand.raft.commit_index)
    deadline = hand.raft.next_deadline()
    assert deadline is not None and deadline <= hand.now_us + 10 * MS
    hand.due()
    assert {beat.commit_index for beat in hand.sent(Heartbeat)} == {hand.raft.commit_index}
    hand.acknowledge(1)
    deadline = hand.raft.next_deadline()
    assert deadline is not None and deadline > hand.now_us + 10 * MS, "nothing is left to tell"


def test_a_commit_after_a_quiet_time_is_told_at_once() -> None:
    hand = Hand(params=Params(commit_notice_ms=10))
    hand.act()
    hand.later(11)
    hand.due()
    hand.now_us += 20 * MS
    assert commit(hand) == 2


def eligible(hand: Hand) -> ReachQuery:
    """node001 answers for its hold-down while more is on its way to it than it has; it is asked whom it reaches."""
    hand.act()
    for _ in range(200):
        hand.later(hand.params.heartbeat_interval_ms)
        for number in (1, 3):
            hand.acknowledge(number)
        commit(hand)
        hand.match(3, hand.raft.commit_index)
        hand.feed(Propose(b"on its way"))
        hand.write()
        hand.later(hand.params.heartbeat_interval_ms)
        if hand.sent(ReachQuery):
            return hand.sent(ReachQuery)[0]
        for number in (1, 3):
            hand.acknowledge(number)
        for number in (1, 3):
            hand.match(number, hand.raft.commit_index + 1)
    raise AssertionError("nobody was asked")


def test_a_lower_id_that_has_all_that_is_committed_is_asked_though_more_is_on_its_way() -> None:
    hand = Hand(params=Params(hold_down_ms=1_000))
    query = eligible(hand)
    assert hand.raft.view(hand.now_us).last_index > hand.raft.commit_index
    hand.tell(1, ReachReply(*hand.header(1), query.nonce, ("uuid1", "uuid3")))
    assert hand.sent(TimeoutNow) == []
    hand.feed(Propose(b"x"))
    assert [one.why for one in hand.did(CommandFailed)] == ["leadership is being handed over"]
    hand.match(1, hand.raft.view(hand.now_us).last_index)
    assert len(hand.sent(TimeoutNow)) == 1


def test_one_that_does_not_catch_up_costs_it_and_the_leader_goes_on() -> None:
    hand = Hand(params=Params(hold_down_ms=1_000))
    query = eligible(hand)
    hand.tell(1, ReachReply(*hand.header(1), query.nonce, ("uuid1", "uuid3")))
    began_us = hand.now_us
    failed: list[Notify] = []
    while not failed and hand.now_us < began_us + 60_000 * MS:
        hand.due()
        failed = [notify for notify in hand.did(Notify) if notify.kind == "transfer-failed"]
        for number in (1, 3):
            hand.acknowledge(number)
    assert hand.now_us - began_us == hand.params.transfer_timeout_ms * MS
    assert [notify.text for notify in failed] == [
        f"node001 did not catch up within {hand.params.transfer_timeout_ms} ms"
    ]
    hand.feed(Propose(b"x"))
    assert len(hand.did(Proposed)) == 1 and hand.raft.leader == "node002"
