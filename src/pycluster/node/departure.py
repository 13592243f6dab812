"""The way out: leave for good or stop for now, each once, each answered once. To stop overrides to leave."""

from __future__ import annotations

from pycluster import consensus
from pycluster.node.effects import CommandDone, Drained, Effect


class Departure:
    """``under_way`` from the request until the process ends, or until giving the seat up was refused."""

    def __init__(self) -> None:
        self.under_way = False
        self._stopping = False
        self._seat_gone = False
        self._command: int | None = None
        self._done = False

    def leave(self, command: int) -> CommandDone | None:
        """Begin to leave for good; gives the refusal back where a departure is under way already."""
        if self.under_way:
            return CommandDone(command, ok=False, what="this node is already leaving")
        self.under_way = True
        self._command = command
        return None

    def stop(self) -> None:
        """Begin to stop for now; nothing can refuse that any more."""
        self.under_way = self._stopping = True

    def seat_gone(self) -> None:
        """There is no seat to give up any more, or never was."""
        self._seat_gone = True

    def refused(self, why: consensus.CommandFailed) -> CommandDone | None:
        """Giving the seat up was refused: the node stays, unless it is to stop anyway."""
        if self._command is None:
            return None
        command, self._command, self.under_way = self._command, None, self._stopping
        return CommandDone(command, ok=False, what=why.what, why=why.why, remedy=why.remedy, in_doubt=why.in_doubt)

    def finished(self) -> list[Effect]:
        """The goodbye is told."""
        if self._done:
            return []
        self._done = True
        return [*self._answer(), Drained()]

    def _answer(self) -> list[Effect]:
        command, self._command = self._command, None
        if command is None:
            return []
        if self._seat_gone:
            return [CommandDone(command, ok=True)]
        # They may have been asked, and agree without it.
        what, why = "whether this node keeps its seat is not known", "it was told to stop before the voters had agreed"
        remedy = "look at pycluster raft peers; start it and leave again where it still votes"
        return [CommandDone(command, ok=False, what=what, why=why, remedy=remedy, in_doubt=True)]
