"""Leadership transfer: Ongaro's dissertation, §3.10, and ours on top: the lowest ID, hold-down, hand-over, pins."""

from __future__ import annotations

from random import Random

import pytest

from pycluster.consensus import (
    ActingStopped,
    CommandFailed,
    HandedOver,
    HandOver,
    PeerHealth,
    Propose,
    Send,
    Transfer,
)
from pycluster.consensus.messages import (
    PreVoteReply,
    PreVoteRequest,
    ReachEcho,
    ReachQuery,
    ReachReply,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)
from tests.paper.raft_cluster import SECOND, Cluster
from tests.paper.raft_hand import MS, Hand


def positions(hand: Hand) -> tuple[int, int]:
    """Where ``ActingStopped`` and ``TimeoutNow`` stand among the last effects."""
    stopped = next(place for place, effect in enumerate(hand.effects) if isinstance(effect, ActingStopped))
    told = next(
        place
        for place, effect in enumerate(hand.effects)
        if isinstance(effect, Send) and isinstance(effect.message, TimeoutNow)
    )
    return stopped, told


def test_3_10_stops_acting_before_timeout_now() -> None:
    """§3.10 with §6.4.1: a lease may not outlive the permission to pass it."""
    hand = Hand()
    hand.act()
    hand.acknowledge(3)
    hand.match(3, 3)
    hand.feed(Transfer("node003"))
    stopped, told = positions(hand)
    assert stopped < told and not hand.raft.is_acting(hand.now_us)
    assert hand.raft.view(hand.now_us).role == "follower"


def test_3_10_target_gets_the_whole_log_first_and_proposals_wait() -> None:
    """§3.10: "the prior leader stops accepting new client requests", "fully updates the target server's log"."""
    hand = Hand()
    hand.act()
    hand.acknowledge(3)
    hand.feed(Transfer("node003"))
    assert hand.sent(TimeoutNow) == []
    hand.feed(Propose(b"x"))
    assert hand.did(CommandFailed)[0].why == "leadership is being handed over"
    hand.match(3, 3)
    assert len(hand.sent(TimeoutNow)) == 1


def test_3_10_transfer_that_cannot_catch_up_is_given_up() -> None:
    """§3.10: "if leadership transfer does not complete after about an election timeout, the prior leader aborts"."""
    hand = Hand()
    hand.act()
    hand.acknowledge(3)
    hand.feed(Transfer("node003"))
    began_us = hand.now_us
    while hand.raft.view(hand.now_us).pinned is False and hand.now_us < began_us + 1_000 * MS:
        hand.due()
        hand.acknowledge(1)
    hand.feed(Propose(b"x"))
    assert hand.did(CommandFailed) == [] and hand.raft.is_acting(hand.now_us)


def test_3_10_target_stands_at_once_without_pre_vote() -> None:
    """§3.10: "this request has the same effect as the target server's election timer firing"; §4.2.3: with the flag."""
    hand = Hand()
    hand.heartbeat(1)
    hand.tell(1, TimeoutNow(*hand.header(1)))
    assert hand.raft.term == 2 and hand.sent(PreVoteRequest) == [] and hand.sent(VoteRequest) == []
    hand.write()
    assert [message.leadership_transfer for message in hand.sent(VoteRequest)] == [True, True]
    hand.tell(3, VoteReply(*hand.header(3), 2, True))
    assert hand.raft.leader == "node002"


@pytest.mark.parametrize(("sender", "term"), [(3, 1), (1, 0)])
def test_3_10_only_the_current_leader_may_say_timeout_now(sender: int, term: int) -> None:
    hand = Hand()
    hand.heartbeat(1)
    hand.tell(sender, TimeoutNow(*hand.header(sender, term)))
    assert hand.raft.term == 1 and hand.raft.leader == "node001"


def test_the_old_leader_does_not_act_again_in_its_term() -> None:
    hand = Hand()
    hand.act()
    hand.acknowledge(3)
    hand.match(3, 3)
    hand.feed(Transfer("node003"))
    for _ in range(4):
        hand.later(100)
        hand.acknowledge(1)
        hand.acknowledge(3)
        hand.match(1, 3)
    assert not hand.raft.is_acting(hand.now_us) and hand.raft.view(hand.now_us).role == "follower"
    assert hand.ask_vote(3, 3, transfer=True), "and it has no promise of its own"


def test_a_target_that_dies_costs_an_election_only() -> None:
    cluster = Cluster(3)
    cluster.start()
    cluster.elect()
    cluster.run(SECOND)
    cluster.drop = lambda sender, to, message: isinstance(message, TimeoutNow)
    cluster.feed("node001", Transfer("node003"))
    cluster.run(3 * SECOND)
    assert cluster.acting() in ("node001", "node002")
    assert len(cluster.notified("transfer-failed")) == 1


