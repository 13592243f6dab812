"""A leader whose heartbeats get through and whose entries do not: the title goes on to whoever can use it (ours)."""

from __future__ import annotations

from pycluster.consensus.messages import AppendEntries, Message, PreVoteRequest
from tests.paper.raft_cluster import MS, SECOND, Cluster
from tests.paper.raft_hand import Hand


def test_a_leader_that_cannot_commit_its_first_entry_gives_the_title_up_after_four_election_timeouts() -> None:
    hand = Hand()
    hand.lead()
    hand.write()
    until_us = hand.now_us + 4 * SECOND
    while hand.now_us < until_us:
        assert hand.raft.view(hand.now_us).role == "leader"
        hand.acknowledge(3)
        hand.due()
    assert hand.now_us == until_us and hand.raft.view(hand.now_us).role == "follower"
    assert hand.raft.reason == (
        "node002 gave leadership up: no majority took its first entry, though its heartbeats are answered"
    )
    hand.now_us += 2 * SECOND - 1
    hand.later(0)
    assert hand.sent(PreVoteRequest) == [], "somebody else's turn comes first"
    hand.later(50.001)
    assert len(hand.sent(PreVoteRequest)) == 2


def test_one_that_committed_it_keeps_the_title_whatever_becomes_of_later_entries() -> None:
    hand = Hand()
    hand.act()
    for _ in range(60):
        hand.now_us += 100 * MS
        hand.acknowledge(3)
    assert hand.raft.is_acting(hand.now_us)


def test_who_is_elected_and_gets_no_entry_out_makes_room_for_one_that_does() -> None:
    def loses(sender: str, to: str, message: Message) -> bool:
        return sender == "node001" and isinstance(message, AppendEntries)

    cluster = Cluster(3)
    cluster.drop = loses
    cluster.start()
    assert cluster.run(12 * SECOND, lambda: cluster.acting() is not None)
    assert cluster.acting() == "node002"
    acted = 0
    for _ in range(600):
        cluster.run(100 * MS)
        acted += cluster.acting() is not None
    assert acted > 400, "each time leadership goes back in vain, the hold-down doubles"
