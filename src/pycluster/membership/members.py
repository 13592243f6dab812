"""Members: the record of one, the table of all, and the digest that compares two tables."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, ItemsView, Iterator, Mapping, ValuesView
from functools import lru_cache
from itertools import chain, islice
from random import Random
from typing import Literal, TypeVar, overload

import msgspec

from pycluster.kernel.ids import Address, is_name
from pycluster.kernel.limits import FRAME_MAX_BYTES, UUID_MAX_LENGTH
from pycluster.kernel.units import SECOND
from pycluster.membership.messages import Alive, Record

T = TypeVar("T")
State = Literal["alive", "suspect", "down", "left"]
STATES: tuple[State, ...] = ("alive", "suspect", "down", "left")
#: Bytes of any text of a record but its name and tags.
_TEXT_MAX_BYTES = 128
#: Bytes of a record without its tags, at most; and of all records in one frame, half of it.
_RECORD_BYTES = 800
_RECORDS_MAX_BYTES = FRAME_MAX_BYTES // 2
#: Drawing at random is tried where there are this many times more members than are wanted, so many times for each.
_DRAW_FROM, _DRAWS = 4, 4


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
    protocol_min: int = 1
    protocol_max: int = 1


class Evidence(msgspec.Struct, frozen=True):
    """One reason to believe a member's state: ``kind`` is ``accused``, ``confirmed``, ``vouched``, ``missed``, ..."""

    at_us: int
    kind: str
    by: str
    detail: str = ""


class Member(msgspec.Struct, gc=False, eq=False):
    """What this node knows of a member. A table has thousands: what it said of itself is kept as it came.

    ``word``: its own newest word; ``incarnation`` may be past it, where an accusation was. ``last_seen_us``: the newest
    packet or answer that the member itself authored. ``met``: it answered this node or asked it over TCP, so nobody
    invented it in a datagram. ``accuser``: who raised the present suspicion, on evidence of that ``strength``; of one
    that is down, who gave the verified verdict.
    """

    name: str
    uuid: str
    word: Alive
    incarnation: int
    state: State
    state_since_us: int
    last_seen_us: int | None = None
    rtt_us: int | None = None
    met: bool = False
    accuser: str = ""
    strength: int = 0
    notes: deque[Evidence] | None = None
    #: What it adds to the table's digest.
    mark: int = 0

    @property
    def address(self) -> Address:
        return self.word.address

    @property
    def region(self) -> str:
        return self.word.region

    @property
    def zone(self) -> str:
        return self.word.zone

    @property
    def tags(self) -> dict[str, str]:
        return self.word.tags

    @property
    def tags_hidden(self) -> bool:
        """Whether its newest tags were too large for gossip and are not here yet."""
        return self.word.tags_hidden

    @property
    def version(self) -> str:
        return self.word.version

    @property
    def protocol(self) -> int:
        """The highest version that it speaks, by its own word."""
        return self.word.protocol_max

    @property
    def suspicion_key(self) -> str:
        """The key by which the verifiers of a suspicion are chosen."""
        return f"{self.uuid}:{self.incarnation}"

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The newest reasons, oldest first."""
        return tuple(self.notes or ())

    def note(self, evidence: Evidence, at_most: int) -> None:
        """Keep one more reason; most members never need one."""
        if self.notes is None:
            self.notes = deque(maxlen=at_most)
        self.notes.append(evidence)

    def alive_message(self, gossip_tags_bytes: int | None = None) -> Alive:
        """The member's own word, as it is passed on; tags past ``gossip_tags_bytes`` are left out."""
        word, tags = self.word, self.word.tags
        hidden = word.tags_hidden or (gossip_tags_bytes is not None and tags_bytes(tags) > gossip_tags_bytes)
        if word.incarnation == self.incarnation and hidden == word.tags_hidden and not (hidden and tags):
            return word
        return msgspec.structs.replace(
            word, incarnation=self.incarnation, tags={} if hidden else tags, tags_hidden=hidden
        )

    def take(self, alive: Alive) -> bool:
        """Take a newer word over; whether it changed anything that people see."""
        before = self.word
        self.incarnation = max(self.incarnation, alive.incarnation)
        self.word = msgspec.structs.replace(alive, tags=before.tags) if alive.tags_hidden else alive
        return _shown(before) != _shown(self.word)

    def misquoted(self, alive: Alive) -> bool:
        """Whether this is not what the member said of itself in that incarnation.

        An accusation that comes before the word it rests on makes an older word look like the newer one.
        """
        word = self.word
        others = (word.address, word.region, word.zone, word.version)
        told = (alive.address, alive.region, alive.zone, alive.version)
        return told != others or not (alive.tags_hidden or alive.tags == word.tags)

    def amend(self, address: Address | None = None, tags: dict[str, str] | None = None) -> None:
        """The local member's own: another address, or other tags."""
        self.word = msgspec.structs.replace(
            self.word,
            address=self.word.address if address is None else address,
            tags=self.word.tags if tags is None else tags,
        )


def _shown(word: Alive) -> tuple[object, ...]:
    return word.address, word.region, word.zone, word.tags, word.version


def tags_bytes(tags: Mapping[str, str]) -> int:
    """What tags weigh in gossip, in bytes."""
    return sum(len(key.encode()) + len(value.encode()) + 4 for key, value in tags.items()) if tags else 0


def member_of(alive: Alive, state: State, now_us: int) -> Member:
    """A new record."""
    return Member(alive.name, alive.uuid, alive, alive.incarnation, state, now_us)


