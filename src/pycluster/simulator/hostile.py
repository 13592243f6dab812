"""A stranger on the wire: it reads every datagram, writes any sender's address on its own, and knows no process.

Frames carry no keys yet, so what it may do is bounded by what can be promised without them. It never invents a voter's
message, an identity (name and UUID) that does not exist, or an incarnation far from the real one: whoever could,
owns the cluster. What it does:

- ``EVIDENCE``: forged ICMP refusals, resets and goodbyes on idle streams, streams opened in another's name and hung up,
  real datagrams (voters' too) played again later, to the same or another host, and noise. Promised: nobody who lives is
  convicted, no two leaders act, nothing committed is lost. Not promised: that no election is lost to it.
- ``RECORDS``: forged news of a member (suspected, down, left) in a real member's name, and real gossip with some bytes
  changed. Promised: safety, and that everyone knows the truth again once it stops.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from random import Random

from pycluster.kernel.ids import Address
from pycluster.kernel.units import SECOND
from pycluster.membership import Packet
from pycluster.membership.messages import Down, Left, Suspect, Update
from pycluster.simulator.host import Host
from pycluster.simulator.world import World
from pycluster.wire import Codec, Gossip, Greeting, Malformed, Rejected

EVIDENCE = ("icmp", "reset", "goodbye", "impostor", "replay", "noise")
RECORDS = ("suspect", "down", "left", "mutate")

#: Datagrams that it remembers.
HEARD_MAX = 400
#: How far from a real incarnation it dares to go.
INCARNATIONS_MAX = 1_000


class Intruder:
    """``play`` a trick now and then; nothing happens otherwise."""

    def __init__(self, world: World, rng: Random) -> None:
        self._world = world
        self._rng = rng
        self._codec = Codec("demo")
        self._heard: deque[tuple[Address, Address, bytes]] = deque(maxlen=HEARD_MAX)
        self._tricks: dict[str, Callable[[Host, Host], None]] = {
            "icmp": self._icmp,
            "reset": self._reset,
            "goodbye": self._goodbye,
            "impostor": self._impostor,
            "replay": self._replay,
            "noise": self._noise,
            "suspect": self._slander,
            "down": self._slander,
            "left": self._slander,
            "mutate": self._mutate,
        }
        self._trick = ""

    def convicts(self, tricks: Sequence[str]) -> bool:
        """Whether these may make somebody believe that a living node is down."""
        return bool(set(tricks) & set(RECORDS))

    def listen(self) -> None:
        """Read along from now on."""
        self._world.network.tap = lambda source, to, data: self._heard.append((source, to, data))

    def play(self, trick: str) -> None:
        """Do it to some running host, about another."""
        running = [host for host in self._world.hosts.values() if host.running and host.cluster == "demo"]
        if len(running) > 1:
            victim, subject = self._rng.sample(running, 2)
            self._trick = trick
            self._tricks[trick](victim, subject)

    # --- evidence -------------------------------------------------------------------------------------------------

    def _icmp(self, victim: Host, subject: Host) -> None:
        for host in (victim, *self._some_of(subject)):
            self._world.network.inject_refusal(subject.address, host)

    def _reset(self, victim: Host, subject: Host) -> None:
        for host in (victim, *self._some_of(subject)):
            self._world.streams.idle.forge(host, subject)

    def _goodbye(self, victim: Host, subject: Host) -> None:
        self._world.streams.idle.forge(victim, subject, goodbye=True)

    def _impostor(self, victim: Host, subject: Host) -> None:
        greeting = self._codec.encode(Greeting(subject.name, subject.disk.uuid))
        self._world.streams.idle.impersonate(victim, greeting, self._somewhere(), self._rng.randrange(SECOND))

    def _replay(self, victim: Host, subject: Host) -> None:
        if self._heard:
            source, to, data = self._rng.choice(self._heard)
            self._world.network.inject(source, self._rng.choice((to, to, victim.address)), data)

    def _noise(self, victim: Host, subject: Host) -> None:
        data = self._rng.randbytes(self._rng.randrange(1_400))
        if self._heard and self._rng.random() < 0.5:
            real = self._rng.choice(self._heard)[2]
            data = real[: self._rng.randrange(len(real))] + data[:8]
        self._world.network.inject(self._rng.choice((subject.address, self._somewhere())), victim.address, data)

    def _some_of(self, subject: Host) -> list[Host]:
        """Sometimes everybody but ``subject``, sometimes nobody more."""
        if self._rng.random() < 0.5:
            return []
        return [host for host in self._world.hosts.values() if host.running and host is not subject]

    def _somewhere(self) -> Address:
        return Address("10.66.6.6", 1_024 + self._rng.randrange(60_000))

    # --- records --------------------------------------------------------------------------------------------------

    def _slander(self, victim: Host, subject: Host) -> None:
        """A member's false word about another."""
        others = [host for host in self._world.hosts.values() if host.running and host is not subject]
        author = self._rng.choice(others)
        incarnation = subject.disk.incarnation
        name, uuid = subject.name, subject.disk.uuid
        update: Update
        if self._trick == "suspect":
            update = Suspect(name, uuid, incarnation, author.name)
        elif self._trick == "down":
            update = Down(name, uuid, incarnation, author.name, True)
        else:
            update = Left(name, uuid, incarnation)
        packet = Packet(author.name, author.disk.uuid, author.disk.incarnation, None, (update,))
        self._world.network.inject(author.address, victim.address, self._codec.encode(Gossip(packet)))

    def _mutate(self, victim: Host, subject: Host) -> None:
        if not self._heard:
            return
        source, to, data = self._rng.choice(self._heard)
        changed = bytearray(data)
        for _ in range(self._rng.randint(1, 4)):
            if len(changed) > 14:
                changed[self._rng.randrange(13, len(changed))] = self._rng.randrange(256)
        if self._bearable(data, bytes(changed)):
            self._world.network.inject(source, to, bytes(changed))

    def _bearable(self, real: bytes, changed: bytes) -> bool:
        """Whether this stays within what can be promised without keys; what cannot be read does."""
        before = self._read(real)
        if before is None:
            return False
        after = self._read(changed)
        if after is None:
            return True
        if after.claim != before.claim:
            return False
        known = {(host.name, host.disk.uuid): host.disk.incarnation for host in self._world.hosts.values()}
        packet = after.packet
        said = [(packet.name, packet.uuid, packet.incarnation)]
        said += [(update.name, update.uuid, update.incarnation) for update in packet.updates]
        return all(
            (name, uuid) in known and incarnation <= known[name, uuid] + INCARNATIONS_MAX
            for name, uuid, incarnation in said
        )

    def _read(self, data: bytes) -> Gossip | None:
        try:
            body = self._codec.decode(data, datagram=True)
        except (Malformed, Rejected):
            return None
        return body if isinstance(body, Gossip) else None
