"""Where an agent's HTTP interface is: a Unix socket or a TCP address."""

from __future__ import annotations

import re
from typing import Self

import msgspec

from pycluster.kernel.errors import LocalMisuse

_TCP = re.compile(r"(?:http://)?(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>\d{1,5})/?")


class Endpoint(msgspec.Struct, frozen=True):
    """A Unix socket's ``path``; or a ``host`` (a name or a numeric address) and a ``port``, and no path."""

    path: str = ""
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """From ``unix:/path``, ``/path``, ``http://host:port`` or ``host:port``; raises ``LocalMisuse`` otherwise."""
        path = text.removeprefix("unix:")
        if path.startswith("/") or (path != text and path):
            return cls(path=path)
        found = _TCP.fullmatch(text)
        if found is None or not 0 < int(found["port"]) < 65_536:
            raise LocalMisuse(
                f"{text!r} is no address of an agent",
                why="https is not served yet" if text.startswith("https:") else "",
                remedy="write http://HOST:PORT, HOST:PORT or unix:/PATH/agent.sock",
            )
        return cls(host=found["six"] or found["host"], port=int(found["port"]))
