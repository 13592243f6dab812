"""The leader's host drops out in every way a wire can fail: another leads, no two act at once, and it follows later."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.cluster.agents import AgentProcess, overlaps, wait_for
from tests.cluster.hosts import Host, Network, needs_network
from tests.cluster.links import deaf, flapping, interface_down, lossy, unplugged
from tests.cluster.partition import agreed, on_hosts
from tests.cluster.three import statuses

pytestmark = pytest.mark.root
Fault = Callable[[Network, Host], AbstractContextManager[None]]


class Wired:
    """Three agents on hosts of their own."""

    def __init__(self, net: Network, agents: tuple[AgentProcess, ...]) -> None:
        self.net = net
        self.agents = agents

    def leader(self) -> str | None:
        """Whom all follow."""
        return agreed(self.agents, among=self.agents)

    def host(self, name: str) -> Host:
        """Where the agent ``name`` runs."""
        return next(host for agent, host in zip(self.agents, self.net.hosts, strict=True) if agent.name == name)

    def another_leads(self, former: str) -> bool | None:
        """Whether the others follow one of them, and ``former`` acts no more."""
        others = tuple(agent for agent in self.agents if agent.name != former)
        (old,) = (agent.peek() for agent in self.agents if agent.name == former)
        return True if agreed(others, among=others) and old is not None and not old.leader.acting else None


@pytest.fixture(name="wired", scope="module")
def three_wired_agents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wired]:
    """Formed once; every test leaves them well."""
    needs_network()
    with on_hosts(3, tmp_path_factory.mktemp("wired")) as (net, agents):
        yield Wired(net, agents)


def others(net: Network, host: Host) -> list[Host]:
    """All but ``host``."""
    return [other for other in net.hosts if other is not host]


CUTS: dict[str, Fault] = {
    "cable": unplugged,
    "interface": lambda _, host: interface_down(host),
    "deaf": lambda net, host: deaf(net, [host], others(net, host)),
    "mute": lambda net, host: deaf(net, others(net, host), [host]),
}


@pytest.mark.slow
@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS.keys())
def test_a_leader_that_is_cut_off_is_replaced_and_follows_later(wired: Wired, cut: Fault) -> None:
    former = wait_for("all follow one", wired.leader)
    with cut(wired.net, wired.host(former)):
        wait_for("another leads, and the former knows", lambda: wired.another_leads(former))
        assert overlaps(statuses(wired.agents)) == []
    wait_for("all follow one again", wired.leader)
    assert overlaps(statuses(wired.agents)) == []


FLAWS: dict[str, Fault] = {
    "flapping": lambda net, host: flapping(net, host, up_s=0.3, down_s=0.3),
    "loss": lambda net, _: lossy(net, net.hosts, 300),
}


@pytest.mark.slow
@pytest.mark.parametrize("flaw", FLAWS.values(), ids=FLAWS.keys())
def test_a_bad_wire_never_makes_two_act(wired: Wired, flaw: Fault) -> None:
    former = wait_for("all follow one", wired.leader)
    with flaw(wired.net, wired.host(former)):
        time.sleep(4.0)
    wait_for("all follow one again", wired.leader)
    assert overlaps(statuses(wired.agents)) == []
