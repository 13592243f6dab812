"""Where another program listens for HTTP."""

from __future__ import annotations

import re
from typing import Self

import msgspec

_URL = re.compile(r"(?P<scheme>https?)://(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>\d{1,5})/?")


class Url(msgspec.Struct, frozen=True):
    """``host`` is a name or a numeric address; ``secure``: HTTPS."""

    host: str
    port: int
    secure: bool = False

    def __str__(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.authority}"

    @property
    def authority(self) -> str:
        """``host:port``."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """From ``https://host:port``; raises ``ValueError`` otherwise."""
        found = _URL.fullmatch(text)
        if found is None or not 0 < int(found["port"]) < 65_536:
            raise ValueError(f"{text[:60]!r} is neither http://HOST:PORT nor https://HOST:PORT")
        return cls(found["six"] or found["host"], int(found["port"]), found["scheme"] == "https")
