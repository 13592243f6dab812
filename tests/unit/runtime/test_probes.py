"""Probes over HTTP: 2xx is well, and everything else has words."""

from __future__ import annotations

import contextlib
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


def test_an_answer_that_comes_byte_by_byte_is_not_waited_for() -> None:
    gone = threading.Event()

    def drip(listening: socket.socket) -> None:
        line, _ = listening.accept()
        with line, contextlib.suppress(OSError):
            for letter in b"HTTP/1.0 204 No Content\r\n\r\n":
                if gone.wait(0.1):
                    break
                line.sendall(bytes((letter,)))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip, args=(listening,))
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        answer = asked(url, 0.5)
        gone.set()
        thread.join()
    assert answer == f"{url} does not answer: timed out"


def test_nobody_there_and_nobody_who_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert asked(url, 0.2) == f"{url} does not answer: timed out"
    assert "does not answer" in asked(url, 10)
    assert "does not answer" in asked("http://nowhere.invalid:80/", 10)
    assert "does not answer" in asked("http://[:::]:80/", 10)
