"""What is rendered, and what comes of it."""

from __future__ import annotations

import msgspec


class Place(msgspec.Struct, frozen=True):
    """A node, as a template sees it. ``state`` is ``alive``, ``suspect``, ``down``, ``left`` or ``unknown``."""

    name: str
    address: str
    state: str
    region: str
    zone: str
    tags: dict[str, str]


class Source(msgspec.Struct, frozen=True):
    """One template: its text, and the intervals of keys that it may read; an empty end: that key alone."""

    name: str
    text: str
    intervals: tuple[tuple[bytes, bytes], ...] = ()


class Batch(msgspec.Struct, frozen=True):
    """Templates, and all that they may see; ``keys`` in their order."""

    sources: tuple[Source, ...]
    keys: tuple[tuple[bytes, bytes], ...]
    node: Place
    members: tuple[Place, ...]
    leader: str


class Reads(msgspec.Struct, frozen=True):
    """What a rendering looked at: single keys, there or not, all keys that begin so, the members, the leader."""

    keys: tuple[bytes, ...] = ()
    prefixes: tuple[bytes, ...] = ()
    members: bool = False
    leader: bool = False


class Rendered(msgspec.Struct, frozen=True):
    """What became of one template: ``content``, or a ``problem`` in one line; and what it read until then."""

    name: str
    content: str = ""
    problem: str = ""
    reads: Reads = Reads()
