"""Leader election: Ongaro's dissertation, chapters 3, 4 and 9, rule by rule, and ours on top: silence and ranks."""

from __future__ import annotations

import pytest

from pycluster.consensus import LeaderChanged, Notify, PeerHealth, Persist, Send, Stored, Timer, Vote
from pycluster.consensus.messages import (
    AppendEntries,
    AppendReply,
    Heartbeat,
    HeartbeatReply,
    PreVoteReply,
    PreVoteRequest,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)
from tests.paper.raft_cluster import SECOND, Cluster
from tests.paper.raft_hand import MS, Hand, log_of, seat


def test_3_3_higher_term_in_a_message_is_taken_over() -> None:
    """§3.3: "if one server's current term is smaller than the other's, then it updates its current term"."""
    hand = Hand()
    hand.heartbeat(1, term=7)
    assert hand.raft.term == 7 and hand.raft.leader == "node001"
    assert [persist.vote for persist in hand.unwritten] == [Vote(7)]


@pytest.mark.parametrize("role", ["candidate", "leader"])
def test_3_3_candidate_or_leader_reverts_to_follower_at_a_higher_term(role: str) -> None:
    """§3.3: "if a candidate or leader discovers that its term is out of date, it immediately reverts to follower"."""
    hand = Hand()
    hand.stand() if role == "candidate" else hand.lead()
    assert hand.raft.view(hand.now_us).role == role
    reply = VoteReply(*hand.header(3, 9), 2, False) if role == "candidate" else HeartbeatReply(*hand.header(3, 9), 0, 0)
    hand.tell(3, reply)
    assert hand.raft.view(hand.now_us).role == "follower" and hand.raft.term == 9


def test_3_3_request_with_a_stale_term_is_rejected() -> None:
    """§3.3: "if a server receives a request with a stale term number, it rejects the request"."""
    hand = Hand(terms=(1, 5))
    hand.heartbeat(1, term=4)
    assert hand.raft.leader == "" and hand.sent(HeartbeatReply)[0].term == 5
    hand.tell(1, AppendEntries(*hand.header(1, 4), 0, 0))
    assert not hand.sent(AppendReply)[0].success and hand.sent(AppendReply)[0].term == 5
    assert not hand.ask_vote(1, term=4)


def test_3_4_one_vote_a_term_first_come_first_served() -> None:
    """§3.4: "each server will vote for at most one candidate in a given term, on a first-come-first-served basis"."""
    hand = Hand()
    assert hand.ask_vote(3, term=2)
    assert not hand.ask_vote(1, term=2)
    assert hand.ask_vote(3, term=2), "the same candidate asks again: the answer may have been lost"
    assert hand.ask_vote(1, term=3)


def test_3_4_vote_is_durable_before_the_answer() -> None:
    """Figure 3.1: "updated on stable storage before responding to RPCs"."""
    hand = Hand()
    hand.tell(3, VoteRequest(*hand.header(3, 2), 9, 9))
    assert hand.sent(VoteReply) == []
    assert [persist.vote for persist in hand.unwritten] == [Vote(2, "uuid3")]
    hand.write()
    assert [reply.granted for reply in hand.sent(VoteReply)] == [True]


def test_3_4_vote_survives_a_restart() -> None:
    """§3.8: a server that forgot its vote could vote twice in one term."""
    hand = Hand(vote=Vote(4, "uuid3"))
    assert not hand.ask_vote(1, term=4)
    assert hand.ask_vote(3, term=4)


def test_3_4_candidate_increments_its_term_votes_for_itself_and_asks_all() -> None:
    """§3.4: "increments its current term ... votes for itself and issues RequestVote RPCs in parallel to each"."""
    hand = Hand(voters=5)
    hand.stand()
    assert hand.raft.term == 2 and hand.unwritten[-1].vote == Vote(2, "uuid2")
    assert hand.sent(VoteRequest) == [], "its candidacy is durable first"
    hand.write()
    to = [effect.to for effect in hand.did(Send) if isinstance(effect.message, VoteRequest)]
    assert to == ["node001", "node003", "node004", "node005"]


def test_3_4_candidate_wins_with_a_majority_and_its_own_vote_counts_when_durable() -> None:
    """§3.4: "a candidate wins an election if it receives votes from a majority ... for the same term"."""
    hand = Hand()
    hand.stand()
    hand.tell(3, VoteReply(*hand.header(3), 2, True))
    assert hand.raft.leader == "", "one vote of three, its own is not on disk"
    hand.write()
    assert hand.raft.leader == "node002"
    assert [change.leader for change in hand.did(LeaderChanged)] == ["node002"]


def test_3_4_winner_tells_everyone_at_once() -> None:
    """§3.4: "it then sends heartbeat messages to all of the other servers ... to prevent new elections"."""
    hand = Hand(voters=5)
    hand.lead()
    assert {message.to_uuid for message in hand.sent(Heartbeat)} == {"uuid1", "uuid3", "uuid4", "uuid5"}


