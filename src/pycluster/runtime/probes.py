"""Probes over HTTP: whether a service on this machine says that it works."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit


def asked(url: str, timeout_s: float) -> str:
    """Empty where ``url`` (``http://HOST:PORT/PATH``) answers GET with 2xx within ``timeout_s``; else why not, without
    its query: that may hold a secret, and everybody who may read is told.
    """
    shown = url.partition("?")[0]
    try:
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
        try:
            connection.request("GET", target, headers={"Connection": "close"})
            status = connection.getresponse().status
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"{shown} does not answer: {str(error) or type(error).__name__}"
    return "" if 200 <= status < 300 else f"{shown} answered {status}"
