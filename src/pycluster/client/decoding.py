"""From an answer's status and body to a value or an error."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from pycluster.client.endpoint import Endpoint
from pycluster.client.errors import (
    AgentFailed,
    Compacted,
    CompareFailed,
    Denied,
    FileFailed,
    NoQuorum,
    NotAccepted,
    NotFound,
    Rejected,
    RolloutConflict,
    TimedOut,
    TooLarge,
)
from pycluster.kernel.bounded import UNREADABLE
from pycluster.kernel.errors import PyClusterError
from pycluster.node.keyviews import StateErrorView, StateFault

T = TypeVar("T")
_IN_DOUBT = "try again; where it was a change, look first whether it was made"


def fault_of(status: int, content: bytes) -> StateFault | None:
    """The refusal that the answer is, if it is one."""
    try:
        fault = msgspec.json.decode(content, type=StateErrorView).error if status >= 300 else None
    except UNREADABLE:
        return None
    return fault if fault is not None and fault.what else None


def decode(endpoint: Endpoint, status: int, content: bytes, shape: type[T], good: set[int]) -> T:
    """The body as ``shape`` where ``status`` is one of the ``good`` ones; raises what the agent says otherwise."""
    fault = fault_of(status, content)
    if fault is not None:
        raise error_of(status, fault)
    if status not in good:
        raise AgentFailed(
            f"{endpoint} answered {status}", why="with nothing that an agent would say", remedy="is it an agent?"
        )
    try:
        return msgspec.json.decode(content, type=shape)
    except UNREADABLE as error:
        why = f"its answer does not have the shape that this version knows: {error}"
        raise AgentFailed(f"cannot read what {endpoint} answered", why=why, remedy="is it an agent?") from None


def error_of(status: int, fault: StateFault) -> PyClusterError:
    """The error that a refusal with this status is."""
    if fault.kind == "compacted":
        return Compacted(fault.what, why=fault.why, remedy=fault.remedy, resume_revision=fault.resume_revision)
    by_kind: dict[str, type[PyClusterError]] = {
        "compare-failed": CompareFailed,
        "no-leader": NoQuorum,
        "request-too-large": TooLarge,
        "unfit": NotAccepted,
        "file-failed": FileFailed,
        "rolling-out": RolloutConflict,
        "not-possible": RolloutConflict,
    }
    by_status: dict[int, type[PyClusterError]] = {
        403: Denied,
        404: NotFound,
        408: TimedOut,
        429: AgentFailed,
        504: TimedOut,
    }
    # The ID under which it would be done once is this client's own, and is gone with the call.
    remedy = _IN_DOUBT if fault.kind in ("timed-out", "outcome-unknown") else fault.remedy
    kind = by_kind.get(fault.kind) or by_status.get(status, Rejected if status < 500 else AgentFailed)
    return kind(fault.what, why=fault.why, remedy=remedy)
