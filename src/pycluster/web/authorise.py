"""Who may do what over HTTP: the one seam that every request passes.

Until security is configured a caller is known by where it calls from: anyone who reaches the port may read; only the
Unix socket's owner, or a process on this machine that came over loopback, may change anything.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Literal

import msgspec

from pycluster.kernel.errors import Refused
from pycluster.web.asgi import Scope

Action = Literal[
    "read",
    "join",
    "leave",
    "force-leave",
    "raft-transfer",
    "raft-add",
    "raft-remove",
    "raft-replace",
    "tags",
    "kv",
    "config",
    "snapshot",
]

#: Headers that a proxy adds. They are never believed; their presence shows that the peer is not the caller.
_PROXY_HEADERS = frozenset((b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"))


_REMEMBERED = 1_024


class Access(msgspec.Struct, frozen=True):
    """Names by which this node's HTTP interface may be called, besides numeric addresses and ``localhost``.

    Lower case, without port: the node's name, the machine's host name, the host of ``-web``, and what the settings add.
    """

    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, *names: str) -> Access:
        """The names as people write them; empty ones are skipped."""
        return cls(frozenset(name.lower().rstrip(".") for name in names if name))


class Caller(msgspec.Struct, frozen=True):
    """Where a request comes from: ``peer`` and ``local`` are the two numeric addresses of a TCP connection.

    ``proxied``: it carries a header that only a proxy sets.
    """

    unix: bool
    peer: str = ""
    local: str = ""
    proxied: bool = False


def caller_of(scope: Scope) -> Caller:
    """The caller of an ASGI request; on a Unix socket where the server said so, never because an address is missing."""
    if scope.get("state", {}).get("unix", False):
        return Caller(unix=True)
    peer, local = scope.get("client"), scope.get("server")
    return Caller(
        unix=False,
        peer=peer[0] if peer else "",
        local=local[0] if local else "",
        proxied=any(name in _PROXY_HEADERS for name, _ in scope["headers"]),
    )


def authorise(caller: Caller, action: Action) -> None:
    """Let it pass, or raise ``Refused`` with what to do instead."""
    if action == "read" or caller.unix:
        return
    remedy = "run the command on the node itself, over the agent's Unix socket or http://127.0.0.1"
    if caller.proxied:
        raise Refused(
            f"{action} is not allowed through a proxy",
            why="the request carries a proxy's header, so its caller may be anywhere",
            remedy=remedy,
        )
    if not (_is_loopback(caller.peer) and _is_loopback(caller.local)):
        raise Refused(
            f"{action} is not allowed from {caller.peer or 'an unknown address'}",
            why="until security is configured, changes are accepted only from this machine",
            remedy=remedy,
        )


@lru_cache(maxsize=_REMEMBERED)
def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
