"""The exchanges over TCP: tables compared by digest first, names claimed twice, probes where UDP fails."""

from __future__ import annotations

from collections.abc import Callable

from pycluster.kernel.ids import Address
from pycluster.kernel.units import MILLISECOND
from pycluster.membership.discovery import Discovery
from pycluster.membership.members import Member
from pycluster.membership.messages import (
    Ack,
    Alive,
    CallMessage,
    Digest,
    Done,
    Down,
    Left,
    NameTaken,
    Ping,
    Push,
    Record,
    Records,
    Same,
    Update,
)
from pycluster.membership.state import State

_DOWN, _LEFT = 2, 3


class Exchange:
    """Answers requests and takes replies in."""

    def __init__(self, state: State, discovery: Discovery, update: Callable[[Update], None]) -> None:
        self._s = state
        self._discovery = discovery
        self._update = update

    def on_call(self, source: Address, request: CallMessage) -> CallMessage:
        """The one answer to a request."""
        s = self._s
        match request:
            case Ping():
                return Ack(request.seq, s.local.name, s.local.uuid)
            case Digest():
                taken = self._taken(request.me)
                if taken is not None:
                    return taken
                self._seen(request.me)
                me = s.local.alive_message()
                if request.digest == s.table.digest:
                    return Same(me)
                return Records(me, s.table.digest, s.table.records())
            case Push():
                taken = self._taken(request.me)
                if taken is not None:
                    return taken
                self._seen(request.me)
                self._merge(request.records, request.me.name)
                return Done()
            case _:
                s.counters["requests_malformed"] += 1
                return Done()

    def on_reply(self, call: int, reply: CallMessage) -> tuple[int, Ack | None]:
        """A reply to one of ours; ``(seq, ack)`` where it was a probe."""
        s = self._s
        purpose = s.called(call)
        if purpose is None:
            return 0, None
        self._discovery.synced(purpose.to)
        match reply:
            case Ack() if purpose.kind == "probe":
                return purpose.seq, reply
            case Same():
                self._accepted()
                self._seen(reply.me)
            case Records():
                self._accepted()
                self._seen(reply.me)
                self._merge(reply.records, reply.me.name)
                if s.table.digest != reply.digest and purpose.to is not None:
                    self._discovery.push(purpose.to)
            case NameTaken():
                self._refused(reply, purpose.to)
            case Done():
                pass
            case _:
                s.counters["replies_malformed"] += 1
        return 0, None

    def on_failure(self, call: int, reason: str) -> None:
        """One of our calls failed."""
        purpose = self._s.called(call)
        if purpose is not None:
            self._discovery.synced(purpose.to)
            self._s.counters[f"calls_{reason}"] += 1

    def conflict(self, alive: Alive, holder: Member) -> None:
        """A second living node under one name: the one known first keeps it, and people read of it on both sides."""
        s = self._s
        s.counters["name_conflicts"] += 1
        age_s = (s.now_us - holder.state_since_us) // (1_000 * MILLISECOND)
        ours = " (this node)" if holder is s.local else ""
        s.notify_once(
            "name-conflict",
            f"{alive.name}@{alive.address}",
            f"a second node named {alive.name} at {alive.address} is refused: the name belongs to the one at"
            f" {holder.address}{ours}, {holder.state} for {age_s} s; give one of them another name with -name",
            node=alive.name,
            address=str(alive.address),
            uuid=alive.uuid,
        )

    def _taken(self, me: Alive) -> NameTaken | None:
        """Whether the asker's name belongs to another living node."""
        s = self._s
        holder = s.table.get(me.name)
        if holder is None or holder.uuid == me.uuid or holder.state in ("down", "left"):
            return None
        if holder is not s.local and holder.address == me.address:
            return None
        self.conflict(me, holder)
        return NameTaken(holder.alive_message(), (s.now_us - holder.state_since_us) // MILLISECOND)

    def _refused(self, reply: NameTaken, to: Address | None) -> None:
        """Our name is another's: stay out, say why, and let the holder know."""
        s = self._s
        holder = reply.holder
        if s.refused_by is None and holder.address != to:
            self._discovery.sync(holder.address)
        s.refused_by = holder
        s.notify_once(
            "name-conflict",
            "local",
            f"this node is refused: the name {holder.name} belongs to the node at {holder.address}, known for"
            f" {reply.held_ms // 1_000} s; choose another name with -name, or stop that node",
            node=holder.name,
            address=str(holder.address),
            uuid=holder.uuid,
        )

    def _accepted(self) -> None:
        s = self._s
        if s.refused_by is not None:
            s.refused_by = None
            s.notify("name-accepted", f"the name {s.local.name} is free again: this node is accepted")

    def _seen(self, me: Alive) -> None:
        """The peer's own word, and proof of its life."""
        s = self._s
        self._update(me)
        member = s.table.get(me.name)
        if member is None or member.uuid != me.uuid or member is s.local:
            return
        if member.state in ("alive", "suspect"):
            member.last_seen_us = s.now_us
        else:
            s.send_accused(member)

    def _merge(self, records: tuple[Record, ...], by: str) -> None:
        for record in records[: self._s.params.members_max]:
            alive = record.alive
            known = self._s.table.get(alive.name)
            if record.state in (_DOWN, _LEFT) and known is None:
                continue  # nobody here misses it; its own word would be news, its absence is not
            if record.state == _DOWN:
                self._update(Down(alive.name, alive.uuid, alive.incarnation, by, False))
            elif record.state == _LEFT:
                self._update(Left(alive.name, alive.uuid, alive.incarnation))
            else:
                self._update(alive)
