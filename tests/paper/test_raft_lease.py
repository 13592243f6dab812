"""The lease and check-quorum: Ongaro's dissertation, §6.2 and §6.4.1, and what ours adds: acting intervals."""

from __future__ import annotations

from random import Random

import pytest

from pycluster.consensus import (
    ActingRenewed,
    ActingStarted,
    ActingStopped,
    LeaderChanged,
    Notify,
    Params,
    Raft,
    Stored,
    Timer,
)
from pycluster.consensus.messages import AppendReply, Heartbeat, HeartbeatReply
from pycluster.kernel.errors import LocalMisuse
from tests.paper.raft_cluster import SECOND, Cluster
from tests.paper.raft_hand import MS, Hand


def test_6_4_no_acting_before_the_terms_first_entry_is_committed() -> None:
    """§6.4: "if the leader has not yet marked an entry from its current term committed, it waits"."""
    hand = Hand()
    hand.lead()
    hand.write()
    hand.acknowledge(1)
    hand.acknowledge(3)
    assert not hand.raft.is_acting(hand.now_us)
    hand.match(1, 3)
    assert hand.did(ActingStarted) == [ActingStarted(2, hand.now_us, hand.now_us + 500 * MS)]


def test_6_4_1_the_lease_counts_from_the_send_time() -> None:
    """§6.4.1: "it would extend its lease to start + election timeout / clock drift bound": start is the sending."""
    hand = Hand(voters=5)
    hand.act()
    sent_us = hand.now_us
    hand.later(150)
    newer_us = hand.now_us
    hand.now_us += 90 * MS
    hand.acknowledge(1, newer_us)
    assert hand.did(ActingRenewed) == [], "one of four followers and the leader: no quorum has acknowledged it"
    hand.acknowledge(3, newer_us)
    assert hand.did(ActingRenewed) == [ActingRenewed(2, newer_us + 500 * MS)]
    assert newer_us == sent_us + 150 * MS


def test_the_quorum_th_newest_acknowledgement_counts() -> None:
    """One follower that answers diligently does not keep a leader of five acting."""
    hand = Hand(voters=5)
    hand.act()
    until_us = hand.now_us + 500 * MS
    for _ in range(3):
        hand.later(140)
        hand.acknowledge(1)
    assert hand.raft.view(hand.now_us).acting_until_us == until_us
    hand.now_us = until_us
    (stopped,) = hand.feed(Timer())[:1]
    assert isinstance(stopped, ActingStopped) and "reaches 2 of 5 voters, 3 needed" in stopped.reason


def test_the_lease_is_checked_before_anything_else() -> None:
    """A process that was stopped reports the end its lease had, whatever event finds out."""
    hand = Hand()
    hand.act()
    until_us = hand.now_us + 500 * MS
    assert hand.raft.next_deadline() == hand.now_us + hand.params.commit_notice_ms * MS
    hand.due()
    assert hand.raft.next_deadline() == hand.now_us + (150 - hand.params.commit_notice_ms) * MS
    hand.now_us += 30_000 * MS
    effects = hand.heartbeat(3, term=9)
    assert isinstance(effects[0], ActingStopped) and effects[0].at_us == until_us
    assert not hand.raft.is_acting(hand.now_us)


def test_is_acting_ends_by_itself() -> None:
    """Reading needs no event to have passed."""
    hand = Hand()
    hand.act()
    assert hand.raft.is_acting(hand.now_us + 499 * MS) and not hand.raft.is_acting(hand.now_us + 500 * MS)


@pytest.mark.parametrize("offset_us", [1, -10_000 * MS])
def test_an_acknowledgement_of_a_heartbeat_never_sent_in_this_term_is_nothing(offset_us: int) -> None:
    """An echo from the future, or from before this leadership, would stretch the lease."""
    hand = Hand()
    hand.lead()
    hand.write()
    hand.match(1, 3)
    hand.acknowledge(1, hand.now_us + offset_us)
    assert not hand.raft.is_acting(hand.now_us)
    hand.acknowledge(1, term=1)
    assert not hand.raft.is_acting(hand.now_us), "nor one of another term"


def test_a_learners_acknowledgement_is_nothing() -> None:
    hand = Hand()
    hand.lead()
    hand.write()
    hand.match(1, 3)
    hand.tell(9, HeartbeatReply(*hand.header(9), hand.now_us, 1_000 * MS))
    assert not hand.raft.is_acting(hand.now_us)


