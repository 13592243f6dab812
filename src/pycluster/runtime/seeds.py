"""Where an operator says that nodes are: ``host``, ``host:port``, ``[address]:port``."""

from __future__ import annotations

import ipaddress
import re

from pycluster.kernel.errors import LocalMisuse

_HOST = re.compile(r"[\w.-]{1,253}|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(%\w+)?")


def parse(hosts: tuple[str, ...], default_port: int) -> tuple[tuple[str, int], ...]:
    """Each as ``(host, port)``; raises ``LocalMisuse`` for the first that cannot be one."""
    return tuple(_one(host.strip(), default_port) for host in hosts)


def _one(text: str, default_port: int) -> tuple[str, int]:
    fault = LocalMisuse(f"cannot contact {text!r}", why="it is no host, host:port or [address]:port")
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise fault
        port = rest[1:]
    elif text.count(":") > 1:
        host, port = text, ""
    else:
        host, _, port = text.partition(":")
    if not _HOST.fullmatch(host):
        raise fault
    if ":" in host:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise fault from None
    if not port:
        return host, default_port
    if not port.isdecimal() or not 1 <= int(port) <= 65_535:
        raise fault
    return host, int(port)
