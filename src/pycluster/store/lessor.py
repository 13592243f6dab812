"""When leases end. Only the leader knows: nothing of it is in the log, and a new leader gives every lease its whole
time again, as etcd's does.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from pycluster.kernel.units import SECOND
from pycluster.store.store import Store

#: After this long (microseconds) an expired lease is offered again: its revocation may have got lost with a term.
OFFER_PAUSE_US = SECOND


class Lessor:
    """Times are microseconds of the leader's clock. An expired lease stays expired: it cannot be renewed any more."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._promoted = False
        self._deadlines: dict[int, int] = {}
        #: When to look at a lease; one that was renewed since is put back when its turn comes.
        self._turns: list[tuple[int, int]] = []
        self._turn: dict[int, int] = {}

    def promote(self, now_us: int) -> None:
        """This replica leads from now on; it has applied everything committed before."""
        self.demote()
        self._promoted = True
        for lease in self._store.lease_ids():
            deadline = self._deadlines[lease] = now_us + self._store.granted_ttl_s(lease) * SECOND
            self._turn[lease] = deadline
            self._turns.append((deadline, lease))
        heapify(self._turns)

    def demote(self) -> None:
        """It leads no more; no lease ends here."""
        self._promoted = False
        self._deadlines.clear()
        self._turns.clear()
        self._turn.clear()

    def granted(self, lease: int, now_us: int) -> None:
        """The store has a new lease; or had it, where that is the answer to a retry: then nothing is to be done."""
        if self._promoted and lease not in self._deadlines and self._store.granted_ttl_s(lease):
            self._deadlines[lease] = now_us + self._store.granted_ttl_s(lease) * SECOND
            self._look(lease, self._deadlines[lease])

    def revoked(self, lease: int) -> None:
        """The store has it no more; or has it again, where that is the answer to a retry: then it goes on."""
        if self._store.granted_ttl_s(lease):
            return
        self._deadlines.pop(lease, None)
        self._turn.pop(lease, None)

    def renew(self, lease: int, now_us: int) -> int:
        """The lease begins anew; returns its seconds, 0 where it is not there, has expired, or is not ours to renew."""
        deadline = self._deadlines.get(lease)
        if deadline is None or deadline <= now_us:
            return 0
        ttl_s = self._store.granted_ttl_s(lease)
        self._deadlines[lease] = now_us + ttl_s * SECOND
        return ttl_s

    def remaining_s(self, lease: int, now_us: int) -> int:
        """Whole seconds left, rounded down; -1 for a lease that is not there. All of them while this replica does not
        lead.
        """
        granted = self._store.granted_ttl_s(lease)
        if not granted:
            return -1
        deadline = self._deadlines.get(lease)
        return granted if deadline is None else max(0, deadline - now_us) // SECOND

    def expired(self, now_us: int, most: int) -> tuple[int, ...]:
        """Up to ``most`` leases to revoke through the log; each comes again after a pause until ``revoked``."""
        found: list[int] = []
        while self._turns and self._turns[0][0] <= now_us and len(found) < most:
            turn, lease = heappop(self._turns)
            if self._turn.get(lease) != turn:
                continue
            if self._deadlines[lease] <= now_us:
                found.append(lease)
                self._look(lease, now_us + OFFER_PAUSE_US)
            else:
                self._look(lease, self._deadlines[lease])
        return tuple(found)

    def next_deadline(self) -> int | None:
        """When to ask for ``expired``, which may then be nobody: renewals are noticed when a lease's turn comes."""
        while self._turns and self._turn.get(self._turns[0][1]) != self._turns[0][0]:
            heappop(self._turns)
        return self._turns[0][0] if self._turns else None

    def _look(self, lease: int, at_us: int) -> None:
        self._turn[lease] = at_us
        heappush(self._turns, (at_us, lease))
