"""A bad version pushed to ten agents, canary 1: it stops at the canary and is rolled back, nine are untouched.

Files, times, reloads, history, events and exit code are looked at in every round.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.evidence.notebook import Notebook, Round
from benchmarks.evidence.promises import Promise
from tests.cluster import rolling

AGENTS = 10
PROMISES = (Promise("touched", worst=0),)


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """Each round on a cluster of its own; ``--agents N`` for fewer."""
    agents = int(options[1]) if options[:1] == ["--agents"] else AGENTS
    for number in numbers:
        notebook.play(number, lambda: stopped(agents))


def stopped(agents: int) -> dict[str, float | int | str]:
    """The figures of one round."""
    with tempfile.TemporaryDirectory(prefix="pycluster-evidence-") as folder:
        return rolling.play_bad(Path(folder).resolve(), agents)


def judge(rounds: list[Round]) -> list[str]:
    """The promises that the rounds break."""
    return [line for promise in PROMISES for line in promise.broken(rounds)]
