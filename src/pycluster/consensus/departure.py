"""Ways out: leadership on its way to somebody else, and a seat being given up. Each ends within a bound."""

from __future__ import annotations

from pycluster.consensus.effects import CommandFailed, HandedOver, Resigned
from pycluster.consensus.log import NOBODY, Voter
from pycluster.consensus.messages import ResignReply, ResignRequest
from pycluster.consensus.state import State
from pycluster.consensus.transfer import Transfer
from pycluster.kernel.units import MILLISECOND

_RETRY_US = 300 * MILLISECOND
_LOOK = "pycluster raft peers shows who votes; leave again where it still does"


class Departure:
    """What this node still waits for before it may go."""

    def __init__(self, state: State, transfer: Transfer) -> None:
        self._s = state
        self._transfer = transfer
        self.handing_over = False
        self._successor = NOBODY
        self._successor_until_us = 0
        self._resign_until_us: int | None = None
        #: Whether there was a seat to give up, or a leader that may be about to give one; whether anybody was asked to.
        self._had_seat = self._was_led = False
        self._asked = 0
        self._resign_due_us = 0

    @property
    def under_way(self) -> bool:
        """Whether anything of it is: leadership that moves, or a seat that is given up."""
        return self.handing_over or self._resign_until_us is not None or self._successor is not NOBODY

    # Leadership.

    def await_successor(self, successor: Voter) -> None:
        """TimeoutNow was sent: somebody leads soon, or the transfer failed."""
        self._successor = successor
        self._successor_until_us = self._s.now_us + self._s.params.election_timeout_us

    def handed_over(self, detail: str, *, led: bool = True) -> None:
        """Answer ``HandOver``, once."""
        if self.handing_over:
            self.handing_over = False
            self._s.effects.append(HandedOver(detail, led))

    def _watch_successor(self) -> None:
        s, successor = self._s, self._successor
        if successor == NOBODY:
            return
        if s.leader != NOBODY:
            self._successor = NOBODY
            if s.leader != successor:
                self._failed(successor, f"{successor.name} was asked to lead, and {s.leader.name} was elected instead")
            self.handed_over(f"{s.leader.name} leads in term {s.leader_term}")
        elif s.now_us >= self._successor_until_us:
            self._successor = NOBODY
            text = f"{successor.name} was asked to lead and was not elected in time; the voters elect by themselves"
            self._failed(successor, text)
            self.handed_over(text)

    def _failed(self, successor: Voter, text: str) -> None:
        """It cost a time without a leader: the next try waits longer."""
        self._transfer.note_loss(successor.name)
        self._s.notify("transfer-failed", text, node=successor.name)

    # The seat.

    @property
    def resigning(self) -> bool:
        """Whether the seat is being given up."""
        return self._resign_until_us is not None

    @property
    def resign_due(self) -> bool:
        """Whether the next attempt is due; the caller that makes it says so with ``resign_tried``."""
        return self.resigning and self._s.now_us >= self._resign_due_us

    def resign(self) -> None:
        """Begin; asked again while under way it is the same resignation."""
        if not self.resigning:
            # Who learns the log is to vote one day, and may not have read that yet; to others no leader speaks.
            self._had_seat, self._was_led, self._asked = self._has_seat, self._is_led, 0
            self._resign_until_us = self._s.now_us + self._s.params.resign_timeout_ms * MILLISECOND
            self._resign_due_us = self._s.now_us

    @property
    def _has_seat(self) -> bool:
        """A vote, or the prospect of one."""
        return self._s.me in self._s.electorate.seats and not self._s.expelled

    @property
    def _is_led(self) -> bool:
        return self._s.leader not in (NOBODY, self._s.me)

    @property
    def seat_gone(self) -> bool:
        """Whether a configuration without this node is committed, or there never was a seat to give up."""
        if self._has_seat:
            return False
        if not self._had_seat:
            # Who was asked knows better than who hears from it no more.
            return not (self._was_led and (self._is_led or self._asked))
        return not self._s.in_doubt

    def resign_tried(self) -> None:
        """Try again a little later, unless an answer comes first."""
        self._resign_due_us = self._s.now_us + _RETRY_US

    def ask_leader(self) -> None:
        """Give the seat up through the leader."""
        s = self._s
        if self._is_led:
            self._asked += 1
            s.bulk(s.leader, ResignRequest(*s.header(s.leader)))

    def granted(self) -> None:
        """This node leads and wrote the configuration without itself: now the others decide."""
        self._asked += 1

    def on_resign_reply(self, message: ResignReply) -> None:
        """The leader committed it, or refused."""
        if not self.resigning:
            return
        if message.ok:
            self.resigned()
        elif self._asked > 1:
            self._doubt(message.why)  # another request may be granted, of those on their way
        else:
            self.resign_refused(message.what, message.why, message.remedy)

    def resigned(self) -> None:
        """The seat is given up: this node never stands again in this life."""
        self._resign_until_us = None
        self._s.draining = True
        self._s.effects.append(Resigned())

    def resign_refused(self, what: str, why: str, remedy: str) -> None:
        """It stays as it was."""
        self._resign_until_us = None
        self._s.effects.append(CommandFailed(what, why, remedy))

    def _doubt(self, why: str) -> None:
        self._resign_until_us = None
        what = f"whether {self._s.name} keeps its seat is not known"
        self._s.effects.append(CommandFailed(what, why, _LOOK, in_doubt=True))

    def tick(self) -> None:
        """Whatever took too long ends."""
        s = self._s
        self._watch_successor()
        if self.handing_over and self._successor == NOBODY and s.role != "leader":
            self.handed_over(s.reason)
        if self._resign_until_us is not None and s.now_us >= self._resign_until_us:
            within = f"within {s.params.resign_timeout_ms // 1000} s: {s.reason}"
            if self._asked:
                self._doubt(f"no leader confirmed that it is gone {within}")
            elif not s.seated:
                self.resigned()  # whom no leader has heard for so long is not given a vote
            else:
                why = f"no leader could be asked {within}"
                self.resign_refused(f"{s.name} keeps its seat", why, "wait until a leader is known and try again")

    def next_deadline(self) -> int | None:
        """When ``tick`` or a retry is due."""
        if not self.under_way:
            return None
        due = [self._successor_until_us] if self._successor != NOBODY else []
        if self._resign_until_us is not None:
            due += [self._resign_until_us, self._resign_due_us]
        return min(due, default=None)
