"""What can happen to a node: everything the runtime and the simulator feed in."""

from __future__ import annotations

from typing import Literal

import msgspec

from pycluster import store
from pycluster.kernel.ids import Address


class Start(msgspec.Struct, frozen=True, tag=True):
    """The first event, once the sockets are open."""


class Timer(msgspec.Struct, frozen=True, tag=True):
    """Time passed; what is due by ``now`` happens."""


class Datagram(msgspec.Struct, frozen=True, tag=True):
    """A UDP datagram as it came, unverified."""

    source: Address
    data: bytes


class CallReceived(msgspec.Struct, frozen=True, tag=True):
    """A request frame on a TCP connection; one ``Answer(token)`` or ``Hangup(token)`` follows, at once or later."""

    token: int
    source: Address
    data: bytes


class CallReplied(msgspec.Struct, frozen=True, tag=True):
    """The reply frame to our ``Call`` of that number."""

    call: int
    data: bytes


class CallFailed(msgspec.Struct, frozen=True, tag=True):
    """Our ``Call`` failed.

    ``reason``: ``refused`` (that host has nobody on the port), ``unreachable`` (no connection came about in time),
    ``timeout`` (connected, and no reply in time) or ``closed`` (connected, and ended without a reply).
    """

    call: int
    reason: str


class PostReceived(msgspec.Struct, frozen=True, tag=True):
    """A one-way frame on a TCP connection, in the order in which it was posted."""

    source: Address
    data: bytes


class StreamOpened(msgspec.Struct, frozen=True, tag=True):
    """A peer opened an idle stream to us; ``data`` is its greeting, a frame as it came, unverified."""

    stream: int
    data: bytes
    source: Address = Address("", 0)


class StreamEnded(msgspec.Struct, frozen=True, tag=True):
    """That stream of a peer's ended; ``goodbye`` says whether the peer announced it."""

    stream: int
    goodbye: bool = False


class StreamUp(msgspec.Struct, frozen=True, tag=True):
    """Our own idle stream to ``peer`` stands (again): one that the peer opens from now on is newer."""

    peer: Address


class StreamLost(msgspec.Struct, frozen=True, tag=True):
    """Our own idle stream to ``peer`` stood, and ended without a goodbye. It is dialled again in a while."""

    peer: Address


class Refused(msgspec.Struct, frozen=True, tag=True):
    """A datagram of ours to ``peer`` was answered by ICMP: nobody has that port. Anybody can forge that."""

    peer: Address


class Persisted(msgspec.Struct, frozen=True, tag=True):
    """The disk said yes to ``Persist(token)`` and to everything before it."""

    token: int


class StateSaved(msgspec.Struct, frozen=True, tag=True):
    """Our own snapshot of the state after the log entry ``index`` is durable."""

    index: int


class PieceKept(msgspec.Struct, frozen=True, tag=True):
    """The disk has taken the piece ``number`` of a snapshot at ``index``; before ``StateSaved``, where both follow."""

    origin: Literal["own", "received"]
    index: int
    number: int


class StateAsked(msgspec.Struct, frozen=True, tag=True):
    """Somebody here asks the replicated state; one ``StateAnswered(token)`` follows, within ``timeout_us``.

    ``request_id``: never empty for a write, which applies once under it however often it is tried.
    """

    token: int
    request: store.Request
    request_id: bytes
    timeout_us: int


class WatchOpened(msgspec.Struct, frozen=True, tag=True):
    """Somebody here watches; ``WatchTold(token)`` follow, the first at once, until ``WatchClosed(token)``."""

    token: int
    watch: store.Watch


class WatchAsked(msgspec.Struct, frozen=True, tag=True):
    """How far is that watch? ``WatchTold(token)`` says so without events, after all that was told before."""

    token: int


class WatchClosed(msgspec.Struct, frozen=True, tag=True):
    """That watcher is gone."""

    token: int


class Resolved(msgspec.Struct, frozen=True, tag=True):
    """DNS's answer to ``Resolve``; empty where the lookup failed."""

    host: str
    port: int
    addresses: tuple[Address, ...]


