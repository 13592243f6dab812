"""Bodies of requests; those of answers are ``node.view``'s."""

from __future__ import annotations

from typing import Annotated

import msgspec

_Host = Annotated[str, msgspec.Meta(min_length=1, max_length=300, description="host, host:port or [address]:port")]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=63, description="a node's name")]


class LeaveRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No field: an empty object says that it is meant."""


class JoinRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hosts to contact too."""

    hosts: Annotated[tuple[_Host, ...], msgspec.Meta(min_length=1, max_length=64)]


class ForceLeaveRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The down node that shall count as left."""

    name: _Name


class TransferRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The voter that shall lead; without it the best other one."""

    to: Annotated[str, msgspec.Meta(max_length=63, description="a voter's name")] = ""


class AddVoterRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The member that shall learn the log and then vote; ``dry_run``: only say whether that can be."""

    name: _Name
    dry_run: bool = False


class RemoveVoterRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The voter that shall have a seat no more; ``dry_run``: only say whether that can be."""

    name: _Name
    dry_run: bool = False


class ReplaceVoterRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The member ``name`` that shall learn the log and then vote in the place of the voter ``old``."""

    old: _Name
    name: _Name
    dry_run: bool = False


class TagsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All tags the local member shall have from now on."""

    tags: dict[str, str]
