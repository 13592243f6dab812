"""Ten agents, each with a real HAProxy: a bad configuration, canary 1, stops there, and all that is said of it.

Round 1: what ``haproxy -c`` refuses; round 2: what only the running service shows; round 3: 200 good changes under wrk.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.evidence.notebook import Notebook, Round
from benchmarks.evidence.promises import Promise
from tests.cluster import canary, loads, served

AGENTS = 10
CHANGES = 200
PROMISES = (Promise("others touched", worst=0.0), Promise("requests failed", worst=0.0))


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """Each round on a cluster of its own; ``--agents N`` and ``--changes N`` for fewer."""
    given = dict(zip(options[::2], options[1::2], strict=True))
    agents, changes = int(given.get("--agents", AGENTS)), int(given.get("--changes", CHANGES))
    assert not loads.missing("haproxy"), loads.missing("haproxy") + ": make peers"
    for number in numbers:
        notebook.play(number, lambda number=number: played(number, agents, changes))  # type: ignore[misc]


def played(number: int, agents: int, changes: int) -> dict[str, float | int | str]:
    """The figures of one round."""
    with tempfile.TemporaryDirectory(prefix="pycluster-evidence-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        if number == 3:
            return served.play_haproxy(folder, changes)
        return canary.play(folder, agents, "refused" if number == 1 else "broken")


def judge(rounds: list[Round]) -> list[str]:
    """The promises that the rounds break."""
    return [line for promise in PROMISES for line in promise.broken(rounds)]
