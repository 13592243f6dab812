"""What a rollout is, as it stands in the state."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec

from pycluster import store
from pycluster.configs import Entry
from pycluster.kernel.bounded import UNREADABLE
from pycluster.kernel.errors import LocalFault

State = Literal["running", "paused", "rolling-back", "done", "rolled-back", "aborted"]
LaneState = Literal["waiting", "absent", "changing", "good", "failed", "gone", "returning", "back", "untouched"]
#: What is over for good.
OVER: frozenset[State] = frozenset(("done", "rolled-back", "aborted"))
#: What brings the old version back, or has.
STOPPED: frozenset[State] = frozenset(("rolling-back", "rolled-back", "aborted"))

_Count = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]


class Strategy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """First ``canary`` nodes, 0: none; then ``batch`` at a time, or ``percent`` of all, or with neither all others.

    ``soak_s`` (s): between one batch's being good and the next. ``timeout_s`` (s): for a node, from its release until
    it is good; also how long the end waits for nodes that are down. ``failures``: nodes that may fail before it stops.
    ``on_failure``: what is done then.
    """

    canary: _Count = 0
    batch: _Count = 0
    percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    soak_s: _Seconds = 0.0
    timeout_s: Annotated[float, msgspec.Meta(ge=1, le=86_400)] = 60.0
    failures: _Count = 0
    on_failure: Literal["rollback", "pause"] = "rollback"

    def size(self, total: int) -> int:
        """Nodes of a batch where ``total`` are concerned; 0: all others."""
        return self.batch or -(-total * self.percent // 100)


class Lane(msgspec.Struct, frozen=True):
    """One node in a rollout. ``wanted`` and ``placed``: the version it should have and has in place, 0: not known.

    ``batch``: in which it was released, at ``released_ms`` (Unix ms); 0 for not yet. ``since_ms``: since when it has
    ``placed``. ``problem``: why not ``wanted``.
    """

    node: str
    state: LaneState
    batch: int = 0
    released_ms: int = 0
    wanted: int = 0
    placed: int = 0
    since_ms: int = 0
    problem: str = ""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A rollout of ``version`` of the entry ``name`` over version ``before``; ``result``: what came into force at last.

    ``batch`` batches were begun, ``quota`` nodes may be released in all, ``released`` are; ``total`` were concerned at
    the beginning. ``settled_ms``: since when all of them are settled, noted by the leader of ``term``. ``why`` it is
    not running, and ``by`` whom, empty: the cluster. ``wish``: what people want and the leader has to do. ``accepted``:
    nodes whose failure people saw and went on. ``lanes``: at the end, how each node stood.
    """

    name: str
    version: int
    before: int
    author: str
    reason: str
    at_ms: int
    strategy: Strategy
    state: State = "running"
    result: int = 0
    total: int = 0
    batch: int = 0
    quota: int = 0
    released: int = 0
    settled_ms: int = 0
    term: int = 0
    why: str = ""
    by: str = ""
    wish: Literal["", "abort"] = ""
    accepted: tuple[str, ...] = ()
    stopped_ms: int = 0
    ended_ms: int = 0
    lanes: tuple[Lane, ...] = ()

    @property
    def over(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in OVER


class Release(msgspec.Struct, frozen=True):
    """A node may have it: since ``at_ms`` (Unix ms), in that batch."""

    batch: int
    at_ms: int


class Staged(msgspec.Struct, frozen=True):
    """Both texts, whole: the one in force ``before``, and the one that is rolled out."""

    before: Entry
    after: Entry


class FileReport(msgspec.Struct, frozen=True):
    """One file at a node, from the text of ``entry``: the version ``wanted`` and the one in place (``placed``, 0: none
    that is known) since ``since_ms`` (Unix ms). ``problem``: why not. ``probe``: why what is in place is not yet good;
    empty where it is, or nothing probes it.
    """

    template: str
    entry: str
    wanted: int
    placed: int
    since_ms: int = 0
    problem: str = ""
    probe: str = ""


class Report(msgspec.Struct, frozen=True):
    """What a node says of its files, by template."""

    files: tuple[FileReport, ...] = ()


T = TypeVar("T", Run, Release, Staged, Report)


def packed(value: Run | Release | Staged | Report) -> bytes:
    """As it stands in the state: JSON, so that any client can read it."""
    return msgspec.json.encode(value)


def unpacked(kv: store.KeyValue, kind: type[T]) -> T:
    """What stands there; raises ``LocalFault`` where somebody else wrote it."""
    try:
        return msgspec.json.decode(kv.value, type=kind)
    except UNREADABLE as error:
        what = f"the key {kv.key.decode(errors='backslashreplace')} holds nothing of a rollout"
        raise LocalFault(
            what, why=str(error), remedy="a write was forced there: delete it with kv del -force"
        ) from None
