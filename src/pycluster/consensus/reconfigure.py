"""Changes of the voter set, one at a time, each committed before the next (Raft §4.1, §4.2.1).

Invariants: only an acting leader changes it, after its term's first entry is committed; one seat is added, claimed or
removed per entry; whoever is to vote comes in as learner, catches up, becomes voter, and only then does the seat go in
whose place it came. Who waits for what stands in the log, so another leader goes on where one stopped.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from pycluster.consensus.electorate import majority
from pycluster.consensus.log import Configuration, Moving, Voter
from pycluster.consensus.plans import Change, Refusal
from pycluster.consensus.replication import Replication
from pycluster.consensus.state import State
from pycluster.kernel.limits import VOTERS_MAX
from pycluster.kernel.units import MILLISECOND, SECOND


class Reconfigure:
    """The leader's sightings of empty voters, and the next step that follows from them."""

    def __init__(self, state: State, replication: Replication) -> None:
        self._s = state
        self._replication = replication
        self._sightings: dict[str, tuple[str, int]] = {}
        self.leaving: dict[str, Voter] = {}

    def reset(self) -> None:
        """Leadership began or ended."""
        self._sightings.clear()
        self.leaving.clear()

    def sighted(self, seat: Voter) -> None:
        """A node without a seat asked around under this name."""
        if seat.name not in self._sightings and len(self._sightings) >= self._s.params.peers_max:
            return
        self._sightings[seat.name] = (seat.uuid, self._s.now_us)

    def gone(self, seat: Voter) -> None:
        """It left: whatever it was heard to ask for before, it wants no more."""
        del self.leaving[seat.uuid]
        if self._sighted_uuid(seat.name) == seat.uuid:
            del self._sightings[seat.name]
        if self._s.strangers.get(seat.name) == seat.uuid:
            del self._s.strangers[seat.name]

    @property
    def pending(self) -> bool:
        """Whether the newest configuration is not committed yet, or nothing of this term is (Raft §4.1, errata)."""
        s = self._s
        return s.journal.configuration_index > s.commit_index or s.journal.term_at(s.commit_index) != s.term

    @property
    def wanted(self) -> bool:
        """Whether there may be anything to ``plan``."""
        return bool(self._sightings or self._s.strangers) or self._s.electorate.changing

    def plan(self) -> Change | None:
        """The one change to make now; a pure reading of what stands in the log and who was heard."""
        s = self._s
        configuration = s.configuration
        if configuration is None or not self.wanted or self.pending:
            return None
        return (
            self._claim(configuration)
            or self._drop(configuration)
            or self._promote(configuration)
            or self._admit(configuration)
        )

    def remove(self, seat: Voter) -> Change | Refusal | Literal["busy"]:
        """The configuration without ``seat``, refused where the voters left could not commit anything."""
        s = self._s
        configuration = s.configuration
        if configuration is None or self.pending:
            return "busy"
        left = tuple(other for other in configuration.voters if other != seat)
        up = self._up(left)
        what = f"{seat.name} keeps its seat"
        if not left:
            return Refusal(what, "it is the last voter of this cluster", "stop the agent instead")
        if len(up) < majority(len(left)):
            silent = ", ".join(other.name for other in left if other not in up)
            return Refusal(
                what,
                f"without it {len(left)} voters would be left, of which {majority(len(left))} are needed and {len(up)}"
                f" can be reached; silent: {silent}",
                "bring the silent voters back first",
            )
        change = _without(configuration, seat.name, voters=left)
        return Change(change, "voter-removed", f"{seat.name} gives up its seat; voters are {_names(left)}", seat.name)

    def dismiss(self, learner: Voter) -> Change | Literal["busy"]:
        """The configuration without that learner: it no longer waits for a seat."""
        configuration = self._s.configuration
        if configuration is None or self.pending:
            return "busy"
        # A lost disk's has the name of a voter, which may itself be on its way out: that goes on.
        if configuration.moving is not None and configuration.moving.new == learner.name:
            configuration = msgspec.structs.replace(configuration, moving=None)
        return _dropped(configuration, learner)

    def add(self, seat: Voter, instead_of: str = "") -> Change | Refusal | Literal["busy"]:
        """The configuration with ``seat`` as learner, which is to vote; then ``instead_of``'s seat goes, if given."""
        s = self._s
        configuration, what = s.configuration, f"{seat.name} gets no seat"
        if configuration is None or self.pending:
            return "busy"
        if any(voter.name == seat.name for voter in configuration.voters):
            return Refusal("nothing was changed", f"{seat.name} is a voter already", "look at pycluster raft peers")
        if any(learner.name == seat.name for learner in configuration.learners):
            text = f"{seat.name} learns the log already"
            return Refusal("nothing was changed", text, "it votes once it has caught up")
        for holder in s.electorate.seats:
            if seat.uuid and seat.uuid == holder.uuid:
                text = f"it has the UUID of {holder.name}: one disk never votes twice"
                return Refusal(what, text, "give it a data directory of its own")
        if instead_of and configuration.moving is not None:
            text = f"{configuration.moving.new} is on its way into the seat of {configuration.moving.old}"
            return Refusal(what, text, "wait until it votes, or remove it")
        names = {voter.name for voter in s.electorate.seats} - {instead_of}
        if configuration.moving is not None:
            names.discard(configuration.moving.old)
        if len(names) >= VOTERS_MAX:
            text = f"at most {VOTERS_MAX} vote, and there are {', '.join(sorted(names))}"
            return Refusal(what, text, "remove one of them first, or replace it")
        moving = Moving(instead_of, seat.name) if instead_of else configuration.moving
        learners = tuple(sorted((*configuration.learners, seat)))
        change = msgspec.structs.replace(configuration, learners=learners, moving=moving)
        then = f"and takes the seat of {instead_of} then" if instead_of else "and votes then"
        return Change(change, "learner-added", f"{seat.name} learns the log, {then}", seat.name)

    def _up(self, seats: tuple[Voter, ...]) -> list[Voter]:
        return [seat for seat in seats if seat == self._s.me or self._replication.answers(seat)]

    def _claim(self, configuration: Configuration) -> Change | None:
        """An unclaimed seat's node showed up."""
        for seat in configuration.voters:
            uuid = self._sighted_uuid(seat.name)
            if seat.uuid or not uuid or self._known(configuration, uuid):
                continue
            voters = tuple(sorted(Voter(seat.name, uuid) if other == seat else other for other in configuration.voters))
            change = msgspec.structs.replace(configuration, voters=voters)
            return Change(change, "seat-claimed", f"{seat.name} took its seat among the voters", seat.name)
        return None

    def _drop(self, configuration: Configuration) -> Change | None:
        """A name with two seats: the lost disk's goes. So does the seat that moved, and who learned in vain."""
        names = [seat.name for seat in configuration.voters]
        for seat in configuration.voters:
            if names.count(seat.name) < 2 or not self._lost(seat):
                continue
            voters = tuple(other for other in configuration.voters if other != seat)
            change = msgspec.structs.replace(configuration, voters=voters)
            return Change(
                change, "voter-replaced", f"{seat.name} votes with its new disk; the lost one's seat is gone", seat.name
            )
        if (moved := self._moved(configuration)) is not None:
            return moved
        for learner in configuration.learners:
            uuid = self._sighted_uuid(learner.name) or self._s.strangers.get(learner.name, "")
            holder = next((seat for seat in configuration.voters if seat.name == learner.name), None)
            if holder is None and uuid not in ("", learner.uuid) and not self._replication.answers(learner):
                if self._known(configuration, uuid):
                    continue
                return self._anew(configuration, learner, Voter(learner.name, uuid))
            if holder is None or (not self._replication.answers(holder) and uuid in ("", learner.uuid)):
                continue
            return _dropped(configuration, learner)
        return None

    def _moved(self, configuration: Configuration) -> Change | None:
        """The seat in whose place another name votes by now goes, unless those who are left could commit nothing."""
        if configuration.moving is None:
            return None
        old, new = configuration.moving.old, configuration.moving.new
        left = tuple(seat for seat in configuration.voters if seat.name != old)
        moved = any(seat.name == new for seat in left)
        if not moved or len(configuration.voters) - len(left) != 1 or len(self._up(left)) < majority(len(left)):
            return None
        change = _without(configuration, old, voters=left)
        return Change(change, "voter-replaced", f"{new} votes in the place of {old}, whose seat is gone", old)

    def _anew(self, configuration: Configuration, learner: Voter, seat: Voter) -> Change:
        """A learner came back without its disk: it begins anew; nobody's vote depends on it."""
        learners = tuple(sorted((*(other for other in configuration.learners if other != learner), seat)))
        change = msgspec.structs.replace(configuration, learners=learners)
        return Change(
            change, "disk-lost", f"{seat.name} came back with an empty disk: it learns the log anew", seat.name
        )

    def _promote(self, configuration: Configuration) -> Change | None:
        """A learner that has caught up becomes a voter."""
        for learner in configuration.learners:
            if not self._replication.answers(learner) or not self._replication.follows(learner.uuid):
                continue
            change = msgspec.structs.replace(
                configuration,
                voters=tuple(sorted((*configuration.voters, learner))),
                learners=tuple(other for other in configuration.learners if other != learner),
            )
            return Change(change, "voter-added", f"{learner.name} has caught up and votes", learner.name)
        return None

    def _admit(self, configuration: Configuration) -> Change | None:
        """A seat's node came back without its disk: it begins as a learner."""
        for seat in configuration.voters:
            uuid = self._sighted_uuid(seat.name) or self._s.strangers.get(seat.name, "")
            if (
                not uuid
                or not seat.uuid
                or uuid == seat.uuid
                or self._known(configuration, uuid)
                or not self._lost(seat)
            ):
                continue
            learners = tuple(sorted((*configuration.learners, Voter(seat.name, uuid))))
            change = msgspec.structs.replace(configuration, learners=learners)
            return Change(
                change,
                "disk-lost",
                f"{seat.name} came back with an empty disk: it learns the log before it votes again",
                seat.name,
            )
        return None

    def _sighted_uuid(self, name: str) -> str:
        """The empty voter that asked under this name within five seconds."""
        uuid, at_us = self._sightings.get(name, ("", 0))
        return uuid if uuid and self._s.now_us - at_us < 5 * SECOND else ""

    def _lost(self, seat: Voter) -> bool:
        """Whether the seat's holder has been silent for the grace."""
        progress = self._replication.progress.get(seat.uuid)
        grace_us = self._s.params.replace_grace_ms * MILLISECOND
        return progress is not None and self._s.now_us - progress.answered_us >= grace_us

    def _known(self, configuration: Configuration, uuid: str) -> bool:
        return any(seat.uuid == uuid for seat in configuration.voters + configuration.learners)


def _without(configuration: Configuration, name: str, voters: tuple[Voter, ...]) -> Configuration:
    """With these voters, and with nothing left under way that has to do with ``name``."""
    learners = tuple(learner for learner in configuration.learners if learner.name != name)
    moving = configuration.moving
    over = moving is not None and name in (moving.old, moving.new)
    kept = None if over else moving
    return msgspec.structs.replace(configuration, voters=voters, learners=learners, moving=kept)


def _dropped(configuration: Configuration, learner: Voter) -> Change:
    learners = tuple(other for other in configuration.learners if other != learner)
    change = msgspec.structs.replace(configuration, learners=learners)
    return Change(change, "learner-dropped", f"{learner.name} no longer waits for a seat", learner.name)


def _names(seats: tuple[Voter, ...]) -> str:
    return ", ".join(seat.name for seat in seats)
