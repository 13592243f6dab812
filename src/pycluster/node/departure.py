"""The way out: leave for good or stop for now, each once, each answered once."""

from __future__ import annotations

from pycluster import consensus
from pycluster.node.effects import CommandDone, Drained, Effect


class Departure:
    """``under_way`` from the request until the process ends, or until giving the seat up was refused."""

    def __init__(self) -> None:
        self.under_way = False
        self._command: int | None = None
        self._done = False

    def begin(self, command: int | None) -> CommandDone | None:
        """Begin; gives the refusal back where a departure is under way already. A drain overrides a leave."""
        if self.under_way and command is not None:
            return CommandDone(command, ok=False, what="this node is already leaving")
        self.under_way = True
        self._command = command if command is not None else self._command
        return None

    def refused(self, why: consensus.CommandFailed) -> CommandDone | None:
        """Giving the seat up was refused: the node stays."""
        if self._command is None:
            return None
        command, self._command, self.under_way = self._command, None, False
        return CommandDone(command, ok=False, what=why.what, why=why.why, remedy=why.remedy)

    def finished(self) -> list[Effect]:
        """The goodbye is told."""
        if self._done:
            return []
        self._done = True
        command, self._command = self._command, None
        told: list[Effect] = [] if command is None else [CommandDone(command, ok=True)]
        return [*told, Drained()]
