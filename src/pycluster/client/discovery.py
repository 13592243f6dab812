"""Which agent is meant where nobody says so: the environment, then what this machine shows."""

from __future__ import annotations

import glob
import os
import socket
from collections.abc import Mapping

from pycluster.client.connection import connect_unix
from pycluster.client.endpoint import Endpoint
from pycluster.client.errors import Ambiguous, NoAgent

SOCKET = "agent.sock"
SYSTEM_ROOT = "/var/lib/pycluster"
_PROBE_S = 2.0
_CHOOSE = "choose with -data-dir DIR or -addr ADDR"


def discover(environment: Mapping[str, str], system_root: str = SYSTEM_ROOT) -> Endpoint:
    """``PYCLUSTER_ADDR``, the socket in ``PYCLUSTER_DATA_DIR``, or the only agent that answers below the default
    directories; raises ``NoAgent``, ``Ambiguous`` or ``LocalMisuse``.
    """
    if environment.get("PYCLUSTER_ADDR"):
        return Endpoint.parse(environment["PYCLUSTER_ADDR"])
    if environment.get("PYCLUSTER_DATA_DIR"):
        return socket_in(environment["PYCLUSTER_DATA_DIR"])
    return only_one(sockets(environment, system_root))


def socket_in(directory: str) -> Endpoint:
    """The socket of the agent with this data directory."""
    return Endpoint(path=os.path.join(os.path.abspath(directory), SOCKET))


def sockets(environment: Mapping[str, str], system_root: str) -> list[str]:
    """The agents' sockets below the default directories, whether or not anybody listens."""
    state_home = environment.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    roots = dict.fromkeys((system_root, os.path.join(state_home, "pycluster")))
    return [path for root in roots for depth in ("", "*/*/") for path in sorted(_below(root, depth))]


def _below(root: str, depth: str) -> list[str]:
    return glob.glob(f"{glob.escape(root)}/{depth}{SOCKET}")


def only_one(found: list[str]) -> Endpoint:
    """The only one of the sockets on which an agent listens; raises ``NoAgent`` or ``Ambiguous``."""
    live = found if len(found) == 1 else [path for path in found if _listens(path)]
    if len(live) == 1:
        return Endpoint(path=live[0])
    if not live:
        raise NoAgent(
            "no agent was found on this machine",
            why="none listens below the default data directories" if not found else "the sockets found are dead",
            remedy="start one, or name one with -data-dir DIR or -addr HOST:PORT",
        )
    raise Ambiguous(
        "several agents run on this machine",
        why=", ".join(os.path.dirname(path) for path in live),
        remedy=_CHOOSE,
    )


def _listens(path: str) -> bool:
    """Whether an agent accepts connections there, as far as we may know: another user's counts."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_S)
        try:
            connect_unix(probe, path)
        except (PermissionError, TimeoutError):
            return True
        except OSError:
            return False
    return True
