"""A thousand nodes, five voters, 2 % loss, started at once; then a hundred lose power at once."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.evidence.crowd import Scene
from benchmarks.evidence.notebook import Notebook
from pycluster.kernel.units import SECOND

#: Virtual s until all survivors know of a victim: the median of the victims, and the last.
MEDIAN_S, LAST_S = 3.0, 8.0
#: How far the idle messages of a node may differ from those among a hundred.
IDLE_SHARE = 0.2


def measure(seed: int) -> dict[str, float | int | str]:
    """One round."""
    few = Scene(100, loss=0.02, seed=seed, warm=False)
    few.form(60 * SECOND)
    among_hundred = few.idle(30 * SECOND, 20 * SECOND)
    few.done()
    many = Scene(1_000, loss=0.02, seed=seed, warm=False)
    many.form(60 * SECOND)
    rate = many.idle(30 * SECOND, 20 * SECOND)
    median_s, last_s = many.crash(100, 60 * SECOND)
    figures = {**many.done(), "idle messages among 100": round(among_hundred, 3)}
    assert abs(rate / among_hundred - 1) <= IDLE_SHARE, f"idle messages differ by more than a fifth: {figures}"
    assert median_s <= MEDIAN_S and last_s <= LAST_S, f"the dead become known too late: {figures}"
    return figures


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """A round's number is its seed."""
    del options
    for number in numbers:
        notebook.play(number, lambda number=number: measure(number))  # type: ignore[misc]
