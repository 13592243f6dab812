"""An operator hands leadership over and takes seats away: whole clusters in virtual time."""

from __future__ import annotations

from pycluster.kernel.units import SECOND
from pycluster.node import effects, events
from pycluster.simulator.checkers import Checker
from pycluster.simulator.cluster import Cluster, formed
from pycluster.simulator.host import Host
from tests.simulation.scenario import unblamed

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


def test_whoever_does_not_lead_has_the_leader_asked_with_a_seat_or_without_one() -> None:
    cluster, answers = led()
    for number, whom in ((1, "node002"), (2, "node004")):
        cluster.world.tell(cluster.world.hosts[whom], events.RemoveSeat(number, "node003", dry_run=True))
        cluster.world.tell(cluster.world.hosts[whom], events.RemoveSeat(number + 2, "node009"))
        assert number not in answers.done, "somebody else knows"
    assert cluster.world.run_until(lambda: len(answers.done) == 4, 5 * SECOND)
    assert [(answers.done[number].ok, answers.done[number].what) for number in range(1, 5)] == [
        (True, "nothing was changed; node003 would give its seat up"),
        (True, "nothing was changed; node003 would give its seat up"),
        (False, "no seat was taken away"),
        (False, "no seat was taken away"),
    ]
    assert answers.done[3] == effects.CommandDone(
        3,
        False,
        "no seat was taken away",
        "node009 has none; voters are node001, node002, node003",
        "name one of them",
    )
    cluster.world.tell(cluster.world.hosts["node004"], events.TransferLeadership(5, "node003"))
    assert cluster.world.run_until(lambda: 5 in answers.done and cluster.leader() == "node003", 10 * SECOND)
    assert answers.done[5].ok
    cluster.world.tell(cluster.world.hosts["node002"], events.AddSeat(6, "node004"))
    assert cluster.world.run_until(lambda: 6 in answers.done, 40 * SECOND)
    assert answers.done[6].ok
    cluster.world.run(SECOND)
    assert len(cluster.logs.seats("demo")) == 4


def test_a_leader_that_does_not_answer_is_named_and_so_is_what_is_not_known() -> None:
    cluster, answers = led()
    unblamed(cluster)
    leader, observer = cluster.world.hosts["node001"], cluster.world.hosts["node004"]
    cluster.world.freeze(leader)
    cluster.world.tell(observer, events.RemoveSeat(1, "node003"))
    assert 1 not in answers.done
    assert cluster.world.run_until(lambda: 1 in answers.done, 20 * SECOND)
    assert answers.done[1].why == "node001 leads and was asked, and did not answer; it may have been done"
    assert answers.done[1].in_doubt
    cluster.world.thaw(leader)
    cluster.world.run(20 * SECOND)
    assert [*answers.done] == [1], "what it says late is passed over"


def test_who_leads_by_an_older_version_is_not_asked_what_it_does_not_understand() -> None:
    cluster, answers = led()
    unblamed(cluster)
    older = cluster.world.hosts["node001"]
    cluster.world.kill(older)
    older.older = True
    cluster.world.start(older)
    assert cluster.world.run_until(lambda: cluster.leader() == "node001" and cluster.converged(), 60 * SECOND)
    cluster.world.tell(cluster.world.hosts["node002"], events.RemoveSeat(1, "node003"))
    cluster.world.tell(cluster.world.hosts["node004"], events.RemoveSeat(2, "node003"))
    assert [(answers.done[number].ok, answers.done[number].why) for number in (1, 2)] == [
        (False, "node002 does not lead, node001 does"),
        (False, "this node has no seat"),
    ]


def test_one_command_too_many_is_refused_and_each_is_answered() -> None:
    cluster, answers = led()
    unblamed(cluster)
    cluster.world.freeze(cluster.world.hosts["node001"])
    for number in range(1, 101):
        cluster.world.tell(cluster.world.hosts["node004"], events.TransferLeadership(number, "node002"))
    assert {answers.done[number].why for number in range(65, 101)} == {"64 commands are under way here"}
    assert [*answers.done] == [*range(65, 101)]
    assert cluster.world.run_until(lambda: len(answers.done) == 100, 30 * SECOND)
    assert not any(done.ok for done in answers.done.values())


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
    assert answers.done[1].ok
    cluster.world.run(SECOND)  # the checker reads what is committed once a second, or as it is told
    assert len(cluster.logs.seats("demo")) == 2
    cluster.world.kill(cluster.world.hosts["node002"])
    cluster.world.run(300_000)
    cluster.world.tell(cluster.world.hosts["node001"], events.RemoveSeat(2, "node001"))
    assert cluster.world.run_until(lambda: 2 in answers.done, 10 * SECOND)
    assert not answers.done[2].ok and len(cluster.logs.seats("demo")) == 2
