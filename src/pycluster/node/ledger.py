"""What a node remembers of its own story: event numbers, who led when, when it acted itself, and its counters."""

from __future__ import annotations

from collections import deque

from pycluster.kernel.limits import ACTING_INTERVALS_KEPT
from pycluster.node.effects import Publish, RecordActing
from pycluster.node.view import ActingInterval, ClusterEvent, LeaderSpan

_SPANS_KEPT = 100
#: Room for one life's event ids; they stay exact in JavaScript for 2^33 lives.
_EVENTS_A_LIFE = 1 << 20


class Ledger:
    """Bounded books; every entry is made by the node at its own time."""

    def __init__(self, past_acting: tuple[ActingInterval, ...], incarnation: int = 0) -> None:
        # A later life has a higher incarnation, so its events have higher ids: no reader resumes in the wrong life.
        self._event_id = incarnation * _EVENTS_A_LIFE
        self.counters: dict[str, int] = {}
        #: Why the last backup failed; empty where it did not, or none was due here.
        self.backup_problem = ""
        #: Why a rendered file is not in place, by its template.
        self.file_problems: dict[str, str] = {}
        #: What is wrong with rollouts, while this node acts: the leader answers for them.
        self.rollout_problems: dict[str, str] = {}
        self.leaders: deque[LeaderSpan] = deque(maxlen=_SPANS_KEPT)
        self._ended: deque[ActingInterval] = deque(past_acting, maxlen=ACTING_INTERVALS_KEPT)
        self._acting: tuple[int, int] | None = None

    def count(self, counter: str, by: int = 1) -> None:
        """Add to a counter that ``status`` and the metrics show."""
        self.counters[counter] = self.counters.get(counter, 0) + by

    def event(
        self,
        kind: str,
        text: str,
        now_us: int,
        *,
        node: str = "",
        term: int = 0,
        fields: dict[str, str | int] | None = None,
    ) -> Publish:
        """The next event of this life, numbered."""
        self._event_id += 1
        return Publish(ClusterEvent(self._event_id, kind, text, now_us, node, term, fields or {}))

    def led_by(self, term: int, leader: str, now_us: int, reason: str) -> None:
        """A line of election history."""
        self.leaders.append(LeaderSpan(term, leader, now_us, reason))

    def acting_started(self, term: int, since_us: int, until_us: int) -> RecordActing:
        """This node begins to act."""
        self._acting = (term, since_us)
        return RecordActing(term, since_us, until_us, ended=False)

    def acting_renewed(self, until_us: int) -> RecordActing | None:
        """This node may act on; None where it does not act."""
        if self._acting is None:
            return None
        term, since_us = self._acting
        return RecordActing(term, since_us, until_us, ended=False)

    def acting_stopped(self, at_us: int, reason: str) -> RecordActing | None:
        """This node ceased to act; None where it did not."""
        if self._acting is None:
            return None
        term, since_us = self._acting
        self._acting = None
        self.rollout_problems.clear()
        self._ended.append(ActingInterval(term, since_us, at_us, reason))
        return RecordActing(term, since_us, at_us, ended=True, reason=reason)

    @property
    def intervals(self) -> tuple[ActingInterval, ...]:
        """Every interval of this boot, the open one last."""
        if self._acting is None:
            return tuple(self._ended)
        term, since_us = self._acting
        return (*self._ended, ActingInterval(term, since_us, None))
