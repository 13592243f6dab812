"""What one address of the API is, and the handlers' common ground; the table itself is ``routes.py``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from pycluster.configs import Configs
from pycluster.kernel.bounded import UNREADABLE
from pycluster.node.ports import Cluster, StateCopies, StateStore
from pycluster.rendering import RenderedFiles
from pycluster.rollouts import Rollouts
from pycluster.web.asgi import ASGIApp
from pycluster.web.authorise import Action
from pycluster.web.bounds import Bounds
from pycluster.web.events import Streams
from pycluster.web.faults import HttpFault, unfit
from pycluster.web.files import StaticFiles
from pycluster.web.metrics import Metrics
from pycluster.web.streaming import Pool


class Site(msgspec.Struct, frozen=True):
    """What the handlers of one agent share."""

    cluster: Cluster
    bounds: Bounds
    protocol: tuple[int, int]
    streams: Streams
    metrics: Metrics
    static: StaticFiles
    watches: Pool
    downloads: Pool
    #: None where the agent serves no replicated state.
    state: StateStore | None = None
    copies: StateCopies | None = None
    #: None where it serves no configuration.
    configs: Configs | None = None
    #: None where it renders no files.
    files: RenderedFiles | None = None
    #: None where it serves no configuration.
    rollouts: Rollouts | None = None


Body = TypeVar("Body", bound=msgspec.Struct)
Handler = Callable[[Site, Request], Awaitable[ASGIApp]]


class Query(msgspec.Struct, frozen=True):
    """One parameter, of the query or a header."""

    name: str
    about: str
    schema: dict[str, object] = msgspec.field(default_factory=lambda: {"type": "string"})
    required: bool = False
    place: Literal["query", "header"] = "query"


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method on one path. ``answers`` gives each status its type: a type served as JSON, or a media type."""

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    name: str
    about: str
    handler: Handler
    answers: dict[int, object]
    action: Action = "read"
    body: type | None = None
    query: tuple[Query, ...] = ()


def reply(view: object, status: int = 200) -> Response:
    """A view as JSON."""
    return Response(msgspec.json.encode(view), status, media_type="application/json")


async def read_body(request: Request, shape: type[Body], limit: int) -> Body:
    """The request's JSON body as ``shape``; raises ``HttpFault``: 413 past ``limit`` bytes, 400 where it is unfit."""
    declared = request.headers.get("content-length", "0")
    too_long = HttpFault(413, "the body is too long", why=f"at most {limit} bytes are taken")
    if not declared.isdecimal() or int(declared) > limit:
        raise too_long
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise too_long
    except ClientDisconnect:
        raise HttpFault(400, "the body ended early") from None
    try:
        return msgspec.json.decode(bytes(body), type=shape)
    except UNREADABLE as error:
        raise unfit("the body is not what this request takes", error, "/api/v1/openapi.json has its schema") from None
