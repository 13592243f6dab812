"""Probes over HTTP: 2xx is well, and everything else has words."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from pycluster.runtime.probes import asked


class _Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(self.path.rpartition("/")[2].partition("?")[0] or 204))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), _Service)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield int(server.server_address[1])
    server.shutdown()
    thread.join()
    server.server_close()


def test_only_2xx_is_well(port: int) -> None:
    there = f"http://127.0.0.1:{port}"
    assert asked(there, 10) == asked(f"{there}/200", 10) == asked(f"{there}/200?deep=1", 10) == ""
    for status in (301, 404, 503):
        assert asked(f"{there}/{status}", 10) == f"{there}/{status} answered {status}"


def test_a_query_is_asked_and_not_told(port: int) -> None:
    there = f"http://127.0.0.1:{port}/503"
    assert asked(f"{there}?token=secret", 10) == f"{there} answered 503"
    told = asked("http://nowhere.invalid:80/?token=secret", 10)
    assert told.startswith("http://nowhere.invalid:80/ does not answer") and "secret" not in told


def test_nobody_there_and_nobody_who_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert asked(url, 0.2) == f"{url} does not answer: timed out"
    assert "does not answer" in asked(url, 10)
    assert "does not answer" in asked("http://nowhere.invalid:80/", 10)
    assert "does not answer" in asked("http://[:::]:80/", 10)
