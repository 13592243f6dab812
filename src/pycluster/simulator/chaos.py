"""Performs a schedule of faults on a world, keeps within what a cluster may lose, and undoes everything at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import assert_never

from pycluster.consensus import Configuration
from pycluster.kernel.ids import Address
from pycluster.kernel.units import SECOND
from pycluster.node import events
from pycluster.simulator.faults import Blackout, Crash, Cut, Depart, Fault, Freeze, NamesFail, SlowDisk, Storm, describe
from pycluster.simulator.host import Host
from pycluster.simulator.world import World

#: How long after a fault its hosts may still be accused because of it: the longest suspicion, and its gossip.
GRACE_US = 15 * SECOND
#: For so long a node may be out of sight without its name passing on: the shortest suspicion, and the name's grace.
#: Whoever claims a name as a stranger is ended before it rightly becomes the holder.
NAME_KEPT_US = 7 * SECOND
#: A node that was told to drain and has not by then is ended, as the runtime does.
DRAIN_MAX_US = 10 * SECOND


class Chaos:
    """Faults of one world. ``listed`` are the voters of the nodes' ``[nodes]``, there by DNS name where ``by_name``."""

    def __init__(self, world: World, listed: Sequence[str], rng: Random, *, by_name: bool) -> None:
        self._world = world
        self._listed = tuple(listed)
        self._rng = rng
        self._healed = False
        self._disks = {host.label: (host.disk.least_us, host.disk.stall_chance) for host in world.hosts.values()}
        self._by_name = by_name
        self._first = {label: host.address for label, host in world.hosts.items()}
        self._next_address = 100
        self._left = 0

    def schedule(self, faults: Sequence[Fault]) -> None:
        """Let each happen at its time."""
        for fault in faults:
            self._world.timeline.at(fault.at_us, self._perform, fault)

    def heal(self) -> None:
        """Undo everything and start every process that should run; nothing goes wrong from here on."""
        self._healed = True
        world = self._world
        world.say("world", "heals")
        world.network.clear()
        world.network.names_fail = False
        for host in world.hosts.values():
            host.disk.least_us, host.disk.stall_chance = self._disks[host.label]
            world.thaw(host)
            if host.departed and host.process is not None:
                self._end_drain(host, host.life)
            if host.process is None and host.life and not host.gone:
                world.start(host)
        world.streams.moved()

    # --- one fault ------------------------------------------------------------------------------------------------

    def _perform(self, fault: Fault) -> None:
        if self._healed:
            return
        self._world.say("world", describe(fault))
        match fault:
            case Crash():
                self._crash(fault)
            case Blackout(_, down_us):
                for host in self._world.hosts.values():
                    for_us = down_us + self._rng.randrange(SECOND)
                    if host.stranger:
                        self._banish(host)
                    else:
                        self._down(host, for_us, power=False)
            case Freeze(_, label, for_us):
                host = self._world.hosts[label]
                self._world.freeze(host)
                self._disturb(host, for_us)
                self._later(for_us, lambda: self._world.thaw(host))
            case Cut(_, for_us, pairs, _):
                number = self._world.network.cut(pairs)
                for label in sorted({label for pair in pairs for label in pair}):
                    self._disturb(self._world.hosts[label], for_us)
                self._later(for_us, lambda: self._heal_cut(number))
            case Storm(_, for_us, weather):
                number = self._world.network.storm(weather)
                for host in self._world.hosts.values():
                    self._disturb(host, for_us)
                self._later(for_us, lambda: self._world.network.calm(number))
            case SlowDisk(_, label, for_us, least_us):
                host = self._world.hosts[label]
                host.disk.least_us = least_us
                self._later(for_us, lambda: self._quick(host))
            case Depart(_, label, leave, away_us):
                self._depart(self._world.hosts[label], leave, away_us)
            case NamesFail(_, for_us):
                self._world.network.names_fail = True
                self._later(for_us, self._names_work)
            case _:
                assert_never(fault)

    def _crash(self, fault: Crash) -> None:
        host = self._world.hosts[fault.label]
        if host.process is None or host.gone:
            return
        self._down(host, fault.down_us, power=fault.power)
        if fault.wipe and self._may_wipe(host):
            self._world.say(host.label, "loses its disk")
            host.disk.wipe()
        if fault.readdress and self._findable_without(host):
            self._next_address += 1
            host.address = Address(f"10.0.1.{self._next_address}", host.address.port)
            self._world.network.attach(host)
            if f"{host.label}.sim" in self._world.network.names:
                self._world.network.names[f"{host.label}.sim"] = (host.address.host,)

    def _down(self, host: Host, for_us: int, *, power: bool) -> None:
        if host.process is None or host.gone:
            return
        self._world.kill(host, power=power)
        self._disturb(host, for_us)
        life = host.life
        self._later(for_us, lambda: self._up(host, life))

    def _up(self, host: Host, life: int) -> None:
        if host.process is None and host.life == life and not host.gone:
            self._world.start(host)
            self._disturb(host, 0)

    def _depart(self, host: Host, leave: bool, away_us: int) -> None:
        if not host.running or host.departed:
            return
        if leave:
            if self._left or host.label not in self._listed or len(self._listed) < 4:
                return
            if not self._findable_without(host) or not self._may_leave(host):
                return
            self._left += 1
            host.gone = True
            self._world.tell(host, events.Leave(1))
        else:
            self._world.tell(host, events.Drain())
        self._disturb(host, DRAIN_MAX_US + away_us)
        life = host.life
        self._later(DRAIN_MAX_US, lambda: self._end_drain(host, life))
        if not leave:
            self._later(DRAIN_MAX_US + away_us, lambda: self._up(host, life))

    def _end_drain(self, host: Host, life: int) -> None:
        if host.life == life and host.process is not None and host.departed:
            self._world.say(host.label, "has not drained in time")
            self._world.kill(host)
            if host.gone and host.disk.uuid in self._seats():
                # It kept its seat: only a node that has given it up may stay away.
                host.gone = False
                self._later(SECOND, lambda: self._up(host, life))

    # --- bounds ---------------------------------------------------------------------------------------------------

    def _may_wipe(self, host: Host) -> bool:
        """A disk may be lost while a majority of the voters' seats remains on the disks of the others.

        A lost seat counts until its node's new disk has been seated in its place. Before the first configuration is on
        any disk the listed nodes' disks count instead, by not having been wiped.
        """
        seats = self._seats()
        return bool(seats) and self._kept(seats, host) > len(seats) // 2

    def _may_leave(self, host: Host) -> bool:
        """A seat may be given up while the disks of a majority of the others' seats remain."""
        others = tuple(uuid for uuid in self._seats() if uuid != host.disk.uuid)
        return self._kept(others, host) > len(others) // 2

    def _seats(self) -> tuple[str, ...]:
        """The UUIDs of the voters in the newest configuration on any disk."""
        seats: tuple[str, ...] = ()
        newest = -1
        for host in self._world.hosts.values():
            for entry in host.disk.entries:
                if isinstance(entry.payload, Configuration) and entry.index > newest:
                    newest = entry.index
                    seats = tuple(voter.uuid for voter in entry.payload.voters)
        return seats

    def _kept(self, seats: tuple[str, ...], without: Host) -> int:
        disks = {host.disk.uuid for host in self._world.hosts.values() if host is not without and not host.gone}
        return sum(uuid in disks for uuid in seats)

    def _findable_without(self, host: Host) -> bool:
        """Whether, once ``host`` has moved or gone, some configured node is still where ``[nodes]`` says.

        Where ``[nodes]`` holds numbers and none of them is true any more, nothing leads from one node to another.
        """
        others = [other for label, other in self._world.hosts.items() if label in self._listed and other is not host]
        return self._by_name or any(other.address == self._first[other.label] and not other.gone for other in others)

    # --- bookkeeping ----------------------------------------------------------------------------------------------

    def _later(self, in_us: int, action: Callable[[], None]) -> None:
        def unless_healed() -> None:
            if not self._healed:
                action()

        self._world.timeline.at(self._world.now_us + in_us, unless_healed)

    def _disturb(self, host: Host, for_us: int) -> None:
        host.disturbed_until_us = max(host.disturbed_until_us, self._world.now_us + for_us + GRACE_US)
        if for_us < NAME_KEPT_US:
            return
        for other in self._world.hosts.values():
            if other.stranger and (other.name, other.cluster) == (host.name, host.cluster):
                self._banish(other)

    def _banish(self, stranger: Host) -> None:
        stranger.gone = True
        self._world.kill(stranger)

    def _heal_cut(self, number: int) -> None:
        self._world.network.heal(number)
        self._world.streams.moved()

    def _quick(self, host: Host) -> None:
        host.disk.least_us, host.disk.stall_chance = self._disks[host.label]

    def _names_work(self) -> None:
        self._world.network.names_fail = False
