"""The faults of the wires: each does what it says while it lasts, and nothing is left of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.cluster.agents import wait_for
from tests.cluster.hosts import Host, Network, needs_network, network
from tests.cluster.links import deaf, flapping, interface_down, lossy, parted, unplugged
from tests.cluster.sockets import through

pytestmark = pytest.mark.root


@pytest.fixture(name="net", scope="module")
def three_hosts() -> Iterator[Network]:
    needs_network()
    with network(3) as net:
        yield net


def passes(sender: Host, receiver: Host) -> bool:
    """Asked twice, for the first packet may be lost to address resolution after a cut."""
    return through(sender, receiver) == 1 or through(sender, receiver) == 1


def test_parted_sides_hear_nothing_of_each_other(net: Network) -> None:
    one, two, three = net.hosts
    assert passes(one, three)
    with parted(net, [one, two], [three]):
        assert not passes(one, three)
        assert not passes(three, two)
        assert passes(one, two)
    assert passes(one, three)


def test_a_deaf_host_is_still_heard(net: Network) -> None:
    one, two, three = net.hosts
    assert passes(one, two) and passes(two, one)
    with deaf(net, [one], [two]):
        assert not passes(two, one)
        assert passes(one, two)
        assert passes(three, one)
    assert passes(two, one)


def test_loss_takes_about_its_share(net: Network) -> None:
    one, two, three = net.hosts
    assert passes(one, two) and passes(three, two)
    with lossy(net, [one], 300):
        lost = 400 - through(one, two, 200) - through(two, one, 200)
        assert 60 <= lost <= 200
        assert through(three, two, 50) == 50


@pytest.mark.parametrize("fault", [unplugged, lambda net, host: interface_down(host)], ids=["cable", "interface"])
def test_a_host_that_is_off_the_wire_comes_back(
    net: Network, fault: Callable[[Network, Host], AbstractContextManager[None]]
) -> None:
    one, two, _ = net.hosts
    with fault(net, two):
        assert not passes(one, two)
        assert not passes(two, one)
    wait_for("both directions pass again", lambda: (passes(one, two) and passes(two, one)) or None)


def test_a_flapping_cable_ends_plugged_in(net: Network) -> None:
    one, two, _ = net.hosts
    with flapping(net, two, up_s=0.6, down_s=0.6):
        wait_for("it is out", lambda: through(one, two) == 0 or None)
        wait_for("it is in", lambda: through(one, two) == 1 or None)
    wait_for("both directions pass again", lambda: (passes(one, two) and passes(two, one)) or None)


def test_overlapping_faults_end_one_by_one(net: Network) -> None:
    one, two, three = net.hosts
    with deaf(net, [three], [one]):
        with parted(net, [one], [two, three]):
            assert not passes(three, one)
        assert passes(three, one)
        assert not passes(one, three)
    assert passes(one, three)


def test_a_host_takes_another_address(net: Network) -> None:
    one, two, _ = net.hosts
    old = two.address
    two.readdress("10.77.0.102")
    assert passes(one, two)
    two.readdress(old)
    assert passes(one, two)
