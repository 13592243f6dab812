"""Members: the record of one, the table of all, and the digest that compares two tables."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from pycluster.kernel.ids import Address, is_name
from pycluster.kernel.limits import FRAME_MAX_BYTES
from pycluster.kernel.units import SECOND
from pycluster.membership.messages import Alive, Record

State = Literal["alive", "suspect", "down", "left"]
STATES: tuple[State, ...] = ("alive", "suspect", "down", "left")
#: Bytes of any text of a record but its name and tags.
_TEXT_MAX_BYTES = 128
#: Bytes of a record without its tags, at most; and of all records in one frame, half of it.
_RECORD_BYTES = 800
_RECORDS_MAX_BYTES = FRAME_MAX_BYTES // 2


class Local(msgspec.Struct, frozen=True):
    """The local member as its node knows it at birth."""

    name: str
    uuid: str
    incarnation: int
    address: Address
    region: str = ""
    zone: str = ""
    tags: dict[str, str] = {}
    version: str = ""


class Evidence(msgspec.Struct, frozen=True):
    """One reason to believe a member's state: ``kind`` is ``accused``, ``confirmed``, ``vouched``, ``missed``, ..."""

    at_us: int
    kind: str
    by: str
    detail: str = ""


class Member(msgspec.Struct):
    """What this node knows of a member.

    ``last_seen_us``: the newest packet or answer that the member itself authored. ``accuser``: who raised the present
    suspicion.
    """

    name: str
    uuid: str
    address: Address
    incarnation: int
    state: State
    state_since_us: int
    region: str = ""
    zone: str = ""
    tags: dict[str, str] = {}
    version: str = ""
    protocol_min: int = 1
    protocol_max: int = 1
    tags_hidden: bool = False
    last_seen_us: int | None = None
    rtt_us: int | None = None
    accuser: str = ""
    notes: deque[Evidence] = msgspec.field(default_factory=deque)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The newest reasons, oldest first."""
        return tuple(self.notes)

    def alive_message(self, gossip_tags_bytes: int | None = None) -> Alive:
        """The member's own word, as it is passed on; tags past ``gossip_tags_bytes`` are left out."""
        hidden = self.tags_hidden or (gossip_tags_bytes is not None and tags_bytes(self.tags) > gossip_tags_bytes)
        return Alive(
            self.name,
            self.uuid,
            self.incarnation,
            self.address,
            self.region,
            self.zone,
            {} if hidden else self.tags,
            self.version,
            self.protocol_min,
            self.protocol_max,
            hidden,
        )

    def take(self, alive: Alive) -> bool:
        """Take a newer word over; whether it changed anything that people see."""
        before = (self.address, self.region, self.zone, self.tags, self.version)
        self.incarnation = alive.incarnation
        self.address = alive.address
        self.region, self.zone, self.version = alive.region, alive.zone, alive.version
        self.protocol_min, self.protocol_max = alive.protocol_min, alive.protocol_max
        self.tags_hidden = alive.tags_hidden
        if not alive.tags_hidden:
            self.tags = alive.tags
        return before != (self.address, self.region, self.zone, self.tags, self.version)


def tags_bytes(tags: Mapping[str, str]) -> int:
    """What tags weigh in gossip, in bytes."""
    return sum(len(key.encode()) + len(value.encode()) + 4 for key, value in tags.items())


def member_of(alive: Alive, state: State, now_us: int, evidence_max: int) -> Member:
    """A new record."""
    return Member(
        alive.name,
        alive.uuid,
        alive.address,
        alive.incarnation,
        state,
        now_us,
        alive.region,
        alive.zone,
        alive.tags,
        alive.version,
        alive.protocol_min,
        alive.protocol_max,
        alive.tags_hidden,
        notes=deque(maxlen=evidence_max),
    )


class Table(Mapping[str, Member]):
    """Members by name, the local one included; counts and digest are kept up to date change by change."""

    def __init__(self) -> None:
        self._members: dict[str, Member] = {}
        self._hashes: dict[str, int] = {}
        self._living: set[str] = set()
        #: Order-independent digest of (name, uuid, incarnation, state) of everyone (xor of 64-bit hashes).
        self.digest = 0

    def __getitem__(self, name: str) -> Member:
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    @property
    def living(self) -> int:
        """How many are alive or suspect."""
        return len(self._living)

    def put(self, member: Member) -> None:
        """Insert or replace."""
        self._members[member.name] = member
        self.touched(member)

    def drop(self, name: str) -> None:
        """Forget."""
        self.digest ^= self._hashes.pop(name)
        del self._members[name]
        self._living.discard(name)

    def touched(self, member: Member) -> None:
        """A record's identity, incarnation or state changed."""
        if member.state in ("alive", "suspect"):
            self._living.add(member.name)
        else:
            self._living.discard(member.name)
        # A suspicion passes; two tables that differ in one only are not worth an exchange.
        state = "alive" if member.state == "suspect" else member.state
        text = f"{member.name}\0{member.uuid}\0{member.incarnation}\0{state}".encode()
        value = zlib.crc32(text) | (zlib.adler32(text[::-1]) << 32)
        self.digest ^= self._hashes.get(member.name, 0) ^ value
        self._hashes[member.name] = value

    def records(self, now_us: int, start: int) -> tuple[Record, ...]:
        """Everyone, or as many as one frame holds, from the ``start``-th on and round."""
        members = list(self._members.values())
        room = _RECORDS_MAX_BYTES
        chosen = []
        for member in members[start:] + members[:start]:
            room -= _RECORD_BYTES + tags_bytes(member.tags)
            if room < 0:
                break
            age_s = (now_us - member.state_since_us) // SECOND
            chosen.append(Record(member.alive_message(), STATES.index(member.state), age_s))
        return tuple(chosen)


def plausible(alive: Alive, tags_max_bytes: int) -> bool:
    """Whether a record is one that a node could have written: its name, its address, the size of its parts."""
    texts = (alive.uuid, alive.region, alive.zone, alive.version)
    fits = is_name(alive.name) and all(len(text.encode()) <= _TEXT_MAX_BYTES for text in texts)
    return fits and alive.address.usable and alive.incarnation >= 0 and tags_bytes(alive.tags) <= tags_max_bytes


def rank(member_uuid: str, key: str) -> int:
    """Rendezvous hashing: the weight of a member for ``key``; the highest are chosen (Thaler & Ravishankar 1998)."""
    return zlib.crc32(f"{key}\0{member_uuid}".encode())
