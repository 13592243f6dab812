"""Seats that come, go and move at random under load, on six agents, with kill -9 of one, of the leader or of all.

Promised: no acknowledged write is lost, counters and lists are exact, nobody acts beside another leader, the voters are
those that were asked for, and the copies are the same.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.evidence.notebook import Notebook
from tests.cluster.reseating import six_agents


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """All missing rounds on one cluster, whose state grows; a round's number is its seed."""
    del options
    if not numbers:
        return
    with tempfile.TemporaryDirectory(prefix="pycluster-evidence-") as folder, six_agents(Path(folder)) as six:
        for number in numbers:
            if notebook.play(number, partial(six.round, number)).failure:
                break  # what was promised is lost: later rounds would only say so again
