"""Random cuts of five voters, two from three; one leader has to be there within three seconds of healing."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from random import Random

from benchmarks.evidence.notebook import Notebook
from tests.cluster.partition import Cluster, five_voters

BOUND_S = 3.0


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """All missing rounds on one cluster; a round's number is its seed."""
    del options
    if not numbers:
        return
    with tempfile.TemporaryDirectory(prefix="pycluster-evidence-") as folder, five_voters(Path(folder)) as cluster:
        for number in numbers:
            if notebook.play(number, partial(within_bound, cluster, number)).failure:
                break  # the cluster is in a state that the next round does not expect


def within_bound(cluster: Cluster, seed: int) -> dict[str, float | int | str]:
    """The figures, where the bound held."""
    figures = cluster.cut_and_heal(Random(seed))
    agreed_s = figures["one leader after healing s"]
    assert isinstance(agreed_s, float)
    assert agreed_s <= BOUND_S, f"one leader took {agreed_s} s after healing"
    return figures
