"""Elections: pre-vote (Raft §9.6), votes (§5.2), the election restriction (§5.4.1), promises (§4.2.3), ranked
candidacy.

Invariants: one vote a term, durable before the answer; nothing is granted, and no term taken over, against a promise in
force or within one election timeout of this voter's start; a vote says what its voter still owes to a former leader's
lease; an answer counts in the round that asked for it only.
"""

from __future__ import annotations

import msgspec

from pycluster.consensus.kinship import is_founded
from pycluster.consensus.log import Voter
from pycluster.consensus.messages import PreVoteReply, PreVoteRequest, VoteReply, VoteRequest
from pycluster.consensus.state import State
from pycluster.kernel.units import MILLISECOND

#: The pauses between the questions of one round: at least, and at most for who stands on evidence that others get late.
_REASK_MIN_US = 5 * MILLISECOND
_REASK_ON_EVIDENCE_US = 25 * MILLISECOND
#: Nobody promises for longer, nor owes.
_OWED_MAX_US = 60_000 * MILLISECOND


class Ballot(msgspec.Struct):
    """One round: who may answer it, how many it takes, and what came back.

    ``owed_until_us``: by then every lease is over that may still run by the word of whoever granted.
    """

    kind: str
    term: int
    seats: tuple[Voter, ...]
    needed: int
    began_us: int
    ends_us: int
    owed_until_us: int
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
        gone = s.promise.to
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
        base_us = max(s.stand_base_us, s.promise.until_us, s.silent_until_us)
        return base_us + self.rank() * self.step_us()

    def open(self, kind: str, term: int, seats: tuple[Voter, ...], needed: int, transfer: bool = False) -> Ballot:
        """Begin a round and ask everyone in it."""
        s = self._s
        ends_us = s.now_us + s.params.election_timeout_us // 2
        owed_until_us = s.now_us + s.promise.owed_us(s.now_us, handed_over=transfer)
        self.ballot = Ballot(kind, term, seats, needed, s.now_us, ends_us, owed_until_us, transfer)
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
                s.heartbeat(seat, PreVoteRequest(*s.header(seat), last_index, last_term, s.digest, acts_late=True))
            else:
                log, transfer = (last_index, last_term), ballot.leadership_transfer
                s.heartbeat(seat, VoteRequest(*s.header(seat), *log, s.digest, transfer, acts_late=True))

    def on_reply(self, message: PreVoteReply | VoteReply) -> None:
        """An answer to this voter's own round."""
        if isinstance(message, PreVoteReply):
            self._on_pre_vote_reply(message)
        else:
            self._on_vote_reply(message)

    def _on_pre_vote_reply(self, message: PreVoteReply) -> None:
        """Count it."""
        s, ballot = self._s, self.ballot
        if ballot is None or ballot.kind != "pre-vote" or message.request_term != s.term:
            return
        if message.granted:
            ballot.granted.add(message.from_uuid)
        else:
            self._ask_again_after(ballot, message.retry_after_us)

    def _on_vote_reply(self, message: VoteReply) -> None:
        """Count it, and what its voter owes, which may have been on its way for as long as it likes."""
        s, ballot = self._s, self.ballot
        if ballot is None or ballot.kind != "vote" or message.request_term != s.term:
            return
        if message.granted:
            ballot.granted.add(message.from_uuid)
            ballot.owed_until_us = max(ballot.owed_until_us, s.now_us + min(message.owed_us, _OWED_MAX_US))
        else:
            self._ask_again_after(ballot, message.retry_after_us)

    def _ask_again_after(self, ballot: Ballot, retry_after_us: int) -> None:
        """Only a promise stands in the way: ask again when it is over, or sooner where evidence may end it."""
        s = self._s
        if not retry_after_us:
            return
        if s.promise.released:
            retry_after_us = min(retry_after_us, s.now_us - ballot.began_us, _REASK_ON_EVIDENCE_US)
        again_us = s.now_us + max(retry_after_us, _REASK_MIN_US)
        if again_us < ballot.ends_us:
            ballot.reask_us = min(ballot.reask_us or again_us, again_us)

    # Voting.

    def held_back_us(self, *, handed_over: bool = False, acts_late: bool = True) -> int:
        """For how long this voter votes for nobody: its silence, its promise, its own leadership, and for those of an
        older version, which would act at once, what it owes.
        """
        s = self._s
        until_us = s.silent_until_us
        if not handed_over:
            until_us = max(until_us, s.promise.until_us)
        if not acts_late:
            until_us = max(until_us, s.now_us + s.promise.owed_us(s.now_us, handed_over=handed_over))
        if s.role == "leader":
            until_us = max(until_us, s.now_us + s.params.heartbeat_interval_us)
        return max(until_us - s.now_us, 0)

    def _handed_over(self, message: VoteRequest) -> bool:
        """Whether the very leader that was promised to asked for this election (Raft §4.2.3)."""
        return message.leadership_transfer and message.term == self._s.promise.term + 1

    def _held_back_from_us(self, message: VoteRequest) -> int:
        return self.held_back_us(handed_over=self._handed_over(message), acts_late=message.acts_late)

    def on_pre_vote_request(self, sender: Voter, message: PreVoteRequest) -> bool:
        """Answer; changes no term and no vote. Whether it was granted."""
        s = self._s
        wait_us = self.held_back_us(acts_late=message.acts_late)
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
        return self._held_back_from_us(message) == 0

    def on_vote_request(self, sender: Voter, message: VoteRequest) -> bool:
        """Vote or refuse, in the term of the request, which the caller has taken over (Raft §5.2, §5.4.1)."""
        s = self._s
        wait_us = self._held_back_from_us(message)
        granted = (
            message.term == s.term
            and wait_us == 0
            and s.role == "follower"
            and s.journal.vote.voted_for in ("", message.from_uuid)
            and self.eligible(sender, message.cluster_uuid, message.digest)
            and s.journal.up_to_date(message.last_index, message.last_term)
        )
        if granted and not s.journal.vote.voted_for:
            s.set_vote(s.term, message.from_uuid)
        owed_us = s.promise.owed_us(s.now_us, handed_over=self._handed_over(message)) if granted else 0
        s.heartbeat(sender, VoteReply(*s.header(sender), message.term, granted, owed_us, wait_us))
        return granted

    def eligible(self, sender: Voter, cluster_uuid: str, digest: str) -> bool:
        """Before there is a cluster, only those with the same voter list, or restored alike; a voter with a past founds
        nothing anew.
        """
        s = self._s
        if is_founded(cluster_uuid):
            return True
        return not s.founded and digest == s.digest and sender.name in s.listed
