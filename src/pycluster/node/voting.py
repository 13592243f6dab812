"""This node's voter, and what its effects mean to the rest of the node."""

from __future__ import annotations

from collections import deque
from typing import assert_never

from pycluster import consensus
from pycluster.consensus import Raft
from pycluster.node import effects, narrate
from pycluster.node.addresses import AddressBook
from pycluster.node.announcer import Announcer
from pycluster.node.commands import Commands
from pycluster.node.following import Following
from pycluster.node.ledger import Ledger
from pycluster.node.outbox import Outbox
from pycluster.node.replica import Replica
from pycluster.node.steering import Steering
from pycluster.wire import VoterMessage

_STEERED = (consensus.Transfer, consensus.AddVoter, consensus.RemoveVoter, consensus.ReplaceVoter)


class Voting:
    """Drives the consensus core; it lies dormant on a node that has nothing to do with the voters."""

    def __init__(
        self,
        name: str,
        raft: Raft,
        following: Following,
        addresses: AddressBook,
        outbox: Outbox,
        ledger: Ledger,
        announcer: Announcer,
    ) -> None:
        self._name = name
        self._raft = raft
        self._following = following
        self._addresses = addresses
        self._outbox = outbox
        self._ledger = ledger
        self._announcer = announcer
        self._commands: Commands | None = None
        self._steering: Steering | None = None
        self._replica: Replica | None = None  # until ``attach``
        self._now = 0
        self._events: deque[consensus.Event] = deque()
        self._driving = False

    def attach(self, commands: Commands, steering: Steering, replica: Replica) -> None:
        """Whom the core's answers concern."""
        self._commands = commands
        self._steering = steering
        self._replica = replica

    def at(self, now_us: int) -> None:
        """It is ``now_us``."""
        self._now = now_us

    def hear(self, body: VoterMessage, *, datagram: bool) -> None:
        """What another voter says. Who has no seat is given one by the leader that a voter named, and by nobody else.

        A log, once taken, is kept: one of nowhere would keep this node from the real one for good. Whoever is not named
        yet says it again.
        """
        if self._raft.dormant and not self._following.named(body.sender, body.message):
            self._ledger.count("leaders_unnamed")
            return
        self.drive(consensus.MessageReceived(body.sender, body.message, datagram))

    def drive(self, event: consensus.Event) -> None:
        """Hand an event to the core, and on what follows from it.

        One that comes of that waits until all of it is handed on: what must become durable has an order.
        """
        self._events.append(event)
        if self._driving:
            return
        self._driving = True
        while self._events:
            self._handle(self._raft, self._events.popleft())
        self._driving = False

    def _handle(self, raft: Raft, event: consensus.Event) -> None:
        for effect in raft.handle(event, self._now):
            match effect:
                case consensus.Send():
                    self._send(effect)
                case consensus.Persist():
                    self._outbox.save_log(effect)
                case (
                    consensus.Committed()
                    | consensus.Proposed()
                    | consensus.ReadReady()
                    | consensus.ReadRefused()
                    | consensus.PieceWanted()
                    | consensus.PieceReceived()
                    | consensus.Installed()
                    | consensus.LeaderChanged()
                ):
                    self._to_state(effect)
                case consensus.ActingStarted() | consensus.ActingRenewed() | consensus.ActingStopped():
                    self._acting(effect)
                case consensus.Notify(kind, text, fields):
                    node, term = str(fields.get("node", "")), int(fields.get("term", 0))
                    self._outbox.publish(kind, text, node=node, term=term, fields=fields)
                case consensus.CommandFailed():
                    if isinstance(event, consensus.Propose) and self._replica is not None:
                        self._replica.not_proposed(effect)
                    elif isinstance(event, _STEERED) and self._steering is not None:
                        self._steering.refused(effect)
                    elif self._commands is not None:
                        self._commands.seat_kept(effect)
                case consensus.HandedOver() | consensus.Resigned():
                    self._departed(effect)
                case consensus.Halt(reason):
                    self._outbox.append(effects.Halt(reason))
                case _:
                    assert_never(effect)

    def _send(self, send: consensus.Send) -> None:
        address = self._addresses.of(send.to)
        if address is None:
            return
        body = VoterMessage(self._name, send.message)
        if send.channel == "datagram":
            self._outbox.datagram(address, body)
        else:
            self._outbox.post(address, send.channel, body)

    def _to_state(
        self,
        effect: consensus.Committed
        | consensus.Proposed
        | consensus.ReadReady
        | consensus.ReadRefused
        | consensus.PieceWanted
        | consensus.PieceReceived
        | consensus.Installed
        | consensus.LeaderChanged,
    ) -> None:
        replica = self._replica
        assert replica is not None
        match effect:
            case consensus.Committed(entries):
                self._ledger.count("entries_committed", len(entries))
                replica.committed(entries)
            case consensus.Proposed(index, term):
                self._ledger.count("entries_proposed")
                replica.proposed(index, term)
            case consensus.ReadReady(token, _):
                replica.read_ready(token)
            case consensus.ReadRefused(token, why):
                replica.read_refused(token, why)
            case consensus.PieceWanted():
                replica.piece_wanted(effect)
            case consensus.PieceReceived():
                replica.supply.take(effect)
            case consensus.Installed(snapshot):
                replica.installed(snapshot)
            case consensus.LeaderChanged():
                replica.led()  # what is shown, the announcer compares with what holds, once an event
            case _:
                assert_never(effect)

    def _acting(self, effect: consensus.ActingStarted | consensus.ActingRenewed | consensus.ActingStopped) -> None:
        match effect:
            case consensus.ActingStarted(term, since_us, until_us):
                self._outbox.append(self._ledger.acting_started(term, since_us, until_us))
                self._announcer.acting_started(term, self._now, self._outbox.effects)
            case consensus.ActingRenewed(_, until_us):
                self._outbox.append(self._ledger.acting_renewed(until_us))
            case consensus.ActingStopped(term, at_us, reason):
                self._outbox.append(self._ledger.acting_stopped(at_us, reason))
                text = narrate.stopped_leading(self._name, term, reason)
                self._outbox.publish("leader-lost", text, node=self._name, term=term, fields={"reason": reason})
            case _:
                assert_never(effect)

    def _departed(self, effect: consensus.HandedOver | consensus.Resigned) -> None:
        assert self._commands is not None
        if isinstance(effect, consensus.Resigned):
            self._commands.seat_gone()
            return
        if effect.led:
            text = f"Leadership before stopping: {effect.detail}"
            self._outbox.publish("handed-over", text, node=self._name)
        self._commands.handed_over()
