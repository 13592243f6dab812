"""Judging configuration in a process of its own: a pattern that never ends ends there, and an agent stays small."""

from __future__ import annotations

import sys

import msgspec

from pycluster.configs import Unfit
from pycluster.judging import Case, Verdict
from pycluster.kernel.errors import LocalFault
from pycluster.runtime.judgment import Room, judgment

#: Children at a time; a machine of two processors has to do something else, too.
_TOGETHER = 2
#: Changes that may wait for one.
_WAITING_MAX = 64
#: The same of reads, which anybody may ask for as often as he likes.
_READS_TOGETHER, _READS_WAITING_MAX = 1, 4
_TIMEOUT_S = 15.0
_FAILED = "the configuration could not be checked"
_COMMAND = (sys.executable, "-P", "-m", "pycluster.judging")


class ChildJudge:
    """``configs.Judge`` by a child that ends when it has judged."""

    def __init__(
        self,
        command: tuple[str, ...] = _COMMAND,
        timeout_s: float = _TIMEOUT_S,
        together: int = _TOGETHER,
        waiting_max: int = _WAITING_MAX,
    ) -> None:
        self._command = command
        self._timeout_s = timeout_s
        self._room = Room(together, waiting_max, _FAILED)

    @classmethod
    def of_reads(cls) -> ChildJudge:
        """One with a small room of its own, so that reads keep no change waiting."""
        return cls(together=_READS_TOGETHER, waiting_max=_READS_WAITING_MAX)

    async def __call__(self, cases: tuple[Case, ...]) -> tuple[Verdict, ...]:
        """One verdict for each case; raises ``Unfit`` where it takes too much, ``LocalFault`` where no child runs
        or too many wait for one.
        """
        async with self._room:
            ended = await judgment(self._command, msgspec.json.encode(cases), self._timeout_s, _FAILED)
        if ended.late:
            raise Unfit((f"checking it takes more than {self._timeout_s:g} s; is there a pattern that never ends?",))
        if ended.died:
            why = "checking it takes more time or memory than there is for it; is there a pattern that never ends?"
            raise Unfit((why,))
        if ended.code:
            raise LocalFault(_FAILED, why=ended.words)
        return msgspec.json.decode(ended.out, type=tuple[Verdict, ...])
