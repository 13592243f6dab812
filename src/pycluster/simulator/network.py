"""Datagrams: who can reach whom, and what happens to a packet on its way."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import msgspec

from pycluster.kernel.ids import Address, is_numeric
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.node.events import Datagram, Refused, Resolved
from pycluster.simulator.host import Host
from pycluster.simulator.timeline import Timeline

Pair = tuple[str, str]
Deliver = Callable[[Host, int, Datagram | Refused | Resolved], None]

#: A machine says at most once in this time to one sender that nobody has the port (Linux's ``icmp_ratelimit``).
ICMP_PAUSE_US = SECOND
#: Pairs that are remembered for that, before all are forgotten.
REFUSALS_MAX = 65_536


class Weather(msgspec.Struct, frozen=True):
    """What the wire does to traffic. Chances are per packet, 0 to 1; times are one way, µs.

    ``corrupt`` cuts a datagram short or replaces it by noise: a flipped bit that UDP's checksum lets through is
    not to be survived by a protocol without keys, so it is not among it.
    """

    least_us: int = 150
    jitter_us: int = 300
    spike: float = 0.001
    spike_us: int = 20 * MILLISECOND
    loss: float = 0.0
    duplicate: float = 0.0
    corrupt: float = 0.0

    def with_(self, other: Weather) -> Weather:
        """Both at once: the worse of each."""
        return Weather(
            max(self.least_us, other.least_us),
            max(self.jitter_us, other.jitter_us),
            max(self.spike, other.spike),
            max(self.spike_us, other.spike_us),
            max(self.loss, other.loss),
            max(self.duplicate, other.duplicate),
            max(self.corrupt, other.corrupt),
        )


#: A quiet local network.
FAIR = Weather()


class Network:
    """Everything below TCP. Hosts are told apart by label; an address belongs to one host at a time."""

    def __init__(self, timeline: Timeline, rng: Random, weather: Weather, deliver: Deliver) -> None:
        self._timeline = timeline
        self._rng = rng
        self._deliver = deliver
        self._base = weather
        self._storms: dict[int, Weather] = {}
        self._cuts: dict[int, frozenset[Pair]] = {}
        self._next = 0
        self.weather = weather
        self.blocked: frozenset[Pair] = frozenset()
        self.owners: dict[Address, Host] = {}
        self.names: dict[str, tuple[str, ...]] = {}
        self.names_fail = False
        #: By address and sender: when ICMP last said that nobody has the port.
        self._refusals: dict[tuple[Address, Address], int] = {}
        #: When somebody may last have become reachable who was not.
        self.mended_us = 0
        #: When a cut or a storm last began or ended, and until when somebody forges.
        self.changed_us = 0
        self.hostile_until_us = 0
        self.sent = 0
        self.sent_bytes = 0
        #: Told every datagram that is sent: (from, to, bytes).
        self.tap: Callable[[Address, Address, bytes], None] | None = None

    # --- shape ----------------------------------------------------------------------------------------------------

    def attach(self, host: Host) -> None:
        """``host.address`` is ``host``'s from now on, and its former address is nobody's."""
        for address in [known for known, owner in self.owners.items() if owner is host]:
            del self.owners[address]
        self.owners[host.address] = host

    def cut(self, pairs: frozenset[Pair]) -> int:
        """Block these (from, to) pairs until ``heal`` with the number given back."""
        self._next += 1
        self._cuts[self._next] = pairs
        self._merge()
        return self._next

    def heal(self, number: int) -> None:
        """Undo one cut; other cuts may still block the same pairs."""
        self._cuts.pop(number, None)
        self.mended_us = self._timeline.now_us
        self._merge()

    def storm(self, weather: Weather) -> int:
        """Add ``weather`` to what holds until ``calm`` with the number given back."""
        self._next += 1
        self._storms[self._next] = weather
        self._merge()
        return self._next

    def calm(self, number: int) -> None:
        """Undo one storm."""
        self._storms.pop(number, None)
        self._merge()

    def clear(self) -> None:
        """Undo every cut and storm, and lose nothing any more.

        Where packets are lost for ever, TCP now and then loses one segment three times. The second and a half that this
        costs is a lease, and no fault of the leader's: no promise about a quiet time could be held to.
        """
        self._base = msgspec.structs.replace(self._base, loss=0.0)
        self._cuts.clear()
        self.mended_us = self._timeline.now_us
        self._storms.clear()
        self._merge()

    def _merge(self) -> None:
        self.changed_us = self._timeline.now_us
        self.blocked = frozenset().union(*self._cuts.values())
        self.weather = self._base
        for storm in self._storms.values():
            self.weather = self.weather.with_(storm)

    def connected(self, one: Host, other: Host) -> bool:
        """Whether packets pass both ways."""
        return (one.label, other.label) not in self.blocked and (other.label, one.label) not in self.blocked

    def delay_us(self) -> int:
        """One way, for one packet."""
        weather = self.weather
        delay_us = weather.least_us + int(self._rng.random() * weather.jitter_us)
        if self._rng.random() < weather.spike:
            delay_us += int(self._rng.random() * weather.spike_us)
        return delay_us

    # --- datagrams ------------------------------------------------------------------------------------------------

    def datagram(self, source: Host, to: Address, data: bytes) -> None:
        """Send one; it arrives never, once or twice, in any order."""
        self.sent += 1
        self.sent_bytes += len(data)
        if self.tap is not None:
            self.tap(source.address, to, data)
        weather = self.weather
        random = self._rng.random
        if weather.loss and random() < weather.loss:
            return
        target = self.owners.get(to)
        if target is None or (source.label, target.label) in self.blocked:
            return
        if weather.corrupt and random() < weather.corrupt:
            data = self._corrupted(data)
        event = Datagram(source.address, data)
        now_us = self._timeline.now_us
        self._timeline.at(now_us + self.delay_us(), self._arrive, to, event)
        if weather.duplicate and random() < weather.duplicate:
            self._timeline.at(now_us + 2 * self.delay_us(), self._arrive, to, event)

    def inject(self, source: Address, to: Address, data: bytes) -> None:
        """A datagram from somebody who writes any sender on it and stands wherever it takes."""
        self._timeline.at(self._timeline.now_us + self.delay_us(), self._arrive, to, Datagram(source, data))

    def inject_refusal(self, peer: Address, to: Host) -> None:
        """ICMP from nobody: the port at ``peer`` is closed, it says."""
        self._timeline.at(self._timeline.now_us + self.delay_us(), self._deliver, to, to.life, Refused(peer))

    def _arrive(self, to: Address, event: Datagram) -> None:
        target = self.owners.get(to)
        if target is None:
            return
        if target.process is not None:
            self._deliver(target, target.life, event)
        elif target.powered:
            self._refuse(target, event.source)

    def _refuse(self, target: Host, sender: Address) -> None:
        """Nobody has the port: the machine says so by ICMP, now and then."""
        source = self.owners.get(sender)
        if source is None or (target.label, source.label) in self.blocked:
            return
        now_us = self._timeline.now_us
        if now_us - self._refusals.get((target.address, sender), -ICMP_PAUSE_US) >= ICMP_PAUSE_US:
            if len(self._refusals) >= REFUSALS_MAX:
                self._refusals.clear()
            self._refusals[target.address, sender] = now_us
            self._timeline.at(now_us + self.delay_us(), self._deliver, source, source.life, Refused(target.address))

    def _corrupted(self, data: bytes) -> bytes:
        kept = self._rng.randrange(len(data) + 1)
        if self._rng.random() < 0.5:
            return data[:kept]
        return data[:kept] + self._rng.randbytes(self._rng.randrange(1, 200))

    # --- names ----------------------------------------------------------------------------------------------------

    def resolve(self, host: Host, name: str, port: int) -> None:
        """Ask the virtual DNS; a number is its own answer."""
        now_us = self._timeline.now_us
        if is_numeric(name):
            answer = Resolved(name, port, (Address(name, port),))
            self._timeline.at(now_us + 10, self._deliver, host, host.life, answer)
        elif self.names_fail:
            self._timeline.at(now_us + 2 * SECOND, self._deliver, host, host.life, Resolved(name, port, ()))
        else:
            addresses = tuple(Address(number, port) for number in self.names.get(name, ()))
            delay_us = 1_000 + int(self._rng.random() * 4_000)
            self._timeline.at(now_us + delay_us, self._deliver, host, host.life, Resolved(name, port, addresses))
