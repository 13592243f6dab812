"""Bodies of the HTTP interface's requests and answers that are not ``node.view``'s; see docs/reference/http.md."""

from __future__ import annotations

import msgspec

from pycluster.node.view import Health


class Fault(msgspec.Struct, frozen=True):
    """What did not happen, why, and what to do; the later two may be empty."""

    what: str
    why: str = ""
    remedy: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """The body of every refusal."""

    error: Fault


class HealthReport(msgspec.Struct, frozen=True):
    """How far the agent trusts itself, and whether it sees a leader and a quorum."""

    status: Health
    score: int
    reasons: tuple[str, ...]
    leader: str
    quorum: bool


class Readiness(msgspec.Struct, frozen=True):
    """Whether the agent knows a leader now; ``reason`` says why not."""

    ready: bool
    leader: str
    term: int
    reason: str = ""


class AgentVersion(msgspec.Struct, frozen=True):
    """``protocol`` is the range of wire protocols the agent speaks, ``api`` the version in the HTTP paths."""

    version: str
    protocol: tuple[int, int]
    api: str
    python: str
