"""Elections: pre-vote (Raft §9.6), votes (§5.2), the election restriction (§5.4.1), promises (§4.2.3), ranked
candidacy.

Invariants: one vote a term, durable before the answer; nothing is granted, and no term taken over, against a promise in
force or within one election timeout of this voter's start; an answer counts in the round that asked for it only.
"""

from __future__ import annotations

import msgspec

from pycluster.consensus.log import Voter
from pycluster.consensus.messages import PreVoteReply, PreVoteRequest, VoteReply, VoteRequest
from pycluster.consensus.state import State
from pycluster.kernel.units import MILLISECOND

_REASK_MIN_US = 5 * MILLISECOND


class Ballot(msgspec.Struct):
    """One round: who may answer it, how many it takes, and what came back."""

    kind: str
    term: int
    seats: tuple[Voter, ...]
    needed: int
    ends_us: int
    leadership_transfer: bool = False
    granted: set[str] = msgspec.field(default_factory=set)
    reask_us: int | None = None

    @property
    def won(self) -> bool:
        """Whether a quorum of those who may vote has granted."""
        return sum(1 for seat in self.seats if seat.uuid in self.granted) >= self.needed

    def names(self) -> str:
        """Who granted, for a sentence."""
        return ", ".join(seat.name for seat in self.seats if seat.uuid in self.granted)


class Election:
    """The ballot of this voter's own candidacy, and its answers to others."""

    def __init__(self, state: State) -> None:
        self._s = state
        self.ballot: Ballot | None = None
        self.announced = False

    # Standing.

    def rank(self) -> int:
        """How many lower-named voters may stand before this one."""
        s = self._s
        gone = s.promise_to
        return sum(1 for seat in s.voters if seat.name < s.name and seat.uuid and seat != gone and not s.dead(seat))

    def step_us(self) -> int:
        """The wait per rank: the parameter, or what two of this disk's fsyncs took lately, within a quarter promise."""
        s = self._s
        return min(
            max(s.params.rank_step_ms * MILLISECOND, 2 * s.journal.persist_us), s.params.election_timeout_us // 4
        )

    def due_us(self) -> int | None:
        """When this voter stands, unless somebody is heard; None while it may not."""
        s = self._s
        if self.ballot is not None or s.role != "follower" or s.draining or not s.may_stand:
            return None
        base_us = max(s.stand_base_us, s.promise_until_us, s.silent_until_us)
        return base_us + self.rank() * self.step_us()

    def open(self, kind: str, term: int, seats: tuple[Voter, ...], needed: int, transfer: bool = False) -> Ballot:
        """Begin a round and ask everyone in it."""
        s = self._s
        ends_us = s.now_us + s.params.election_timeout_us // 2
        self.ballot = Ballot(kind, term, seats, needed, ends_us, transfer)
        self.ask()
        return self.ballot

    def ask(self) -> None:
        """Ask, or ask again, whoever has not granted."""
        s, ballot = self._s, self.ballot
        assert ballot is not None
        ballot.reask_us = None
        last_index, last_term = s.journal.last_index, s.journal.last_term
        for seat in ballot.seats:
            if seat == s.me or not seat.uuid or seat.uuid in ballot.granted:
                continue
            if ballot.kind == "pre-vote":
                s.heartbeat(seat, PreVoteRequest(*s.header(seat), last_index, last_term, s.digest))
            else:
                transfer = ballot.leadership_transfer
                s.heartbeat(seat, VoteRequest(*s.header(seat), last_index, last_term, s.digest, transfer))

    def on_reply(self, message: PreVoteReply | VoteReply) -> None:
        """An answer to this voter's own round."""
        if isinstance(message, PreVoteReply):
            self._on_pre_vote_reply(message)
        else:
            self._on_vote_reply(message)

    def _on_pre_vote_reply(self, message: PreVoteReply) -> None:
        """Count it; where only a promise about to end stands in the way, ask again when it has."""
        s, ballot = self._s, self.ballot
        if ballot is None or ballot.kind != "pre-vote" or message.request_term != s.term:
            return
        if message.granted:
            ballot.granted.add(message.from_uuid)
        elif message.retry_after_us:
            again_us = s.now_us + max(message.retry_after_us, _REASK_MIN_US)
            if again_us < ballot.ends_us:
                ballot.reask_us = min(ballot.reask_us or again_us, again_us)

    def _on_vote_reply(self, message: VoteReply) -> None:
        """Count it."""
        ballot = self.ballot
        if ballot is None or ballot.kind != "vote" or message.request_term != self._s.term or not message.granted:
            return
        ballot.granted.add(message.from_uuid)

    # Voting.

    def held_back_us(self, leadership_transfer_term: int = 0) -> int:
        """For how long this voter still owes its vote to nobody: its silence, its promise, its own leadership."""
        s = self._s
        until_us = s.silent_until_us
        if not leadership_transfer_term or leadership_transfer_term != s.promise_term + 1:
            until_us = max(until_us, s.promise_until_us)
        if s.role == "leader":
            until_us = max(until_us, s.now_us + s.params.heartbeat_interval_us)
        return max(until_us - s.now_us, 0)

    def on_pre_vote_request(self, sender: Voter, message: PreVoteRequest) -> bool:
        """Answer; changes no term and no vote. Whether it was granted."""
        s = self._s
        wait_us = self.held_back_us()
        granted = (
            wait_us == 0
            and self.eligible(sender, message.cluster_uuid, message.digest)
            and message.term + 1 > s.term
            and s.journal.up_to_date(message.last_index, message.last_term)
        )
        without = s.configuration_without(sender)
        s.heartbeat(sender, PreVoteReply(*s.header(sender), message.term, granted, wait_us, *without))
        return granted

    def may_raise_term(self, message: VoteRequest) -> bool:
        """Whether a vote request may be considered at all."""
        return self.held_back_us(message.term if message.leadership_transfer else 0) == 0

    def on_vote_request(self, sender: Voter, message: VoteRequest) -> bool:
        """Vote or refuse, in the term of the request, which the caller has taken over (Raft §5.2, §5.4.1)."""
        s = self._s
        granted = (
            message.term == s.term
            and self.may_raise_term(message)
            and s.role == "follower"
            and s.journal.vote.voted_for in ("", message.from_uuid)
            and self.eligible(sender, message.cluster_uuid, message.digest)
            and s.journal.up_to_date(message.last_index, message.last_term)
        )
        if granted and not s.journal.vote.voted_for:
            s.set_vote(s.term, message.from_uuid)
        s.heartbeat(sender, VoteReply(*s.header(sender), message.term, granted))
        return granted

    def eligible(self, sender: Voter, cluster_uuid: str, digest: str) -> bool:
        """Before there is a cluster, only those with the same voter list; a voter with a past founds nothing anew."""
        s = self._s
        if cluster_uuid:
            return True
        return not s.cluster_uuid and digest == s.digest and sender.name in s.listed
