"""Faults of the wires between test hosts, each a ``with`` that mends what it broke; they overlap as they like.

A fault of the switch is a filter table of its own, by port: it takes every frame, address resolution too, and holds
whatever addresses the hosts have meanwhile.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tests.cluster.beside import beside
from tests.cluster.hosts import Host, Network

_numbers = itertools.count(1)


@contextmanager
def filtered(net: Network, *rules: str) -> Iterator[None]:
    """The switch forwards by these nftables rules as well."""
    name = f"fault{next(_numbers)}"
    hook = "{ type filter hook forward priority 0; }"
    lines = [f"add table bridge {name}", f"add chain bridge {name} forward {hook}"]
    net.switch_nft("\n".join([*lines, *(f"add rule bridge {name} forward {rule}" for rule in rules)]))
    try:
        yield
    finally:
        net.switch_nft(f"delete table bridge {name}")


def _ports(hosts: Iterable[Host]) -> str:
    return "{ " + ", ".join(f'"{host.port}"' for host in hosts) + " }"


def _path(source: Iterable[Host], target: Iterable[Host]) -> str:
    return f"iifname {_ports(source)} oifname {_ports(target)}"


@contextmanager
def parted(net: Network, *sides: Iterable[Host]) -> Iterator[None]:
    """Nothing passes between hosts of different sides; whoever stands in no side reaches everyone."""
    groups = [tuple(side) for side in sides]
    with filtered(net, *(f"{_path(one, other)} drop" for one, other in itertools.permutations(groups, 2))):
        yield


@contextmanager
def deaf(net: Network, listeners: Iterable[Host], speakers: Iterable[Host]) -> Iterator[None]:
    """A one-way cut: ``listeners`` get nothing from ``speakers``, which still hear them."""
    with filtered(net, f"{_path(speakers, listeners)} drop"):
        yield


@contextmanager
def lossy(net: Network, hosts: Iterable[Host], permille: int) -> Iterator[None]:
    """So many of a thousand frames to each of ``hosts`` are lost, and as many of those from it."""
    ports = _ports(hosts)
    dice = f"numgen random mod 1000 < {permille} drop"
    with filtered(net, f"iifname {ports} {dice}", f"oifname {ports} {dice}"):
        yield


@contextmanager
def unplugged(net: Network, host: Host) -> Iterator[None]:
    """The host's cable is out: nobody is told, what is sent goes nowhere."""
    net.switch_port(host, "down")
    try:
        yield
    finally:
        net.switch_port(host, "up")


@contextmanager
def interface_down(host: Host) -> Iterator[None]:
    """The host's interface is down: its own programs see errors, the others see silence."""
    host.interface("down")
    try:
        yield
    finally:
        host.interface("up")


@contextmanager
def flapping(net: Network, host: Host, up_s: float, down_s: float) -> Iterator[None]:
    """The host's cable goes out and in, again and again."""

    def flap(over: threading.Event) -> None:
        while not over.is_set():
            with unplugged(net, host):
                over.wait(down_s)
            over.wait(up_s)

    with beside(f"flapping {host.port}", flap):
        yield
