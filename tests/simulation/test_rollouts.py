"""Rollouts on a whole cluster: whatever happens to its leader in the middle, nobody has it twice, nobody is skipped."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from pycluster.configs import Entry, entry_key, packed_entry
from pycluster.configs.names import history_of, of_history
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.rollouts import (
    Board,
    FileReport,
    Release,
    Report,
    Rolling,
    Run,
    Staged,
    Strategy,
    node_key,
    packed,
    run_key,
    staged_key,
)
from pycluster.rollouts.names import RELEASES, above, of_release
from pycluster.simulator.reconcilers import WALL_MS
from pycluster.store import Put, Txn
from tests.mutants.stage import isolate
from tests.simulation.test_controllers import Town

NAME = "web.j2"
NODES = 6
OLD = Entry(1, "text", "ada", "", WALL_MS, "one", rolling=2)
NEW = Entry(2, "text", "ada", "", WALL_MS, "two")


class Rolled(Town):
    """Three voters and three more, who obey whenever they live; one after the other gets the new version."""

    def __init__(self, seed: int, bad: frozenset[str] = frozenset()) -> None:
        super().__init__(seed, lambda: Rolling(Board()), NODES)
        self.bad = bad
        self.settled = set[str]()
        self.labels = [f"node{number:03d}" for number in range(1, NODES + 1)]
        for label in self.labels:
            self.report(label, FileReport("web", NAME, 1, 1))
        before = msgspec.structs.replace(OLD, rolling=0)
        run = Run(
            name=NAME,
            version=2,
            before=1,
            author="ada",
            reason="",
            at_ms=WALL_MS,
            strategy=Strategy(batch=1, timeout_s=120),
        )
        writes = (
            Put(entry_key(NAME), packed_entry(OLD)),
            Put(staged_key(NAME, 2), packed(Staged(before, NEW))),
            Put(run_key(NAME, 2), packed(run)),
        )
        self.world.run(2 * SECOND)
        self.asked.post("node003", Txn((), writes))

    def report(self, label: str, file: FileReport) -> None:
        self.asked.post("node003", Put(node_key(label), packed(Report((file,)))))

    def released(self) -> dict[str, tuple[int, int]]:
        """Of each node its batch, and how often its release was written."""
        found = self.read(RELEASES, above(RELEASES))
        return {
            of_release(key)[0]: (msgspec.json.decode(value, type=Release).batch, version)
            for key, (value, version) in found.items()
        }

    def obey(self) -> None:
        """Whoever lives and was released has it in place, or says why not."""
        for label in self.released():
            host = self.world.hosts[label]
            if label not in self.settled and host.process is not None and host.running:
                self.settled.add(label)
                if label in self.bad:
                    self.report(label, FileReport("web", NAME, 2, 1, 0, "the check failed"))
                else:
                    self.report(label, FileReport("web", NAME, 2, 2))

    def until(self, done: Callable[[], bool], limit_s: int) -> None:
        for _ in range(limit_s * 5):
            self.obey()
            if done():
                return
            self.world.run(SECOND // 5)
        raise AssertionError(self.run_now())

    def entry(self) -> Entry:
        return msgspec.json.decode(self.read(entry_key(NAME), b"")[entry_key(NAME)][0], type=Entry)

    def run_now(self) -> Run:
        (value, _) = self.read(run_key(NAME, 2), b"")[run_key(NAME, 2)]
        return msgspec.json.decode(value, type=Run)


def crash(town: Rolled) -> None:
    town.world.kill(town.world.hosts["node001"])
    town.world.run(5 * SECOND)
    town.world.start(town.world.hosts["node001"])


def freeze(town: Rolled) -> None:
    town.world.freeze(town.world.hosts["node001"])
    town.world.run(10 * SECOND)
    town.world.thaw(town.world.hosts["node001"])


def cut(town: Rolled) -> None:
    isolate(town.cluster, ("node001",), 10 * SECOND)


@pytest.mark.parametrize("mishap", [crash, freeze, cut])
@pytest.mark.parametrize("moment", [1, 3, 5])
def test_whoever_leads_next_goes_on(mishap: Callable[[Rolled], None], moment: int) -> None:
    town = Rolled(seed=moment)
    town.until(lambda: len(town.released()) >= moment, 60)
    assert len(town.released()) < NODES
    mishap(town)
    town.until(lambda: town.run_now().over, 300)
    run = town.run_now()
    assert (run.state, run.result, run.released) == ("done", 2, NODES)
    assert {one.state for one in run.lanes} == {"good"}
    released = town.released()
    assert sorted(released) == town.labels
    assert sorted(batch for batch, _ in released.values()) == list(range(1, NODES + 1)), "one at a time"
    assert {version for _, version in released.values()} == {1}, "each was released once"
    assert (town.entry().version, town.entry().content, town.entry().rolling) == (2, "two", 0)
    assert len(town.read(*history_of(NAME))) == 1


@pytest.mark.parametrize("moment_ms", [0, 20, 60, 200, 500])
def test_a_failure_that_the_last_leader_saw_or_not_is_rolled_back_once(moment_ms: int) -> None:
    town = Rolled(seed=moment_ms, bad=frozenset(("node002",)))
    town.until(lambda: "node002" in town.released(), 60)
    town.obey()
    town.world.run(moment_ms * MILLISECOND)
    crash(town)
    town.until(lambda: town.entry().version == 3, 60)
    for label in town.labels:
        town.report(label, FileReport("web", NAME, 3, 3))
    town.until(lambda: town.run_now().over, 60)
    run = town.run_now()
    assert (run.state, run.result, run.why) == ("rolled-back", 3, "node002: the check failed")
    assert sorted(town.released()) == ["node001", "node002"], "nobody else had it"
    assert (town.entry().version, town.entry().content, town.entry().rolling) == (3, "one", 0)
    kept = town.read(*history_of(NAME))
    assert {of_history(key)[1] for key in kept} == {1, 2}
    assert {version for _, version in kept.values()} == {1}


def test_it_plays_the_same_way_again() -> None:
    digests = set()
    for _ in range(2):
        town = Rolled(seed=7)
        town.until(lambda town=town: len(town.released()) >= 2, 60)  # type: ignore[misc]
        crash(town)
        digests.add(town.world.digest)
    assert len(digests) == 1
