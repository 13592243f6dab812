"""Whoever puts files in place is killed after each step: old or new, whole, and the next life finishes."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from pycluster.runtime.placing import FILLED, POINTS
from tests.cluster.agents import ROOT, environment
from tests.unit.runtime.killed import CHECKING, RELOADING, SCENARIOS, Played

UNDOING = {"undoing", "removed", "undone", "told"}
TOLD = {"noting", "noted", "moved", "reloaded", "settled", RELOADING}
EVERY = {*POINTS, CHECKING, RELOADING}
#: Where each scenario comes to.
POINTS_OF = {
    "first": EVERY - UNDOING - {"discarded"},
    "first-without-reload": EVERY - UNDOING - TOLD - {"discarded"},
    "changed": EVERY - UNDOING - {"discarded"},
    "changed-without-reload": EVERY - UNDOING - TOLD - {"discarded"},
    "mode": EVERY - UNDOING - {"discarded"},
    "check-fails": {"opened", *FILLED, "synced", CHECKING, "discarded"},
    "reload-fails": EVERY - {"discarded", "removed"},
    "first-reload-fails": EVERY - {"discarded"},
    "two": EVERY - UNDOING - {"discarded"},
    "two-one-checked": EVERY - UNDOING,
    "two-one-to-blame": EVERY - {"discarded", "removed"},
}


def played(name: str) -> Played:
    """It forks, so it has a process of its own."""
    command = (sys.executable, "-m", "tests.unit.runtime.killed", name)
    env = environment(PYTHONPATH=f"{ROOT}:{ROOT / 'src'}")
    done = subprocess.run(command, capture_output=True, check=False, cwd=ROOT, env=env, timeout=240)
    assert done.returncode == 0, done.stderr.decode()
    return msgspec.json.decode(done.stdout, type=Played)


def test_together_they_come_to_every_step() -> None:
    assert POINTS_OF.keys() == SCENARIOS.keys()
    assert set().union(*POINTS_OF.values()) == EVERY


@pytest.mark.parametrize("name", [name for name in SCENARIOS if not name.startswith("two")])
def test_killed_after_each_step_a_file_is_whole_and_the_next_life_finishes(name: str) -> None:
    assert set(played(name).points) == POINTS_OF[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SCENARIOS if name.startswith("two")])
def test_killed_after_each_step_of_two_both_are_whole_and_the_next_life_finishes(name: str) -> None:
    assert set(played(name).points) == POINTS_OF[name]
