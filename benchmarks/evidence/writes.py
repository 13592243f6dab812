"""kill -9 under load: three voters, writers through all of them; the leader, a random one, or all at once, in turn.

Promised: no acknowledged write is lost, counters and lists are exact, revisions never go back, and the copies are the
same; a leader's death costs writers a gap of 0.5 s in the median.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.evidence.notebook import Notebook, Round
from benchmarks.evidence.promises import Promise
from tests.cluster.crashes import KINDS, three_voters

PROMISES = (Promise("leader's write gap s", median=0.5),)


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """All missing rounds on one cluster, whose state grows; the odd rounds kill the leader."""
    del options
    if not numbers:
        return
    with tempfile.TemporaryDirectory(prefix="pycluster-evidence-") as folder, three_voters(Path(folder)) as crashes:
        for number in numbers:
            kind = KINDS[0] if number % 2 else KINDS[1 + number // 2 % 2]
            if notebook.play(number, partial(crashes.round, number, kind)).failure:
                break  # what was promised is lost: later rounds would only say so again


def judge(rounds: list[Round]) -> list[str]:
    """The promises that the rounds break."""
    return [line for promise in PROMISES for line in promise.broken(rounds)]
