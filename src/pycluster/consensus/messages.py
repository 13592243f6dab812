"""What voters tell each other.

Every message begins with the same four facts: the cluster it belongs to (empty before bootstrap), the UUIDs of the
sender and of the addressee (empty while unknown), and the sender's current term.
"""

from __future__ import annotations

import msgspec

from pycluster.consensus.log import Entry, Voter


class Header(msgspec.Struct, frozen=True):
    """The facts in front of every message."""

    cluster_uuid: str
    from_uuid: str
    to_uuid: str
    term: int


class BootstrapQuery(Header, frozen=True, tag=True):
    """A voter looks around: its voter list, the list's digest, and for how long it still grants nothing.

    ``provisional``: its log is a founding of its own that may never have been committed, and that it may give up.
    """

    digest: str
    listed: tuple[str, ...]
    silent_us: int = 0
    provisional: bool = False


class BootstrapAnswer(Header, frozen=True, tag=True):
    """The answer: empty where ``cluster_uuid`` is, initialised otherwise; ``leader`` is whom the voter follows."""

    digest: str
    listed: tuple[str, ...]
    silent_us: int = 0
    provisional: bool = False
    leader: str = ""
    leader_uuid: str = ""


class PreVoteRequest(Header, frozen=True, tag=True):
    """Would you vote for me in ``term + 1``? Changes nobody's state (Raft §9.6)."""

    last_index: int
    last_term: int
    digest: str = ""


class PreVoteReply(Header, frozen=True, tag=True):
    """``request_term`` echoes the request's term; ``retry_after_us`` is what is left of a promise or a silence."""

    request_term: int
    granted: bool
    retry_after_us: int = 0


class VoteRequest(Header, frozen=True, tag=True):
    """RequestVote (Raft §5.2). ``leadership_transfer``: the leader of ``term - 1`` itself asked for it (§4.2.3)."""

    last_index: int
    last_term: int
    digest: str = ""
    leadership_transfer: bool = False


class VoteReply(Header, frozen=True, tag=True):
    """``request_term`` echoes the request's term, so that an answer is counted in its own election only."""

    request_term: int
    granted: bool


class Heartbeat(Header, frozen=True, tag=True):
    """A leader's sign of life, sent at ``sent_us`` of its clock; ``commit_index`` never exceeds the addressee's
    match.
    """

    sent_us: int
    commit_index: int = 0


class HeartbeatReply(Header, frozen=True, tag=True):
    """The promise: ``sent_us`` echoes the heartbeat that it rests on. A higher term in it deposes the leader."""

    sent_us: int


class AppendEntries(Header, frozen=True, tag=True):
    """AppendEntries (Raft §5.3)."""

    prev_index: int
    prev_term: int
    entries: tuple[Entry, ...] = ()
    commit_index: int = 0


class AppendReply(Header, frozen=True, tag=True):
    """Success: durable up to ``match_index``. Otherwise the conflicting entry's term and that term's first index."""

    success: bool
    prev_index: int
    match_index: int = 0
    conflict_term: int = 0
    conflict_index: int = 0


class TimeoutNow(Header, frozen=True, tag=True):
    """Stand at once (Raft §3.10). The sender has stopped acting. ``pinned``: an operator wants it so."""

    pinned: bool = False


class ReachQuery(Header, frozen=True, tag=True):
    """The leader asks a successor which voters it reaches by itself."""

    nonce: int


class ReachReply(Header, frozen=True, tag=True):
    """The UUIDs of the voters that answered the successor, its own included."""

    nonce: int
    reached: tuple[str, ...] = ()


class Reach(Header, frozen=True, tag=True):
    """A successor's probe of another voter."""

    nonce: int


class ReachEcho(Header, frozen=True, tag=True):
    """The answer to the probe."""

    nonce: int


class ResignRequest(Header, frozen=True, tag=True):
    """The sender gives its seat up; only a leader grants that."""


class ResignReply(Header, frozen=True, tag=True):
    """How it ended; the three lines speak when it was refused."""

    ok: bool
    what: str = ""
    why: str = ""
    remedy: str = ""


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

    term: int
    leader: str
    uuid: str
    acting: bool
    cluster_uuid: str
    voters: tuple[Voter, ...]
