"""Who leads, when, and who stops: five nodes and one thing that happens to them."""

from __future__ import annotations

import pytest

from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.node import events
from pycluster.simulator.checkers import settled
from pycluster.simulator.cluster import Cluster, formed
from pycluster.simulator.host import Host

FIVE = ("node001", "node002", "node003", "node004", "node005")


def five(seed: int = 1) -> Cluster:
    """Five voters, formed, with the lowest leading."""
    cluster = formed(FIVE, seed=seed)
    assert cluster.world.run_until(lambda: cluster.leader() == "node001", 5 * SECOND), "the lowest leads"
    cluster.world.run(10 * SECOND)
    return cluster


@pytest.mark.parametrize("late_us", [3 * SECOND, 7 * SECOND + 300 * MILLISECOND])
def test_the_lowest_that_was_up_first_leads_first(late_us: int) -> None:
    """The voters that come later owe their vote to nobody for an election timeout, and dials to them had failed."""
    first = []
    for seed in range(12):
        cluster = formed(FIVE[:3], seed=seed, late_us=late_us)
        assert cluster.world.run_until(lambda: cluster.leader() != "", 5 * SECOND)  # noqa: B023 called at once
        first.append(cluster.leader())
    assert first == ["node001"] * 12


def cut(cluster: Cluster, *one: str) -> int:
    """Cut these off; from now on nobody is blamed for accusing anyone."""
    for host in cluster.world.hosts.values():
        host.disturbed_until_us = 10**12
    other = [label for label in cluster.world.hosts if label not in one]
    return cluster.world.network.cut(frozenset(pair for a in one for b in other for pair in ((a, b), (b, a))))


def heal(cluster: Cluster, number: int) -> None:
    cluster.world.network.heal(number)
    cluster.world.streams.moved()


def says(cluster: Cluster, host: Host) -> tuple[str, str]:
    assert host.process is not None
    view = host.process.leader(host.clock.local(cluster.world.now_us))
    return view.leader, view.reason


@pytest.mark.parametrize("seed", range(5))
def test_five_nodes_find_each_other_and_the_lowest_leads_within_two_seconds(seed: int) -> None:
    cluster = formed(FIVE, seed=seed)
    assert cluster.world.run_until(lambda: cluster.leader() == "node001", 2 * SECOND)
    assert cluster.world.run_until(cluster.converged, 5 * SECOND)
    assert [interval.label for interval in cluster.acting.intervals["demo"]] == ["node001"], "and nobody before it"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("power", [False, True])
def test_when_the_leader_dies_the_next_lowest_leads_within_two_seconds(seed: int, power: bool) -> None:
    cluster = five(seed)
    cluster.world.kill(cluster.world.hosts["node001"], power=power)
    assert cluster.world.run_until(lambda: cluster.leader() == "node002", 2 * SECOND)
    assert cluster.world.run_until(cluster.converged, 30 * SECOND), "and everyone sees who died"


def test_a_lower_id_that_returns_leads_again_once_after_the_hold_down() -> None:
    cluster = five()
    world, first = cluster.world, cluster.world.hosts["node001"]
    world.kill(first)
    world.run(10 * SECOND)
    world.start(first)
    back_us = world.now_us
    world.run(4 * SECOND)
    assert cluster.leader() == "node002", "not before it has been healthy for a while"
    assert world.run_until(lambda: cluster.leader() == "node001", 20 * SECOND)
    world.run(60 * SECOND)
    intervals = cluster.acting.intervals["demo"]
    assert [interval.label for interval in intervals] == ["node001", "node002", "node001"]
    assert intervals[-1].start_us - back_us > 5 * SECOND


@pytest.mark.parametrize("seed", range(10))
def test_a_minority_follows_nobody_and_one_leader_is_back_within_three_seconds_of_healing(seed: int) -> None:
    cluster = five(seed)
    world = cluster.world
    minority = ("node001", "node004")
    number = cut(cluster, *minority)
    world.run(10 * SECOND)
    for label in minority:
        leader, reason = says(cluster, world.hosts[label])
        assert not leader
        assert reason
    assert {says(cluster, world.hosts[label])[0] for label in FIVE if label not in minority} == {"node002"}
    heal(cluster, number)
    healed_us = world.now_us
    assert world.run_until(lambda: bool(cluster.leader()), 3 * SECOND)
    world.run(60 * SECOND)
    assert cluster.leader() == "node001"
    assert cluster.converged()
    names = {label: label for label in FIVE}
    settled(cluster.acting.intervals["demo"], names, cluster.logs.seats("demo"), healed_us)


