"""Changes of the voter set, one at a time, each committed before the next (Raft §4.1, §4.2.1).

Invariants: only an acting leader changes it, after its term's first entry is committed; one seat is added, claimed or
removed per entry; a new disk comes in as learner, catches up, becomes voter, and only then does the lost one's seat
go.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from pycluster.consensus.electorate import majority
from pycluster.consensus.log import Configuration, Voter
from pycluster.consensus.replication import Replication
from pycluster.consensus.state import State
from pycluster.kernel.units import MILLISECOND, SECOND


class Refusal(msgspec.Struct, frozen=True):
    """Why a seat cannot be given up."""

    what: str
    why: str
    remedy: str


class Change(msgspec.Struct, frozen=True):
    """The next configuration and what to tell the operator about it."""

    configuration: Configuration
    kind: str
    text: str
    peer: str


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

    @property
    def pending(self) -> bool:
        """Whether the newest configuration is not committed yet, or nothing of this term is (Raft §4.1, errata)."""
        s = self._s
        return s.journal.configuration_index > s.commit_index or s.journal.term_at(s.commit_index) != s.term

    def plan(self) -> Change | None:
        """The one change to make now; a pure reading of what stands in the log and who was heard."""
        s = self._s
        configuration = s.configuration
        if configuration is None or not (self._sightings or s.electorate.changing) or self.pending:
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
        up = [other for other in left if other == s.me or self._replication.answers(other)]
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
        change = msgspec.structs.replace(configuration, voters=left)
        return Change(change, "voter-removed", f"{seat.name} gives up its seat; voters are {_names(left)}", seat.name)

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
        """A name with two seats: the lost disk's goes. A learner whose name has no seat any more goes as well."""
        names = [seat.name for seat in configuration.voters]
        for seat in configuration.voters:
            if names.count(seat.name) < 2 or not self._lost(seat):
                continue
            voters = tuple(other for other in configuration.voters if other != seat)
            change = msgspec.structs.replace(configuration, voters=voters)
            return Change(
                change, "voter-replaced", f"{seat.name} votes with its new disk; the lost one's seat is gone", seat.name
            )
        for learner in configuration.learners:
            uuid = self._sighted_uuid(learner.name)
            holder = next((seat for seat in configuration.voters if seat.name == learner.name), None)
            if holder is not None and not self._replication.answers(holder) and uuid in ("", learner.uuid):
                continue
            learners = tuple(other for other in configuration.learners if other != learner)
            change = msgspec.structs.replace(configuration, learners=learners)
            return Change(change, "learner-dropped", f"{learner.name} no longer waits for a seat", learner.name)
        return None

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
            uuid = self._sighted_uuid(seat.name)
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


def _names(seats: tuple[Voter, ...]) -> str:
    return ", ".join(seat.name for seat in seats)
