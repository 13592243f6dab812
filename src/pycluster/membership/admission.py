"""Who comes into the table, how fast on others' word alone, and who is forgotten to make room."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.membership.effects import Cause
from pycluster.membership.members import Member
from pycluster.membership.members import State as MemberState
from pycluster.membership.state import State

#: So many are forgotten at a time: a full table looks for some as long as for one, and nobody waits for thousands.
_FORGOTTEN_AT_ONCE = 64


class Admission:
    """A bucket for newcomers that others tell of, and the table's bound.

    Anyone can invent members by the thousand, and each costs probes, news and a place. So hearsay (datagrams and pushed
    tables) fills the table only so fast. Who speaks for itself over TCP, and whom a peer names that this node asked,
    always comes in; what was deferred comes with the next comparison of tables.
    """

    def __init__(self, state: State, changed: Callable[[Cause, Member, str], None]) -> None:
        self._s = state
        self._changed = changed
        self._pause_us = SECOND // state.params.newcomers_per_s
        self._ahead_us = (state.params.newcomers_burst - 1) * self._pause_us
        self._spent_until_us = 0
        self._reap_us = 0

    def admits(self, *, hearsay: bool) -> bool:
        """Whether a newcomer may come in now; one that may not is counted."""
        s = self._s
        now_us, spent_until_us = s.now_us, self._spent_until_us
        if spent_until_us < now_us:
            spent_until_us = now_us
        if hearsay and spent_until_us - now_us > self._ahead_us:
            s.counters["members_deferred"] += 1
            return False
        if len(s.table) >= s.params.members_max and not self._made_room():
            s.counters["members_refused"] += 1
            return False
        if hearsay:
            self._spent_until_us = spent_until_us + self._pause_us
        return True

    def keep_us(self, state: MemberState) -> int:
        """How long the dead, or the gone, are remembered."""
        params = self._s.params
        return (params.down_keep_ms if state == "down" else params.left_keep_ms) * MILLISECOND

    def reap(self) -> None:
        """Forget the dead and the gone when their time is over; the rest of very many with the next event."""
        s = self._s
        if s.now_us < self._reap_us:
            return
        over = [
            member
            for member in s.others("down", "left")
            if s.now_us - member.state_since_us >= self.keep_us(member.state)
        ]
        for member in over[:_FORGOTTEN_AT_ONCE]:
            s.table.drop(member.name)
            self._changed("forgotten", member, f"{member.state} for too long")
        if len(over) <= _FORGOTTEN_AT_ONCE:
            self._reap_us = s.now_us + s.params.sync_interval_ms * MILLISECOND

    def _made_room(self) -> bool:
        """Forget some that are down or gone and that this node never met: invented ones keep nobody out."""
        s = self._s
        never_met = [member for member in s.others("down", "left") if not member.met]
        for member in heapq.nsmallest(_FORGOTTEN_AT_ONCE, never_met, key=lambda member: member.state_since_us):
            s.table.drop(member.name)
            self._changed("forgotten", member, "the table is full and it was never met")
        return bool(never_met)
