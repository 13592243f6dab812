"""kill -9 of one of a hundred agents, half of them voters, and of Serf's in the same run.

Promised: every survivor says down within 1 s in the median of the rounds and 3 s in their 95th percentile, and before
Serf's do; nobody healthy is convicted.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.evidence.losses import play_losses
from benchmarks.evidence.notebook import Notebook, Round
from benchmarks.evidence.promises import Promise, values

PROMISES = (
    Promise("PyCluster: all say down s", median=1.0, p95=3.0),
    Promise("PyCluster: healthy convicted", worst=0),
)


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """20 rounds of PyCluster and 5 of Serf, one death each."""
    play_losses(notebook, numbers, options, "kill -9")


def judge(rounds: list[Round]) -> list[str]:
    """The promises that the rounds break."""
    broken = [line for promise in PROMISES for line in promise.broken(rounds)]
    ours, serfs = (values(rounds, f"{title}: all say down s") for title in ("PyCluster", "Serf"))
    if ours and serfs and statistics.median(ours) >= statistics.median(serfs):
        broken.append("Serf's survivors say down sooner")
    return broken
