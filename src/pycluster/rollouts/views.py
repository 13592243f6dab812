"""Requests and answers about rollouts, as they go over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from pycluster.configs import ChangedView
from pycluster.configs.model import Line, NameText
from pycluster.judging import Format
from pycluster.rollouts.model import OVER, STOPPED, FileReport, Lane, Run, State, Strategy

Steer = Literal["pause", "resume", "abort"]


class RolloutView(msgspec.Struct, frozen=True):
    """One rollout: of ``version`` over ``before``; ``result``: what came into force, 0 before the end.

    ``why`` and ``by`` whom it is not running; ``wish``: what people want and is not begun. ``total`` nodes were
    concerned at the beginning, ``batch`` batches begun, so many nodes are ``released``, ``good`` and ``failed``.
    ``soak_until_ms``: the next batch waits for it. ``lanes`` is empty in lists. Times are Unix ms.
    """

    name: str
    version: int
    before: int
    result: int
    state: State
    author: str
    reason: str
    at_ms: int
    ended_ms: int
    strategy: Strategy
    why: str
    by: str
    wish: str
    total: int
    batch: int
    released: int
    good: int
    failed: int
    soak_until_ms: int
    lanes: tuple[Lane, ...] = ()

    @property
    def settled(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self.state in OVER or (self.state == "paused" and not self.by)

    @property
    def well(self) -> bool:
        """Whether nothing stopped it."""
        return self.state not in STOPPED and not self.wish and (self.state != "paused" or bool(self.by))

    @classmethod
    def of(cls, run: Run, lanes: tuple[Lane, ...], *, whole: bool) -> RolloutView:
        soaks = run.state == "running" and run.batch and run.settled_ms and run.strategy.soak_s
        return cls(
            run.name,
            run.version,
            run.before,
            run.result,
            run.state,
            run.author,
            run.reason,
            run.at_ms,
            run.ended_ms,
            run.strategy,
            run.why,
            run.by,
            run.wish,
            run.total,
            run.batch,
            run.released,
            sum(one.state == "good" for one in lanes),
            sum(one.state == "failed" for one in lanes),
            run.settled_ms + int(run.strategy.soak_s * 1_000) if soaks else 0,
            lanes if whole else (),
        )


class RolloutsView(msgspec.Struct, frozen=True):
    """Rollouts as of ``revision``, the newest first, without lanes."""

    revision: int
    rollouts: tuple[RolloutView, ...]


class NodeFiles(msgspec.Struct, frozen=True):
    """What one node has in place of the entries."""

    node: str
    files: tuple[FileReport, ...]


class NodesView(msgspec.Struct, frozen=True):
    """What every node has in place, by its own report, as of ``revision``."""

    revision: int
    nodes: tuple[NodeFiles, ...]


class StartedView(msgspec.Struct, frozen=True):
    """What becomes of the entry; no rollout where nothing changes, or where it was only looked."""

    revision: int
    change: ChangedView
    rollout: RolloutView | None = None
    dry_run: bool = False


class RolloutsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rollouts of entries that begin so."""

    prefix: str = ""


class RolloutQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The rollout of one version, 0: the newest one."""

    name: NameText
    version: Annotated[int, msgspec.Meta(ge=0)] = 0


class NodesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What nodes have in place; of one entry, where ``name`` is not empty."""

    name: str = ""


class RolloutRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new content of an entry that exists, rolled out. ``dry_run``: check and tell, begin nothing."""

    name: NameText
    content: str
    format: Format | None = None
    if_version: Annotated[int, msgspec.Meta(ge=0)] | None = None
    author: Line = ""
    reason: Line = ""
    strategy: Strategy = Strategy()
    dry_run: bool = False


class SteerRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Pause, resume or abort a rollout that is not over; ``version`` 0: the one there is."""

    name: NameText
    version: Annotated[int, msgspec.Meta(ge=0)] = 0
    to: Steer
    author: Line = ""
    reason: Line = ""
