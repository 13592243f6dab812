"""One voter (Raft, Ongaro 2014): the door to this core.

Events: see ``events``; effects: see ``effects``; transitions between roles: see ``roles``.
``docs/protocol/consensus.md`` has the state, the invariants and the flows of messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import assert_never

from pycluster.consensus.commands import Commands
from pycluster.consensus.effects import Effect
from pycluster.consensus.events import (
    AddVoter,
    Event,
    HandOver,
    LoopLagged,
    MessageReceived,
    PeerHealth,
    Persisted,
    PieceKept,
    PieceTaken,
    Propose,
    ReadIndex,
    Refused,
    RemoveVoter,
    ReplaceVoter,
    Resign,
    SnapshotPiece,
    Start,
    StateSaved,
    StreamEnded,
    Timer,
    Transfer,
)
from pycluster.consensus.kinship import foreign
from pycluster.consensus.log import NOBODY, Entry, Snapshot, Stored, Voter
from pycluster.consensus.messages import (
    AppendEntries,
    AppendReply,
    BootstrapAnswer,
    BootstrapQuery,
    Heartbeat,
    HeartbeatReply,
    InstallReply,
    InstallSnapshot,
    LeaderAnswer,
    Message,
    PreVoteReply,
    PreVoteRequest,
    Reach,
    ReachEcho,
    ReachQuery,
    ReachReply,
    ResignReply,
    ResignRequest,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)
from pycluster.consensus.params import Params
from pycluster.consensus.reading import read
from pycluster.consensus.replication import commit_to, on_append
from pycluster.consensus.roles import Roles
from pycluster.consensus.state import State
from pycluster.consensus.view import RaftView


class Raft:
    """A voter, or a listed node that waits to become one."""

    def __init__(
        self, params: Params, name: str, uuid: str, listed: tuple[str, ...], cluster: str, stored: Stored, rng: Random
    ) -> None:
        self._s = State(params, name, uuid, listed, cluster, stored, rng)
        self._roles = Roles(self._s)
        self._commands = Commands(self._roles)
        #: Whether this node has nothing to do with the voters, until one of them gives it the log.
        self.dormant = self._lies_dormant()
        #: Whether this node votes by its own log; a learner and a waiting node do not.
        self.seated = self._s.seated
        self._started = False
        self._deadline: int | None = None
        self._deadline_stale = False
        self._lone_founder = stored.empty and self._s.listed == (name,)

    # Reading.

    @property
    def term(self) -> int:
        """The current term."""
        return self._s.term

    @property
    def leader(self) -> str:
        """The name of the leader that this voter follows, or is; empty while it knows none."""
        return self._s.leader.name

    @property
    def leader_uuid(self) -> str:
        """Its UUID; empty while there is none."""
        return self._s.leader.uuid

    @property
    def cluster_uuid(self) -> str:
        """Empty until this voter has a log."""
        return self._s.cluster_uuid

    @property
    def reason(self) -> str:
        """Why that is so, in a sentence."""
        s = self._s
        if s.role == "leader" and not self._roles.lease.acted:
            if s.journal.term_at(s.commit_index) == s.term and s.now_us < self._roles.lease.not_before_us:
                return f"{s.name} is elected and waits until the lease of the former leader is over"
            return f"{s.name} is elected and waits until a majority has its first entry"
        if s.leader != NOBODY:
            return s.reason
        if not s.seated:
            return self._roles.bootstrap.reason()
        window_us = 2 * s.params.election_timeout_us
        if s.now_us - s.leader_since_us >= window_us and s.reached(window_us) < s.needed:
            return s.reach_text(window_us)
        return s.reason

    @property
    def entries(self) -> Sequence[Entry]:
        """The log in memory, as far as it is not folded away; some of it may not be durable or committed yet."""
        return self._s.journal.entries

    def snapshot_at(self, index: int) -> Snapshot:
        """What a snapshot of the state after the entry at ``index`` says of the log."""
        return self._s.journal.snapshot_at(index)

    @property
    def name(self) -> str:
        """This voter's own."""
        return self._s.name

    @property
    def installing(self) -> frozenset[str]:
        """The followers, by UUID, that are being sent the state."""
        book = self._roles.replication.progress
        return frozenset(uuid for uuid, progress in book.items() if progress.installing is not None)

    @property
    def folded(self) -> int:
        """The last index that the newest snapshot on the disk covers; 0 without one."""
        return self._s.journal.snapshot.index

    @property
    def commit_index(self) -> int:
        """The last entry known to be committed."""
        return self._s.commit_index

    @property
    def others(self) -> tuple[Voter, ...]:
        """The other voters that can be talked to; the same object as long as nothing changed."""
        return self._s.others

    @property
    def voters(self) -> tuple[Voter, ...]:
        """By the newest configuration in the log."""
        return self._s.voters

    @property
    def seats(self) -> tuple[Voter, ...]:
        """The same and the learners behind them; the same object as long as nothing changed."""
        return self._s.electorate.seats

    @property
    def settled(self) -> bool:
        """Whether that configuration is committed."""
        return not self._s.in_doubt

    def is_acting(self, now_us: int) -> bool:
        """Whether this node may act as leader at this very moment."""
        return self._roles.lease.acting and now_us < self._roles.lease.until_us

    def leads(self, now_us: int) -> bool:
        """Whether this voter has the title: it acts, or a former leader's lease is all that it waits for."""
        return self.is_acting(now_us) or (self._s.role == "leader" and self._roles.lease.waits(now_us))

    def answer_leader_query(self, now_us: int) -> LeaderAnswer:
        """What to say to a non-voter that asks: the leader this voter promised to, or itself while it leads."""
        s, acting = self._s, self.is_acting(now_us)
        vouched = self.leads(now_us) if s.leader == s.me else now_us < s.promise.until_us
        known = s.leader if vouched else NOBODY
        return LeaderAnswer(s.term, known.name, known.uuid, acting, s.cluster_uuid, s.voters)

    def view(self, now_us: int) -> RaftView:
        """Everything on one sheet."""
        return read(self._roles, self.reason, self.is_acting(now_us), now_us)

    def next_deadline(self) -> int | None:
        """When ``Timer`` is wanted at the latest; None before ``Start``. Only ``handle`` moves it."""
        if self._deadline_stale:
            self._deadline_stale = False
            self._deadline = self._roles.next_deadline() if self._started else None
        return self._deadline

    # The door.

    def handle(self, event: Event, now_us: int) -> list[Effect]:
        """Take one event at ``now_us``; give back what is to be done, in order."""
        s = self._s
        s.now_us = max(s.now_us, now_us)
        self._deadline_stale = True
        self._roles.lease.lapse()
        match event:
            case Start():
                self._started = True
                self._roles.start(lone_founder=self._lone_founder)
            case Timer():
                pass
            case MessageReceived(sender, message, datagram):
                self._receive(sender, message, datagram)
            case Persisted(token):
                s.effects.extend(s.journal.persisted(token, s.now_us))
            case PeerHealth(name, uuid, alive):
                s.note_health(name, uuid, alive)
                self._roles.replication.note_health(uuid, alive)
            case StreamEnded(_, uuid):
                self._roles.lease.on_stream_ended(uuid)
            case Refused(_, uuid):
                self._roles.on_refused(uuid)
            case LoopLagged(lag_us):
                self._roles.lagged(lag_us)
            case Transfer(to):
                self._commands.transfer(to)
            case HandOver():
                self._commands.hand_over()
            case Resign():
                self._roles.departure.resign()
            case AddVoter(name, uuid, dry):
                self._commands.add(Voter(name, uuid), "", dry)
            case ReplaceVoter(old, name, uuid, dry):
                self._commands.add(Voter(name, uuid), old, dry)
            case RemoveVoter(name, dry):
                self._commands.remove(name, dry)
            case Propose(data, more):
                self._commands.propose((data, *more))
            case ReadIndex(token):
                self._roles.reads.ask(token)
            case StateSaved(index, needed):
                kept = s.journal.foldable(index, s.params.kept_max, s.params.kept_bytes_max)
                s.journal.saved(index, min(kept, needed))
            case SnapshotPiece():
                self._roles.replication.on_piece(event)
            case PieceKept(index, number):
                self._roles.installation.on_kept(index, number)
            case PieceTaken(snapshot, ok):
                self._roles.installation.on_taken(snapshot, ok)
            case _:
                assert_never(event)
        if self._started:
            self._roles.settle()
            if self._roles.departure.under_way:
                self._commands.resign_step()
                self._roles.departure.tick()
        persist = s.journal.flush(s.now_us)
        self.dormant, self.seated = self._lies_dormant(), s.seated
        effects, s.effects = s.effects, []
        return effects if persist is None else [*effects, persist]

    def _lies_dormant(self) -> bool:
        return not self._s.cluster_uuid and self._s.name not in self._s.listed

    # Messages.

    def _receive(self, sender_name: str, message: Message, datagram: bool) -> None:
        s = self._s
        sender = Voter(sender_name, message.from_uuid)
        if message.from_uuid == s.uuid or sender_name == s.name or (message.to_uuid and message.to_uuid != s.uuid):
            s.counters["misaddressed"] += 1
            return
        if self.dormant and not isinstance(message, Heartbeat | AppendEntries | InstallSnapshot | ResignReply):
            s.counters["misaddressed"] += 1  # only who gives it the log has anything to say to it
            return
        other = foreign(message.cluster_uuid, s.cluster_uuid)
        if other:
            self._complain_of_other_cluster(sender, message)
        if isinstance(message, BootstrapQuery):
            self._roles.on_bootstrap_query(sender, message)
        elif isinstance(message, BootstrapAnswer):
            if not other:
                self._roles.expelled(sender, message)
            self._roles.bootstrap.on_answer(sender, message)
        elif not other:
            s.note_contact(message.from_uuid)
            self._dispatch(sender, message, datagram)

    def _complain_of_other_cluster(self, sender: Voter, message: Message) -> None:
        s = self._s
        s.counters["other_cluster"] += 1
        yielding = isinstance(message, BootstrapQuery | BootstrapAnswer) and message.founding_term
        if yielding or self._roles.bootstrap.founding_term:
            return
        s.notify_once(
            "other-cluster",
            sender.name,
            f"{sender.name} belongs to another cluster of the same name: its cluster UUID is {message.cluster_uuid},"
            f" this node's is {s.cluster_uuid}; nothing of it is taken over; empty the data directory of whichever is"
            " wrong",
            node=sender.name,
        )

    def _dispatch(self, sender: Voter, message: Message, datagram: bool) -> None:
        s, roles = self._s, self._roles
        match message:
            case PreVoteRequest():
                roles.on_pre_vote_request(sender, message)
            case VoteRequest():
                roles.on_vote_request(sender, message)
            case PreVoteReply() | VoteReply():
                if isinstance(message, PreVoteReply) and roles.expelled(sender, message):
                    return
                if s.role in ("pre-candidate", "candidate") and not roles.deposed(sender, message):
                    roles.election.on_reply(message)
            case Heartbeat() | AppendEntries() | InstallSnapshot():
                if not message.cluster_uuid or not message.to_uuid:
                    s.counters["misaddressed"] += 1
                elif isinstance(message, Heartbeat):
                    self._on_heartbeat(sender, message, datagram)
                else:
                    self._on_entries(sender, message)
            case HeartbeatReply() | AppendReply() | InstallReply():
                if s.role == "leader" and not roles.deposed(sender, message) and message.term == s.term:
                    if isinstance(message, HeartbeatReply):
                        roles.lease.on_reply(message)
                    elif isinstance(message, AppendReply):
                        roles.replication.on_reply(message)
                    else:
                        roles.replication.on_install_reply(message)
            case TimeoutNow():
                roles.on_timeout_now(sender, message)
            case ReachQuery():
                if sender == s.leader and message.term == s.term:
                    roles.transfer.on_reach_query(sender, message)
            case ReachReply():
                roles.on_reach_reply(message)
            case Reach():
                roles.transfer.on_reach(sender, message)
            case ReachEcho():
                roles.transfer.on_reach_echo(message)
            case ResignRequest():
                self._commands.on_resign_request(sender)
            case ResignReply():
                roles.departure.on_resign_reply(message)
            case BootstrapQuery() | BootstrapAnswer():
                raise AssertionError("taken before the clusters were compared")
            case _:
                assert_never(message)

    def _on_heartbeat(self, sender: Voter, message: Heartbeat, datagram: bool) -> None:
        """Promise and answer, the way it came; a leader of a lower term is told so (Raft §5.1)."""
        s = self._s
        if s.promise.has_heard(sender, message.term, message.sent_us):
            # Twice, or overtaken: it promises nothing new, but its first answer may be lost.
            if sender != s.leader:
                s.counters["heartbeats_late"] += 1
                return
        elif message.term >= s.term:
            if not self._follow(sender, message.term):
                return
            s.promise.heard(message.sent_us, message.lease_us)
            commit_index = min(message.commit_index, s.journal.last_index)
            if commit_index > s.commit_index:
                commit_to(s, commit_index)
        reply = HeartbeatReply(*s.header(sender), message.sent_us, s.params.election_timeout_us)
        if datagram:
            s.datagram(sender, reply)
        else:
            s.heartbeat(sender, reply)

    def _on_entries(self, sender: Voter, message: AppendEntries | InstallSnapshot) -> None:
        """The same for entries, or for the state in their place."""
        s = self._s
        if message.term < s.term:
            prev_index = message.prev_index if isinstance(message, AppendEntries) else message.snapshot.index
            s.bulk(sender, AppendReply(*s.header(sender), False, prev_index))
        elif self._follow(sender, message.term):
            if isinstance(message, AppendEntries):
                on_append(s, sender, message)
            else:
                self._roles.installation.on_piece(sender, message)

    def _follow(self, sender: Voter, term: int) -> bool:
        """Whether the leader of ``term``, not below ours, is followed and promised to (Raft §5.1, §5.2)."""
        s = self._s
        if s.promise.is_deaf_to(sender, term, s.now_us):
            s.counters["heartbeats_late"] += 1
        elif self._roles.promise(sender, term):
            return True
        else:
            s.counters["two_leaders_in_a_term"] += 1
        return False
