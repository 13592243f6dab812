"""What the people-facing parts need of a running node: the seam between the composition and its adapters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from pycluster.node.view import ClusterEvent, Explanation, LeaderView, MemberView, StatusView


class Outcome(msgspec.Struct, frozen=True):
    """How a command ended; the three lines speak when it was refused."""

    ok: bool
    what: str = ""
    why: str = ""
    remedy: str = ""


class EventStreamLagged(Exception):
    """The reader was slower than the bound allows; it has to start again from a snapshot."""


class ClusterReads(Protocol):
    """Reads: never block, never touch the network."""

    def status(self) -> StatusView: ...

    def members(self) -> tuple[MemberView, ...]: ...

    def member(self, name: str) -> MemberView | None: ...

    def leader(self) -> LeaderView: ...

    def explain(self, question: str, name: str = "") -> Explanation:
        """``question`` is ``leader`` or ``node`` (with ``name``)."""
        ...

    def settings(self) -> dict[str, object]:
        """The effective settings, each with its value and where it came from; no secret among them."""
        ...

    def events(self, after: int | None) -> AsyncIterator[ClusterEvent]:
        """Events with an id above ``after`` (None: only new ones), for ever.

        Raises ``EventStreamLagged`` when ``after`` is no longer kept or the reader falls too far behind.
        """
        ...


class ClusterCommands(Protocol):
    """Changes; each ends with an outcome."""

    async def join(self, hosts: tuple[str, ...]) -> Outcome: ...

    async def leave(self) -> Outcome: ...

    async def force_leave(self, name: str) -> Outcome: ...

    async def set_tags(self, tags: dict[str, str]) -> Outcome: ...


class Cluster(ClusterReads, ClusterCommands, Protocol):
    """Both; what the HTTP interface is built on."""
