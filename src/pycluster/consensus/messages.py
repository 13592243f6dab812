"""What voters tell each other.

Every message begins with the same four facts: the cluster it belongs to (empty before bootstrap), the UUIDs of the
sender and of the addressee (empty while unknown), and the sender's current term.
"""

from __future__ import annotations

import msgspec

from pycluster.consensus.log import Entry, Snapshot, Voters
from pycluster.kernel.bounded import Name, Names, Ordinal, Sentence, Uuid, Uuids


class Header(msgspec.Struct, frozen=True):
    """The facts in front of every message."""

    cluster_uuid: Uuid
    from_uuid: Uuid
    to_uuid: Uuid
    term: Ordinal


class BootstrapQuery(Header, frozen=True, tag=True):
    """A voter looks around: its voter list, the list's digest, and for how long it still grants nothing.

    ``founding_term``: its log is a founding of that term, nothing more, which may never have been committed and which
    it may give up; 0 otherwise. Whoever is empty and owes nobody anything goes past that term before it answers.
    """

    digest: Uuid
    listed: Names
    silent_us: Ordinal = 0
    founding_term: Ordinal = 0


class BootstrapAnswer(Header, frozen=True, tag=True):
    """The answer: empty where ``cluster_uuid`` is, initialised otherwise; ``leader`` is whom the voter follows.

    ``configuration_term``, ``configuration_index``: of a committed configuration that has no seat for the asker, who
    may have been away when it was removed; 0 where there is none. The term is 0, too, where the log is folded.
    """

    digest: Uuid
    listed: Names
    silent_us: Ordinal = 0
    founding_term: Ordinal = 0
    leader: Name = ""
    leader_uuid: Uuid = ""
    configuration_term: Ordinal = 0
    configuration_index: Ordinal = 0


class PreVoteRequest(Header, frozen=True, tag=True):
    """Would you vote for me in ``term + 1``? Changes nobody's state (Raft §9.6). ``acts_late``: see
    :class:`VoteRequest`.
    """

    last_index: Ordinal
    last_term: Ordinal
    digest: Uuid = ""
    acts_late: bool = False


class PreVoteReply(Header, frozen=True, tag=True):
    """``request_term`` echoes the request's term; ``retry_after_us`` is what is left of a promise or a silence.

    ``configuration_term``, ``configuration_index``: see :class:`BootstrapAnswer`.
    """

    request_term: Ordinal
    granted: bool
    retry_after_us: Ordinal = 0
    configuration_term: Ordinal = 0
    configuration_index: Ordinal = 0


class VoteRequest(Header, frozen=True, tag=True):
    """RequestVote (Raft §5.2). ``leadership_transfer``: the leader of ``term - 1`` itself asked for it (§4.2.3).

    ``acts_late``: the sender does not act before what its voters owe is over; older versions know nothing of that.
    """

    last_index: Ordinal
    last_term: Ordinal
    digest: Uuid = ""
    leadership_transfer: bool = False
    acts_late: bool = False


class VoteReply(Header, frozen=True, tag=True):
    """``request_term`` echoes the request's term, so that an answer is counted in its own election only.

    ``owed_us``: what may be left of a former leader's lease, so that whoever is elected with this vote acts no earlier.
    ``retry_after_us``: what is left of a promise or a silence, where that is why it was refused.
    """

    request_term: Ordinal
    granted: bool
    owed_us: Ordinal = 0
    retry_after_us: Ordinal = 0


class Heartbeat(Header, frozen=True, tag=True):
    """A leader's sign of life, sent at ``sent_us`` of its clock; ``commit_index`` never exceeds the addressee's
    match. ``lease_us`` is how long the leader may act on its acknowledgement; 0, from older versions, is unknown.
    """

    sent_us: Ordinal
    commit_index: Ordinal = 0
    lease_us: Ordinal = 0


class HeartbeatReply(Header, frozen=True, tag=True):
    """The promise: ``sent_us`` echoes the heartbeat that it rests on, ``promise_us`` is how long it holds from the
    heartbeat's receipt. A higher term in it deposes the leader.
    """

    sent_us: Ordinal
    promise_us: Ordinal


class AppendEntries(Header, frozen=True, tag=True):
    """AppendEntries (Raft §5.3)."""

    prev_index: Ordinal
    prev_term: Ordinal
    entries: tuple[Entry, ...] = ()
    commit_index: Ordinal = 0


class AppendReply(Header, frozen=True, tag=True):
    """Success: durable up to ``match_index``. Otherwise the conflicting entry's term and that term's first index."""

    success: bool
    prev_index: Ordinal
    match_index: Ordinal = 0
    conflict_term: Ordinal = 0
    conflict_index: Ordinal = 0


class InstallSnapshot(Header, frozen=True, tag=True):
    """A piece of the leader's state at ``snapshot`` (Raft §5.1, figure 5.3); ``number`` counts from 0."""

    snapshot: Snapshot
    number: Ordinal
    data: bytes
    done: bool = False


class InstallReply(Header, frozen=True, tag=True):
    """The piece that the follower takes next of the state at ``index``; once it has all, it answers ``AppendReply``."""

    index: Ordinal
    number: Ordinal


class TimeoutNow(Header, frozen=True, tag=True):
    """Stand at once (Raft §3.10). The sender has stopped acting. ``pinned``: an operator wants it so; ``unfit``: the
    sender cannot lead, which counts for its hold-down as leadership lost.
    """

    pinned: bool = False
    unfit: bool = False


class ReachQuery(Header, frozen=True, tag=True):
    """The leader asks a successor which voters it reaches by itself."""

    nonce: Ordinal


class ReachReply(Header, frozen=True, tag=True):
    """The UUIDs of the voters that answered the successor, its own included."""

    nonce: Ordinal
    reached: Uuids = ()


class Reach(Header, frozen=True, tag=True):
    """A successor's probe of another voter."""

    nonce: Ordinal


class ReachEcho(Header, frozen=True, tag=True):
    """The answer to the probe."""

    nonce: Ordinal


class ResignRequest(Header, frozen=True, tag=True):
    """The sender gives its seat up; only a leader grants that."""


class ResignReply(Header, frozen=True, tag=True):
    """How it ended; the three lines speak when it was refused."""

    ok: bool
    what: Sentence = ""
    why: Sentence = ""
    remedy: Sentence = ""


Message = (
    BootstrapQuery
    | BootstrapAnswer
    | PreVoteRequest
    | PreVoteReply
    | VoteRequest
    | VoteReply
    | Heartbeat
    | HeartbeatReply
    | AppendEntries
    | AppendReply
    | InstallSnapshot
    | InstallReply
    | TimeoutNow
    | ReachQuery
    | ReachReply
    | Reach
    | ReachEcho
    | ResignRequest
    | ResignReply
)


class LeaderQuery(msgspec.Struct, frozen=True, tag=True):
    """Anyone may ask a voter whom it follows; carried over a call, not among the voters' messages."""


class LeaderAnswer(msgspec.Struct, frozen=True, tag=True):
    """Whom the voter follows now; ``leader`` is empty while nobody. ``acting`` speaks of the answering node alone."""

    term: Ordinal
    leader: Name
    uuid: Uuid
    acting: bool
    cluster_uuid: Uuid
    voters: Voters