def test_3_4_answers_from_another_term_or_stranger_do_not_count() -> None:
    """§3.4: votes count "for the same term", each voter once."""
    hand = Hand(voters=5)
    hand.stand()
    hand.write()
    hand.tell(1, VoteReply(*hand.header(1), 1, True))
    hand.tell(3, VoteReply(*hand.header(3), 2, True))
    hand.tell(3, VoteReply(*hand.header(3), 2, True))
    hand.tell(9, VoteReply(*hand.header(9), 2, True))
    assert hand.raft.leader == ""
    hand.tell(4, VoteReply(*hand.header(4), 2, True))
    assert hand.raft.leader == "node002"


def test_3_4_candidate_follows_a_leader_of_its_own_term() -> None:
    """§3.4: "if the leader's term ... is at least as large as the candidate's current term", it is recognized."""
    hand = Hand()
    hand.stand()
    hand.heartbeat(3, term=2)
    assert hand.raft.view(hand.now_us).role == "follower" and hand.raft.leader == "node003"


def test_3_4_split_vote_starts_a_new_round_after_a_random_wait() -> None:
    """§3.4: "each candidate restarts its randomized election timeout at the start of an election"."""
    waits = set()
    for seed in range(5):
        cluster = Cluster(2, seed)
        cluster.start()
        cluster.elect()
        cluster.run(SECOND)
        cluster.crash("node001")
        cluster.run(1_600 * MS)
        raft = cluster.raft("node002")
        assert raft.view(cluster.now_us).role in ("pre-candidate", "follower")
        asked = [at for at, _, _, message in cluster.sent if isinstance(message, PreVoteRequest)]
        cluster.run(2 * SECOND)
        again = [at for at, _, _, message in cluster.sent if isinstance(message, PreVoteRequest) and at > asked[-1]]
        waits.add(again[0] - asked[-1])
    assert len(waits) == 5 and all(500 * MS < wait <= 1_100 * MS for wait in waits)


@pytest.mark.parametrize(
    ("last_index", "last_term", "granted"),
    [(3, 2, True), (4, 2, True), (1, 3, True), (2, 2, False), (9, 1, False)],
)
def test_3_6_1_election_restriction(last_index: int, last_term: int, granted: bool) -> None:
    """§3.6.1: the voter denies its vote if its own log is more up-to-date: later last term, then longer."""
    assert Hand(terms=(1, 2, 2)).ask_pre_vote(3, 2, last_index, last_term) is granted
    assert Hand(terms=(1, 2, 2)).ask_vote(3, 3, last_index, last_term) is granted


def test_9_6_pre_vote_changes_no_state() -> None:
    """§9.6: "a candidate would only increment its term if it first learned ... they would be willing"."""
    hand = Hand()
    assert hand.ask_pre_vote(3, term=1) and hand.ask_pre_vote(1, term=1), "it may be granted to several"
    assert hand.raft.term == 1 and not hand.unwritten
    hand.due()
    while not hand.sent(PreVoteRequest):
        hand.due()
    assert hand.raft.term == 1 and not hand.unwritten


def test_9_6_pre_vote_is_denied_while_a_leader_is_heard() -> None:
    """§9.6: granted only if "they have not received heartbeats from a valid leader for at least a baseline timeout"."""
    hand = Hand()
    hand.heartbeat(1)
    hand.later(999)
    assert not hand.ask_pre_vote(3, term=1)
    assert hand.sent(PreVoteReply)[0].retry_after_us == 1 * MS
    hand.later(1)
    assert hand.ask_pre_vote(3, term=1)


def test_9_6_refused_for_a_promise_about_to_end_it_asks_again_then() -> None:
    """Ours: clocks of followers differ by a heartbeat's travel; the lowest ID shall not lose its turn for that."""
    hand = Hand()
    while not hand.sent(PreVoteRequest):
        hand.due()
    hand.tell(3, PreVoteReply(*hand.header(3), 1, False, 7 * MS))
    asked_us = hand.now_us
    hand.due()
    assert hand.now_us == asked_us + 7 * MS and len(hand.sent(PreVoteRequest)) == 2


def test_9_6_a_voter_cut_off_does_not_raise_its_term() -> None:
    """§9.6: a partitioned server that returns shall not force an election."""
    cluster = Cluster(3)
    cluster.start()
    cluster.elect()
    term = cluster.raft("node001").term
    cluster.isolate("node003")
    cluster.run(10 * SECOND)
    assert cluster.raft("node003").term == term
    cluster.heal()
    cluster.run(3 * SECOND)
    assert cluster.acting() == "node001" and cluster.raft("node001").term == term
    assert cluster.raft("node003").leader == "node001"


