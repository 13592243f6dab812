"""Files put in place by lives that are killed after each step, and the lives after them, too: old or new, whole."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import msgspec

from benchmarks.evidence.notebook import ROOT, Notebook
from tests.cluster.agents import environment
from tests.program import PROGRAM
from tests.unit.runtime.killed import SCENARIOS, Played


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """One scenario a round."""
    for number, name in enumerate(SCENARIOS, 1):
        if number in numbers:
            notebook.play(number, lambda name=name: killed(name))  # type: ignore[misc]


def killed(name: str) -> dict[str, float | int | str]:
    """It forks, so it has a process of its own."""
    command = (sys.executable, "-m", "tests.unit.runtime.killed", name, "twice")
    done = subprocess.run(
        command, capture_output=True, check=False, cwd=ROOT, env=environment(PYTHONPATH=f"{ROOT}:{PROGRAM}")
    )
    assert done.returncode == 0, done.stderr.decode()[-500:]
    told = msgspec.json.decode(done.stdout, type=Played)
    return {"scenario": name, "deaths": told.deaths, "points": len(told.points)}
