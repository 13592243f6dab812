"""The page and its files."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from pycluster.web import Access
from pycluster.web.app import App, make_app
from pycluster.web.files import StaticFiles
from pycluster.web.pages import policy
from tests.unit.web.fake import FakeCluster

MAP = '{"imports": {"preact": "/static/vendor/preact.js"}}'
INDEX = f'<!doctype html><script type="importmap">{MAP}</script><script type="module" src="/static/app.js"></script>'


@pytest.fixture
def app(tmp_path: Path) -> App:
    root = tmp_path / "static"
    (root / "vendor").mkdir(parents=True)
    (root / "index.html").write_text(INDEX)
    (root / "app.js").write_text("export {}")
    (root / "vendor" / "preact.js").write_text("export const h = 1")
    (root / ".hidden").write_text("no")
    (tmp_path / "secret.txt").write_text("secret")
    os.symlink(tmp_path / "secret.txt", root / "link.txt")
    return make_app(FakeCluster(), Access(), static=StaticFiles(str(root)))


def get(app: App, path: str, *headers: tuple[bytes, bytes], method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    """One request straight into the application: the path arrives as given, which no client library allows."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "scheme": "http",
        "headers": [(b"host", b"localhost"), *headers],
        "client": ("192.0.2.9", 1),
        "server": ("192.0.2.1", 80),
        "state": {},
    }
    asyncio.run(app(scope, receive, send))
    found = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, b"".join(message["body"] for message in sent[1:])


HTML = (b"accept", b"text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")


def test_the_page_allows_its_own_import_map_and_nothing_else(app: App) -> None:
    status, headers, body = get(app, "/")
    assert (status, body.decode()) == (200, INDEX)
    assert headers["content-type"] == "text/html; charset=utf-8"
    digest = base64.b64encode(hashlib.sha256(MAP.encode()).digest()).decode()
    directives = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert directives == {
        "default-src": "'none'",
        "script-src": f"'self' 'sha256-{digest}'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "font-src": "'self'",
        "manifest-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert headers["x-content-type-options"] == "nosniff"


def test_a_page_without_inline_scripts_allows_none() -> None:
    assert "script-src 'self';" in policy(b'<script type="module" src="/static/app.js"></script>')


@pytest.mark.parametrize(
    "path", ["/nodes/node001", "/nodes/node001.example.org", "/topology", "/events", "/elections/"]
)
def test_the_pages_own_addresses_serve_the_page(app: App, path: str) -> None:
    assert get(app, path)[2].decode() == INDEX
    assert get(app, path, method="POST")[0] in (404, 415)


def test_what_a_person_typed_serves_the_page_and_what_a_program_asked_is_404(app: App) -> None:
    assert get(app, "/whatever", HTML)[0] == 200
    assert get(app, "/whatever", (b"accept", b"*/*"))[0] == 404
    for path in ("/api/nothing", "/static/nothing.js", "/metrics/more"):
        assert get(app, path, HTML)[0] == 404


def test_files_come_with_type_and_tag(app: App) -> None:
    status, headers, body = get(app, "/static/vendor/preact.js")
    assert (status, body, headers["content-type"]) == (200, b"export const h = 1", "text/javascript; charset=utf-8")
    assert headers["cache-control"] == "no-cache"
    tag = headers["etag"].encode()
    for known in (tag, b"W/" + tag, b'"other", ' + tag):
        status, again, body = get(app, "/static/vendor/preact.js", (b"if-none-match", known))
        assert (status, body, again["etag"].encode()) == (304, b"", tag)
    assert get(app, "/static/vendor/preact.js", (b"if-none-match", b'"other"'))[0] == 200


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../secret.txt",
        "vendor",
        "vendor/",
        "vendor/../app.js",
        "../../pages.py",
        "/etc/passwd",
        "//etc/passwd",
        ".hidden",
        "link.txt",
        "app.js\x00",
        "vendor\\preact.js",
        "%2e%2e/secret.txt",
        "APP.JS",
    ],
)
def test_nothing_but_the_listed_files_exists(app: App, name: str) -> None:
    status, _, body = get(app, f"/static/{name}", HTML)
    assert status == 404
    assert body.startswith(b'{"error"')


def test_an_agent_without_its_page_says_so(tmp_path: Path) -> None:
    status, _, body = get(make_app(FakeCluster(), Access(), static=StaticFiles(str(tmp_path))), "/")
    assert status == 404
    assert b"this agent has no web page" in body


def test_a_remote_caller_changes_nothing(app: App) -> None:
    for path, method in (("/api/v1/leave", "POST"), ("/api/v1/join", "POST"), ("/api/v1/tags", "PUT")):
        status, _, body = get(app, path, (b"content-type", b"application/json"), method=method)
        assert status == 403
        assert b"is not allowed from 192.0.2.9" in body
