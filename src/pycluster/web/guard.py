"""What every request passes before, and every answer after, the application: checks against foreign web pages.

A page on another site can make its visitor's browser call this agent. It must not read (DNS rebinding: the Host is a
name that is not ours), must not change (a foreign Origin, a form's Content-Type) and must not embed us.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from pycluster.kernel.errors import PyClusterError
from pycluster.kernel.ids import is_numeric
from pycluster.web.asgi import ASGIApp, Headers, Message, Receive, Scope, Send
from pycluster.web.authorise import Access
from pycluster.web.faults import HttpFault, body_of, status_of

logger = logging.getLogger("pycluster.web")

_READS = frozenset(("GET", "HEAD"))
#: etcd asks no type of a body, so its clients send none, or a form's: that is taken where no browser can be behind it.
ETCD = ("/v3/", "/v3beta/")
#: What is below these is for programs.
_PROGRAMS = ("/api/", *ETCD)
_BROWSERS = frozenset((b"cookie", b"origin", b"referer", b"sec-fetch-mode", b"sec-fetch-site", b"accept-language"))
_HOST = re.compile(
    r"(?P<name>\[[0-9a-f:.]+(?:%[0-9a-z._~%-]+)?\]|[0-9a-z._-]+)(?::(?P<port>[0-9]{1,5}))?",
)
_FIXED: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
]
_CLOSED_POLICY = b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
FAILED = HttpFault(500, "the agent failed to answer", remedy="its log says where")


class Guard:
    """The outermost application."""

    def __init__(self, inner: ASGIApp, access: Access, long_bytes: int) -> None:
        self._inner = inner
        self._access = access
        self._long_bytes = long_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, run the inner application, add the security headers; an unexpected error is a 500 that says so."""
        if scope["type"] != "http":
            return
        begun = False
        wrote: Callable[[int], None] = scope.get("state", {}).get("wrote", _nobody_counts)

        async def send_guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                if _length(message["headers"]) > self._long_bytes:
                    check_room(scope)
                begun = True
                message["headers"] = _completed(message["headers"])
            await send(message)
            # Not before: while it waits for its reader, others may be counted anew without it.
            wrote(len(message.get("body", b"")))

        try:
            if scope.get("state", {}).get("crowded", False):
                raise HttpFault(503, "too many connections", headers={"Retry-After": "10", "Connection": "close"})
            check(scope, self._access)
            await self._inner(scope, receive, send_guarded)
        except PyClusterError as error:
            await answer(send_guarded, error)
        except Exception:
            logger.exception("%s %s failed", scope["method"], scope["path"])
            if begun:
                raise
            await answer(send_guarded, FAILED)


def _nobody_counts(size: int) -> None:
    """Where no server counts what its readers have not taken."""


def swamped(scope: Scope) -> bool:
    """Whether slow readers leave so much unsent that nothing long may follow; never where no server counts it."""
    count: Callable[[], bool] | None = scope.get("state", {}).get("swamped")
    return count is not None and count()


def check_room(scope: Scope) -> None:
    """Raise ``HttpFault`` where nothing long may follow."""
    if swamped(scope):
        raise HttpFault(
            503,
            "too much waits for slow readers",
            why="long answers are under way to many that do not take them",
            remedy="ask again in a moment, or ask another agent",
            headers={"Retry-After": "10"},
        )


def _length(headers: Headers) -> int:
    return next((int(value) for name, value in headers if name == b"content-length"), 0)


def _completed(headers: Headers) -> Headers:
    given = {name for name, _ in headers}
    complete = [*headers, *_FIXED, (b"date", _date(int(time.time())))]
    if b"content-security-policy" not in given:
        complete.append((b"content-security-policy", _CLOSED_POLICY))
    if b"cache-control" not in given:
        complete.append((b"cache-control", b"no-store"))
    return complete


def in_json(status: int, body: bytes) -> bytes:
    """A whole HTTP/1.1 answer as it goes over the wire, with all that an answer by way of the guard has."""
    before, after = _around(status, int(time.time()))
    return b"%b%d%b%b" % (before, len(body), after, body)


