"""What a node keeps does not grow with time: under faults without end, memory and queues stay where they were."""

from __future__ import annotations

import gc
import types
from random import Random

from pycluster.kernel.units import SECOND
from pycluster.simulator.chaos import Chaos
from pycluster.simulator.cluster import Cluster, formed
from pycluster.simulator.faults import Churn
from pycluster.simulator.hostile import EVIDENCE, Intruder
from tests.simulation.scenario import names, unblamed

_SHARED = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.CodeType)


def held(process: object) -> int:
    """How many objects hang on a process."""
    seen: set[int] = set()
    waiting: list[object] = [process]
    while waiting:
        found = waiting.pop()
        if id(found) in seen or isinstance(found, _SHARED):
            continue
        seen.add(id(found))
        waiting += gc.get_referents(found)
    return len(seen)


def ordeal(cluster: Cluster, chaos: Chaos, intruder: Intruder, for_us: int) -> None:
    """Members come and go while somebody forges evidence; then a while of peace."""
    world, end_us = cluster.world, cluster.world.now_us + for_us
    rng = Random(7)
    chaos.schedule([Churn(at_us, names(8)[5:], 4 * SECOND) for at_us in range(world.now_us, end_us, 15 * SECOND)])
    while world.now_us < end_us:
        world.run(200_000)
        intruder.play(rng.choice(EVIDENCE))
    world.run(40 * SECOND)


def test_what_a_node_holds_after_a_long_ordeal_is_what_it_held_after_a_short_one() -> None:
    cluster = formed(names(8), listed=names(3), hostile=True)
    world = cluster.world
    world.run(20 * SECOND)
    unblamed(cluster)
    chaos, intruder = Chaos(world, names(3), Random(1), by_name=False), Intruder(world, Random(2))
    intruder.listen()
    ordeal(cluster, chaos, intruder, 60 * SECOND)
    stayed = [world.hosts[label] for label in names(8)[:5]]
    before = [held(host.process) for host in stayed]
    ordeal(cluster, chaos, intruder, 300 * SECOND)
    after = [held(host.process) for host in stayed]
    assert all(later < 1.3 * earlier for earlier, later in zip(before, after, strict=True)), (before, after)
    assert world.streams.idle.open < 100
    assert all(len(host.disk.pending) < 5 for host in stayed)
