"""The room for what waits for all watchers of an agent together, and whose turn it is where there is none.

Invariants: what was taken is given back, to the byte. No more is taken than ``ROOM_BYTES_MAX``, one batch, and
``SMALL_BYTES`` for each watcher. Turns come in the order in which they were asked for, one at a time; where much of it
is free nobody waits for one.
"""

from __future__ import annotations

import asyncio
from itertools import islice

#: Bytes that all watchers of an agent take together: four slow ones as far as each may fall behind by itself, or forty
#: that caught up with a large slice each; a small machine has them to spare.
ROOM_BYTES_MAX = 64 * 1024 * 1024
#: An event takes that much beside its key and its values: without it, small ones would fill memory for next to nothing.
EVENT_BYTES = 288
#: A watcher always finds so much: nobody who reads waits for others who do not, while changes are small. All watches
#: that the web interface gives (128 streams of 256) take 64 MiB this way at most.
SMALL_BYTES = 2 * 1024
#: A turn that nothing comes for goes to the next: what was left out before may be forgotten by now.
TURN_S = 5.0
#: While half of the room is free so many go on at once, without a turn, and the next ones so much later: meanwhile it
#: is looked up what the history has for each.
_TOGETHER = 32
_TOGETHER_S = 0.1

#: Done when it has come.
Turn = asyncio.Future[None]


class Room:
    """One for an agent's watchers, on the event loop's thread. All sizes are bytes; ``turn_s`` is ``TURN_S`` but for
    tests.
    """

    def __init__(self, turn_s: float = TURN_S) -> None:
        self._turn_s = turn_s
        self.taken = 0
        self._waiting: dict[Turn, None] = {}
        self._turn: Turn | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._next: asyncio.TimerHandle | None = None

    def fits(self, held: int, size: int) -> bool:
        """Whether one that holds ``held`` may take ``size``. Nobody gets more than is left: the more who do not read,
        the less each of them holds, and one that holds nothing finds room. (Choudhury and Hahne, Dynamic Thresholds.)
        """
        return held + size <= SMALL_BYTES or held + 2 * size + self.taken <= ROOM_BYTES_MAX

    def take(self, size: int) -> None:
        """As ``fits`` allows, or a turn."""
        self.taken += size

    def give(self, size: int) -> None:
        """What was taken comes back."""
        self.taken -= size
        if self._waiting:
            self._call()

    async def turn(self) -> Turn:
        """Wait for a turn: one batch may be taken, however large it is. Then, or without that, it is to be ``over``.
        Where much is free others go on beside it, without a turn (``has``): ``fits`` decides.
        """
        turn: Turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = None
        self._call()
        try:
            await turn
        except asyncio.CancelledError:
            self.over(turn)
            raise
        return turn

    def has(self, turn: Turn | None) -> bool:
        """Whether it is that one's turn."""
        return turn is not None and turn is self._turn

    def over(self, turn: Turn) -> None:
        """The next one's turn; a turn that is over, or never came, ends once."""
        self._waiting.pop(turn, None)
        if turn is self._turn:
            self._end()
            self._call()

    def close(self) -> None:
        """Nobody waits in vain."""
        self._pass(len(self._waiting))
        if self._next is not None:
            self._next.cancel()
        self._end()

    def _end(self) -> None:
        self._turn = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _pass(self, count: int) -> None:
        """So many of those that wait do so no longer."""
        for turn in [*islice(self._waiting, count)]:
            del self._waiting[turn]
            if not turn.done():
                turn.set_result(None)

    def _again(self) -> None:
        self._next = None
        self._call()

    def _call(self) -> None:
        while self._waiting and self._turn is None and self.taken <= ROOM_BYTES_MAX:
            turn = next(iter(self._waiting))
            del self._waiting[turn]
            if not turn.done():  # it was cancelled in this turn of the loop
                self._turn = turn
                self._timer = asyncio.get_running_loop().call_later(self._turn_s, self.over, turn)
                turn.set_result(None)
        if self._waiting and self._next is None and self.taken <= ROOM_BYTES_MAX // 2:
            # One whose batch is larger than that comes back for a turn, no more often than this.
            self._pass(_TOGETHER)
            self._next = asyncio.get_running_loop().call_later(_TOGETHER_S, self._again)
