"""Addresses that change under a running cluster: one after the other, all at once, and under a running agent."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pycluster.node.view import StatusView
from tests.cluster.agents import AgentProcess, fleet, origin_conf, overlaps, wait_for
from tests.cluster.hosts import Network, needs_network, network
from tests.cluster.three import formed, patient, seated, statuses

pytestmark = pytest.mark.root
PORT = 7946


class Movable:
    """Three agents on hosts of their own and the one file that they read."""

    def __init__(self, net: Network, agents: tuple[AgentProcess, ...], conf: Path) -> None:
        self.net = net
        self.agents = agents
        self._conf = conf
        self.write_conf()

    def write_conf(self) -> None:
        """The file as an operator keeps it: with the addresses of now."""
        hosts = zip(self.agents, self.net.hosts, strict=True)
        origin_conf(self._conf, {agent.name: host.address for agent, host in hosts}, PORT)

    def move(self, number: int) -> None:
        """The host of agent ``number`` (from 1) gets another address."""
        host = self.net.hosts[number - 1]
        net, _, last = host.address.rpartition(".")
        host.readdress(f"{net}.{int(last) + 100}")

    def well(self) -> list[StatusView] | None:
        """Everyone's status where all follow node001 and see all at the addresses of now."""
        shown = [status for agent in self.agents if (status := agent.peek()) is not None]
        now = {f"{host.address}:{PORT}" for host in self.net.hosts}
        right = all(
            status.leader.leader == "node001"
            and status.counts.alive == len(self.agents)
            and {member.address for member in status.members} == now
            for status in shown
        )
        return shown if len(shown) == len(self.agents) and right else None


@contextmanager
def movable(folder: Path) -> Iterator[Movable]:
    """Three agents, formed."""
    needs_network()
    with network(3) as net:
        conf = folder / "cluster.conf"
        flags = ("-config", str(conf), "-bind-address", "0.0.0.0", "-port", str(PORT))
        agents = tuple(
            AgentProcess(f"node{number:03d}", folder, *flags, enter=host.enter)
            for number, host in enumerate(net.hosts, 1)
        )
        patient(*agents)
        moved = Movable(net, agents, conf)
        with fleet(*agents):
            formed(agents)
            seated(agents)
            yield moved


@pytest.mark.slow
def test_hosts_move_one_after_the_other_and_only_the_moved_are_restarted(tmp_path: Path) -> None:
    with movable(tmp_path) as cluster:
        identities = {status.name: status.uuid for status in statuses(cluster.agents)}
        for number in (3, 2, 1):
            agent = cluster.agents[number - 1]
            agent.send(signal.SIGTERM)
            assert agent.wait() == 0, agent.console()
            cluster.move(number)
            cluster.write_conf()
            agent.start()
            shown = wait_for(f"all see {agent.name} at its new address", cluster.well)
            assert overlaps(shown) == []
        assert {status.name: status.uuid for status in statuses(cluster.agents)} == identities
        for agent in cluster.agents[:2]:
            agent.send(signal.SIGHUP)
            agent.wait_says("Settings read again")
        assert wait_for("nothing changes for it", cluster.well)


def test_all_hosts_move_at_once_and_the_corrected_file_brings_them_together(tmp_path: Path) -> None:
    """Numbers in the file of which none is true any more lead nowhere; once the file is right, SIGHUP is enough."""
    with movable(tmp_path) as cluster:
        before = statuses(cluster.agents)
        for agent in cluster.agents:
            agent.kill()
        for number in (1, 2, 3):
            cluster.move(number)
        for agent in cluster.agents:
            agent.start()
        for agent in cluster.agents:
            agent.wait_says("No leader, initiating new election")
        cluster.write_conf()
        for agent in cluster.agents:
            agent.send(signal.SIGHUP)
            agent.wait_says("Settings read again")
        shown = wait_for("all follow the first at the new addresses", cluster.well)
        assert overlaps(shown) == []
        assert {status.uuid for status in shown} == {status.uuid for status in before}
        assert min(status.leader.term for status in shown) > max(status.leader.term for status in before)


@pytest.mark.slow
def test_an_address_that_changes_under_a_running_agent_is_told_to_all_and_costs_no_election(tmp_path: Path) -> None:
    with movable(tmp_path) as cluster:
        term = statuses(cluster.agents)[0].leader.term
        cluster.move(3)
        shown = wait_for("all see it at its new address", cluster.well)
        assert {status.leader.term for status in shown} == {term}


@pytest.mark.slow
def test_a_leader_whose_address_changes_under_it_leads_again(tmp_path: Path) -> None:
    with movable(tmp_path) as cluster:
        cluster.move(1)
        shown = wait_for("all follow it at its new address", cluster.well)
        assert overlaps(shown) == []
