"""Three agents with the origin's conf and flags; the new leader has to be there within two seconds."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.evidence.notebook import Notebook
from tests.cluster import three

BOUND_S = 2.0


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """One round is one cluster's life."""
    del options
    for number in numbers:
        notebook.play(number, within_bound)


def within_bound() -> dict[str, float | int | str]:
    """The figures, where the bound held."""
    with tempfile.TemporaryDirectory(prefix="pycluster-evidence-") as folder:
        figures = three.play(Path(folder))
    elected_s = figures["new leader after kill -9 s"]
    assert isinstance(elected_s, float)
    assert elected_s <= BOUND_S, f"a new leader took {elected_s} s"
    return figures
