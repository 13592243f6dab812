"""The copies of the replicated state: what was applied up to one index is the same everywhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pycluster.simulator.checkers.checker import Violation
from pycluster.simulator.host import Host


def agree(hosts: Mapping[str, Host]) -> None:
    """Copies of one cluster that stand at the same index are equal."""
    seen: dict[tuple[str, int], tuple[str, int]] = {}
    for host in hosts.values():
        copy = host.process.copy() if host.process is not None else None
        if copy is None:
            continue
        index, digest = copy
        other = seen.setdefault((host.cluster, index), (host.label, digest))
        if other[1] != digest:
            raise Violation("copies agree", f"{host.label} and {other[0]} applied the log up to {index} and differ")


def abreast(hosts: Mapping[str, Host], seats: Collection[str]) -> None:
    """Where it has been quiet for a while, the voters that run, by UUID, have all applied the same."""
    indexes: dict[str, int] = {}
    for host in hosts.values():
        copy = host.process.copy() if host.process is not None and host.disk.uuid in seats else None
        if copy is not None:
            indexes[host.label] = copy[0]
    if len(set(indexes.values())) > 1:
        raise Violation("copies are abreast", f"nothing happens, and voters applied the log up to {indexes}")
