"""Linearizable reads without a log entry (Raft §6.4, ReadIndex): a read waits until a quorum has shown, by answering a
heartbeat sent after the read came, that this leader still led then; many reads share a round.

Invariants: a read is ready only with an index that was committed when it came, in a term whose first entry is; whatever
is not ready when leadership ends is refused. No clock is involved but for the leader's own order of heartbeats.
"""

from __future__ import annotations

from pycluster.consensus.effects import ReadReady, ReadRefused
from pycluster.consensus.lease import Lease
from pycluster.consensus.state import State


class Reads:
    """The leader's reads that wait for a round."""

    def __init__(self, state: State, lease: Lease) -> None:
        self._s = state
        self._lease = lease
        #: Came since the round under way began; and what that round confirms, with its send time.
        self._fresh: list[int] = []
        self._asked: list[int] = []
        self._index = 0
        self._round_us = 0
        #: How many rounds had been sent when the newest of them came.
        self._came = 0

    def ask(self, token: int) -> None:
        """A read came in; refused at once where this voter does not lead."""
        s = self._s
        if s.role != "leader":
            s.effects.append(ReadRefused(token, "no-leader"))
        elif len(self._fresh) + len(self._asked) >= s.params.reads_max:
            s.effects.append(ReadRefused(token, "overloaded"))
        else:
            self._fresh.append(token)
            self._came = self._lease.rounds

    def settle(self) -> None:
        """What was confirmed is ready; what waits begins the next round."""
        s = self._s
        if not self._may_answer:
            return
        if self._asked and self._lease.confirmed_us >= self._round_us:
            s.effects.extend(ReadReady(token, self._index) for token in self._asked)
            self._asked = []
        if self._fresh and not self._asked and (self._lease.rounds > self._came or self._lease.confirm()):
            self._asked, self._fresh = self._fresh, []
            self._index, self._round_us = s.commit_index, self._lease.newest_us
            if self._lease.confirmed_us >= self._round_us:
                self.settle()

    def end(self) -> None:
        """Leadership is over."""
        self._s.effects.extend(ReadRefused(token, "no-leader") for token in self._asked + self._fresh)
        self._asked, self._fresh = [], []

    @property
    def next_deadline(self) -> int | None:
        """Two rounds are told apart by their time, so one that came in the same microsecond waits for the next."""
        return self._s.now_us + 1 if self._fresh and not self._asked and self._may_answer else None

    @property
    def _may_answer(self) -> bool:
        """While nothing of this term is committed, what is may be more than this leader knows (Raft §6.4)."""
        return self._s.journal.term_at(self._s.commit_index) == self._s.term
