"""What a voter wants done: the outputs of :class:`~pycluster.consensus.raft.Raft`, performed in order."""

from __future__ import annotations

from typing import Literal

import msgspec

from pycluster.consensus.log import Entry, Snapshot, Vote
from pycluster.consensus.messages import Message


class Send(msgspec.Struct, frozen=True, tag=True):
    """Send to a voter over its ``heartbeat`` or ``bulk`` connection, or as a ``datagram``; losing it is no error."""

    to: str
    channel: Literal["heartbeat", "bulk", "datagram"]
    message: Message


class Persist(msgspec.Struct, frozen=True, tag=True):
    """Make durable, in one transaction and in this order: the vote, a truncation, entries, what is promised (ms).

    ``snapshot``: before the entries, the state received up to there takes the log's place, but for what follows on it.
    ``Persisted(token)`` reports it. The core itself holds back whatever depends on it, so nothing else waits.
    """

    token: int
    vote: Vote | None = None
    truncate_from: int | None = None
    entries: tuple[Entry, ...] = ()
    promised_ms: int | None = None
    snapshot: Snapshot | None = None


class LeaderChanged(msgspec.Struct, frozen=True, tag=True):
    """Whom this voter follows now; ``leader`` is empty while it knows none, and ``reason`` says why."""

    term: int
    leader: str
    uuid: str
    reason: str = ""


class ActingStarted(msgspec.Struct, frozen=True, tag=True):
    """This node acts as leader from ``since_us``: elected, its term's no-op committed, its lease held."""

    term: int
    since_us: int
    until_us: int


class ActingRenewed(msgspec.Struct, frozen=True, tag=True):
    """The lease now reaches to ``until_us``."""

    term: int
    until_us: int


class ActingStopped(msgspec.Struct, frozen=True, tag=True):
    """This node ceased to act at ``at_us``, which is never past the lease it held."""

    term: int
    at_us: int
    reason: str


class Committed(msgspec.Struct, frozen=True, tag=True):
    """Entries newly committed, in order, each once a life (the store will apply them)."""

    entries: tuple[Entry, ...]


class Proposed(msgspec.Struct, frozen=True, tag=True):
    """The proposal in this very ``handle`` stands in the log from ``index`` on, in ``term``; not yet committed."""

    index: int
    term: int


class ReadReady(msgspec.Struct, frozen=True, tag=True):
    """After ``ReadIndex``: a read of the state with everything up to ``index`` applied is linearizable."""

    token: int
    index: int


class ReadRefused(msgspec.Struct, frozen=True, tag=True):
    """After ``ReadIndex``: this voter cannot answer for it; somebody else may, or it may later."""

    token: int
    why: Literal["no-leader", "overloaded"]


class PieceWanted(msgspec.Struct, frozen=True, tag=True):
    """A follower needs the state itself, for the log that it lacks is folded away: answer with ``SnapshotPiece``.

    ``number`` 0 begins anew with the state as it is; otherwise the piece after those that were given for ``index``, or
    the last one once more.
    """

    name: str
    uuid: str
    index: int
    number: int


class PieceReceived(msgspec.Struct, frozen=True, tag=True):
    """A piece of the leader's state, in order; ``number`` 0 begins anew. ``done``: it was the last, answer with
    ``PieceTaken``.
    """

    snapshot: Snapshot
    number: int
    data: bytes
    done: bool


class Installed(msgspec.Struct, frozen=True, tag=True):
    """The state that was received takes the place of the one that was applied up to now; it stands at ``snapshot``."""

    snapshot: Snapshot


class HandedOver(msgspec.Struct, frozen=True, tag=True):
    """After ``HandOver``: leadership is elsewhere, was not ours (``led`` is false), or could not be moved."""

    detail: str
    led: bool = True


class Resigned(msgspec.Struct, frozen=True, tag=True):
    """After ``Resign``: the seat is given up, or never was ours."""


class Notify(msgspec.Struct, frozen=True, tag=True):
    """Something an operator should read: ``kind`` is a noun from the event reference, ``fields`` its facts."""

    kind: str
    text: str
    fields: dict[str, str | int] = {}


class CommandFailed(msgspec.Struct, frozen=True, tag=True):
    """The command in this very ``handle``, or a ``Resign`` pending until now, was refused: why, and what to do.

    ``in_doubt``: of a ``Resign`` that was asked for and may be granted still.
    """

    what: str
    why: str = ""
    remedy: str = ""
    in_doubt: bool = False


class Halt(msgspec.Struct, frozen=True, tag=True):
    """This process must stop: going on could break a promise. ``reason`` is for the operator."""

    reason: str


Effect = (
    Send
    | Persist
    | LeaderChanged
    | ActingStarted
    | ActingRenewed
    | ActingStopped
    | Committed
    | Proposed
    | ReadReady
    | ReadRefused
    | PieceWanted
    | PieceReceived
    | Installed
    | HandedOver
    | Resigned
    | Notify
    | CommandFailed
    | Halt
)
