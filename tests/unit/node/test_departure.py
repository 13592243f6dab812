"""Leaving and stopping: each request is answered once, and what was not done is not called done."""

from __future__ import annotations

import pytest

from pycluster.consensus import CommandFailed
from pycluster.node import events
from pycluster.node.departure import Departure
from pycluster.node.effects import CommandDone, Drained
from tests.unit.node.village import FIVE, Village

NO = CommandFailed("node001 keeps its seat", "because", "wait")


def outcome(village: Village) -> list[tuple[str, int, bool, str]]:
    return [(name, done.command, done.ok, done.what) for name, done in village.heard.done]


def test_a_leave_that_was_granted_ends_with_its_answer_and_the_process() -> None:
    departure = Departure()
    assert departure.leave(7) is None and departure.under_way
    departure.seat_gone()
    assert departure.finished() == [CommandDone(7, ok=True), Drained()]
    assert departure.finished() == [], "once"


def test_a_second_leave_is_refused_and_changes_nothing() -> None:
    departure = Departure()
    departure.leave(7)
    refused = departure.leave(8)
    assert refused is not None and (refused.command, refused.ok) == (8, False)
    assert departure.refused(NO) == CommandDone(7, False, "node001 keeps its seat", "because", "wait")


def test_after_a_refusal_the_node_stays_and_may_ask_again() -> None:
    departure = Departure()
    departure.leave(7)
    departure.refused(NO)
    assert not departure.under_way and departure.leave(8) is None


def test_to_stop_overrides_a_leave_and_is_not_undone_by_its_refusal() -> None:
    departure = Departure()
    departure.leave(7)
    departure.stop()
    assert departure.refused(NO) is not None and departure.under_way
    assert departure.finished() == [Drained()]


def test_a_leave_that_a_stop_overtook_is_not_called_done() -> None:
    departure = Departure()
    departure.leave(7)
    departure.stop()
    done, drained = departure.finished()
    assert isinstance(done, CommandDone) and (done.command, done.ok) == (7, False)
    assert done.what == "whether this node keeps its seat is not known" and done.why and done.remedy and done.in_doubt
    assert drained == Drained()


def test_a_stop_alone_answers_nobody() -> None:
    departure = Departure()
    departure.stop()
    assert departure.finished() == [Drained()]


@pytest.fixture
def village() -> Village:
    village = Village()
    village.run(10)
    return village


def test_a_voter_that_leaves_has_given_up_its_seat_when_it_is_told_so(village: Village) -> None:
    village.world.hosts["node004"].gone = True
    village.tell("node004", events.Leave(1))
    village.run(5)
    assert outcome(village) == [("node004", 1, True, "")]
    assert village.world.hosts["node004"].process is None
    assert [voter.name for voter in village.status("node001").quorum.voters] == [*FIVE[:3], "node005"]


def test_a_leave_that_would_lose_the_quorum_is_refused_and_the_node_goes_on() -> None:
    village = Village(FIVE[:3])
    village.run(10)
    village.kill("node003")
    village.run(5)
    village.tell("node002", events.Leave(1))
    village.run(5)
    assert outcome(village) == [("node002", 1, False, "node002 keeps its seat")]
    assert village.leader("node002").leader == "node001"


def test_a_stop_while_a_leave_waits_for_a_leader_ends_the_process_and_is_in_doubt(village: Village) -> None:
    village.kill("node001", "node002", "node003")
    village.run(3)
    village.tell("node004", events.Leave(1))
    village.run(2)
    village.tell("node004", events.Drain())
    village.run(3)
    assert village.world.hosts["node004"].process is None
    assert outcome(village) == [("node004", 1, False, "whether this node keeps its seat is not known")]


def test_who_does_not_vote_leaves_at_once() -> None:
    village = Village((*FIVE[:3], "watcher"), listed=FIVE[:3])
    village.run(10)
    village.world.hosts["watcher"].gone = True
    village.tell("watcher", events.Leave(1))
    village.run(2)
    assert outcome(village) == [("watcher", 1, True, "")]
    assert village.world.hosts["watcher"].process is None


@pytest.mark.parametrize("after_s", [0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 1, 2])
def test_whoever_leaves_on_the_way_to_its_seat_is_not_waited_for(after_s: float) -> None:
    """Wherever it is on that way: what the others count on when it is gone is themselves."""
    village = Village((*FIVE[:3], "watcher"), listed=FIVE[:3])
    village.run(10)
    village.tell("node001", events.AddSeat(1, "watcher"))
    village.run(after_s)
    village.world.hosts["watcher"].gone = True
    village.tell("watcher", events.Leave(2))
    village.run(5)
    assert outcome(village)[-1] == ("watcher", 2, True, "") and village.world.hosts["watcher"].process is None
    assert [voter.name for voter in village.status("node001").quorum.voters] == [*FIVE[:3]]
    village.kill("node003")
    village.run(5)
    assert village.leader("node001").acting, "two of three are enough"


def test_a_leader_that_leaves_is_never_called_leaderless_while_it_acts(village: Village) -> None:
    village.tell("node001", events.Leave(1))
    village.run(3)
    told = village.heard.texts("node001", "leader-lost", "leader-unknown")
    assert told and told[0].startswith("Stopped leading: node001"), told


def test_the_last_voter_says_that_it_stopped_leading() -> None:
    village = Village(("node001",))
    village.run(10)
    village.tell("node001", events.Leave(1))
    village.run(3)
    (text,) = village.heard.texts("node001", "leader-lost")
    assert text.startswith("Stopped leading: node001")


def test_who_gave_the_seat_up_and_is_started_again_sees_the_voters_as_members_do(village: Village) -> None:
    village.tell("node005", events.Leave(1))
    village.run(5)
    village.start("node005")
    village.run(20)
    quorum = village.status("node005").quorum
    assert (quorum.phase, quorum.reachable, quorum.needed) == ("observer", 4, 3)
    assert village.leader("node005").leader == "node001"
