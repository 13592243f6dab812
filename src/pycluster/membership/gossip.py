"""Extra gossip rounds, only while there is something to tell (SWIM §4.1 piggybacks; memberlist adds rounds)."""

from __future__ import annotations

from pycluster.kernel.units import MILLISECOND
from pycluster.membership.state import State


class Gossip:
    """A round: a few random members are sent what is queued."""

    def __init__(self, state: State) -> None:
        self._s = state
        self._stirs = 0
        self._due_us: int | None = None

    def stir(self) -> None:
        """A few rounds even with an empty queue: the node has news of its own in every packet."""
        self._stirs = self._s.params.stir_rounds

    def next_deadline(self) -> int | None:
        """The next round; None while there is nothing to tell or nobody to tell it to."""
        return self._due_us

    def tick(self) -> None:
        """A round, when it is due."""
        s = self._s
        if not self._stirs and not len(s.broadcasts):
            self._due_us = None
            return
        if self._due_us is not None and s.now_us < self._due_us:
            return
        able = s.others("alive", "suspect")
        if not able:
            self._due_us = None
            self._stirs = 0
            return
        first = self._due_us is None
        pause_us = s.params.gossip_interval_ms * MILLISECOND
        self._due_us = s.now_us + (s.rng.randrange(pause_us // 4) if first else pause_us)
        if first:
            return
        self._stirs = max(0, self._stirs - 1)
        for member in s.rng.sample(able, min(s.params.gossip_fanout, len(able))):
            if self._stirs or len(s.broadcasts):
                s.send(member.address, None, member)