class Readdressed(msgspec.Struct, frozen=True, tag=True):
    """This machine lost the address that the node advertises, and has this one instead."""

    address: Address


class LoopLagged(msgspec.Struct, frozen=True, tag=True):
    """The process got no processor, or was stopped, for ``lag_us`` longer than it asked to sleep."""

    lag_us: int


class Join(msgspec.Struct, frozen=True, tag=True):
    """``pycluster join``: contact these hosts too."""

    command: int
    seeds: tuple[tuple[str, int], ...]


class Leave(msgspec.Struct, frozen=True, tag=True):
    """``pycluster leave``: give up the voter's seat, hand over, say goodbye; ``Drained`` follows."""

    command: int


class Drain(msgspec.Struct, frozen=True, tag=True):
    """SIGTERM: hand leadership over and say goodbye, keep the seat; ``Drained`` follows."""


class ForceLeave(msgspec.Struct, frozen=True, tag=True):
    """``pycluster force-leave NAME``."""

    command: int
    name: str


class TransferLeadership(msgspec.Struct, frozen=True, tag=True):
    """``pycluster raft transfer [NAME]``: hand leadership to that voter, or to the best other one where it is empty."""

    command: int
    to: str = ""


class AddSeat(msgspec.Struct, frozen=True, tag=True):
    """``pycluster raft add NAME``: that member learns the log and votes then. ``dry_run``: only say whether."""

    command: int
    name: str
    dry_run: bool = False


class RemoveSeat(msgspec.Struct, frozen=True, tag=True):
    """``pycluster raft remove NAME``: take that voter's seat away. ``dry_run``: only say whether."""

    command: int
    name: str
    dry_run: bool = False


class ReplaceSeat(msgspec.Struct, frozen=True, tag=True):
    """``pycluster raft replace OLD NAME``: as ``AddSeat``, and the seat of ``old`` goes then."""

    command: int
    old: str
    name: str
    dry_run: bool = False


class SetTags(msgspec.Struct, frozen=True, tag=True):
    """``pycluster tags``: replace the local member's tags."""

    command: int
    tags: dict[str, str]


class BackupEnded(msgspec.Struct, frozen=True, tag=True):
    """A backup of the state was made as ``file`` and read back, at ``revision``; or ``problem`` says why not.

    Without either none is due here any more.
    """

    file: str = ""
    revision: int = 0
    problem: str = ""


class FilePlaced(msgspec.Struct, frozen=True, tag=True):
    """The file of ``template`` was brought in place (``did``: written, reloaded, or after a failure unchanged); or
    ``problem`` says why not.
    """

    template: str
    destination: str
    did: str = ""
    problem: str = ""


class RolloutTold(msgspec.Struct, frozen=True, tag=True):
    """Something became of ``rollout`` (``NAME#VERSION``): an event's ``kind``, line and fields. ``problem``: what is
    wrong as long as it stands so.
    """

    rollout: str
    kind: str
    text: str
    fields: dict[str, str | int] = {}
    problem: str = ""


class Reload(msgspec.Struct, frozen=True, tag=True):
    """SIGHUP: the seeds and tags of the configuration file as it reads now; where the tags are refused, neither."""

    command: int
    seeds: tuple[tuple[str, str, int], ...]
    tags: dict[str, str]


Event = (
    Start
    | Timer
    | Datagram
    | CallReceived
    | CallReplied
    | CallFailed
    | PostReceived
    | StreamOpened
    | StreamEnded
    | StreamUp
    | StreamLost
    | Refused
    | Persisted
    | StateSaved
    | PieceKept
    | StateAsked
    | WatchOpened
    | WatchAsked
    | WatchClosed
    | Resolved
    | Readdressed
    | LoopLagged
    | Join
    | Leave
    | Drain
    | ForceLeave
    | TransferLeadership
    | AddSeat
    | RemoveSeat
    | ReplaceSeat
    | SetTags
    | Reload
    | BackupEnded
    | FilePlaced
    | RolloutTold
)
