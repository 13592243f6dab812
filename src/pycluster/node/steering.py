"""What an operator asks of the leader: to hand leadership over, to take a seat away.

Invariants: each is answered once: done when it is so (the next leader is followed, the configuration without the seat
is committed), refused when the core says no, or when it took too long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from pycluster import consensus
from pycluster.consensus import CommandFailed, Raft
from pycluster.kernel.units import SECOND
from pycluster.node.effects import CommandDone
from pycluster.node.outbox import Outbox

#: A target that lags behind has a second to catch up, then it is elected.
_PATIENCE_US = 5 * SECOND


class _Wanted(msgspec.Struct, frozen=True):
    """``name`` is whom leadership moves to (empty: to anybody), or whose seat goes."""

    number: int
    what: Literal["transfer", "remove"]
    name: str
    ends_us: int


class Steering:
    """Commands under way; all are refused on a node that is not meant to vote."""

    def __init__(self, raft: Raft | None, outbox: Outbox, drive: Callable[[consensus.Event], None]) -> None:
        self._raft = raft
        self._outbox = outbox
        self._drive = drive
        self._now = 0
        self._wanted: list[_Wanted] = []

    def transfer(self, number: int, to: str, now_us: int) -> None:
        """Move leadership to ``to``, which keeps it; or to the best other voter."""
        self._begin(_Wanted(number, "transfer", to, now_us + _PATIENCE_US), consensus.Transfer(to))

    def remove(self, number: int, name: str, now_us: int) -> None:
        """Take the seat of ``name`` away."""
        self._begin(_Wanted(number, "remove", name, now_us + _PATIENCE_US), consensus.RemoveVoter(name))

    def _begin(self, wanted: _Wanted, event: consensus.Event) -> None:
        if self._raft is None:
            why = "this node has no seat"
            self._answer(wanted, CommandFailed(_refusal(wanted), why, "ask the leader: pycluster leader names it"))
            return
        self._wanted.append(wanted)
        self._drive(event)

    def refused(self, why: CommandFailed) -> None:
        """The core would not do what it was just asked."""
        if self._wanted:
            self._answer(self._wanted.pop(), why)

    def settle(self, now_us: int) -> None:
        """After every event: what is done by now, or took too long."""
        for wanted in [*self._wanted]:
            late = now_us >= wanted.ends_us
            if self._is_so(wanted):
                self._wanted.remove(wanted)
                self._answer(wanted, None)
            elif late:
                self._wanted.remove(wanted)
                seconds = _PATIENCE_US // SECOND
                why = f"it was begun, and is not done after {seconds} s"
                self._answer(wanted, CommandFailed(_refusal(wanted), why, "look at pycluster raft peers"))

    def next_deadline(self) -> int | None:
        """When ``settle`` is wanted at the latest."""
        return min((wanted.ends_us for wanted in self._wanted), default=None)

    def _is_so(self, wanted: _Wanted) -> bool:
        raft = self._raft
        assert raft is not None
        if wanted.what == "remove":
            return raft.settled and wanted.name not in {seat.name for seat in raft.voters}
        return raft.leader == wanted.name if wanted.name else raft.leader not in ("", raft.name)

    def _answer(self, wanted: _Wanted, refused: CommandFailed | None) -> None:
        if refused is None:
            self._outbox.append(CommandDone(wanted.number, ok=True))
        else:
            self._outbox.append(CommandDone(wanted.number, False, refused.what, refused.why, refused.remedy))


def _refusal(wanted: _Wanted) -> str:
    if wanted.what == "remove":
        return f"{wanted.name} keeps its seat"
    return f"leadership was not transferred to {wanted.name}" if wanted.name else "leadership was not transferred"
