"""Names: one living node each. Who was known first keeps it, a second one is refused, and people read of both."""

from __future__ import annotations

from pycluster.kernel.units import MILLISECOND
from pycluster.membership.discovery import Discovery
from pycluster.membership.members import Member
from pycluster.membership.messages import Alive, NameTaken
from pycluster.membership.state import State


class Names:
    """Refuses others, and takes a refusal of this node in. Nobody is shut down."""

    def __init__(self, state: State, discovery: Discovery) -> None:
        self._s = state
        self._discovery = discovery
        #: (name, UUID) of those whose name passed on to another at their own address; the oldest first.
        self._former: dict[tuple[str, str], None] = {}

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

    def yields(self, holder: Member) -> None:
        """Another took the name over at the holder's own address."""
        while len(self._former) >= self._s.params.pending_max:
            del self._former[next(iter(self._former))]
        self._former[holder.name, holder.uuid] = None

    def yielded(self, alive: Alive) -> bool:
        """Whether its name passed on in this way, and it has not asked for anything itself since."""
        return (alive.name, alive.uuid) in self._former

    def speaks(self, me: Alive) -> None:
        """It is there itself, over TCP: no old word that is still under way."""
        self._former.pop((me.name, me.uuid), None)

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
