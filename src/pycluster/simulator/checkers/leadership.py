"""Whom everyone follows, once nothing goes wrong any more."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import pairwise

from pycluster.consensus import Configuration
from pycluster.kernel.units import SECOND
from pycluster.simulator.checkers.acting import Interval
from pycluster.simulator.checkers.checker import Checker, Violation
from pycluster.simulator.checkers.logs import Logs
from pycluster.simulator.host import Host
from pycluster.simulator.network import Network

#: For how long a voter without a quorum may go on naming a leader, and a node that only watches.
VOTER_ALONE_US = 4 * SECOND
OBSERVER_ALONE_US = 15 * SECOND


def followed(hosts: Mapping[str, Host], cluster: str, now_us: int) -> str:
    """The leader's name where every running node of ``cluster`` names the same one and that one acts; else ``""``."""
    names: set[str] = set()
    acting: set[str] = set()
    for host in hosts.values():
        if host.cluster != cluster or host.process is None or host.stranger or host.departed:
            continue
        if host.frozen_since_us is not None:
            return ""
        view = host.process.leader(host.clock.local(now_us))
        names.add(view.leader)
        if view.acting:
            acting.add(host.name)
        if len(names) > 1:
            return ""
    return names.pop() if names == acting and len(names) == 1 else ""


def opinions(hosts: Mapping[str, Host], cluster: str, now_us: int) -> str:
    """What each node says of the leader, for a violation's text."""
    words = []
    for host in hosts.values():
        if host.cluster != cluster or host.process is None:
            continue
        view = host.process.leader(host.clock.local(now_us))
        leader = f"{view.leader}{' (acting)' if view.acting else ''}" if view.leader else f"nobody ({view.reason})"
        words.append(f"{host.label}: {leader} in term {view.term}")
    return "; ".join(words)


def settled(intervals: list[Interval], names: Mapping[str, str], seats: Collection[str], healed_us: int) -> None:
    """No flapping: after the first leader that acts past the healing, leadership only ever moves to a lower name.

    A leader that acts again in its own term has not moved: its lease lapsed, as it must where a lossy network swallows
    a few heartbeats in a row, and nobody else was elected. One that gives its seat up, so that it is not among
    ``seats`` (UUIDs) at the end, goes to whomever is left.
    """
    after = [interval for interval in intervals if interval.end_us > healed_us]
    for before, later in pairwise(after):
        if before.start_us <= healed_us or (before.label, before.term) == (later.label, later.term):
            continue
        if before.uuid not in seats:
            continue
        if names[later.label] >= names[before.label]:
            raise Violation("no flapping", f"nothing goes wrong, and leadership moves from {before} to {later}")


def _knows_its_seat(host: Host) -> bool:
    """By its own log: a node whose seat was claimed while it was away watches like any other until it hears of it."""
    for entry in reversed(host.disk.entries):
        if isinstance(entry.payload, Configuration):
            return host.disk.uuid in {voter.uuid for voter in entry.payload.voters}
    return False


class Minority(Checker):
    """A node that reaches no quorum of running voters for a while names no leader; whoever names none says why."""

    def __init__(self, hosts: Mapping[str, Host], network: Network, logs: Logs) -> None:
        self._hosts = hosts
        self._network = network
        self._logs = logs
        self._alone: dict[str, int] = {}

    def sampled(self, now_us: int) -> None:
        for host in self._hosts.values():
            if host.process is None or not host.running or host.stranger:
                self._alone.pop(host.label, None)
                continue
            view = host.process.leader(host.clock.local(now_us))
            if not view.leader and not view.reason:
                raise Violation("no leader has a reason", f"{host.label} names no leader and gives no reason")
            seats = self._logs.seats(host.cluster)
            # One that was told that its seat is gone watches, whatever its log still says.
            votes = _knows_its_seat(host) and host.process.quorum(host.clock.local(now_us)).phase != "observer"
            reached = sum(self._reaches(host, uuid, both_ways=view.leader == host.name) for uuid in seats)
            # Whoever replays heartbeats carries them across a cut.
            if not seats or reached > len(seats) // 2 or now_us < self._network.hostile_until_us:
                self._alone.pop(host.label, None)
                continue
            since_us = max(self._alone.setdefault(host.label, now_us), self._network.mended_us)
            bound_us = VOTER_ALONE_US if votes else OBSERVER_ALONE_US
            if view.leader and now_us - since_us > bound_us:
                raise Violation(
                    "a minority follows nobody",
                    f"{host.label} names {view.leader} (term {view.term}); for {(now_us - since_us) // 1000} ms it has"
                    f" reached {reached} of {len(seats)} voters",
                )

    def _reaches(self, host: Host, uuid: str, *, both_ways: bool) -> bool:
        """Who follows may believe what it hears, heard or not; who leads has to hear that it is heard."""
        for other in self._hosts.values():
            if other.disk.uuid == uuid:
                heard = (other.label, host.label) not in self._network.blocked
                linked = self._network.connected(host, other) if both_ways else heard
                return other.running and (other is host or linked)
        return False
