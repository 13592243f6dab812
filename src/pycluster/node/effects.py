"""What a node wants done: everything the runtime and the simulator perform, in order."""

from __future__ import annotations

from typing import Literal

import msgspec

from pycluster import store
from pycluster.consensus import Entry, Snapshot, Vote
from pycluster.kernel.ids import Address, Seed
from pycluster.node.view import ClusterEvent

Channel = Literal["heartbeat", "bulk", "client"]


class SendDatagram(msgspec.Struct, frozen=True, tag=True):
    """One UDP datagram; losing it is no error."""

    to: Address
    data: bytes


class Call(msgspec.Struct, frozen=True, tag=True):
    """One request over TCP; ``CallReplied`` or ``CallFailed`` with this number follows, within ``timeout_us``."""

    call: int
    to: Address
    data: bytes
    timeout_us: int


class Answer(msgspec.Struct, frozen=True, tag=True):
    """The reply to ``CallReceived(token)``."""

    token: int
    data: bytes


class Hangup(msgspec.Struct, frozen=True, tag=True):
    """No reply to ``CallReceived(token)``: close that connection (bad input)."""

    token: int


class Post(msgspec.Struct, frozen=True, tag=True):
    """One frame on the persistent connection of (address, channel), dialled when absent.

    In order while the connection lasts; dropped when it cannot be had or its queue is full.
    """

    to: Address
    channel: Channel
    data: bytes


class KeepStreams(msgspec.Struct, frozen=True, tag=True):
    """Keep one idle stream to each of ``peers`` and to nobody else.

    What is absent is dialled, now and later, and greeted with the frame ``greeting``; what is too many is told goodbye.
    ``seats``: hosts of the voters and of the configured nodes, for whose connections some places are kept free.
    """

    peers: tuple[Address, ...]
    greeting: bytes
    seats: tuple[str, ...] = ()


class CloseStream(msgspec.Struct, frozen=True, tag=True):
    """End that stream of a peer's, with a goodbye."""

    stream: int


class Persist(msgspec.Struct, frozen=True, tag=True):
    """Make durable in one transaction, in this order: incarnation, vote, truncation, entries, what is promised (ms).

    ``snapshot``: before the entries, the state received up to there takes the log's place, but for what follows on it.
    ``Persisted`` follows.
    """

    token: int
    incarnation: int | None = None
    vote: Vote | None = None
    truncate_from: int | None = None
    entries: tuple[Entry, ...] = ()
    promised_ms: int | None = None
    snapshot: Snapshot | None = None


class KeepPiece(msgspec.Struct, frozen=True, tag=True):
    """Write a piece of a snapshot, in order with everything that becomes durable; ``number`` 0 begins it.

    ``PieceKept`` follows, and only then the next one: never more than a piece is in the way of what is to become
    durable. One of this node's ``own`` state is ``done`` with the last, and ``StateSaved`` follows when it is durable;
    one that was ``received`` counts when a ``Persist`` names it.
    """

    origin: Literal["own", "received"]
    snapshot: Snapshot
    number: int
    data: bytes
    done: bool


class StateAnswered(msgspec.Struct, frozen=True, tag=True):
    """The answer to ``StateAsked(token)``."""

    token: int
    result: store.Result


class WatchTold(msgspec.Struct, frozen=True, tag=True):
    """To the watcher of ``WatchOpened(token)``; one that says it is compacted, or a failure, is the last."""

    token: int
    batch: store.WatchBatch | store.Failure


class Resolve(msgspec.Struct, frozen=True, tag=True):
    """Look the host up now; ``Resolved`` follows. A numeric host resolves to itself."""

    host: str
    port: int


class Publish(msgspec.Struct, frozen=True, tag=True):
    """Tell everyone who subscribed: console, event stream, hooks."""

    event: ClusterEvent


class RecordActing(msgspec.Struct, frozen=True, tag=True):
    """Keep, across a crash of the process, that this node acts in ``term`` from ``since_us`` to ``until_us`` at most.

    ``ended`` is true when it stopped at ``until_us``. Performed at once, not through the log's disk.
    """

    term: int
    since_us: int
    until_us: int
    ended: bool
    reason: str = ""


class KeepSeats(msgspec.Struct, frozen=True, tag=True):
    """Keep where the other voters are, for the next start; nothing waits for it."""

    seats: tuple[Seed, ...]


class CommandDone(msgspec.Struct, frozen=True, tag=True):
    """How the command of that number ended; ``what``, ``why`` and ``remedy`` speak when it was refused.

    ``in_doubt``: it was begun or passed on, and nobody knows whether it will be so yet.
    """

    command: int
    ok: bool
    what: str = ""
    why: str = ""
    remedy: str = ""
    in_doubt: bool = False


class Drained(msgspec.Struct, frozen=True, tag=True):
    """After ``Leave`` or ``Drain``: nothing more to tell anyone; the process may end with exit code 0."""


class Halt(msgspec.Struct, frozen=True, tag=True):
    """The process must stop with exit code 1; ``reason`` is printed."""

    reason: str


Effect = (
    SendDatagram
    | Call
    | Answer
    | Hangup
    | Post
    | KeepStreams
    | CloseStream
    | Persist
    | KeepPiece
    | StateAnswered
    | WatchTold
    | Resolve
    | Publish
    | RecordActing
    | KeepSeats
    | CommandDone
    | Drained
    | Halt
)
