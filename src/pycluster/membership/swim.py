"""Membership (SWIM, Das 2002; Lifeguard, arXiv 1707.00788). Every transition of a member's state stands here.

Events: see ``events``; effects: see ``effects``. ``docs/protocol/membership.md`` has the rules and the invariants.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import assert_never

from pycluster.kernel.ids import Address, Seed
from pycluster.kernel.units import MILLISECOND
from pycluster.membership import events
from pycluster.membership.departure import Departure
from pycluster.membership.discovery import Discovery
from pycluster.membership.effects import (
    Answer,
    Cause,
    CommandFailed,
    Effect,
    MemberChanged,
    SaveIncarnation,
)
from pycluster.membership.exchange import Exchange
from pycluster.membership.gossip import Gossip
from pycluster.membership.members import Local, Member, member_of, tags_bytes
from pycluster.membership.messages import (
    Ack,
    Alive,
    Down,
    IndirectPing,
    Left,
    Nack,
    Packet,
    Ping,
    Suspect,
    Update,
    Vouch,
)
from pycluster.membership.params import Params
from pycluster.membership.probing import Miss, Probing
from pycluster.membership.state import State
from pycluster.membership.suspicion import Suspicion

#: A timer that comes this much too late says that the process stood still.
_LATE_US = 500 * MILLISECOND


class Swim:
    """One member's view of all."""

    def __init__(self, params: Params, local: Local, seeds: tuple[Seed, ...], cluster: str, rng: Random) -> None:
        self._s = State(params, local, rng)
        self._started = False
        self._suspicions: dict[str, Suspicion] = {}
        self._reap_us = 0
        self._probing = Probing(self._s)
        self._discovery = Discovery(self._s, seeds)
        self._gossip = Gossip(self._s)
        self._departure = Departure(self._s)
        self._exchange = Exchange(self._s, self._discovery, self._update)

    # Reading.

    @property
    def members(self) -> Mapping[str, Member]:
        """Everyone known, by name, the local member included."""
        return self._s.table

    @property
    def local(self) -> Member:
        """The local member."""
        return self._s.local

    @property
    def health_score(self) -> int:
        """0: fit; each step stretches this node's own accusations."""
        return self._s.health.score

    def health_reasons(self) -> tuple[str, ...]:
        """Why the score is not 0."""
        return self._s.health.reasons()

    @property
    def counters(self) -> dict[str, int]:
        """What was dropped, refused, refuted."""
        return dict(self._s.counters)

    def set_seeds(self, seeds: tuple[Seed, ...]) -> None:
        """The configured nodes changed."""
        self._discovery.set_seeds(seeds)

    def next_deadline(self) -> int | None:
        """When ``Timer`` is wanted at the latest."""
        if not self._started:
            return None
        due = [self._gossip.next_deadline(), self._departure.next_deadline()]
        if not self._s.leaving:
            due += [self._probing.next_deadline(), self._discovery.next_deadline()]
            due += [max(found.deadline(), self._s.health.forgiving_until_us) for found in self._suspicions.values()]
        return min((at_us for at_us in due if at_us is not None), default=None)

    # The door.

    def handle(self, event: events.Event, now_us: int) -> list[Effect]:
        """Take one event at ``now_us``; give back what is to be done, in order."""
        s = self._s
        due = self.next_deadline()
        s.now_us = max(s.now_us, now_us)
        if due is not None and s.now_us - due > _LATE_US:
            self._lagged(s.now_us - due)
        self._dispatch(event)
        if self._started:
            self._settle()
        effects, s.effects = s.effects, []
        return effects

    def _dispatch(self, event: events.Event) -> None:
        s = self._s
        match event:
            case events.PacketReceived(source, packet):
                self._packet(source, packet)
            case events.Timer():
                pass
            case events.CallReceived(token, source, request):
                s.effects.append(Answer(token, self._exchange.on_call(source, request)))
            case events.CallReplied(call, reply):
                seq, ack = self._exchange.on_reply(call, reply)
                self._probed_by_call(seq, ack)
            case events.CallFailed(call, reason):
                self._exchange.on_failure(call, reason)
            case events.Resolved(_, _, addresses):
                if self._started and not s.leaving:
                    self._discovery.on_resolved(addresses)
            case events.LoopLagged(lag_us):
                self._lagged(lag_us)
            case events.Start():
                self._started = True
                s.local.state_since_us = s.now_us
                self._probing.begin()
                self._discovery.begin()
            case events.Join(seeds):
                self._discovery.join(seeds)
            case events.Leave():
                self._leave()
            case events.ForceLeave(name):
                self._force_leave(name)
            case events.SetTags(tags):
                self._set_tags(tags)
            case events.Readdress(address):
                s.local.address = address
                self._announce()
            case events.Stir():
                self._gossip.stir()
            case _:
                assert_never(event)

    def _settle(self) -> None:
        s = self._s
        if not s.leaving:
            for miss in self._probing.tick():
                self._missed(miss)
            self._discovery.tick()
            for name, found in list(self._suspicions.items()):
                if s.now_us >= max(found.deadline(), s.health.forgiving_until_us):
                    self._convict(name, found)
            self._reap()
        self._gossip.tick()
        self._departure.tick()

    # Packets.

    def _packet(self, source: Address, packet: Packet) -> None:
        s = self._s
        if packet.uuid == s.local.uuid:
            s.counters["own_packets"] += 1
            return
        for update in packet.updates:
            self._update(update)
        sender = s.table.get(packet.name)
        if sender is None or sender.uuid != packet.uuid:
            if sender is None and packet.name != s.local.name:
                self._discovery.sync(source)
            else:
                s.counters["packets_of_another_identity"] += 1
        elif sender.state in ("down", "left"):
            self._from_the_dead(sender, packet)
        else:
            sender.last_seen_us = s.now_us
            if packet.incarnation > sender.incarnation:
                self._discovery.sync(sender.address)
        self._probe_message(source, packet)

    def _probe_message(self, source: Address, packet: Packet) -> None:
        match packet.probe:
            case Ping():
                self._probing.on_ping(source, packet.probe)
            case Ack():
                self._reached(self._probing.on_ack(packet.probe, packet.uuid))
            case IndirectPing():
                self._probing.on_indirect(source, packet.probe)
            case Nack():
                self._probing.on_nack(packet.probe)
            case None:
                pass
            case _:
                assert_never(packet.probe)

    def _from_the_dead(self, sender: Member, packet: Packet) -> None:
        """It lives, or its packet is old: ask for its newer word, or tell it what is said of it."""
        if packet.incarnation > sender.incarnation:
            self._discovery.sync(sender.address)
        elif not isinstance(packet.probe, Ack):
            self._s.send_accused(sender)

    def _probed_by_call(self, seq: int, ack: Ack | None) -> None:
        if ack is not None:
            member = self._s.table.get(ack.name)
            if member is not None and member.uuid == ack.uuid and member.state in ("alive", "suspect"):
                member.last_seen_us = self._s.now_us
        self._reached(self._probing.on_call(seq, ack))

    def _reached(self, name: str | None) -> None:
        """A verification of ours reached a suspect: say so; only its own word ends the suspicion."""
        found = self._suspicions.get(name) if name is not None else None
        if name is not None and found is not None:
            member = self._s.table[name]
            self._update(Vouch(name, member.uuid, found.incarnation, self._s.local.name))

    def _missed(self, miss: Miss) -> None:
        s = self._s
        member = s.table.get(miss.name)
        if member is None or member.uuid != miss.uuid or member.state not in ("alive", "suspect"):
            return
        s.note(member, "missed", s.local.name, miss.detail)
        self._update(Suspect(member.name, member.uuid, member.incarnation, s.local.name))

    # News. Each rule compares incarnations; only a member's own word carries a higher one.

    def _update(self, update: Update) -> None:
        s = self._s
        if update.name == s.local.name:
            self._about_us(update)
            return
        match update:
            case Alive():
                self._alive(update)
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

    def _about_us(self, update: Update) -> None:
        """Only the suspect's own higher incarnation refutes (SWIM §4.2)."""
        s = self._s
        local = s.local
        if update.uuid != local.uuid:
            if isinstance(update, Alive):
                self._exchange.conflict(update, local)
            return
        if isinstance(update, Vouch) or s.leaving:
            return
        if update.incarnation < local.incarnation or (
            isinstance(update, Alive) and update.incarnation == local.incarnation
        ):
            return
        local.incarnation = update.incarnation
        if not isinstance(update, Alive):
            s.counters["refuted"] += 1
            s.health.worse(1, f"had to refute that it is {type(update).__name__.lower()}")
            s.note(local, "refuted", s.local.name, f"{type(update).__name__.lower()} by {update.by or 'itself'}")
        self._announce()

    def _announce(self) -> None:
        """Our own newer word."""
        s = self._s
        s.local.incarnation += 1
        s.table.touched(s.local)
        s.effects.append(SaveIncarnation(s.local.incarnation))
        s.broadcasts.put(s.local.alive_message(s.params.tags_gossip_bytes))

    def _alive(self, alive: Alive) -> None:
        s = self._s
        member = s.table.get(alive.name)
        if tags_bytes(alive.tags) > s.params.tags_max_bytes:
            s.counters["records_refused"] += 1
            return
        if member is None:
            self._discover(alive)
        elif member.uuid != alive.uuid:
            self._another_identity(member, alive)
        elif alive.incarnation > member.incarnation:
            before = member.state
            changed = member.take(alive)
            self._enter(member, "alive")
            s.broadcasts.put(member.alive_message(s.params.tags_gossip_bytes))
            if alive.tags_hidden:
                self._discovery.sync(member.address)
            if before == "suspect":
                s.note(member, "refuted", member.name, f"incarnation {alive.incarnation}")
                self._changed("alive", member, "refuted the suspicion")
            elif before in ("down", "left"):
                s.note(member, "returned", member.name, f"incarnation {alive.incarnation}, was {before}")
                self._changed("alive", member, f"returned, was {before}")
            elif changed:
                self._changed("updated", member, "")
        elif alive.incarnation == member.incarnation and member.tags_hidden and not alive.tags_hidden:
            member.tags, member.tags_hidden = alive.tags, False
            self._changed("updated", member, "tags")

    def _discover(self, alive: Alive) -> None:
        s = self._s
        if len(s.table) >= s.params.members_max:
            s.counters["members_refused"] += 1
            return
        member = member_of(alive, "alive", s.now_us, s.params.evidence_max)
        s.table.put(member)
        s.broadcasts.put(member.alive_message(s.params.tags_gossip_bytes))
        self._changed("discovered", member, "")
        if alive.tags_hidden:
            self._discovery.sync(member.address)

    def _another_identity(self, member: Member, alive: Alive) -> None:
        """A name passes on when its holder left, is down and the grace is over, or when the address is the same.

        Two living processes cannot hold one address.
        """
        s = self._s
        over = s.now_us - member.state_since_us >= s.params.name_grace_ms * MILLISECOND
        if not (member.state == "left" or (member.state == "down" and over) or member.address == alive.address):
            self._exchange.conflict(alive, member)
            return
        self._suspicions.pop(member.name, None)
        successor = member_of(alive, "alive", s.now_us, s.params.evidence_max)
        s.note(successor, "identity", member.name, f"follows {member.uuid[:8]}, which was {member.state}")
        s.table.put(successor)
        s.broadcasts.put(successor.alive_message(s.params.tags_gossip_bytes))
        self._changed("alive", successor, f"returned with a new identity, the old one was {member.state}")

    def _suspect(self, accusation: Suspect) -> None:
        s = self._s
        member = s.table.get(accusation.name)
        if member is None or member.uuid != accusation.uuid or accusation.incarnation < member.incarnation:
            return
        found = self._suspicions.get(member.name)
        if member.state == "suspect" and found is not None and found.incarnation == accusation.incarnation:
            if found.confirm(accusation.by):
                s.note(member, "confirmed", accusation.by)
                s.broadcasts.put(accusation, replaces=False)
            return
        if member.state not in ("alive", "suspect"):
            return
        member.incarnation = accusation.incarnation
        health = s.health.score if accusation.by == s.local.name else 0
        self._suspicions[member.name] = Suspicion(
            s.params, member.incarnation, accusation.by, s.cluster_size, health, s.now_us
        )
        before = member.state
        self._enter(member, "suspect", keep_suspicion=True)
        s.note(member, "accused", accusation.by)
        s.broadcasts.put(accusation)
        if before == "alive":
            self._changed("suspect", member, f"accused by {accusation.by}")
        key = f"{member.uuid}:{member.incarnation}"
        verifiers = s.highest(key, s.params.verifiers, member.name, accusation.by)
        if s.local in verifiers:
            self._probing.verify(member)

    def _vouch(self, vouch: Vouch) -> None:
        s = self._s
        found = self._suspicions.get(vouch.name)
        member = s.table.get(vouch.name)
        if found is None or member is None or member.uuid != vouch.uuid or found.incarnation != vouch.incarnation:
            return
        if found.vouch(vouch.by, s.now_us):
            s.note(member, "vouched", vouch.by)
            s.broadcasts.put(vouch, replaces=False)

    def _convict(self, name: str, found: Suspicion) -> None:
        s = self._s
        member = s.table[name]
        self._down(Down(name, member.uuid, found.incarnation, s.local.name, found.verified))

    def _down(self, down: Down) -> None:
        s = self._s
        member = s.table.get(down.name)
        if member is None or member.uuid != down.uuid or down.incarnation < member.incarnation:
            return
        if member.state not in ("alive", "suspect"):
            return
        found = self._suspicions.get(member.name)
        if down.by != s.local.name and (found is None or found.held(s.now_us)):
            # A verdict from elsewhere about a member that nobody here doubts, or that a verifier just reached: after a
            # partition both sides come with such. It is an accusation like any other, to be verified.
            self._suspect(Suspect(down.name, down.uuid, down.incarnation, down.by))
            return
        accusers = found.accusers if found is not None else [down.by]
        member.incarnation = down.incarnation
        self._enter(member, "down")
        verified = "verified" if down.verified else "unverified"
        s.note(member, "convicted", down.by, verified)
        s.broadcasts.put(down)
        self._changed("down", member, f"{verified}; accused by {', '.join(accusers)}")

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
        self._changed("left", member, f"forced out by {left.by}" if left.by else "said goodbye")

    def _enter(self, member: Member, state: str, *, keep_suspicion: bool = False) -> None:
        s = self._s
        if not keep_suspicion:
            self._suspicions.pop(member.name, None)
        if member.state != state:
            member.state = state  # type: ignore[assignment]
            member.state_since_us = s.now_us
        s.table.touched(member)

    def _changed(self, cause: Cause, member: Member, detail: str) -> None:
        self._s.effects.append(MemberChanged(cause, member, detail))

    # Commands and time.

    def _leave(self) -> None:
        s = self._s
        if s.leaving:
            return
        s.leaving = True
        self._enter(s.local, "left")
        self._discovery.end()
        s.broadcasts.put(Left(s.local.name, s.local.uuid, s.local.incarnation))
        self._departure.begin()

    def _force_leave(self, name: str) -> None:
        s = self._s
        member = s.table.get(name)
        if member is None:
            s.effects.append(CommandFailed(f"no node named {name!r} is known here", "", "see pycluster members"))
        elif member is s.local:
            s.effects.append(CommandFailed(f"{name} is this node", "", "use pycluster leave"))
        elif member.state in ("alive", "suspect"):
            why = f"it is {member.state}; only a node that is down can be forced out"
            s.effects.append(
                CommandFailed(f"{name} was not forced out", why, f"stop its agent, or run leave on {name}")
            )
        else:
            self._left(Left(member.name, member.uuid, member.incarnation, s.local.name))

    def _set_tags(self, tags: dict[str, str]) -> None:
        s = self._s
        size = tags_bytes(tags)
        if size > s.params.tags_max_bytes:
            why = f"they take {size} bytes, {s.params.tags_max_bytes} are allowed"
            s.effects.append(CommandFailed("the tags were not changed", why, "keep large data elsewhere"))
            return
        if tags == s.local.tags:
            return
        s.local.tags = dict(tags)
        self._announce()
        self._changed("updated", s.local, "tags")

    def _lagged(self, lag_us: int) -> None:
        s = self._s
        s.counters["lagged"] += 1
        s.health.lagged(lag_us, s.now_us)
        self._probing.forgive()

    def _reap(self) -> None:
        """Forget the dead and the gone when their time is over."""
        s = self._s
        if s.now_us < self._reap_us:
            return
        self._reap_us = s.now_us + s.params.sync_interval_ms * MILLISECOND
        keep = {"down": s.params.down_keep_ms * MILLISECOND, "left": s.params.left_keep_ms * MILLISECOND}
        for member in s.others("down", "left"):
            if s.now_us - member.state_since_us >= keep[member.state]:
                s.table.drop(member.name)
                self._changed("forgotten", member, f"{member.state} for too long")
