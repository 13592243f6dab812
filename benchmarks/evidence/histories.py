"""Five voters in network namespaces, cut two from three under load, with the leader among the two and without it.

Promised: the two answer nothing and say why, the three go on, and the recorded history is linearizable.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.evidence.notebook import Notebook
from pycluster.simulator.checkers import Violation
from tests.cluster import histories


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """A round's number is its seed."""
    del options
    for number in numbers:
        notebook.play(number, partial(judged, number))


def judged(seed: int) -> dict[str, float | int | str]:
    """The figures of one history that is linearizable."""
    with tempfile.TemporaryDirectory(prefix="pycluster-evidence-") as folder:
        try:
            return histories.play(Path(folder), seed)
        except Violation as violation:
            raise AssertionError(f"seed {seed}: {violation}") from None
