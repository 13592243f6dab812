"""What a controller is: it sees keys and members, and says what is to be written or done so that they become right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

import msgspec

from pycluster import store
from pycluster.node.view import ControllerView, Kind, MemberView

__all__ = [
    "RESERVED",
    "Act",
    "Controller",
    "ControllerView",
    "Interest",
    "Kind",
    "Plan",
    "Step",
    "View",
    "Write",
    "Yielding",
]

#: Every key of ours begins so, on either engine; `docs/protocol/controllers.md` says who may write there.
RESERVED = b"/pycluster/"


class Interest(msgspec.Struct, frozen=True):
    """Keys that a controller watches: an interval. Without ``values`` only their names and revisions are kept."""

    key: bytes
    range_end: bytes = b""
    values: bool = True

    def has(self, key: bytes) -> bool:
        """Whether ``key`` lies in it."""
        if not self.range_end:
            return key == self.key
        return key >= self.key and (self.range_end == store.OPEN_END or key < self.range_end)


class View(msgspec.Struct, frozen=True):
    """What a plan is made from, as of ``revision``. ``keys`` are those of all interests, not to be changed.

    ``term`` is the fencing token of a leader's controller, 0 for one of every node. ``members`` is empty where the
    controller does not want them.
    """

    node: str
    term: int
    revision: int
    keys: Mapping[bytes, store.KeyValue]
    members: tuple[MemberView, ...] = ()
    leader: str = ""


class Write(msgspec.Struct, frozen=True):
    """A transaction: ``writes`` if all of ``compare`` hold. ``what`` is a line for people.

    Each key or interval that it writes must stand in ``compare``: that is what makes it happen once at most.
    """

    what: str
    compare: tuple[store.Compare, ...]
    writes: tuple[store.Put | store.DeleteRange, ...]


class Act(msgspec.Struct, frozen=True):
    """Something to do on this machine, by whoever runs the plan; it may be asked for again and must bear that.

    ``name`` and ``argument`` say what; ``timeout_ms``: past it, it has failed.
    """

    what: str
    name: str
    argument: bytes = b""
    timeout_ms: int = 30_000


Step = Write | Act


class Plan(msgspec.Struct, frozen=True):
    """What brings the state nearer to what it should be, in order; empty where it is right.

    ``again_ms``: Unix time in milliseconds when to plan anew although nothing changed; None: only when something does.
    ``afresh``, of one that ``Yielding`` is: what it did without is to be seen again, before any step. ``apart``: its
    steps do not wait for each other, so that one that the state refuses for its own sake holds up no other.
    """

    steps: tuple[Step, ...] = ()
    again_ms: int | None = None
    afresh: bool = False
    apart: bool = False

    def check(self, steps_max: int) -> None:
        """Raise ``ValueError`` where it is none that may be performed."""
        if len(self.steps) > steps_max:
            raise ValueError(f"it has {len(self.steps)} steps, of {steps_max} possible")
        for step in self.steps:
            if isinstance(step, Write):
                compared = {(one.key, one.range_end) for one in step.compare}
                bare = [one.key for one in step.writes if (one.key, getattr(one, "range_end", b"")) not in compared]
                if bare:
                    raise ValueError(f"{step.what!r} writes {bare[0]!r} without comparing it")


class Controller(Protocol):
    """One noun's rules. ``kind``: ``leader`` runs on whoever acts as leader, ``node`` on every node."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> Kind: ...

    @property
    def interests(self) -> tuple[Interest, ...]: ...

    @property
    def wants_members(self) -> bool: ...

    @property
    def gap_ms(self) -> int:
        """Between a change and the plan it leads to, where that is more than ``Params.gap_ms``: what is not urgent
        looks once at many changes.
        """
        ...

    def plan(self, view: View, now_ms: int) -> Plan:
        """Pure: the same view and Unix time (ms) give the same plan."""
        ...


@runtime_checkable
class Yielding(Protocol):
    """A controller that goes on with fewer ``interests`` where their keys are more than it may see."""

    def yields(self, keys: Iterable[bytes], now_ms: int) -> bool:
        """Have fewer; ``keys`` are some of those there are. False: there is nothing to do without."""
        ...

    def whole(self) -> None:
        """Have all of them again: its plan was ``afresh``."""
        ...
