"""What the voters need of membership: who lives under a seat's name, where the seats are, who replaces a dead one.

Invariants: consensus knows what membership says of every seat, whichever of the two was first; where the seats are is
kept for the next start, so that voters that no file lists find each other after all were down; one dead voter is
replaced at a time, only where that is wanted, by a member that is alive. Since when a seat's holder is dead every voter
remembers for as long as the seat stands, whatever membership forgets meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable

from pycluster import consensus
from pycluster.consensus import Raft, Voter
from pycluster.kernel.ids import Seed
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.membership import Member, Swim
from pycluster.node import effects, events
from pycluster.node.addresses import AddressBook
from pycluster.node.following import Following
from pycluster.node.outbox import Outbox
from pycluster.node.steering import UNASKED, Steering

#: Between two attempts to replace a dead voter.
_RETRY_US = 5 * SECOND
#: A member with this tag is never chosen; an operator may still give it a seat.
_NEVER = ("voter", "no")


class Seating:
    """Looked after with every event; ``stale`` is set whenever a member changed."""

    def __init__(
        self,
        raft: Raft,
        swim: Swim,
        following: Following,
        addresses: AddressBook,
        outbox: Outbox,
        steering: Steering,
        drive: Callable[[consensus.Event], None],
    ) -> None:
        self._raft = raft
        self._swim = swim
        self._following = following
        self._addresses = addresses
        self._outbox = outbox
        self._steering = steering
        self._drive = drive
        self.stale = False
        self._seats: tuple[Voter, ...] = ()
        self._followed: tuple[tuple[str, str], ...] = ()
        self._kept: tuple[Seed, ...] = ()
        #: Since when nobody lives under a seat's name, as far as this node knows; no more than there are seats.
        self._dead: dict[Voter, int] = {}
        self._due_us: int | None = None
        self._retry_us = 0

    def settle(self, now_us: int, replace_dead_ms: int) -> None:
        """After every event."""
        raft = self._raft
        if not raft.dormant:
            self._take_part(raft)
        if self._following.voters is not self._followed:
            self._followed, self.stale = self._following.voters, True
        if self.stale:
            self.stale = False
            self._keep_addresses()
            self._note_deaths(now_us)
        self._due_us = None
        if replace_dead_ms and raft.is_acting(now_us):
            self._replace(now_us, replace_dead_ms * MILLISECOND)

    def _take_part(self, raft: Raft) -> None:
        new = raft.seats is not self._seats
        if new:
            self._seats, self.stale = raft.seats, True
            self._tell_health()
        if raft.seated and (self._following.belief is not None or self._following.highest_term != raft.term or new):
            voters = tuple((seat.name, seat.uuid) for seat in raft.voters)
            self._following.took_part(raft.term, raft.cluster_uuid, voters)

    def next_deadline(self) -> int | None:
        """When a dead voter has been dead for long enough."""
        return self._due_us

    def _tell_health(self) -> None:
        """A seat that is new: what was said of its name before counted for nothing then."""
        for name in sorted({seat.name for seat in self._seats} - {self._raft.name}):
            member = self._swim.members.get(name)
            if member is not None:
                self._drive(consensus.PeerHealth(name, member.uuid, member.state == "alive"))

    def _keep_addresses(self) -> None:
        names = {seat.name for seat in self._seats} or {name for name, _ in self._followed}
        found = [(name, self._addresses.of(name)) for name in sorted(names - {self._raft.name})]
        kept = tuple(Seed(name, address.host, address.port) for name, address in found if address is not None)
        if kept and kept != self._kept:
            self._kept = kept
            self._outbox.append(effects.KeepSeats(kept))

    # A dead voter.

    def _replace(self, now_us: int, after_us: int) -> None:
        """The voter that has been dead for longest, or the learner on whom its replacement waits in vain.

        A learner under a voter's name is that voter's new disk: if it dies, the voter is replaced.
        """
        names = {seat.name for seat in self._raft.voters}
        learners = [seat for seat in self._seats if seat.name not in names]
        dead = [(self._dead[seat], seat) for seat in learners or self._seats if seat in self._dead]
        if not dead:
            return
        spare = None if learners else self._spare()
        if not learners and spare is None:
            return  # a member that comes alive is an event
        self._due_us = max(min(dead)[0] + after_us, self._retry_us)
        if now_us < self._due_us:
            return
        self._due_us = self._retry_us = now_us + _RETRY_US
        # Whom the leader hears is not dead, whatever membership says.
        heard = {peer.uuid for peer in self._raft.view(now_us).voters if peer.reachable}
        due = sorted((at_us, seat) for at_us, seat in dead if at_us + after_us <= now_us and seat.uuid not in heard)
        if not due:
            return
        seat = due[0][1]
        if spare is None:
            self._steering.remove(events.RemoveSeat(UNASKED, seat.name), now_us)
        else:
            self._steering.add(events.ReplaceSeat(UNASKED, seat.name, spare.name), now_us)

    def _note_deaths(self, now_us: int) -> None:
        """Of whom membership knows nothing is dead since it forgot him at the latest, or was never there.

        Who lives under the name with another UUID has an empty disk; that is for consensus to see to.
        """
        dead: dict[Voter, int] = {}
        for seat in self._seats:
            member = self._swim.members.get(seat.name)
            if member is None:
                dead[seat] = self._dead.get(seat, now_us)
            elif member.state in ("down", "left"):
                dead[seat] = min(member.state_since_us, self._dead.get(seat, now_us))
        self._dead = dead

    def _spare(self) -> Member | None:
        """The lowest-named member without a seat, those in ``[nodes]`` first."""
        seated = {seat.name for seat in self._seats}
        key, value = _NEVER
        able = [
            member
            for member in self._swim.members.values()
            if member.state == "alive" and member.name not in seated and member.tags.get(key) != value
        ]
        listed = self._addresses.listed
        return min(able, key=lambda member: (member.name not in listed, member.name), default=None)
