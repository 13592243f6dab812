"""States that were put back from a file: whoever was restored alike founds one cluster, and nobody else is drawn in.

Not in the paper, which knows no way back from a lost majority; the rules are those of founding.
"""

from __future__ import annotations

from random import Random

import pytest

from pycluster.consensus import (
    Configuration,
    Effect,
    Persist,
    PieceReceived,
    PieceTaken,
    PieceWanted,
    Propose,
    Snapshot,
    SnapshotPiece,
    Voter,
    is_founded,
    unfounded,
)
from pycluster.consensus.messages import InstallSnapshot
from tests.paper.raft_cluster import SECOND, Cluster, Process
from tests.paper.test_raft_founding import trouble

SEED = "5eed5eed5eed5eed"
OTHER = "07e307e307e307e3"


def restored(names: list[str], seed: str = SEED) -> Snapshot:
    """A state at entry 40 of term 7, for these voters."""
    return Snapshot(40, 7, Configuration(unfounded(seed), tuple(Voter(name, "") for name in names)), 40)


class WithState(Cluster):
    """One whose voters send each other the state, which is a single piece."""

    def _perform(self, process: Process, effect: Effect) -> None:
        super()._perform(process, effect)
        if isinstance(effect, PieceWanted):
            snapshot = self.raft(process.name).snapshot_at(self.raft(process.name).commit_index)
            self.feed(process.name, SnapshotPiece(effect.uuid, snapshot, 0, b"state", True))
        elif isinstance(effect, PieceReceived):
            self.feed(process.name, PieceTaken(effect.snapshot, ok=True))
        elif isinstance(effect, Persist) and effect.snapshot is not None:
            process.disk.base, process.disk.entries = effect.snapshot, []


def uuids(cluster: Cluster) -> set[str]:
    """The clusters in which anything was committed."""
    return {cluster_uuid for cluster_uuid, _ in cluster.committed}


def put_back(size: int, seed: int = 0) -> Cluster:
    """All voters restored alike, none started."""
    cluster = Cluster(size, seed)
    for name in cluster.names:
        cluster.restore(name, restored(cluster.names))
    return cluster


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("seed", range(12))
def test_voters_restored_alike_found_one_cluster_under_random_faults(size: int, seed: int) -> None:
    cluster, rng = put_back(size, seed), Random(seed)
    for name in cluster.names:
        if rng.random() < 0.7:
            cluster.start(name)
    for _ in range(30):
        cluster.run(rng.choice((5_000, 50_000, 300_000, SECOND)))
        trouble(cluster, rng)
    cluster.heal()
    cluster.loss, cluster.delay_us, cluster.disk_us = 0.0, (200, 1_000), (500, 2_000)
    for name in cluster.names:
        if name not in cluster.up:
            cluster.start(name)
    cluster.run(10 * SECOND)
    cluster.elect(5 * SECOND)
    cluster.run(3 * SECOND)
    (uuid,) = uuids(cluster)
    assert uuid.startswith(SEED) and is_founded(uuid)
    assert {cluster.raft(name).cluster_uuid for name in cluster.names} == {uuid}
    assert all(cluster.raft(name).term > 7 for name in cluster.names)
    assert min(index for _, index in cluster.committed) == 41


def test_one_that_comes_later_takes_its_seat() -> None:
    cluster = put_back(3)
    cluster.start("node001", "node002")
    cluster.elect()
    assert [seat.uuid for seat in cluster.raft("node001").voters].count("") == 1
    cluster.start("node003")
    cluster.elect()
    cluster.run(2 * SECOND)
    assert all(seat.uuid for seat in cluster.raft("node001").voters)
    assert cluster.raft("node003").commit_index == cluster.raft("node001").commit_index > 41


def test_a_minority_restored_founds_nothing_and_the_empty_found_nothing_while_they_hear_it() -> None:
    """A state that somebody put back shall not be passed over by an empty cluster."""
    cluster = Cluster(3)
    cluster.restore("node002", restored(cluster.names))
    cluster.start()
    cluster.run(30 * SECOND)
    assert not cluster.committed
    assert "restored from a snapshot" in cluster.raft("node001").reason
    cluster.restore("node003", restored(cluster.names))
    cluster.start("node003")
    cluster.elect()
    (uuid,) = uuids(cluster)
    assert uuid.startswith(SEED)


def test_one_restored_otherwise_is_not_counted_and_not_drawn_in() -> None:
    cluster = put_back(3)
    cluster.restore("node003", restored(cluster.names, OTHER))
    cluster.start()
    cluster.run(20 * SECOND)
    assert cluster.raft("node001").leader == cluster.raft("node002").leader == "node001"
    assert cluster.raft("node003").leader == ""
    assert cluster.raft("node003").cluster_uuid == unfounded(OTHER)
    assert not cluster.raft("node003").entries
    (uuid,) = uuids(cluster)
    assert uuid.startswith(SEED)


def test_three_restored_each_otherwise_found_nothing() -> None:
    cluster = put_back(3)
    for name, seed in zip(cluster.names, ("a" * 16, "b" * 16, "c" * 16), strict=True):
        cluster.restore(name, restored(cluster.names, seed))
    cluster.start()
    cluster.run(30 * SECOND)
    assert not cluster.committed


