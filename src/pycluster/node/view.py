"""What others may read of a node: plain data, a snapshot at one moment. The HTTP API serves these as JSON.

Times named ``*_us`` are microseconds of the boot-time clock of the node that answers; ages are in milliseconds.
"""

from __future__ import annotations

from typing import Literal

import msgspec

MemberState = Literal["alive", "suspect", "down", "left"]
Role = Literal["leader", "follower", "unknown"]
Health = Literal["passing", "warning", "critical"]


class ClusterEvent(msgspec.Struct, frozen=True):
    """Something that happened, told once. ``kind`` is listed in ``docs/reference/events.md``.

    ``text`` is one line for people; the origin's words where the origin has them. ``wall_ms`` is Unix time in
    milliseconds, put in by whoever performs the effect; 0 before that.
    """

    id: int
    kind: str
    text: str
    at_us: int
    node: str = ""
    term: int = 0
    fields: dict[str, str | int] = {}
    wall_ms: int = 0


class Evidence(msgspec.Struct, frozen=True):
    """One reason to believe what a member's state says."""

    at_us: int
    kind: str
    by: str
    detail: str = ""


class MemberView(msgspec.Struct, frozen=True):
    """One member as this node knows it. ``last_seen_ms`` is the age of the newest direct proof of life, if any."""

    name: str
    uuid: str
    host: str
    address: str
    state: MemberState | Literal["unknown"]
    role: Role
    voter: bool
    local: bool
    incarnation: int = 0
    region: str = ""
    zone: str = ""
    tags: dict[str, str] = {}
    version: str = ""
    last_seen_ms: int | None = None
    rtt_ms: float | None = None
    state_since_us: int = 0
    evidence: tuple[Evidence, ...] = ()


class LeaderView(msgspec.Struct, frozen=True):
    """Who leads. ``leader`` is empty while there is none this node may believe in; ``reason`` says why."""

    leader: str
    uuid: str
    term: int
    since_us: int
    acting: bool
    lease_ms: int | None = None
    reason: str = ""
    source: str = ""


class VoterView(msgspec.Struct, frozen=True):
    """One seat. ``reachable``: heard from within an election timeout, as this node sees it."""

    name: str
    uuid: str
    reachable: bool
    learner: bool = False
    last_contact_ms: int | None = None
    match_index: int | None = None


class QuorumView(msgspec.Struct, frozen=True):
    """The voters and how many of them this node reaches. ``phase`` is ``waiting``, ``bootstrapped`` or ``observer``."""

    phase: str
    cluster_uuid: str
    voters: tuple[VoterView, ...]
    needed: int
    reachable: int
    local_is_voter: bool
    commit_index: int = 0
    last_index: int = 0
    detail: str = ""


class ActingInterval(msgspec.Struct, frozen=True):
    """When this node acted as leader. ``ended_us`` is None while it acts; after a crash it is the last lease's end."""

    term: int
    started_us: int
    ended_us: int | None
    reason: str = ""


class LeaderSpan(msgspec.Struct, frozen=True):
    """A line of election history as this node saw it."""

    term: int
    leader: str
    since_us: int
    reason: str = ""


class LocalHealthView(msgspec.Struct, frozen=True):
    """How far this node trusts itself: ``score`` 0 is fit, each step stretches its own accusations' time-outs."""

    status: Health
    score: int
    reasons: tuple[str, ...] = ()


class Counts(msgspec.Struct, frozen=True):
    """Members by state; ``unknown`` are configured nodes never heard of."""

    alive: int
    suspect: int
    down: int
    left: int
    unknown: int


Kind = Literal["leader", "node"]
Phase = Literal["idle", "fencing", "loading", "watching", "planning", "performing", "backing-off", "outrun"]


class ControllerView(msgspec.Struct, frozen=True):
    """One controller at this node. ``kind``: runs on the acting leader, or on every node. ``phase`` is what it does.

    ``revision``: what it has seen of the state; ``keys``: how many it sees. ``problem`` is the newest failure, empty
    after a plan that went well; ``again_us`` is when it tries or plans again, None where it waits for a change.
    """

    name: str
    kind: Kind
    phase: Phase
    term: int = 0
    revision: int = 0
    keys: int = 0
    plans: int = 0
    steps: int = 0
    conflicts: int = 0
    failures: int = 0
    problem: str = ""
    problem_us: int = 0
    again_us: int | None = None


class EndpointView(msgspec.Struct, frozen=True):
    """One member of another engine; ``problem`` is empty where it answered last."""

    url: str
    problem: str = ""


