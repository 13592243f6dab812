"""Refusals over HTTP: one shape, one place that knows which status an error of ours deserves."""

from __future__ import annotations

import re

import msgspec

from pycluster.kernel.errors import LocalMisuse, PyClusterError, Refused
from pycluster.node.keyviews import StateErrorView, StateFault
from pycluster.node.view import ErrorView, Fault

#: What msgspec says of a text beyond its bound: which, and the last name on the way there.
_LONG = re.compile(r"Expected `str` of length <= (\d+) - at `\$.*\.(\w+)`$")


class HttpFault(PyClusterError):
    """A refusal with its HTTP status and headers of its own."""

    def __init__(
        self, status: int, what: str, *, why: str = "", remedy: str = "", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(what, why=why, remedy=remedy)
        self.status = status
        self.headers = headers or {}


def unfit(what: str, error: Exception, remedy: str) -> HttpFault:
    """The refusal of a query or body that has not the shape it should have; what is only too long is said as such."""
    long = _LONG.match(str(error))
    if long is not None:
        most, field = long.groups()
        return HttpFault(400, f"the {field} is too long", why=f"it has at most {most} characters")
    return HttpFault(400, what, why=str(error), remedy=remedy)


class StateRefusal(HttpFault):
    """A refusal by the replicated state."""

    def __init__(self, status: int, fault: StateFault) -> None:
        headers = {"Retry-After": "1"} if fault.retryable else None
        super().__init__(status, fault.what, why=fault.why, remedy=fault.remedy, headers=headers)
        self.fault = fault


def status_of(error: PyClusterError) -> int:
    """400 for the caller's mistake, 403 for a refusal, 503 where this node or a peer failed."""
    match error:
        case HttpFault():
            return error.status
        case LocalMisuse():
            return 400
        case Refused():
            return 403
        case _:
            return 503


def body_of(error: PyClusterError) -> bytes:
    """The JSON body that says it."""
    if isinstance(error, StateRefusal):
        return msgspec.json.encode(StateErrorView(error.fault))
    return msgspec.json.encode(ErrorView(Fault(error.what, error.why, error.remedy)))