def test_a_running_cluster_s_leader_leaves_a_restored_voter_alone() -> None:
    """Its log, which begins with the same entries, would otherwise go on behind a state that may be another one."""
    cluster = Cluster(3)
    cluster.start()
    cluster.elect()
    cluster.restore("node003", restored(cluster.names))
    cluster.start("node003")
    cluster.run(30 * SECOND)
    assert cluster.raft("node003").leader == "" and not cluster.raft("node003").entries
    assert len(uuids(cluster)) == 1
    assert not [seat for seat in cluster.raft("node001").voters if seat.uuid == cluster.processes["node003"].uuid]


def test_one_that_is_restored_again_is_a_new_member() -> None:
    """It lost its votes and what it acknowledged, so it must not vote with the identity that did both."""
    cluster = put_back(3)
    cluster.start()
    leader = cluster.elect()
    for number in range(5):
        cluster.feed(leader, Propose(b"%d" % number))
    cluster.run(2 * SECOND)
    old = cluster.processes["node003"].uuid
    cluster.restore("node003", restored(cluster.names))
    cluster.start("node003")
    new = cluster.processes["node003"].uuid
    assert new != old
    cluster.run(5 * SECOND)
    assert Voter("node003", new) not in cluster.raft(leader).voters
    cluster.run(15 * SECOND)
    assert Voter("node003", new) in cluster.raft(leader).voters
    assert Voter("node003", old) not in cluster.raft(leader).voters
    assert cluster.raft("node003").commit_index == cluster.raft(leader).commit_index


def test_two_foundings_on_one_state_are_two_clusters() -> None:
    """The first one's majority lost a disk, which was restored with the same token: the two are not mixed."""
    cluster = put_back(3)
    cluster.start("node001", "node002")
    cluster.elect()
    cluster.feed("node001", Propose(b"of the first"))
    cluster.run(SECOND)
    (first,) = uuids(cluster)
    cluster.crash("node001")
    cluster.restore("node002", restored(cluster.names))
    cluster.start("node002", "node003")
    cluster.elect()
    cluster.feed("node002", Propose(b"of the second"))
    cluster.run(SECOND)
    before = list(cluster.processes["node001"].disk.entries)
    cluster.start("node001")
    cluster.run(20 * SECOND)
    assert cluster.raft("node001").cluster_uuid == first
    assert cluster.processes["node001"].disk.entries[: len(before)] == before
    assert cluster.raft("node002").cluster_uuid == cluster.raft("node003").cluster_uuid != first
    assert cluster.notified("other-cluster")


def test_a_recovered_voter_and_the_old_majority_never_share_a_cluster() -> None:
    """What ``recover`` makes: a cluster of one. The others, back from the dead, go on as the old one, apart from it."""
    cluster = Cluster(3)
    cluster.start()
    cluster.elect()
    cluster.run(2 * SECOND)
    (old,) = uuids(cluster)
    for name in cluster.names:
        cluster.crash(name)
    process, apart = cluster.processes["node003"], "4ec04ec0" * 4
    me = Voter("node003", process.uuid)
    index = len(process.disk.entries)
    process.disk = type(process.disk)(Snapshot(index, 1_000_001, Configuration(apart, (me,)), index))
    cluster.start("node003")
    assert cluster.elect() == "node003"
    cluster.apart = True
    cluster.start("node001", "node002")
    for _ in range(20):
        cluster.run(SECOND)
        for name in cluster.names:
            if cluster.raft(name).is_acting(cluster.now_us):
                cluster.feed(name, Propose(name.encode()))
    assert uuids(cluster) == {old, apart}
    assert cluster.raft("node003").cluster_uuid == apart
    assert cluster.raft("node003").is_acting(cluster.now_us)
    assert {cluster.raft(name).cluster_uuid for name in ("node001", "node002")} == {old}
    assert {name for (uuid, _), name in cluster.leaders.items() if uuid == apart} == {"node003"}
    assert "node003" not in {cluster.raft(name).leader for name in ("node001", "node002")}
    assert cluster.notified("other-cluster")


def test_whoever_needs_the_state_before_the_new_cluster_s_first_entry_is_committed_gets_it() -> None:
    """The state is then of voters that have no cluster yet, and its leader's cluster is founded on it."""
    cluster = WithState(3)
    for name in ("node001", "node002"):
        cluster.restore(name, restored(cluster.names))
    cluster.start("node001", "node002")
    cluster.elect()
    cluster.drop = lambda sender, to, message: isinstance(message, InstallSnapshot)
    cluster.start("node003")
    taken = Voter("node003", cluster.processes["node003"].uuid)
    assert cluster.run(20 * SECOND, lambda: taken in cluster.raft("node001").voters)
    cluster.run(SECOND)
    cluster.crash("node001")
    cluster.crash("node002")
    cluster.drop = lambda sender, to, message: False
    cluster.start("node001")
    assert cluster.elect(20 * SECOND) == "node001"
    cluster.run(SECOND)
    assert cluster.raft("node003").commit_index == cluster.raft("node001").commit_index > 41
    assert cluster.raft("node003").cluster_uuid == cluster.raft("node001").cluster_uuid
