"""Heartbeats by datagram, and what ended streams mean to a leader (ours; Raft §3.1 asks nothing of the network)."""

from __future__ import annotations

import pytest

from pycluster.consensus import ActingStarted, ActingStopped, LeaderChanged, Send, StreamEnded, Timer
from pycluster.consensus.messages import Heartbeat, HeartbeatReply, VoteRequest
from tests.paper.raft_cluster import SECOND, Cluster
from tests.paper.raft_hand import MS, Hand, seat


def ways(hand: Hand, kind: type[Heartbeat] | type[HeartbeatReply] = Heartbeat) -> set[tuple[str, str]]:
    """To whom and how, among the last effects."""
    return {(effect.to, effect.channel) for effect in hand.did(Send) if isinstance(effect.message, kind)}


def beat(hand: Hand, sent_us: int, datagram: bool = True) -> int:
    """node001's heartbeat of term 1, sent then; how many answers."""
    hand.tell(1, Heartbeat(*hand.header(1, 1), sent_us, 0, 500 * MS), datagram)
    return len(hand.sent(HeartbeatReply))


def promised_us(hand: Hand) -> int:
    """When the promise ends: nothing else is due on a follower."""
    due_us = hand.raft.next_deadline()
    assert due_us is not None
    return due_us


# The leader's side.


def test_a_follower_that_answered_the_last_round_gets_a_datagram_only() -> None:
    """Whoever has not (yet) may be reachable one way only."""
    hand = Hand()
    hand.lead()
    both = {("node001", "datagram"), ("node001", "heartbeat"), ("node003", "datagram"), ("node003", "heartbeat")}
    assert ways(hand) == both, "the first round"
    hand.acknowledge(1)
    hand.due()
    assert ways(hand) == both - {("node001", "heartbeat")}
    hand.due()
    assert ways(hand) == both, "node001 has not answered the second"
    hand.acknowledge(1, hand.now_us - 150 * MS)
    hand.acknowledge(3)
    hand.due()
    assert ways(hand) == both - {("node003", "heartbeat")}, "an answer to an older round is none to the last"


def test_an_answer_counts_once_and_an_older_one_for_nothing() -> None:
    hand = Hand()
    hand.act()
    first_us = hand.now_us
    hand.due()
    hand.due()
    second_us = hand.now_us
    assert hand.acknowledge(1, second_us) != []
    until_us = hand.raft.view(hand.now_us).acting_until_us
    assert until_us == second_us + 500 * MS
    for sent_us in (second_us, first_us, first_us + 150 * MS):
        hand.now_us += 10 * MS
        assert hand.acknowledge(1, sent_us) == []
    assert hand.raft.view(hand.now_us).acting_until_us == until_us


def test_an_answer_that_took_long_is_worth_the_less() -> None:
    hand = Hand()
    hand.act()
    sent_us = hand.now_us
    hand.now_us += 600 * MS
    hand.acknowledge(3, sent_us + 1)
    assert not hand.raft.is_acting(hand.now_us)


# The follower's side.


@pytest.mark.parametrize("datagram", [True, False])
def test_a_follower_answers_the_way_it_was_asked(datagram: bool) -> None:
    hand = Hand()
    beat(hand, hand.now_us, datagram)
    assert ways(hand, HeartbeatReply) == {("node001", "datagram" if datagram else "heartbeat")}


@pytest.mark.parametrize("datagram", [True, False])
def test_5_1_a_leader_of_a_lower_term_is_told_so_the_way_it_came(datagram: bool) -> None:
    """§5.1: "if a server receives a request with a stale term number, it rejects the request"."""
    hand = Hand(terms=(1, 4))
    beat(hand, hand.now_us, datagram)
    assert ways(hand, HeartbeatReply) == {("node001", "datagram" if datagram else "heartbeat")}
    assert [reply.term for reply in hand.sent(HeartbeatReply)] == [4] and hand.raft.leader == ""


def test_a_heartbeat_that_came_twice_or_was_overtaken_is_answered_and_promises_nothing_new() -> None:
    hand = Hand()
    sent_us = hand.now_us
    assert beat(hand, sent_us) == 1
    until_us = promised_us(hand)
    assert until_us == sent_us + 1_000 * MS
    hand.now_us += 300 * MS
    for older_us in (0, 1, 150 * MS):
        assert beat(hand, sent_us - older_us) == 1, "the first answer may be lost"
        assert promised_us(hand) == until_us
    assert beat(hand, sent_us + 150 * MS) == 1
    assert promised_us(hand) == until_us + 300 * MS


def test_a_heartbeat_that_came_twice_revives_no_promise() -> None:
    hand = Hand(me=3)
    sent_us = hand.now_us
    beat(hand, sent_us)
    hand.now_us += 1_000 * MS
    hand.feed(Timer())
    assert hand.raft.leader == "" and beat(hand, sent_us) == 0 and hand.raft.leader == ""
    hand.later(1)
    hand.refused(1)
    beat(hand, sent_us + 1)
    assert hand.raft.leader == "node001"
    hand.refused(1)
    hand.later(500)
    assert beat(hand, sent_us + 1) == 0 and hand.raft.leader == ""


