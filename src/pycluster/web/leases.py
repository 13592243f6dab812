"""The handlers of ``/api/v1/leases``."""

from __future__ import annotations

from typing import cast

from starlette.requests import Request
from starlette.responses import Response

from pycluster import store
from pycluster.kernel.errors import LocalMisuse
from pycluster.node.keyrequests import KeepAliveRequest, LeaseQuery, LeaseRequest
from pycluster.node.keyviews import (
    KeyView,
    LeasesView,
    LeaseTimeView,
    LeaseView,
    RevisionView,
    lease_number,
    lease_text,
)
from pycluster.web.asking import ask, no_query, query, refusal
from pycluster.web.keys import body
from pycluster.web.operations import Site, reply


async def leases(site: Site, request: Request) -> Response:
    no_query(request)
    result = cast(store.LeaseListResult, await ask(site, request, store.LeaseList()))
    return reply(LeasesView(result.revision, tuple(lease_text(one) for one in result.ids)))


async def grant(site: Site, request: Request) -> Response:
    wanted = await body(site, request, LeaseRequest)
    asked = store.LeaseGrant(wanted.ttl_s, lease_number(wanted.id))
    result = cast(store.LeaseGrantResult, await ask(site, request, asked))
    return reply(LeaseTimeView(result.revision, lease_text(result.id), result.ttl_s))


async def lease(site: Site, request: Request) -> Response:
    wanted = store.LeaseTimeToLive(_id(request), query(request, LeaseQuery).keys)
    result = cast(store.LeaseTimeToLiveResult, await ask(site, request, wanted))
    if result.ttl_s < 0:
        raise refusal(store.Failure("lease-not-found", revision=result.revision))
    keys = tuple(KeyView.of(key) for key in result.keys)
    return reply(LeaseView(result.revision, lease_text(result.id), result.ttl_s, result.granted_ttl_s, keys))


async def keep_alive(site: Site, request: Request) -> Response:
    await body(site, request, KeepAliveRequest)
    result = cast(store.LeaseKeepAliveResult, await ask(site, request, store.LeaseKeepAlive(_id(request))))
    if result.ttl_s <= 0:
        raise refusal(store.Failure("lease-not-found", revision=result.revision))
    return reply(LeaseTimeView(result.revision, lease_text(result.id), result.ttl_s))


async def revoke(site: Site, request: Request) -> Response:
    no_query(request)
    result = cast(store.LeaseRevokeResult, await ask(site, request, store.LeaseRevoke(_id(request))))
    return reply(RevisionView(result.revision))


def _id(request: Request) -> int:
    found = lease_number(request.path_params["id"])
    if not found:
        raise LocalMisuse("0 is no lease", remedy="/api/v1/leases lists those there are")
    return found
