"""Whom everyone follows, once nothing goes wrong any more."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

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


def settled(intervals: list[Interval], names: Mapping[str, str], healed_us: int) -> None:
    """No flapping: after the first leader that acts past the healing, leadership only ever moves to a lower name."""
    after = [interval for interval in intervals if interval.end_us > healed_us]
    for before, later in pairwise(after):
        if before.start_us <= healed_us:
            continue
        if names[later.label] >= names[before.label]:
            raise Violation("no flapping", f"nothing goes wrong, and leadership moves from {before} to {later}")


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
            reached = sum(self._reaches(host, uuid) for uuid in seats)
            if not seats or reached > len(seats) // 2:
                self._alone.pop(host.label, None)
                continue
            since_us = max(self._alone.setdefault(host.label, now_us), self._network.mended_us)
            bound_us = VOTER_ALONE_US if host.disk.uuid in seats else OBSERVER_ALONE_US
            if view.leader and now_us - since_us > bound_us:
                raise Violation(
                    "a minority follows nobody",
                    f"{host.label} names {view.leader} (term {view.term}); for {(now_us - since_us) // 1000} ms it has"
                    f" reached {reached} of {len(seats)} voters",
                )

    def _reaches(self, host: Host, uuid: str) -> bool:
        for other in self._hosts.values():
            if other.disk.uuid == uuid:
                return other.running and (other is host or self._network.connected(host, other))
        return False
