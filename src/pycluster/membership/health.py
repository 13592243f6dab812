"""Own health first: the local health multiplier (Lifeguard §IV-A)."""

from __future__ import annotations

from collections import deque

from pycluster.kernel.units import MILLISECOND
from pycluster.membership.params import Params

_REASONS_KEPT = 5


class Health:
    """0 is fit; each step stretches this node's own probing and its suspicions."""

    def __init__(self, params: Params) -> None:
        self._max = params.health_max
        self._grace_us = params.lag_grace_ms * MILLISECOND
        self.score = 0
        self.forgiving_until_us = 0
        self._reasons: deque[str] = deque(maxlen=_REASONS_KEPT)

    def worse(self, steps: int, reason: str) -> None:
        """Something says that this node itself is slow or cut off."""
        self.score = min(self._max, self.score + steps)
        if not self._reasons or self._reasons[-1] != reason:
            self._reasons.append(reason)

    def better(self) -> None:
        """A probe went as it should."""
        self.score = max(0, self.score - 1)
        if self.score == 0:
            self._reasons.clear()

    def lagged(self, lag_us: int, now_us: int) -> None:
        """The process was late; what it missed meanwhile is nobody else's fault."""
        self.worse(1 + min(lag_us // 1_000_000, 3), f"this process was late by {lag_us // MILLISECOND} ms")
        self.forgiving_until_us = max(self.forgiving_until_us, now_us + self._grace_us)

    def reasons(self) -> tuple[str, ...]:
        """Why the score is not 0."""
        return tuple(self._reasons)
