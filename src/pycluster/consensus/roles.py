"""A voter's roles: every transition between follower, pre-candidate, candidate and leader stands in this file.

Follower -> pre-candidate when its promise is over and its rank's turn has come; -> candidate with a quorum of
pre-votes, or at a leader's TimeoutNow; -> leader with a quorum of durable votes; back to follower for a higher term,
a round that failed, a lost quorum, or leadership handed over.
"""

from __future__ import annotations

from pycluster.consensus.bootstrap import Bootstrap
from pycluster.consensus.departure import Departure
from pycluster.consensus.election import Election
from pycluster.consensus.electorate import majority
from pycluster.consensus.installation import Installation
from pycluster.consensus.kinship import foreign, founded_on
from pycluster.consensus.lease import Lease
from pycluster.consensus.log import NOBODY, Configuration, NoOp, Voter
from pycluster.consensus.messages import (
    BootstrapAnswer,
    BootstrapQuery,
    Header,
    PreVoteReply,
    PreVoteRequest,
    ReachReply,
    ResignReply,
    TimeoutNow,
    VoteRequest,
)
from pycluster.consensus.plans import Attempt, Change
from pycluster.consensus.reads import Reads
from pycluster.consensus.reconfigure import Reconfigure
from pycluster.consensus.replication import Replication
from pycluster.consensus.state import State
from pycluster.consensus.transfer import Transfer
from pycluster.kernel.ids import new_uuid
from pycluster.kernel.units import earlier

_CAUSES = {
    "hand": "an operator asked for it",
    "hand-over": "it is about to stop",
    "return": "it is the lowest ID and has been healthy for its hold-down",
    "slow-disk": "its disk is slower than the election timeout",
}


