"""Forged evidence of death against live agents: it may cost an election, never a conviction or a second leader."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.cluster.agents import AgentProcess, fleet, origin_conf, overlaps, wait_for
from tests.cluster.forgery import Wiretap, counter, refusing, severed, slandered, wiretap
from tests.cluster.hosts import Host, needs_network, network
from tests.cluster.three import formed, patient, seated, statuses

pytestmark = [pytest.mark.root, pytest.mark.slow]
PORT = 7946
#: Longer than the least time in which anybody could be convicted, whatever the evidence.
LYING_S = 5.0
#: Longer than a suspicion by refusals.
_MOMENT_S = 3.5
_LIMIT_S = 200.0
#: Time for the victim to refute even where it does not run at once.
_SUSPECTED = {
    "PYCLUSTER_MEMBERSHIP_REFUSED_SUSPICION_MS": "2000",
    "PYCLUSTER_MEMBERSHIP_UNREACHABLE_SUSPICION_MS": "3000",
}


class Besieged:
    """Five voters, and a sixth host from where the lies come."""

    def __init__(self, agents: tuple[AgentProcess, ...], hosts: tuple[Host, ...], taps: dict[int, Wiretap]) -> None:
        self.agents = agents
        #: By victim.
        self.taps = taps
        self.hosts = hosts[:-1]
        self.attacker = hosts[-1]
        #: Convictions that a test before may have been to blame for.
        self._convicted: dict[AgentProcess, int] = {}

    def others(self, victim: int) -> tuple[Host, ...]:
        """Everyone's host but the victim's."""
        return tuple(host for number, host in enumerate(self.hosts) if number != victim)

    def term(self) -> int:
        """The term in which all follow the first, at the beginning of a test."""
        wait_for("all follow the first", self.all_follow, _LIMIT_S)
        self._convicted = {agent: agent.says("Node timeout: ") for agent in self.agents}
        return statuses(self.agents)[0].leader.term

    def resets(self) -> int:
        """Connections that the kernels gave up because somebody reset them, so far."""
        return sum(counter(host, "Tcp", "EstabResets") for host in self.hosts)

    def unharmed(self, victim: int, before: int) -> None:
        """Nobody convicted anybody; at most one leadership was lost, and nobody acted beside another."""
        wait_for("all follow the first", self.all_follow, _LIMIT_S)
        for agent in self.agents:
            assert agent.says("Node timeout: ") == self._convicted[agent], agent.console()
        shown = statuses(self.agents)
        assert overlaps(shown) == []
        # A leadership that was lost, and given back to the lowest name, is two terms.
        assert max(status.leader.term for status in shown) <= before + (2 if victim == 0 else 0)

    def all_follow(self) -> bool | None:
        """Whether all follow node001, it acts, and nobody is suspected any more."""
        shown = [status for agent in self.agents if (status := agent.peek()) is not None]
        count = len(self.agents)
        well = [one for one in shown if one.leader.leader == "node001" and one.counts.alive == count]
        return True if len(well) == count and well[0].leader.acting else None


@pytest.fixture(name="cluster", scope="module")
def besieged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    """The cluster, formed; every test leaves it well."""
    needs_network()
    folder = tmp_path_factory.mktemp("besieged")
    with network(6) as net:
        hosts = net.hosts[:-1]
        names = {f"node{number:03d}": host.address for number, host in enumerate(hosts, 1)}
        conf = origin_conf(folder / "cluster.conf", names, PORT)
        flags = ("-config", str(conf), "-bind-address", "0.0.0.0", "-port", str(PORT))
        agents = tuple(
            AgentProcess(name, folder, *flags, enter=host.enter) for name, host in zip(names, hosts, strict=True)
        )
        patient(*agents)
        for agent in agents:
            agent.variables = {**agent.variables, **_SUSPECTED}
        with wiretap(hosts[0], PORT) as leaders, wiretap(hosts[4], PORT) as followers, fleet(*agents):
            formed(agents)
            seated(agents)
            yield Besieged(agents, net.hosts, {0: leaders, 4: followers})


VICTIMS = pytest.mark.parametrize("victim", [0, 4], ids=["leader", "follower"])


@VICTIMS
def test_forged_port_unreachables_convict_nobody(cluster: Besieged, victim: int) -> None:
    term = cluster.term()
    audience = cluster.others(victim)
    before = [counter(host, "Icmp", "InDestUnreachs") for host in audience]
    with slandered(cluster.attacker, cluster.hosts[victim], audience, PORT):
        time.sleep(LYING_S)
    for host, heard in zip(audience, before, strict=True):
        assert counter(host, "Icmp", "InDestUnreachs") >= heard + 20, "the lies did not arrive"
    cluster.unharmed(victim, term)


@VICTIMS
def test_forged_resets_convict_nobody(cluster: Besieged, victim: int) -> None:
    term = cluster.term()
    before = cluster.resets()
    with severed(cluster.attacker, cluster.taps[victim]):
        time.sleep(LYING_S)
    assert cluster.resets() >= before + 4, "no kernel believed a reset"
    cluster.unharmed(victim, term)


@VICTIMS
def test_all_lies_together_for_a_moment_convict_nobody(cluster: Besieged, victim: int) -> None:
    """Streams end, redials are refused, and datagrams seem to be: all that a real death shows but silence."""
    term = cluster.term()
    with ExitStack() as lies:
        lies.enter_context(slandered(cluster.attacker, cluster.hosts[victim], cluster.others(victim), PORT))
        lies.enter_context(severed(cluster.attacker, cluster.taps[victim]))
        lies.enter_context(refusing(cluster.hosts[victim], PORT))
        time.sleep(_MOMENT_S)
    cluster.unharmed(victim, term)