@lru_cache(maxsize=16)
def _around(status: int, second: int) -> tuple[bytes, bytes]:
    """What stands around the length in a head."""
    del second  # the date's
    mark = b"?"
    lines = [b"HTTP/1.1 %d %b" % (status, HTTPStatus(status).phrase.encode())]
    headers = _completed([(b"content-type", b"application/json"), (b"content-length", mark)])
    lines += [b"%b: %b" % header for header in headers]
    before, _, after = (b"\r\n".join(lines) + b"\r\n\r\n").partition(mark)
    return before, after


@lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()


async def answer(send: Send, error: PyClusterError) -> None:
    """Send a refusal without any framework."""
    body = body_of(error)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if isinstance(error, HttpFault):
        headers += [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
    await send({"type": "http.response.start", "status": status_of(error), "headers": headers})
    await send({"type": "http.response.body", "body": body})


def check(scope: Scope, access: Access) -> None:
    """Raise ``HttpFault`` for a request that a foreign page may have caused."""
    host = _check_host(scope, access)
    if _header(scope, b"sec-fetch-site") == "cross-site" and not _followed(scope):
        raise HttpFault(
            403,
            "a page of another site called this agent",
            why="its browser says Sec-Fetch-Site: cross-site",
            remedy="open the agent's own page, or enter the address by hand",
        )
    if scope["method"] in _READS:
        return
    origin = _header(scope, b"origin")
    if origin is not None and origin.lower() != f"{scope['scheme']}://{host}":
        raise HttpFault(
            403,
            "a page of another site asked for a change",
            why=f"Origin {origin!r} is not this agent's own, {scope['scheme']}://{host}",
            remedy="use the agent's own page, or the command line",
        )
    if scope["method"] in ("POST", "PUT"):
        media_type = (_header(scope, b"content-type") or "").partition(";")[0].strip().lower()
        if media_type != "application/json" and not (scope["path"].startswith(ETCD) and _no_browser(scope)):
            raise HttpFault(
                415,
                "the body's type is not taken",
                why=f"Content-Type is {media_type!r}" if media_type else "Content-Type is missing",
                remedy="send JSON with Content-Type: application/json",
            )


def _followed(scope: Scope) -> bool:
    """Whether somebody followed a link to a page; nobody does in a frame, and what is for programs is no page."""
    mode, destination = _header(scope, b"sec-fetch-mode"), _header(scope, b"sec-fetch-dest")
    return (mode, destination) == ("navigate", "document") and not scope["path"].startswith(_PROGRAMS)


def _no_browser(scope: Scope) -> bool:
    """Whether the request lacks everything that browsers add and a page cannot keep them from adding."""
    return not any(
        name in _BROWSERS or (name == b"user-agent" and value.startswith(b"Mozilla/"))
        for name, value in scope["headers"]
    )


def _check_host(scope: Scope, access: Access) -> str:
    """The Host header, lower case; raises ``HttpFault`` where it is missing, malformed or names somebody else."""
    host = (_header(scope, b"host") or "").lower()
    found = _HOST.fullmatch(host)
    if found is None or int(found["port"] or 0) > 65535:
        raise HttpFault(
            400, "the request names no valid Host", why=f"Host is {host[:80]!r}" if host else "it is missing"
        )
    name = found["name"].rstrip(".")
    if scope.get("state", {}).get("unix", False) or name == "localhost" or name in access.names:
        return host
    if not is_numeric(name.strip("[]")):
        raise HttpFault(
            421,
            f"this agent does not answer to the name {name!r}",
            why="a page elsewhere could point any name at this address (DNS rebinding)",
            remedy="use the node's address or its own name, or put this one under [http] names in the agent's file",
        )
    return host


def _header(scope: Scope, wanted: bytes) -> str | None:
    """The value of a header that must not be repeated; None where it is missing."""
    found: bytes | None = None
    for name, value in scope["headers"]:
        if name == wanted:
            if found is not None:
                raise HttpFault(400, f"the header {wanted.decode()} is given more than once")
            found = value
    return None if found is None else found.decode("latin-1")
