"""Defects planted in the cores, one round each: a checker of the simulator kills every one."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.evidence.notebook import Notebook
from tests.mutants.__main__ import kill_one, killed
from tests.mutants.catalogue import MUTANTS


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """A round's number is its mutant's place in the catalogue."""
    del options
    names = list(MUTANTS)
    for number in numbers:
        if number <= len(names):
            notebook.play(number, lambda name=names[number - 1]: _kill(name))  # type: ignore[misc]


def _kill(name: str) -> dict[str, float | int | str]:
    kill = kill_one(MUTANTS[name], killed().get(name))
    assert kill is not None, f"{name} survives: {MUTANTS[name].breaks}"
    where = MUTANTS[name].scenario or "simulate"
    return {"mutant": name, "killed by": kill.rule, "hunt": where, "seed": kill.seed, "virtual s": kill.at_us / 1e6}
