"""Bodies of requests and answers that belong to the HTTP interface alone; the rest are ``node.view``'s."""

from __future__ import annotations

from typing import Annotated

import msgspec

from pycluster.node.view import Health

_Host = Annotated[str, msgspec.Meta(min_length=1, max_length=300, description="host, host:port or [address]:port")]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=63, description="a node's name")]


class Fault(msgspec.Struct, frozen=True):
    """What did not happen, why, and what to do; the later two may be empty."""

    what: str
    why: str = ""
    remedy: str = ""


class ErrorView(msgspec.Struct, frozen=True):
    """The body of every refusal."""

    error: Fault


class HealthView(msgspec.Struct, frozen=True):
    """How far this node trusts itself, and whether its cluster has a leader and a quorum as it sees them.

    ``quorum`` on a node that does not vote is whether a voter vouches for a leader to it.
    """

    status: Health
    score: int
    reasons: tuple[str, ...]
    leader: str
    quorum: bool


class ReadyView(msgspec.Struct, frozen=True):
    """Whether this node knows a leader now; ``reason`` says why not."""

    ready: bool
    leader: str
    term: int
    reason: str = ""


class VersionView(msgspec.Struct, frozen=True):
    """``protocol`` is the range of wire protocols this agent speaks, ``api`` the version in this API's paths."""

    version: str
    protocol: tuple[int, int]
    api: str
    python: str


class LeaveRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No field: an empty object says that it is meant."""


class JoinRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hosts to contact too."""

    hosts: Annotated[tuple[_Host, ...], msgspec.Meta(min_length=1, max_length=64)]


class ForceLeaveRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The down node that shall count as left."""

    name: _Name


class TagsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All tags the local member shall have from now on."""

    tags: dict[str, str]
