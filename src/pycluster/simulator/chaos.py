"""Performs a schedule of faults on a world, keeps within what a cluster may lose, and undoes everything at the end."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from random import Random
from typing import assert_never

from pycluster.kernel.ids import Address
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.node import events
from pycluster.simulator import faults
from pycluster.simulator.faults import Fault
from pycluster.simulator.host import Host
from pycluster.simulator.hostile import Intruder
from pycluster.simulator.losses import Losses
from pycluster.simulator.network import Pair
from pycluster.simulator.world import SEAT_COMMANDS, World

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
        self._rng = rng
        self._healed = False
        self._disks = {host.label: (host.disk.least_us, host.disk.stall_chance) for host in world.hosts.values()}
        self._losses = Losses(world, listed, by_name=by_name)
        self._intruder = Intruder(world, Random(rng.getrandbits(64)))
        self._next_address = 100
        self._left = 0
        self._commands = 0
        #: Processes whose machine has another address than they were told.
        self._moved: dict[str, int] = {}

    def schedule(self, planned: Sequence[Fault]) -> None:
        """Let each happen at its time."""
        if any(isinstance(fault, faults.Attack) for fault in planned):
            self._intruder.listen()
        for fault in planned:
            self._world.timeline.at(fault.at_us, self._perform, fault)

    def heal(self) -> None:
        """Undo everything and start every process that should run; nothing goes wrong from here on."""
        self._healed = True
        world = self._world
        world.say("world", "heals")
        if world.network.blocked:
            self._disturb_all(list(world.hosts.values()), 0)
        world.network.clear()
        world.network.names_fail = False
        for host in world.hosts.values():
            self._quick(host)
            world.thaw(host)
            if host.departed and host.process is not None:
                self._end_drain(host, host.life)
            if self._moved.get(host.label) == host.life:
                world.kill(host)
            if host.process is None and host.life and not host.gone:
                world.start(host)
        world.streams.moved()

    # --- one fault ------------------------------------------------------------------------------------------------

    def _perform(self, fault: Fault) -> None:
        if self._healed:
            return
        self._world.say("world", str(fault))
        if isinstance(fault, faults.OnTheWire):
            self._on_the_wire(fault)
        elif isinstance(fault, faults.OfProcesses):
            self._on_processes(fault)
        else:
            self._on_machines(fault)

    def _on_machines(self, fault: faults.OfMachines) -> None:
        match fault:
            case faults.Freeze(_, label, for_us):
                self._stall(self._world.hosts[label], for_us)
            case faults.Stalls(_, for_us, labels, longest_us):
                for label in labels:
                    self._disturb(self._world.hosts[label], for_us + longest_us)
                    self._stall_again(self._world.hosts[label], self._world.now_us + for_us, longest_us)
            case faults.ClockJump(_, label, by_us):
                # Its neighbours see nothing of it, and it must not accuse them.
                self._world.jump(self._world.hosts[label], by_us)
            case faults.SlowDisk(_, label, for_us, least_us):
                host = self._world.hosts[label]
                host.disk.least_us = least_us
                self._later(for_us, lambda: self._quick(host))
            case faults.DiskFails():
                self._fail_disk(fault)
            case _:
                assert_never(fault)

    def _on_the_wire(self, fault: faults.OnTheWire) -> None:
        network, hosts = self._world.network, self._world.hosts
        match fault:
            case faults.Cut(_, for_us, pairs, _, clean):
                number = network.cut(pairs)
                touched = self._touched(pairs)
                for host in touched:
                    self._hide(host, for_us)
                if not clean:
                    self._disturb_all(touched, for_us)
                # Across a clean cut nobody is connected, and on each side of it all is well: until they meet again.
                self._later(for_us, lambda: self._heal_cut(number, touched))
            case faults.Flap(_, for_us, pairs):
                self._disturb_all(
                    [hosts[label] for label in sorted({label for pair in pairs for label in pair})], for_us
                )
                self._flap(fault, self._world.now_us + for_us)
            case faults.Storm(_, for_us, weather):
                number = network.storm(weather)
                self._disturb_all(list(hosts.values()), for_us)
                self._later(for_us, lambda: network.calm(number))
            case faults.NamesFail(_, for_us):
                network.names_fail = True
                self._later(for_us, self._names_work)
            case faults.Attack(_, for_us, every_us, tricks):
                network.hostile_until_us = max(network.hostile_until_us, self._world.now_us + for_us + GRACE_US)
                if self._intruder.convicts(tricks):
                    self._disturb_all(list(hosts.values()), for_us)
                self._attack(tricks, every_us, self._world.now_us + for_us)
            case _:
                assert_never(fault)

    def _on_processes(self, fault: faults.OfProcesses) -> None:
        hosts = self._world.hosts
        match fault:
            case faults.Crash():
                self._crash(fault)
            case faults.Blackout(_, down_us):
                for host in hosts.values():
                    for_us = down_us + self._rng.randrange(SECOND)
                    if host.stranger:
                        self._banish(host)
                    else:
                        self._down(host, for_us, power=False)
            case faults.Move(_, label, after_us, bound):
                self._move(hosts[label], after_us, bound)
            case faults.Swap():
                self._swap(hosts[fault.one], hosts[fault.other], fault.down_us)
            case faults.Churn(_, labels, away_us):
                for label in labels:
                    if self._rng.random() < 0.5:
                        self._down(hosts[label], away_us, power=self._rng.random() < 0.3)
                    else:
                        self._depart(hosts[label], False, away_us)
            case faults.Upgrade(_, gap_us):
                for number, host in enumerate([host for host in hosts.values() if host.older]):
                    self._later(number * gap_us, functools.partial(self._upgrade, host))
            case faults.Depart(_, label, leave, away_us):
                self._depart(hosts[label], leave, away_us)
            case faults.Reseat():
                self._reseat(fault)
            case _:
                assert_never(fault)

    # --- machines -------------------------------------------------------------------------------------------------

    def _stall(self, host: Host, for_us: int) -> None:
        self._world.freeze(host)
        self._disturb(host, for_us)
        self._later(for_us, lambda: self._world.thaw(host))

    def _stall_again(self, host: Host, until_us: int, longest_us: int) -> None:
        if self._world.now_us >= until_us:
            return
        for_us = self._rng.randrange(100 * MILLISECOND, longest_us + 100 * MILLISECOND)
        if host.running:
            self._stall(host, for_us)
        pause_us = self._rng.randrange(longest_us + SECOND)
        self._later(for_us + pause_us, lambda: self._stall_again(host, until_us, longest_us))

    def _fail_disk(self, fault: faults.DiskFails) -> None:
        host = self._world.hosts[fault.label]
        if host.process is None or host.gone or host.departed:
            return
        host.disk.failing = True
        self._disturb(host, fault.away_us)
        life = host.life

        def repaired() -> None:
            host.disk.failing = False
            if fault.replaced and host.process is None and self._losses.may_wipe(host):
                self._world.say(host.label, "gets a new disk")
                host.disk.wipe()
            self._up(host, life)

        self._later(fault.away_us, repaired)

    def _crash(self, fault: faults.Crash) -> None:
        host = self._world.hosts[fault.label]
        if host.process is None or host.gone:
            return
        self._down(host, fault.down_us, power=fault.power)
        if fault.wipe and self._losses.may_wipe(host):
            self._world.say(host.label, "loses its disk")
            host.disk.wipe()
        if fault.readdress and self._losses.findable_without(host):
            self._world.move(host, self._fresh_address(host))

    def _move(self, host: Host, after_us: int, bound: bool) -> None:
        if host.process is None or host.gone or not self._losses.findable_without(host):
            return
        self._world.move(host, self._fresh_address(host))
        self._moved[host.label] = host.life
        self._disturb(host, after_us + SECOND)

        def anew() -> None:
            if self._moved.get(host.label) != host.life:
                return
            if bound or host.older:
                self._down(host, SECOND, power=False)
            else:
                del self._moved[host.label]
                self._world.deliver(host, host.life, events.Readdressed(host.address))

        self._later(after_us, anew)

    def _swap(self, one: Host, other: Host, down_us: int) -> None:
        if one is other or one.gone or other.gone or not self._losses.findable_without(one, other):
            return
        if one.process is None or other.process is None:
            return
        self._down(one, down_us, power=False)
        self._down(other, down_us, power=False)
        former, latter = one.address, other.address
        self._world.move(one, self._fresh_address(one))
        self._world.move(other, former)
        self._world.move(one, latter)

    def _fresh_address(self, host: Host) -> Address:
        self._next_address += 1
        return Address(f"10.0.1.{self._next_address}", host.address.port)

    # --- processes ------------------------------------------------------------------------------------------------

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

    def _upgrade(self, host: Host) -> None:
        """Drain it; what comes back is of this version. One that is frozen hears of it later."""
        if host.process is not None and not host.running:
            self._later(SECOND, functools.partial(self._upgrade, host))
            return
        host.older = False
        self._depart(host, False, 0)

    def _depart(self, host: Host, leave: bool, away_us: int) -> None:
        if not host.running or host.departed:
            return
        if leave:
            if self._left or not self._losses.may_leave(host):
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

    def _reseat(self, fault: faults.Reseat) -> None:
        """Told to whoever acts; where nobody does, to anybody, who refuses."""
        running = [host for host in self._world.hosts.values() if host.running and host.cluster == "demo"]
        running = [host for host in running if not host.stranger and not host.departed]
        if not running:
            return
        acting = [host for host in running if self._acts(host)]
        asked = acting[0] if acting else self._rng.choice(running)
        old = asked.name if fault.of_leader else fault.old
        if old == fault.new or (old and not self._losses.may_unseat(self._world.hosts[old])):
            return
        self._commands += 1
        number = SEAT_COMMANDS + self._commands
        if old and fault.new:
            self._world.tell(asked, events.ReplaceSeat(number, old, fault.new))
        elif old:
            self._world.tell(asked, events.RemoveSeat(number, old))
        else:
            self._world.tell(asked, events.AddSeat(number, fault.new))

    def _acts(self, host: Host) -> bool:
        assert host.process is not None
        return host.process.leader(host.clock.local(self._world.now_us)).acting

    def _end_drain(self, host: Host, life: int) -> None:
        if host.life == life and host.process is not None and host.departed:
            self._world.say(host.label, "has not drained in time")
            self._world.kill(host)
            if host.gone and host.disk.uuid in self._losses.seats():
                # It kept its seat: only a node that has given it up may stay away.
                host.gone = False
                self._later(SECOND, lambda: self._up(host, life))

    # --- the wire -------------------------------------------------------------------------------------------------

    def _flap(self, fault: faults.Flap, until_us: int) -> None:
        if self._world.now_us >= until_us:
            return
        down_us, up_us = (1 + self._rng.randrange(longest_us) for longest_us in (fault.down_us, fault.up_us))
        number = self._world.network.cut(fault.pairs)
        self._later(down_us, lambda: self._heal_cut(number, ()))
        self._later(down_us + up_us, lambda: self._flap(fault, until_us))

    def _touched(self, pairs: frozenset[Pair]) -> list[Host]:
        return [self._world.hosts[label] for label in sorted({label for pair in pairs for label in pair})]

    def _heal_cut(self, number: int, touched: Sequence[Host]) -> None:
        self._world.network.heal(number)
        self._disturb_all(touched, 0)
        self._world.streams.moved()

    def _attack(self, tricks: Sequence[str], every_us: int, until_us: int) -> None:
        if self._world.now_us < until_us:
            self._intruder.play(self._rng.choice(tricks))
            self._later(every_us, lambda: self._attack(tricks, every_us, until_us))

    # --- bookkeeping ----------------------------------------------------------------------------------------------

    def _later(self, in_us: int, action: Callable[[], None]) -> None:
        def unless_healed() -> None:
            if not self._healed:
                action()

        self._world.timeline.at(self._world.now_us + in_us, unless_healed)

    def _disturb_all(self, hosts: Sequence[Host], for_us: int) -> None:
        for host in hosts:
            self._disturb(host, for_us)

    def _disturb(self, host: Host, for_us: int) -> None:
        host.disturbed_until_us = max(host.disturbed_until_us, self._world.now_us + for_us + GRACE_US)
        self._hide(host, for_us)

    def _hide(self, host: Host, for_us: int) -> None:
        """Out of sight for so long: whoever claims its name as a stranger goes before that name is rightly its own."""
        if for_us < NAME_KEPT_US:
            return
        for other in self._world.hosts.values():
            if other.stranger and (other.name, other.cluster) == (host.name, host.cluster):
                self._banish(other)

    def _banish(self, stranger: Host) -> None:
        stranger.gone = True
        self._world.kill(stranger)

    def _quick(self, host: Host) -> None:
        host.disk.least_us, host.disk.stall_chance = self._disks[host.label]
        host.disk.failing = False

    def _names_work(self) -> None:
        self._world.network.names_fail = False
