"""Whom a non-voter follows: claims from gossip, each jump confirmed with a voter, none believed past its age.

Events: a claim heard, a voter's answer, time. Invariants: the term believed in never goes back within one cluster's
life; a (term, leader) is shown only after a voter itself said it; a belief that no voter vouched for within the
time-to-live is dropped, and only then may voters that founded anew begin again with low terms.
"""

from __future__ import annotations

from random import Random

import msgspec

from pycluster.consensus import LeaderAnswer, Message
from pycluster.kernel.units import MILLISECOND
from pycluster.node.config import Params
from pycluster.wire import Claim

#: The first pause after a rumour that was not confirmed is this part of the usual one; it doubles.
_EAGER = 20


class Belief(msgspec.Struct, frozen=True):
    """A leader that a voter vouched for at ``vouched_us`` (our clock)."""

    term: int
    leader: str
    uuid: str
    cluster_uuid: str
    since_us: int
    vouched_us: int


class Following:
    """The non-voter's view of the leader."""

    def __init__(self, params: Params, rng: Random) -> None:
        self._ttl_us = params.claim_ttl_ms * MILLISECOND
        self._interval_us = params.query_interval_ms * MILLISECOND
        self._rng = rng
        self.belief: Belief | None = None
        self.highest_term = 0
        self._cluster_uuid = ""
        self.reason = "no voter has named a leader yet"
        self.voters: tuple[tuple[str, str], ...] = ()
        self._rumour: tuple[int, str] | None = None
        self._query_after_us = 0
        self._querying = False
        #: The pause after the next answer that does not confirm a rumour.
        self._eager_us = self._interval_us
        self._refused: list[str] = []
        self._asked: set[str] = set()

    def hear(self, claim: Claim, now_us: int) -> None:
        """A claim came with a packet."""
        if not claim.leader or claim.term < self.highest_term or claim.age_ms < 0:
            return
        vouched_us = now_us - claim.age_ms * MILLISECOND
        if vouched_us + self._ttl_us <= now_us:
            return
        belief = self.belief
        if belief is not None and (belief.term, belief.leader) == (claim.term, claim.leader):
            if vouched_us > belief.vouched_us:
                self.belief = msgspec.structs.replace(belief, vouched_us=vouched_us)
            return
        if belief is not None and claim.term == belief.term:
            return
        if self._rumour != (claim.term, claim.leader):
            self._rumour = (claim.term, claim.leader)
            self._query_after_us = now_us
            self._eager_us = self._interval_us // _EAGER

    def answered(self, voter: str, answer: LeaderAnswer | None, now_us: int) -> None:
        """A voter said whom it follows; None: it is no voter, or could not be asked."""
        self._querying = False
        pause_us = self._pause_us()
        self._query_after_us = now_us + pause_us + self._rng.randrange(pause_us // 2 + 1)
        if answer is None:
            self._note(f"{voter} did not say")
            return
        self.voters = tuple((seat.name, seat.uuid) for seat in answer.voters) or self.voters
        if self.belief is None and answer.leader and answer.cluster_uuid != self._cluster_uuid:
            self._cluster_uuid, self.highest_term = answer.cluster_uuid, 0
        if not answer.leader or answer.term < self.highest_term:
            self._note(f"{voter} follows nobody")
            return
        self._refused.clear()
        self._asked.clear()
        self._rumour = None
        self.highest_term = answer.term
        belief = self.belief
        same = belief is not None and (belief.term, belief.leader) == (answer.term, answer.leader)
        since_us = belief.since_us if belief is not None and same else now_us
        self.belief = Belief(answer.term, answer.leader, answer.uuid, answer.cluster_uuid, since_us, now_us)

    def named(self, sender: str, message: Message) -> bool:
        """Whether a voter said that it is this one who leads, and that very cluster."""
        belief, says = self.belief, (sender, message.from_uuid, message.cluster_uuid)
        return belief is not None and says == (belief.leader, belief.uuid, belief.cluster_uuid)

    def took_part(self, term: int, cluster_uuid: str, voters: tuple[tuple[str, str], ...]) -> None:
        """This node votes, and knows better than what others said: should it lose its seat, it begins from here."""
        self.belief = self._rumour = None
        self.highest_term, self._cluster_uuid, self.voters = term, cluster_uuid, voters

    def expire(self, now_us: int) -> None:
        """Drop a belief nobody vouched for in time."""
        belief = self.belief
        if belief is None or now_us - belief.vouched_us < self._ttl_us:
            return
        seconds = self._ttl_us // 1_000_000
        self.belief = None
        asked = f"; {', '.join(self._refused)}" if self._refused else ""
        self.reason = f"no voter vouched for {belief.leader} within {seconds} s{asked}"

    def wants_query(self, now_us: int) -> bool:
        """Whether a voter should be asked now; the caller that asks says so with ``asking``."""
        return not self._querying and now_us >= self._due_us()

    def whom(self, voters: list[str]) -> str:
        """Which of these to ask: first whom rumour names, then the others in turn; an empty disk knows nobody."""
        if self._asked.issuperset(voters):
            self._asked.clear()
        left = [voter for voter in voters if voter not in self._asked]
        rumoured = self._rumour[1] if self._rumour is not None else ""
        voter = rumoured if rumoured in left else self._rng.choice(left)
        self._asked.add(voter)
        return voter

    @property
    def rumoured(self) -> str:
        """The leader that gossip names and no voter has confirmed; where no voter is known, it is one to ask."""
        return self._rumour[1] if self._rumour is not None else ""

    def asking(self) -> None:
        """A voter is being asked; ``answered`` follows."""
        self._querying = True

    def nobody_to_ask(self, now_us: int) -> None:
        """No voter is known to be alive."""
        self._query_after_us = now_us + self._interval_us
        if self.belief is None:
            self.reason = "no voter can be reached"

    def claim(self, now_us: int) -> Claim | None:
        """What to pass on."""
        belief = self.belief
        if belief is None:
            return None
        return Claim(belief.term, belief.leader, (now_us - belief.vouched_us) // MILLISECOND)

    def next_deadline(self) -> int | None:
        """When ``expire`` or a query is due."""
        due = None if self._querying else self._due_us()
        if self.belief is None:
            return due
        expiry = self.belief.vouched_us + self._ttl_us
        return expiry if due is None else min(due, expiry)

    def _pause_us(self) -> int:
        """Until the next question; a rumour may run ahead of what its leader can confirm by a few milliseconds."""
        pause_us = self._eager_us
        self._eager_us = min(2 * pause_us, self._interval_us)
        return pause_us

    def _due_us(self) -> int:
        if self.belief is None or self._rumour is not None:
            return self._query_after_us
        return max(self._query_after_us, self.belief.vouched_us + self._ttl_us // 2)

    def _note(self, text: str) -> None:
        if text not in self._refused:
            self._refused = [*self._refused[-4:], text]
        if self.belief is None:
            self.reason = ", ".join(self._refused)