def came_back(cluster: Cluster) -> float:
    """Seconds from the return of node001 to its acting."""
    began_us = cluster.now_us
    assert cluster.run(700 * SECOND, lambda: cluster.acting() == "node001")
    return (cluster.now_us - began_us) / SECOND


def test_a_lower_id_returns_once_after_its_hold_down() -> None:
    """Ours: the lowest ID leads, and nothing flaps."""
    cluster = Cluster(3)
    cluster.start()
    cluster.elect()
    cluster.crash("node001")
    assert cluster.elect() == "node002"
    cluster.start("node001")
    assert 5.0 <= came_back(cluster) < 6.0
    cluster.run(60 * SECOND)
    assert [interval.name for interval in cluster.intervals] == ["node001", "node002", "node001"]


def test_the_hold_down_doubles_with_each_loss_and_is_bounded() -> None:
    cluster = Cluster(3)
    cluster.start()
    cluster.elect()
    waits = []
    for _ in range(9):
        cluster.crash("node001")
        cluster.elect()
        cluster.start("node001")
        waits.append(round(came_back(cluster)))
    assert waits[:6] == [5, 10, 20, 40, 80, 160]
    assert max(waits) <= 301


def test_the_hold_down_is_forgiven_after_stable_time() -> None:
    cluster = Cluster(3)
    cluster.start()
    cluster.elect()
    for _ in range(3):
        cluster.crash("node001")
        cluster.elect()
        cluster.start("node001")
        came_back(cluster)
    cluster.run(2_000 * SECOND)
    cluster.crash("node001")
    cluster.elect()
    cluster.start("node001")
    assert came_back(cluster) < 6.0


def test_a_gap_or_a_suspicion_begins_the_hold_down_anew() -> None:
    cluster = Cluster(3)
    cluster.start()
    cluster.elect()
    cluster.crash("node001")
    cluster.elect()
    cluster.start("node001")
    cluster.run(4 * SECOND)
    cluster.feed("node002", PeerHealth("node001", cluster.processes["node001"].uuid, False))
    cluster.feed("node002", PeerHealth("node001", cluster.processes["node001"].uuid, True))
    assert 5.0 <= came_back(cluster) < 6.0


def test_no_transfer_to_a_node_that_does_not_reach_a_quorum() -> None:
    """Ours: with one-way or pairwise cuts it would win nothing, or at once lose it again."""
    cluster = Cluster(5)
    cluster.start()
    cluster.elect()
    cluster.isolate("node001")
    cluster.elect()
    cluster.heal()
    cluster.cut = {(name, "node001") for name in ("node003", "node004", "node005")}
    cluster.run(30 * SECOND)
    assert cluster.acting() == "node002"
    assert cluster.notified("transfer-failed")[0].startswith(
        "node001 does not get leadership back yet: it reaches 2 of 5 voters, 3 needed"
    )
    cluster.heal()
    assert came_back(cluster) < 8.0


def test_a_successor_counts_only_voters_that_answered_its_own_probe() -> None:
    hand = Hand(voters=5)
    hand.heartbeat(1)
    hand.tell(1, ReachQuery(*hand.header(1), 7))
    hand.tell(3, ReachEcho(*hand.header(3), 8))
    hand.tell(3, ReachEcho(*hand.header(3), 7))
    hand.tell(3, ReachEcho(*hand.header(3), 7))
    hand.tell(9, ReachEcho(*hand.header(9), 7))
    assert hand.sent(ReachReply) == []
    hand.tell(4, ReachEcho(*hand.header(4), 7))
    assert [message.reached for message in hand.sent(ReachReply)] == [("uuid2", "uuid3", "uuid4")]


def test_a_transfer_by_hand_pins() -> None:
    cluster = Cluster(3)
    cluster.start()
    cluster.elect()
    cluster.run(SECOND)
    cluster.feed("node001", Transfer("node003"))
    assert cluster.elect() == "node003"
    assert cluster.raft("node003").view(cluster.now_us).pinned
    cluster.run(60 * SECOND)
    assert cluster.acting() == "node003"
    cluster.crash("node003")
    assert cluster.elect() == "node001"
    assert not cluster.raft("node001").view(cluster.now_us).pinned


def test_a_pin_is_for_the_election_that_was_asked_for() -> None:
    """A candidacy by hand that fails leaves nothing behind for a later one."""
    hand = Hand()
    hand.heartbeat(1)
    hand.tell(1, TimeoutNow(*hand.header(1), pinned=True))
    hand.write()
    while hand.raft.view(hand.now_us).role == "candidate":
        hand.due()
    hand.act()
    assert not hand.raft.view(hand.now_us).pinned


