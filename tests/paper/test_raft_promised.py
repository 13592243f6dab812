"""Raft §4.2.3: a promise outlives the life that gave it, so that its length is durable before it is said."""

from __future__ import annotations

import pytest

from pycluster.consensus import Heartbeat, Params, Stored, Vote
from pycluster.consensus.messages import HeartbeatReply, PreVoteReply, PreVoteRequest
from tests.paper.raft_hand import MS, Hand, log_of

LONG = Params(heartbeat_interval_ms=1_000, election_timeout_ms=5_000, lease_ms=4_000)


def restarted(promised_ms: int, params: Params | None = None) -> Hand:
    """``node002``, which has just started again and once promised for that long."""
    return Hand(stored=Stored(Vote(1), log_of(1, 1), promised_ms), params=params or Params(), silent=True)


def beat(hand: Hand) -> None:
    hand.tell(1, Heartbeat(*hand.header(1), hand.now_us, 0, 500 * MS))


def asked(hand: Hand) -> bool:
    """Whether it would vote for ``node003``."""
    hand.tell(3, PreVoteRequest(*hand.header(3), 2, 1, "", acts_late=True))
    (reply,) = hand.sent(PreVoteReply)
    return reply.granted


@pytest.mark.parametrize("promised_ms", [0, 1_000])
def test_a_longer_promise_is_on_the_disk_before_it_is_said(promised_ms: int) -> None:
    hand = restarted(promised_ms, LONG)
    beat(hand)
    assert hand.sent(HeartbeatReply) == []
    assert [persist.promised_ms for persist in hand.unwritten] == [5_000]
    hand.write()
    assert len(hand.sent(HeartbeatReply)) == 1
    beat(hand)
    assert len(hand.sent(HeartbeatReply)) == 1 and hand.unwritten == [], "once is enough"


def test_a_restarted_voter_is_silent_for_the_longest_timeout_that_it_promised_under() -> None:
    hand = restarted(5_000)
    hand.later(4_999)
    assert not asked(hand)
    hand.later(1)
    assert asked(hand)


def test_a_shorter_timeout_is_noted_when_the_silence_is_over_and_nothing_waits_for_it() -> None:
    hand = restarted(5_000)
    hand.later(4_900)
    beat(hand)
    assert hand.unwritten == [], "what was promised for longer may still be relied on"
    hand.later(100)
    assert [persist.promised_ms for persist in hand.unwritten] == [1_000]
    beat(hand)
    assert len(hand.sent(HeartbeatReply)) == 1
    hand.later(400)
    assert len(hand.unwritten) == 1


def test_a_voter_that_never_promised_is_silent_for_its_own_timeout() -> None:
    hand = restarted(0)
    hand.later(999)
    assert not asked(hand)
    hand.later(1)
    assert asked(hand)
