"""A rack goes dark: the last of many that die at once is known about as soon as the others."""

from __future__ import annotations

from random import Random

import pytest

from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.simulator.crowd import Crowd
from pycluster.simulator.network import Weather

NODES, DARK = 100, 20
#: One probe a second by each would find the last of twenty after 5 to 7 s, and most of them after 2.5.
KNOWN_US = 4_500 * MILLISECOND


@pytest.mark.parametrize("seed", [1, 3])
def test_a_fifth_of_the_members_that_lose_power_at_once_are_known_to_all_in_time(seed: int) -> None:
    crowd = Crowd(NODES, seed, Weather(loss=0.02))
    world = crowd.world
    for host in crowd.hosts:
        world.start(host)
    crowd.warm()
    assert world.run_until(lambda: bool(crowd.leader()), 60 * SECOND, SECOND)
    world.run(5 * SECOND)
    dark = {host.name: host for host in Random(seed).sample(crowd.hosts[5:], DARK)}
    for host in dark.values():
        world.kill(host, power=True)

    def known() -> bool:
        return all(
            host.process is None or host.process.member(name, host.clock.local(world.now_us)).state == "down"  # type: ignore[union-attr]
            for host in crowd.hosts
            for name in dark
        )

    assert world.run_until(known, KNOWN_US, 100 * MILLISECOND)
    assert all(host.process is not None for host in crowd.hosts if host.name not in dark)
