"""Who leaves has left everywhere; who is down can be forced out; who drains is missed by nobody."""

from __future__ import annotations

from pycluster.kernel.units import SECOND
from pycluster.node import events
from pycluster.simulator.cluster import formed
from tests.simulation.scenario import everywhere, names, unblamed, view


def test_a_node_that_leaves_has_left_everywhere_within_a_second_and_is_never_suspected() -> None:
    cluster = formed(names(6), listed=names(3))
    world = cluster.world
    world.run(10 * SECOND)
    told: list[str] = []
    world.trace = lambda now_us, label, line: told.append(line)
    sixth = world.hosts["node006"]
    sixth.gone = True
    world.tell(sixth, events.Leave(1))
    assert world.run_until(lambda: everywhere(cluster, "node006") == {"left"}, SECOND)
    world.run(60 * SECOND)
    assert sixth.process is None, "and its process has ended"
    assert not any("suspected: node006" in line or "timeout: node006" in line for line in told)


def test_a_node_that_drains_is_gone_and_back_without_a_suspicion() -> None:
    cluster = formed(names(5))
    world = cluster.world
    world.run(10 * SECOND)
    told: list[str] = []
    world.trace = lambda now_us, label, line: told.append(line)
    fifth = world.hosts["node005"]
    world.tell(fifth, events.Drain())
    assert world.run_until(lambda: fifth.process is None, 5 * SECOND)
    world.run(5 * SECOND)
    assert everywhere(cluster, "node005") == {"left"}
    world.start(fifth)
    assert world.run_until(cluster.converged, 3 * SECOND)
    assert not any("suspected: node005" in line for line in told)


def test_the_down_is_forced_out_by_one_and_has_left_for_all() -> None:
    cluster = formed(names(5), listed=names(3))
    world = cluster.world
    world.run(10 * SECOND)
    unblamed(cluster)
    world.kill(world.hosts["node004"], power=True)
    assert world.run_until(lambda: everywhere(cluster, "node004") == {"down"}, 20 * SECOND)
    world.tell(world.hosts["node002"], events.ForceLeave(1, "node004"))
    assert world.run_until(lambda: everywhere(cluster, "node004") == {"left"}, 2 * SECOND)


def test_the_living_cannot_be_forced_out() -> None:
    cluster = formed(names(3))
    world = cluster.world
    world.run(10 * SECOND)
    told: list[str] = []
    world.trace = lambda now_us, label, line: told.append(line)
    world.tell(world.hosts["node001"], events.ForceLeave(1, "node002"))
    world.run(10 * SECOND)
    assert any("node002 was not forced out: it is alive" in line for line in told)
    assert cluster.converged()


def test_one_who_was_forced_out_and_lives_after_all_comes_back() -> None:
    cluster = formed(names(4), listed=names(3))
    world = cluster.world
    world.run(10 * SECOND)
    unblamed(cluster)
    fourth = world.hosts["node004"]
    world.kill(fourth)
    assert world.run_until(lambda: everywhere(cluster, "node004") == {"down"}, 20 * SECOND)
    world.tell(world.hosts["node001"], events.ForceLeave(1, "node004"))
    world.run(5 * SECOND)
    world.start(fourth)
    assert world.run_until(cluster.converged, 5 * SECOND)


def test_new_tags_are_everywhere_within_two_seconds_large_ones_too() -> None:
    cluster = formed(names(10), listed=names(3))
    world = cluster.world
    world.run(10 * SECOND)
    for tags in ({"role": "db"}, {"role": "db", "notes": "x" * 4_000}, {}):
        world.tell(world.hosts["node007"], events.SetTags(1, tags))
        assert world.run_until(
            lambda tags=tags: all(view(cluster, label)["node007"].tags == tags for label in names(10)),  # type: ignore[misc]
            2 * SECOND,
        )
    assert cluster.convictions.count == 0


def test_many_that_leave_at_once_do_not_talk_each_other_to_death() -> None:
    cluster = formed(names(12), listed=names(3))
    world = cluster.world
    world.run(10 * SECOND)
    unblamed(cluster)
    before = world.network.sent
    for host in list(world.hosts.values())[3:]:
        world.tell(host, events.Drain())
    world.run(3 * SECOND)
    assert sum(host.running for host in world.hosts.values()) == 3
    assert world.network.sent - before < 12 * 100
