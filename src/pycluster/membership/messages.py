"""What members tell each other: news about members, the probes that carry it, and the exchanges over TCP."""

from __future__ import annotations

import msgspec

from pycluster.kernel.bounded import Incarnation
from pycluster.kernel.ids import Address


class Alive(msgspec.Struct, frozen=True, array_like=True, tag="a"):
    """A member's own word about itself: only it may raise ``incarnation``.

    ``tags_hidden``: the tags are too large for gossip and are left out here; they come by TCP.
    """

    name: str
    uuid: str
    incarnation: Incarnation
    address: Address
    region: str = ""
    zone: str = ""
    tags: dict[str, str] = {}
    version: str = ""
    protocol_min: int = 1
    protocol_max: int = 1
    tags_hidden: bool = False


class Suspect(msgspec.Struct, frozen=True, array_like=True, tag="s"):
    """``by`` could not reach the member in that incarnation.

    ``strength``: 0 silent, 1 unreachable, 2 refused; what lies outside counts as the nearest.
    """

    name: str
    uuid: str
    incarnation: Incarnation
    by: str
    strength: int = 0


class Vouch(msgspec.Struct, frozen=True, array_like=True, tag="v"):
    """``by`` reached the suspect: holds the timer, refutes nothing."""

    name: str
    uuid: str
    incarnation: Incarnation
    by: str


class Down(msgspec.Struct, frozen=True, array_like=True, tag="d"):
    """Convicted by ``by``; ``verified``: somebody beside the first accuser tried and failed."""

    name: str
    uuid: str
    incarnation: Incarnation
    by: str
    verified: bool


class Left(msgspec.Struct, frozen=True, array_like=True, tag="l"):
    """The member said goodbye, or was forced out while down by ``by``."""

    name: str
    uuid: str
    incarnation: Incarnation
    by: str = ""


Update = Alive | Suspect | Vouch | Down | Left


class Ping(msgspec.Struct, frozen=True, array_like=True, tag="p"):
    """Are you there? By UDP, and by TCP where UDP does not get through.

    By TCP nobody but people reads ``name`` and ``uuid``: who answers says who it is. By UDP they are left out, which
    also says that the asker understands an ack without them; where they name another than the one that is reached, the
    asker wants to know what is known of that one, and the ack's packet begins with it.
    """

    seq: int
    name: str = ""
    uuid: str = ""


class Ack(msgspec.Struct, frozen=True, array_like=True, tag="k"):
    """I am, or on behalf of another: it is. ``name`` and ``uuid`` are of the member that was found alive.

    Both empty, in a datagram: its sender.
    """

    seq: int
    name: str = ""
    uuid: str = ""


class IndirectPing(msgspec.Struct, frozen=True, array_like=True, tag="i"):
    """Please probe that member for me (SWIM §3.1, ping-req)."""

    seq: int
    name: str
    uuid: str
    address: Address


class Nack(msgspec.Struct, frozen=True, array_like=True, tag="n"):
    """I am well and tried, but it did not answer me (Lifeguard §IV-A)."""

    seq: int


Probe = Ping | Ack | IndirectPing | Nack


class Packet(msgspec.Struct, frozen=True, array_like=True):
    """One datagram: who sends it, one probe message or none, and piggybacked news."""

    name: str
    uuid: str
    incarnation: Incarnation
    probe: Probe | None = None
    updates: tuple[Update, ...] = ()


class Record(msgspec.Struct, frozen=True, array_like=True):
    """A member as one table holds it; ``state`` counts ``alive suspect down left`` from 0, since ``age_s`` seconds."""

    alive: Alive
    state: int
    age_s: int = 0


class Digest(msgspec.Struct, frozen=True, array_like=True, tag="D"):
    """Anti-entropy begins: the asker's own record and the digest of its table. ``join``: it wants everything."""

    me: Alive
    digest: int
    join: bool = False


class Same(msgspec.Struct, frozen=True, array_like=True, tag="S"):
    """The tables are equal; nothing more is said."""

    me: Alive


class Records(msgspec.Struct, frozen=True, array_like=True, tag="R"):
    """A page of the table, the sender's own record and digest with it."""

    me: Alive
    digest: int
    records: tuple[Record, ...]


class Push(msgspec.Struct, frozen=True, array_like=True, tag="P"):
    """The asker's table, where the answerer's lacked something."""

    me: Alive
    records: tuple[Record, ...]


class Done(msgspec.Struct, frozen=True, array_like=True, tag="O"):
    """Taken in."""


class NameTaken(msgspec.Struct, frozen=True, array_like=True, tag="T"):
    """The asker's name belongs to another living node: who holds it, where, and for how many ms."""

    holder: Alive
    held_ms: int


CallMessage = Ping | Ack | Nack | Digest | Same | Records | Push | Done | NameTaken
