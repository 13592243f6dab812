"""From an address, or none, to a client."""

from __future__ import annotations

import os

from pycluster.client.blocking import StateClient
from pycluster.client.discovery import discover
from pycluster.client.endpoint import Endpoint
from pycluster.client.state import AsyncStateClient


def connect(address: str = "", *, timeout_s: float = 10.0) -> StateClient:
    """A client of the agent at ``address``: ``unix:/PATH``, ``http://HOST:PORT`` or ``HOST:PORT``.

    Without one: ``PYCLUSTER_ADDR``, ``PYCLUSTER_DATA_DIR``, or the only agent below the default directories. Nothing is
    sent yet. Raises ``LocalMisuse``, ``NoAgent`` or ``Ambiguous``.
    """
    return StateClient(_endpoint(address), timeout_s)


def connect_async(address: str = "", *, timeout_s: float = 10.0) -> AsyncStateClient:
    """The same for a program that runs an event loop."""
    return AsyncStateClient(_endpoint(address), timeout_s)


def _endpoint(address: str) -> Endpoint:
    return Endpoint.parse(address) if address else discover(os.environ)
