"""Random faults against bare cores: Raft's safety properties (figure 3.2) and the lease's, seed by seed."""

from __future__ import annotations

from random import Random

import pytest

from pycluster.consensus import HandOver, PeerHealth, Propose, RemoveVoter, Resign, Transfer
from tests.paper.raft_cluster import MS, SECOND, Cluster

#: Clocks run up to 4 % too slow or too fast: two of them are apart by less than the lease's tenth.
DRIFT = 0.04


def hurt(cluster: Cluster, rng: Random, kinds: int = 17) -> None:
    """One random fault, repair or command, of the first ``kinds``."""
    name = rng.choice(cluster.names)
    match rng.randrange(kinds):
        case 0 | 1:
            if name in cluster.up:
                cluster.crash(name)
        case 2 | 3 | 4:
            if name not in cluster.up:
                cluster.start(name)
        case 5:
            shuffled = rng.sample(cluster.names, len(cluster.names))
            middle = rng.randrange(1, len(shuffled)) if len(shuffled) > 1 else 1
            cluster.partition(shuffled[:middle], shuffled[middle:])
        case 6:
            for one in cluster.names:
                for two in cluster.names:
                    if one != two and rng.random() < 0.15:
                        cluster.cut.add((one, two))
        case 7 | 8:
            cluster.heal()
        case 9:
            cluster.loss = rng.choice((0.0, 0.0, 0.05, 0.3))
            cluster.delay_us = rng.choice(((200, 1_000), (200, 1_000), (1_000, 200_000), (100, 1_500_000)))
            cluster.disk_us = rng.choice(((500, 2_000), (500, 2_000), (10_000, 300_000)))
        case 10:
            if name in cluster.up:
                cluster.stall(name, rng.randrange(50 * MS, 3 * SECOND))
        case 11:
            for _ in range(rng.randrange(1, 5)):
                cluster.feed(name, Propose(rng.randbytes(8)))
        case 12 | 13:
            leader = cluster.acting()
            cluster.feed(leader or name, Transfer(rng.choice(["", *cluster.names])))
        case 14:
            cluster.feed(name, PeerHealth(rng.choice(cluster.names), "", rng.random() < 0.5))
        case 15:
            lose_a_disk(cluster, name)
        case 16:
            if name in cluster.up:
                cluster.feed(name, HandOver())
                cluster.run(rng.randrange(100 * MS))
                cluster.crash(name)


def forge(cluster: Cluster, rng: Random) -> None:
    """Evidence everywhere, most of it false: about the leader, about anybody, at some or at all."""
    about = cluster.acting() if rng.random() < 0.7 else None
    for name in cluster.names:
        if rng.random() < 0.7:
            gone = about or (cluster.raft(name).leader if name in cluster.up else "")
            cluster.refused(name, rng.choice(cluster.names) if gone in ("", name) else gone)
        if rng.random() < 0.3:
            cluster.run(rng.randrange(30 * MS))


def lose_a_disk(cluster: Cluster, name: str) -> None:
    """At most one of three at a time: every seat's holder is the node's present disk, and all of them run."""
    leader = cluster.acting()
    if leader is None or cluster.up != cluster.names or len(cluster.names) < 3:
        return
    view = cluster.raft(leader).view(cluster.local(leader))
    seats = {(peer.name, peer.uuid) for peer in view.voters}
    whole = view.commit_index == view.last_index and all(peer.match_index == view.last_index for peer in view.voters)
    if whole and seats == {(process.name, process.uuid) for process in cluster.processes.values()}:
        cluster.crash(name, lose_disk=True)
        cluster.start(name)


def torture(size: int, seed: int, steps: int) -> Cluster:
    """Fault upon fault, then peace: somebody must act within a bound, and all agree on what is committed."""
    cluster = Cluster(size, seed)
    rng = Random(seed)
    cluster.duplicates = 0.05
    cluster.rates = {name: 1 + rng.uniform(-DRIFT, DRIFT) for name in cluster.names}
    for name in cluster.names:
        if rng.random() < 0.8:
            cluster.start(name)
        cluster.run(rng.randrange(400 * MS))
    for _ in range(steps):
        hurt(cluster, rng)
        cluster.run(rng.choice((20 * MS, 200 * MS, SECOND, 3 * SECOND)))
        cluster.check_logs()
    peace(cluster)
    leader = cluster.elect(10 * SECOND)
    index = cluster.raft(leader).view(cluster.local(leader)).last_index
    agreed = cluster.run(
        3 * SECOND,
        lambda: all(cluster.raft(name).view(cluster.local(name)).commit_index >= index for name in cluster.up),
    )
    assert agreed, {name: cluster.raft(name).view(cluster.local(name)) for name in cluster.up}
    cluster.check_logs()
    return cluster


