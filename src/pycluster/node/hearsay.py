"""Lines about members that this node never met: anybody can invent members, and nobody could read them all."""

from __future__ import annotations

from pycluster.kernel.limits import HEARSAY_LINES_BURST, HEARSAY_LINES_PER_MINUTE
from pycluster.membership import Member
from pycluster.node.allowance import MINUTE_US, Allowance

#: More than there are kinds of lines about members.
_KINDS_MAX = 16


class Hearsay:
    """Lets so many lines of a kind pass, about all of them together, and knows how many it kept back.

    By kind, so that a thousand newcomers leave room for the news that some of them died.
    """

    def __init__(self) -> None:
        self._allowance = Allowance(HEARSAY_LINES_BURST, HEARSAY_LINES_PER_MINUTE, _KINDS_MAX)
        self._since_us = 0
        self._kept_back = 0

    def allows(self, member: Member, kind: str, now_us: int) -> bool:
        """Whether a line of ``kind`` about ``member`` may be told now; about one that was met it always may."""
        if member.met or self._allowance.allows(kind, now_us):
            return True
        if not self._kept_back:
            self._since_us = now_us
        self._kept_back += 1
        return False

    def kept_back(self, now_us: int) -> int:
        """How many lines were kept back, a minute after the first of them; then the count begins anew."""
        if not self._kept_back or now_us - self._since_us < MINUTE_US:
            return 0
        found, self._kept_back = self._kept_back, 0
        return found
