"""What happens to a reconciliation, and what it wants done."""

from __future__ import annotations

import msgspec

from pycluster import store
from pycluster.controllers.fence import Fence
from pycluster.controllers.model import Act
from pycluster.node.view import MemberView


class Started(msgspec.Struct, frozen=True, tag=True):
    """It may begin: with the leader's ``fence``, or without one on every node."""

    fence: Fence | None = None


class Stopped(msgspec.Struct, frozen=True, tag=True):
    """It may not go on: the title is lost, or the agent stops. What was asked is not waited for any more."""


class Answered(msgspec.Struct, frozen=True, tag=True):
    """The state's answer to ``Ask``."""

    token: int
    result: store.Result


class Told(msgspec.Struct, frozen=True, tag=True):
    """News of the watch ``Open``."""

    token: int
    batch: store.WatchBatch


class WatchEnded(msgspec.Struct, frozen=True, tag=True):
    """That watch cannot go on where it was; ``why`` in words."""

    token: int
    why: str


class Done(msgspec.Struct, frozen=True, tag=True):
    """An ``Act`` is over; ``problem`` says what went wrong, if anything did."""

    token: int
    problem: str = ""


class MembersChanged(msgspec.Struct, frozen=True, tag=True):
    """Who there is, and who leads."""

    members: tuple[MemberView, ...]
    leader: str


class Nudged(msgspec.Struct, frozen=True, tag=True):
    """Something that the controller knows by itself, beside the state, is not what it was."""


class Timer(msgspec.Struct, frozen=True, tag=True):
    """``next_deadline`` has come."""


Event = Started | Stopped | Answered | Told | WatchEnded | Done | MembersChanged | Nudged | Timer


class Ask(msgspec.Struct, frozen=True, tag=True):
    """Ask the state; ``Answered`` follows, or nothing once it was stopped."""

    token: int
    request: store.Range | store.Txn
    timeout_us: int


class Open(msgspec.Struct, frozen=True, tag=True):
    """Watch; ``Told`` and at last perhaps ``WatchEnded`` follow, until ``Close``."""

    token: int
    watch: store.Watch


class Close(msgspec.Struct, frozen=True, tag=True):
    """That watch is not wanted any more."""

    token: int


class Do(msgspec.Struct, frozen=True, tag=True):
    """Do it; ``Done`` follows."""

    token: int
    act: Act


Effect = Ask | Open | Close | Do