def deceive(size: int, seed: int, steps: int) -> int:
    """Forged evidence amid every other fault and none, clocks a tenth apart; gives how often somebody acted."""
    cluster = Cluster(size, seed)
    rng = Random(seed)
    cluster.duplicates = 0.05
    cluster.rates = {name: 1 + rng.choice((-0.05, 0.05, rng.uniform(-0.05, 0.05))) for name in cluster.names}
    cluster.start()
    cluster.elect()
    for _ in range(steps):
        for _ in range(rng.randrange(1, 8)):
            leader = cluster.acting()
            if leader is not None and rng.random() < 0.4:
                cluster.cut |= {(leader, name) for name in cluster.names if name != leader and rng.random() < 0.6}
            elif rng.random() < 0.5:
                cluster.heal()
            if rng.random() < 0.6:
                cluster.run(rng.randrange(300 * MS))
            forge(cluster, rng)
            cluster.run(rng.choice((MS, 20 * MS, 100 * MS, 300 * MS, 700 * MS)))
            if rng.random() < 0.2:
                cluster.feed(rng.choice(cluster.names), Transfer())
            if rng.random() < 0.03:
                cluster.feed(rng.choice(cluster.names), RemoveVoter(rng.choice(cluster.names)))
        if rng.random() < 0.5:
            hurt(cluster, rng, kinds=15)
        cluster.check_logs()
    peace(cluster)
    assert cluster.run(10 * SECOND, lambda: cluster.acting() is not None)
    return len(cluster.intervals)


def peace(cluster: Cluster) -> None:
    """Everything is repaired and runs; a disk that was lost is replaced, and what was under way ends."""
    cluster.heal()
    cluster.loss, cluster.delay_us, cluster.disk_us, cluster.duplicates = 0.0, (200, 1_000), (500, 2_000), 0.0
    for name in cluster.names:
        if name in cluster.up:
            cluster.crash(name)
        cluster.start(name)
    cluster.run(30 * SECOND)


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("seed", range(12))
def test_safety_under_random_faults(size: int, seed: int) -> None:
    """Figure 3.2: election safety, log matching, leader completeness, state machine safety; and the lease (§6.4.1)."""
    torture(size, seed, 40)


def thin_out(size: int, seed: int, steps: int) -> Cluster:
    """Voters are removed and resign amid faults; whoever is left has one leader, whoever is not stands no more."""
    cluster = Cluster(size, seed)
    rng = Random(seed)
    cluster.rates = {name: 1 + rng.uniform(-DRIFT, DRIFT) for name in cluster.names}
    cluster.start()
    cluster.elect()
    for _ in range(steps):
        leader = cluster.acting()
        if leader is not None and rng.random() < 0.3:
            cluster.feed(leader, RemoveVoter(rng.choice(cluster.names)))
        if rng.random() < 0.15:
            cluster.feed(rng.choice(cluster.names), Resign())
        hurt(cluster, rng, kinds=15)
        cluster.run(rng.choice((20 * MS, 200 * MS, SECOND, 3 * SECOND)))
        cluster.check_logs()
    peace(cluster)
    leader = cluster.acting()
    assert leader is not None, {name: cluster.raft(name).reason for name in cluster.names}
    seats = {peer.name for peer in cluster.raft(leader).view(cluster.local(leader)).voters}
    assert {name for name in cluster.names if cluster.raft(name).seated} == seats
    return cluster


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("seed", range(10))
def test_voters_leave_under_random_faults(size: int, seed: int) -> None:
    """§4.1, §4.2: single-server changes keep figure 3.2's properties and the lease's whatever else goes wrong."""
    thin_out(size, seed, 40)


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("seed", range(12))
def test_acting_intervals_do_not_overlap_whatever_evidence_is_forged(size: int, seed: int) -> None:
    """Ours: evidence moves the title, never the lease (the cluster asserts it at every step)."""
    assert deceive(size, seed, 30) > 1
