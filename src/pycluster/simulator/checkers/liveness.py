"""How soon a death is known, and how soon somebody leads in a dead leader's place."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pycluster.kernel.ids import Address
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.simulator.checkers.acting import ActingIntervals
from pycluster.simulator.checkers.checker import Checker, Violation
from pycluster.simulator.checkers.logs import Logs
from pycluster.simulator.host import Host
from pycluster.simulator.network import Network

#: A killed process is known to be dead by then where three or more can tell each other; a machine without power later.
KILLED_KNOWN_US = 3 * SECOND
SILENT_KNOWN_US = 9 * SECOND
#: Where fewer watch, or some are of the previous version, the full suspicion may have to pass.
ALONE_KNOWN_US = 20 * SECOND
#: Somebody acts in a dead leader's place by then: after a kill, and after a loss of power.
KILLED_LED_US = 2 * SECOND
SILENT_LED_US = 4 * SECOND
#: A disk slower than this is a fault.
DISK_FINE_US = 10 * MILLISECOND


class _Death(msgspec.Struct):
    """One process that ended without a goodbye, and who should hear of it: (label, life)."""

    label: str
    name: str
    uuid: str
    address: Address
    life: int
    at_us: int
    due_us: int
    watchers: tuple[tuple[str, int], ...]


def _calm(network: Network, since_us: int) -> bool:
    """Whether nobody was cut off, stormed upon or attacked since."""
    return not network.blocked and network.changed_us <= since_us and network.hostile_until_us <= since_us


def _fine(host: Host, since_us: int) -> bool:
    """Whether no fault touched it since, or shortly before."""
    fine = host.running and host.disturbed_until_us <= since_us
    return fine and not (host.departed or host.stranger or host.moved)


class Detection(Checker):
    """Who dies is no longer alive nor suspected at anyone fine who knew it, within the bound."""

    def __init__(self, hosts: Mapping[str, Host], network: Network) -> None:
        self._hosts = hosts
        self._network = network
        self._deaths: list[_Death] = []
        #: How many deaths were judged.
        self.judged = 0

    def stopped(self, host: Host, now_us: int) -> None:
        if host.departed or host.drained or host.stranger or not _calm(self._network, now_us):
            return
        members = [other for other in self._hosts.values() if other.cluster == host.cluster and other is not host]
        watchers = [
            other for other in members if _fine(other, now_us) and _state(other, host.name, host.disk.uuid, now_us)
        ]
        bound_us = SILENT_KNOWN_US if not host.powered else KILLED_KNOWN_US
        if len(watchers) < 3 or any(other.older for other in members):
            bound_us = ALONE_KNOWN_US
        known_to = tuple((other.label, other.life) for other in watchers)
        self._deaths.append(
            _Death(host.label, host.name, host.disk.uuid, host.address, host.life, now_us, now_us + bound_us, known_to)
        )

    def sampled(self, now_us: int) -> None:
        due = [death for death in self._deaths if death.due_us <= now_us]
        self._deaths = [death for death in self._deaths if death.due_us > now_us]
        for death in due:
            self._judge(death, now_us)

    def _judge(self, death: _Death, now_us: int) -> None:
        host = self._hosts[death.label]
        # Where the machine has gone elsewhere meanwhile, nobody refuses anything any more.
        changed = host.life != death.life or host.process is not None or host.address != death.address
        if changed or not _calm(self._network, death.at_us):
            return
        fine = [
            self._hosts[label]
            for label, life in death.watchers
            if self._hosts[label].life == life and _fine(self._hosts[label], death.at_us)
        ]
        if len(fine) < len(death.watchers):
            return
        self.judged += 1
        for watcher in fine:
            state = _state(watcher, death.name, death.uuid, now_us)
            if state:
                took_ms = (now_us - death.at_us) // MILLISECOND
                raise Violation(
                    "a death is known", f"{watcher.label} says {death.name} is {state}, {took_ms} ms after its end"
                )


def _state(watcher: Host, name: str, uuid: str, now_us: int) -> str:
    """``alive`` or ``suspect`` where ``watcher`` holds that node for it; else empty."""
    assert watcher.process is not None
    for member in watcher.process.members(watcher.clock.local(now_us)):
        if (member.name, member.uuid) == (name, uuid):
            return member.state if member.state in ("alive", "suspect") else ""
    return ""


class Failover(Checker):
    """Where an acting leader dies and a majority of the voters is fine, another acts within the bound."""

    def __init__(self, hosts: Mapping[str, Host], network: Network, logs: Logs, acting: ActingIntervals) -> None:
        self._hosts = hosts
        self._network = network
        self._logs = logs
        self._acting = acting
        self._vacant: dict[str, tuple[int, int, frozenset[str]]] = {}
        #: How many were judged.
        self.judged = 0

    def stopped(self, host: Host, now_us: int) -> None:
        last = next(reversed(self._acting.intervals.get(host.cluster, [])), None)
        # Its interval may have been ended with the process just before.
        if last is None or last.label != host.label or last.end_us < now_us or host.departed:
            return
        able = self._able(host.cluster, now_us, host)
        seats = self._logs.seats(host.cluster)
        # All the others are fine: whoever is not might be the one whose turn it is.
        if len(able) <= len(seats) // 2 or len(able) < len(seats) - 1 or not _calm(self._network, now_us):
            return
        quick = host.powered and not self._network.weather.loss
        older = any(other.older for other in self._hosts.values())
        bound_us = KILLED_LED_US if quick and not older else SILENT_LED_US
        self._vacant[host.cluster] = (now_us, now_us + bound_us, able)

    def sampled(self, now_us: int) -> None:
        for cluster, (since_us, due_us, able) in list(self._vacant.items()):
            if now_us < due_us:
                continue
            del self._vacant[cluster]
            if not _calm(self._network, since_us) or not able <= self._able(cluster, since_us):
                continue
            self.judged += 1
            if not any(since_us < interval.start_us <= due_us for interval in self._acting.intervals[cluster]):
                took_ms = (due_us - since_us) // MILLISECOND
                raise Violation(
                    "failover", f"nobody acts {took_ms} ms after the leader's death at {since_us / 1e6:.3f} s"
                )

    def _able(self, cluster: str, since_us: int, dead: Host | None = None) -> frozenset[str]:
        seats = self._logs.seats(cluster)
        return frozenset(
            f"{host.label} {host.life}"
            for host in self._hosts.values()
            if host is not dead
            and host.disk.uuid in seats
            and _fine(host, since_us)
            and host.disk.least_us < DISK_FINE_US
        )
