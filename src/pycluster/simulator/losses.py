"""What a cluster may not lose is not taken from it: how many disks, seats and known addresses have to remain."""

from __future__ import annotations

from collections.abc import Sequence

from pycluster.consensus import Configuration
from pycluster.consensus.electorate import majority
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
        any disk none may be lost, nor while it is on so few others that a majority of disks is empty, or of the listed
        nodes' disks, whoever votes by now: who found a cluster on those would rightly found another one.
        """
        listed = [self._world.hosts[label] for label in self._listed if label in self._world.hosts]
        written = sum(bool(one.disk.entries) for one in listed if one is not host)
        if len(listed) - written >= majority(len(listed)):
            return False
        voters, learners = self._newest()
        # A learner may become a voter before anybody knows that its disk is gone.
        both = voters + learners
        return bool(voters) and all(self._kept(seats, host, written=True) > len(seats) // 2 for seats in (voters, both))

    def may_unseat(self, host: Host) -> bool:
        """A seat may be taken away while the disks of a majority of the others' seats remain, lost ones counted."""
        configuration = self._configuration()
        if configuration is None:
            return True
        left = tuple(voter.uuid for voter in configuration.voters if voter.name != host.name)
        return self._kept(left, host, written=True) > len(left) // 2

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
        """The UUIDs of the voters in the newest configuration on any disk, or on its way there."""
        return self._newest()[0]

    def _newest(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The same, and the UUIDs of those that learn to be one under a name without a seat."""
        found = self._configuration()
        if found is None:
            return (), ()
        names = {voter.name for voter in found.voters}
        learners = tuple(learner.uuid for learner in found.learners if learner.name not in names)
        return tuple(voter.uuid for voter in found.voters), learners

    def _configuration(self) -> Configuration | None:
        configuration, newest = None, (-1, -1)
        for host in self._world.hosts.values():
            for entry in host.disk.believed() if host.cluster == "demo" else ():
                if isinstance(entry.payload, Configuration) and (entry.term, entry.index) > newest:
                    configuration, newest = entry.payload, (entry.term, entry.index)
        return configuration

    def _kept(self, seats: tuple[str, ...], without: Host, *, written: bool = False) -> int:
        """How many seats are on disks of hosts that stay, and (``written``) that hold an entry."""
        hosts = [host for host in self._world.hosts.values() if host is not without and not host.gone]
        disks = {host.disk.uuid for host in hosts if host.disk.entries or not written}
        return sum(uuid in disks for uuid in seats)
