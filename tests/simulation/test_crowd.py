"""A crowd is a cluster like any other, told of itself at the start."""

from __future__ import annotations

from pycluster.kernel.units import SECOND
from pycluster.simulator.crowd import Crowd
from pycluster.simulator.network import Weather


def test_a_crowd_told_of_itself_elects_notices_its_dead_and_convicts_nobody_else() -> None:
    crowd = Crowd(60, weather=Weather(loss=0.02))
    for host in crowd.hosts:
        crowd.world.start(host)
    crowd.warm()
    assert crowd.table_sizes() == (60, 60)
    assert crowd.world.run_until(lambda: bool(crowd.leader()), 10 * SECOND)
    dead = crowd.hosts[20:24]
    crowd.known.at_us = {host.name: {} for host in dead}
    for host in dead:
        crowd.world.kill(host, power=True)
    assert crowd.world.run_until(lambda: all(len(by) == 56 for by in crowd.known.at_us.values()), 20 * SECOND)


def test_a_table_that_came_before_is_the_same_object_for_the_next_that_reads_it() -> None:
    crowd = Crowd(60)
    for host in crowd.hosts:
        crowd.world.start(host)
    crowd.warm()
    words = [host.process.member("node0007", 0) for host in crowd.hosts[:2] if host.process is not None]
    assert words[0] is not None and words[1] is not None and words[0].uuid is words[1].uuid
