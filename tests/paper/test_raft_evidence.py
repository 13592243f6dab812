"""Evidence that a leader's process is gone: who believes it, and what it may not do (ours; the paper has only time)."""

from __future__ import annotations

import pytest

from pycluster.consensus import ActingStarted, LeaderChanged, Notify, Send, StreamEnded, Vote
from pycluster.consensus.events import Refused
from pycluster.consensus.messages import (
    AppendEntries,
    Heartbeat,
    HeartbeatReply,
    PreVoteReply,
    PreVoteRequest,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)
from tests.paper.raft_cluster import SECOND, Cluster
from tests.paper.raft_hand import MS, Hand

#: What a follower owes the lease of 500 ms at its receipt, in microseconds.
OWED_US = 555_556


def following(me: int = 2, voters: int = 3, lease_ms: int = 500) -> Hand:
    """A voter that has just promised to node001 in term 1."""
    hand = Hand(me=me, voters=voters)
    hand.heartbeat(1, term=1, lease_ms=lease_ms)
    assert hand.raft.leader == "node001"
    return hand


def vote(hand: Hand, sender: int, term: int, transfer: bool = False) -> VoteReply:
    """The answer to a vote request."""
    hand.ask_vote(sender, term, transfer=transfer)
    (reply,) = hand.sent(VoteReply)
    return reply


# Whom it frees.


def test_evidence_about_the_leader_ends_the_promise_and_the_voter_stands_at_once() -> None:
    hand = following()
    hand.later(100)
    assert not hand.ask_pre_vote(3, term=1)
    hand.refused(1)
    (change,) = hand.did(LeaderChanged)
    assert (change.leader, change.reason) == (
        "",
        "leader node001 is gone: its stream ended, and a redial was refused",
    )
    assert [notice.text for notice in hand.did(Notify)] == ["Leader node001 timed out, initiating new election"]
    assert len(hand.sent(PreVoteRequest)) == 2, "the lowest that is left waits for nobody"
    assert hand.ask_pre_vote(3, term=1)


def test_a_higher_name_waits_its_rank_without_the_one_that_is_gone() -> None:
    hand = following(me=3)
    hand.refused(1)
    assert hand.sent(PreVoteRequest) == []
    assert hand.raft.next_deadline() == hand.now_us + 50 * MS


@pytest.mark.parametrize(
    "event",
    [
        Refused("node003", "uuid3"),
        Refused("node001", "its-former-disk"),
        Refused("node001", ""),
        StreamEnded("node001", "uuid1"),
    ],
)
def test_evidence_about_anybody_else_or_too_little_of_it_changes_nothing(event: Refused | StreamEnded) -> None:
    hand = following()
    until_us = hand.raft.next_deadline()
    assert hand.feed(event) == []
    assert hand.raft.leader == "node001" and hand.raft.next_deadline() == until_us
    assert hand.raft.view(hand.now_us).counters.get("refusals_ignored", 0) == isinstance(event, Refused)
    assert not hand.ask_pre_vote(3, term=1)


def test_a_promise_is_given_up_once_only() -> None:
    hand = following()
    hand.refused(1)
    hand.refused(1)
    assert hand.did(Notify) == [] and hand.raft.view(hand.now_us).counters["refusals_ignored"] == 1


def test_a_voter_that_is_silent_stays_silent() -> None:
    hand = Hand(silent=True)
    hand.heartbeat(1, term=1)
    hand.refused(1)
    assert hand.raft.leader == "" and not hand.ask_pre_vote(3, term=1)
    hand.later(999)
    assert not hand.ask_pre_vote(3, term=1)


def test_what_the_lost_leader_said_before_revives_no_promise() -> None:
    """Datagrams and entries that were on their way; a leader that lives speaks again after a heartbeat interval."""
    hand = following(me=3)
    hand.later(50)
    hand.refused(1)
    for _ in range(3):
        hand.later(40)
        hand.heartbeat(1, term=1)
        assert hand.sent(HeartbeatReply) == [] and hand.raft.leader == ""
        hand.tell(1, AppendEntries(*hand.header(1, 1), 2, 1))
        assert hand.raft.leader == ""
    hand.later(30)
    hand.heartbeat(1, term=1)
    assert len(hand.sent(HeartbeatReply)) == 1 and hand.raft.leader == "node001"


