"""A small synchronous client of an agent's HTTP interface."""

from pycluster.client.answers import AgentVersion, HealthReport, Readiness
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

__all__ = [
    "AgentFailed",
    "AgentUnreachable",
    "AgentVersion",
    "Client",
    "Denied",
    "Endpoint",
    "HealthReport",
    "NotFound",
    "Readiness",
    "Rejected",
    "StreamReset",
    "TimedOut",
]