@pytest.mark.parametrize("cluster", [True, False])
def test_an_answer_to_nobody_in_particular_deposes_no_leader(cluster: bool) -> None:
    """§5.1 gives way to any higher term. A stranger knows no UUID: what was answered to one that is not named counts
    for nothing, or one datagram made up from a cluster's name would cost an election.
    """
    hand = Hand()
    hand.act()
    term, (uuid, sender, mine, _) = hand.raft.term, hand.header(1)
    for forged in ("stranger", sender):
        head = uuid if cluster else "", forged, "", term + 1_000
        hand.tell(1, HeartbeatReply(*head, hand.now_us, 1_000 * MS), datagram=True)
        hand.tell(1, AppendReply(*head, True, 1))
    assert (hand.raft.term, hand.raft.is_acting(hand.now_us)) == (term, True)
    hand.tell(1, AppendReply(uuid, sender, mine, term + 1_000, True, 1))
    assert (hand.raft.term, hand.raft.is_acting(hand.now_us)) == (term + 1_000, False), "who was asked may say so"


def test_6_2_a_leader_without_a_quorum_steps_down() -> None:
    """§6.2: "a leader steps down if an election timeout elapses without a successful round of heartbeats to a
    majority of its cluster"."""
    hand = Hand(voters=5)
    hand.act()
    began_us = hand.now_us
    while hand.raft.leader:
        hand.due()
        if hand.raft.leader and hand.now_us < began_us + 700 * MS:
            hand.acknowledge(1)
    assert hand.now_us == began_us + 1_000 * MS
    (change,) = hand.did(LeaderChanged)
    assert change.leader == ""
    assert change.reason == (
        "node002 gave leadership up without a quorum: reaches 2 of 5 voters, 3 needed; silent: node003, node004,"
        " node005"
    )


def test_a_lease_regained_in_the_same_term_is_a_new_interval() -> None:
    hand = Hand()
    hand.act()
    hand.later(900)
    assert len(hand.did(ActingStopped)) == 1
    hand.acknowledge(1)
    assert hand.did(ActingStarted) == [ActingStarted(2, hand.now_us, hand.now_us + 500 * MS)]


def test_renewals_are_bounded() -> None:
    """A record per heartbeat at most, in steps of at least 100 ms."""
    hand = Hand()
    hand.act()
    renewals = 0
    for _ in range(1_000):
        hand.later(10)
        hand.acknowledge(1)
        renewals += len(hand.did(ActingRenewed))
        hand.acknowledge(3)
        renewals += len(hand.did(ActingRenewed))
    assert 50 <= renewals <= 100


def test_an_idle_leader_has_a_heartbeat_timer_only() -> None:
    hand = Hand()
    hand.act()
    hand.due()  # the others hear what was committed
    hand.acknowledge(1)
    hand.now_us += (150 - hand.params.commit_notice_ms) * MS
    hand.feed(Timer())
    for _ in range(20):
        before_us = hand.now_us
        hand.due()
        assert hand.now_us == before_us + 150 * MS and {message.to_uuid for message in hand.sent(Heartbeat)} == {
            "uuid1",
            "uuid3",
        }
        hand.acknowledge(1)
        hand.acknowledge(3)


def test_acting_does_not_wait_for_the_disk() -> None:
    """Persist bars only what depends on it: heartbeats and lease go on while a write hangs."""
    cluster = Cluster(3)
    cluster.start()
    cluster.elect()
    cluster.run(SECOND)
    cluster.disk_us = (60 * SECOND, 60 * SECOND)
    cluster.run(10 * SECOND)
    assert cluster.acting() == "node001" and len(cluster.intervals) == 1


def test_acting_intervals_of_a_cut_off_leader_and_its_successor_do_not_overlap() -> None:
    """The cluster asserts it at each ``ActingStarted``; here also that there was a gap, and how short."""
    for seed in range(20):
        cluster = Cluster(5, seed)
        cluster.start()
        cluster.elect()
        cluster.run(Random(seed).randrange(SECOND))
        cluster.isolate("node001")
        cluster.run(2 * SECOND)
        assert cluster.acting() == "node002"
        first, second = cluster.intervals
        assert first.until_us < second.since_us < first.until_us + 850 * MS


def test_a_stopped_leader_that_wakes_does_not_act() -> None:
    for seed in range(20):
        cluster = Cluster(3, seed)
        cluster.start()
        cluster.elect()
        cluster.run(Random(seed).randrange(SECOND))
        cluster.stall("node001", 4 * SECOND)
        cluster.run(4 * SECOND + 1)
        assert cluster.acting() == "node002"
        assert [interval.name for interval in cluster.intervals] == ["node001", "node002"]
        assert cluster.raft("node001").leader in ("", "node002")


