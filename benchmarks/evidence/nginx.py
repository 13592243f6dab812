"""Three agents, each with a real nginx under wrk, the file rendered and reloaded with each of 200 changes.

Promised: no request fails, nobody reads half a file, all three serve it a second after the change was acknowledged, in
99 of 100 cases.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.evidence.notebook import Notebook, Round
from benchmarks.evidence.promises import Promise
from tests.cluster import loads, served

CHANGES = 200
PROMISES = (
    Promise("served by all after s, 99th percentile", median=1.0),
    Promise("requests failed", worst=0.0),
)


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """Each round with services of its own; ``--changes N`` for fewer."""
    changes = int(options[1]) if options[:1] == ["--changes"] else CHANGES
    assert not loads.missing("nginx"), loads.missing("nginx") + ": make peers"
    for number in numbers:
        notebook.play(number, lambda: changed(changes))


def changed(changes: int) -> dict[str, float | int | str]:
    """The figures of one round."""
    with tempfile.TemporaryDirectory(prefix="pycluster-evidence-") as folder:
        # nginx's workers are somebody else where its master is root.
        Path(folder).chmod(0o755)
        return served.play_nginx(Path(folder).resolve(), changes)


def judge(rounds: list[Round]) -> list[str]:
    """The promises that the rounds break."""
    return [line for promise in PROMISES for line in promise.broken(rounds)]
