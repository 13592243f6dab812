"""The handlers of ``/api/v1/config``."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from pycluster.configs import (
    ChangeRequest,
    Configs,
    Contended,
    DraftRequest,
    EffectiveQuery,
    EntriesQuery,
    EntryQuery,
    HistoryQuery,
    NoEntry,
    RollbackRequest,
    RollingOut,
    Unfit,
    VersionDiffers,
)
from pycluster.node.keyviews import StateFault
from pycluster.node.ports import StateFailed
from pycluster.rendering import FileProblem, FilesView, RenderRequest
from pycluster.rollouts import NotPossible, Rollouts
from pycluster.web.asking import query, refusal, request_id, timeout_of
from pycluster.web.authorise import caller_of
from pycluster.web.faults import HttpFault, StateRefusal
from pycluster.web.keys import body
from pycluster.web.operations import Site, reply

T = TypeVar("T")


def configs_of(site: Site) -> Configs:
    """The entries; raises ``HttpFault`` 503 where this agent serves none."""
    if site.configs is None:
        raise HttpFault(503, "this agent serves no configuration", remedy="ask another agent of the cluster")
    return site.configs


def rollouts_of(site: Site) -> Rollouts:
    """Their rollouts; raises as ``configs_of`` does."""
    configs_of(site)
    assert site.rollouts is not None
    return site.rollouts


async def told(work: Awaitable[T]) -> T:
    """What comes of it; what is refused, as HTTP says it."""
    try:
        return await work
    except StateFailed as failed:
        raise refusal(failed.failure) from None
    except NoEntry as error:
        fault = StateFault(error.what, error.why, error.remedy, kind="key-not-found")
        raise StateRefusal(404, fault) from None
    except RollingOut as error:
        raise StateRefusal(409, StateFault(error.what, error.why, error.remedy, kind="rolling-out")) from None
    except NotPossible as error:
        raise StateRefusal(409, StateFault(error.what, error.why, error.remedy, kind="not-possible")) from None
    except VersionDiffers as error:
        fault = StateFault(error.what, error.why, error.remedy, kind="compare-failed")
        raise StateRefusal(409, fault) from None
    except Contended as error:
        fault = StateFault(error.what, error.why, error.remedy, kind="contended", retryable=True)
        raise StateRefusal(409, fault) from None
    except FileProblem as error:
        raise StateRefusal(422, StateFault(error.what, error.why, error.remedy, kind="file-failed")) from None
    except Unfit as error:
        raise StateRefusal(422, StateFault(error.what, error.why, error.remedy, kind="unfit")) from None


async def entries(site: Site, request: Request) -> Response:
    wanted, timeout_s = query(request, EntriesQuery), timeout_of(site, request)
    found = configs_of(site).list(wanted.prefix, wanted.after, wanted.limit, timeout_s=timeout_s)
    return reply(await told(found))


async def entry(site: Site, request: Request) -> Response:
    wanted, timeout_s = query(request, EntryQuery), timeout_of(site, request)
    return reply(await told(rollouts_of(site).entry(wanted.name, wanted.version, timeout_s=timeout_s)))


async def history(site: Site, request: Request) -> Response:
    wanted, timeout_s = query(request, HistoryQuery), timeout_of(site, request)
    return reply(await told(rollouts_of(site).history(wanted.name, timeout_s=timeout_s)))


async def effective(site: Site, request: Request) -> Response:
    wanted, timeout_s = query(request, EffectiveQuery), timeout_of(site, request)
    members = site.cluster.members()
    found = rollouts_of(site).effective(wanted.node, members, wanted.prefix, timeout_s=timeout_s)
    return reply(await told(found))


async def change(site: Site, request: Request) -> Response:
    wanted, timeout_s = await body(site, request, ChangeRequest), timeout_of(site, request)
    done = configs_of(site).change(wanted, timeout_s=timeout_s, request_id=request_id(request))
    return reply(await told(done))


async def rollback(site: Site, request: Request) -> Response:
    wanted, timeout_s = await body(site, request, RollbackRequest), timeout_of(site, request)
    done = configs_of(site).rollback(wanted, timeout_s=timeout_s, request_id=request_id(request))
    return reply(await told(done))


async def draft(site: Site, request: Request) -> Response:
    wanted, timeout_s = await body(site, request, DraftRequest), timeout_of(site, request)
    return reply(await told(configs_of(site).draft(wanted, timeout_s=timeout_s)))


async def rendered(site: Site, request: Request) -> Response:
    if site.files is not None:
        return reply(site.files.views())
    return reply(FilesView(site.cluster.status().name, ()))


async def render(site: Site, request: Request) -> Response:
    wanted, timeout_s = await body(site, request, RenderRequest), timeout_of(site, request)
    if site.files is None:
        raise HttpFault(404, "this node renders no files", remedy="[template NAME] in cluster.conf says what to render")
    # Whoever is on this machine may come over TCP; the agent may read more than they may.
    whole = caller_of(request.scope).unix
    return reply(await told(site.files.render(wanted, timeout_s=timeout_s, whole=whole)))
