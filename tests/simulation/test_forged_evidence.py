"""Forged evidence of death may cost an election: it convicts nobody who lives, and never do two leaders act."""

from __future__ import annotations

from random import Random

import pytest

from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.simulator.cluster import Cluster, formed
from pycluster.simulator.hostile import EVIDENCE, RECORDS, Intruder
from tests.simulation.scenario import cut, heal, names, unblamed


def besieged(cluster: Cluster, tricks: tuple[str, ...], for_us: int, every_us: int, seed: int = 1) -> None:
    """Somebody plays all of ``tricks``, one after the other, for a while."""
    world, rng = cluster.world, Random(seed)
    intruder = Intruder(world, rng)
    intruder.listen()
    end_us = world.now_us + for_us
    while world.now_us < end_us:
        world.run(rng.randrange(2 * every_us))
        intruder.play(rng.choice(tricks))


@pytest.mark.parametrize("trick", EVIDENCE)
def test_no_single_kind_of_forged_evidence_convicts_the_living_or_moves_what_is_committed(trick: str) -> None:
    cluster = formed(names(6), listed=names(3))
    cluster.world.run(20 * SECOND)
    besieged(cluster, (trick,), 20 * SECOND, 20 * MILLISECOND)
    cluster.world.run(10 * SECOND)
    assert cluster.convictions.count == 0, "and no checker has objected meanwhile"
    assert cluster.leader() and cluster.converged()


@pytest.mark.parametrize("seed", range(4))
def test_forged_resets_and_refusals_together_never_make_two_leaders_act(seed: int) -> None:
    cluster = formed(names(5), seed=seed)
    cluster.world.run(20 * SECOND)
    besieged(cluster, ("reset", "icmp", "impostor", "goodbye"), 20 * SECOND, 10 * MILLISECOND, seed)
    cluster.world.run(10 * SECOND)
    assert cluster.convictions.count == 0
    assert cluster.leader() and cluster.converged()


@pytest.mark.parametrize("trick", RECORDS)
def test_forged_records_may_convict_and_are_corrected_once_they_stop(trick: str) -> None:
    cluster = formed(names(6), listed=names(3), hostile=True)
    cluster.world.run(20 * SECOND)
    unblamed(cluster)
    besieged(cluster, (trick,), 20 * SECOND, 50 * MILLISECOND)
    assert cluster.world.run_until(cluster.converged, 30 * SECOND)
    assert cluster.world.run_until(lambda: bool(cluster.leader()), 6 * SECOND)


@pytest.mark.parametrize("seed", range(3))
def test_a_leader_that_is_cut_off_under_forged_evidence_stops_before_its_successor_starts(seed: int) -> None:
    cluster = formed(names(3), seed=seed)
    world = cluster.world
    for _ in range(3):
        assert world.run_until(lambda: bool(cluster.leader()), 20 * SECOND)
        number = cut(cluster, cluster.leader())
        besieged(cluster, ("reset", "icmp"), 4 * SECOND, 10 * MILLISECOND, seed)
        heal(cluster, number)
    assert len(cluster.acting.intervals["demo"]) > 3
