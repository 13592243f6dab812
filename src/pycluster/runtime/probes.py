"""Probes over HTTP: whether a service on this machine says that it works."""

from __future__ import annotations

import http.client
import socket
import time
from typing import Any
from urllib.parse import urlsplit


def asked(url: str, timeout_s: float) -> str:
    """Empty where ``url`` (``http://HOST:PORT/PATH``) answers GET with 2xx within ``timeout_s``; else why not, without
    its query: that may hold a secret, and everybody who may read is told.

    All of the answer's head has to come within that time. A name that has to be looked up is waited for as long as the
    machine's resolver does.
    """
    shown = url.partition("?")[0]
    try:
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        try:
            connection.sock = _connected(connection.host, connection.port, timeout_s)
            connection.request("GET", target, headers={"Connection": "close"})
            status = connection.getresponse().status
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"{shown} does not answer: {str(error) or type(error).__name__}"
    return "" if 200 <= status < 300 else f"{shown} answered {status}"


class _Line(socket.socket):
    """A connection whose reads end all together at ``due_s``: each has what is left, however little comes at a time."""

    due_s = 0.0

    def left(self) -> float:
        """Seconds; raises ``TimeoutError`` where there are none."""
        left_s = self.due_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        return left_s

    def recv_into(self, *given: Any) -> int:
        self.settimeout(self.left())
        return super().recv_into(*given)


def _connected(host: str, port: int, timeout_s: float) -> _Line:
    """To the first of its addresses that takes it; each may have an equal part of the time. Raises ``OSError``."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    due_s = time.monotonic() + timeout_s
    refused: OSError = OSError(f"{host} has no address")
    for number, (family, kind, protocol, _, address) in enumerate(found):
        line = _Line(family, kind, protocol)
        line.due_s = due_s
        try:
            line.settimeout(line.left() / (len(found) - number))
            line.connect(address)
        except OSError as error:
            line.close()
            refused = error
        else:
            return line
    raise refused
