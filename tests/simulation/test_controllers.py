"""A controller's plan on a whole cluster: whatever happens to its leader in the middle, each step is done once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pycluster.configs import Keeping, Params
from pycluster.configs.names import HISTORY, history_key
from pycluster.controllers import Interest, Plan, View, Write
from pycluster.controllers.model import Controller
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.node.view import Kind
from pycluster.simulator.cluster import Cluster
from pycluster.simulator.reconcilers import WALL_MS, Reconcilers
from pycluster.store import Compare, Put, Range, RangeResult
from tests.mutants.copies import Asked
from tests.mutants.stage import Stage, isolate, unblamed

KEYS = 12
DAY_MS = 86_400_000


class Tally:
    """For every ``want/N`` one is added to ``sum``, and ``done/N`` says by whom: two keys that must agree."""

    name: str = "tally"
    kind: Kind = "leader"
    interests: tuple[Interest, ...] = (Interest(b"done/", b"done0"), Interest(b"sum"), Interest(b"want/", b"want0"))
    wants_members: bool = False
    gap_ms: int = 0

    def plan(self, view: View, now_ms: int) -> Plan:
        """One step at a time is planned: each changes what the next one compares."""
        for key in sorted(key for key in view.keys if key.startswith(b"want/")):
            done = b"done" + key[4:]
            if done in view.keys:
                continue
            tally = view.keys.get(b"sum")
            count = int(tally.value) if tally is not None else 0
            unchanged = Compare(b"sum", "mod", "equal", tally.mod_revision if tally is not None else 0)
            by = f"{view.node}:{view.term}".encode()
            writes = (Put(done, by), Put(b"sum", b"%d" % (count + 1)))
            return Plan((Write("count one", (Compare(done, "version", "equal", 0), unchanged), writes),))
        return Plan()


class Town:
    """Three voters, and a controller on whoever leads."""

    def __init__(self, seed: int, make: Callable[[], Controller] | None = None, nodes: int = 3) -> None:
        self.cluster: Cluster = Stage(seed).formed(nodes, listed=3)
        self.world = self.cluster.world
        self.asked = Asked(self.cluster)
        self.controllers = Reconcilers(self.world, make or Tally)
        # The title was gained before anybody listened: let it be gained anew.
        self.world.kill(self.world.hosts["node001"])
        assert self.world.run_until(lambda: self.cluster.leader() == "node002", 20 * SECOND)
        self.world.start(self.world.hosts["node001"])
        assert self.world.run_until(lambda: self.cluster.leader() == "node001", 60 * SECOND)
        unblamed(self.cluster)
        self.world.run(2 * SECOND)

    def want(self) -> None:
        for number in range(KEYS):
            self.asked.post("node003", Put(b"want/%02d" % number))

    def read(self, prefix: bytes, end: bytes) -> dict[bytes, tuple[bytes, int]]:
        result = self.asked.ask("node003", Range(prefix, end))
        assert isinstance(result, RangeResult), result
        return {kv.key: (kv.value, kv.version) for kv in result.kvs}

    def in_the_middle(self, steps: int) -> None:
        """``node001`` has done so many and not all."""
        core = self.controllers.core("node001")
        before = core.view().steps
        self.want()
        assert self.world.run_until(lambda: core.view().steps - before >= steps, 10 * SECOND, MILLISECOND)
        assert core.view().steps - before < KEYS

    def finished(self) -> bool:
        return len(self.read(b"done/", b"done0")) == KEYS


def crash(town: Town) -> None:
    town.world.kill(town.world.hosts["node001"])
    town.world.run(10 * SECOND)


def power(town: Town) -> None:
    town.world.kill(town.world.hosts["node001"], power=True)
    town.world.run(10 * SECOND)


def freeze(town: Town) -> None:
    town.world.freeze(town.world.hosts["node001"])
    town.world.run(10 * SECOND)
    town.world.thaw(town.world.hosts["node001"])


def cut(town: Town) -> None:
    isolate(town.cluster, ("node001",), 10 * SECOND)


@pytest.mark.parametrize("mishap", [crash, power, freeze, cut])
@pytest.mark.parametrize("steps", [1, 5, 9])
def test_a_leader_lost_between_two_transactions_leaves_nothing_undone_and_nothing_done_twice(
    mishap: Callable[[Town], None], steps: int
) -> None:
    town = Town(seed=steps)
    town.in_the_middle(steps)
    mishap(town)
    assert town.world.run_until(town.finished, 60 * SECOND, SECOND)
    done, total = town.read(b"done/", b"done0"), town.read(b"sum", b"")
    assert total[b"sum"] == (b"%d" % KEYS, KEYS), "each was counted once, in a transaction of its own"
    assert {version for _, version in done.values()} == {1}
    terms = [int(by.partition(b":")[2]) for _, (by, _) in sorted(done.items())]
    assert terms == sorted(terms), "no leader of an earlier term wrote after a later one"
    assert len(set(terms)) > 1, "it was interrupted"


def test_who_does_not_lead_runs_nothing() -> None:
    town = Town(seed=1)
    town.want()
    assert town.world.run_until(town.finished, 60 * SECOND, SECOND)
    town.world.run(5 * SECOND)
    assert town.controllers.core("node001").view().phase == "watching"
    views = [town.controllers.core(label).view() for label in ("node002", "node003")]
    assert {(view.phase, view.keys) for view in views} == {("idle", 0)}
    assert all(town.controllers.core(label).next_deadline() is None for label in town.world.hosts)


def test_a_world_with_controllers_plays_the_same_way_again() -> None:
    digests = set()
    for _ in range(2):
        town = Town(seed=3)
        town.in_the_middle(4)
        crash(town)
        digests.add(town.world.digest)
    assert len(digests) == 1


def test_old_versions_of_the_configuration_are_forgotten_by_whoever_leads() -> None:
    town = Town(seed=2, make=lambda: Keeping(Params(history_days=1)))
    old = [history_key("app", version, WALL_MS - 2 * DAY_MS) for version in range(1, 31)]
    young = history_key("app", 31, WALL_MS)
    for key in (*old, young):
        town.asked.post("node003", Put(key, b"{}"))
    town.world.run(5 * SECOND)
    assert len(town.read(HISTORY, HISTORY[:-1] + b"0")) == 31, "nothing of it is urgent"
    crash(town)
    assert town.world.run_until(lambda: town.cluster.leader() != "", 20 * SECOND)
    town.world.run(120 * SECOND)
    assert list(town.read(HISTORY, HISTORY[:-1] + b"0")) == [young]
