"""Five thousand nodes in one process, all told of all by one peer at their start; then fifty lose power at once."""

from __future__ import annotations

import time
from collections.abc import Sequence

from benchmarks.evidence.crowd import Scene
from benchmarks.evidence.notebook import Notebook
from pycluster.kernel.units import SECOND

CPU_S = 600
RSS_MIB = 8 * 1024


def measure(seed: int) -> dict[str, float | int | str]:
    """One round."""
    begun_s = time.process_time()
    scene = Scene(5_000, loss=0.02, seed=seed, warm=True)
    scene.form(60 * SECOND)
    scene.idle(0, 5 * SECOND)
    scene.crash(50, 60 * SECOND)
    figures = {**scene.done(), "CPU s": round(time.process_time() - begun_s, 1)}
    assert float(figures["CPU s"]) <= CPU_S and int(figures["RSS MiB"]) <= RSS_MIB, f"too much: {figures}"
    return figures


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """A round's number is its seed."""
    del options
    for number in numbers:
        notebook.play(number, lambda number=number: measure(number))  # type: ignore[misc]
