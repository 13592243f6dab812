"""What the people-facing parts need of a running node: the seam between the composition and its adapters."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Protocol

import msgspec

from pycluster import store
from pycluster.node.view import ClusterEvent, Explanation, LeaderView, MemberView, RaftStatusView, StatusView


class Outcome(msgspec.Struct, frozen=True):
    """How a command ended; the three lines speak when it was refused. ``in_doubt``: it may be done all the same."""

    ok: bool
    what: str = ""
    why: str = ""
    remedy: str = ""
    in_doubt: bool = False


class EventStreamLagged(Exception):
    """The reader was slower than the bound allows; it has to start again from a snapshot."""


class ClusterReads(Protocol):
    """Reads: never block, never touch the network."""

    def status(self) -> StatusView: ...

    def members(self) -> tuple[MemberView, ...]: ...

    def member(self, name: str) -> MemberView | None: ...

    def leader(self) -> LeaderView: ...

    def raft(self) -> RaftStatusView:
        """The voters, this node's copy of the state against its bounds, and its disk."""
        ...

    def explain(self, question: str, name: str = "") -> Explanation:
        """``question`` is ``leader`` or ``node`` (with ``name``)."""
        ...

    def settings(self) -> dict[str, object]:
        """The effective settings, each with its value and where it came from; no secret among them."""
        ...

    def events(self, after: int | None) -> AsyncIterator[ClusterEvent]:
        """Events with an id above ``after`` (None: only new ones), for ever.

        Raises ``EventStreamLagged`` when ``after`` is no longer kept or the reader falls too far behind.
        """
        ...


class ClusterCommands(Protocol):
    """Changes; each ends with an outcome."""

    async def join(self, hosts: tuple[str, ...]) -> Outcome: ...

    async def leave(self) -> Outcome: ...

    async def force_leave(self, name: str) -> Outcome: ...

    async def transfer(self, to: str) -> Outcome:
        """Hand leadership to ``to``, which keeps it until it is lost, or to the best other voter where it is empty.

        Only the leader can; done when the next leader is followed.
        """
        ...

    async def add_voter(self, name: str, dry_run: bool = False) -> Outcome:
        """Let a member learn the log; done when it has caught up and votes. At most seven do.

        Only the leader can. ``dry_run``, here and below: only say whether it would be done.
        """
        ...

    async def remove_voter(self, name: str, dry_run: bool = False) -> Outcome:
        """Take a voter's seat away, or a learner's prospect of one; refused where the quorum would be lost.

        Only the leader can; done when it is committed.
        """
        ...

    async def replace_voter(self, old: str, name: str, dry_run: bool = False) -> Outcome:
        """The same as adding ``name`` and then removing ``old``; whoever leads by then goes on with it."""
        ...

    async def set_tags(self, tags: dict[str, str]) -> Outcome: ...


class Cluster(ClusterReads, ClusterCommands, Protocol):
    """Both; what the HTTP interface is built on."""


class StateHead(msgspec.Struct, frozen=True):
    """Where this agent's copy of the replicated state stands, and who answers for it.

    ``cluster_id``, ``member_id``: 64 bits of the cluster's and of this node's UUID; ``leader_id`` likewise, 0 while
    there is none. ``replica``: whether this node holds the state, or asks a voter for everything. ``index``: the last
    log entry applied here. Where another engine holds the state, ``replica`` is False and all from ``revision`` on is
    that engine's, as it was last heard of; there is no leader while it does not answer.
    """

    cluster_id: int
    member_id: int
    leader_id: int
    term: int
    revision: int
    compact_revision: int
    index: int
    size_bytes: int
    replica: bool


class StateFailed(Exception):
    """The state answered with a ``Failure``; ``failure.kind`` says which."""

    def __init__(self, failure: store.Failure) -> None:
        self.failure = failure
        super().__init__(f"{failure.kind}: {failure.detail}" if failure.detail else failure.kind)


class WatchLagged(Exception):
    """The watcher read more slowly than the bound allows and is cancelled; from ``resume_revision`` on it misses
    nothing.
    """

    def __init__(self, resume_revision: int) -> None:
        self.resume_revision = resume_revision
        super().__init__(f"the watcher was too slow; it may begin anew at revision {resume_revision}")


class HowFar(msgspec.Struct):
    """How far a watch is, whenever one asks: ``ask`` brings a batch without events, in its turn behind all others.

    The state fills it in, and takes it away while it has no answer to give; one that cannot be asked leaves it None.
    """

    ask: Callable[[], None] | None = None


class StateReads(Protocol):
    """What is known without asking anybody."""

    def head(self) -> StateHead:
        """At once, from memory."""
        ...


class OpenCopy(Protocol):
    """The whole state at one revision, whatever is applied meanwhile."""

    @property
    def manifest(self) -> store.Manifest:
        """What it is of, but for when it is made."""
        ...

    def chunk(self) -> bytes | None:
        """The next piece, within a few milliseconds; None after the last."""
        ...

    def close(self) -> None:
        """Let the state go; idempotent."""
        ...


class StateCopies(Protocol):
    """The whole state for a file of its own."""

    def holds_copy(self) -> bool:
        """Whether this agent has the state at all."""
        ...

    async def open_copy(self, *, serializable: bool = False, timeout_s: float = 5.0) -> OpenCopy:
        """This agent's copy at one revision, with everything that was answered before; ``serializable``: as it is,
        which may be behind, and needs no quorum. Close it.

        Raises ``StateFailed``: ``no-leader``, also where this agent has none, and ``timed-out`` where it cannot be
        brought up to date in time.
        """
        ...


class StateStore(StateReads, Protocol):
    """The replicated state. Any agent takes any request; a write is durable on a majority before it is answered."""

    async def ask(self, request: store.Request, *, timeout_s: float = 5.0, request_id: bytes = b"") -> store.Result:
        """The result, of the kind that belongs to the request, never a ``Failure``: that is raised as ``StateFailed``.

        It is tried again within ``timeout_s`` while it is refused retryably. ``request_id`` (1 to 64 bytes): a write is
        applied once however often it is asked under the same one; without it one is drawn for this call.
        """
        ...

    def submit(
        self,
        request: store.Request,
        told: Callable[[store.Result], None],
        *,
        timeout_s: float = 5.0,
        request_id: bytes = b"",
    ) -> None:
        """The same without waiting: ``told`` gets the result, or the ``Failure``, once, now or later."""
        ...

    def watch(self, watch: store.Watch, how_far: HowFar | None = None) -> AsyncGenerator[store.WatchBatch, None]:
        """Batches for ever; the first comes at once, without events, and says from which revision on it watches.

        A batch without events later on says that nothing happened up to its revision; ``how_far`` is filled in, to ask
        for one. Raises ``StateFailed`` (``compacted`` with the revision from which it may begin anew) and
        ``WatchLagged``. Close it to end the watch.
        """
        ...


class StateEngine(StateStore, StateCopies, Protocol):
    """What holds the state, whole."""

    def close(self) -> None:
        """Nobody waits in vain."""
        ...
