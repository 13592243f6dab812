"""Which address to advertise, and what the peers' hosts look like from here."""

from __future__ import annotations

import ipaddress
import socket

from pycluster.kernel.errors import LocalMisuse
from pycluster.kernel.ids import Address, Seed


def advertised(bind_host: str, port: int, seeds: tuple[Seed, ...], name: str, chosen: Address | None) -> Address:
    """The address the others shall use.

    In this order: the chosen one; the bind address where it is one address; the address that this machine would send
    from to reach the first other node; any address of this machine that is not loopback; loopback.
    """
    if chosen is not None:
        return chosen
    if not ipaddress.ip_address(bind_host).is_unspecified:
        return Address(bind_host, port)
    family = socket.AF_INET6 if ":" in bind_host else socket.AF_INET
    own_loopback = False
    for seed in seeds:
        source = _source_towards(seed.host, seed.port, family)
        if source is None:
            continue
        if ipaddress.ip_address(source).is_loopback:
            own_loopback = True
        elif seed.name != name:
            return Address(source, port)
    if own_loopback:
        return Address("::1" if family == socket.AF_INET6 else "127.0.0.1", port)
    anywhere = "2001:db8::1" if family == socket.AF_INET6 else "192.0.2.1"
    source = _source_towards(anywhere, 9, family)
    if source is None:
        raise LocalMisuse(
            "no address to advertise to the other nodes",
            why=f"the agent listens on {bind_host}, and this machine has no route to any configured node",
            remedy="name one with -advertise-address",
        )
    return Address(source, port)


def _source_towards(host: str, port: int, family: socket.AddressFamily) -> str | None:
    """The address this machine sends from to reach ``host``. Asks the routing table; sends nothing."""
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_DGRAM)
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(found[0][4])
            return str(probe.getsockname()[0]).partition("%")[0]
    except OSError:
        return None
