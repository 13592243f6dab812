"""What scenarios do to a cluster, and how they read it."""

from __future__ import annotations

from pycluster import consensus, membership
from pycluster.kernel.ids import Address, Seed
from pycluster.node.view import MemberView
from pycluster.simulator.cluster import PORT, Blueprint, Cluster
from pycluster.simulator.host import Host
from pycluster.simulator.timeline import Clock

#: Hours of elections at the usual pace would be all that the processor does.
SLOW_ELECTIONS = consensus.Params(
    heartbeat_interval_ms=10_000,
    election_timeout_ms=60_000,
    lease_ms=50_000,
    bootstrap_interval_ms=20_000,
    bootstrap_interval_max_ms=20_000,
    answer_ttl_ms=60_000,
)


def names(count: int) -> tuple[str, ...]:
    return tuple(f"node{number:03d}" for number in range(1, count + 1))


def by_dns(
    *labels: str,
    seed: int = 1,
    elections: consensus.Params | None = None,
    members: membership.Params | None = None,
) -> Cluster:
    """A running cluster whose ``[nodes]`` hold DNS names."""
    members = members or membership.Params()
    cluster = Cluster(seed, members=members)
    for number, label in enumerate(labels, start=1):
        host = cluster.host(label, number, clock=Clock(offset_us=number * 1_000_003))
        cluster.world.network.names[f"{label}.sim"] = (host.address.host,)
    seeds = tuple(Seed(label, f"{label}.sim", PORT) for label in labels)
    cluster.plan("demo", Blueprint(seeds, members, elections or consensus.Params()))
    for host in cluster.world.hosts.values():
        cluster.world.start(host)
    return cluster


def unblamed(cluster: Cluster) -> None:
    """From now on nobody is blamed for accusing anyone: this scenario breaks things on purpose."""
    for host in cluster.world.hosts.values():
        host.disturbed_until_us = 10**15


def cut(cluster: Cluster, *one: str) -> int:
    """Cut these off from all others."""
    unblamed(cluster)
    other = [label for label in cluster.world.hosts if label not in one]
    return cluster.world.network.cut(frozenset(pair for a in one for b in other for pair in ((a, b), (b, a))))


def heal(cluster: Cluster, number: int) -> None:
    """Undo a cut."""
    cluster.world.network.heal(number)
    cluster.world.streams.moved()


def move(cluster: Cluster, host: Host, to: str, *, announced: bool = True) -> None:
    """Give a host that is switched off another address, and its DNS name with it where ``announced``."""
    assert host.process is None
    host.address = Address(to, PORT)
    cluster.world.network.attach(host)
    if announced:
        cluster.world.network.names[f"{host.label}.sim"] = (to,)


def view(cluster: Cluster, label: str) -> dict[str, MemberView]:
    """What that node says of everyone."""
    host = cluster.world.hosts[label]
    assert host.process is not None
    return {member.name: member for member in host.process.members(host.clock.local(cluster.world.now_us))}


def states(cluster: Cluster, label: str) -> dict[str, str]:
    """Everyone's state, as that node sees it."""
    return {name: member.state for name, member in view(cluster, label).items()}


def everywhere(cluster: Cluster, name: str) -> set[str]:
    """The states in which the running nodes hold ``name``."""
    return {
        states(cluster, host.label).get(name, "unheard of")
        for host in cluster.world.hosts.values()
        if host.running and not host.stranger
    }
