"""etcd's v3 API in JSON, under ``/v3/``: what ``curl`` and etcd's JSON clients say to etcd, they may say to an agent.

A plain ASGI application within the guard: each request passes ``authorise`` like any other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import msgspec

from pycluster import store
from pycluster.kernel.errors import PyClusterError, Refused
from pycluster.node.ports import StateFailed, StateStore
from pycluster.web.asgi import Direct, Headers, Receive, Reply, Scope, Send
from pycluster.web.authorise import Action, Caller, authorise, caller_of
from pycluster.web.bounds import Bounds
from pycluster.web.gateway import answers, shapes
from pycluster.web.gateway.bodies import Disconnected, Room, check_length, whole
from pycluster.web.gateway.keepalive import keep_alive
from pycluster.web.gateway.protojson import Malformed, Read, parse
from pycluster.web.gateway.refusals import (
    FAILED_PRECONDITION,
    INVALID_ARGUMENT,
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTED,
    UNAVAILABLE,
    Refusal,
)
from pycluster.web.gateway.watching import WatchPool
from pycluster.web.guard import swamped
from pycluster.web.reserved import THERE, check, goes_over, refuse_any
from pycluster.web.streaming import cut_off

_JSON: tuple[bytes, bytes] = (b"content-type", b"application/json")
_TEXT: tuple[bytes, bytes] = (b"content-type", b"text/plain; charset=utf-8")

Members = Callable[[], tuple[answers.Peer, ...]]


class Asked(msgspec.Struct, frozen=True):
    """One question with one answer of the state's: how its body reads, and what it takes to ask it."""

    read: Callable[[bytes], store.Request]
    action: Action


def _asked(read: Read[Any], action: Action) -> Asked:
    return Asked(lambda body: read(parse(body)), action)


_ASKED: dict[str, Asked] = {
    "kv/range": Asked(shapes.read_range, "read"),
    "kv/put": Asked(shapes.read_put, "kv"),
    "kv/deleterange": _asked(shapes.DELETE_RANGE, "kv"),
    "kv/txn": _asked(shapes.TXN, "kv"),
    "kv/compaction": _asked(shapes.COMPACT, "kv"),
    "lease/grant": _asked(shapes.LEASE_GRANT, "kv"),
    "lease/revoke": _asked(shapes.LEASE_REVOKE, "kv"),
    "kv/lease/revoke": _asked(shapes.LEASE_REVOKE, "kv"),
    "lease/timetolive": _asked(shapes.LEASE_TIME_TO_LIVE, "read"),
    "kv/lease/timetolive": _asked(shapes.LEASE_TIME_TO_LIVE, "read"),
    "lease/leases": _asked(shapes.LEASE_LIST, "read"),
    "kv/lease/leases": _asked(shapes.LEASE_LIST, "read"),
}


