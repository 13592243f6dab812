"""Lines about members that never spoke to this node: anybody can invent members, and nobody could read them all."""

from __future__ import annotations

from pycluster.kernel.limits import HEARSAY_LINES_PER_MINUTE
from pycluster.kernel.units import SECOND
from pycluster.membership import Member

_MINUTE_US = 60 * SECOND


class Hearsay:
    """Lets so many lines a minute pass, and knows how many it kept back."""

    def __init__(self) -> None:
        self._since_us = 0
        self._told = 0
        self._kept_back = 0

    def allows(self, member: Member, now_us: int) -> bool:
        """Whether a line about ``member`` may be told now; about a member that was heard itself it always may."""
        if member.last_seen_us is not None:
            return True
        if now_us - self._since_us >= _MINUTE_US:
            self._since_us, self._told = now_us, 0
        if self._told >= HEARSAY_LINES_PER_MINUTE:
            self._kept_back += 1
            return False
        self._told += 1
        return True

    def kept_back(self, now_us: int) -> int:
        """How many lines were kept back, once their minute is over; then the count begins anew."""
        if not self._kept_back or now_us - self._since_us < _MINUTE_US:
            return 0
        found, self._kept_back = self._kept_back, 0
        return found
