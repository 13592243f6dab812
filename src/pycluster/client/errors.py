"""What can go wrong between us and an agent."""

from __future__ import annotations

from pycluster.kernel.errors import LocalMisuse, PyClusterError, Refused, RemoteFault


class AgentUnreachable(RemoteFault):
    """Nobody answers at the endpoint, or the connection broke before the answer was complete."""


class TimedOut(RemoteFault):
    """The agent was reached and did not answer in time; a change may have been made nevertheless."""


class AgentFailed(RemoteFault):
    """The agent answered that it failed or is too busy, or it sent what makes no sense."""


class NoQuorum(RemoteFault):
    """No leader could be asked: the replicated state neither changes nor is read linearizably."""


class StreamReset(RemoteFault):
    """The events after the reader's place are gone: read the status, then follow without a place."""


class Denied(Refused):
    """The agent, or the permissions of its socket, do not let us."""


class NotFound(Refused):
    """No such member, address, key or lease."""


class CompareFailed(Refused):
    """A key is not as the request's condition says."""


class Compacted(Refused):
    """What was asked for is forgotten. A watch may begin anew at ``resume_revision``, having missed what was before."""

    def __init__(self, what: str, *, why: str = "", remedy: str = "", resume_revision: int = 0) -> None:
        super().__init__(what, why=why, remedy=remedy)
        self.resume_revision = resume_revision


class Rejected(LocalMisuse):
    """The agent calls the request wrong."""


class NotAccepted(Rejected):
    """Contents are not what their formats or schemas say; ``problems`` has a heading, and a line for each."""

    def __init__(self, what: str, *, why: str = "", remedy: str = "") -> None:
        super().__init__(what, why=why, remedy=remedy)
        self.problems = (f"{what}; {remedy}:", *why.splitlines())


class FileFailed(Refused):
    """A file could not be rendered or put in place; the one before stands."""


class RolloutConflict(Refused):
    """An entry is rolled out and cannot be changed now, or its rollout is not in a state where that can be done."""


class TooLarge(Rejected):
    """More than fits into one request or its answer."""


class Lost(PyClusterError):
    """A lease, a lock or an election is not ours any more, or it may not be."""


class NoAgent(PyClusterError):
    """No agent was found that could be asked."""


class Ambiguous(LocalMisuse):
    """More than one agent could be meant."""
