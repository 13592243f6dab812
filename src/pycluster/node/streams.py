"""Idle streams: to whom this node keeps one, who keeps one to it, and what the end of one may mean.

A stream carries nothing. Its end without a goodbye says that a process may be gone: membership verifies, and a voter
dials that voter once more. Only what they find counts, and even a refused dial may be forged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

import msgspec

from pycluster import consensus, membership
from pycluster.consensus import LeaderQuery, Voter
from pycluster.kernel.ids import Address
from pycluster.kernel.limits import STREAMS_MAX
from pycluster.membership import Watched
from pycluster.node.addresses import AddressBook
from pycluster.node.effects import CloseStream, KeepStreams
from pycluster.node.events import StreamEnded, StreamLost, StreamOpened, StreamUp
from pycluster.node.outbox import Outbox
from pycluster.node.pending import Redial
from pycluster.wire import Body, Greeting

StreamEvent = StreamOpened | StreamEnded | StreamUp | StreamLost


class Peer(msgspec.Struct, frozen=True):
    """Who is believed to be at the other end."""

    name: str
    uuid: str


class _Guest(msgspec.Struct, frozen=True):
    """A stream that a peer opened, and the how-manieth of all comings that was."""

    peer: Peer
    number: int


class Streams:
    """Who is at the end of which stream, and what to do when it ends."""

    def __init__(
        self,
        greeting: bytes,
        addresses: AddressBook,
        outbox: Outbox,
        redial_timeout_us: int,
        drive_swim: Callable[[membership.Event], None],
        drive_raft: Callable[[consensus.Event], None],
    ) -> None:
        self._greeting = greeting
        self._addresses = addresses
        self._outbox = outbox
        self._redial_timeout_us = redial_timeout_us
        self._drive_swim = drive_swim
        self._drive_raft = drive_raft
        self._watched: tuple[Watched, ...] = ()
        self._voters: tuple[Voter, ...] = ()
        self._kept: dict[Address, Peer] = {}
        self._seats: tuple[str, ...] = ()
        self._guests: dict[int, _Guest] = {}
        #: Streams that came to stand, ours and theirs; and which of them our own to each address was.
        self._comings = 0
        self._stood: dict[Address, int] = {}
        #: Set by whoever changes an address or membership's choice.
        self.stale = True

    def watch(self, watched: tuple[Watched, ...]) -> None:
        """Membership's choice."""
        self._watched = watched
        self.stale = True

    def settle(self, voters: tuple[Voter, ...]) -> None:
        """Bring the streams into line with membership's choice and, on a voter, the other voters."""
        if not self.stale and voters is self._voters:
            return
        self.stale, self._voters = False, voters
        wanted = {peer.address: Peer(peer.name, peer.uuid) for peer in self._watched}
        for seat in voters:
            address = self._addresses.of(seat.name)
            if address is not None:
                wanted[address] = Peer(seat.name, seat.uuid)
        seats = self._addresses.hosts(seat.name for seat in voters)
        same = wanted.keys() == self._kept.keys() and seats == self._seats
        self._kept, self._seats = wanted, seats
        if not same:
            self._stood = {address: number for address, number in self._stood.items() if address in wanted}
            self._outbox.append(KeepStreams(tuple(wanted), self._greeting, seats))

    def handle(self, event: StreamEvent, greeting: Body | None) -> None:
        """A stream came or went; ``greeting`` is the opened one's, where it could be read."""
        self._comings += 1
        match event:
            case StreamOpened(stream, _):
                if isinstance(greeting, Greeting) and len(self._guests) < STREAMS_MAX:
                    self._guests[stream] = _Guest(Peer(greeting.name, greeting.uuid), self._comings)
                else:
                    self._outbox.append(CloseStream(stream))
            case StreamEnded(stream, goodbye):
                guest = self._guests.pop(stream, None)
                # An older stream of a peer that has opened another since says nothing: its end was lost on the way.
                if guest is not None and not goodbye and not self._opened_since(guest.peer, guest.number):
                    self._bereft(guest.peer)
            case StreamLost(address):
                peer, number = self._kept.get(address), self._stood.pop(address, self._comings)
                if peer is not None:
                    self._bereft(peer, outlived=self._opened_since(peer, number))
            case StreamUp(address):
                if address in self._kept:
                    self._stood[address] = self._comings
            case _:
                assert_never(event)

    def redialled(self, redial: Redial, reason: str) -> None:
        """A redial failed. One that was accepted and then closed may have met a process that was just ending."""
        if reason == "refused":
            self._drive_raft(consensus.Refused(redial.name, redial.uuid))
        elif reason == "closed" and redial.left:
            self._redial(msgspec.structs.replace(redial, left=redial.left - 1))

    def _opened_since(self, peer: Peer, number: int) -> bool:
        """Whether ``peer`` opened a stream to us after that coming, and it stands."""
        return any(guest.peer == peer and guest.number > number for guest in self._guests.values())

    def _bereft(self, peer: Peer, *, outlived: bool = False) -> None:
        """Where ours is ``outlived`` by one of the peer's, it may be of a life before the last: only a dial tells."""
        self._drive_swim(membership.StreamEnded(peer.name, peer.uuid))
        address = self._addresses.of(peer.name)
        if address is not None and any(seat.uuid == peer.uuid for seat in self._voters):
            if not outlived:
                self._drive_raft(consensus.StreamEnded(peer.name, peer.uuid))
            self._redial(Redial(peer.name, peer.uuid, address))

    def _redial(self, redial: Redial) -> None:
        self._outbox.call(redial.address, LeaderQuery(), self._redial_timeout_us, redial)
