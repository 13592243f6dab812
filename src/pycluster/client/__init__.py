"""A small synchronous client of an agent's HTTP interface."""

from pycluster.client.client import Client
from pycluster.client.endpoint import Endpoint
from pycluster.client.errors import (
    AgentFailed,
    AgentUnreachable,
    Denied,
    NotFound,
    Rejected,
    StreamReset,
    TimedOut,
)
from pycluster.node.view import HealthView, ReadyView, VersionView

__all__ = [
    "AgentFailed",
    "AgentUnreachable",
    "Client",
    "Denied",
    "Endpoint",
    "HealthView",
    "NotFound",
    "ReadyView",
    "Rejected",
    "StreamReset",
    "TimedOut",
    "VersionView",
]