class Roles:
    """The parts of one voter, and what moves it from role to role."""

    def __init__(self, state: State) -> None:
        self.s = state
        self.election = Election(state)
        self.bootstrap = Bootstrap(state)
        self.replication = Replication(state)
        self.lease = Lease(state, self.replication)
        self.reads = Reads(state, self.lease)
        self.installation = Installation(state)
        self.transfer = Transfer(state, self.replication)
        self.reconfigure = Reconfigure(state, self.replication)
        self.departure = Departure(state, self.transfer)
        self._pin_next = False

    def start(self, lone_founder: bool) -> None:
        """The first event of this life."""
        s = self.s
        # A lost disk forgets its promises too, so that an empty voter is silent as well; a lone founder owes nobody.
        s.silent_until_us = s.now_us if lone_founder else s.now_us + s.silence_us
        s.stand_base_us = s.silent_until_us
        s.leader_since_us = s.now_us
        self.bootstrap.begin()

    def lagged(self, lag_us: int) -> None:
        """The clock may have leapt: what others' leases rest on lasts that much longer (Gray and Cheriton's ε).

        A lease of this voter's own is none of it: by its clock it is over, and that is safe.
        """
        s, ballot = self.s, self.election.ballot
        latest_us = s.now_us + s.params.election_timeout_us
        s.promise.lagged(lag_us, s.now_us)
        s.silent_until_us = _later(s.silent_until_us, lag_us, s.now_us + s.silence_us)
        self.lease.not_before_us = _later(self.lease.not_before_us, lag_us, latest_us)
        if ballot is not None:
            ballot.owed_until_us = _later(ballot.owed_until_us, lag_us, latest_us)

    def settle(self) -> None:
        """Everything due by now, and everything that follows from what was just taken in."""
        s = self.s
        s.shorten_promised()
        if s.leader not in (NOBODY, s.me) and s.now_us >= s.promise.until_us:
            self._lose_leader(f"has not been heard from for {s.params.election_timeout_ms} ms")
        led = s.role == "leader"
        if led:
            self._lead()
        if s.leader == NOBODY:
            self.bootstrap.tick()
            if self.bootstrap.yields:
                self._give_up_founding()
            self._stand()
        if self.election.ballot is not None:
            self._count()
        if s.role == "leader" and not led:
            self._lead()
        self.transfer.expire()

    def next_deadline(self) -> int | None:
        """When ``settle`` is wanted at the latest."""
        s, ballot = self.s, self.election.ballot
        due = earlier(self.departure.next_deadline(), self.transfer.next_deadline())
        if s.role == "leader":
            return earlier(due, earlier(self.lease.next_deadline(), self.reads.next_deadline))
        if s.leader != NOBODY:
            return earlier(due, s.promise.until_us)
        due = earlier(due, self.bootstrap.next_deadline())
        own = self._stand_due_us() if ballot is None else earlier(ballot.ends_us, ballot.reask_us)
        return earlier(due, own)

    # Transitions.

    def become_follower(self, term: int, leader: Voter, reason: str) -> None:
        s = self.s
        if s.role == "leader":
            self.lease.stop(reason)
            self.reads.end()
            self.replication.end()
            self.transfer.reset()
            self.reconfigure.reset()
            s.promise.to = NOBODY
            # Voters of an older version say nothing of what is owed, and may be most of those that elect the next one.
            s.promise.remember(self.lease.not_before_us)
            self.bootstrap.begin()
        if s.role != "follower":
            s.stand_base_us = max(s.stand_base_us, s.now_us)
        if term > s.term:
            s.set_vote(term, "")
        s.role = "follower"
        self.election.ballot, self._pin_next = None, False
        s.follow(leader, reason)

    def _become_pre_candidate(self) -> None:
        s, election = self.s, self.election
        self._announce("No leader")
        s.role = "pre-candidate"
        seats = s.voters if s.founded else self.bootstrap.seats()
        election.open("pre-vote", s.term, seats, majority(len(seats))).granted.add(s.uuid)

    def _become_candidate(self, seats: tuple[Voter, ...], leadership_transfer: bool) -> None:
        """Increment the term, vote for oneself; requests leave and the own vote counts once that is durable (§5.2)."""
        s = self.s
        s.role = "candidate"
        s.set_vote(s.term + 1, s.uuid)
        self.election.open("vote", s.term, seats, majority(len(seats)), leadership_transfer)

    def _become_leader(self) -> None:
        s, ballot = self.s, self.election.ballot
        assert ballot is not None
        s.role = "leader"
        self.election.ballot = None
        self.election.announced = False
        s.follow(s.me, f"elected in term {s.term} with the votes of {ballot.names()}")
        self.lease.begin(ballot.owed_until_us)
        self.replication.begin()
        self.transfer.reset()
        self.reconfigure.reset()
        self.transfer.pinned, self._pin_next = self._pin_next, False
        if s.founded:
            self.replication.append(NoOp())
            return
        founding = Configuration(founded_on(s.cluster_uuid, new_uuid(s.rng)), ballot.seats)
        self.replication.append(founding, NoOp())
        names = ", ".join(seat.name for seat in founding.voters)
        s.notify("bootstrap", f"{s.name} founded the cluster; voters are {names}", cluster_uuid=founding.cluster_uuid)

    def _lose_leader(self, why: str) -> None:
        s = self.s
        lost = s.leader
        self.transfer.note_loss(lost.name)
        if s.seated and not s.draining:
            self._announce(f"Leader {lost.name} timed out", lost.name)
        s.follow(NOBODY, f"leader {lost.name} {why}")
        self.bootstrap.begin()

    def _announce(self, why: str, node: str = "") -> None:
        """The origin's words, once until there is a leader: this voter stands, or waits for those who do."""
        if not self.election.announced:
            self.election.announced = True
            self.s.notify("election-started", f"{why}, initiating new election", node=node, term=self.s.term + 1)

    def _give_up_founding(self) -> None:
        s = self.s
        s.notify(
            "bootstrap",
            f"{s.name} gives up its unfinished founding of a cluster: a majority of the voters is without it",
        )
        self.become_follower(s.term, NOBODY, f"{s.name} did not finish its founding of a cluster")
        s.journal.truncate_from(s.journal.base.index + 1)
        self.bootstrap.begin()
        self.bootstrap.tick()

    def hand_over_to(self, target: Voter, why: str, pinned: bool = False, unfit: bool = False) -> None:
        """Stop acting, then say TimeoutNow, then follow (Raft §3.10)."""
        s = self.s
        reason = f"hands leadership over to {target.name}: {why}"
        self.lease.stop(reason)
        s.heartbeat(target, TimeoutNow(*s.header(target), pinned, unfit))
        s.notify("transfer", f"{s.name} {reason}", node=target.name, term=s.term)
        self.become_follower(s.term, NOBODY, f"{s.name} {reason}")
        s.stand_base_us = s.now_us + s.params.election_timeout_us
        if s.seated:  # who has no seat any more is not told how it ends
            self.departure.await_successor(target)

    def on_bootstrap_query(self, sender: Voter, message: BootstrapQuery) -> None:
        """Answer whoever looks around; the empty go past the term of a founding in doubt, so that it may end."""
        s = self.s
        if s.role == "leader" and not foreign(message.cluster_uuid, s.cluster_uuid):
            self.reconfigure.sighted(sender)
        doubtful = sender.name in s.listed and message.founding_term >= max(s.term, 1)
        if doubtful and not s.founded and self.election.held_back_us() == 0:
            self.become_follower(message.founding_term + 1, NOBODY, f"{sender.name} asks about an unfinished founding")
        self.bootstrap.on_query(sender, message)

    # Elections.

    def _stand(self) -> None:
        s = self.s
        if s.leader != NOBODY or self.election.ballot is not None:
            return
        due_us = self._stand_due_us()
        if due_us is not None and s.now_us >= due_us:
            self._become_pre_candidate()

    def _stand_due_us(self) -> int | None:
        return self.election.due_us() if self.s.founded else self.bootstrap.due_us()

    def promise(self, leader: Voter, term: int) -> bool:
        """Follow the leader of ``term``, not below ours, and promise to (Raft §4.2.3). False: that cannot be."""
        s = self.s
        if s.role == "leader" and term == s.term:
            return False
        if term > s.term or s.role != "follower" or s.leader != leader:
            self.become_follower(term, leader, f"follows {leader.name}, elected in term {term}")
        s.promise.give(leader, term, s.now_us)
        s.note_promised()
        s.expelled = False
        self.election.announced = False
        return True

    def on_refused(self, uuid: str) -> None:
        """Evidence that a process is gone: no promise is kept to it, and nobody waits for it (not in the paper)."""
        s, promise = self.s, self.s.promise
        meant = uuid and uuid == promise.to.uuid and s.now_us < promise.until_us
        if not meant or not promise.release(s.now_us, s.params.heartbeat_interval_us):
            s.counters["refusals_ignored"] += 1
            return
        s.stand_base_us = s.now_us
        if s.leader == promise.to:
            self._lose_leader("is gone: its stream ended, and a redial was refused")

    def deposed(self, sender: Voter, answer: Header) -> bool:
        """Give way to a higher term (Raft §5.1). Whether it was one; a stranger's answer, to nobody, is not."""
        if answer.term <= self.s.term or not answer.to_uuid:
            return False
        self.become_follower(answer.term, NOBODY, f"{sender.name} is in the higher term {answer.term}")
        return True

    def expelled(self, sender: Voter, message: PreVoteReply | BootstrapAnswer) -> bool:
        """Whether a voter has shown that this node's seat is gone: a later configuration without it is committed."""
        s = self.s
        if not message.to_uuid or not s.superseded(message.configuration_term, message.configuration_index):
            return False
        if not s.expelled and s.role != "leader":
            s.expelled = True
            self.become_follower(s.term, NOBODY, f"{sender.name} says that the seat of {s.name} is given up")
            self.bootstrap.begin()
        return True

    def _count(self) -> None:
        s, ballot = self.s, self.election.ballot
        if ballot is None:
            return
        if ballot.kind == "vote" and s.journal.durable >= s.journal.vote_token:
            ballot.granted.add(s.uuid)
        if ballot.won and ballot.kind == "vote":
            self._become_leader()
        elif ballot.won:
            self._become_candidate(ballot.seats, leadership_transfer=False)
            self._count()
        elif s.now_us >= ballot.ends_us:
            self.become_follower(s.term, NOBODY, s.reach_text(2 * s.params.election_timeout_us))
            s.stand_base_us = s.now_us + s.rng.randint(1, s.params.election_timeout_us // 2)
        elif ballot.reask_us is not None and s.now_us >= ballot.reask_us:
            self.election.ask()

    def on_pre_vote_request(self, sender: Voter, message: PreVoteRequest) -> None:
        s = self.s
        if self.election.on_pre_vote_request(sender, message) and sender.name < s.name:
            if s.role == "pre-candidate":
                self.become_follower(s.term, NOBODY, f"{sender.name} stands for election")
            s.stand_base_us = max(s.stand_base_us, s.now_us + s.params.election_timeout_us // 4)

    def on_vote_request(self, sender: Voter, message: VoteRequest) -> None:
        s, election = self.s, self.election
        welcome = election.may_raise_term(message) and election.eligible(sender, message.cluster_uuid, message.digest)
        if welcome and message.term > s.term:
            self.become_follower(message.term, NOBODY, f"{sender.name} stands for election in term {message.term}")
        if election.on_vote_request(sender, message):
            s.stand_base_us = max(s.stand_base_us, s.now_us + s.params.election_timeout_us // 2)

    def on_timeout_now(self, sender: Voter, message: TimeoutNow) -> None:
        s = self.s
        if message.term != s.term or sender != s.leader or not s.seated or s.draining or s.now_us < s.silent_until_us:
            s.counters["timeout_now_ignored"] += 1
            return
        self._pin_next = message.pinned
        if message.unfit:
            self.transfer.note_loss(sender.name)
        s.follow(NOBODY, f"{sender.name} hands leadership over to this node")
        self._become_candidate(s.voters, leadership_transfer=True)

    # Leading.

    def _lead(self) -> None:
        s = self.s
        if s.now_us >= self.lease.quorum_lost_us:
            reach = s.reach_text(s.params.election_timeout_us)
            self.become_follower(s.term, NOBODY, f"{s.name} gave leadership up without a quorum: {reach}")
            return
        barren_us = self.lease.barren_us
        if barren_us is not None and s.now_us >= barren_us:
            why = "no majority took its first entry, though its heartbeats are answered"
            self.become_follower(s.term, NOBODY, f"{s.name} gave leadership up: {why}")
            # The others' promises end within one time-out; whoever is next has the other one.
            s.stand_base_us = s.now_us + 2 * s.params.election_timeout_us
            return
        if self.lease.tick():
            self.replication.tick()
            self.transfer.tick(self.lease.acting)
            self.transfer.relieve()
        committed = self.replication.advance_commit()
        self.lease.notice()
        self.lease.renew()
        if committed and not self.reconfigure.pending:
            self._on_configuration_committed()
        if s.role == "leader" and self.lease.acting and self.reconfigure.wanted:
            self.change(self.reconfigure.plan())
        if s.role == "leader" and self.transfer.attempt is not None:
            self._on_attempt(self.transfer.attempt)
        if s.role == "leader":
            self.reads.settle()

    def change(self, change: Change | None) -> None:
        if change is not None:
            self.replication.append(change.configuration)
            self.s.notify(change.kind, change.text, node=change.peer)

    def _on_configuration_committed(self) -> None:
        """Tell those who left; a leader that left itself goes now (Raft §4.2.2)."""
        s = self.s
        for seat in [*self.reconfigure.leaving.values()]:
            if seat not in s.electorate.seats:
                self.reconfigure.gone(seat)
                s.bulk(seat, ResignReply(*s.header(seat), True))
        if s.seated:
            return
        successor = self.transfer.best()
        if successor is not None:
            self.hand_over_to(successor, "it gave its seat up")
        else:
            self.become_follower(s.term, NOBODY, f"{s.name} gave its seat up")
        if self.departure.resigning:
            self.departure.resigned()

    def _on_attempt(self, attempt: Attempt) -> None:
        s = self.s
        if self.replication.caught_up(attempt.target.uuid):
            cause = attempt.cause
            self.hand_over_to(attempt.target, _CAUSES[cause], pinned=cause == "hand", unfit=cause == "slow-disk")
        elif s.now_us >= attempt.ends_us:
            self.transfer.give_up()
            text = f"{attempt.target.name} did not catch up within {s.params.transfer_timeout_ms} ms"
            s.notify("transfer-failed", text, node=attempt.target.name)
            if attempt.cause == "return":
                self.transfer.note_loss(attempt.target.name)  # nothing could be proposed meanwhile
            if attempt.cause == "hand-over":
                self.become_follower(s.term, NOBODY, f"{s.name} stops, and {text}")
                self.departure.handed_over(text)

    def on_reach_reply(self, message: ReachReply) -> None:
        """A lower ID has shown that it reaches a quorum."""
        if self.s.role == "leader":
            self.transfer.on_reach_reply(message)


def _later(at_us: int, lag_us: int, latest_us: int) -> int:
    return max(at_us, min(at_us + lag_us, latest_us))
