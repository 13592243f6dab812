"""The web application: the route table on a router, behind the guard, every request through ``authorise``."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import BaseRoute, Match, Route, Router

from pycluster.configs import Configs
from pycluster.node.ports import Cluster, StateCopies, StateStore
from pycluster.rendering import RenderedFiles
from pycluster.rollouts import Rollouts
from pycluster.web.asgi import ASGIApp, Receive, Scope, Send, WebApp
from pycluster.web.authorise import Access, authorise, caller_of
from pycluster.web.bounds import Bounds
from pycluster.web.events import Streams
from pycluster.web.faults import HttpFault
from pycluster.web.files import StaticFiles
from pycluster.web.guard import ETCD, Guard
from pycluster.web.metrics import Metrics
from pycluster.web.operations import Operation, Site
from pycluster.web.pages import is_page, page
from pycluster.web.routes import OPERATIONS
from pycluster.web.streaming import Pool


class App:
    """One agent's HTTP interface as an ASGI application; ``gateway`` makes what speaks as etcd, when it is asked."""

    def __init__(self, site: Site, access: Access, gateway: Callable[[], WebApp]) -> None:
        self._site = site
        self._make_gateway = gateway
        self._gateway: WebApp | None = None
        self._routes: list[BaseRoute] = [_route(site, operation) for operation in OPERATIONS]
        self._router = Router(self._routes, redirect_slashes=False, default=self._unrouted)
        self._guard = Guard(self._routed, access, site.bounds.long_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._guard(scope, receive, send)

    def close(self) -> None:
        """End every open stream now; the server is going away."""
        self._site.streams.close()
        self._site.watches.close()
        self._site.downloads.close()
        if self._gateway is not None:
            self._gateway.close()

    async def _routed(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _for_etcd(scope):
            if self._gateway is None:
                self._gateway = self._make_gateway()
            await self._gateway(scope, receive, send)
            return
        scope["app"] = self  # the router raises instead of answering in its own words
        try:
            await self._router(scope, receive, send)
        except HTTPException as refusal:
            fitting = [route for route in self._routes if route.matches(scope)[0] is not Match.NONE]
            methods = {method for route in fitting if isinstance(route, Route) for method in route.methods or ()}
            allowed = ", ".join(sorted(methods))
            raise HttpFault(
                refusal.status_code,
                f"{scope['method'][:20]} is not a method of {scope['path'][:80]}",
                remedy=f"use {allowed}",
                headers={"Allow": allowed},
            ) from None

    async def _unrouted(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if not is_page(request):
            raise HttpFault(
                404, f"there is nothing at {scope['path'][:80]}", remedy="/api/v1/openapi.json lists what is"
            )
        authorise(caller_of(scope), "read")
        await (await page(self._site, request))(scope, receive, send)


def _route(site: Site, operation: Operation) -> Route:
    async def endpoint(request: Request) -> ASGIApp:
        authorise(caller_of(request.scope), operation.action)
        return await operation.handler(site, request)

    path = re.sub(r"\{path\}", "{path:path}", operation.path)
    return Route(path, endpoint, methods=[operation.method], name=operation.name)


def make_app(
    cluster: Cluster,
    access: Access,
    *,
    protocol: tuple[int, int] = (1, 1),
    bounds: Bounds | None = None,
    static: StaticFiles | None = None,
    state: StateStore | None = None,
    copies: StateCopies | None = None,
    configs: Configs | None = None,
    files: RenderedFiles | None = None,
) -> App:
    """The application for ``cluster``; ``protocol`` is the range of wire protocols that ``version`` reports.

    Without ``state`` every request to the replicated state is answered by 503; so it is with ``configs``.
    ``files`` None: it renders none.
    """
    bounds = bounds or Bounds()
    streams = Streams(cluster, bounds)
    watches = Pool(bounds.watches_max, "watches of keys")
    metrics = Metrics(cluster, lambda: len(streams), state, lambda: len(watches))
    downloads = Pool(bounds.snapshots_max, "snapshots")
    static = static or StaticFiles()
    rollouts = Rollouts(state, configs) if state is not None and configs is not None else None
    pools = (streams, metrics, static, watches, downloads)
    site = Site(cluster, bounds, protocol, *pools, state, copies, configs, files, rollouts)

    def gateway() -> WebApp:
        # Most agents never hear of etcd.
        from pycluster.web.gateway import Gateway
        from pycluster.web.members import peers

        return Gateway(state, partial(peers, cluster), bounds)

    return App(site, access, gateway)


def _for_etcd(scope: Scope) -> bool:
    """Whether the request is in etcd's words; a browser that comes for ``/health`` means the page."""
    path: str = scope["path"]
    if path == "/health":
        return not any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
    return path == "/version" or path.startswith(ETCD)
