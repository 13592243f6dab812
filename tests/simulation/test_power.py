"""Machines that lose power: nobody is told, and the streams that they leave behind end minutes later."""

from __future__ import annotations

import pytest

from pycluster.kernel.units import SECOND
from pycluster.simulator.cluster import formed
from tests.simulation.scenario import names, unblamed


@pytest.mark.parametrize("seed", range(3))
def test_a_leader_acts_on_when_its_stream_to_a_voters_former_life_ends(seed: int) -> None:
    cluster = formed(names(3), seed=seed)
    world = cluster.world
    assert world.run_until(lambda: cluster.leader() == "node001", 20 * SECOND)
    unblamed(cluster)
    two, three = world.hosts["node002"], world.hosts["node003"]
    world.kill(three)
    world.kill(two, power=True)
    world.run(5 * SECOND)
    world.start(two)
    assert world.run_until(lambda: bool(cluster.leader()), 10 * SECOND)
    world.run(10 * SECOND)
    begun = len(cluster.acting.intervals["demo"])
    # Keepalive finds the old stream after two minutes to two and a half.
    world.run(160 * SECOND)
    assert len(cluster.acting.intervals["demo"]) == begun
    assert cluster.leader()