class EngineView(msgspec.Struct, frozen=True):
    """What holds the replicated state: ``embedded``, the agents themselves, or ``etcd`` with its members.

    ``problem`` is what was wrong when it was last asked or looked at, empty where nothing was.
    """

    kind: str = "embedded"
    version: str = ""
    endpoints: tuple[EndpointView, ...] = ()
    problem: str = ""


class StatusView(msgspec.Struct, frozen=True):
    """Everything on one sheet."""

    cluster: str
    name: str
    uuid: str
    address: str
    version: str
    now_us: int
    started_us: int
    boot_id: str
    leader: LeaderView
    quorum: QuorumView
    counts: Counts
    health: LocalHealthView
    members: tuple[MemberView, ...]
    acting_intervals: tuple[ActingInterval, ...]
    leader_history: tuple[LeaderSpan, ...]
    counters: dict[str, int] = {}
    warnings: tuple[str, ...] = ()
    controllers: tuple[ControllerView, ...] = ()
    engine: EngineView = EngineView()


class DiskView(msgspec.Struct, frozen=True):
    """How long this node's disk took to make what it was given durable: its newest ``of`` writes (at most 64), in ms.

    ``writes`` are all since the agent's start. Without one the times are None. ``pending_ms``: how long the one under
    way takes so far; None while there is none.
    """

    writes: int
    of: int = 0
    last_ms: float | None = None
    median_ms: float | None = None
    worst_ms: float | None = None
    pending_ms: float | None = None


class SnapshotView(msgspec.Struct, frozen=True):
    """The newest durable snapshot of this node's copy, and those on their way.

    ``index`` is the last log entry in it, ``revision`` the state's then; both 0 without one. ``size_bytes`` is its
    file's. ``saving_bytes`` were written so far of the next one, ``sending`` were sent of one to each node named,
    ``receiving_bytes`` came from the leader; None, or no name, where there is no such.
    """

    index: int
    revision: int
    size_bytes: int | None = None
    saving_bytes: int | None = None
    sending: dict[str, int] = {}
    receiving_bytes: int | None = None


class CopyView(msgspec.Struct, frozen=True):
    """This node's copy of the replicated state, against its bounds.

    ``size_bytes`` counts keys, values and what a version costs, history included. ``requests`` are under way at this
    node, ``watchers`` its watches and its peers' polls; a ``compact_revision`` of 0: nothing is forgotten.
    """

    applied_index: int
    revision: int
    compact_revision: int
    size_bytes: int
    size_max_bytes: int
    keys: int
    leases: int
    leases_max: int
    watchers: int
    watchers_max: int
    requests: int
    requests_max: int
    snapshot: SnapshotView


class RaftStatusView(msgspec.Struct, frozen=True):
    """Raft at one node. ``role`` is ``leader``, ``follower``, ``candidate``, ``pre-candidate``, or ``observer``.

    ``copy`` is None where the node holds no copy of the state; the voters' logs (``match_index``) the leader knows.
    """

    name: str
    role: str
    leader: LeaderView
    quorum: QuorumView
    copy: CopyView | None = None
    disk: DiskView | None = None


class Explanation(msgspec.Struct, frozen=True):
    """An answer to "why": one sentence, then the evidence, line by line, and what an operator could do."""

    question: str
    answer: str
    evidence: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()


class Fault(msgspec.Struct, frozen=True):
    """What did not happen, why, and what to do; the later two may be empty."""

    what: str
    why: str = ""
    remedy: str = ""


class ErrorView(msgspec.Struct, frozen=True):
    """The body of every refusal."""

    error: Fault


class HealthView(msgspec.Struct, frozen=True):
    """How far this node trusts itself, and whether its cluster has a leader and a quorum as it sees them.

    ``quorum`` on a node that does not vote is whether a voter vouches for a leader to it.
    """

    status: Health
    score: int
    reasons: tuple[str, ...]
    leader: str
    quorum: bool


class ReadyView(msgspec.Struct, frozen=True):
    """Whether this node knows a leader now; ``reason`` says why not."""

    ready: bool
    leader: str
    term: int
    reason: str = ""


class VersionView(msgspec.Struct, frozen=True):
    """``protocol`` is the range of wire protocols this agent speaks, ``api`` the version in this API's paths;
    ``compiled``: what a write passes there is machine code.
    """

    version: str
    protocol: tuple[int, int]
    api: str
    python: str
    compiled: bool = False
