"""A clock that leaps ends nothing that others rely on (Gray and Cheriton, *Leases*, the ε of §2; ours for the rest)."""

from __future__ import annotations

import pytest

from pycluster.consensus import LoopLagged
from pycluster.consensus.messages import PreVoteReply, VoteReply
from tests.paper.raft_hand import MS, Hand

#: What a follower owes the lease of 500 ms at its receipt, in microseconds.
OWED_US = 555_556


def leap(hand: Hand, by_ms: int) -> None:
    """The clock is ahead at once; the watchdog says so before anything else happens."""
    hand.now_us += by_ms * MS
    hand.feed(LoopLagged(by_ms * MS))


def elected(hand: Hand, owed_us: int) -> None:
    """node003 votes for node002, which then waits for nothing but a former leader's lease."""
    hand.tell(3, VoteReply(*hand.header(3), hand.raft.term, True, owed_us))
    assert hand.raft.leader == "node002"
    hand.write()
    hand.acknowledge(3)
    hand.match(3, 3)


@pytest.mark.parametrize("by_ms", [900, 5_000, 60_000])
def test_a_promise_lasts_as_long_as_it_would_have_without_the_leap(by_ms: int) -> None:
    hand = Hand(me=3)
    hand.heartbeat(1, term=1)
    hand.later(200)
    leap(hand, by_ms)
    assert hand.raft.leader == "node001" and not hand.ask_pre_vote(2, term=1)
    hand.later(799)
    assert hand.raft.leader == "node001"
    hand.later(1)
    assert hand.raft.leader == ""


def test_no_lag_stretches_a_promise_past_one_election_timeout_from_now() -> None:
    """After a stop, what waited may be handled before the watchdog tells of it: that promise is a new one already."""
    hand = Hand(me=3)
    hand.heartbeat(1, term=1)
    for _ in range(3):
        hand.feed(LoopLagged(5_000 * MS))
    hand.later(999)
    assert hand.raft.leader == "node001"
    hand.later(1)
    assert hand.raft.leader == ""


def test_what_is_owed_to_a_lease_is_owed_after_a_leap_as_before() -> None:
    hand = Hand(me=3)
    hand.heartbeat(1, term=1)
    hand.later(100)
    hand.refused(1)
    leap(hand, 5_000)
    assert hand.ask_vote(2, term=2)
    (reply,) = hand.sent(VoteReply)
    assert OWED_US - 100 * MS <= reply.owed_us <= OWED_US, "where it cannot tell, it errs on the safe side"


def test_what_was_owed_to_the_leader_before_is_owed_after_a_leap_as_well() -> None:
    hand = Hand(me=3)
    hand.heartbeat(1, term=1)
    hand.refused(1)
    assert hand.ask_vote(2, term=2)
    hand.heartbeat(2, term=2, lease_ms=90)
    hand.refused(2)
    leap(hand, 5_000)
    assert hand.ask_vote(1, term=3)
    (reply,) = hand.sent(VoteReply)
    assert reply.owed_us >= OWED_US


def test_a_voter_that_has_just_started_is_silent_for_as_long_as_without_the_leap() -> None:
    hand = Hand(me=3, silent=True)
    leap(hand, 5_000)
    assert not hand.ask_pre_vote(2, term=1)
    hand.later(999)
    assert not hand.ask_pre_vote(2, term=1)
    hand.later(1)
    assert hand.ask_pre_vote(2, term=1)


def test_an_elected_leader_waits_for_the_former_lease_as_long_as_without_the_leap() -> None:
    hand = Hand()
    hand.heartbeat(1, term=1)
    hand.now_us += OWED_US
    hand.refused(1)
    hand.tell(3, PreVoteReply(*hand.header(3), hand.raft.term, True))
    hand.write()
    elected(hand, 400 * MS)
    leap(hand, 300)
    hand.acknowledge(3)
    assert not hand.raft.is_acting(hand.now_us)
    hand.later(399)
    hand.acknowledge(3)
    assert not hand.raft.is_acting(hand.now_us)
    hand.later(1)
    hand.acknowledge(3)
    assert hand.raft.is_acting(hand.now_us)


def test_a_candidate_counts_what_its_voters_owe_on_after_a_leap() -> None:
    hand = Hand(voters=5)
    hand.heartbeat(1, term=1)
    hand.now_us += OWED_US
    hand.refused(1)
    for number in (3, 4):
        hand.tell(number, PreVoteReply(*hand.header(number), hand.raft.term, True))
    hand.write()
    hand.tell(4, VoteReply(*hand.header(4), hand.raft.term, True, 400 * MS))
    leap(hand, 300)
    hand.tell(3, VoteReply(*hand.header(3), hand.raft.term, True))
    assert hand.raft.leader == "node002"
    hand.write()
    for number in (3, 4):
        hand.acknowledge(number)
        hand.match(number, 3)
    assert not hand.raft.is_acting(hand.now_us)
    hand.later(399)
    for number in (3, 4):
        hand.acknowledge(number)
    assert not hand.raft.is_acting(hand.now_us)
