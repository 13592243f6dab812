"""Names: one living node each. Who was known first keeps it, a second one is refused, and people read of both."""

from __future__ import annotations

from pycluster.kernel.units import MILLISECOND
from pycluster.membership.discovery import Discovery
from pycluster.membership.members import Member
from pycluster.membership.messages import Alive, NameTaken
from pycluster.membership.probing import Probing
from pycluster.membership.state import State

#: Identities that a name had before, of which this node knows; a name that changes hands more often is no name.
_FORMER_MAX = 4


class Names:
    """Refuses others, and takes a refusal of this node in. Nobody is shut down."""

    def __init__(self, state: State, discovery: Discovery, probing: Probing) -> None:
        self._s = state
        self._discovery = discovery
        self._probing = probing
        #: By name, the UUIDs from which it passed on, and when each may be asked for its word again; the oldest first.
        self._former: dict[str, dict[str, int]] = {}
        self._speaking: Alive | None = None
        #: By name, who is said to have followed its holder at the same address, and when that may be looked at again.
        self._claims: dict[str, tuple[Alive, int]] = {}

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

    def yielded(self, alive: Alive, *, ask: bool) -> bool:
        """Whether its name passed on from it and this is not its own word; ``ask`` at its address for that."""
        former = self._former.get(alive.name, {})
        if alive is self._speaking or alive.uuid not in former:
            return False
        s = self._s
        if ask and s.now_us >= former[alive.uuid]:
            former[alive.uuid] = s.now_us + s.params.name_grace_ms * MILLISECOND
            self._discovery.sync(alive.address)
        return True

    def passes_on(self, holder: Member, alive: Alive, *, free: bool) -> bool:
        """A name passes on when its holder left, is down and the grace is over, or when the address is the same.

        Two living processes cannot hold one address, and whoever is there knows which of them lives: hearsay, which may
        be older than the holder, only makes this node look. Nor is whoever held the name before believed to be back
        because the name is free: its old word may still be under way, or be replayed.
        """
        former = self.yielded(alive, ask=free)
        if former:
            self._s.counters["former_identities"] += 1
        living = holder.state in ("alive", "suspect")
        if living and holder.address == alive.address and alive is not self._speaking:
            if self._claimed(alive):
                self._probing.verify(holder)
            return False
        if former:
            return False
        if not free and holder.address != alive.address:
            self.conflict(alive, holder)
            return False
        return True

    def _claimed(self, alive: Alive) -> bool:
        """Keep what others say of a newcomer at the holder's address; whether it is time to look there."""
        s = self._s
        _, again_us = self._claims.pop(alive.name, (None, 0))
        due = s.now_us >= again_us
        if len(self._claims) >= s.params.pending_max:
            oldest = next(iter(self._claims))
            if s.now_us < self._claims[oldest][1]:
                return False  # the next probe of that member finds out, too
            del self._claims[oldest]
        self._claims[alive.name] = alive, s.now_us + s.params.name_grace_ms * MILLISECOND if due else again_us
        return due

    def answered(self, holder: Member, uuid: str) -> Alive | None:
        """The identity ``uuid`` answers where ``holder`` was: what is known of it, or None and it is asked."""
        alive, _ = self._claims.get(holder.name, (None, 0))
        if alive is None or alive.uuid != uuid or alive.address != holder.address:
            self._discovery.sync(holder.address)
            return None
        self._speaking = alive
        return alive

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
