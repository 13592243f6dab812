"""1,000 watchers of a key each and 20 of everything, at three voters and a member without a vote, over both ways in.

500 writes a second are asked for; the leader is killed and comes back; one more watcher stops reading, is cut off and
goes on after what it got. Promised: each hears each change once, in order. How soon is measured between the first
writes and the leader's death, from the moment when a write was asked for; writers, watchers and agents share the
machine.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.evidence.notebook import Notebook
from benchmarks.evidence.promises import percentile
from tests.cluster import audience

SINGLE = 1_000
WHOLE = 20
PER_S = 500
#: So many in each part of a round.
WRITES = 1_500


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """Each round on a cluster of its own; ``--watchers N`` for a smaller crowd."""
    single = int(options[1]) if options[:1] == ["--watchers"] else SINGLE
    for number in numbers:
        notebook.play(number, partial(heard, single))


def heard(single: int) -> dict[str, float | int | str]:
    """The figures of one crowd that heard everything; as many writes for each watcher, however large it is."""
    with tempfile.TemporaryDirectory(prefix="pycluster-evidence-") as folder:
        crowd = audience.play(Path(folder), single, WHOLE * single // SINGLE, PER_S, WRITES * single // SINGLE)
    return {
        "writes": crowd.writes,
        "writes/s": round(crowd.paced / crowd.seconds, 1),
        "heard after s, median": round(statistics.median(crowd.calm_s), 4),
        "heard after s, 99th percentile": round(percentile(crowd.calm_s, 99), 4),
        "events until the stopped one was cut off": crowd.cut_after or 0,
    }
