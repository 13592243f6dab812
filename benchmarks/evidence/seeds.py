"""Simulator seeds, one round each, on all processors."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence

from benchmarks.evidence.notebook import Notebook
from pycluster.simulator import run
from pycluster.simulator.episode import play as play_seed


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """A seed is its round's number."""
    del options
    with multiprocessing.Pool(len(os.sched_getaffinity(0))) as pool:
        for verdict in pool.imap_unordered(play_seed, numbers):
            figures: dict[str, float | int | str] = {
                "faults": verdict.faults,
                "events": verdict.handled,
                "convictions": verdict.convictions,
                "acting intervals": verdict.leaders,
            }
            failure = run.failure_line(verdict) if verdict.rule else ""
            notebook.write(verdict.seed, 0.0, figures, failure)
