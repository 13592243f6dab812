"""How long the leader lets superseded values be kept: by number of revisions and by age, whichever ends first."""

from __future__ import annotations

from collections import deque

from pycluster.kernel.units import SECOND
from pycluster.node.config import StateParams
from pycluster.store import Store

#: Revisions and times that are remembered: the age is kept to a sixtieth.
_MARKS = 60
_LOOK_US = 10 * SECOND


class Retention:
    """Gives the revision to compact to, now and then."""

    def __init__(self, params: StateParams) -> None:
        self._count = params.history_revisions
        self._age_us = params.history_age_s * SECOND
        self._marks: deque[tuple[int, int]] = deque()
        #: When to look again.
        self.next_us: int | None = 0

    def forget(self) -> None:
        """This node leads no longer; what it has seen of time counts for the next leader's state no more."""
        self._marks.clear()
        self.next_us = 0

    def due(self, now_us: int, state: Store) -> int | None:
        """What to compact to, or None."""
        if self.next_us is None or now_us < self.next_us:
            return None
        self.next_us = now_us + _LOOK_US if self._count or self._age_us else None
        # A compaction is an entry of the log: not for every revision. Of age there is one mark in a while anyway.
        wanted = state.revision - self._count if self._count else 0
        if wanted < state.compact_revision + max(self._count // 10, 1):
            wanted = 0
        if self._age_us:
            while self._marks and self._marks[0][0] + self._age_us <= now_us:
                wanted = max(wanted, self._marks.popleft()[1])
            if not self._marks or now_us - self._marks[-1][0] >= self._age_us // _MARKS:
                self._marks.append((now_us, state.revision))
        return wanted if wanted > state.compact_revision else None