def test_a_new_leader_is_heard_at_once() -> None:
    hand = following(me=3)
    hand.refused(1)
    hand.heartbeat(1, term=2)
    assert hand.raft.leader == "node001", "the same one, elected again"
    hand.refused(1)
    hand.heartbeat(2, term=3)
    assert hand.raft.leader == "node002"


# What it asks for.


def test_a_candidate_on_evidence_asks_again_when_its_round_is_twice_as_old_after_5_to_25_ms() -> None:
    """The others get their own evidence a little later, and do not say so by themselves."""
    hand = following()
    hand.refused(1)
    began_us, waits = hand.now_us, []
    while hand.now_us < began_us + 200 * MS:
        hand.tell(3, PreVoteReply(*hand.header(3), 1, False, 900 * MS))
        before_us = hand.now_us
        hand.due()
        waits.append((hand.now_us - before_us) // MS)
        assert len(hand.sent(PreVoteRequest)) == 2
    assert waits == [5, 5, 10, 20, *[25] * (len(waits) - 4)]
    hand.tell(3, PreVoteReply(*hand.header(3), 1, True))
    hand.write()
    assert len(hand.sent(VoteRequest)) == 2
    hand.later(3)
    hand.tell(3, VoteReply(*hand.header(3), 2, False, 0, 900 * MS))
    hand.due()
    assert len(hand.sent(VoteRequest)) == 2, "so it does with votes"


def test_without_evidence_nobody_is_asked_again_before_its_promise_is_over() -> None:
    hand = following()
    hand.due()
    assert len(hand.sent(PreVoteRequest)) == 2
    hand.tell(3, PreVoteReply(*hand.header(3), 1, False, 90 * MS))
    assert hand.raft.next_deadline() == hand.now_us + 90 * MS


def test_asking_again_ends_with_the_round() -> None:
    hand = following()
    hand.refused(1)
    began_us = hand.now_us
    rounds = 0
    while hand.raft.view(hand.now_us).role == "pre-candidate":
        hand.tell(3, PreVoteReply(*hand.header(3), 1, False, 900 * MS))
        hand.due()
        rounds += 1
    assert hand.now_us == began_us + 500 * MS and rounds <= 24


# What it does not end: what is owed to the lease.


@pytest.mark.parametrize(
    ("lease_ms", "owed_us"), [(500, OWED_US), (0, 1_000 * MS), (899, 998_889), (5_000, 1_000 * MS), (90, 100 * MS)]
)
def test_a_vote_says_what_is_owed_to_the_lease_from_the_receipt_and_never_more_than_the_promise(
    lease_ms: int, owed_us: int
) -> None:
    """An older version does not name its lease; then the whole promise is owed."""
    hand = following(me=3, lease_ms=lease_ms)
    hand.later(60)
    hand.refused(1)
    reply = vote(hand, 2, term=2)
    assert reply.granted and reply.owed_us == owed_us - 60 * MS


def test_entries_are_owed_for_like_heartbeats() -> None:
    """A quorum that committed under the leader while it acted counts as one that heard its heartbeats."""
    hand = following(me=3)
    hand.later(200)
    hand.tell(1, AppendEntries(*hand.header(1, 1), 2, 1))
    hand.refused(1)
    assert vote(hand, 2, term=2).owed_us == OWED_US


def test_a_vote_after_the_promise_owes_nothing() -> None:
    hand = following(me=3)
    hand.now_us += 1_000 * MS
    reply = vote(hand, 2, term=2)
    assert reply.granted and (reply.owed_us, reply.retry_after_us) == (0, 0)


def test_a_refused_vote_says_when_to_ask_again_and_owes_nobody() -> None:
    hand = following(me=3)
    hand.later(100)
    reply = vote(hand, 2, term=2)
    assert (reply.granted, reply.owed_us, reply.retry_after_us) == (False, 0, 900 * MS)


def test_what_is_owed_is_told_in_every_later_term_until_it_is_over() -> None:
    """The candidate may have failed, or been elected and lost again before it acted."""
    hand = following(me=3)
    hand.refused(1)
    hand.later(100)
    assert vote(hand, 2, term=2).owed_us == OWED_US - 100 * MS
    hand.later(50)
    assert vote(hand, 1, term=3).owed_us == OWED_US - 150 * MS, "nobody was elected in term 2"
    hand.heartbeat(1, term=3, lease_ms=90)
    hand.refused(1)
    assert vote(hand, 2, term=4).owed_us == OWED_US - 150 * MS, "the leader of term 3 is owed less"
    hand.now_us += OWED_US - 150 * MS
    assert vote(hand, 1, term=5).owed_us == 0


def test_a_leader_that_handed_over_is_owed_nothing_and_those_before_it_still_are() -> None:
    """Invariant 3: it stopped acting before it said TimeoutNow; whoever led before it may act yet."""
    hand = following(me=3)
    hand.later(100)
    assert vote(hand, 2, term=2, transfer=True).owed_us == 0
    hand = following(me=3)
    hand.refused(1)
    hand.later(100)
    assert vote(hand, 2, term=2).granted
    hand.heartbeat(2, term=2)
    assert vote(hand, 1, term=3, transfer=True).owed_us == OWED_US - 100 * MS


def test_a_voter_that_restarted_owes_nothing_after_its_silence() -> None:
    hand = Hand(me=3, silent=True, vote=Vote(1))
    hand.heartbeat(1, term=1)
    hand.refused(1)
    hand.now_us += 1_000 * MS
    assert vote(hand, 2, term=2).owed_us == 0


@pytest.mark.parametrize("transfer", [False, True])
def test_a_candidate_of_an_older_version_that_would_act_at_once_waits_for_the_lease_before_it_is_elected(
    transfer: bool,
) -> None:
    """It knows nothing of what is owed, so that it gets no vote while anything is."""
    hand = following(me=3)
    hand.refused(1)
    hand.heartbeat(2, term=2)
    hand.later(100)
    if not transfer:
        hand.refused(2)
        assert not hand.ask_pre_vote(1, term=2, acts_late=False)
    assert not hand.ask_vote(1, term=3, transfer=transfer, acts_late=False) and hand.raft.term == 2
    (reply,) = hand.sent(VoteReply)
    assert reply.retry_after_us == OWED_US - 100 * MS
    hand.now_us += reply.retry_after_us
    assert hand.ask_vote(1, term=3, transfer=transfer, acts_late=False)


def test_candidates_say_that_they_act_late() -> None:
    hand = following()
    hand.refused(1)
    assert [request.acts_late for request in hand.sent(PreVoteRequest)] == [True, True]
    hand.tell(3, PreVoteReply(*hand.header(3), 1, True))
    hand.write()
    assert [request.acts_late for request in hand.sent(VoteRequest)] == [True, True]


# Who acts late.


def elected(hand: Hand, owed_us: int) -> None:
    """node002 gets node003's pre-vote and vote, and its first entry is committed and its heartbeat acknowledged."""
    hand.tell(3, PreVoteReply(*hand.header(3), hand.raft.term, True))
    hand.write()
    hand.tell(3, VoteReply(*hand.header(3), hand.raft.term, True, owed_us))
    assert hand.raft.leader == "node002"
    hand.write()
    hand.acknowledge(3)
    hand.match(3, 3)


@pytest.mark.parametrize(("own_ms", "theirs_ms"), [(300, 0), (300, 200), (0, 400), (100, 520)])
def test_the_new_leader_leads_at_once_and_acts_when_every_lease_is_over(own_ms: int, theirs_ms: int) -> None:
    hand = Hand()
    hand.heartbeat(1, term=1)
    hand.now_us += OWED_US - own_ms * MS
    hand.refused(1)
    elected(hand, theirs_ms * MS)
    assert hand.raft.view(hand.now_us).commit_index == 3, "it may commit"
    assert not hand.raft.is_acting(hand.now_us) and hand.did(ActingStarted) == []
    assert hand.raft.reason == "node002 is elected and waits until the lease of the former leader is over"
    due_us = hand.now_us + max(own_ms, theirs_ms) * MS
    while hand.now_us < due_us:
        assert not hand.raft.is_acting(hand.now_us)
        hand.due()
        if hand.now_us < due_us:
            hand.acknowledge(3)
    assert hand.did(ActingStarted)[0].since_us == hand.now_us == due_us


def test_nobody_can_keep_a_leader_from_acting_for_longer_than_a_promise_can_last() -> None:
    hand = following()
    hand.refused(1)
    elected(hand, 2**62)
    hand.now_us += 60 * SECOND - 1
    hand.acknowledge(3)
    assert not hand.raft.is_acting(hand.now_us)


def test_a_candidate_that_was_told_to_stand_owes_what_the_leaders_before_are_owed_only() -> None:
    hand = following()
    hand.later(100)
    hand.tell(1, TimeoutNow(*hand.header(1, 1)))
    hand.write()
    hand.tell(3, VoteReply(*hand.header(3), 2, True))
    hand.write()
    hand.acknowledge(3)
    hand.match(3, 3)
    assert hand.raft.is_acting(hand.now_us)


# All together.


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("seed", range(10))
def test_a_killed_leader_is_replaced_within_100_ms_and_its_successor_acts_when_the_lease_is_over(
    size: int, seed: int
) -> None:
    """Two round trips and two fsyncs; nobody acts before the dead leader could have ceased to by itself."""
    cluster = Cluster(size, seed)
    cluster.start()
    assert cluster.elect() == "node001"
    cluster.run(SECOND + seed * 37 * MS)
    killed_us = cluster.now_us
    cluster.kill("node001", told_within_us=5 * MS)
    assert cluster.run(100 * MS, lambda: cluster.raft("node002").leader == "node002")
    cluster.run(SECOND)
    first, second = cluster.intervals
    assert second.name == "node002" and first.until_us <= second.since_us <= killed_us + OWED_US + 2 * MS
    assert second.since_us - first.until_us <= 156 * MS, "a ninth for the clocks, and a heartbeat's way"


def test_evidence_at_a_minority_elects_nobody_and_no_moment_of_acting_is_lost() -> None:
    cluster = Cluster(5)
    cluster.start()
    cluster.elect()
    for _ in range(40):
        for name in ("node002", "node005"):
            cluster.refused(name, "node001")
        cluster.run(100 * MS)
    assert len(cluster.intervals) == len(cluster.leaders) == 1
    cluster.run(SECOND)
    assert all(cluster.raft(name).leader == "node001" for name in cluster.names)


def test_forged_evidence_at_everybody_costs_an_election_and_never_two_that_act() -> None:
    cluster = Cluster(5)
    cluster.start()
    cluster.elect()
    for name in cluster.names[1:]:
        cluster.refused(name, "node001")
    cluster.run(100 * MS)
    assert cluster.raft("node002").leader == "node002"
    cluster.run(SECOND)
    assert [interval.name for interval in cluster.intervals] == ["node001", "node002"]


def test_two_leaders_killed_one_after_the_other_are_replaced_as_fast() -> None:
    cluster = Cluster(5)
    cluster.start()
    cluster.elect()
    cluster.run(SECOND)
    cluster.kill("node001", told_within_us=5 * MS)
    assert cluster.run(100 * MS, lambda: cluster.raft("node002").leader == "node002")
    cluster.run(20 * MS)
    cluster.kill("node002", told_within_us=5 * MS)
    assert cluster.run(150 * MS, lambda: cluster.raft("node003").leader == "node003"), "one rank: node001 may be alive"
    cluster.run(SECOND)
    assert [interval.name for interval in cluster.intervals] == ["node001", "node003"]


def test_heartbeats_name_the_lease() -> None:
    hand = Hand()
    hand.lead()
    assert {message.lease_us for message in hand.sent(Heartbeat)} == {500 * MS}
    assert {effect.channel for effect in hand.did(Send) if isinstance(effect.message, Heartbeat)} == {
        "datagram",
        "heartbeat",
    }
