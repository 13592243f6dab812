"""Which agent to ask: what was typed, then the environment, then what this machine shows."""

from __future__ import annotations

import glob
import os
import socket
from collections.abc import Mapping

import click

from pycluster.cli.exits import Ambiguous, NoAgent
from pycluster.cli.given import Given
from pycluster.cli.options import seconds
from pycluster.client import Client, Endpoint
from pycluster.client.connection import connect_unix
from pycluster.kernel.errors import PyClusterError

SOCKET = "agent.sock"
READ_S, CHANGE_S = 10.0, 60.0
_PROBE_S = 2.0
_CHOOSE = "choose with -data-dir DIR or -addr ADDR"


def client(given: Given, usual_s: float = READ_S) -> Client:
    """A client of the agent that is meant; raises ``NoAgent``, ``Ambiguous`` or what the settings raise."""
    found = endpoint(given, os.environ, "/var/lib/pycluster", root=os.geteuid() == 0)
    return Client(found, _timeout_s(given, os.environ, usual_s))


def _timeout_s(given: Given, environment: Mapping[str, str], usual_s: float) -> float:
    chosen = given.options.get("timeout")
    if isinstance(chosen, float):
        return chosen
    if not environment.get("PYCLUSTER_TIMEOUT"):
        return usual_s
    try:
        return seconds(environment["PYCLUSTER_TIMEOUT"])
    except click.BadParameter as wrong:
        raise click.UsageError(f"PYCLUSTER_TIMEOUT: {wrong.message}") from None


def endpoint(given: Given, environment: Mapping[str, str], system_root: str, *, root: bool) -> Endpoint:
    """Where it is: ``-addr``, ``-data-dir``, ``-config`` or ``-name``; the same from the environment; the
    cluster.conf of the working directory; the only agent that answers below the default directories.
    """
    if given.text("addr"):
        return Endpoint.parse(given.text("addr"))
    if given.text("data_dir"):
        return _socket_in(given.text("data_dir"))
    if given.text("config") or given.text("name"):
        return _socket_in(_configured(given, environment, root))
    if environment.get("PYCLUSTER_ADDR"):
        return Endpoint.parse(environment["PYCLUSTER_ADDR"])
    if environment.get("PYCLUSTER_DATA_DIR"):
        return _socket_in(environment["PYCLUSTER_DATA_DIR"])
    if environment.get("PYCLUSTER_CONFIG") or environment.get("PYCLUSTER_NAME"):
        return _socket_in(_configured(given, environment, root))
    if os.path.exists("cluster.conf"):
        try:
            found = _socket_in(_configured(given, environment, root))
        except PyClusterError:
            found = None  # a broken file in the working directory must not hide the agent that runs
        if found is not None and os.path.exists(found.path):
            return found
    return _only_one(sockets(environment, system_root))


def _socket_in(directory: str) -> Endpoint:
    return Endpoint(path=os.path.join(os.path.abspath(directory), SOCKET))


def _configured(given: Given, environment: Mapping[str, str], root: bool) -> str:
    """The data directory of the agent that the settings describe."""
    from pycluster.settings import load
    from pycluster.storage import default_directory

    flags = {"name": given.text("name")} if given.text("name") else {}
    found = load(given.config(environment), environment, flags, socket.gethostname()).settings
    return found.data_dir or default_directory(found.cluster, found.name, environment, root=root)


def sockets(environment: Mapping[str, str], system_root: str) -> list[str]:
    """The agents' sockets below the default directories, whether or not anybody listens."""
    state_home = environment.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    roots = dict.fromkeys((system_root, os.path.join(state_home, "pycluster")))
    return [path for root in roots for depth in ("", "*/*/") for path in sorted(_below(root, depth))]


def _below(root: str, depth: str) -> list[str]:
    return glob.glob(f"{glob.escape(root)}/{depth}{SOCKET}")


def _only_one(found: list[str]) -> Endpoint:
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
