"""What operators and the process itself ask of a voter. A refusal says why and what to do, and changes nothing."""

from __future__ import annotations

from typing import Literal

from pycluster.consensus.effects import CommandFailed, Proposed
from pycluster.consensus.log import NOBODY, Command, Voter
from pycluster.consensus.messages import ResignReply
from pycluster.consensus.plans import Attempt, Change, Refusal
from pycluster.consensus.roles import Roles
from pycluster.kernel.limits import UNWRITTEN_MAX_BYTES
from pycluster.kernel.units import MILLISECOND


class Commands:
    """Transfer, hand over, resign, add, remove, propose."""

    def __init__(self, roles: Roles) -> None:
        self._roles = roles
        self._s = roles.s

    def transfer(self, to: str) -> None:
        """Move leadership to ``to``, pinned; or to the best other voter."""
        s, roles = self._s, self._roles
        what = f"leadership was not transferred to {to}" if to else "leadership was not transferred"
        if not self._leads(what):
            return
        if s.draining:
            self._fail(what, f"{s.name} is about to stop and hands it over already", "look who leads in a moment")
            return
        if to == s.name:
            roles.transfer.pinned = True
            s.notify("transfer", f"{s.name} keeps leadership: an operator pinned it", node=to, term=s.term)
            return
        target = next((seat for seat in s.others if seat.name == to), None) if to else roles.transfer.best()
        if target is None:
            why = f"{to} has no seat among the voters {self._names()}" if to else "no other voter answers"
            self._fail(what, why, "name a voter that is up")
        elif not roles.replication.answers(target):
            self._fail(what, f"{target.name} does not answer", "name a voter that is up")
        else:
            self._attempt(Attempt(target, "hand", s.now_us + s.params.transfer_timeout_ms * MILLISECOND))

    def hand_over(self) -> None:
        """The process is about to stop."""
        s, roles = self._s, self._roles
        s.draining = True
        roles.departure.handing_over = True
        if s.role != "leader":
            if s.role != "follower":
                roles.become_follower(s.term, NOBODY, f"{s.name} is about to stop")
            roles.departure.handed_over("this node did not lead", led=False)
            return
        target = roles.transfer.best()
        if target is None:
            detail = "no other voter answers, so nobody takes over"
            roles.become_follower(s.term, NOBODY, f"{s.name} is about to stop and {detail}")
            roles.departure.handed_over(detail)
            return
        self._attempt(Attempt(target, "hand-over", s.now_us + s.params.transfer_timeout_ms * MILLISECOND))

    def add(self, seat: Voter, instead_of: str, dry: bool) -> None:
        """Let a node learn the log and then vote, in the place of another one where one is named."""
        what = f"{seat.name} gets no seat"
        if not self._may_change(what):
            return
        if instead_of and all(voter.name != instead_of for voter in self._s.voters):
            self._fail(what, f"{instead_of} has none to give; voters are {self._names()}", "name one of them")
            return
        self._change(self._roles.reconfigure.add(seat, instead_of), what, dry)

    def remove(self, name: str, dry: bool) -> None:
        """Take a seat away, or the prospect of one."""
        s, reconfigure = self._s, self._roles.reconfigure
        what = f"{name} keeps its seat"
        if not self._may_change(what):
            return
        voters = [seat for seat in s.voters if seat.name == name]
        learners = [seat for seat in s.electorate.learners if seat.name == name]
        if len(voters) > 1:
            self._change("busy", what, dry)  # its new disk votes, and the lost one's seat goes next
        elif voters:
            self._change(reconfigure.remove(voters[0]), what, dry)
        elif learners:
            self._change(reconfigure.dismiss(learners[0]), what, dry)
        else:
            self._fail("no seat was taken away", f"{name} has none; voters are {self._names()}", "name one of them")

    def _may_change(self, what: str) -> bool:
        """Whether this voter leads and may act; says why not."""
        if not self._leads(what):
            return False
        if not self._roles.lease.acting:
            self._fail(what, f"{self._s.name} is elected and may not act yet", "try again in a moment")
            return False
        return True

    def _change(self, wanted: Change | Refusal | Literal["busy"], what: str, dry: bool) -> None:
        match wanted:
            case "busy":
                self._fail(what, "another change of the voters is under way", "try again in a moment")
            case Change() as change:
                if not dry:
                    self._roles.change(change)
            case refusal:
                self._fail(refusal.what, refusal.why, refusal.remedy)

    def _names(self) -> str:
        return ", ".join(seat.name for seat in self._s.voters)

    def propose(self, commands: tuple[bytes, ...]) -> None:
        """Append them all, or none."""
        s = self._s
        what = "nothing was written"
        if not self._leads(what):
            return
        journal, largest = s.journal, max(map(len, commands))
        waiting, unwritten = journal.last_index - s.commit_index, journal.last_index - journal.durable_index
        if self._roles.transfer.attempt is not None or not s.seated:
            self._fail(what, "leadership is being handed over", "try again in a moment")
        elif waiting >= s.params.proposals_max:
            self._fail(what, f"{waiting} entries wait for a majority to take them", "try again in a moment")
        elif unwritten >= s.params.proposals_max or journal.unwritten_bytes >= UNWRITTEN_MAX_BYTES:
            self._fail(what, f"{unwritten} entries wait for the disk of {s.name}", "try again in a moment")
        elif largest > s.params.append_bytes_max:
            self._fail(
                what, f"the command has {largest} bytes, {s.params.append_bytes_max} are allowed", "make it smaller"
            )
        else:
            last = self._roles.replication.append(*map(Command, commands))
            s.effects.append(Proposed(last.index - len(commands) + 1, last.term))

    # Giving the seat up.

    def resign_step(self) -> None:
        """One attempt, when it is due: here where this node leads, through the leader otherwise."""
        s, departure = self._s, self._roles.departure
        if not departure.resign_due:
            return
        departure.resign_tried()
        if s.voters == (s.me,) or departure.seat_gone:
            if s.role != "follower":
                self._roles.become_follower(s.term, NOBODY, f"{s.name} gave its seat up")
            departure.resigned()
        elif s.role != "leader":
            departure.ask_leader()
        elif self._roles.lease.acting:
            match self._roles.reconfigure.remove(s.me):
                case "busy":
                    pass
                case Change() as change:
                    departure.granted()
                    self._roles.change(change)
                case refusal:
                    departure.resign_refused(refusal.what, refusal.why, refusal.remedy)

    def on_resign_request(self, sender: Voter) -> None:
        """Another voter gives its seat up, or a learner its prospect; answered when committed, or refused at once."""
        s, roles = self._s, self._roles
        if s.role != "leader" or not roles.lease.acting:
            return
        if sender not in s.electorate.seats:
            if not roles.reconfigure.pending:
                s.bulk(sender, ResignReply(*s.header(sender), True))
            return
        votes = sender in s.voters
        match roles.reconfigure.remove(sender) if votes else roles.reconfigure.dismiss(sender):
            case "busy":
                pass
            case Change() as change:
                roles.reconfigure.leaving[sender.uuid] = sender
                roles.change(change)
            case refusal:
                s.bulk(sender, ResignReply(*s.header(sender), False, refusal.what, refusal.why, refusal.remedy))

    def _attempt(self, attempt: Attempt) -> None:
        """Begin a transfer; ``settle`` completes it in this very ``handle`` where the target has the whole log."""
        self._roles.transfer.attempt = attempt

    def _leads(self, what: str) -> bool:
        s = self._s
        if s.role == "leader":
            return True
        if s.leader == NOBODY:
            self._fail(what, f"there is no leader: {s.reason}", "wait for a leader")
        else:
            self._fail(what, f"{s.name} does not lead, {s.leader.name} does", f"ask {s.leader.name}")
        return False

    def _fail(self, what: str, why: str, remedy: str) -> None:
        self._s.effects.append(CommandFailed(what, why, remedy))
