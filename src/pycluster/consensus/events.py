"""What can happen to a voter: the inputs of :class:`~pycluster.consensus.raft.Raft`."""

from __future__ import annotations

import msgspec

from pycluster.consensus.log import Snapshot
from pycluster.consensus.messages import Message


class Start(msgspec.Struct, frozen=True, tag=True):
    """The first event. A voter with a past grants nothing for one election timeout from here."""


class Timer(msgspec.Struct, frozen=True, tag=True):
    """Time passed; everything whose deadline is reached is due."""


class MessageReceived(msgspec.Struct, frozen=True, tag=True):
    """A peer's message; ``sender`` is the name it travels under, the message carries the UUIDs.

    ``datagram``: it came by UDP; the answer goes the way that the message came.
    """

    sender: str
    message: Message
    datagram: bool = False


class Persisted(msgspec.Struct, frozen=True, tag=True):
    """The disk said yes to ``Persist(token)`` and to everything before it."""

    token: int


class PeerHealth(msgspec.Struct, frozen=True, tag=True):
    """Membership's word on a node: a hint for ranks, transfers and seats, never a reason to commit anything."""

    name: str
    uuid: str
    alive: bool


class StreamEnded(msgspec.Struct, frozen=True, tag=True):
    """The stream to that voter ended without a goodbye. A leader counts it no more until it answers anew.

    ``uuid`` says whom; ``name`` is for whoever reads a trace.
    """

    name: str
    uuid: str


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The stream to that voter ended, and a redial was refused: its process is gone, or somebody forges that.

    ``uuid`` says whom; ``name`` is for whoever reads a trace.
    """

    name: str
    uuid: str


class LoopLagged(msgspec.Struct, frozen=True, tag=True):
    """The clock moved ``lag_us`` on in which this process did nothing: it stood still, or the clock leapt.

    Before anything else that happens then: whatever is waited for on account of others is waited for anew.
    """

    lag_us: int


class Transfer(msgspec.Struct, frozen=True, tag=True):
    """An operator moves leadership to ``to`` (pinned), or to the best other voter where ``to`` is empty."""

    to: str = ""


class HandOver(msgspec.Struct, frozen=True, tag=True):
    """This process is about to stop: a leader transfers to the best voter; ``HandedOver`` follows in any case."""


class Resign(msgspec.Struct, frozen=True, tag=True):
    """This node leaves for good: give the seat up. Refused where the quorum would be lost."""


class AddVoter(msgspec.Struct, frozen=True, tag=True):
    """Let the node ``name`` learn the log, and vote once it has caught up (leader only). ``dry``: only say whether."""

    name: str
    uuid: str
    dry: bool = False


class RemoveVoter(msgspec.Struct, frozen=True, tag=True):
    """Take ``name``'s seat away (leader only). Refused where the quorum would be lost. ``dry``: only say whether."""

    name: str
    dry: bool = False


class ReplaceVoter(msgspec.Struct, frozen=True, tag=True):
    """The same as adding ``name``, and ``old``'s seat goes once it votes (leader only)."""

    old: str
    name: str
    uuid: str
    dry: bool = False


class Propose(msgspec.Struct, frozen=True, tag=True):
    """Append a command to the log, and ``more`` right behind it (leader only); ``Proposed`` or ``CommandFailed``
    follows at once, for all together, ``Committed`` later.
    """

    data: bytes
    more: tuple[bytes, ...] = ()


class ReadIndex(msgspec.Struct, frozen=True, tag=True):
    """Somebody wants to read what is linearizable (leader only); ``ReadReady`` or ``ReadRefused`` follows."""

    token: int


class StateSaved(msgspec.Struct, frozen=True, tag=True):
    """The state after the entry at ``index`` is on the disk: the log up to there may go, but what follows on
    ``needed``.
    """

    index: int
    needed: int


class SnapshotPiece(msgspec.Struct, frozen=True, tag=True):
    """The piece that ``PieceWanted`` asked for, of the state at ``snapshot``."""

    uuid: str
    snapshot: Snapshot
    number: int
    data: bytes
    done: bool


class PieceKept(msgspec.Struct, frozen=True, tag=True):
    """The disk has the piece ``number`` of the state at ``index`` that the leader sent: the next one may come."""

    index: int
    number: int


class PieceTaken(msgspec.Struct, frozen=True, tag=True):
    """All pieces of ``snapshot`` came; ``ok`` says whether they make a whole."""

    snapshot: Snapshot
    ok: bool


Event = (
    Start
    | Timer
    | MessageReceived
    | Persisted
    | PeerHealth
    | StreamEnded
    | Refused
    | LoopLagged
    | Transfer
    | HandOver
    | Resign
    | AddVoter
    | RemoveVoter
    | ReplaceVoter
    | Propose
    | ReadIndex
    | StateSaved
    | SnapshotPiece
    | PieceKept
    | PieceTaken
)
