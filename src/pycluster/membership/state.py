"""What the parts of one member share: the table, the queue of news, its health, and what it is about to do."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from random import Random
from typing import assert_never

import msgspec

from pycluster.kernel.ids import Address
from pycluster.kernel.units import MILLISECOND
from pycluster.membership.broadcasts import Broadcasts
from pycluster.membership.effects import Call, Effect, Notify, SendPacket
from pycluster.membership.health import Health
from pycluster.membership.members import Evidence, Local, Member, Table, member_of, rank
from pycluster.membership.messages import (
    Alive,
    CallMessage,
    Down,
    Left,
    Packet,
    Ping,
    Probe,
    Record,
    Suspect,
    Update,
    Vouch,
)
from pycluster.membership.params import Params


class Purpose(msgspec.Struct, frozen=True):
    """Why a call was made: ``probe``, ``sync``, ``push`` or ``verify``; ``seq`` or the address asked."""

    kind: str
    seq: int = 0
    to: Address | None = None


class State:
    """Data, and the few ways in which every part may use it. Transitions of members stand in ``swim``."""

    def __init__(self, params: Params, local: Local, rng: Random) -> None:
        self.params = params
        self.rng = rng
        self.now_us = 0
        self.effects: list[Effect] = []
        self.counters: Counter[str] = Counter()
        self.table = Table()
        self.broadcasts = Broadcasts(params)
        self.health = Health(params)
        alive = Alive(
            local.name,
            local.uuid,
            local.incarnation,
            local.address,
            local.region,
            local.zone,
            local.tags,
            local.version,
            local.protocol_min,
            local.protocol_max,
        )
        self.local = member_of(alive, "alive", 0)
        self.table.put(self.local)
        self.leaving = False
        #: News that is not to wait for the next gossip round.
        self.urgent = False
        #: Newcomers are not told of: they come in a table of many, by those who know each other.
        self.hushed = False
        #: The holder of our name, while we are refused for it.
        self.refused_by: Alive | None = None
        self._seq = rng.getrandbits(24)
        self._next_call = 0
        self._calls: dict[int, Purpose] = {}
        self._spoken: dict[tuple[str, str], int] = {}

    # Members.

    @property
    def cluster_size(self) -> int:
        """Members that are alive or suspect, this one included."""
        return self.table.living

    @property
    def live_count(self) -> int:
        """The others that are alive or suspect."""
        return self.table.living - (not self.leaving)

    def others(self, *states: str) -> list[Member]:
        """The other members in those states, in the table's order."""
        # Nearly all are alive: who asks for others than those has only a few to look at.
        among = self.table.values() if "alive" in states else self.table.unwell
        return [member for member in among if member is not self.local and member.state in states]

    def some(self, count: int, *states: str, without: str = "", met: bool = False) -> list[Member]:
        """At most ``count`` of the others in those states but that one, at random; ``met``: that this node met."""
        local = self.local
        return self.table.sample(
            self.rng,
            count,
            lambda member: (
                member.state in states and member is not local and member.name != without and (member.met or not met)
            ),
        )

    def highest(self, key: str, count: int, *without: str) -> list[Member]:
        """The living members that rank highest for ``key``, this one among the candidates."""
        candidates = [
            member for member in self.table.values() if member.state == "alive" and member.name not in without
        ]
        return heapq.nsmallest(count, candidates, key=lambda member: (-rank(member.uuid, key), member.name))

    def is_among_highest(self, key: str, count: int, *without: str) -> bool:
        """Whether this node is one of ``highest``; most nodes know after a few comparisons that they are not."""
        if self.local.state != "alive" or self.local.name in without:
            return False
        own = (-rank(self.local.uuid, key), self.local.name)
        above = 0
        for member in self.table.values():
            if member.state == "alive" and (-rank(member.uuid, key), member.name) < own and member.name not in without:
                above += 1
                if above >= count:
                    return False
        return True

    def outdated(self, updates: Iterable[Update]) -> list[Member]:
        """The members of whom one of these accusations or verdicts speaks in an incarnation that is over here."""
        find = self.table.find
        found = []
        for update in updates:
            if type(update) is not Alive and type(update) is not Vouch:
                member = find(update.name)
                if member is not None and update.incarnation < member.incarnation and member.uuid == update.uuid:
                    found.append(member)
        return found

    def records(self) -> tuple[Record, ...]:
        """The table for an exchange; where it fills more than a frame, another part each time."""
        return self.table.records(self.now_us, self.rng.randrange(len(self.table)))

    def note(self, member: Member, kind: str, by: str, detail: str = "") -> None:
        """One line of evidence."""
        member.note(Evidence(self.now_us, kind, by, detail), self.params.evidence_max)

    # Saying.

    def next_seq(self) -> int:
        """A number for a probe."""
        self._seq = (self._seq + 1) & 0xFFFFFFFF
        return self._seq

    def say(self, to: Address, news: Iterable[Update], probe: Probe | None = None) -> None:
        """One packet with that news first, sent now and not counted as told."""
        base = Packet(self.local.name, self.local.uuid, self.local.incarnation, probe)
        self.effects.append(SendPacket(to, self.broadcasts.fill(base, self.cluster_size, news)))

    def send(self, to: Address, probe: Probe | None = None, about: Member | None = None) -> None:
        """One packet with as much news as fits; a suspect is told first what is said of it (Lifeguard §IV-C)."""
        first: tuple[Update, ...] = ()
        if about is not None and about.state == "suspect":
            first = (said_of(about, self.local.name, self.params.tags_gossip_bytes),)
        self.say(to, first, probe)

    def send_news(self, to: Address, members: list[Member]) -> None:
        """Tell a peer whose news of these members is out of date what is known of them here."""
        self.say(to, [said_of(member, self.local.name, self.params.tags_gossip_bytes) for member in members])

    def send_accused(self, member: Member) -> None:
        """Tell a member what is said of it, so that it can refute; it acks if it lives."""
        said = said_of(member, self.local.name, self.params.tags_gossip_bytes)
        self.say(member.address, (said,), Ping(self.next_seq()))

    def call(self, to: Address, request: CallMessage, purpose: Purpose, timeout_ms: int | None = None) -> bool:
        """A request over TCP; false where too many are under way."""
        if len(self._calls) >= self.params.pending_max:
            self.counters["calls_past_bound"] += 1
            return False
        self._next_call += 1
        self._calls[self._next_call] = purpose
        timeout_us = (timeout_ms or self.params.call_timeout_ms) * MILLISECOND
        self.effects.append(Call(self._next_call, to, request, timeout_us))
        return True

    def called(self, call: int) -> Purpose | None:
        """Why that call was made; None when it is over already."""
        return self._calls.pop(call, None)

    def notify(self, kind: str, text: str, **fields: str | int) -> None:
        """Tell the operator."""
        self.effects.append(Notify(kind, text, fields))

    def notify_once(self, kind: str, peer: str, text: str, **fields: str | int) -> None:
        """The same, once per peer and minute, within a bound.

        Anybody can invent peers until the bound is reached. Then a member that was met, or this node itself (its own
        name, or the peer ``local``), still has one line a minute: ``node`` among the fields is whom it is about.
        """
        spoken = self._spoken
        long_ago_us = self.now_us - self.params.notify_interval_ms * MILLISECOND
        while spoken and next(iter(spoken.values())) <= long_ago_us:
            del spoken[next(iter(spoken))]
        if (kind, peer) not in spoken and len(spoken) >= self.params.pending_max:
            about = self.table.get(str(fields.get("node", "")))
            if peer != "local":
                if about is None or not (about.met or about is self.local):
                    return
                peer = about.name
        if (kind, peer) not in spoken:
            spoken[kind, peer] = self.now_us
            self.notify(kind, text, **fields)


def said_of(member: Member, by: str, gossip_tags_bytes: int) -> Update:
    """The news that gives a member's state as ``by`` knows it; a suspicion stays its accuser's."""
    match member.state:
        case "alive":
            return member.alive_message(gossip_tags_bytes)
        case "suspect":
            return Suspect(member.name, member.uuid, member.incarnation, member.accuser or by, member.strength)
        case "down":
            return Down(member.name, member.uuid, member.incarnation, by, False)
        case "left":
            return Left(member.name, member.uuid, member.incarnation)
        case _:
            assert_never(member.state)
