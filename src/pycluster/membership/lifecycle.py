"""Members' lives: every transition of a member's state stands here, and each rule compares incarnations (SWIM §4.2)."""

from __future__ import annotations

from typing import assert_never

from pycluster.kernel.ids import is_name
from pycluster.kernel.limits import INCARNATION_LEAP_MAX, INCARNATION_MAX
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.membership.accusing import Accusing
from pycluster.membership.admission import Admission
from pycluster.membership.deadlines import Deadlines
from pycluster.membership.discovery import Discovery
from pycluster.membership.effects import Cause, MemberChanged, SaveIncarnation
from pycluster.membership.members import Member, member_of, plausible
from pycluster.membership.members import State as MemberState
from pycluster.membership.messages import Alive, Down, Left, Suspect, Update, Vouch
from pycluster.membership.names import Names
from pycluster.membership.probing import Probing
from pycluster.membership.state import State
from pycluster.membership.suspicion import SILENT, STRENGTHS, Suspicion, bounded
from pycluster.membership.watching import Watching

#: Convictions in one tick; the next follow at once, after what came in meanwhile.
_CONVICTED_AT_ONCE = 64


class Lifecycle:
    """Takes news in; only a member's own word carries a higher incarnation than all before it."""

    def __init__(self, state: State, discovery: Discovery, probing: Probing, names: Names, watching: Watching) -> None:
        self._s = state
        self._discovery = discovery
        self._names = names
        self._probing = probing
        self._watching = watching
        self._suspicions: dict[str, Suspicion] = {}
        self._due: Deadlines[str] = Deadlines()
        self._admission = Admission(state, self.changed)
        self.accusing = Accusing(state, probing, self._suspicions)

    def next_deadline(self) -> int | None:
        """When the next suspicion convicts, or is asked about."""
        at_us, ask_us = self._due.earliest(), self.accusing.next_deadline()
        if at_us is not None:
            at_us = max(at_us, self._s.health.forgiving_until_us)
        return ask_us if at_us is None or (ask_us is not None and ask_us < at_us) else at_us

    def tick(self) -> None:
        """Convict those whose time is up, ask about those that are suspected for long, forget those that are gone."""
        s = self._s
        self.accusing.tick()
        if s.now_us >= s.health.forgiving_until_us:
            for name in self._due.take(s.now_us, _CONVICTED_AT_ONCE):
                found = self._suspicions[name]
                self._down(Down(name, s.table[name].uuid, found.incarnation, s.local.name, found.verified))
        self._admission.reap()

    def update(self, update: Update, *, hearsay: bool = True) -> None:
        """One piece of news; ``hearsay``: neither its subject's own word over TCP nor an answer that we asked for."""
        known = self._s.table.find(update.name)
        if type(update) is Alive:
            if known is None:
                return self.discover(update, hearsay)
            old = known.word.incarnation >= update.incarnation and not known.word.tags_hidden
            if old and known.uuid == update.uuid and known is not self._s.local:
                return  # nearly all that is heard in a large cluster
        elif known is not None and known.uuid == update.uuid and self._nothing_new(known, update):
            return  # nearly all that is heard while many are accused
        if not isinstance(update, Alive) and update.by and not is_name(update.by):
            self._s.counters["records_refused"] += 1
            return
        same = known is not None and known.uuid == update.uuid
        if known is not None and same and update.incarnation - known.incarnation > INCARNATION_LEAP_MAX:
            # No honest life reaches it, and past the last one nobody refutes.
            self._s.counters["records_refused"] += 1
            return
        if update.name == self._s.local.name:
            self._about_us(update)
            return
        match update:
            case Alive():
                self._alive(known, update, hearsay)
            case Suspect():
                self._suspect(update)
            case Vouch():
                self._vouch(update)
            case Down():
                self._down(update)
            case Left():
                self._left(update)
            case _:
                assert_never(update)

    def _nothing_new(self, known: Member, update: Update) -> bool:
        """Whether this accusation or verdict says what was heard before, or speaks of somebody who is gone anyway."""
        if type(update) is not Suspect:
            return type(update) is Down and known.state == "down" and update.incarnation <= known.incarnation
        if known.state != "suspect":
            return known.state != "alive" and update.incarnation <= known.incarnation
        found = self._suspicions.get(known.name)
        if found is None or found.incarnation != update.incarnation:
            return False
        return not found.counts(update.by, bounded(update.strength))

    def learn(self, alive: Alive, state: MemberState, age_s: int, by: str, *, hearsay: bool = True) -> None:
        """An identity that ``by`` has known as down or left for ``age_s`` and that does not hold its name here.

        Its age comes with it, so that what everyone is about to forget does not go round for ever. Where the holder
        here is gone too, the name has passed on meanwhile; tables that differ so would be compared for ever.
        """
        s = self._s
        holder = s.table.get(alive.name)
        if holder is not None and (not self._free(holder) or self._names.yielded(alive, ask=False)):
            return
        if not 0 <= age_s * SECOND < self._admission.keep_us(state):
            return
        if not plausible(alive, s.params.tags_max_bytes):
            s.counters["records_refused"] += 1
            return
        if holder is not None:
            self._names.yields(holder, alive)
        elif len(s.table) >= s.params.members_max:
            # Whoever forgot others for the dead would be told of those again.
            s.counters["members_refused"] += 1
            return
        elif not self._admission.admits(hearsay=hearsay):
            return
        member = member_of(alive, state, s.now_us - age_s * SECOND)
        s.table.put(member)
        s.note(member, "learned", by, f"{state} for {age_s} s")
        self.changed("down" if state == "down" else "left", member, f"for {age_s} s, as {by} knows")

    def reached(self, name: str) -> None:
        """A verification of ours reached a suspect: say so; only its own word ends the suspicion."""
        found = self._suspicions.get(name)
        if found is not None:
            self._vouch(Vouch(name, self._s.table[name].uuid, found.incarnation, self._s.local.name))

    # The local member.

    def _about_us(self, update: Update) -> None:
        """Only the suspect's own higher incarnation refutes (SWIM §4.2)."""
        s = self._s
        local = s.local
        if update.uuid != local.uuid:
            if isinstance(update, Alive):
                self._names.conflict(update, local)
            return
        if isinstance(update, Vouch) or s.leaving:
            return
        if update.incarnation < local.incarnation:
            return
        if isinstance(update, Alive) and update.incarnation == local.incarnation and not local.misquoted(update):
            return
        local.incarnation = update.incarnation
        if not isinstance(update, Alive):
            s.counters["refuted"] += 1
            s.health.worse(1, f"had to refute that it is {type(update).__name__.lower()}")
            s.note(local, "refuted", s.local.name, f"{type(update).__name__.lower()} by {update.by or 'itself'}")
            s.urgent = True
        self.announce()

    def announce(self) -> None:
        """Our own newer word."""
        s = self._s
        s.local.incarnation = min(s.local.incarnation + 1, INCARNATION_MAX)
        s.table.touched(s.local)
        s.effects.append(SaveIncarnation(s.local.incarnation))
        s.broadcasts.put(s.local.alive_message(s.params.tags_gossip_bytes))

    def leave(self) -> None:
        """The local member says goodbye."""
        s = self._s
        s.leaving = True
        self._enter(s.local, "left")
        s.broadcasts.put(Left(s.local.name, s.local.uuid, s.local.incarnation))

    # The others.

    def _alive(self, member: Member | None, alive: Alive, hearsay: bool) -> None:
        s = self._s
        known = member is not None and member.uuid == alive.uuid
        if member is not None and known and alive.incarnation <= member.word.incarnation and not member.tags_hidden:
            return
        if member is None:
            self.discover(alive, hearsay)
        elif not plausible(alive, s.params.tags_max_bytes):
            s.counters["records_refused"] += 1
        elif not known:
            self._another_identity(member, alive)
        elif alive.incarnation > member.incarnation:
            self._newer_word(member, alive)
        elif alive.incarnation == member.incarnation and member.tags_hidden and not alive.tags_hidden:
            member.take(alive)
            self.changed("updated", member, "tags")
        elif alive.incarnation > member.word.incarnation and member.take(alive):
            # It was accused before its word came: where it is now counts all the same, and the accusation stands.
            self.changed("updated", member, "")
            self._fetch_tags(alive)

    def _newer_word(self, member: Member, alive: Alive) -> None:
        s = self._s
        before = member.state
        changed = member.take(alive)
        self._enter(member, "alive")
        s.broadcasts.put(member.alive_message(s.params.tags_gossip_bytes))
        self._fetch_tags(alive)
        s.urgent = s.urgent or before != "alive"
        if before == "suspect":
            s.note(member, "refuted", member.name, f"incarnation {alive.incarnation}")
            self.changed("alive", member, "refuted the suspicion")
        elif before in ("down", "left"):
            s.note(member, "returned", member.name, f"incarnation {alive.incarnation}, was {before}")
            self._probing.include(member)
            self.changed("alive", member, f"returned, was {before}")
        elif changed:
            self.changed("updated", member, "")

    def discover(self, alive: Alive, hearsay: bool) -> None:
        """The word of somebody whom nobody here knows; thousands come at once."""
        s = self._s
        if not plausible(alive, s.params.tags_max_bytes):
            s.counters["records_refused"] += 1
            return
        if not self._admission.admits(hearsay=hearsay):
            return
        member = member_of(alive, "alive", s.now_us)
        s.table.add(member)
        if not s.hushed:
            s.broadcasts.put(member.alive_message(s.params.tags_gossip_bytes))
        self._probing.include(member)
        self._discovery.changed()
        self._watching.discovered(member)
        s.effects.append(MemberChanged("discovered", member, ""))
        if alive.tags_hidden:
            self._fetch_tags(alive)

    def _fetch_tags(self, alive: Alive) -> None:
        """Tags that are too large for gossip are asked for: tables that lack them have the same digest."""
        if alive.tags_hidden:
            self._discovery.sync(alive.address)

    def _another_identity(self, member: Member, alive: Alive) -> None:
        s = self._s
        if not self._names.passes_on(member, alive, free=self._free(member)):
            return
        self._names.yields(member, alive)
        self._acquit(member.name)
        successor = member_of(alive, "alive", s.now_us)
        s.note(successor, "identity", member.name, f"follows {member.uuid[:8]}, which was {member.state}")
        s.table.put(successor)
        s.broadcasts.put(successor.alive_message(s.params.tags_gossip_bytes))
        self._probing.include(successor)
        self.changed("alive", successor, f"returned with a new identity, the old one was {member.state}")
        self._fetch_tags(alive)

    def succeeds(self, member: Member, uuid: str) -> bool:
        """The identity ``uuid`` answers at ``member``'s address; whether it takes the name over at once."""
        claim = self._names.answered(member, uuid)
        if claim is not None:
            self._alive(self._s.table.get(claim.name), claim, hearsay=False)
        return claim is not None

    def _free(self, holder: Member) -> bool:
        """Whether its name may pass on; never where ``holder`` is this node."""
        over = self._s.now_us - holder.state_since_us >= self._s.params.name_grace_ms * MILLISECOND
        return holder is not self._s.local and (holder.state == "left" or (holder.state == "down" and over))

    def _suspect(self, accusation: Suspect) -> None:
        s = self._s
        member = s.table.get(accusation.name)
        if member is None or member.uuid != accusation.uuid or accusation.incarnation < member.incarnation:
            return
        strength = bounded(accusation.strength)
        found = self._suspicions.get(member.name)
        if member.state == "suspect" and found is not None and found.incarnation == accusation.incarnation:
            self._confirm(member, found, accusation, strength)
            return
        if member.state not in ("alive", "suspect"):
            return
        member.incarnation = accusation.incarnation
        health = s.health.score if accusation.by == s.local.name else 0
        found = self._suspicions[member.name] = Suspicion(
            s.params, member.incarnation, accusation.by, s.cluster_size, health, s.now_us, strength
        )
        self._due.put(member.name, found.deadline())
        self.accusing.lasts(member, found)
        before = member.state
        self._enter(member, "suspect", keep_suspicion=True)
        member.accuser, member.strength = accusation.by, strength
        s.note(member, "accused", accusation.by, STRENGTHS[strength])
        self.accusing.pass_on(member, accusation, strength, replaces=True)
        if before == "alive":
            self.changed("suspect", member, f"accused by {accusation.by}")
        self._verify(member, accusation.by)

    def _confirm(self, member: Member, found: Suspicion, accusation: Suspect, strength: int) -> None:
        """Another accuser, or the same with stronger evidence; where nobody had any so strong, verifiers look again."""
        s = self._s
        stronger = strength > found.strength
        if not found.confirm(accusation.by, strength, s.now_us):
            return
        self._due.put(member.name, found.deadline())
        s.note(member, "confirmed", accusation.by, STRENGTHS[strength])
        self.accusing.pass_on(member, accusation, strength, replaces=False)
        if stronger:
            self.accusing.lasts(member, found)
            if found.strength_of(s.local.name) < strength:
                self._verify(member, accusation.by)

    def _verify(self, member: Member, accuser: str) -> None:
        s = self._s
        if s.is_among_highest(member.suspicion_key, s.params.verifiers, member.name, accuser):
            self._probing.verify(member)

    def _vouch(self, vouch: Vouch) -> None:
        s = self._s
        found = self._suspicions.get(vouch.name)
        member = s.table.get(vouch.name)
        if found is None or member is None or member.uuid != vouch.uuid or found.incarnation != vouch.incarnation:
            return
        if found.vouch(vouch.by, s.now_us):
            self._due.put(member.name, found.deadline())
            s.note(member, "vouched", vouch.by)
            s.broadcasts.put(vouch, replaces=False)
            s.urgent = s.urgent or found.strength > SILENT

    def _down(self, down: Down) -> None:
        s = self._s
        member = s.table.get(down.name)
        if member is None or member.uuid != down.uuid or down.incarnation < member.incarnation:
            return
        if member.state not in ("alive", "suspect"):
            return
        found = self._suspicions.get(member.name)
        doubted = found is not None and not found.held(s.now_us)
        if down.by != s.local.name and not (doubted and down.verified):
            # A verdict from elsewhere that nobody verified, or about a member that nobody here doubts, or that a
            # verifier just reached: after a partition both sides come with such. It is one more accusation.
            self._suspect(Suspect(down.name, down.uuid, down.incarnation, down.by))
            return
        accusers = found.accusers if found is not None else [down.by]
        member.incarnation = down.incarnation
        self._enter(member, "down")
        member.accuser = down.by if down.verified else ""
        verified = "verified" if down.verified else "unverified"
        s.note(member, "convicted", down.by, verified)
        s.broadcasts.put(down)
        s.urgent = True
        self.changed("down", member, f"{verified}; accused by {', '.join(accusers)}")

    def _left(self, left: Left) -> None:
        s = self._s
        member = s.table.get(left.name)
        if member is None or member.uuid != left.uuid or left.incarnation < member.incarnation:
            return
        if member.state == "left":
            return
        member.incarnation = left.incarnation
        self._enter(member, "left")
        s.broadcasts.put(left)
        self.changed("left", member, f"forced out by {left.by}" if left.by else "said goodbye")

    def _acquit(self, name: str) -> None:
        """Its suspicion is over, however it ended."""
        self._suspicions.pop(name, None)
        self._due.drop(name)
        self.accusing.ends(name)

    def _enter(self, member: Member, state: MemberState, *, keep_suspicion: bool = False) -> None:
        s = self._s
        if not keep_suspicion:
            self._acquit(member.name)
            member.accuser, member.strength = "", SILENT
        if member.state != state:
            member.state = state
            member.state_since_us = s.now_us
        s.table.touched(member)

    def changed(self, cause: Cause, member: Member, detail: str) -> None:
        """Tell the node of it, once."""
        if cause in ("discovered", "alive", "down", "left"):
            self._discovery.changed()
        self._watching.changed(cause, member)
        self._s.effects.append(MemberChanged(cause, member, detail))
