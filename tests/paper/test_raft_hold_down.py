"""The lowest ID leads and nothing flaps: ours on top of Ongaro's §3.10. However a lower ID fails, each failure doubles
how long it must be healthy before leadership is given to it again, from 5 s up to 5 min."""

from __future__ import annotations

from itertools import pairwise

import pytest

from pycluster.consensus import Notify, Params, Propose
from pycluster.consensus.messages import TimeoutNow
from tests.paper.raft_cluster import MS, SECOND, Cluster
from tests.paper.raft_hand import Hand

HALF_AN_HOUR = 1_800 * SECOND


def three(seed: int = 0) -> Cluster:
    cluster = Cluster(3, seed)
    cluster.start()
    assert cluster.elect() == "node001"
    cluster.run(SECOND)
    return cluster


def fail_over(cluster: Cluster) -> None:
    """Cut node001 off until the next one acts."""
    cluster.isolate("node001")
    assert cluster.run(3 * SECOND, lambda: cluster.acting() == "node002")


def begins(cluster: Cluster, name: str) -> list[int]:
    """When that node began to act, s."""
    return [interval.since_us // SECOND for interval in cluster.intervals if interval.name == name]


@pytest.mark.parametrize("stays_s", [1, 8])
def test_a_lower_id_whose_link_breaks_whenever_it_leads_comes_back_ever_more_rarely(stays_s: int) -> None:
    cluster = three()
    until_us = cluster.now_us + HALF_AN_HOUR
    while cluster.now_us < until_us:
        fail_over(cluster)
        cluster.run(2 * SECOND)
        cluster.heal()
        cluster.run(HALF_AN_HOUR, lambda: cluster.acting() == "node001")
        cluster.run(stays_s * SECOND)
    acted = [interval for interval in cluster.intervals if interval.name == "node001"]
    away_s = [(later.since_us - earlier.until_us) // SECOND for earlier, later in pairwise(acted)]
    assert len(away_s) <= 11, "a flap every ten seconds would be 180"
    assert all(later >= min(2 * earlier - 10, 300) for earlier, later in pairwise(away_s)), away_s


def test_a_lower_id_whose_disk_is_too_slow_to_be_elected_is_asked_ever_more_rarely() -> None:
    """It answers heartbeats and holds the log; every transfer to it fails and costs a second without a leader."""
    cluster = three()
    cluster.crash("node001")
    assert cluster.elect() == "node002"
    cluster.disks["node001"] = (2 * SECOND, 2 * SECOND)
    cluster.start("node001")
    cluster.run(HALF_AN_HOUR)
    failed = cluster.notified("transfer-failed")
    assert 5 <= len(failed) <= 22, "eleven for each of the two that may lead meanwhile"


def test_a_leader_whose_disk_becomes_slow_is_not_handed_leadership_back_every_few_seconds() -> None:
    cluster = three()
    for _ in range(HALF_AN_HOUR // (5 * SECOND)):
        acting = cluster.acting()
        cluster.disks["node001"] = (1_500 * MS, 1_500 * MS) if acting == "node001" else (500, 2_000)
        if acting is not None:
            cluster.feed(acting, Propose(b"x"))
        cluster.run(5 * SECOND)
    assert 3 <= len(begins(cluster, "node001")) <= 12


def test_a_leader_that_says_it_cannot_lead_has_lost_leadership() -> None:
    hand = Hand(params=Params(hold_down_ms=4_000))
    for _ in range(3):
        hand.heartbeat(1)
        hand.tell(1, TimeoutNow(*hand.header(1), unfit=True))
        hand.write()
        hand.heartbeat(1, term=hand.raft.term)
    hand.later(1_000)
    hand.act()
    assert hand.raft.view(hand.now_us).hold_down_us["node001"] > 16_000 * MS, "three for it, one for going silent"


def test_leadership_handed_over_to_end_a_process_is_no_loss() -> None:
    hand = Hand(params=Params(hold_down_ms=4_000))
    for _ in range(3):
        hand.heartbeat(1)
        hand.tell(1, TimeoutNow(*hand.header(1)))
        hand.write()
        hand.heartbeat(1, term=hand.raft.term)
    hand.later(1_000)
    hand.act()
    assert hand.raft.view(hand.now_us).hold_down_us["node001"] <= 4_000 * MS


def test_giving_leadership_back_is_told_once_with_its_reason() -> None:
    cluster = three()
    fail_over(cluster)
    cluster.heal()
    cluster.run(20 * SECOND, lambda: cluster.acting() == "node001")
    told = [effect.text for effect in cluster.processes["node002"].effects if isinstance(effect, Notify)]
    assert [text for text in told if "hold-down" in text] == [
        "node002 hands leadership over to node001: it is the lowest ID and has been healthy for its hold-down"
    ]
