"""The handlers of ``/api/v1``."""

from __future__ import annotations

import platform

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pycluster import __version__
from pycluster.kernel.build import COMPILED
from pycluster.kernel.errors import LocalMisuse
from pycluster.node.ports import Outcome
from pycluster.node.view import HealthView, ReadyView, VersionView
from pycluster.web.asgi import ASGIApp
from pycluster.web.events import EventStream, resume_point
from pycluster.web.faults import HttpFault
from pycluster.web.operations import Site, read_body, reply
from pycluster.web.views import (
    AddVoterRequest,
    ForceLeaveRequest,
    JoinRequest,
    LeaveRequest,
    RemoveVoterRequest,
    ReplaceVoterRequest,
    TagsRequest,
    TransferRequest,
)

API_VERSION = "v1"


async def status(site: Site, request: Request) -> Response:
    return reply(site.cluster.status())


async def members(site: Site, request: Request) -> Response:
    return reply(site.cluster.members())


async def member(site: Site, request: Request) -> Response:
    name = request.path_params["name"]
    found = site.cluster.member(name)
    if found is None:
        raise HttpFault(
            404, f"no node named {name[:80]!r} is known here", remedy="/api/v1/members lists the known ones"
        )
    return reply(found)


async def leader(site: Site, request: Request) -> Response:
    return reply(site.cluster.leader())


async def raft(site: Site, request: Request) -> Response:
    return reply(site.cluster.raft())


async def health(site: Site, request: Request) -> Response:
    now = site.cluster.status()
    quorum = now.quorum
    if quorum.phase == "observer":
        has_quorum = bool(now.leader.leader)
    else:
        has_quorum = 0 < quorum.needed <= quorum.reachable
    view = HealthView(now.health.status, now.health.score, now.health.reasons, now.leader.leader, has_quorum)
    return reply(view, 503 if view.status == "critical" else 200)


async def ready(site: Site, request: Request) -> Response:
    now = site.cluster.leader()
    known = bool(now.leader)
    return reply(ReadyView(known, now.leader, now.term, now.reason), 200 if known else 503)


async def version(site: Site, request: Request) -> Response:
    return reply(VersionView(__version__, site.protocol, API_VERSION, platform.python_version(), COMPILED))


async def settings(site: Site, request: Request) -> Response:
    return reply(site.cluster.settings())


async def explain(site: Site, request: Request) -> Response:
    question, name = request.query_params.get("question", ""), request.query_params.get("name", "")
    if question not in ("leader", "node") or (question == "node" and not name):
        raise HttpFault(
            400, f"cannot explain {question[:80]!r}", remedy="ask ?question=leader, or ?question=node&name=NAME"
        )
    try:
        return reply(site.cluster.explain(question, name))
    except LocalMisuse as error:
        raise HttpFault(404, error.what, why=error.why, remedy=error.remedy) from None


async def events(site: Site, request: Request) -> ASGIApp:
    snapshot = request.query_params.get("snapshot", "0")
    if snapshot not in ("0", "1"):
        raise HttpFault(400, "snapshot is 0 or 1", why=f"it is {snapshot[:80]!r}")
    after = resume_point(request)
    return EventStream(site.cluster, site.streams, site.bounds, after, snapshots=snapshot == "1")


async def metrics(site: Site, request: Request) -> Response:
    body, content_type = site.metrics.scrape()
    return Response(body, headers={"content-type": content_type})


async def leave(site: Site, request: Request) -> Response:
    await read_body(request, LeaveRequest, site.bounds.body_max_bytes)
    return _outcome(await site.cluster.leave())


async def join(site: Site, request: Request) -> Response:
    wanted = await read_body(request, JoinRequest, site.bounds.body_max_bytes)
    return _outcome(await site.cluster.join(wanted.hosts))


async def force_leave(site: Site, request: Request) -> Response:
    wanted = await read_body(request, ForceLeaveRequest, site.bounds.body_max_bytes)
    return _outcome(await site.cluster.force_leave(wanted.name))


async def transfer(site: Site, request: Request) -> Response:
    wanted = await read_body(request, TransferRequest, site.bounds.body_max_bytes)
    return _outcome(await site.cluster.transfer(wanted.to))


async def remove_voter(site: Site, request: Request) -> Response:
    wanted = await read_body(request, RemoveVoterRequest, site.bounds.body_max_bytes)
    return _outcome(await site.cluster.remove_voter(wanted.name, wanted.dry_run))


async def add_voter(site: Site, request: Request) -> Response:
    wanted = await read_body(request, AddVoterRequest, site.bounds.body_max_bytes)
    return _outcome(await site.cluster.add_voter(wanted.name, wanted.dry_run))


async def replace_voter(site: Site, request: Request) -> Response:
    wanted = await read_body(request, ReplaceVoterRequest, site.bounds.body_max_bytes)
    return _outcome(await site.cluster.replace_voter(wanted.old, wanted.name, wanted.dry_run))


async def set_tags(site: Site, request: Request) -> Response:
    wanted = await read_body(request, TagsRequest, site.bounds.body_max_bytes)
    return _outcome(await site.cluster.set_tags(wanted.tags))


def _outcome(outcome: Outcome) -> Response:
    return reply(outcome, 200 if outcome.ok else 409)


async def openapi(site: Site, request: Request) -> Response:
    from pycluster.web.openapi import document
    from pycluster.web.routes import OPERATIONS

    return Response(msgspec.json.encode(document(OPERATIONS)), media_type="application/json")
