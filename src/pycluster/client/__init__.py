"""Clients of an agent's HTTP interface. Those of the replicated state need an event loop, and so modules of their own:
``pycluster`` itself offers them.
"""

from pycluster.client.client import Client
from pycluster.client.endpoint import Endpoint
from pycluster.client.errors import (
    AgentFailed,
    AgentUnreachable,
    Ambiguous,
    Compacted,
    CompareFailed,
    Denied,
    FileFailed,
    Lost,
    NoAgent,
    NoQuorum,
    NotAccepted,
    NotFound,
    Rejected,
    RolloutConflict,
    StreamReset,
    TimedOut,
    TooLarge,
)
from pycluster.node.view import HealthView, ReadyView, VersionView

__all__ = [
    "AgentFailed",
    "AgentUnreachable",
    "Ambiguous",
    "Client",
    "Compacted",
    "CompareFailed",
    "Denied",
    "Endpoint",
    "FileFailed",
    "HealthView",
    "Lost",
    "NoAgent",
    "NoQuorum",
    "NotAccepted",
    "NotFound",
    "ReadyView",
    "Rejected",
    "RolloutConflict",
    "StreamReset",
    "TimedOut",
    "TooLarge",
    "VersionView",
]
