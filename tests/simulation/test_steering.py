"""An operator hands leadership over and takes seats away: whole clusters in virtual time."""

from __future__ import annotations

from pycluster.kernel.units import SECOND
from pycluster.node import effects, events
from pycluster.simulator.checkers import Checker
from pycluster.simulator.cluster import Cluster, formed
from pycluster.simulator.host import Host

NAMES = ("node001", "node002", "node003", "node004")
VOTERS = NAMES[:3]


class Answers(Checker):
    """What commands came to."""

    def __init__(self) -> None:
        self.done: dict[int, effects.CommandDone] = {}

    def handled(self, host: Host, event: events.Event, effects_: list[effects.Effect], now_us: int) -> None:
        for effect in effects_:
            if isinstance(effect, effects.CommandDone):
                assert effect.command not in self.done, "answered twice"
                self.done[effect.command] = effect


def led() -> tuple[Cluster, Answers]:
    cluster = formed(NAMES, listed=VOTERS)
    answers = Answers()
    cluster.world.watch(answers)
    assert cluster.world.run_until(lambda: cluster.leader() == "node001" and cluster.converged(), 30 * SECOND)
    return cluster, answers


def test_leadership_moves_where_the_operator_wants_it_and_stays() -> None:
    cluster, answers = led()
    cluster.world.tell(cluster.world.hosts["node001"], events.TransferLeadership(1, "node003"))
    assert 1 not in answers.done, "not before the next leader is followed"
    assert cluster.world.run_until(lambda: 1 in answers.done, 5 * SECOND)
    assert answers.done[1].ok
    cluster.world.run(60 * SECOND)
    assert cluster.leader() == "node003", "pinned"


def test_any_other_voter_where_none_is_named() -> None:
    cluster, answers = led()
    cluster.world.tell(cluster.world.hosts["node001"], events.TransferLeadership(1))
    assert cluster.world.run_until(lambda: 1 in answers.done, 5 * SECOND)
    assert answers.done[1].ok


def test_whoever_does_not_lead_says_who_does() -> None:
    cluster, answers = led()
    cluster.world.tell(cluster.world.hosts["node002"], events.TransferLeadership(1, "node003"))
    cluster.world.tell(cluster.world.hosts["node002"], events.RemoveSeat(2, "node003"))
    cluster.world.tell(cluster.world.hosts["node004"], events.RemoveSeat(3, "node003"))
    assert [(answers.done[number].ok, answers.done[number].why) for number in (1, 2, 3)] == [
        (False, "node002 does not lead, node001 does"),
        (False, "node002 does not lead, node001 does"),
        (False, "this node has no seat"),
    ]


def test_a_target_that_is_down_is_refused_and_one_that_dies_on_the_way_is_told() -> None:
    cluster, answers = led()
    cluster.world.kill(cluster.world.hosts["node003"])
    cluster.world.run(3 * SECOND)
    cluster.world.tell(cluster.world.hosts["node001"], events.TransferLeadership(1, "node003"))
    assert (answers.done[1].ok, answers.done[1].why) == (False, "node003 does not answer")
    cluster.world.tell(cluster.world.hosts["node001"], events.TransferLeadership(2, "node002"))
    cluster.world.kill(cluster.world.hosts["node002"])
    assert cluster.world.run_until(lambda: 2 in answers.done, 10 * SECOND)
    assert not answers.done[2].ok


def test_a_seat_goes_when_that_is_committed_and_not_where_the_quorum_would_be_lost() -> None:
    cluster, answers = led()
    cluster.world.tell(cluster.world.hosts["node001"], events.RemoveSeat(1, "node003"))
    assert 1 not in answers.done
    assert cluster.world.run_until(lambda: 1 in answers.done, 5 * SECOND)
    assert answers.done[1].ok and len(cluster.logs.seats("demo")) == 2
    cluster.world.kill(cluster.world.hosts["node002"])
    cluster.world.run(300_000)
    cluster.world.tell(cluster.world.hosts["node001"], events.RemoveSeat(2, "node001"))
    assert cluster.world.run_until(lambda: 2 in answers.done, 10 * SECOND)
    assert not answers.done[2].ok and len(cluster.logs.seats("demo")) == 2
