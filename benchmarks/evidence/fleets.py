"""Fleets for the bars: formed, and asked for the record of who acted when."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.fleet import Agent, Fleet, running
from benchmarks.network import Loopback
from benchmarks.systems import PYCLUSTER, System
from pycluster.agent import SOCKET_NAME
from pycluster.client import Client, Endpoint
from pycluster.kernel.errors import RemoteFault
from pycluster.node.view import ActingInterval, StatusView
from tests.cluster.agents import overlaps


@contextmanager
def formed(network: Loopback, total: int, name: str, system: System = PYCLUSTER) -> Iterator[Fleet]:
    """A fleet that knows each other and its leader; its logs stay where the round fails."""
    with running(system, network, total, name) as fleet:
        fleet.form()
        yield fleet


def acting(agent: Agent) -> tuple[ActingInterval, ...]:
    """When it acted as leader, by its own record."""
    return _asked(agent).acting_intervals


def disjoint(fleet: Fleet) -> None:
    """No two agents acted as leader at one time, by their own records on the one clock of this machine."""
    found = overlaps([_asked(agent) for agent in fleet.agents[: fleet.voters]])
    assert found == [], found


def _asked(agent: Agent) -> StatusView:
    try:
        return Client(Endpoint(path=str(agent.data_dir / SOCKET_NAME)), timeout_s=10.0).status()
    except RemoteFault as fault:
        raise AssertionError(f"{agent.name} does not say when it acted: {fault}") from fault
