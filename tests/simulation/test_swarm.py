"""What a seed draws, what a cluster may lose, and that the new bounds catch who breaks them."""

from __future__ import annotations

from random import Random

import pytest

from pycluster.consensus.log import Entry, NoOp, Vote
from pycluster.kernel.units import SECOND
from pycluster.node import effects
from pycluster.simulator.checkers import Detection, Failover, Violation
from pycluster.simulator.checkers.liveness import KILLED_KNOWN_US
from pycluster.simulator.cluster import Cluster, formed
from pycluster.simulator.disk import Disk
from pycluster.simulator.episode import shape
from pycluster.simulator.faults import Fault
from pycluster.simulator.losses import Losses
from pycluster.simulator.run import shrunk
from pycluster.simulator.swarm import Cast, draw, mix, reseatings
from tests.simulation.scenario import names


def test_seeds_differ_in_size_and_in_what_goes_wrong() -> None:
    shapes = [shape(seed) for seed in range(300)]
    assert {len(plan.voters) for plan in shapes} == set(range(1, 8))
    assert {len(plan.others) for plan in shapes} == {0, 1, 2, 3, 8, 30}
    kinds = [frozenset(plan.mix.weights) for plan in shapes]
    assert len(set(kinds)) > 250
    assert min(map(len, kinds)) <= 2
    assert any(plan.older for plan in shapes)


def test_every_kind_of_fault_is_drawn_and_can_be_told() -> None:
    cast = Cast(names(6), names(6)[3:])
    drawn: list[Fault] = []
    for seed in range(40):
        rng = Random(seed)
        drawn += draw(rng, mix(rng), cast, 0, 60 * SECOND) + reseatings(rng, cast.labels, 0, 60 * SECOND)
    assert {type(fault) for fault in drawn} == set(Fault.__args__)
    assert all(str(fault) for fault in drawn)


def test_a_seed_that_breaks_nothing_has_nothing_to_leave_out() -> None:
    assert shrunk(415) == []


def test_a_disk_is_not_lost_while_a_majority_of_disks_would_be_empty() -> None:
    cluster = formed(names(3))
    cluster.world.run(5 * SECOND)
    losses = Losses(cluster.world, names(3), by_name=False)
    first, second, _ = cluster.world.hosts.values()
    assert losses.may_wipe(first)
    second.disk.entries.clear()
    assert not losses.may_wipe(first)


def test_of_a_torn_transaction_nothing_remains() -> None:
    for seed in range(20):
        disk = Disk(Random(seed))
        disk.accept(effects.Persist(1, incarnation=7, vote=Vote(3, "x"), entries=(Entry(1, 3, NoOp()),)), 0)
        disk.crash()
        assert (disk.incarnation, disk.vote, len(disk.entries)) in ((0, Vote(), 0), (7, Vote(3, "x"), 1))


def watched(hear: bool) -> Cluster:
    """A running cluster under both bounds; where not ``hear``, nothing is told to or by anybody from then on."""
    cluster = formed(names(5))
    world = cluster.world
    world.watch(
        Detection(world.hosts, world.network), Failover(world.hosts, world.network, cluster.logs, cluster.acting)
    )
    world.run(20 * SECOND)
    if not hear:
        labels = list(world.hosts)
        world.network.cut(frozenset((one, other) for one in labels for other in labels if one != other))
        # As if the checkers had not seen it.
        world.network.changed_us = 0
        world.network.blocked = frozenset()
        for host in world.hosts.values():
            world.network.owners.pop(host.address)
    return cluster


def test_a_death_that_is_known_in_time_and_a_leader_that_is_replaced_in_time_are_fine() -> None:
    cluster = watched(hear=True)
    leader = cluster.world.hosts[cluster.leader()]
    cluster.world.kill(leader)
    cluster.world.run(KILLED_KNOWN_US + 2 * SECOND)
    judged = [checker.judged for checker in cluster.world.checkers if isinstance(checker, Detection | Failover)]
    assert judged == [1, 1]


@pytest.mark.parametrize("leads", [True, False])
def test_a_death_that_nobody_notices_is_caught(leads: bool) -> None:
    cluster = watched(hear=False)
    label = cluster.leader() if leads else "node005"
    cluster.world.kill(cluster.world.hosts[label])
    with pytest.raises(Violation, match=r"failover|a death is known"):
        cluster.world.run(10 * SECOND)
