"""The page and its files, out of the package: only files that were there at start, only under their own names."""

from __future__ import annotations

import hashlib
import os
import re
from base64 import b64encode

from starlette.requests import Request
from starlette.responses import Response

from pycluster.web.faults import HttpFault
from pycluster.web.operations import Site

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/vnd.microsoft.icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
#: First parts of the page's own addresses; under them the page is served, and finds its way by itself.
PAGES = frozenset(
    (
        "configuration",
        "elections",
        "events",
        "health",
        "keys",
        "leader",
        "nodes",
        "operations",
        "overview",
        "quorum",
        "raft",
        "search",
        "security",
        "services",
        "settings",
        "topology",
    )
)
_NOT_PAGES = frozenset(("api", "static", "metrics"))
_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc\s*=)[^>]*>(.*?)</script\s*>", re.DOTALL | re.IGNORECASE)
_POLICY = (
    "default-src 'none'; script-src 'self'{hashes}; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


async def page(site: Site, request: Request) -> Response:
    """The page, with a content security policy that allows its own inline import map by its hash, and nothing else."""
    content = site.static.read("index.html")
    if content is None:
        raise HttpFault(
            404, "this agent has no web page", why="its files are not installed", remedy="use the command line"
        )
    response = _file(request, content, "index.html")
    response.headers["content-security-policy"] = policy(content)
    return response


async def static(site: Site, request: Request) -> Response:
    """One file."""
    name: str = request.path_params["path"]
    content = site.static.read(name)
    if content is None:
        raise HttpFault(404, f"there is no file {name[:80]!r}")
    return _file(request, content, name)


def is_page(request: Request) -> bool:
    """Whether an address that is no route's belongs to the page: it is one of its own, or a person typed it."""
    first = request.url.path.strip("/").partition("/")[0]
    if request.method not in ("GET", "HEAD") or first in _NOT_PAGES:
        return False
    return first in PAGES or "text/html" in request.headers.get("accept", "")


def policy(content: bytes) -> str:
    """The page's content security policy."""
    hashes = "".join(
        f" 'sha256-{b64encode(hashlib.sha256(script).digest()).decode()}'" for script in _INLINE_SCRIPT.findall(content)
    )
    return _POLICY.format(hashes=hashes)


def _file(request: Request, content: bytes, name: str) -> Response:
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {
        "content-type": _TYPES.get(os.path.splitext(name)[1].lower(), "application/octet-stream"),
        "cache-control": "no-cache",
        "etag": tag,
    }
    known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if tag in known:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers)
