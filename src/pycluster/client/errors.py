"""What can go wrong between us and an agent."""

from __future__ import annotations

from pycluster.kernel.errors import LocalMisuse, Refused, RemoteFault


class AgentUnreachable(RemoteFault):
    """Nobody answers at the endpoint, or the connection broke before the answer was complete."""


class TimedOut(RemoteFault):
    """The agent was reached and did not answer in time; a change may have been made nevertheless."""


class AgentFailed(RemoteFault):
    """The agent answered that it failed or is too busy, or it sent what makes no sense."""


class StreamReset(RemoteFault):
    """The events after the reader's place are gone: read the status, then follow without a place."""


class Denied(Refused):
    """The agent, or the permissions of its socket, do not let us."""


class NotFound(Refused):
    """No such member or address."""


class Rejected(LocalMisuse):
    """The agent calls the request wrong."""