def test_a_lone_voter_acts_without_gaps() -> None:
    cluster = Cluster(1)
    cluster.start()
    cluster.run(60 * SECOND)
    assert len(cluster.intervals) == 1 and cluster.acting() == "node001"
    cluster.crash("node001")
    cluster.start("node001")
    cluster.run(2 * SECOND)
    assert len(cluster.intervals) == 2, "after a silence: the record of its earlier life is not overlapped either"


@pytest.mark.parametrize(
    ("lease_ms", "fits"),
    [(899, True), (900, False), (1_000, False)],
)
def test_the_lease_leaves_a_tenth_for_clocks(lease_ms: int, fits: bool) -> None:
    """§6.4.1: the lease assumes "a bound on clock drift across servers"."""
    if fits:
        assert Params(lease_ms=lease_ms).lease_us == lease_ms * MS
    else:
        with pytest.raises(LocalMisuse, match=r"below 0\.9 x election_timeout_ms = 1000"):
            Params(lease_ms=lease_ms)


@pytest.mark.parametrize(
    ("promise_ms", "lease_us"), [(1_000, 500_000), (5_000, 500_000), (555, 499_500), (300, 270_000), (0, None)]
)
def test_6_4_1_the_lease_is_never_longer_than_what_its_quorum_promised(promise_ms: int, lease_us: int | None) -> None:
    """§6.4.1 has one election timeout for all. Ours may be changed node by node, so each promise says its length."""
    hand = Hand()
    hand.lead()
    hand.write()
    hand.match(1, 3)
    hand.tell(1, HeartbeatReply(*hand.header(1), hand.now_us, promise_ms * MS))
    until_us = hand.raft.view(hand.now_us).acting_until_us
    assert until_us == (None if lease_us is None else hand.now_us + lease_us)
    assert len(hand.did(Notify)) == (promise_ms < 556), "whoever promises less is named"
    hand.tell(1, HeartbeatReply(*hand.header(1), hand.now_us, promise_ms * MS))
    assert hand.did(Notify) == [], "once a minute"


def test_6_4_1_with_different_timeouts_the_quorum_th_longest_promise_counts() -> None:
    hand = Hand(voters=5)
    hand.lead()
    hand.write()
    for number, promise_ms in ((1, 1_000), (3, 300)):
        hand.match(number, 3)
        hand.tell(number, HeartbeatReply(*hand.header(number), hand.now_us, promise_ms * MS))
    assert hand.raft.view(hand.now_us).acting_until_us == hand.now_us + 270 * MS
    hand.tell(4, HeartbeatReply(*hand.header(4), hand.now_us, 1_000 * MS))
    assert hand.raft.view(hand.now_us).acting_until_us == hand.now_us + 500 * MS


@pytest.mark.parametrize("seed", range(10))
def test_6_4_1_intervals_do_not_overlap_where_clocks_drift(seed: int) -> None:
    """§6.4.1: "a bound on clock drift": the leader's clock is slow and the followers' are fast, within a tenth."""
    cluster = Cluster(3, seed)
    cluster.rates = {"node001": 0.95, "node002": 1.049, "node003": 1.049}
    cluster.start()
    assert cluster.elect() == "node001"
    cluster.run(Random(seed).randrange(SECOND))
    cluster.isolate("node001")
    cluster.run(2 * SECOND)
    assert cluster.acting() == "node002", "and the cluster asserts that nobody acted beside it"


@pytest.mark.parametrize("seed", range(10))
def test_6_4_1_intervals_do_not_overlap_where_a_quorum_restarts_and_forgets_its_promises(seed: int) -> None:
    """§6.4.1 rests on promises that are not durable; a restarted voter's silence stands for them."""
    cluster = Cluster(3, seed)
    cluster.start()
    assert cluster.elect() == "node001"
    cluster.run(Random(seed).randrange(SECOND))
    cluster.isolate("node001")
    for name in ("node002", "node003"):
        cluster.crash(name)
        cluster.start(name)
    cluster.run(2 * SECOND)
    first, second = cluster.intervals
    assert (first.name, second.name) == ("node001", "node002") and first.until_us < second.since_us


def test_nothing_is_due_before_start() -> None:
    raft = Raft(Params(), "node001", "u", ("node001",), "demo", Stored(), Random(1))
    assert raft.next_deadline() is None and raft.handle(Timer(), 5) == []
