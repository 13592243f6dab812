"""A million datagrams, ten thousand broken TCP openings and invented members: no leader change, bounded everything."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.evidence.notebook import Notebook
from tests.cluster import siege

#: Two processors bear the sender and three agents at this pace.
FULL = siege.Plan(datagrams=1_000_000, rate=5_000, openings=10_000, ghosts=10_000, growth_max_mib=8, lines_max=2_000)
#: How long a question may take right after.
ANSWERED_S = 1.0


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """One round is one cluster under the whole attack, three to four minutes."""
    del options
    for number in numbers:
        notebook.play(number, under_attack)


def under_attack() -> dict[str, float | int | str]:
    """The figures, where everything held."""
    with tempfile.TemporaryDirectory(prefix="pycluster-evidence-") as folder:
        figures = siege.play(Path(folder), FULL)
    assert float(figures["status s"]) <= ANSWERED_S, f"status came late: {figures}"
    return figures
