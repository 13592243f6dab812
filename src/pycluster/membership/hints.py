"""Hints that a process is gone: a stream that ended, an ICMP message. Anyone can forge them, so they only start a look.

What a hint does is a verification at once. That accuses when it fails, like any other; when it succeeds, nothing is
said to anyone, and for a while no hint about that member counts.
"""

from __future__ import annotations

from pycluster.kernel.ids import Address
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.membership.members import Member
from pycluster.membership.probing import Probing
from pycluster.membership.state import State

#: How long after a verification that succeeded no such hint counts: a stream costs its forger more than ICMP does.
_STREAM_PAUSE_US = 100 * MILLISECOND
_ICMP_PAUSE_US = SECOND
#: The index of addresses is made anew after this long at the earliest.
_INDEX_AGE_US = SECOND


class Hints:
    """Turns hints into verifications, within bounds."""

    def __init__(self, state: State, probing: Probing) -> None:
        self._s = state
        self._probing = probing
        self._reached_us: dict[str, int] = {}
        self._names: dict[Address, str] = {}
        self._indexed_us: int | None = None

    def stream_ended(self, name: str, uuid: str) -> None:
        """An idle stream between us and that member ended without a goodbye."""
        member = self._s.table.get(name)
        if member is not None and member.uuid == uuid:
            self._look(member, _STREAM_PAUSE_US)

    def refused(self, address: Address) -> None:
        """ICMP says that nobody has the port at ``address``."""
        s = self._s
        if self._indexed_us is None or s.now_us - self._indexed_us >= _INDEX_AGE_US:
            self._names = {member.address: member.name for member in s.others("alive", "suspect")}
            self._indexed_us = s.now_us
        member = s.table.get(self._names.get(address, ""))
        if member is not None and member.address == address:
            self._look(member, _ICMP_PAUSE_US)
        else:
            s.counters["hints_ignored"] += 1

    def reached(self, name: str) -> None:
        """A verification of ours reached that member."""
        s = self._s
        if len(self._reached_us) >= s.params.pending_max:
            self._reached_us = {
                known: at_us for known, at_us in self._reached_us.items() if s.now_us - at_us < _ICMP_PAUSE_US
            }
            while len(self._reached_us) >= s.params.pending_max:
                del self._reached_us[next(iter(self._reached_us))]
        self._reached_us[name] = s.now_us

    def _look(self, member: Member, pause_us: int) -> None:
        s = self._s
        if member is s.local or s.leaving or member.state not in ("alive", "suspect"):
            return
        reached_us = self._reached_us.get(member.name)
        if reached_us is not None and s.now_us - reached_us < pause_us:
            s.counters["hints_ignored"] += 1
            return
        self._probing.verify(member)
