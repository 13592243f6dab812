"""Idle streams: TCP connections that carry a greeting and then nothing, so that their end says who died."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import msgspec

from pycluster.kernel.ids import Address
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.node.effects import KeepStreams
from pycluster.node.events import Event, StreamEnded, StreamLost, StreamOpened, StreamUp
from pycluster.simulator.host import Host
from pycluster.simulator.network import Network
from pycluster.simulator.timeline import Timeline

#: The pause before a stream that ended or could not be had is dialled, doubled up to the second number.
REDIAL_US = (200 * MILLISECOND, 15 * SECOND)
#: A dial that nobody answers ends after this long.
DIAL_TIMEOUT_US = 2 * SECOND
#: A process that is stopped dials when it goes on; looked at this often.
STOPPED_US = 500 * MILLISECOND
#: A FIN that nobody acknowledges is sent again, each time after twice as long, this often (Linux's orphan retries).
FIN_FIRST_US = 200 * MILLISECOND
FIN_SENT_MAX = 9
#: A stream on which nothing moved for this long is probed (TCP keepalive), and lost when nobody answers.
KEEPALIVE_US = 120 * SECOND
KEEPALIVE_PROBES_US = 30 * SECOND


class _End(msgspec.Struct, frozen=True):
    """One end of a stream: the process that holds it, at the address it had."""

    host: Host
    life: int
    address: Address

    @property
    def lives(self) -> bool:
        """Whether that process still runs, or stands still, where it was."""
        return self.host.process is not None and self.host.life == self.life

    @property
    def reachable(self) -> bool:
        """Whether the machine is still where it was."""
        return self.host.powered and self.host.address == self.address


class _Stream:
    """One connection, from the end of its handshake on."""

    __slots__ = ("dialler", "greeted", "holder", "number", "over")

    def __init__(self, number: int, dialler: _End, holder: _End) -> None:
        self.number = number
        self.dialler = dialler
        self.holder = holder
        #: The greeting was handed to the holder.
        self.greeted = False
        #: The ends that know that it is over.
        self.over: set[str] = set()


class _Wish:
    """What a process was told to keep to one address, and how far that got."""

    __slots__ = ("owner", "pause_us", "stream", "to", "wanted")

    def __init__(self, owner: _End, to: Address) -> None:
        self.owner = owner
        self.to = to
        self.stream: _Stream | None = None
        self.pause_us = REDIAL_US[0]
        self.wanted = True


class IdleStreams:
    """Performs ``KeepStreams`` and ``CloseStream``; tells the ends what TCP would tell them."""

    def __init__(
        self,
        timeline: Timeline,
        network: Network,
        rng: Random,
        deliver: Callable[[Host, int, Event], None],
        delay_us: Callable[[], int],
    ) -> None:
        self._timeline = timeline
        self._network = network
        self._rng = rng
        self._deliver = deliver
        self._delay_us = delay_us
        self._numbers = 0
        self._streams: dict[int, _Stream] = {}
        self._wishes: dict[str, dict[Address, _Wish]] = {}
        self._greetings: dict[str, bytes] = {}

    @property
    def open(self) -> int:
        """Streams that some end still holds."""
        return len(self._streams)

    # --- effects --------------------------------------------------------------------------------------------------

    def keep(self, host: Host, effect: KeepStreams) -> None:
        """Dial what is new, say goodbye to what is too many."""
        wishes = self._wishes.setdefault(host.label, {})
        self._greetings[host.label] = effect.greeting
        for address in [address for address in wishes if address not in effect.peers]:
            wish = wishes.pop(address)
            wish.wanted = False
            if wish.stream is not None:
                self._close(wish.stream, wish.stream.dialler, goodbye=True)
        owner = _End(host, host.life, host.address)
        for address in effect.peers:
            if address not in wishes:
                wishes[address] = _Wish(owner, address)
                self._dial(wishes[address])

    def close(self, host: Host, number: int) -> None:
        """The holder ends a stream of a peer's, and says so."""
        stream = self._streams.get(number)
        if stream is not None and stream.holder.host is host and stream.holder.lives:
            self._close(stream, stream.holder, goodbye=True)

    def ended(self, host: Host, *, goodbye: bool) -> None:
        """The process on ``host`` ended. Without power nobody is told, until a keepalive finds out."""
        for wish in self._wishes.pop(host.label, {}).values():
            wish.wanted = False
        for stream in list(self._streams.values()):
            for end in (stream.dialler, stream.holder):
                if end.host is host and end.life == host.life:
                    self._close(stream, end, goodbye=goodbye)

    # --- dialling -------------------------------------------------------------------------------------------------

    def _dial(self, wish: _Wish) -> None:
        owner = wish.owner
        if not wish.wanted or not owner.lives:
            return
        if owner.host.frozen_since_us is not None:
            self._later(STOPPED_US, self._dial, wish)
            return
        peer = self._network.owners.get(wish.to)
        if peer is None or not peer.powered or not self._network.connected(owner.host, peer):
            self._later(DIAL_TIMEOUT_US, self._again, wish)
        else:
            self._later(2 * self._delay_us(), self._shaken, wish, peer)

    def _again(self, wish: _Wish) -> None:
        """Dial after the pause that this wish has reached."""
        wish.stream = None
        self._later(wish.pause_us, self._dial, wish)
        wish.pause_us = min(2 * wish.pause_us, REDIAL_US[1])

    def _shaken(self, wish: _Wish, peer: Host) -> None:
        """The handshake is over: the peer's kernel accepts, whether or not its process gets the processor."""
        owner = wish.owner
        if not wish.wanted or not owner.lives:
            return
        if owner.host.frozen_since_us is not None:
            self._later(STOPPED_US, self._shaken, wish, peer)
            return
        if peer.address != wish.to or not peer.powered or not self._network.connected(owner.host, peer):
            self._later(DIAL_TIMEOUT_US, self._again, wish)
        elif peer.process is None:
            self._again(wish)
        else:
            self._numbers += 1
            stream = _Stream(self._numbers, owner, _End(peer, peer.life, peer.address))
            wish.stream = self._streams[stream.number] = stream
            wish.pause_us = REDIAL_US[0]
            self._later(self._delay_us(), self._greet, stream, self._greetings[owner.host.label], 0)
            self._deliver(owner.host, owner.life, StreamUp(wish.to))

    def _greet(self, stream: _Stream, greeting: bytes, tries: int) -> None:
        """The first frame arrives, late where a cut came between."""
        if stream.over or tries >= FIN_SENT_MAX:
            return
        if not self._passes(stream.dialler, stream.holder):
            self._later(FIN_FIRST_US << tries, self._greet, stream, greeting, tries + 1)
            return
        stream.greeted = True
        source = Address(stream.dialler.address.host, 30_000 + stream.number % 10_000)
        self._deliver(stream.holder.host, stream.holder.life, StreamOpened(stream.number, greeting, source))

    # --- ends -----------------------------------------------------------------------------------------------------

    def _close(self, stream: _Stream, end: _End, *, goodbye: bool) -> None:
        """``end`` holds ``stream`` no more; its kernel says so to the other, if it still can."""
        stream.over.add(end.host.label)
        other = stream.holder if end is stream.dialler else stream.dialler
        if not other.lives or other.host.label in stream.over:
            self._streams.pop(stream.number, None)
        elif end.host.powered:
            self._later(self._delay_us(), self._fin, stream, end, other, goodbye, end.host.boots, 0)
        else:
            wait_us = KEEPALIVE_US + int(self._rng.random() * KEEPALIVE_PROBES_US)
            self._later(wait_us, self._lost, stream, other, False)

    def _fin(self, stream: _Stream, end: _End, other: _End, goodbye: bool, boots: int, tries: int) -> None:
        if other.host.label in stream.over:
            return
        if not end.reachable or end.host.boots != boots or tries >= FIN_SENT_MAX:
            self._later(KEEPALIVE_US, self._lost, stream, other, False)
        elif self._passes(end, other):
            self._lost(stream, other, goodbye)
        else:
            self._later(FIN_FIRST_US << tries, self._fin, stream, end, other, goodbye, boots, tries + 1)

    def _lost(self, stream: _Stream, end: _End, goodbye: bool) -> None:
        """``end`` learns that ``stream`` is over."""
        if end.host.label in stream.over:
            return
        stream.over.add(end.host.label)
        other = stream.holder if end is stream.dialler else stream.dialler
        if not other.lives or other.host.label in stream.over:
            self._streams.pop(stream.number, None)
        if not end.lives:
            return
        if end is stream.holder:
            if stream.greeted:
                self._deliver(end.host, end.life, StreamEnded(stream.number, goodbye))
            return
        for wish in list(self._wishes.get(end.host.label, {}).values()):
            if wish.stream is stream:
                self._again(wish)
                if not goodbye:
                    self._deliver(end.host, end.life, StreamLost(wish.to))

    def forge(self, host: Host, peer: Host, *, goodbye: bool = False) -> int:
        """Somebody forges a RST to ``host`` (``goodbye``: the frame and a FIN) on its streams with ``peer``.

        How many there were. ``peer`` notices when TCP next probes.
        """
        hit = 0
        for stream in list(self._streams.values()):
            for end, other in ((stream.dialler, stream.holder), (stream.holder, stream.dialler)):
                if end.host is host and other.host is peer and end.lives and host.label not in stream.over:
                    hit += 1
                    self._lost(stream, end, goodbye)
                    self._later(KEEPALIVE_US, self._lost, stream, other, False)
        return hit

    def impersonate(self, victim: Host, greeting: bytes, source: Address, for_us: int) -> None:
        """Somebody without a process opens a stream to ``victim``, greets as another, and hangs up after ``for_us``."""
        self._numbers += 1
        number = self._numbers
        self._later(2 * self._delay_us(), self._deliver, victim, victim.life, StreamOpened(number, greeting, source))
        self._later(for_us + 4 * self._delay_us(), self._deliver, victim, victim.life, StreamEnded(number))

    def _passes(self, source: _End, to: _End) -> bool:
        there = source.reachable and to.reachable
        return there and (source.host.label, to.host.label) not in self._network.blocked

    def _later(self, in_us: int, action: Callable[..., None], *arguments: object) -> None:
        self._timeline.at(self._timeline.now_us + in_us, action, *arguments)
