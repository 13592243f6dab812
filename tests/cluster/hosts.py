"""Test hosts: network namespaces on one virtual switch, cut and joined with nftables. Needs root, ip and nft.

Cuts made here drop what arrives, by address. ``links`` has faults of the wires themselves.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Literal

import pytest

#: The hosts' network exists inside their namespaces only.
_PREFIX = "10.77.0."
_TABLE = """
table inet cut {
    set from { type ipv4_addr; }
    chain arriving { type filter hook input priority 0; ip saddr @from drop; }
}
"""


def _run(*command: str, given: str | None = None) -> None:
    done = subprocess.run(command, input=given, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")


class Host:
    """One namespace with one address. ``enter`` in front of a command runs it there, ``port`` is its switch port."""

    def __init__(self, namespace: str, address: str, port: str) -> None:
        self.namespace = namespace
        self.address = address
        self.port = port
        self.enter = ("ip", "netns", "exec", namespace)

    def nft(self, script: str) -> None:
        """Change this host's packet filter."""
        _run(*self.enter, "nft", "-f", "-", given=script)

    def readdress(self, address: str) -> None:
        """Give the host another address; the old one is gone at once, and what still uses it is not told."""
        _run("ip", "-n", self.namespace, "address", "del", f"{self.address}/24", "dev", "eth0")
        _run("ip", "-n", self.namespace, "address", "add", f"{address}/24", "dev", "eth0")
        self.address = address

    def interface(self, state: Literal["up", "down"]) -> None:
        """Take the interface down, as an operator would, or up again; it keeps its address."""
        _run("ip", "-n", self.namespace, "link", "set", "eth0", state)


class Network:
    """Hosts that reach each other until they are cut apart."""

    def __init__(self, hosts: tuple[Host, ...], switch: str) -> None:
        self.hosts = hosts
        self._switch = switch

    def switch_nft(self, script: str) -> None:
        """Change the switch's packet filter."""
        _run("ip", "netns", "exec", self._switch, "nft", "-f", "-", given=script)

    def switch_port(self, host: Host, state: Literal["up", "down"]) -> None:
        """Pull the host's cable out of the switch, or put it back."""
        _run("ip", "-n", self._switch, "link", "set", host.port, state)

    def cut(self, *sides: Iterable[Host]) -> None:
        """Drop every packet between hosts of different sides, both ways; whoever stands in no side hears everyone."""
        groups = [tuple(side) for side in sides]
        for group in groups:
            others = ", ".join(host.address for other in groups if other is not group for host in other)
            for host in group:
                host.nft(f"flush set inet cut from\nadd element inet cut from {{ {others} }}")

    def deafen(self, deaf: Host, towards: Iterable[Host]) -> None:
        """A one-way cut: ``deaf`` hears nothing from ``towards``, which still hear it."""
        deaf.nft(f"add element inet cut from {{ {', '.join(host.address for host in towards)} }}")

    def heal(self) -> None:
        """Everyone hears everyone again."""
        for host in self.hosts:
            host.nft("flush set inet cut from")


def needs_network() -> None:
    """Skip, and say what is missing, where namespaces cannot be made."""
    if os.geteuid() != 0:
        pytest.skip("needs root for network namespaces")
    for program, package in (("ip", "iproute2"), ("nft", "nftables")):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}, Debian's package {package}")


@contextmanager
def network(count: int) -> Iterator[Network]:
    """``count`` hosts and the switch between them, gone again afterwards whatever happens."""
    name = f"pyc{os.getpid()}"
    switch = f"{name}sw"
    namespaces = [switch]
    try:
        _run("ip", "netns", "add", switch)
        _run("ip", "-n", switch, "link", "add", "br0", "type", "bridge")
        _run("ip", "-n", switch, "link", "set", "br0", "up")
        hosts = []
        for number in range(1, count + 1):
            host = Host(f"{name}h{number}", f"{_PREFIX}{number}", f"port{number}")
            namespaces.append(host.namespace)
            _run("ip", "netns", "add", host.namespace)
            _run("ip", "-n", host.namespace, "link", "set", "lo", "up")
            peer = ("peer", "name", host.port, "netns", switch)
            _run("ip", "-n", host.namespace, "link", "add", "eth0", "type", "veth", *peer)
            _run("ip", "-n", switch, "link", "set", host.port, "master", "br0", "up")
            _run("ip", "-n", host.namespace, "address", "add", f"{host.address}/24", "dev", "eth0")
            _run("ip", "-n", host.namespace, "link", "set", "eth0", "up")
            host.nft(_TABLE)
            hosts.append(host)
        yield Network(tuple(hosts), switch)
    finally:
        for namespace in namespaces:
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)
