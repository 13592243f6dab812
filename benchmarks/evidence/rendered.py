"""Rendered files: three agents follow each change, one of them with 500 files of which one reads the changed key.

Promised: all three files are there a second after the change was acknowledged, in 99 of 100 cases.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.evidence.notebook import Notebook, Round
from benchmarks.evidence.promises import Promise
from tests.cluster import rendered

CHANGES = 200
FILES = 500
PROMISES = (
    Promise("all nodes after s, 99th percentile", median=1.0),
    Promise("files written for a key", worst=1.0),
)


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """Each round on a cluster of its own; ``--changes N`` for fewer."""
    changes = int(options[1]) if options[:1] == ["--changes"] else CHANGES
    for number in numbers:
        notebook.play(number, lambda: followed(changes))


def followed(changes: int) -> dict[str, float | int | str]:
    """The figures of one round."""
    with tempfile.TemporaryDirectory(prefix="pycluster-evidence-") as folder:
        return rendered.play(Path(folder).resolve(), changes, FILES)


def judge(rounds: list[Round]) -> list[str]:
    """The promises that the rounds break."""
    return [line for promise in PROMISES for line in promise.broken(rounds)]
