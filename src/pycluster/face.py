"""What ``pycluster`` offers to programs, imported when it is first asked for: an agent needs no client."""

from __future__ import annotations

import importlib

_PLACES = {
    "pycluster.client.connecting": (
        "connect",
        "connect_async",
    ),
    "pycluster.client.blocking": (
        "Election",
        "Lease",
        "Lock",
        "StateClient",
    ),
    "pycluster.client.claims": (
        "AsyncElection",
        "AsyncLock",
    ),
    "pycluster.client.configs": (
        "AsyncConfigs",
        "ConfigChange",
        "Configs",
    ),
    "pycluster.client.leasing": ("AsyncLease",),
    "pycluster.client.rollouts": (
        "AsyncRollouts",
        "Rollouts",
    ),
    "pycluster.client.state": ("AsyncStateClient",),
    "pycluster.client": (
        "AgentFailed",
        "AgentUnreachable",
        "Ambiguous",
        "Compacted",
        "CompareFailed",
        "Denied",
        "Lost",
        "NoAgent",
        "NoQuorum",
        "FileFailed",
        "NotAccepted",
        "NotFound",
        "Rejected",
        "RolloutConflict",
        "TimedOut",
        "TooLarge",
    ),
    "pycluster.configs": (
        "EntryView",
        "Wanted",
    ),
    "pycluster.rollouts": (
        "RolloutView",
        "Strategy",
    ),
    "pycluster.store": (
        "Compare",
        "DeleteRange",
        "Event",
        "KeyValue",
        "Put",
        "Range",
        "Txn",
    ),
    "pycluster.kernel.errors": ("PyClusterError",),
}
OFFERED = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in OFFERED:
        raise AttributeError(f"module 'pycluster' has no attribute {name!r}")
    return getattr(importlib.import_module(OFFERED[name]), name)
