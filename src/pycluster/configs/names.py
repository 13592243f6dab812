"""Names of configuration entries, what they stand for, and the keys that hold them."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from pycluster.controllers import RESERVED
from pycluster.judging import Format
from pycluster.kernel.errors import LocalMisuse

ENTRIES = RESERVED + b"config/entry/"
HISTORY = RESERVED + b"config/history/"
NAME_MAX_BYTES = 200
DEPTH_MAX = 16
_SCHEMA = "@schema"

#: From what is true of many nodes to what is true of one; a later one overrides an earlier one.
SCOPES = ("region", "zone", "tag", "node")
Scope = Literal["region", "zone", "tag", "node"]

_PATH = re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*")
_SCOPED = re.compile(r"(region|zone|node):([A-Za-z0-9_.-]+)|tag:([A-Za-z0-9_.-]+=[A-Za-z0-9_.:/-]*)")
_EXTENSIONS: dict[str, Format] = {"json": "json", "yaml": "yaml", "yml": "yaml", "toml": "toml"}


class Name(msgspec.Struct, frozen=True):
    """An entry ``path``; with ``scope`` and ``value`` what overrides it there; or the ``schema`` of all that begin so.

    ``text`` is how people write it: ``app.yaml``, ``app.yaml@node:web1``, ``app.yaml@schema``, ``services/@schema``.
    """

    text: str
    path: str
    scope: Scope | None = None
    value: str = ""
    schema: bool = False

    @property
    def key(self) -> bytes:
        """Where the current version stands."""
        return ENTRIES + self.text.encode()

    @property
    def format(self) -> Format:
        """What its ending says."""
        if self.schema:
            return "yaml"  # and so JSON
        _, dot, ending = self.path.rpartition("/")[2].rpartition(".")
        return _EXTENSIONS.get(ending.lower(), "text") if dot else "text"

    @property
    def base(self) -> Name:
        """What it overrides, or itself."""
        return self if self.scope is None else Name(self.path, self.path)

    @property
    def schemas(self) -> tuple[Name, ...]:
        """The schemas that it must fit, from the widest on; whether there are such is another question."""
        if self.schema:
            return ()
        folders = self.path.split("/")[:-1]
        prefixes = ["", *("/".join(folders[: depth + 1]) + "/" for depth in range(len(folders))), self.path]
        return tuple(Name(prefix + _SCHEMA, prefix, schema=True) for prefix in prefixes)

    def is_for(self, other: Name) -> bool:
        """Whether ``other`` must fit this schema: the same as being among its ``schemas``."""
        if other.schema:
            return False
        return self.path == other.path or (self.path[-1:] in ("", "/") and other.path.startswith(self.path))

    @property
    def overrides(self) -> tuple[bytes, bytes]:
        """The interval of keys of all its overrides and its own schema."""
        return ENTRIES + self.path.encode() + b"@", ENTRIES + self.path.encode() + b"A"


def parse(text: str) -> Name:
    """The name; raises ``LocalMisuse``."""
    path, at, rest = text.partition("@")
    why = ""
    if len(text.encode()) > NAME_MAX_BYTES or path.count("/") >= DEPTH_MAX:
        why = f"it has at most {NAME_MAX_BYTES} bytes and {DEPTH_MAX} parts"
    elif at and rest == _SCHEMA[1:] and (not path or _good(path.removesuffix("/"))):
        return Name(text, path, schema=True)
    elif not _good(path):
        why = "it is made of letters, digits, '.', '-' and '_', in parts between '/', none of them '.' or '..'"
    elif not at:
        return Name(text, path)
    else:
        found = _SCOPED.fullmatch(rest)
        if found is not None:
            return Name(text, path, *_scope(found))
        why = "behind @ stands node:NAME, zone:NAME, region:NAME, tag:KEY=VALUE or schema"
    raise LocalMisuse(f"{text[:80]!r} is no name of a configuration entry", why=why)


def _good(path: str) -> bool:
    return bool(_PATH.fullmatch(path)) and not {".", ".."} & set(path.split("/"))


def _scope(found: re.Match[str]) -> tuple[Scope, str]:
    if found[3] is not None:
        return "tag", found[3]
    scope: Scope = "region" if found[1] == "region" else "zone" if found[1] == "zone" else "node"
    return scope, found[2]


def entry_key(text: str) -> bytes:
    """Where the version in force stands."""
    return ENTRIES + text.encode()


def of_key(key: bytes) -> str:
    """The text of the name whose current version stands there."""
    return key.removeprefix(ENTRIES).decode()


def history_key(text: str, version: int, superseded_ms: int) -> bytes:
    """Where a version stands that was superseded at that Unix time, ms."""
    return HISTORY + b"%b#%010d.%015d" % (text.encode(), version, superseded_ms)


def history_of(text: str, first: int = 0, last: int | None = None) -> tuple[bytes, bytes]:
    """The interval of its versions from ``first`` on up to, and with, ``last``."""
    stem = HISTORY + text.encode()
    return stem + b"#%010d" % first, stem + (b"$" if last is None else b"#%010d" % (last + 1))


def of_history(key: bytes) -> tuple[str, int, int]:
    """The name's text, the version, and when it was superseded (Unix ms); raises ``ValueError`` for a foreign key."""
    text, _, rest = key.removeprefix(HISTORY).decode().rpartition("#")
    version, _, superseded_ms = rest.partition(".")
    return text, int(version), int(superseded_ms)
