"""A leader whose disk is too slow to lead: ours, on top of leadership transfer (Raft §3.10)."""

from __future__ import annotations

from itertools import groupby

import pytest

from pycluster.consensus import CommandFailed, Params, Propose
from pycluster.kernel.limits import UNWRITTEN_MAX_BYTES
from tests.paper.raft_cluster import SECOND, Cluster
from tests.paper.raft_hand import MS, Hand


def test_a_leader_with_a_slow_disk_hands_over() -> None:
    """Ours: it could not commit its own copy of anything in time."""
    hand = Hand()
    hand.act()
    hand.acknowledge(3)
    hand.feed(Propose(b"x"))
    for _ in range(8):
        hand.later(149)
        for number in (1, 3):
            hand.acknowledge(number)
            hand.match(number, 4)
        if not hand.raft.leader:
            break
    assert hand.raft.view(hand.now_us).reason == (
        "node002 hands leadership over to node001: its disk is slower than the election timeout"
    )


def loaded(cluster: Cluster, every_us: int, for_us: int, until: str = "") -> list[str]:
    """One proposal after the other to whoever acts, up to where ``until`` does not any more; why some were refused."""
    refused: list[str] = []
    end_us = cluster.now_us + for_us
    while cluster.now_us < end_us:
        leader = cluster.acting()
        if until and leader != until:
            break
        if leader is not None:
            effects = cluster.feed(leader, Propose(b"x" * 100))
            refused += [effect.why for effect in effects if isinstance(effect, CommandFailed)]
        cluster.run(every_us)
    return refused


@pytest.mark.parametrize(("voters", "every_us"), [(3, 1_000_000), (3, 4_000), (5, 10_000)])
def test_a_leader_whose_disk_hangs_hands_over_whatever_the_load(voters: int, every_us: int) -> None:
    """Ours: the others commit for it, and under load none of them ever has the whole log."""
    cluster = Cluster(voters)
    cluster.disk_us = (10_000, 12_000)  # so that there is always something on its way
    cluster.start()
    assert cluster.elect() == "node001"
    cluster.disks["node001"] = (3_600 * SECOND, 3_600 * SECOND)
    began_us = cluster.now_us
    refused = loaded(cluster, every_us, 10 * SECOND, until="node001")
    assert cluster.now_us - began_us < 1_000 * MS + every_us + 200 * MS, "an election timeout, and a heartbeat"
    assert set(refused) <= {"leadership is being handed over"} and (len(refused) - 1) * every_us < 50 * MS
    assert cluster.elect() == "node002"
    assert loaded(cluster, every_us, 6 * SECOND) == []
    assert cluster.acting() == "node002", "a disk that hangs is not led by again"


def test_a_leader_whose_vote_is_needed_stays_however_slow_its_disk_is() -> None:
    """Ours: whoever came next would wait for its vote, on that same disk, and nobody would act meanwhile."""
    cluster = Cluster(3)
    cluster.start()
    assert cluster.elect() == "node001"
    cluster.crash("node003")
    cluster.run(5 * SECOND)
    cluster.disks["node001"] = (1_400 * MS, 1_500 * MS)
    for _ in range(60):
        loaded(cluster, 4_000, 50 * MS)
        assert cluster.acting() == "node001"


def test_a_leader_that_nobody_relieves_of_its_slow_disk_takes_no_more_than_it_may_keep() -> None:
    """Ours: whoever should take over does not catch up; what the leader owes its disk has a bound all the same."""
    hand = Hand(voters=5, params=Params(proposals_max=8))
    hand.act()
    for number in hand.others:
        hand.acknowledge(number)
    last = commits = hand.raft.view(hand.now_us).last_index
    said = []
    began_us = hand.now_us
    while hand.now_us < began_us + 14_000 * MS:
        hand.later(149)
        hand.feed(Propose(b"x"))
        said.append(next((failed.why for failed in hand.did(CommandFailed)), ""))
        for number in hand.others:
            hand.acknowledge(number)
        # Three of five have all but the newest entry: it is committed, and nobody has the whole log.
        commits = max(commits, hand.raft.view(hand.now_us).last_index - 1)
        for number in hand.others[:3]:
            hand.match(number, commits)
    view = hand.raft.view(hand.now_us)
    assert (view.role, view.last_index, view.commit_index) == ("leader", last + 8, last + 7)
    handing, full = "leadership is being handed over", "8 entries wait for the disk of node002"
    assert [why for why, _ in groupby(said)] == ["", handing, "", full, handing, full]
    assert said.count(handing) <= 14, "a second of ten"
    hand.write()
    hand.feed(Propose(b"x"))
    assert hand.did(CommandFailed) == []


def test_what_a_leaders_disk_owes_has_a_bound_in_bytes() -> None:
    """Ours: others may commit it long before."""
    hand = Hand()
    hand.act()
    hand.acknowledge(3)
    taken, command = 0, b"x" * hand.params.append_bytes_max
    while True:
        hand.feed(Propose(command))
        if hand.did(CommandFailed):
            break
        taken += 1
        for number in (1, 3):
            hand.match(number, hand.raft.view(hand.now_us).last_index)
    assert hand.did(CommandFailed)[0].why == f"{taken} entries wait for the disk of node002"
    assert taken == UNWRITTEN_MAX_BYTES // len(command)
    hand.write()
    hand.feed(Propose(command))
    assert hand.did(CommandFailed) == []
