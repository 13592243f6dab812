"""The exchanges over TCP: tables compared by digest first, names claimed twice, probes where UDP fails."""

from __future__ import annotations

from pycluster.kernel.ids import Address
from pycluster.membership.discovery import Discovery
from pycluster.membership.lifecycle import Lifecycle
from pycluster.membership.members import STATES, Member
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
)
from pycluster.membership.names import Names
from pycluster.membership.state import State

_DOWN, _LEFT = 2, 3
#: A table with more unknown members than so many times the known ones is a crowd's; so is one whose news would fill
#: this part of the queue, such as the second frame of a table of thousands.
_CROWD = 3
_QUEUE_SHARE = 4
#: Members suspect or down here of whom one table says that they live: so many are told at once what is said of them.
_DISPUTED_MAX = 32


class Exchange:
    """Answers requests and takes replies in."""

    def __init__(self, state: State, discovery: Discovery, names: Names, lifecycle: Lifecycle) -> None:
        self._s = state
        self._discovery = discovery
        self._names = names
        self._lifecycle = lifecycle

    def on_call(self, source: Address, request: CallMessage) -> CallMessage:
        """The one answer to a request."""
        s = self._s
        match request:
            case Ping():
                return Ack(request.seq, s.local.name, s.local.uuid)
            case Digest():
                taken = self._names.taken(request.me)
                if taken is not None:
                    return taken
                self._seen(request.me)
                me = s.local.alive_message()
                if request.digest == s.table.digest:
                    return Same(me)
                return Records(me, s.table.digest, s.records())
            case Push():
                taken = self._names.taken(request.me)
                if taken is not None:
                    return taken
                self._seen(request.me)
                self._merge(request.records, request.me.name, hearsay=True)
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
                self._names.accepted()
                self._seen(reply.me)
            case Records():
                self._names.accepted()
                self._seen(reply.me)
                self._merge(reply.records, reply.me.name, hearsay=False)
                if s.table.digest != reply.digest and purpose.to is not None:
                    self._discovery.push(purpose.to)
            case NameTaken():
                self._names.refused(reply, purpose.to)
            case Done():
                pass
            case _:
                s.counters["replies_malformed"] += 1
        return 0, None

    def on_failure(self, call: int, reason: str) -> int | None:
        """One of our calls failed; the round's number where it was a probe."""
        purpose = self._s.called(call)
        if purpose is None:
            return None
        self._discovery.synced(purpose.to)
        self._s.counters[f"calls_{reason}"] += 1
        return purpose.seq if purpose.kind == "probe" else None

    def _seen(self, me: Alive) -> None:
        """The peer's own word, and proof of its life."""
        s = self._s
        self._names.speaks(me)
        self._lifecycle.update(me, hearsay=False)
        member = s.table.get(me.name)
        if member is None or member.uuid != me.uuid or member is s.local:
            return
        member.met = True
        if member.state in ("alive", "suspect"):
            member.last_seen_us = s.now_us
        else:
            s.send_accused(member)

    def _merge(self, records: tuple[Record, ...], by: str, *, hearsay: bool) -> None:
        """Take a table in. Who knew few of these joins a crowd that has told itself of them: it tells nobody again.

        Few: less than a third as many as are news here. Two halves that meet, and nodes that start together, do tell.
        """
        table = self._s.table
        unknown = sum(record.alive.name not in table for record in records)
        self._s.hushed = unknown > min(_CROWD * len(table), self._s.params.queue_max // _QUEUE_SHARE)
        self._take_in(records, by, hearsay)
        self._s.hushed = False

    def _take_in(self, records: tuple[Record, ...], by: str, hearsay: bool) -> None:
        s = self._s
        find = s.table.find
        disputed: dict[str, Member] = {}
        for record in records[: self._s.params.members_max]:
            alive = record.alive
            holder = find(alive.name)
            if holder is None and record.state not in (_DOWN, _LEFT):
                self._lifecycle.discover(alive, hearsay)  # so is nearly all of the first table
            elif record.state in (_DOWN, _LEFT) and (holder is None or holder.uuid != alive.uuid):
                self._lifecycle.learn(alive, STATES[record.state], record.age_s, by, hearsay=hearsay)
            elif record.state == _DOWN:
                self._lifecycle.update(Down(alive.name, alive.uuid, alive.incarnation, by, False))
            elif record.state == _LEFT:
                self._lifecycle.update(Left(alive.name, alive.uuid, alive.incarnation))
            else:
                self._lifecycle.update(alive, hearsay=hearsay)
                # Those that were never met may be an invention, at the address of somebody who never asked for this.
                if (
                    holder is not None
                    and holder.met
                    and holder.uuid == alive.uuid
                    and holder.state in ("suspect", "down")
                ):
                    disputed[holder.name] = holder
        for name in s.rng.sample(list(disputed), min(len(disputed), _DISPUTED_MAX)):
            # Whoever lives answers with a newer word at once; contacts in turn would take their time.
            s.send_accused(disputed[name])
