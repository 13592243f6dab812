"""The composition: one membership core, one consensus core on a voter, and the order in which their effects leave.

Bytes come in, bytes go out; every decision is a core's. The runtime and the simulator drive it alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import assert_never

from pycluster import consensus, membership, wire
from pycluster.consensus import Heartbeat, HeartbeatReply, Raft, Stored
from pycluster.kernel.ids import Address, Identity
from pycluster.kernel.limits import INCARNATION_MAX, VOTERS_MAX
from pycluster.kernel.units import MILLISECOND, earlier
from pycluster.membership import Swim
from pycluster.node import effects, events, view
from pycluster.node.addresses import AddressBook
from pycluster.node.announcer import Announcer
from pycluster.node.commands import Commands
from pycluster.node.config import NodeConfig, with_kept
from pycluster.node.explain import explain
from pycluster.node.following import Following
from pycluster.node.gate import Gate
from pycluster.node.ledger import Ledger
from pycluster.node.outbox import Outbox
from pycluster.node.pending import Redial
from pycluster.node.ports import StateHead
from pycluster.node.readings import Readings
from pycluster.node.seating import Seating
from pycluster.node.state import State
from pycluster.node.steering import Steering
from pycluster.node.streams import StreamEvent, Streams
from pycluster.node.voting import Voting
from pycluster.store import Store
from pycluster.wire import Codec, Gossip, Greeting, MembershipCall, StateReply, StateRequest, VoterMessage, Whois


class Node:
    """One node. ``handle`` takes an event and the time; ``state`` is the replicated state as this node offers it."""

    def __init__(
        self,
        config: NodeConfig,
        identity: Identity,
        stored: Stored,
        rng: Random,
        past_acting: tuple[view.ActingInterval, ...] = (),
        codec: Codec | None = None,
        state: Store | None = None,
    ) -> None:
        self.config, self.name, self.uuid = config, config.name, identity.uuid
        self._now = 0
        self._incarnation = min(identity.incarnation + 1, INCARNATION_MAX)
        self._ledger = Ledger(past_acting, self._incarnation)
        self._gate = Gate(codec or Codec(config.cluster), config.params, self._ledger)
        self._outbox = Outbox(self._gate.codec, self._ledger)
        local = config.local(identity.uuid, self._incarnation)
        contacts = with_kept(config.seeds, config.kept)
        seeds = tuple(seed for seed in contacts if seed.name != config.name)
        self._swim = Swim(config.membership, local, seeds, config.cluster, Random(rng.getrandbits(64)))
        self._listed = tuple(sorted({seed.name for seed in config.seeds}))[:VOTERS_MAX]
        # Who is not listed draws nothing here: the simulator's seeds of old still find what they found.
        seed = Random(rng.getrandbits(64) if config.name in self._listed else identity.uuid)
        self._raft = Raft(config.consensus, config.name, identity.uuid, self._listed, config.cluster, stored, seed)
        self._following = Following(config.params, Random(rng.getrandbits(64)))
        self._readings = Readings(
            config, identity.uuid, self._swim, self._raft, self._following, self._ledger, self._gate.strangers
        )
        self._announcer = Announcer(config.name, self._swim, self._readings, self._ledger)
        self._addresses = AddressBook(self._swim, config.seeds, config.kept)
        self._voting = Voting(
            config.name, self._raft, self._following, self._addresses, self._outbox, self._ledger, self._announcer
        )
        self.state = State(
            config,
            identity.uuid,
            self._raft,
            state,
            self._addresses,
            self._outbox,
            self._readings,
            self._voting.drive,
            Random(rng.getrandbits(64)),
        )
        drive = self._voting.drive
        self._steering = Steering(self._raft, self._swim, self._addresses, self._outbox, self.state.leader, drive)
        self._commands = Commands(
            self._swim,
            self._steering,
            self._addresses,
            self._readings,
            self._outbox,
            self._drive_swim,
            drive,
        )
        self._seating = Seating(
            self._raft, self._swim, self._following, self._addresses, self._outbox, self._steering, drive
        )
        self._voting.attach(self._commands, self._steering, self.state.replica)
        self._streams = Streams(
            self._gate.codec.encode(Greeting(config.name, identity.uuid)),
            self._addresses,
            self._outbox,
            config.params.query_timeout_ms * MILLISECOND,
            self._drive_swim,
            drive,
        )

    # --- the door -------------------------------------------------------------------------------------------------

    def handle(self, event: events.Event, now_us: int) -> list[effects.Effect]:
        """What is to be done, in order, because of ``event`` at ``now_us`` (µs of the boot-time clock)."""
        return self.handle_all((event,), now_us)

    def handle_all(self, happened: Sequence[events.Event], now_us: int) -> list[effects.Effect]:
        """The same for events that came together: what they ask of the log goes into it as one."""
        self._now = now_us
        self._outbox.begin(now_us)
        self._voting.at(now_us)
        self.state.at(now_us)
        for event in happened:
            if isinstance(event, events.LoopLagged):
                self._voting.drive(consensus.LoopLagged(event.lag_us))
        due = None if self._asleep else self._raft.next_deadline()
        if due is not None and due <= now_us:
            # A stalled process must see that its lease lapsed before it does anything else.
            self._voting.drive(consensus.Timer())
        for event in happened:
            self._dispatch(event)
        if self._announcer.settle(now_us, self._outbox.effects):
            self._drive_swim(membership.Stir())
        self._seating.settle(now_us, self.config.consensus.replace_dead_ms)
        self._streams.settle(() if self._raft.dormant else self._raft.others)
        self.state.settle()
        self._steering.settle(now_us)
        return self._outbox.taken()

    def next_deadline(self) -> int | None:
        """When ``Timer`` is due, µs; None when only an event from outside can change anything."""
        due = earlier(earlier(self._swim.next_deadline(), self.state.next_deadline()), self._steering.next_deadline())
        if not self._asleep:
            due = earlier(due, earlier(self._raft.next_deadline(), self._seating.next_deadline()))
        if self._readings.observes and not self._commands.departing:
            due = earlier(due, self._following.next_deadline())
        return due

    @property
    def _asleep(self) -> bool:
        """Whether consensus waits for nothing: it has no log to keep, and no seat to give up that it may be given."""
        return self._raft.dormant and not self._commands.departing

    # --- reading --------------------------------------------------------------------------------------------------

    @property
    def address(self) -> Address:
        """Where the others are told to find this node."""
        return self._swim.local.address

    @property
    def peers(self) -> tuple[Address, ...]:
        """Where the others were last known to be."""
        return tuple(member.address for member in self._swim.members.values() if member is not self._swim.local)

    def status(self, now_us: int) -> view.StatusView:
        """Everything on one sheet."""
        return self._readings.status(now_us)

    def members(self, now_us: int) -> tuple[view.MemberView, ...]:
        """Every member known, and every configured node never heard of, by name."""
        return self._readings.members(now_us)

    def member(self, name: str, now_us: int) -> view.MemberView | None:
        """One of them."""
        return self._readings.member(name, now_us)

    def leader(self, now_us: int) -> view.LeaderView:
        """Who leads, as far as this node may believe."""
        return self._readings.leader(now_us)

    def quorum(self, now_us: int) -> view.QuorumView:
        """The voters as this node sees them."""
        return self._readings.quorum(now_us)

    def head(self, now_us: int) -> StateHead:
        """Where this node's copy of the replicated state stands, and who answers for it."""
        return self.state.head(now_us)

    def raft(self, now_us: int) -> view.RaftStatusView:
        """The voters, and this node's copy of the state against its bounds."""
        return self.state.raft(now_us)

    def copy(self) -> tuple[int, int] | None:
        """The last entry in this node's copy of the state, and 64 bits that stand for all of it; None without one."""
        return self.state.digest()

    def explain(self, question: str, name: str, now_us: int) -> view.Explanation:
        """Why: ``question`` is ``leader``, or ``node`` with a name. ``LocalMisuse`` for any other question."""
        return explain(self._readings, question, name, now_us)

    # --- events ---------------------------------------------------------------------------------------------------

    def _dispatch(self, event: events.Event) -> None:
        match event:
            case events.StateAsked() | events.WatchOpened() | events.WatchAsked() | events.WatchClosed():
                self.state.handle(event)
            case events.PieceKept() | events.StateSaved():
                self.state.handle(event)
            case events.PostReceived(source, data):
                self._post(source, data)
            case events.Persisted(token):
                raft_token = self._outbox.persisted(token)
                if raft_token is not None:
                    self._voting.drive(consensus.Persisted(raft_token))
            case events.Timer():
                self._timer()
            case events.Datagram(source, data):
                self._datagram(source, data)
            case events.CallReceived(token, source, data):
                self._call_received(token, source, data)
            case events.CallReplied(call, data):
                self._call_replied(call, data)
            case events.CallFailed(call, reason):
                self._call_failed(call, reason)
            case events.StreamOpened() | events.StreamEnded() | events.StreamUp() | events.StreamLost():
                self._stream(event)
            case events.Refused(peer):
                self._drive_swim(membership.Refused(peer))
            case events.Resolved(host, port, addresses):
                self._addresses.resolved(host, port, addresses)
                self._streams.stale = True
                self._drive_swim(membership.Resolved(host, port, addresses))
            case events.Readdressed(address):
                self._drive_swim(membership.Readdress(address))
            case events.LoopLagged(lag_us):
                self._ledger.count("loop_lagged")
                self._drive_swim(membership.LoopLagged(lag_us))
            case events.Start():
                self._start()
            case _:
                # What is left is somebody's command: whoever performs it knows each kind.
                self._commands.perform(event, self._now)

    def _start(self) -> None:
        self._readings.started(self._now)
        self._outbox.save_incarnation(self._incarnation)
        for seed in self._addresses.contacts:
            # Membership resolves the seeds as well; voters need each other's addresses before they are members.
            self._outbox.append(effects.Resolve(seed.host, seed.port))
        self._voting.drive(consensus.Start())
        self._drive_swim(membership.Start())
        if self.config.join:
            self._drive_swim(membership.Join(self.config.join))

    def _timer(self) -> None:
        self._drive_swim(membership.Timer())
        if self._readings.observes and not self._commands.departing:
            self._following.expire(self._now)
            if self._following.wants_query(self._now):
                self._ask_a_voter()

    def _datagram(self, source: Address, data: bytes) -> None:
        body, answer = self._gate.open(source, data, self._now, self._outbox.effects, datagram=True)
        if answer is not None:
            self._outbox.append(effects.SendDatagram(source, answer))
        if isinstance(body, Gossip):
            if body.claim is not None and self._readings.observes:
                self._following.hear(body.claim, self._now)
            self._drive_swim(membership.PacketReceived(source, body.packet))
        elif isinstance(body, VoterMessage) and isinstance(body.message, Heartbeat | HeartbeatReply):
            self._voting.hear(body, datagram=True)
        elif body is not None:
            self._gate.malformed(datagram=True)

    def _post(self, source: Address, data: bytes) -> None:
        body, _ = self._gate.open(source, data, self._now, self._outbox.effects, datagram=False)
        if isinstance(body, VoterMessage):
            self._voting.hear(body, datagram=False)
        elif isinstance(body, StateRequest | StateReply):
            self.state.hear(body)
        elif isinstance(body, wire.SteeringRequest | wire.SteeringReply):
            self._steering.hear(body, self._now)
        elif body is not None:
            self._gate.malformed(datagram=False)

    def _stream(self, event: StreamEvent) -> None:
        greeting = None
        if isinstance(event, events.StreamOpened):
            greeting, _ = self._gate.open(event.source, event.data, self._now, self._outbox.effects, datagram=False)
        self._streams.handle(event, greeting)

    def _call_received(self, token: int, source: Address, data: bytes) -> None:
        body, answer = self._gate.open(source, data, self._now, self._outbox.effects, datagram=False)
        match body:
            case MembershipCall(message):
                self._drive_swim(membership.CallReceived(token, source, message))
                return
            case consensus.LeaderQuery():
                whom = None if self._raft.dormant else self._raft.answer_leader_query(self._now)
                self._outbox.answer(token, Whois(whom))
                return
            case None:
                pass
            case _:
                self._gate.malformed(datagram=False)
        self._outbox.append(effects.Hangup(token) if answer is None else effects.Answer(token, answer))

    def _call_replied(self, call: int, data: bytes) -> None:
        asked = self._outbox.called(call)
        if asked is None:
            return
        to, what = asked
        if isinstance(what, Redial):
            return  # it lives
        body, _ = self._gate.open(to, data, self._now, self._outbox.effects, datagram=False)
        if isinstance(body, MembershipCall) and isinstance(what, int):
            self._drive_swim(membership.CallReplied(what, body.message))
        elif isinstance(body, Whois) and isinstance(what, str):
            # Whoever names this node has not heard yet that it gave its seat up.
            named = body.answer is not None and body.answer.leader == self.name
            self._following.answered(what, None if named else body.answer, self._now)
        else:
            self._failed(what, "closed")

    def _call_failed(self, call: int, reason: str) -> None:
        asked = self._outbox.called(call)
        if asked is not None:
            self._failed(asked[1], reason)

    def _failed(self, what: int | str | Redial, reason: str) -> None:
        if isinstance(what, Redial):
            self._streams.redialled(what, reason)
        elif isinstance(what, int):
            self._drive_swim(membership.CallFailed(what, reason))
        else:
            self._following.answered(what, None, self._now)

    # --- effects --------------------------------------------------------------------------------------------------

    def _drive_swim(self, event: membership.Event) -> None:
        for effect in self._swim.handle(event, self._now):
            match effect:
                case membership.SendPacket(to, packet):
                    self._outbox.datagram(to, Gossip(packet, self._readings.claim(self._now)))
                case membership.MemberChanged():
                    self._member_changed(effect)
                case membership.Call(call, to, request, timeout_us):
                    self._outbox.call(to, MembershipCall(request), timeout_us, call)
                case membership.Answer(token, reply):
                    self._outbox.answer(token, MembershipCall(reply))
                case membership.Watch(peers):
                    self._streams.watch(peers)
                    self._streams.stale = True
                case membership.Resolve(host, port):
                    self._outbox.append(effects.Resolve(host, port))
                case membership.SaveIncarnation(incarnation):
                    self._outbox.save_incarnation(incarnation)
                case membership.Notify(kind, text, fields):
                    self._outbox.publish(kind, text, node=str(fields.get("node", "")), fields=fields)
                case membership.CommandFailed():
                    self._commands.refused(effect)
                case membership.Departed():
                    self._commands.departed()
                case _:
                    assert_never(effect)

    def _member_changed(self, change: membership.MemberChanged) -> None:
        member = change.member
        if member.name == self.name and change.cause != "updated":
            return
        self._announcer.member_changed(change, self._now, self._outbox.effects)
        self._streams.stale = self._seating.stale = True
        if not self._raft.dormant and member.name != self.name:
            alive = member.state == "alive" and change.cause != "forgotten"
            self._voting.drive(consensus.PeerHealth(member.name, member.uuid, alive))

    def _ask_a_voter(self) -> None:
        seats = {name for name, _ in self._following.voters} or set(self._listed)
        seats = (seats | {self._following.rumoured}) - {self.name}
        members = self._swim.members
        # A suspect may still answer, and where it is the only voter nobody else can.
        able = self._seated(seats, "alive") or self._seated(seats, "suspect")
        if not able:
            self._following.nobody_to_ask(self._now)
            return
        voter = members[self._following.whom(able)]
        self._following.asking()
        timeout_us = self.config.params.query_timeout_ms * MILLISECOND
        self._outbox.call(voter.address, consensus.LeaderQuery(), timeout_us, voter.name)

    def _seated(self, seats: set[str], state: str) -> list[str]:
        """Those of ``seats`` that membership holds for ``state``, by name."""
        return [name for name in sorted(seats) if (found := self._swim.members.get(name)) and found.state == state]
