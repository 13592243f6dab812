"""Founding under random faults: no two clusters come of one list, whatever is lost, late or restarted meanwhile."""

from __future__ import annotations

from random import Random

import pytest

from tests.paper.raft_cluster import MS, SECOND, Cluster


def trouble(cluster: Cluster, rng: Random) -> None:
    """One random fault or repair; no disk is lost."""
    name = rng.choice(cluster.names)
    match rng.randrange(8):
        case 0 | 1:
            if name in cluster.up:
                cluster.crash(name)
        case 2 | 3:
            if name not in cluster.up:
                cluster.start(name)
        case 4:
            cluster.cut |= {(name, other) for other in cluster.names if rng.random() < 0.7}
        case 5:
            cluster.cut |= {(one, two) for one in cluster.names for two in cluster.names if rng.random() < 0.3}
        case 6:
            cluster.heal()
        case 7:
            cluster.loss = rng.choice((0.0, 0.2, 0.6))
            cluster.delay_us = rng.choice(((200, 1_000), (1_000, 200_000), (100, 2_000_000)))
            cluster.disk_us = rng.choice(((500, 2_000), (10_000, 300_000)))


def found(size: int, seed: int, steps: int) -> Cluster:
    """A cluster forms in the middle of all that; in the end everyone is of it."""
    cluster = Cluster(size, seed)
    rng = Random(seed)
    for name in cluster.names:
        if rng.random() < 0.7:
            cluster.start(name)
    for _ in range(steps):
        cluster.run(rng.choice((5 * MS, 50 * MS, 300 * MS, SECOND)))
        trouble(cluster, rng)
    cluster.heal()
    cluster.loss, cluster.delay_us, cluster.disk_us = 0.0, (200, 1_000), (500, 2_000)
    for name in cluster.names:
        if name not in cluster.up:
            cluster.start(name)
    cluster.run(10 * SECOND)
    cluster.elect(5 * SECOND)
    cluster.run(3 * SECOND)
    return cluster


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("seed", range(12))
def test_one_list_founds_one_cluster_under_random_faults(size: int, seed: int) -> None:
    """§5.4.3's leader completeness, from before there is a log: what a founder committed is never given up."""
    cluster = found(size, seed, 30)
    uuids = {cluster_uuid for cluster_uuid, _ in cluster.committed}
    assert len(uuids) == 1
    assert {cluster.raft(name).view(cluster.now_us).cluster_uuid for name in cluster.names} == uuids
