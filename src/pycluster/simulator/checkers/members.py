"""Membership: nobody healthy is convicted, and after the quiet everyone knows the truth."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from pycluster.node.effects import Publish
from pycluster.node.view import MemberView
from pycluster.simulator.checkers.checker import Checker, Violation
from pycluster.simulator.host import Host
from pycluster.simulator.network import Network


class Convictions(Checker):
    """A node that no fault touched is never ``down`` at a node that no fault touched and that it is connected to."""

    def __init__(self, hosts: Mapping[str, Host], network: Network) -> None:
        self._hosts = hosts
        self._network = network
        self.count = 0

    def published(self, host: Host, effect: Publish, now_us: int) -> None:
        event = effect.event
        if event.kind != "member-down":
            return
        self.count += 1
        subject = self._find(host.cluster, event.node, str(event.fields.get("uuid", "")))
        if subject is None or not subject.running or subject.departed or not host.running:
            return
        if max(host.disturbed_until_us, subject.disturbed_until_us) > now_us:
            return
        if self._network.connected(host, subject):
            raise Violation("healthy node convicted", f"{host.label}: {event.text}")

    def _find(self, cluster: str, name: str, uuid: str) -> Host | None:
        likely = self._hosts.get(name)  # most hosts are labelled by their node's name
        for host in chain(() if likely is None else (likely,), self._hosts.values()):
            if (host.cluster, host.name, host.disk.uuid) == (cluster, name, uuid):
                return host
        return None


def disagreements(hosts: Mapping[str, Host], now_us: int, *, ghosts: bool = True) -> list[str]:
    """Where what a running node believes of its cluster's members differs from the truth; empty when it nowhere does.

    A host marked ``stranger`` (it claims another's name) is nobody's member and its own view is not asked. A *ghost* is
    an identity whose disk is lost, at an address that its name has left: whoever was cut off may hold it, and is alone
    in accusing it.
    """
    wrong: list[str] = []
    for host in hosts.values():
        if host.running and not host.stranger and not host.departed:
            wrong += _disagreements_of(host, hosts, now_us, ghosts)
    return wrong


def _disagreements_of(host: Host, hosts: Mapping[str, Host], now_us: int, ghosts: bool) -> list[str]:
    assert host.process is not None
    truth = {other.name: other for other in hosts.values() if other.cluster == host.cluster and not other.stranger}
    wrong: list[str] = []
    seen = {member.name: member for member in host.process.members(host.clock.local(now_us))}
    for name, other in truth.items():
        member = seen.pop(name, None)
        if other.running and not other.departed:
            if not ghosts and member is not None and _is_ghost(member, other):
                continue
            if member is None or member.state != "alive":
                wrong.append(f"{host.label} says {name} is {member.state if member else 'unheard of'}; it runs")
            elif member.uuid != other.disk.uuid:
                wrong.append(f"{host.label} takes {name} for {member.uuid[:8]}; it is {other.disk.uuid[:8]}")
            elif member.address != str(other.address):
                wrong.append(f"{host.label} looks for {name} at {member.address}; it is at {other.address}")
        elif member is not None and member.state in ("alive", "suspect"):
            wrong.append(f"{host.label} says {name} is {member.state}; it does not run")
    wrong += [
        f"{host.label} knows {name}, which is nobody of its cluster" for name, member in seen.items() if member.uuid
    ]
    return wrong


def _is_ghost(member: MemberView, truth: Host) -> bool:
    return member.uuid not in ("", truth.disk.uuid) and member.address != str(truth.address)