class Table(Mapping[str, Member]):
    """Members by name, the local one included; counts and digest are kept up to date change by change.

    Nearly all are alive: ``unwell`` are the few that are not, so that nobody has to look through all for them.
    """

    def __init__(self) -> None:
        self._members: dict[str, Member] = {}
        #: That one, or None; the dictionary's own method, for those who ask for thousands.
        self.find: Callable[[str], Member | None] = self._members.get
        #: The same, to draw from.
        self._drawn: list[Member] = []
        self._unwell: dict[str, Member] = {}
        self._gone: set[str] = set()
        #: Order-independent digest of (name, uuid, incarnation, state) of everyone (xor of 64-bit hashes).
        self.digest = 0

    def __getitem__(self, name: str) -> Member:
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, name: object) -> bool:
        return name in self._members

    @overload
    def get(self, name: str, /) -> Member | None: ...

    @overload
    def get(self, name: str, default: T, /) -> Member | T: ...

    def get(self, name: str, default: T | None = None, /) -> Member | T | None:
        """That one; as quick as the dictionary's own."""
        return self._members.get(name, default)

    def values(self) -> ValuesView[Member]:
        """Everyone; as quick as the dictionary's own."""
        return self._members.values()

    def items(self) -> ItemsView[str, Member]:
        """Everyone with the name."""
        return self._members.items()

    @property
    def living(self) -> int:
        """How many are alive or suspect."""
        return len(self._members) - len(self._gone)

    @property
    def unwell(self) -> ValuesView[Member]:
        """Those that are suspect, down or gone."""
        return self._unwell.values()

    def sample(self, rng: Random, count: int, wanted: Callable[[Member], bool]) -> list[Member]:
        """At most ``count`` different members that are wanted, at random; quick where most are."""
        chosen: dict[str, Member] = {}
        if len(self._drawn) > _DRAW_FROM * count:
            for _ in range(_DRAWS * count):
                member = self._drawn[int(rng.random() * len(self._drawn))]
                if wanted(member):
                    chosen[member.name] = member
                    if len(chosen) == count:
                        return list(chosen.values())
        able = [member for member in self._drawn if wanted(member)]
        return rng.sample(able, min(count, len(able)))

    def add(self, member: Member) -> None:
        """Insert one that is alive and whose name nobody holds."""
        self._members[member.name] = member
        self._drawn.append(member)
        member.mark = _mark(member.name, member.uuid, member.incarnation, "alive")
        self.digest ^= member.mark

    def put(self, member: Member) -> None:
        """Insert or replace."""
        before = self._members.get(member.name)
        if before is None:
            self._drawn.append(member)
        else:
            self._drawn[self._drawn.index(before)] = member
            self._count_out(before)
        self._members[member.name] = member
        member.mark = 0
        self.touched(member)

    def drop(self, name: str) -> None:
        """Forget."""
        member = self._members.pop(name)
        self._drawn.remove(member)
        self._count_out(member)

    def touched(self, member: Member) -> None:
        """A record's identity, incarnation or state changed."""
        state = member.state
        gone = state == "down" or state == "left"
        if state != "alive":
            self._unwell[member.name] = member
        elif self._unwell:
            self._unwell.pop(member.name, None)
        if gone:
            self._gone.add(member.name)
        elif self._gone:
            self._gone.discard(member.name)
        # A suspicion passes; two tables that differ in one only are not worth an exchange.
        mark = _mark(member.name, member.uuid, member.incarnation, state if gone else "alive")
        self.digest ^= member.mark ^ mark
        member.mark = mark

    def _count_out(self, member: Member) -> None:
        self.digest ^= member.mark
        self._unwell.pop(member.name, None)
        self._gone.discard(member.name)

    def records(self, now_us: int, start: int) -> tuple[Record, ...]:
        """Everyone, or as many as one frame holds, from the ``start``-th on and round."""
        room = _RECORDS_MAX_BYTES
        chosen = []
        for member in chain(islice(self._drawn, start, None), islice(self._drawn, start)):
            room -= _RECORD_BYTES + tags_bytes(member.tags)
            if room < 0:
                break
            age_s = (now_us - member.state_since_us) // SECOND
            chosen.append(Record(member.alive_message(), STATES.index(member.state), age_s))
        return tuple(chosen)


@lru_cache(maxsize=16_384)
def _mark(name: str, uuid: str, incarnation: int, state: str) -> int:
    """64 bits that stand for one line of the table."""
    text = f"{name}\0{uuid}\0{incarnation}\0{state}".encode()
    return zlib.crc32(text) | (zlib.adler32(text[::-1]) << 32)


def plausible(alive: Alive, tags_max_bytes: int) -> bool:
    """Whether a record is one that a node could have written: its name, its address, the size of its parts."""
    uuid, region, zone, version = alive.uuid, alive.region, alive.zone, alive.version
    return (
        is_name(alive.name)
        # The voters' log takes a member's UUID as it is, and no longer one can be read there.
        and len(uuid) <= UUID_MAX_LENGTH
        # No character takes more than four bytes: nearly all are short enough without a count.
        and (
            4 * max(len(uuid), len(region), len(zone), len(version)) <= _TEXT_MAX_BYTES
            or all(len(text.encode()) <= _TEXT_MAX_BYTES for text in (uuid, region, zone, version))
        )
        and alive.address.usable
        and alive.incarnation >= 0
        and (not alive.tags or tags_bytes(alive.tags) <= tags_max_bytes)
    )


def rank(member_uuid: str, key: str) -> int:
    """Rendezvous hashing: the weight of a member for ``key``; the highest are chosen (Thaler & Ravishankar 1998)."""
    return zlib.crc32(f"{key}\0{member_uuid}".encode())
