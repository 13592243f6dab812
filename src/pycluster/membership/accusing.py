"""Who is told of an accusation, who is asked about one that lasts, and what an asked member answers."""

from __future__ import annotations

from collections.abc import Mapping

from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.membership.deadlines import Deadlines
from pycluster.membership.members import Member
from pycluster.membership.messages import Down, Ping, Suspect, Update, Vouch
from pycluster.membership.probing import Probing
from pycluster.membership.state import State, said_of
from pycluster.membership.suspicion import SILENT, Suspicion

#: Own accusations in one tick that go straight to those whom they concern; the others are told by gossip.
_TOLD_AT_ONCE = 8
#: The least pause between two suspicions that others are asked about.
_ASK_PAUSE_US = 20 * MILLISECOND
#: A verdict is told for so long after it was heard: the two sides of a cut that heals must not convict each other.
_VERDICT_FRESH_US = 5 * SECOND
#: Vouchers that are named; one alone holds the timer.
_VOUCHERS_TOLD = 3


class Accusing:
    """Gossip reaches nearly everyone: each piece is told a bounded number of times, and some of that to the dead.

    Whoever holds a suspicion for longer than it takes where all have heard everything asks others what they know.
    """

    def __init__(self, state: State, probing: Probing, suspicions: Mapping[str, Suspicion]) -> None:
        self._s = state
        self._probing = probing
        self._suspicions = suspicions
        self._told = 0
        self._due: Deadlines[str] = Deadlines()
        self._asked_us: int | None = None

    def next_deadline(self) -> int | None:
        """When others are to be asked next."""
        at_us = self._due.earliest()
        return at_us if at_us is None or self._asked_us is None else max(at_us, self._asked_us + _ASK_PAUSE_US)

    def tick(self) -> None:
        """Ask about the suspicion that waits for it longest, where it is time."""
        s = self._s
        self._told = 0
        if self._asked_us is not None and s.now_us < self._asked_us + _ASK_PAUSE_US:
            return
        for name in self._due.take(s.now_us, 1):
            self._asked_us = s.now_us
            self._ask(s.table[name], self._suspicions[name])

    def lasts(self, member: Member, found: Suspicion) -> None:
        """A suspicion began, or it is a stronger one now: others are asked when it ought to be over, one way or other.

        Nobody is asked about those that were never met, for anybody can invent some.
        """
        if member.met:
            self._due.put(member.name, self._s.now_us + found.patience_us())

    def ends(self, name: str) -> None:
        """That suspicion is over."""
        self._due.drop(name)

    def pass_on(self, member: Member, accusation: Suspect, strength: int, *, replaces: bool) -> None:
        """Gossip an accusation; our own on strong evidence goes straight to those whom it concerns, too."""
        s = self._s
        said = Suspect(member.name, member.uuid, member.incarnation, accusation.by, strength)
        s.broadcasts.put(said, replaces=replaces)
        if strength == SILENT:
            return
        s.urgent = True
        self._probing.pace.alarmed(member.name)
        if accusation.by != s.local.name or self._told >= _TOLD_AT_ONCE:
            return
        self._told += 1
        s.send_accused(member)
        if len(self._suspicions) > s.params.pending_max:
            return  # where so many are suspected, to rank the living for each would cost more than it gains
        found = self._suspicions[member.name]
        for verifier in s.highest(member.suspicion_key, s.params.verifiers, member.name, s.local.name):
            if found.strength_of(verifier.name) < strength:
                s.say(verifier.address, (said,))

    def _ask(self, member: Member, found: Suspicion) -> None:
        """Ping as many as a round of gossip goes to, with the name of the suspect: their acks bring what they know."""
        s = self._s
        known = self._words(member, found)
        for other in s.some(s.params.gossip_fanout, "alive", without=member.name, met=True):
            s.say(other.address, known, Ping(s.next_seq(), member.name, member.uuid))
        self._due.put(member.name, s.now_us + found.patience_us())

    def answer(self, ping: Ping) -> tuple[Update, ...]:
        """What is known here of the member that a ping to this node asks after.

        That is all that is said for and against it, or how it ended: its goodbye, or a fresh verdict as it was heard.
        An old verdict is left to the comparison of tables: from each of three that only heard of it, it would count
        as another's failed attempt.
        """
        s = self._s
        member = s.table.find(ping.name)
        if member is None or member is s.local or member.uuid != ping.uuid:
            return ()
        found = self._suspicions.get(member.name)
        if found is not None:
            return self._words(member, found)
        if member.state == "left":
            return (said_of(member, s.local.name, s.params.tags_gossip_bytes),)
        if member.state == "down" and member.accuser and s.now_us - member.state_since_us <= _VERDICT_FRESH_US:
            return (Down(member.name, member.uuid, member.incarnation, member.accuser, True),)
        return ()  # whoever accuses in an incarnation that is over is told so anyway

    def _words(self, member: Member, found: Suspicion) -> tuple[Update, ...]:
        """Whoever holds the suspicion, and every accuser, the strongest first."""
        whom = member.name, member.uuid, found.incarnation
        vouchers = found.vouchers[-_VOUCHERS_TOLD:] if found.held(self._s.now_us) else []
        accusers = sorted(found.accusers, key=found.strength_of, reverse=True)
        return (
            *(Vouch(*whom, by) for by in vouchers),
            *(Suspect(*whom, by, found.strength_of(by)) for by in accusers),
        )
