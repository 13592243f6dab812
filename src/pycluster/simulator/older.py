"""A process of the previous version, for upgrades one node at a time: it neither sends nor reads what is new."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pycluster.consensus import Configuration, Heartbeat
from pycluster.consensus.messages import AppendEntries, InstallReply, InstallSnapshot, VoteReply
from pycluster.membership import Packet
from pycluster.membership.messages import Ack, Ping, Suspect
from pycluster.node import effects, events
from pycluster.node.view import LeaderView, MemberView, QuorumView
from pycluster.simulator.host import Process
from pycluster.wire import (
    Codec,
    Gossip,
    Malformed,
    Rejected,
    StateReply,
    StateRequest,
    SteeringReply,
    SteeringRequest,
    VoterMessage,
)

#: What it neither keeps nor hears of.
_UNKNOWN_EFFECTS = (effects.KeepStreams, effects.CloseStream, effects.KeepPiece)
_UNKNOWN_EVENTS = (events.StreamOpened, events.StreamEnded, events.StreamUp, events.StreamLost, events.Refused)
#: Frames of kinds that it knows nothing of.
_UNKNOWN_BODIES = (StateRequest, StateReply, SteeringRequest, SteeringReply)


class Older:
    """A process without idle streams, ICMP, questions, strengths of accusations, and what a vote owes of a lease."""

    def __init__(self, inner: Process, cluster: str) -> None:
        self._inner = inner
        self._codec = Codec(cluster)

    def handle(self, event: events.Event, now_us: int) -> list[effects.Effect]:
        """As the process within, with what is new taken out on the way in and out."""
        if isinstance(event, _UNKNOWN_EVENTS):
            # A timer is handled whenever it is due, so that nothing waits for the event that was left out.
            return self.handle(events.Timer(), now_us)
        if isinstance(event, events.PostReceived) and self._unknown(event.data):
            return self.handle(events.Timer(), now_us)
        if isinstance(event, events.Datagram | events.PostReceived):
            event = msgspec.structs.replace(event, data=self._plain(event.data))
        todo = self._inner.handle(event, now_us)
        return [self._without(effect) for effect in todo if not isinstance(effect, _UNKNOWN_EFFECTS)]

    def _without(self, effect: effects.Effect) -> effects.Effect:
        if isinstance(effect, effects.SendDatagram | effects.Post):
            return msgspec.structs.replace(effect, data=self._plain(effect.data))
        return effect

    def _unknown(self, data: bytes) -> bool:
        try:
            body = self._codec.decode(data, datagram=False)
        except (Malformed, Rejected):
            return False
        if not isinstance(body, VoterMessage):
            return isinstance(body, _UNKNOWN_BODIES)
        message = body.message
        if isinstance(message, AppendEntries):
            payloads = [entry.payload for entry in message.entries]
            return any(isinstance(one, Configuration) and one.moving is not None for one in payloads)
        return isinstance(message, InstallSnapshot | InstallReply)

    def _plain(self, data: bytes) -> bytes:
        try:
            body = self._codec.decode(data, datagram=False)
        except (Malformed, Rejected):
            return data
        match body:
            case Gossip(packet):
                return self._codec.encode(msgspec.structs.replace(body, packet=_plain(packet)))
            case VoterMessage(sender, Heartbeat() as message):
                return self._codec.encode(VoterMessage(sender, msgspec.structs.replace(message, lease_us=0)))
            case VoterMessage(sender, VoteReply() as message):
                plain = msgspec.structs.replace(message, owed_us=0, retry_after_us=0)
                return self._codec.encode(VoterMessage(sender, plain))
            case _:
                return data

    # --- as it is -------------------------------------------------------------------------------------------------

    def next_deadline(self) -> int | None:
        """When the process within wants to be woken."""
        return self._inner.next_deadline()

    def quorum(self, now_us: int) -> QuorumView:
        """The process's own."""
        return self._inner.quorum(now_us)

    def copy(self) -> tuple[int, int] | None:
        """It knows nothing of the state."""
        return None

    def leader(self, now_us: int) -> LeaderView:
        """The process's own."""
        return self._inner.leader(now_us)

    def members(self, now_us: int) -> Sequence[MemberView]:
        """The process's own."""
        return self._inner.members(now_us)

    def member(self, name: str, now_us: int) -> MemberView | None:
        """The process's own."""
        return self._inner.member(name, now_us)


def _plain(packet: Packet) -> Packet:
    """An accusation has no strength, a probe by UDP names somebody, its sender at least, and no ping is a question."""
    updates = tuple(
        msgspec.structs.replace(update, strength=0) if isinstance(update, Suspect) else update
        for update in packet.updates
    )
    probe = packet.probe
    if isinstance(probe, Ping) or (isinstance(probe, Ack) and not probe.name):
        probe = msgspec.structs.replace(probe, name=packet.name, uuid=packet.uuid)
    return msgspec.structs.replace(packet, updates=updates, probe=probe)
