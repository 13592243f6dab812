"""What a cluster may not lose is not taken from it: how many disks, seats and known addresses have to remain."""

from __future__ import annotations

from collections.abc import Sequence

from pycluster.consensus import Configuration
from pycluster.kernel.ids import Address
from pycluster.simulator.host import Host
from pycluster.simulator.world import World


class Losses:
    """Asked before something is lost for good. ``listed`` are the voters of ``[nodes]``, by DNS name or by number."""

    def __init__(self, world: World, listed: Sequence[str], *, by_name: bool) -> None:
        self._world = world
        self._listed = tuple(listed)
        self._by_name = by_name
        self._first: dict[str, Address] = {label: host.address for label, host in world.hosts.items()}

    def may_wipe(self, host: Host) -> bool:
        """A disk may be lost while a majority of the voters' seats remains on the disks of the others.

        A lost seat counts until its node's new disk has been seated in its place. Before the first configuration is on
        any disk none may be lost, nor while it is on so few others that a majority of disks is empty: who found a
        cluster on those would rightly found another one.
        """
        seats = self.seats()
        return bool(seats) and self._kept(seats, host, written=True) > len(seats) // 2

    def may_leave(self, host: Host) -> bool:
        """A seat may be given up while the disks of a majority of the others' seats remain."""
        if host.label not in self._listed or len(self._listed) < 4 or not self.findable_without(host):
            return False
        others = tuple(uuid for uuid in self.seats() if uuid != host.disk.uuid)
        return self._kept(others, host) > len(others) // 2

    def findable_without(self, *hosts: Host) -> bool:
        """Whether, once these have moved or gone, some configured node is still where ``[nodes]`` says.

        Where ``[nodes]`` holds numbers and none of them is true any more, nothing leads from one node to another.
        """
        others = [other for label, other in self._world.hosts.items() if label in self._listed and other not in hosts]
        return self._by_name or any(other.address == self._first[other.label] and not other.gone for other in others)

    def seats(self) -> tuple[str, ...]:
        """The UUIDs of the voters in the newest configuration on any disk."""
        seats: tuple[str, ...] = ()
        newest = -1
        for host in self._world.hosts.values():
            for entry in host.disk.entries:
                if host.cluster == "demo" and isinstance(entry.payload, Configuration) and entry.index > newest:
                    newest = entry.index
                    seats = tuple(voter.uuid for voter in entry.payload.voters)
        return seats

    def _kept(self, seats: tuple[str, ...], without: Host, *, written: bool = False) -> int:
        """How many seats are on disks of hosts that stay, and (``written``) that hold an entry."""
        hosts = [host for host in self._world.hosts.values() if host is not without and not host.gone]
        disks = {host.disk.uuid for host in hosts if host.disk.entries or not written}
        return sum(uuid in disks for uuid in seats)
