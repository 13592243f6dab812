"""Membership (SWIM, Das 2002; Lifeguard, arXiv 1707.00788): the door of the core.

Events: see ``events``; effects: see ``effects``; transitions: ``lifecycle``. ``docs/protocol/membership.md`` has the
rules and the invariants.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import assert_never

from pycluster.kernel.ids import Address, Seed
from pycluster.kernel.limits import TAGS_MAX
from pycluster.kernel.units import MILLISECOND
from pycluster.membership import events
from pycluster.membership.departure import Departure
from pycluster.membership.discovery import Discovery
from pycluster.membership.effects import (
    Answer,
    CommandFailed,
    Effect,
)
from pycluster.membership.exchange import Exchange
from pycluster.membership.gossip import Gossip
from pycluster.membership.hints import Hints
from pycluster.membership.lifecycle import Lifecycle
from pycluster.membership.members import Local, Member, tags_bytes
from pycluster.membership.messages import (
    Ack,
    IndirectPing,
    Left,
    Nack,
    Packet,
    Ping,
    Suspect,
)
from pycluster.membership.names import Names
from pycluster.membership.params import Params
from pycluster.membership.probing import Probing
from pycluster.membership.rounds import Miss
from pycluster.membership.state import State
from pycluster.membership.watching import Watching

#: A timer that comes this much too late says that the process stood still.
_LATE_US = 500 * MILLISECOND


class Swim:
    """One member's view of all."""

    def __init__(self, params: Params, local: Local, seeds: tuple[Seed, ...], cluster: str, rng: Random) -> None:
        self._s = State(params, local, rng)
        self._started = False
        self._due_us: int | None = None
        self._probing = Probing(self._s)
        self._discovery = Discovery(self._s, seeds)
        self._gossip = Gossip(self._s)
        self._departure = Departure(self._s)
        self._names = Names(self._s, self._discovery, self._probing)
        self._watching = Watching(self._s)
        self._hints = Hints(self._s, self._probing)
        self._lifecycle = Lifecycle(self._s, self._discovery, self._probing, self._names, self._watching)
        self._exchange = Exchange(self._s, self._discovery, self._names, self._lifecycle)

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
        self._due_us = self._deadline()

    def next_deadline(self) -> int | None:
        """When ``Timer`` is wanted at the latest."""
        return self._due_us

    def _deadline(self) -> int | None:
        if not self._started:
            return None
        due = [self._gossip.next_deadline(), self._departure.next_deadline()]
        if not self._s.leaving:
            due += (self._probing.next_deadline(), self._discovery.next_deadline(), self._lifecycle.next_deadline())
        at_us = min([at_us for at_us in due if at_us is not None], default=None)
        # What a bound left over is due now: a node that is busy did not stand still.
        return None if at_us is None else max(at_us, self._s.now_us)

    # The door.

    def handle(self, event: events.Event, now_us: int) -> list[Effect]:
        """Take one event at ``now_us``; give back what is to be done, in order."""
        s = self._s
        due = self._due_us
        s.now_us = max(s.now_us, now_us)
        if due is not None and s.now_us - due > _LATE_US:
            self._lagged(s.now_us - due)
        self._dispatch(event)
        if self._started:
            self._settle()
        self._due_us = self._deadline()
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
                failed = self._exchange.on_failure(call, reason)
                if failed is not None:
                    self._probing.on_call_failed(failed, reason)
            case events.Resolved(_, _, addresses):
                if self._started and not s.leaving:
                    self._discovery.on_resolved(addresses)
            case events.StreamEnded(name, uuid):
                self._hints.stream_ended(name, uuid)
            case events.Refused(address):
                self._hints.refused(address)
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
                s.local.amend(address=address)
                self._lifecycle.announce()
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
            self._lifecycle.tick()
        self._watching.tick()
        self._gossip.tick()
        self._departure.tick()

    # Packets.

    def _packet(self, source: Address, packet: Packet) -> None:
        s = self._s
        if packet.uuid == s.local.uuid:
            s.counters["own_packets"] += 1
            return
        outdated = s.outdated(packet.updates)
        for update in packet.updates:
            self._lifecycle.update(update)
        if outdated:
            s.send_news(source, outdated)
        sender = s.table.get(packet.name)
        if sender is None or sender.uuid != packet.uuid:
            if sender is None and packet.name != s.local.name:
                self._discovery.sync(source)
            else:
                s.counters["packets_of_another_identity"] += 1
        elif sender.state in ("down", "left"):
            self._from_the_dead(sender, source, packet)
        else:
            sender.last_seen_us = s.now_us
            if packet.incarnation > sender.incarnation:
                self._ask_for_its_word(sender, source)
        self._probe_message(source, packet)

    def _probe_message(self, source: Address, packet: Packet) -> None:
        match packet.probe:
            case Ping():
                self._probing.on_ping(source, packet.probe, self._lifecycle.accusing.answer(packet.probe))
            case Ack():
                self._reached(self._probing.on_ack(packet, packet.probe))
            case IndirectPing():
                self._probing.on_indirect(source, packet.probe)
            case Nack():
                self._probing.on_nack(packet.probe, packet.name)
            case None:
                pass
            case _:
                assert_never(packet.probe)

    def _from_the_dead(self, sender: Member, source: Address, packet: Packet) -> None:
        """It lives, or its packet is old: ask for its newer word, or tell it what is said of it."""
        if packet.incarnation > sender.incarnation:
            self._ask_for_its_word(sender, source)
        elif not isinstance(packet.probe, Ack) and not self._s.leaving:
            # Two that leave at once would tell each other so for ever.
            self._s.send_accused(sender)

    def _ask_for_its_word(self, sender: Member, source: Address) -> None:
        """It has a newer incarnation than is known here, and perhaps another address with it."""
        self._discovery.sync(sender.address)
        if source != sender.address:
            self._discovery.sync(source)

    def _probed_by_call(self, seq: int, ack: Ack | None) -> None:
        if ack is not None:
            member = self._s.table.get(ack.name)
            if member is not None and member.uuid == ack.uuid and member.state in ("alive", "suspect"):
                member.last_seen_us = self._s.now_us
                member.met = True
        self._reached(self._probing.on_call(seq, ack))

    def _reached(self, name: str | None) -> None:
        if name is not None:
            self._hints.reached(name)
            self._lifecycle.reached(name)

    def _missed(self, miss: Miss) -> None:
        s = self._s
        member = s.table.get(miss.name)
        if member is None or member.uuid != miss.uuid or member.state not in ("alive", "suspect"):
            return
        s.note(member, "missed", s.local.name, miss.detail)
        if miss.foreign and self._lifecycle.succeeds(member, miss.foreign):
            return
        self._lifecycle.update(Suspect(member.name, member.uuid, member.incarnation, s.local.name, miss.strength))

    # Commands and time.

    def _leave(self) -> None:
        s = self._s
        if s.leaving:
            return
        self._lifecycle.leave()
        self._discovery.end()
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
            self._lifecycle.update(Left(member.name, member.uuid, member.incarnation, s.local.name))

    def _set_tags(self, tags: dict[str, str]) -> None:
        s = self._s
        size = tags_bytes(tags)
        what = "the tags were not changed"
        if size > s.params.tags_max_bytes:
            why = f"they take {size} bytes, {s.params.tags_max_bytes} are allowed"
            s.effects.append(CommandFailed(what, why, "keep large data elsewhere"))
            return
        if len(tags) > TAGS_MAX or "" in tags:
            why = f"there are {len(tags)}, {TAGS_MAX} are allowed" if tags.get("") is None else "a key is empty"
            s.effects.append(CommandFailed(what, why, "name each tag, and keep the list short"))
            return
        if tags == s.local.tags:
            return
        s.local.amend(tags=dict(tags))
        self._lifecycle.announce()
        self._lifecycle.changed("updated", s.local, "tags")

    def _lagged(self, lag_us: int) -> None:
        s = self._s
        s.counters["lagged"] += 1
        s.health.lagged(lag_us, s.now_us)
        self._probing.forgive()
        self._discovery.lagged(lag_us)
