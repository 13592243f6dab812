"""The origin's addresses, ``/api/status`` and its kin: its JSON shape, our figures, for programs that read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pycluster.node.view import MemberView
from pycluster.web.faults import HttpFault
from pycluster.web.operations import Site, reply


class OriginNode(msgspec.Struct, frozen=True):
    """One node; ``state`` is the origin's word: leader, follower or unknown. ``last_seen`` is RFC 3339 or empty."""

    id: str
    hostname: str
    address: str
    port: int
    state: str
    last_seen: str


class OriginStatus(msgspec.Struct, frozen=True):
    """The whole cluster as this node sees it."""

    cluster_name: str
    local_node: str
    leader: str
    nodes: dict[str, OriginNode]
    timestamp: str


class OriginLeader(msgspec.Struct, frozen=True):
    """``leader`` is empty while there is none."""

    leader: str


class StatusReply(msgspec.Struct, frozen=True):
    success: bool
    data: OriginStatus


class NodesReply(msgspec.Struct, frozen=True):
    success: bool
    data: dict[str, OriginNode]


class LeaderReply(msgspec.Struct, frozen=True):
    success: bool
    data: OriginLeader


class NodeReply(msgspec.Struct, frozen=True):
    success: bool
    data: OriginNode


def _node(member: MemberView, now: datetime) -> OriginNode:
    host, _, port = member.address.rpartition(":")
    seen = now - timedelta(milliseconds=member.last_seen_ms) if member.last_seen_ms is not None else None
    return OriginNode(
        id=member.name,
        hostname=member.host or member.name,
        address=host.strip("[]"),
        port=int(port) if port.isdecimal() else 0,
        state=member.role,
        last_seen=_text(seen) if seen else "",
    )


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def status(site: Site, request: Request) -> Response:
    now, sheet = datetime.now(UTC), site.cluster.status()
    nodes = {member.name: _node(member, now) for member in sheet.members}
    return reply(StatusReply(True, OriginStatus(sheet.cluster, sheet.name, sheet.leader.leader, nodes, _text(now))))


async def nodes(site: Site, request: Request) -> Response:
    now = datetime.now(UTC)
    return reply(NodesReply(True, {member.name: _node(member, now) for member in site.cluster.members()}))


async def leader(site: Site, request: Request) -> Response:
    return reply(LeaderReply(True, OriginLeader(site.cluster.leader().leader)))


async def node(site: Site, request: Request) -> Response:
    name = request.query_params.get("id", "")
    found = site.cluster.member(name)
    if found is None:
        raise HttpFault(404, f"no node named {name[:80]!r} is known here", remedy="/api/nodes lists the known ones")
    return reply(NodeReply(True, _node(found, datetime.now(UTC))))
