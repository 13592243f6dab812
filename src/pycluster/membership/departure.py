"""Saying goodbye: spread for a bounded time, then the process may end."""

from __future__ import annotations

from pycluster.kernel.units import MILLISECOND
from pycluster.membership.effects import Departed
from pycluster.membership.state import State

_TOLD_DIRECTLY = 8


class Departure:
    """From the goodbye to ``Departed``."""

    def __init__(self, state: State) -> None:
        self._s = state
        self._ends_us: int | None = None

    def begin(self) -> None:
        """Tell a few at once; gossip and their piggybacking tell the rest."""
        s = self._s
        able = s.others("alive", "suspect")
        for member in s.rng.sample(able, min(_TOLD_DIRECTLY, len(able))):
            s.send(member.address)
        linger_us = s.params.leave_linger_ms * MILLISECOND if able else 0
        self._ends_us = s.now_us + linger_us

    def next_deadline(self) -> int | None:
        """The end of the goodbye."""
        return self._ends_us

    def tick(self) -> None:
        """``Departed`` once, when it is time."""
        s = self._s
        if self._ends_us is not None and s.now_us >= self._ends_us:
            self._ends_us = None
            s.effects.append(Departed())
