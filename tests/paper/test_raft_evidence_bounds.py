"""How often evidence moves anything: forged without end it costs elections, not a cluster that never acts (ours)."""

from __future__ import annotations

import pytest

from pycluster.consensus import ActingStarted, ActingStopped, Heartbeat, StreamEnded
from pycluster.consensus.promise import RELEASE_PAUSE_US, RELEASES_AT_ONCE
from tests.paper.raft_cluster import SECOND, Cluster
from tests.paper.raft_hand import MS, Hand


def test_a_voter_gives_up_a_few_promises_in_a_row_and_then_one_in_each_pause() -> None:
    hand = Hand(me=3)
    for term in range(1, RELEASES_AT_ONCE + 1):
        hand.heartbeat(1, term=term)
        hand.refused(1)
        assert hand.raft.leader == ""
    hand.heartbeat(1, term=9)
    hand.refused(1)
    assert hand.raft.leader == "node001" and hand.raft.view(hand.now_us).counters["refusals_ignored"] == 1
    hand.now_us += RELEASE_PAUSE_US
    hand.heartbeat(1, term=10)
    hand.refused(1)
    assert hand.raft.leader == ""
    hand.heartbeat(1, term=11)
    hand.refused(1)
    assert hand.raft.leader == "node001", "one a pause"
    hand.now_us += 100 * RELEASE_PAUSE_US
    for term in range(12, 12 + RELEASES_AT_ONCE):
        hand.heartbeat(1, term=term)
        hand.refused(1)
        assert hand.raft.leader == "", "and after a long peace a few again"


@pytest.mark.parametrize("every_ms", [50, 200, 400])
@pytest.mark.parametrize("size", [3, 5])
def test_evidence_forged_everywhere_and_without_end_leaves_most_of_the_time_to_act(size: int, every_ms: int) -> None:
    """Before, evidence more frequent than a lease kept everybody from acting for as long as it went on."""
    cluster = Cluster(size)
    cluster.start()
    cluster.elect()
    cluster.run(SECOND)
    acted = looks = 0
    for _ in range(20_000 // every_ms):
        for name in cluster.up:
            if cluster.raft(name).leader not in ("", name):
                cluster.refused(name, cluster.raft(name).leader)
        cluster.run(every_ms * MS)
        acted += cluster.acting() is not None
        looks += 1
    assert acted > looks * 6 // 10


def test_streams_that_end_again_and_again_stop_a_leader_once_a_heartbeat_interval() -> None:
    hand = Hand(voters=2, me=1)
    hand.act()
    stops = starts = beats = 0
    for _ in range(100):
        hand.feed(StreamEnded("node002", "uuid2"))
        stops += len(hand.did(ActingStopped))
        beats += len(hand.sent(Heartbeat))
        hand.now_us += MS
        hand.acknowledge(2)
        starts += len(hand.did(ActingStarted))
    assert (stops, starts) == (1, 1) and beats <= 3
    assert hand.raft.is_acting(hand.now_us)
    hand.now_us += 50 * MS
    hand.feed(StreamEnded("node002", "uuid2"))
    assert len(hand.did(ActingStopped)) == 1
