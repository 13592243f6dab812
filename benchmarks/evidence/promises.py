"""What a bar has to show over all its rounds together, beyond each round's own checks."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence

import msgspec

from benchmarks.evidence.notebook import Round


class Promise(msgspec.Struct, frozen=True):
    """Bounds on one figure, each inclusive; None where there is none."""

    key: str
    median: float | None = None
    p95: float | None = None
    worst: float | None = None

    def broken(self, rounds: Iterable[Round]) -> list[str]:
        """A line for each bound that the rounds do not keep; none where nothing was measured yet."""
        found = values(rounds, self.key)
        if not found:
            return []
        bounds = {
            "median": (self.median, statistics.median(found)),
            "95th percentile": (self.p95, percentile(found, 95)),
            "worst": (self.worst, max(found)),
        }
        return [
            f"{self.key}: {name} {value:g}, promised at most {bound:g}"
            for name, (bound, value) in bounds.items()
            if bound is not None and value > bound
        ]


class Least(msgspec.Struct, frozen=True):
    """The least that one figure's median may be, inclusive."""

    key: str
    median: float

    def broken(self, rounds: Iterable[Round]) -> list[str]:
        """A line where it is less; none where nothing was measured yet."""
        found = values(rounds, self.key)
        if not found or statistics.median(found) >= self.median:
            return []
        return [f"{self.key}: median {statistics.median(found):g}, promised at least {self.median:g}"]


def values(rounds: Iterable[Round], key: str) -> list[float]:
    """The numbers that rounds have for ``key``."""
    return [value for found in rounds if isinstance(value := found.figures.get(key), int | float)]


def percentile(found: Sequence[float], percent: float) -> float:
    """By nearest rank: the least value that so many per cent of all do not exceed."""
    return sorted(found)[max(math.ceil(len(found) * percent / 100), 1) - 1]
