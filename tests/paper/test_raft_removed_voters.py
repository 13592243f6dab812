"""Whose word counts once its seat is gone: nobody's (Ongaro's dissertation §4.1, §4.2.2)."""

from __future__ import annotations

from pycluster.consensus import Configuration, Entry, NoOp, Persist, RemoveVoter, Snapshot, Stored, Vote
from pycluster.consensus.messages import PreVoteReply, PreVoteRequest, VoteRequest
from tests.paper.raft_hand import CLUSTER, Hand, seats


def test_the_acknowledgement_of_a_voter_on_its_way_out_does_not_commit_that_it_is() -> None:
    """§4.1: the new configuration counts as soon as it is appended, so a majority of it has to hold it."""
    hand = Hand(me=1)
    hand.act()
    hand.acknowledge(3)
    before = hand.raft.view(hand.now_us).commit_index
    hand.feed(RemoveVoter("node003"))
    hand.write()
    hand.match(3, before + 1)
    assert hand.raft.view(hand.now_us).commit_index == before, "it has the entry, and no seat in it"
    hand.match(2, before + 1)
    assert hand.raft.view(hand.now_us).commit_index == before + 1


def reduced() -> Hand:
    """``node003`` of five once; the seats of node004 and node005 are gone, one after the other."""
    entries = [Entry(1, 1, Configuration(CLUSTER, seats(5))), Entry(2, 1, NoOp())]
    entries += [Entry(3, 1, Configuration(CLUSTER, seats(4))), Entry(4, 1, Configuration(CLUSTER, seats(3)))]
    return Hand(me=3, stored=Stored(Vote(1), tuple(entries), 1_000))


def test_a_candidate_asks_nobody_whose_seat_is_gone() -> None:
    hand = reduced()
    while not hand.sent(PreVoteRequest):
        hand.due()
    assert [message.to_uuid for message in hand.sent(PreVoteRequest)] == ["uuid1", "uuid2"]


def test_the_votes_of_those_whose_seats_are_gone_elect_nobody() -> None:
    hand = reduced()
    while not hand.sent(PreVoteRequest):
        hand.due()
    for number in (4, 5):
        hand.tell(number, PreVoteReply(*hand.header(number), hand.raft.term, True))
    assert hand.raft.term == 1 and hand.did(Persist) == [], "three of five once, and one of three now"
    hand.tell(1, PreVoteReply(*hand.header(1), hand.raft.term, True))
    hand.write()
    assert hand.raft.term == 2 and hand.sent(VoteRequest)


def rejected(hand: Hand, term: int, index: int) -> bool:
    """node001 says that a committed configuration has no seat for this voter. Whether it is believed."""
    hand.tell(1, PreVoteReply(*hand.header(1), hand.raft.term, False, 0, term, index))
    return not hand.raft.seated


def test_a_voter_that_was_away_is_told_of_its_removal_also_where_the_log_is_folded() -> None:
    """Whoever folded the entry that removed it knows its index; the term went with the entry."""
    voters = Configuration(CLUSTER, (seats(3)[0], seats(3)[2]))
    folded = Hand(me=1, stored=Stored(Vote(4), (), 1_000, Snapshot(20, 4, voters, 15)))
    folded.ask_pre_vote(2, term=4, last_index=2, last_term=1)
    (reply,) = folded.sent(PreVoteReply)
    assert (reply.granted, reply.configuration_index) == (False, 15)
    away = Hand(terms=(1, 1))
    assert rejected(away, reply.configuration_term, 15)


def test_no_older_configuration_takes_a_seat_that_a_folded_log_gave_back() -> None:
    """One that lags behind may have been told of the removal, and not yet of the return."""
    voters = Configuration(CLUSTER, seats(3))
    for stored in (
        Stored(Vote(4), (), 1_000, Snapshot(60, 4, voters, 50)),
        Stored(Vote(4), (), 1_000, Snapshot(60, 4, voters, 60)),
    ):
        assert not rejected(Hand(stored=stored), 3, 10)
        assert not rejected(Hand(stored=stored), 0, 10)
        assert rejected(Hand(stored=stored), 4, 61)
