"""What can happen to a node: everything the runtime and the simulator feed in."""

from __future__ import annotations

import msgspec

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
    """Our ``Call`` failed; ``reason`` is ``refused``, ``unreachable``, ``timeout`` or ``closed``."""

    call: int
    reason: str


class PostReceived(msgspec.Struct, frozen=True, tag=True):
    """A one-way frame on a TCP connection, in the order in which it was posted."""

    source: Address
    data: bytes


class Persisted(msgspec.Struct, frozen=True, tag=True):
    """The disk said yes to ``Persist(token)`` and to everything before it."""

    token: int


class Resolved(msgspec.Struct, frozen=True, tag=True):
    """DNS's answer to ``Resolve``; empty where the lookup failed."""

    host: str
    port: int
    addresses: tuple[Address, ...]


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


class SetTags(msgspec.Struct, frozen=True, tag=True):
    """``pycluster tags``: replace the local member's tags."""

    command: int
    tags: dict[str, str]


class Reload(msgspec.Struct, frozen=True, tag=True):
    """SIGHUP: the seeds and tags of the configuration file as it reads now."""

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
    | Persisted
    | Resolved
    | LoopLagged
    | Join
    | Leave
    | Drain
    | ForceLeave
    | SetTags
    | Reload
)
