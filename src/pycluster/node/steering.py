"""What an operator asks of the leader: to hand leadership over, to give a seat, to take one away, to move one.

Invariants: each is answered once: done when it is so (the next leader is followed, the configuration that was asked for
is committed), refused when the core says no, or when it took too long. Where another node leads it is passed on once,
and answered with what that one says.
"""

from __future__ import annotations

from collections.abc import Callable

from pycluster import consensus
from pycluster.consensus import CommandFailed, Raft
from pycluster.kernel.limits import SENTENCE_MAX_LENGTH
from pycluster.kernel.units import SECOND
from pycluster.membership import Swim
from pycluster.node import events
from pycluster.node.addresses import AddressBook
from pycluster.node.effects import CommandDone
from pycluster.node.outbox import Outbox
from pycluster.node.pending import Wanted
from pycluster.wire import PROTOCOL_OF_MOVES, SteeringReply, SteeringRequest

#: A target that lags behind has a second to catch up, then it is elected.
_PATIENCE_US = 5 * SECOND
#: Who is to vote is sent the whole state first.
_LEARNING_US = 30 * SECOND
#: What the leader's answer may take beyond that.
_ANSWER_US = 3 * SECOND
_LOOK = "look at pycluster raft peers"
#: Commands under way at one node, its own and those that others passed on.
_WANTED_MAX = 64
#: The command's number where nobody waits for an answer.
UNASKED = 0


