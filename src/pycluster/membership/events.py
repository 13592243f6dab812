"""What can happen to a member: the inputs of :class:`~pycluster.membership.swim.Swim`."""

from __future__ import annotations

import msgspec

from pycluster.kernel.ids import Address
from pycluster.membership.messages import CallMessage, Packet


class Start(msgspec.Struct, frozen=True, tag=True):
    """The first event: announce the local member, look for the seeds."""


class Timer(msgspec.Struct, frozen=True, tag=True):
    """Time passed; everything whose deadline is reached is due."""


class PacketReceived(msgspec.Struct, frozen=True, tag=True):
    """A datagram of our cluster, decoded."""

    source: Address
    packet: Packet


class CallReceived(msgspec.Struct, frozen=True, tag=True):
    """A peer's request over TCP; answered once with ``Answer(token)``."""

    token: int
    source: Address
    request: CallMessage


class CallReplied(msgspec.Struct, frozen=True, tag=True):
    """The reply to our ``Call`` of that number."""

    call: int
    reply: CallMessage


class CallFailed(msgspec.Struct, frozen=True, tag=True):
    """Our ``Call`` of that number failed.

    ``reason``: ``refused`` (that host has nobody on the port), ``unreachable`` (no connection came about in time),
    ``timeout`` (connected, and no reply in time) or ``closed`` (connected, and ended without a reply).
    """

    call: int
    reason: str


class StreamEnded(msgspec.Struct, frozen=True, tag=True):
    """An idle stream between us and that member ended without a goodbye: evidence, not proof."""

    name: str
    uuid: str


class Refused(msgspec.Struct, frozen=True, tag=True):
    """ICMP says that nobody has the port at ``address``: evidence, which anybody can forge."""

    address: Address


class Resolved(msgspec.Struct, frozen=True, tag=True):
    """A seed's addresses as DNS gives them now; empty where the lookup failed."""

    host: str
    port: int
    addresses: tuple[Address, ...]


class LoopLagged(msgspec.Struct, frozen=True, tag=True):
    """This process was late by ``lag_us``: own health first (Lifeguard, local health)."""

    lag_us: int


class Join(msgspec.Struct, frozen=True, tag=True):
    """An operator names more peers to contact; each is tried at once and then like a seed."""

    seeds: tuple[tuple[str, int], ...]


class Leave(msgspec.Struct, frozen=True, tag=True):
    """Say goodbye: the others shall show ``left`` rather than accuse. ``Departed`` follows when it has been told."""


class ForceLeave(msgspec.Struct, frozen=True, tag=True):
    """Turn a member that is down into one that left. Refused for a member that is alive."""

    name: str


class SetTags(msgspec.Struct, frozen=True, tag=True):
    """Replace the local member's tags."""

    tags: dict[str, str]


class Readdress(msgspec.Struct, frozen=True, tag=True):
    """The local member's advertised address changed."""

    address: Address


class Stir(msgspec.Struct, frozen=True, tag=True):
    """Something outside this core is worth telling fast: gossip a few rounds although the queue is empty."""


Event = (
    Start
    | Timer
    | PacketReceived
    | CallReceived
    | CallReplied
    | CallFailed
    | StreamEnded
    | Refused
    | Resolved
    | LoopLagged
    | Join
    | Leave
    | ForceLeave
    | SetTags
    | Readdress
    | Stir
)