class Gateway:
    """The state of one agent in etcd's words. ``state`` is None where it has none: all is refused."""

    def __init__(self, state: StateStore | None, members: Members, bounds: Bounds) -> None:
        self._state = state
        self._members = members
        self._bounds = bounds
        self._room = Room(bounds.bodies_max_bytes)
        self._watches = WatchPool(bounds)
        self._others: dict[str, Callable[[StateStore, Scope, Receive, Send], Awaitable[None]]] = {
            "lease/keepalive": self._keep_alive,
            "watch": self._watch,
            "cluster/member/list": self._member_list,
            "maintenance/status": self._status,
            "auth/authenticate": self._authenticate,
        }

    def close(self) -> None:
        """End every watch; the server is going away."""
        self._watches.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            await self._answer(scope, receive, send)
        except Disconnected:
            return
        except Malformed as error:
            await _refuse(send, Refusal(INVALID_ARGUMENT, str(error)))
        except StateFailed as error:
            await _refuse(send, Refusal.of(error.failure))
        except Refusal as refusal:
            await _refuse(send, refusal)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path in ("/version", "/health"):
            await self._probe(scope, send)
            return
        name = path.split("/", 2)[2]
        asked = _ASKED.get(name)
        other = self._others.get(name)
        if asked is None and other is None:
            await _send(send, 404, [_TEXT], b"Not Found\n")
        elif scope["method"] != "POST":
            await _send(send, 405, [_TEXT, (b"allow", b"POST")], b"Method Not Allowed\n")
        elif self._state is None:
            raise Refusal(UNAVAILABLE, "etcdserver: this agent keeps no replicated state")
        elif asked is not None:
            permit(scope, asked.action)
            learn: Callable[[Direct], None] | None = scope.get("state", {}).get("learn")
            if learn is not None:
                learn(self._direct(self._state, asked, scope))
            request = asked.read(await self._body(scope, receive))
            if asked.action == "kv":
                await self._spare(self._state, request)
            await self._ask(self._state, request, scope, send)
        elif other is not None:
            await other(self._state, scope, receive, send)

    async def _spare(self, state: StateStore, request: store.Request) -> None:
        """Refuse what would write the cluster's own keys."""
        try:
            await check(state, request, self._bounds.state_timeout_s)
        except Refused as error:
            raise _spared(error) from None

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        limit = self._bounds.gateway_body_max_bytes
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit():
                check_length(int(value), limit)
        return await whole(receive, limit, self._room)

    async def _ask(self, state: StateStore, request: store.Request, scope: Scope, send: Send) -> None:
        result = await state.ask(request, timeout_s=self._bounds.state_timeout_s)
        body = answers.answer(result, state.head())
        if len(body) > self._bounds.long_bytes and swamped(scope):
            raise Refusal(RESOURCE_EXHAUSTED, "etcdserver: too many requests")
        await _send(send, 200, [_JSON], body)

    def _direct(self, state: StateStore, asked: Asked, scope: Scope) -> Direct:
        """Answers what comes with the same head on the same connection."""
        caller, swamping = caller_of(scope), partial(swamped, scope)

        def answer(body: bytes, reply: Reply) -> None:
            try:
                allow(caller, asked.action)
                request = asked.read(body)
                over = asked.action == "kv" and goes_over(request)
            except Malformed as error:
                tell(reply, Refusal(INVALID_ARGUMENT, str(error)))
            except Refused as error:
                tell(reply, _spared(error))
            except Refusal as refusal:
                tell(reply, refusal)
            else:
                asks, then = (THERE, partial(counted, reply, request)) if over else (request, partial(told, reply))
                state.submit(asks, then, timeout_s=self._bounds.state_timeout_s)

        def counted(reply: Reply, request: store.Request, there: store.Result) -> None:
            if isinstance(there, store.Failure):
                told(reply, there)
                return
            try:
                refuse_any(there)
            except Refused as error:
                tell(reply, _spared(error))
            else:
                state.submit(request, partial(told, reply), timeout_s=self._bounds.state_timeout_s)

        def told(reply: Reply, result: store.Result) -> None:
            if isinstance(result, store.Failure):
                tell(reply, Refusal.of(result))
                return
            body = answers.answer(result, state.head())
            if len(body) > self._bounds.long_bytes and swamping():
                tell(reply, Refusal(RESOURCE_EXHAUSTED, "etcdserver: too many requests"))
            else:
                reply(200, body)

        def tell(reply: Reply, refusal: Refusal) -> None:
            reply(refusal.status, refusal.body())

        return answer

    async def _probe(self, scope: Scope, send: Send) -> None:
        if scope["method"] != "GET":
            await _send(send, 405, [_TEXT, (b"allow", b"GET")], b"Method Not Allowed\n")
            return
        permit(scope, "read")
        if scope["path"] == "/version":
            release = ".".join(answers.ETCD_VERSION.split(".")[:2])
            body = f'{{"etcdserver":"{answers.ETCD_VERSION}","etcdcluster":"{release}.0"}}'
            await _send(send, 200, [_JSON], body.encode())
            return
        healthy = self._state is not None and self._state.head().leader_id != 0
        await _send(send, 200 if healthy else 503, [_TEXT], b'{"health":"true"}' if healthy else b'{"health":"false"}')

    async def _keep_alive(self, state: StateStore, scope: Scope, receive: Receive, send: Send) -> None:
        permit(scope, "kv")
        try:
            await keep_alive(state, self._bounds, receive, send)
        except TimeoutError:
            cut_off(scope, self._bounds)

    async def _watch(self, state: StateStore, scope: Scope, receive: Receive, send: Send) -> None:
        permit(scope, "read")
        await self._watches.serve(state, scope, receive, send)

    async def _member_list(self, state: StateStore, scope: Scope, receive: Receive, send: Send) -> None:
        permit(scope, "read")
        shapes.NOTHING(parse(await self._body(scope, receive)))
        await _send(send, 200, [_JSON], answers.member_list(state.head(), self._members()))

    async def _status(self, state: StateStore, scope: Scope, receive: Receive, send: Send) -> None:
        permit(scope, "read")
        shapes.NOTHING(parse(await self._body(scope, receive)))
        await _send(send, 200, [_JSON], answers.status(state.head()))

    async def _authenticate(self, state: StateStore, scope: Scope, receive: Receive, send: Send) -> None:
        permit(scope, "read")
        shapes.NOTHING(parse(await self._body(scope, receive)))
        raise Refusal(FAILED_PRECONDITION, "etcdserver: authentication is not enabled")


def permit(scope: Scope, action: Action) -> None:
    """``authorise``, refused in etcd's form."""
    allow(caller_of(scope), action)


def allow(caller: Caller, action: Action) -> None:
    """The same for a caller that is known."""
    try:
        authorise(caller, action)
    except PyClusterError as error:
        raise Refusal(PERMISSION_DENIED, f"etcdserver: permission denied: {error}") from None


def _spared(error: Refused) -> Refusal:
    """As etcd refuses a user without a role for those keys."""
    return Refusal(PERMISSION_DENIED, f"etcdserver: permission denied: {error}")


async def _refuse(send: Send, refusal: Refusal) -> None:
    await _send(send, refusal.status, [_JSON], refusal.body())


async def _send(send: Send, status: int, headers: Headers, body: bytes) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
