"""What a voter owes its leader: the promise not to elect another (Raft §4.2.3), and the lease that may outlive it.

Invariants: whoever is promised anything is owed the lease that may rest on it, counted from the same receipt, a ninth
longer for the clocks and never longer than the promise; evidence ends the promise and nothing else; what is owed is
over only when its time is.
"""

from __future__ import annotations

from pycluster.consensus.log import NOBODY, Voter
from pycluster.kernel.units import SECOND

#: So many promises are given up on evidence in a row, then one in each pause: real deaths are fewer, and forged ones
#: must leave time to act.
RELEASES_AT_ONCE = 4
RELEASE_PAUSE_US = 2 * SECOND


class Promise:
    """To whom, in which term, until when; and how much of whose lease may still run."""

    __slots__ = (
        "_deaf_until_us",
        "_former_us",
        "_lease_us",
        "_receipt_us",
        "_releases_us",
        "_sent_us",
        "_timeout_us",
        "released",
        "term",
        "to",
        "until_us",
    )

    def __init__(self, timeout_us: int) -> None:
        self._timeout_us = timeout_us
        self.to = NOBODY
        self.term = 0
        self.until_us = 0
        #: Given up on evidence, with nobody followed since.
        self.released = False
        #: When it was last given: what is owed to that leader's lease counts from here.
        self._receipt_us = -timeout_us
        #: The newest heartbeat of that leader in that term, by its own clock, and its lease; 0 while it did not say.
        self._sent_us = -1
        self._lease_us = 0
        #: The last end of all leases of other leaders or terms.
        self._former_us = 0
        self._deaf_until_us = 0
        #: When all that was given up is paid off, a pause each.
        self._releases_us = -timeout_us

    def give(self, leader: Voter, term: int, now_us: int) -> None:
        """Promise to the leader of ``term``, for an election timeout from now."""
        if term != self.term or leader != self.to:
            self._former_us = max(self._former_us, self._lease_ends_us)
            self.to, self.term = leader, term
            self._sent_us, self._lease_us = -1, 0
        self.released = False
        self._receipt_us = now_us
        self.until_us = now_us + self._timeout_us

    def heard(self, sent_us: int, lease_us: int) -> None:
        """The heartbeat that it was just given for; the lease a leader names never changes within its term."""
        self._sent_us = sent_us
        self._lease_us = lease_us

    def has_heard(self, leader: Voter, term: int, sent_us: int) -> bool:
        """Whether such a heartbeat promises nothing new: it, or a newer one of that leader in that term, was here."""
        return sent_us <= self._sent_us and term == self.term and leader == self.to

    def lagged(self, lag_us: int, now_us: int) -> None:
        """The clock moved on while nothing was done, perhaps without time passing: all of that does not count."""
        latest_us = now_us + self._timeout_us
        if not self.released:
            self.until_us = max(self.until_us, min(self.until_us + lag_us, latest_us))
        self._receipt_us = min(self._receipt_us + lag_us, now_us)
        self._former_us = max(self._former_us, min(self._former_us + lag_us, latest_us))

    def release(self, now_us: int, deaf_us: int) -> bool:
        """Give it up on evidence; whatever that leader says for ``deaf_us`` was on its way. False: once too often."""
        paid_us = max(self._releases_us, now_us)
        if paid_us - now_us > (RELEASES_AT_ONCE - 1) * RELEASE_PAUSE_US:
            return False
        self._releases_us = paid_us + RELEASE_PAUSE_US
        self.until_us = now_us
        self.released = True
        self._deaf_until_us = now_us + deaf_us
        return True

    def is_deaf_to(self, leader: Voter, term: int, now_us: int) -> bool:
        """Whether evidence says that this leader's words of that term are those of one that is gone."""
        return self.released and now_us < self._deaf_until_us and term == self.term and leader == self.to

    def owed_us(self, now_us: int, *, handed_over: bool) -> int:
        """What is left of any leader's lease; less the one promised to where it ``handed_over``, for it has stopped."""
        until_us = self._former_us if handed_over else max(self._former_us, self._lease_ends_us)
        return max(until_us - now_us, 0)

    def remember(self, until_us: int) -> None:
        """Until then a former leader's lease may run by others' word, for which this voter waited as a leader."""
        self._former_us = max(self._former_us, until_us)

    @property
    def _lease_ends_us(self) -> int:
        """When the lease that may rest on the newest receipt is over, however the two clocks run."""
        longest_us = -(-self._lease_us * 10 // 9) if self._lease_us else self._timeout_us
        return self._receipt_us + min(longest_us, self._timeout_us)
