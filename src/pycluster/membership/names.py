"""Names: one living node each. Who was known first keeps it, a second one is refused, and people read of both."""

from __future__ import annotations

from pycluster.kernel.units import MILLISECOND
from pycluster.membership.discovery import Discovery
from pycluster.membership.members import Member
from pycluster.membership.messages import Alive, NameTaken
from pycluster.membership.state import State

#: Identities that a name had before, of which this node knows; a name that changes hands more often is no name.
_FORMER_MAX = 4


class Names:
    """Refuses others, and takes a refusal of this node in. Nobody is shut down."""

    def __init__(self, state: State, discovery: Discovery) -> None:
        self._s = state
        self._discovery = discovery
        #: By name, the UUIDs from which it passed on, and when each may be asked for its word again; the oldest first.
        self._former: dict[str, dict[str, int]] = {}
        self._speaking: Alive | None = None

    def conflict(self, alive: Alive, holder: Member) -> None:
        """A second living node claims ``holder``'s name: say so."""
        s = self._s
        s.counters["name_conflicts"] += 1
        age_s = (s.now_us - holder.state_since_us) // (1_000 * MILLISECOND)
        ours = " (this node)" if holder is s.local else ""
        s.notify_once(
            "name-conflict",
            f"{alive.name}@{alive.address}",
            f"A second node named {alive.name} at {alive.address} is refused: the name belongs to the one at"
            f" {holder.address}{ours}, {holder.state} for {age_s} s; give one of them another name with -name",
            node=alive.name,
            address=str(alive.address),
            uuid=alive.uuid,
        )

    def yields(self, holder: Member, successor: Alive) -> None:
        """Another takes the name over, on whatever ground."""
        former = self._former.pop(holder.name, {})
        former.pop(successor.uuid, None)
        former[holder.uuid] = 0
        while len(former) > _FORMER_MAX:
            del former[next(iter(former))]
        while len(self._former) >= self._s.params.pending_max:
            del self._former[next(iter(self._former))]
        self._former[holder.name] = former

    def yielded(self, alive: Alive, *, free: bool) -> bool:
        """Whether its name passed on from it and this is not its own word; where the name is ``free``, ask for that."""
        former = self._former.get(alive.name, {})
        if alive is self._speaking or alive.uuid not in former:
            return False
        s = self._s
        if free and s.now_us >= former[alive.uuid]:
            former[alive.uuid] = s.now_us + s.params.name_grace_ms * MILLISECOND
            self._discovery.sync(alive.address)
        return True

    def speaks(self, me: Alive) -> None:
        """This very word came from itself over TCP: no old one that is still under way."""
        self._speaking = me

    def taken(self, me: Alive) -> NameTaken | None:
        """Whether the asker's name belongs to another living node."""
        s = self._s
        holder = s.table.get(me.name)
        if holder is None or holder.uuid == me.uuid or holder.state == "left":
            return None
        # Until the grace is over a dead holder's name is not free: whoever were told so would not ask again.
        grace_us = s.params.name_grace_ms * MILLISECOND
        if holder.state == "down" and s.now_us - holder.state_since_us >= grace_us:
            return None
        if holder is not s.local and holder.address == me.address:
            return None
        self.conflict(me, holder)
        return NameTaken(holder.alive_message(), (s.now_us - holder.state_since_us) // MILLISECOND)

    def refused(self, reply: NameTaken, to: object) -> None:
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

    def accepted(self) -> None:
        """A peer took this node in: the name is ours."""
        s = self._s
        if s.refused_by is not None:
            s.refused_by = None
            s.notify_once("name-accepted", "local", f"the name {s.local.name} is free again: this node is accepted")
