"""The power of three voters goes at one moment under load: each has an ext4 that loses whatever was not synced.

Promised: no acknowledged write is lost, counters and lists are exact, the copies are the same.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.evidence.notebook import Notebook, Round
from benchmarks.evidence.promises import values
from tests.cluster.outages import three_with_power


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """All missing rounds on one cluster."""
    del options
    if not numbers:
        return
    with tempfile.TemporaryDirectory(prefix="pycluster-evidence-") as folder, three_with_power(Path(folder)) as outages:
        for number in numbers:
            if notebook.play(number, partial(outages.round, number)).failure:
                break  # what was promised is lost: later rounds would only say so again


def judge(rounds: list[Round]) -> list[str]:
    """The disks must have lost something, else nothing was shown."""
    lost = values(rounds, "unsynced files lost")
    return ["no disk lost anything"] if lost and not any(lost) else []
