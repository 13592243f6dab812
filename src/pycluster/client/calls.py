"""Requests to the replicated state: what goes over the wire, and how often it is tried."""

from __future__ import annotations

import asyncio
import http.client
import secrets
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from pycluster.client.asynchronous import StaleConnection, request
from pycluster.client.connection import failure
from pycluster.client.decoding import decode, error_of, fault_of
from pycluster.client.endpoint import Endpoint
from pycluster.client.errors import TimedOut
from pycluster.client.kept import KeptConnections
from pycluster.kernel.errors import LocalMisuse, PyClusterError

T = TypeVar("T")

#: An answer: the state's largest one, as JSON that escapes every byte.
_BODY_MAX_BYTES = 64 * 1024 * 1024
_REQUEST_ID_MAX = 64
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0
#: Of what is left, so much is the agent's, so that it says what is wrong before we stop listening.
_AGENT_SHARE = 0.8
#: And so much longer we listen to what it says at the end of its time, though that be past ours.
_GRACE_S = 1.0


def query_text(wanted: msgspec.Struct) -> str:
    """``wanted`` as a query, without what it has from its defaults."""
    fields = msgspec.to_builtins(wanted)
    defaults = dict(zip(reversed(wanted.__struct_fields__), reversed(wanted.__struct_defaults__), strict=False))
    given = {name: value for name, value in fields.items() if name not in defaults or value != defaults[name]}
    return urlencode({name: int(value) if isinstance(value, bool) else value for name, value in given.items()})


class Calls:
    """One agent, asked within ``timeout_s`` for each call however often it must be tried.

    No try begins past it. The last answer may come up to ``grace_s`` later: it says what is wrong. Each try has a
    connection of its own, but between ``keep`` and ``close`` they are kept for the next ones.
    """

    def __init__(self, endpoint: Endpoint, timeout_s: float, grace_s: float = _GRACE_S) -> None:
        self.endpoint = endpoint
        self.timeout_s = timeout_s
        self._grace_s = grace_s
        self._kept: KeptConnections | None = None
        self._keepers = 0

    def keep(self) -> None:
        """Keep connections from now on, until as many times ``close`` on the same event loop."""
        self._keepers += 1
        if self._kept is None:
            self._kept = KeptConnections()

    async def close(self) -> None:
        """Keep none any more, and end those there are."""
        self._keepers = max(self._keepers - 1, 0)
        if not self._keepers and self._kept is not None:
            kept, self._kept = self._kept, None
            await kept.close()

    async def call(
        self,
        method: str,
        path: str,
        shape: type[T],
        *,
        query: msgspec.Struct | None = None,
        body: msgspec.Struct | None = None,
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> T:
        """The answer as ``shape``. What may be tried again is, a change always under the same ID, while time is left.

        A ``timeout_s`` given here is kept to the moment, for whom an answer past it is of no use.

        Raises ``AgentUnreachable``, ``TimedOut``, ``NoQuorum``, ``Denied``, ``NotFound``, ``CompareFailed``,
        ``Compacted``, ``Rejected`` or ``AgentFailed``.
        """
        now = asyncio.get_running_loop().time
        grace_s = self._grace_s if timeout_s is None else 0.0
        timeout_s = self.timeout_s if timeout_s is None else timeout_s
        until, pause_s = now() + timeout_s, _FIRST_PAUSE_S
        headers = {"Accept": "application/json"}
        if method != "GET":
            headers["Idempotency-Key"] = _checked(request_id) or secrets.token_hex(16)
        content = b""
        if body is not None:
            content, headers["Content-Type"] = msgspec.json.encode(body), "application/json"
        refused: PyClusterError | None = None
        #: Why a try of a change may have made it, whatever comes of the others.
        doubtful: PyClusterError | None = None
        fresh = False
        while True:
            left_s = until - now()
            if left_s <= 0 and refused is not None:
                raise doubtful or refused
            given_s = max(min(left_s, 60.0) * _AGENT_SHARE, 0.001)
            given = {"timeout_ms": int(given_s * 1_000)}
            listening_until = max(until, now() + given_s + grace_s) if grace_s else until
            target = f"/api/v1{path}?{urlencode(given)}{'&' + query_text(query) if query is not None else ''}"
            reached = False
            try:
                async with (
                    asyncio.timeout_at(listening_until),
                    request(self.endpoint, method, target, headers, content, self._kept, fresh=fresh) as answer,
                ):
                    reached = True
                    told = await answer.body(_BODY_MAX_BYTES)
            except StaleConnection as error:
                broken, fresh = failure(self.endpoint, error, timeout_s), True
                if method != "GET":
                    doubtful = doubtful or broken
                if now() >= until:
                    raise doubtful or refused or broken from None
                continue  # at once: that says nothing about the agent
            except (OSError, http.client.HTTPException) as error:
                broken = failure(self.endpoint, error, timeout_s)
                refused = refused or broken
                sent = reached or isinstance(error, ConnectionResetError | http.client.IncompleteRead)
                if method != "GET" and (sent or isinstance(broken, TimedOut)):
                    doubtful = doubtful or broken
                if not sent:
                    raise doubtful or refused from None
            else:
                fault = fault_of(answer.status, told)
                if fault is None or not fault.retryable:
                    return decode(self.endpoint, answer.status, told, shape, {200})
                refused = error_of(answer.status, fault)
                if method != "GET" and isinstance(refused, TimedOut):
                    doubtful = doubtful or refused
            await asyncio.sleep(min(pause_s, max(until - now(), 0)))
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _checked(request_id: str) -> str:
    if not (request_id.isascii() and request_id.isprintable() and len(request_id) <= _REQUEST_ID_MAX):
        raise LocalMisuse(
            "that is no ID of a request", why=f"it is {request_id[:80]!r}", remedy="64 letters and digits"
        )
    return request_id
