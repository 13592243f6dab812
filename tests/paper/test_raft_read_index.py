"""Reads without a log entry: Raft (Ongaro 2014) §6.4."""

from __future__ import annotations

from pycluster.consensus import Heartbeat, Params, ReadIndex, ReadReady, ReadRefused
from tests.paper.raft_hand import Hand


def test_6_4_a_read_waits_for_a_quorum_that_answers_a_heartbeat_sent_after_it_came() -> None:
    """§6.4: "the leader needs to make sure it has not been superseded by a newer leader of which it is unaware"."""
    hand = Hand()
    hand.act()
    before_us = hand.now_us
    hand.now_us += 10_000
    hand.feed(ReadIndex(7))
    assert len(hand.sent(Heartbeat)) == 2 and hand.did(ReadReady) == []
    hand.acknowledge(1, before_us)
    assert hand.did(ReadReady) == [], "that heartbeat was sent before the read came"
    hand.acknowledge(1)
    assert hand.did(ReadReady) == [ReadReady(7, hand.raft.commit_index)]


def test_6_4_a_read_waits_for_the_first_entry_of_the_leaders_term() -> None:
    """§6.4: "If the leader has not yet marked an entry from its current term committed, it waits until it has"."""
    hand = Hand()
    hand.lead()
    hand.feed(ReadIndex(1))
    hand.acknowledge(1)
    assert hand.did(ReadReady) == []
    deadline = hand.raft.next_deadline()
    assert deadline is not None and deadline > hand.now_us + 1, "nothing but that entry ends the wait"
    hand.write()
    hand.match(1, 3)
    hand.later(1)
    hand.acknowledge(1)
    assert hand.did(ReadReady) == [ReadReady(1, 3)]


def test_6_4_reads_that_come_while_a_round_is_under_way_share_the_next() -> None:
    """§6.4: "the leader can amortize this cost: a single round of heartbeats for any number of read-only queries"."""
    hand = Hand()
    hand.act()
    hand.now_us += 1_000
    hand.feed(ReadIndex(1))
    first_us = hand.now_us
    for token in (2, 3, 4):
        hand.now_us += 1_000
        hand.feed(ReadIndex(token))
        assert hand.sent(Heartbeat) == []
    hand.acknowledge(3, first_us)
    assert hand.did(ReadReady) == [ReadReady(1, hand.raft.commit_index)]
    assert len(hand.sent(Heartbeat)) == 2, "the next round begins"
    hand.acknowledge(3)
    assert [ready.token for ready in hand.did(ReadReady)] == [2, 3, 4]


def test_6_4_a_heartbeat_that_is_due_anyway_confirms_where_the_round_was_lost() -> None:
    hand = Hand()
    hand.act()
    hand.now_us += 1_000
    hand.feed(ReadIndex(1))
    hand.later(hand.params.heartbeat_interval_ms)
    assert hand.did(ReadReady) == []
    hand.acknowledge(1)
    assert hand.did(ReadReady) == [ReadReady(1, hand.raft.commit_index)]


def test_6_4_reads_of_one_microsecond_are_not_confirmed_by_what_was_sent_before_them() -> None:
    hand = Hand()
    hand.act()
    hand.now_us += 1_000
    hand.feed(ReadIndex(1))
    hand.acknowledge(1)
    assert hand.did(ReadReady) == [ReadReady(1, hand.raft.commit_index)]
    hand.feed(ReadIndex(2))
    assert hand.sent(Heartbeat) == [], "two rounds are told apart by their time"
    hand.acknowledge(3)
    assert hand.did(ReadReady) == []
    assert hand.raft.next_deadline() == hand.now_us + 1
    hand.due()
    hand.acknowledge(3)
    assert hand.did(ReadReady) == [ReadReady(2, hand.raft.commit_index)]


def test_6_4_whoever_does_not_lead_refuses_and_a_deposed_leader_refuses_what_waits() -> None:
    hand = Hand()
    hand.feed(ReadIndex(1))
    assert hand.did(ReadRefused) == [ReadRefused(1, "no-leader")]
    hand.act()
    hand.now_us += 1_000
    hand.feed(ReadIndex(2))
    hand.feed(ReadIndex(3))
    hand.heartbeat(1, hand.raft.term + 1)
    assert [(refused.token, refused.why) for refused in hand.did(ReadRefused)] == [(2, "no-leader"), (3, "no-leader")]


def test_a_voter_by_itself_needs_nobody() -> None:
    hand = Hand(me=1, voters=1)
    for _ in range(5):
        hand.due()
        hand.write()
    hand.feed(ReadIndex(1))
    assert hand.did(ReadReady) == [ReadReady(1, hand.raft.commit_index)]


def test_reads_that_wait_have_a_bound() -> None:
    hand = Hand(params=Params(reads_max=3))
    hand.act()
    hand.now_us += 1_000
    for token in range(3):
        hand.feed(ReadIndex(token))
        assert hand.did(ReadRefused) == []
    hand.feed(ReadIndex(3))
    assert hand.did(ReadRefused) == [ReadRefused(3, "overloaded")]
