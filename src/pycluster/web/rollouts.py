"""The handlers of ``/api/v1/config`` that are about rollouts."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response

from pycluster.rollouts import NodesQuery, RolloutQuery, RolloutRequest, RolloutsQuery, SteerRequest
from pycluster.web.asking import query, request_id, timeout_of
from pycluster.web.configs import rollouts_of, told
from pycluster.web.keys import body
from pycluster.web.operations import Site, reply


def _around(site: Site) -> tuple[dict[str, str], int]:
    """What members are, and the Unix time in ms."""
    return {one.name: one.state for one in site.cluster.members()}, time.time_ns() // 1_000_000


async def rollouts(site: Site, request: Request) -> Response:
    wanted, timeout_s = query(request, RolloutsQuery), timeout_of(site, request)
    return reply(await told(rollouts_of(site).list(*_around(site), wanted.prefix, timeout_s=timeout_s)))


async def rollout(site: Site, request: Request) -> Response:
    wanted, timeout_s = query(request, RolloutQuery), timeout_of(site, request)
    found = rollouts_of(site).get(wanted.name, *_around(site), wanted.version, timeout_s=timeout_s)
    return reply(await told(found))


async def nodes(site: Site, request: Request) -> Response:
    wanted, timeout_s = query(request, NodesQuery), timeout_of(site, request)
    return reply(await told(rollouts_of(site).nodes(wanted.name, timeout_s=timeout_s)))


async def start(site: Site, request: Request) -> Response:
    wanted, timeout_s = await body(site, request, RolloutRequest), timeout_of(site, request)
    done = rollouts_of(site).start(wanted, timeout_s=timeout_s, request_id=request_id(request))
    return reply(await told(done))


async def steer(site: Site, request: Request) -> Response:
    wanted, timeout_s = await body(site, request, SteerRequest), timeout_of(site, request)
    done = rollouts_of(site).steer(wanted, *_around(site), timeout_s=timeout_s, request_id=request_id(request))
    return reply(await told(done))