class Steering:
    """Commands under way. One that is asked of a node that does not lead goes to the leader."""

    def __init__(
        self,
        raft: Raft,
        swim: Swim,
        addresses: AddressBook,
        outbox: Outbox,
        leader: Callable[[], str],
        drive: Callable[[consensus.Event], None],
    ) -> None:
        """``leader`` names it, as far as this node may believe."""
        self._raft = raft
        self._swim = swim
        self._addresses = addresses
        self._outbox = outbox
        self._leader = leader
        self._drive = drive
        self._wanted: list[Wanted] = []
        #: Passed on, by number: to whom, and until when an answer is waited for.
        self._sent: dict[int, tuple[SteeringRequest, str, int]] = {}

    def transfer(self, command: events.TransferLeadership, now_us: int) -> None:
        """Move leadership to a voter, which keeps it; or to the best other one."""
        self._ask(SteeringRequest(self._raft.name, command.command, "transfer", command.to), now_us)

    def remove(self, command: events.RemoveSeat, now_us: int) -> None:
        """Take a seat away."""
        asked = SteeringRequest(self._raft.name, command.command, "remove", command.name, dry=command.dry_run)
        self._ask(asked, now_us)

    def add(self, command: events.AddSeat | events.ReplaceSeat, now_us: int) -> None:
        """Give a member a seat, its own or another one's."""
        old = command.old if isinstance(command, events.ReplaceSeat) else ""
        asked = SteeringRequest(self._raft.name, command.command, "add", command.name, old, command.dry_run)
        self._ask(asked, now_us)

    def hear(self, body: SteeringRequest | SteeringReply, now_us: int) -> None:
        """What a peer has to say: a command that it passes on, or what became of one of ours."""
        if isinstance(body, SteeringReply):
            if self._sent.pop(body.number, None) is not None:
                self._outbox.append(CommandDone(body.number, body.ok, body.what, body.why, body.remedy, body.in_doubt))
            return
        address = self._addresses.of(body.sender)
        if address is not None:
            self._begin(Wanted(body, now_us + _patience_us(body), address))

    def _ask(self, asked: SteeringRequest, now_us: int) -> None:
        """Here, or where the leader is. What comes back from there is not passed on again."""
        leader = self._leader()
        member = self._swim.members.get(leader)
        elsewhere = leader != self._raft.name and member is not None and member.protocol >= PROTOCOL_OF_MOVES
        address = self._addresses.of(leader) if elsewhere and asked.number != UNASKED else None
        if address is None or self._full:
            self._begin(Wanted(asked, now_us + _patience_us(asked)))
            return
        self._sent[asked.number] = asked, leader, now_us + _patience_us(asked) + _ANSWER_US
        self._outbox.post(address, "client", asked)

    @property
    def _full(self) -> bool:
        return len(self._wanted) + len(self._sent) >= _WANTED_MAX

    def _begin(self, wanted: Wanted) -> None:
        asked = wanted.asked
        if (refused := self._unfit(asked)) is not None:
            self._answer(wanted, refused)
            return
        self._wanted.append(wanted)
        self._drive(_event(asked, self._uuid(asked.name)))
        if asked.dry and wanted in self._wanted:
            self._wanted.remove(wanted)
            self._done(wanted, f"nothing was changed; {_purpose(asked)}")

    def _unfit(self, asked: SteeringRequest) -> CommandFailed | None:
        """Why the core is not even asked."""
        what, name = _refusal(asked), asked.name
        if self._full:
            return CommandFailed(what, f"{_WANTED_MAX} commands are under way here", "try again in a moment")
        if self._raft.dormant:
            return CommandFailed(what, "this node has no seat", "ask the leader: pycluster leader names it")
        if asked.what != "add":
            return None
        member = self._swim.members.get(name)
        if member is None or member.state != "alive":
            why = f"no member is called {name}" if member is None else f"{name} is {member.state}"
            return CommandFailed(what, why, "pycluster members lists those that are alive; start its agent first")
        older = self._older(asked)
        if not asked.old or not older:
            return None
        why = f"of protocol {PROTOCOL_OF_MOVES}, which moves a seat to another name, these know nothing: {older}"
        remedy = f"upgrade them; or do it in two steps: pycluster raft add {name}, and then pycluster raft remove"
        return CommandFailed(what, why, f"{remedy} {asked.old}")

    def _older(self, asked: SteeringRequest) -> str:
        """Who could not read of a move. A voter that membership has forgotten reads nothing, and is waited for by none.

        One whose seat goes need not read it.
        """
        names = ({seat.name for seat in self._raft.seats} | {asked.name}) - {asked.old}
        members = [self._swim.members.get(name) for name in sorted(names)]
        return ", ".join(one.name for one in members if one is not None and one.protocol < PROTOCOL_OF_MOVES)

    def _uuid(self, name: str) -> str:
        member = self._swim.members.get(name)
        return "" if member is None else member.uuid

    def refused(self, why: CommandFailed) -> None:
        """The core would not do what it was just asked."""
        if self._wanted:
            self._answer(self._wanted.pop(), why)

    def settle(self, now_us: int) -> None:
        """After every event: what is done by now, or took too long."""
        if not self._wanted and not self._sent:
            return
        for wanted in [*self._wanted]:
            late = now_us >= wanted.ends_us
            if self._is_so(wanted.asked):
                self._wanted.remove(wanted)
                self._done(wanted)
            elif late:
                self._wanted.remove(wanted)
                why = f"it was begun, and is not done after {_patience_us(wanted.asked) // SECOND} s"
                self._tell(wanted, ok=False, refused=CommandFailed(_refusal(wanted.asked), why, _LOOK), in_doubt=True)
        for number, (asked, leader, ends_us) in [*self._sent.items()]:
            if now_us >= ends_us:
                del self._sent[number]
                why = f"{leader} leads and was asked, and did not answer; it may have been done"
                self._outbox.append(CommandDone(number, False, _refusal(asked), why, _LOOK, in_doubt=True))

    def next_deadline(self) -> int | None:
        """When ``settle`` is wanted at the latest."""
        if not self._wanted and not self._sent:
            return None
        ends = [wanted.ends_us for wanted in self._wanted] + [ends_us for _, _, ends_us in self._sent.values()]
        return min(ends)

    def _is_so(self, asked: SteeringRequest) -> bool:
        raft = self._raft
        if asked.what == "transfer":
            return raft.leader == asked.name if asked.name else raft.leader not in ("", raft.name)
        if not raft.settled:
            return False
        voters = {seat.name for seat in raft.voters}
        if asked.what == "remove":
            return asked.name not in {seat.name for seat in raft.seats}
        return asked.name in voters and asked.old not in voters

    def _done(self, wanted: Wanted, text: str = "") -> None:
        self._tell(wanted, ok=True, refused=CommandFailed(text, "", ""))

    def _answer(self, wanted: Wanted, refused: CommandFailed) -> None:
        self._tell(wanted, ok=False, refused=refused)

    def _tell(self, wanted: Wanted, *, ok: bool, refused: CommandFailed, in_doubt: bool = False) -> None:
        number, words = wanted.asked.number, (refused.what, refused.why, refused.remedy)
        if wanted.origin is not None:
            what, why, remedy = (text[:SENTENCE_MAX_LENGTH] for text in words)
            self._outbox.post(wanted.origin, "client", SteeringReply(number, ok, what, why, remedy, in_doubt))
        elif number != UNASKED:
            self._outbox.append(CommandDone(number, ok, *words, in_doubt=in_doubt))


def _patience_us(asked: SteeringRequest) -> int:
    return _LEARNING_US if asked.what == "add" else _PATIENCE_US


def _event(asked: SteeringRequest, uuid: str) -> consensus.Event:
    match asked.what:
        case "transfer":
            return consensus.Transfer(asked.name)
        case "remove":
            return consensus.RemoveVoter(asked.name, asked.dry)
        case "add" if asked.old:
            return consensus.ReplaceVoter(asked.old, asked.name, uuid, asked.dry)
        case "add":
            return consensus.AddVoter(asked.name, uuid, asked.dry)


def _refusal(asked: SteeringRequest) -> str:
    match asked.what:
        case "remove":
            return f"{asked.name} keeps its seat"
        case "add":
            return f"{asked.name} gets no seat"
        case "transfer":
            return f"leadership was not transferred to {asked.name}" if asked.name else "leadership was not transferred"


def _purpose(asked: SteeringRequest) -> str:
    if asked.what == "remove":
        return f"{asked.name} would give its seat up"
    then = f", and {asked.old} would give its seat up then" if asked.old else ""
    return f"{asked.name} would learn the log and vote{then}"
