"""The leader killed in the middle of a rollout, at another moment in every round: the next one goes on with it.

A round's number says when: after how many releases, and how much later.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from random import Random

from benchmarks.evidence.notebook import Notebook, Round
from benchmarks.evidence.promises import Promise
from tests.cluster import rolling

AGENTS = 6
#: Releases before the kill: the last ones have to be left.
MOMENTS = 4
LATER_S = 0.25
PROMISES = (Promise("twice", worst=0), Promise("skipped", worst=0))


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """Each round on a cluster of its own; ``--seed N`` plays that one, whatever has been played."""
    if options[:1] == ["--seed"]:
        numbers = [int(options[1])]
    for number in numbers:
        notebook.play(number, partial(killed, number))


def killed(number: int) -> dict[str, float | int | str]:
    """The figures of one round."""
    later_s = Random(number).uniform(0, LATER_S)
    with tempfile.TemporaryDirectory(prefix="pycluster-evidence-") as folder:
        return rolling.play_killed(Path(folder).resolve(), AGENTS, number % MOMENTS, later_s)


def judge(rounds: list[Round]) -> list[str]:
    """The promises that the rounds break."""
    return [line for promise in PROMISES for line in promise.broken(rounds)]
