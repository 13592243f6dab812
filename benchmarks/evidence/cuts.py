"""One of a hundred agents silently cut off, every packet of its dropped, and one of Serf's in the same run.

Promised: every other says down within 4 s in the median of the rounds and 8 s at worst; nobody healthy is convicted.
Then its packets pass again, and the round ends when all see each other.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.evidence.losses import play_losses
from benchmarks.evidence.notebook import Notebook, Round
from benchmarks.evidence.promises import Promise

PROMISES = (
    Promise("PyCluster: all say down s", median=4.0, worst=8.0),
    Promise("PyCluster: healthy convicted", worst=0),
)


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """20 rounds of PyCluster and 5 of Serf, one cut each."""
    play_losses(notebook, numbers, options, "silent cut")


def judge(rounds: list[Round]) -> list[str]:
    """The promises that the rounds break."""
    return [line for promise in PROMISES for line in promise.broken(rounds)]