@pytest.mark.parametrize("seed", range(12))
def test_4_2_3_a_transfer_past_the_promises_never_overlaps_the_lease(seed: int) -> None:
    """§4.2.3 lets a transfer's candidate through within the promises; the leader it comes from had stopped acting. Slow
    and reordered messages, a target that dies half-way and an old leader that is cut off meanwhile change nothing."""
    cluster, rng = Cluster(5, seed), Random(seed)
    cluster.start()
    cluster.elect()
    cluster.delay_us = (100, 400_000)
    for _ in range(30):
        leader = cluster.acting()
        if leader is not None:
            target = rng.choice([name for name in cluster.names if name != leader])
            cluster.feed(leader, Transfer(target))
            cluster.run(rng.randrange(300 * MS))
            if rng.random() < 0.3:
                cluster.isolate(leader)
            elif rng.random() < 0.4:
                cluster.crash(target)
                cluster.start(target)
        cluster.run(rng.randrange(2 * SECOND))
        cluster.heal()
    assert len(cluster.intervals) > 5


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("node009", "node009 has no seat among the voters node001, node002, node003"),
        ("node003", "node003 does not answer"),
    ],
)
def test_a_transfer_that_cannot_be_is_refused(to: str, why: str) -> None:
    hand = Hand()
    hand.act()
    hand.feed(Transfer(to))
    assert hand.did(CommandFailed)[0].why == why and hand.raft.is_acting(hand.now_us)
    follower = Hand()
    follower.heartbeat(1)
    follower.feed(Transfer(to))
    assert follower.did(CommandFailed)[0].remedy == "ask node001"


def handed_over(cluster: Cluster, name: str) -> list[str]:
    return [effect.detail for effect in cluster.processes[name].effects if isinstance(effect, HandedOver)]


def test_hand_over_takes_no_election_timeout() -> None:
    cluster = Cluster(5)
    cluster.start()
    cluster.elect()
    cluster.run(SECOND)
    began_us = cluster.now_us
    cluster.feed("node001", HandOver())
    assert cluster.run(SECOND, lambda: cluster.acting() == "node002" and bool(handed_over(cluster, "node001")))
    assert cluster.now_us - began_us < 50 * MS
    assert handed_over(cluster, "node001") == ["node002 leads in term 2"]
    cluster.run(30 * SECOND)
    assert cluster.acting() == "node002", "a node about to stop does not get leadership back"


def test_hand_over_ends_in_any_case() -> None:
    lone = Cluster(1)
    lone.start()
    lone.elect()
    lone.feed("node001", HandOver())
    assert handed_over(lone, "node001") == ["no other voter answers, so nobody takes over"]
    assert lone.acting() is None
    follower = Cluster(3)
    follower.start()
    follower.elect()
    follower.feed("node002", HandOver())
    assert handed_over(follower, "node002") == ["this node did not lead"]
    waiting = Cluster(3)
    waiting.start("node001")
    waiting.feed("node001", HandOver())
    assert handed_over(waiting, "node001") == ["this node did not lead"]
    deaf = Cluster(3)
    deaf.start()
    deaf.elect()
    deaf.run(SECOND)
    deaf.drop = lambda sender, to, message: isinstance(message, TimeoutNow)
    deaf.feed("node001", HandOver())
    deaf.run(1_001 * MS)
    assert len(handed_over(deaf, "node001")) == 1
    behind = Hand()
    behind.act()
    behind.acknowledge(3)
    behind.feed(Propose(b"x"))
    behind.feed(HandOver())
    began_us = behind.now_us
    while not behind.did(HandedOver):
        behind.due()
    assert behind.now_us - began_us <= 1_000 * MS


def test_a_leader_that_hands_over_while_it_waits_says_with_its_vote_for_how_long() -> None:
    """Ours: it was told by voters that may not be among those of the next leader, nor of a version that tells."""
    hand = Hand()
    hand.due()
    hand.tell(3, PreVoteReply(*hand.header(3), 1, True))
    hand.write()
    hand.tell(3, VoteReply(*hand.header(3), 2, True, 400 * MS))
    until_us = hand.now_us + 400 * MS
    hand.write()
    hand.acknowledge(3)
    hand.match(3, 3)
    hand.feed(Transfer("node003"))
    assert len(hand.sent(TimeoutNow)) == 1 and hand.raft.leader == ""
    hand.later(50)
    hand.ask_vote(3, term=3, transfer=True)
    (reply,) = hand.sent(VoteReply)
    assert reply.granted and reply.owed_us == until_us - hand.now_us