def test_4_2_3_vote_request_within_a_promise_is_ignored() -> None:
    """§4.2.3: "if a server receives a RequestVote within the minimum election timeout of hearing from a current
    leader, it does not update its term or grant its vote"."""
    hand = Hand()
    hand.heartbeat(1)
    hand.later(999)
    assert not hand.ask_vote(3, term=9)
    assert hand.raft.term == 1 and hand.raft.leader == "node001"
    hand.later(1)
    assert hand.ask_vote(3, term=9)


def test_4_2_3_a_leader_ignores_vote_requests() -> None:
    """§4.2.3, the leader's side: it hears from itself."""
    hand = Hand()
    hand.act()
    assert not hand.ask_vote(3, term=9)
    assert hand.raft.is_acting(hand.now_us) and hand.raft.term == 2


@pytest.mark.parametrize(("term", "granted"), [(2, True), (3, False)])
def test_4_2_3_leadership_transfer_passes_a_promise_in_the_next_term_only(term: int, granted: bool) -> None:
    """§4.2.3: a flag says "I have permission to disrupt the leader -- it told me to!"; ours: of that leader only."""
    hand = Hand()
    hand.heartbeat(1, term=1)
    assert hand.ask_vote(3, term, transfer=True) is granted


def test_promise_outlives_a_change_of_term() -> None:
    """The promise was given to a leader, not to a term of ours: a transfer's election does not end it for others."""
    hand = Hand(voters=5)
    hand.heartbeat(1, term=1)
    assert hand.ask_vote(3, 2, transfer=True)
    assert not hand.ask_vote(4, 3), "node001's lease may stand on that promise; only its own successor may pass"


def test_a_restarted_voter_is_silent_for_one_election_timeout() -> None:
    """§6.4.1's promises are not durable: a restarted voter may have made one just before."""
    hand = Hand(silent=True)
    hand.later(999)
    assert not hand.ask_pre_vote(3, term=1)
    assert not hand.ask_vote(3, term=2)
    assert not hand.ask_vote(3, term=2, transfer=True)
    assert hand.raft.term == 1
    hand.later(1)
    assert hand.ask_vote(3, term=2)


def test_a_restarted_voter_does_not_stand_within_its_silence() -> None:
    hand = Hand(me=1, silent=True)
    hand.heartbeat(2)
    hand.tell(2, TimeoutNow(*hand.header(2)))
    assert hand.raft.term == 1 and not hand.unwritten, "not even when it is told to"
    hand = Hand(me=1, silent=True)
    assert hand.raft.next_deadline() == hand.now_us + 1_000 * MS


def test_rank_the_lowest_id_stands_first() -> None:
    """Ours: rank x step, the rank being how many lower-named voters may be alive, the lost leader not among them."""

    def waits(me: int, *dead: int) -> float:
        hand = Hand(me=me, voters=5)
        hand.heartbeat(1)
        for number in dead:
            hand.feed(PeerHealth(seat(number).name, seat(number).uuid, False))
        lost_us = hand.now_us + 1_000 * MS
        while not hand.sent(PreVoteRequest):
            hand.due()
        return (hand.now_us - lost_us) / MS

    assert [waits(2), waits(3), waits(4), waits(5)] == [0, 50, 100, 150]
    assert waits(4, 2) == 50 and waits(4, 2, 3) == 0


def test_rank_the_lowest_survivor_wins_outright() -> None:
    for seed in range(10):
        cluster = Cluster(5, seed)
        cluster.start()
        assert cluster.elect() == "node001"
        cluster.crash("node001")
        died_us = cluster.now_us
        assert cluster.elect() == "node002"
        assert cluster.now_us - died_us < 1_200 * MS


def test_one_notice_per_lost_leader() -> None:
    """The origin's words, once, however many rounds it takes."""
    hand = Hand()
    hand.heartbeat(1)
    texts = []
    for _ in range(12):
        hand.due()
        texts += [notice.text for notice in hand.did(Notify)]
    assert texts == ["Leader node001 timed out, initiating new election"]
    assert "reaches 1 of 3 voters, 2 needed; silent: node001, node003" in hand.raft.reason


def test_a_lost_leader_is_told_with_a_reason() -> None:
    hand = Hand()
    hand.heartbeat(1)
    hand.due()
    (change,) = hand.did(LeaderChanged)
    assert (change.leader, change.reason) == ("", "leader node001 has not been heard from for 1000 ms")


def test_an_idle_follower_has_one_timer() -> None:
    hand = Hand()
    hand.heartbeat(1)
    assert hand.raft.next_deadline() == hand.now_us + 1_000 * MS
    hand.later(900)
    assert hand.effects == []


def test_election_safety_two_candidates_in_one_term_cannot_both_win() -> None:
    """Figure 3.2, election safety, by hand: the vote of the one shared voter decides."""
    hand = Hand(stored=Stored(Vote(1), log_of(1, 1)))
    assert hand.ask_vote(1, 2) and not hand.ask_vote(3, 2)
    assert not any(isinstance(effect, Persist) for effect in hand.feed(Timer()))
