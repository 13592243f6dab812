"""Which address to advertise, and what the peers' hosts look like from here."""

from __future__ import annotations

import errno
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from typing import Any

from pycluster.kernel.errors import LocalMisuse
from pycluster.kernel.ids import Address, Seed
from pycluster.runtime import LookUp

#: All names together may take this long: an agent must start where no name server answers, too.
LOOKUPS_S = 5.0
#: The own address towards somebody, as the routing table has it.
SourceTowards = Callable[[tuple[Any, ...], socket.AddressFamily], str | None]
_ANYWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
_LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


def advertised(
    bind_host: str,
    port: int,
    seeds: tuple[Seed, ...],
    name: str,
    chosen: Address | None,
    look_up: LookUp = socket.getaddrinfo,
    lookups_s: float = LOOKUPS_S,
) -> Address:
    """The address the others shall use.

    In this order: the chosen one; the bind address where it is one address; the address that this machine would send
    from to reach the first other node; loopback, where that reaches all of them that can be found, or only this node is
    listed; any address of this machine that is not loopback.
    """
    if chosen is not None:
        return chosen
    if not ipaddress.ip_address(bind_host).is_unspecified:
        return Address(bind_host, port)
    families = (socket.AF_INET6, socket.AF_INET) if ":" in bind_host else (socket.AF_INET,)
    # A machine's own name leads to loopback on many systems, and says nothing about the others.
    others = tuple(seed for seed in seeds if seed.name != name) or seeds
    loopback = ""
    for source in _sources(others, families, look_up, lookups_s):
        if not ipaddress.ip_address(source).is_loopback:
            return Address(source, port)
        loopback = loopback or source
    if loopback:
        return Address(_LOOPBACK[socket.AF_INET6 if ":" in loopback else socket.AF_INET], port)
    for family in families:
        anywhere = _source_towards((_ANYWHERE[family], 9), family)
        if anywhere is not None:
            return Address(anywhere, port)
    raise LocalMisuse(
        "no address to advertise to the other nodes",
        why=f"the agent listens on {bind_host}, and this machine has no route to any configured node",
        remedy="name one with -advertise-address",
    )


def moved(current: Address, peers: Iterable[Address], source_towards: SourceTowards | None = None) -> Address | None:
    """The address that took the place of ``current`` when this machine no longer has that one; None otherwise.

    It is the one that this machine sends from to reach one of ``peers`` (numeric), so nothing is looked up by name.
    """
    family = socket.AF_INET6 if ":" in current.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((current.host, 0))
        return None
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            return None
    for peer in peers:
        if (":" in peer.host) == (family == socket.AF_INET6):
            source = (source_towards or _source_towards)((peer.host, peer.port), family)
            if source is not None and not ipaddress.ip_address(source).is_loopback:
                return Address(source, current.port)
    return None


def _sources(
    seeds: tuple[Seed, ...], families: tuple[socket.AddressFamily, ...], look_up: LookUp, lookups_s: float
) -> list[str]:
    """The addresses this machine sends from to reach the seeds that can be found in time."""
    found: SimpleQueue[list[tuple[Any, ...]] | None] = SimpleQueue()

    def look_all_up() -> None:
        for seed in seeds:
            try:
                found.put(list(look_up(seed.host, seed.port, socket.AF_UNSPEC, socket.SOCK_DGRAM)))
            except (OSError, UnicodeError):
                continue
        found.put(None)

    # A daemon: a lookup that hangs must not hold up the start, nor the end of the process.
    threading.Thread(target=look_all_up, name="own-address", daemon=True).start()
    end = time.monotonic() + lookups_s
    sources: list[str] = []
    try:
        while (entries := found.get(timeout=max(0.0, end - time.monotonic()))) is not None:
            own = (_source_towards(entry[4], entry[0]) for entry in entries if entry[0] in families)
            sources += [source for source in own if source is not None]
            if sources and not ipaddress.ip_address(sources[-1]).is_loopback:
                break
    except Empty:
        pass
    return sources


def _source_towards(there: tuple[Any, ...], family: socket.AddressFamily) -> str | None:
    """The address this machine sends from to get ``there``. Asks the routing table; sends nothing."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(there)
            return str(probe.getsockname()[0]).partition("%")[0]
    except OSError:
        return None