def test_5_1_no_datagram_leaves_before_the_term_is_durable() -> None:
    """Figure 3.1: "updated on stable storage before responding"."""
    hand = Hand()
    hand.tell(1, Heartbeat(*hand.header(1, 7), hand.now_us, 0, 500 * MS), datagram=True)
    assert hand.sent(HeartbeatReply) == []
    hand.write()
    assert ways(hand, HeartbeatReply) == {("node001", "datagram")}


# The network.


@pytest.mark.parametrize("seed", range(6))
def test_the_lease_is_kept_where_datagrams_come_late_twice_and_in_any_order(seed: int) -> None:
    """One leader, one acting interval; a third of the messages is lost, the others arrive after up to 100 ms."""
    cluster = Cluster(5, seed)
    cluster.start()
    cluster.elect()
    cluster.run(SECOND)
    cluster.duplicates, cluster.delay_us = 0.5, (100, 100 * MS)
    cluster.run(20 * SECOND)
    assert cluster.acting() == "node001" and len(cluster.intervals) == 1


@pytest.mark.parametrize("both", [True, False])
def test_the_lease_is_kept_where_datagrams_are_blocked(both: bool) -> None:
    """All of them, or those to the leader only; the connections carry what is needed."""
    cluster = Cluster(3)
    names = cluster.names
    cluster.mute = {(one, two) for one in names for two in names if one != two and (both or two == "node001")}
    cluster.start()
    cluster.elect()
    cluster.run(20 * SECOND)
    assert cluster.acting() == "node001" and len(cluster.intervals) == 1


def test_the_lease_is_kept_where_connections_hang() -> None:
    """A lost segment holds up everything behind it; datagrams do not wait for it."""
    cluster = Cluster(3)
    cluster.start()
    cluster.elect()
    cluster.run(SECOND)
    sent: list[str] = []

    def hang(sender: str, to: str, message: object) -> bool:
        sent.append(sender)
        return not isinstance(message, Heartbeat | HeartbeatReply)

    cluster.drop = hang
    cluster.run(20 * SECOND)
    assert cluster.acting() == "node001" and len(cluster.intervals) == 1 and sent


# A leader whose streams end.


def ended(hand: Hand, number: int) -> None:
    hand.feed(StreamEnded(seat(number).name, seat(number).uuid))


def test_a_leader_without_the_streams_of_a_quorum_stops_acting_and_keeps_the_title() -> None:
    hand = Hand(voters=5)
    hand.act()
    hand.acknowledge(4)
    hand.later(20)
    ended(hand, 1)
    assert hand.raft.is_acting(hand.now_us) and hand.did(ActingStopped) == []
    ended(hand, 3)
    (stopped,) = hand.did(ActingStopped)
    assert stopped.at_us == hand.now_us
    assert stopped.reason == "the streams to node001, node003 ended, and what is left is no quorum"
    assert hand.raft.leader == "node002" and "may not act" in hand.raft.reason
    assert ways(hand) == {("node003", "datagram")}, "whether it still answers is asked at once"


def test_a_follower_counts_again_when_it_answers_what_was_sent_after_its_stream_ended() -> None:
    hand = Hand()
    hand.act()
    sent_us = hand.now_us
    hand.due()
    before_us = hand.now_us
    hand.later(20)
    ended(hand, 1)
    assert len(hand.did(ActingStopped)) == 1
    ended_us = hand.now_us
    hand.later(5)
    for older_us in (sent_us, before_us):
        hand.acknowledge(1, older_us)
        assert not hand.raft.is_acting(hand.now_us), "that promise was made by a process that may be gone"
    hand.acknowledge(1, ended_us)
    assert hand.did(ActingStarted)[0].until_us == ended_us + 500 * MS


def test_a_stream_that_ends_where_enough_others_answer_changes_nothing() -> None:
    hand = Hand()
    hand.act()
    hand.acknowledge(3)
    ended(hand, 1)
    assert hand.raft.is_acting(hand.now_us) and hand.did(ActingStopped) == []
    hand.feed(StreamEnded("node009", "uuid9"))
    assert hand.raft.is_acting(hand.now_us)


def test_6_2_the_title_goes_with_check_quorum_as_ever() -> None:
    hand = Hand()
    hand.act()
    ended(hand, 1)
    while hand.raft.leader:
        hand.due()
    assert hand.did(LeaderChanged)[0].reason.startswith("node002 gave leadership up without a quorum")
    assert hand.sent(VoteRequest) == []


def test_a_follower_does_nothing_when_a_stream_ends() -> None:
    hand = Hand()
    hand.heartbeat(1, term=1)
    ended(hand, 1)
    ended(hand, 3)
    assert hand.effects == [] and hand.raft.leader == "node001"
