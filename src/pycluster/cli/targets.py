"""Which agent to ask: what was typed, then the environment, then what this machine shows."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

import click

from pycluster.cli.given import Given
from pycluster.cli.options import seconds
from pycluster.client import Client, Endpoint
from pycluster.client.discovery import SYSTEM_ROOT, only_one, socket_in, sockets
from pycluster.kernel.errors import PyClusterError

READ_S, CHANGE_S = 10.0, 60.0


def client(given: Given, usual_s: float = READ_S) -> Client:
    """A client of the agent that is meant; raises ``NoAgent``, ``Ambiguous`` or what the settings raise."""
    return Client(*chosen(given, usual_s))


def chosen(given: Given, usual_s: float = READ_S) -> tuple[Endpoint, float]:
    """The agent that is meant, and how long to wait for its answers in seconds; raises as ``client`` does."""
    found = endpoint(given, os.environ, SYSTEM_ROOT, root=os.geteuid() == 0)
    return found, _timeout_s(given, os.environ, usual_s)


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
        return socket_in(given.text("data_dir"))
    if given.text("config") or given.text("name"):
        return socket_in(_configured(given, environment, root))
    if environment.get("PYCLUSTER_ADDR"):
        return Endpoint.parse(environment["PYCLUSTER_ADDR"])
    if environment.get("PYCLUSTER_DATA_DIR"):
        return socket_in(environment["PYCLUSTER_DATA_DIR"])
    if environment.get("PYCLUSTER_CONFIG") or environment.get("PYCLUSTER_NAME"):
        return socket_in(_configured(given, environment, root))
    if os.path.exists("cluster.conf"):
        try:
            found = socket_in(_configured(given, environment, root))
        except PyClusterError:
            found = None  # a broken file in the working directory must not hide the agent that runs
        if found is not None and os.path.exists(found.path):
            return found
    return only_one(sockets(environment, system_root))


def _configured(given: Given, environment: Mapping[str, str], root: bool) -> str:
    """The data directory of the agent that the settings describe."""
    from pycluster.settings import load
    from pycluster.storage import default_directory

    flags = {"name": given.text("name")} if given.text("name") else {}
    found = load(given.config(environment), environment, flags, socket.gethostname()).settings
    return found.data_dir or default_directory(found.cluster, found.name, environment, root=root)