def test_a_frozen_leader_has_ceased_to_act_before_the_next_one_does_and_follows_when_it_wakes() -> None:
    cluster = five()
    world, first = cluster.world, cluster.world.hosts["node001"]
    world.freeze(first)
    world.run(5 * SECOND)
    assert says(cluster, world.hosts["node003"])[0] == "node002"
    world.thaw(first)
    before, after = cluster.acting.intervals["demo"]
    assert before.end_us <= after.start_us
    assert first.process is not None
    assert not first.process.leader(first.clock.local(world.now_us)).acting
    assert world.run_until(lambda: cluster.leader() == "node002", 2 * SECOND)


def test_when_every_process_dies_the_cluster_comes_back_from_its_disks() -> None:
    cluster = five()
    world = cluster.world
    seats = cluster.logs.seats("demo")
    for host in world.hosts.values():
        world.kill(host, power=True)
    world.run(30 * SECOND)
    for host in world.hosts.values():
        world.start(host)
    assert world.run_until(lambda: cluster.leader() == "node001", 5 * SECOND)
    assert cluster.logs.seats("demo") == seats


def test_a_voter_that_lost_its_disk_is_seated_again_as_another_and_leads_in_its_turn() -> None:
    cluster = five()
    world, first = cluster.world, cluster.world.hosts["node001"]
    lost = first.disk.uuid
    world.kill(first)
    first.disk.wipe()
    world.run(2 * SECOND)
    world.start(first)
    assert lost in cluster.logs.seats("demo")
    assert world.run_until(lambda: first.disk.uuid in cluster.logs.seats("demo"), 60 * SECOND)
    assert world.run_until(lambda: lost not in cluster.logs.seats("demo"), 10 * SECOND)
    assert world.run_until(lambda: cluster.leader() == "node001", 60 * SECOND)
    assert cluster.converged()


def test_nodes_that_do_not_vote_follow_whom_the_voters_elect() -> None:
    cluster = formed(("a1", "a2", *FIVE[:3]), listed=FIVE[:3])
    world = cluster.world
    assert world.run_until(lambda: cluster.leader() == "node001", 10 * SECOND), "a1 does not vote"
    world.kill(world.hosts["node001"])
    assert world.run_until(lambda: cluster.leader() == "node002", 5 * SECOND)
    world.kill(world.hosts["node002"])
    world.run(20 * SECOND)
    leader, reason = says(cluster, world.hosts["a1"])
    assert not leader
    assert reason


def test_a_leader_that_drains_hands_over_without_a_gap_worth_an_election() -> None:
    cluster = five()
    world, first = cluster.world, cluster.world.hosts["node001"]
    world.tell(first, events.Drain())
    assert world.run_until(lambda: first.process is None, 5 * SECOND), "it ends by itself"
    assert world.run_until(lambda: cluster.leader() == "node002", 500 * MILLISECOND)
    before, after = cluster.acting.intervals["demo"]
    assert after.start_us - before.end_us < 500 * MILLISECOND
    assert cluster.converged()


def test_a_node_that_leaves_gives_up_its_seat() -> None:
    cluster = five()
    world, third = cluster.world, cluster.world.hosts["node003"]
    third.gone = True
    world.tell(third, events.Leave(1))
    assert world.run_until(lambda: third.process is None, 10 * SECOND)
    assert world.run_until(lambda: third.disk.uuid not in cluster.logs.seats("demo"), SECOND)
    assert len(cluster.logs.seats("demo")) == 4
    assert cluster.converged()


def test_a_single_voter_leads_itself() -> None:
    cluster = formed(("solo",))
    assert cluster.world.run_until(lambda: cluster.leader() == "solo", 5 * SECOND)
