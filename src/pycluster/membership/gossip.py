"""Extra gossip rounds, only while there is something to tell (SWIM §4.1 piggybacks; memberlist adds rounds)."""

from __future__ import annotations

from pycluster.kernel.units import MILLISECOND
from pycluster.membership.state import State

#: Urgent news waits this long at most, so that those who hear it together do not speak together; and the least pause
#: between two rounds for urgent news.
_JITTER_US = 5 * MILLISECOND
_URGENT_PAUSE_US = 20 * MILLISECOND


class Gossip:
    """A round: a few random members are sent what is queued. Urgent news brings the next round forward."""

    def __init__(self, state: State) -> None:
        self._s = state
        self._stirs = 0
        self._due_us: int | None = None
        self._round_us: int | None = None

    def stir(self) -> None:
        """A few rounds even with an empty queue: the node has news of its own in every packet."""
        self._stirs = self._s.params.stir_rounds
        self._s.urgent = True

    def next_deadline(self) -> int | None:
        """The next round; None while there is nothing to tell or nobody to tell it to."""
        return self._due_us

    def tick(self) -> None:
        """A round, when it is due."""
        s = self._s
        if not self._stirs and not len(s.broadcasts):
            self._due_us = None
            s.urgent = False
            return
        if s.urgent:
            s.urgent = False
            self._hurry()
            return
        if self._due_us is not None and s.now_us < self._due_us:
            return
        if not s.live_count:
            self._due_us = None
            self._stirs = 0
            return
        first = self._due_us is None
        pause_us = s.params.gossip_interval_ms * MILLISECOND
        self._due_us = s.now_us + (s.rng.randrange(pause_us // 4) if first else pause_us)
        if first:
            return
        self._round_us = s.now_us
        self._stirs = max(0, self._stirs - 1)
        for member in s.some(s.params.gossip_fanout, "alive", "suspect"):
            if self._stirs or len(s.broadcasts):
                s.send(member.address, None, member)

    def _hurry(self) -> None:
        """The next round is to come within moments, unless there was one just now."""
        s = self._s
        soon_us = s.now_us + s.rng.randrange(_JITTER_US)
        if self._round_us is not None:
            soon_us = max(soon_us, self._round_us + _URGENT_PAUSE_US)
        self._due_us = soon_us if self._due_us is None else min(self._due_us, soon_us)
