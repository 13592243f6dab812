"""Ways out that cross a change of the voters: nobody hears that a seat is gone, or kept, where that is not certain."""

from __future__ import annotations

import pytest

from pycluster.consensus import (
    AddVoter,
    CommandFailed,
    Configuration,
    Effect,
    Entry,
    HandedOver,
    HandOver,
    NoOp,
    PeerHealth,
    Propose,
    RemoveVoter,
    ReplaceVoter,
    Resign,
    Resigned,
    Send,
    Transfer,
)
from pycluster.consensus.messages import AppendEntries, AppendReply, Heartbeat, ResignReply, ResignRequest
from tests.paper.raft_cluster import MS, SECOND, Cluster
from tests.paper.raft_hand import CLUSTER, Hand, seats

NEW = "node004"


def said(cluster: Cluster, name: str, kind: type[Effect]) -> list[Effect]:
    return [effect for effect in cluster.processes[name].effects if isinstance(effect, kind)]


def learners(cluster: Cluster) -> list[str]:
    return [peer.name for peer in cluster.raft("node001").view(cluster.now_us).voters if peer.learner]


def learning(cluster: Cluster, instead_of: str) -> None:
    """``node004``, listed nowhere, is to vote; what it is sent for that is lost from the first entry on."""
    cluster.lists = dict.fromkeys(cluster.names, ("node001", "node002", "node003"))
    cluster.start(*cluster.names[:3])
    cluster.elect()
    cluster.start(NEW)
    cluster.run(SECOND)
    cluster.drop = lambda sender, to, message: to == NEW and not isinstance(message, Heartbeat | ResignReply)
    uuid = cluster.processes[NEW].uuid
    cluster.feed("node001", ReplaceVoter(instead_of, NEW, uuid) if instead_of else AddVoter(NEW, uuid))
    cluster.run(SECOND)
    assert learners(cluster) == [NEW]


@pytest.mark.parametrize("instead_of", ["", "node003"])
def test_a_learner_that_leaves_is_waited_for_no_longer(instead_of: str) -> None:
    """It may not have read yet that it is one: its leader knows. In whose place it came keeps the seat."""
    cluster = Cluster(4)
    learning(cluster, instead_of)
    cluster.feed(NEW, Resign())
    cluster.run(2 * SECOND)
    assert len(said(cluster, NEW, Resigned)) == 1
    assert learners(cluster) == [] and len(cluster.raft("node001").voters) == 3
    cluster.drop = lambda sender, to, message: False
    cluster.crash(NEW)
    cluster.start(NEW)
    cluster.run(5 * SECOND)
    assert len(cluster.raft("node001").voters) == 3, "started again it follows, until somebody adds it"


def test_a_learner_that_leaves_as_it_is_given_its_vote_takes_the_vote_along() -> None:
    cluster = Cluster(["node001", NEW])
    cluster.lists = dict.fromkeys(cluster.names, ("node001",))
    cluster.start("node001")
    cluster.elect()
    cluster.start(NEW)
    cluster.run(SECOND)
    cluster.feed("node001", AddVoter(NEW, cluster.processes[NEW].uuid))
    assert cluster.run(5 * SECOND, lambda: len(cluster.raft("node001").voters) == 2)
    assert len(cluster.raft(NEW).voters) < 2, "the word is on its way"
    cluster.feed(NEW, Resign())
    assert cluster.run(5 * SECOND, lambda: bool(said(cluster, NEW, Resigned)))
    cluster.crash(NEW)
    cluster.run(5 * SECOND)
    assert cluster.acting() == "node001" and len(cluster.raft("node001").voters) == 1


def test_a_seat_that_was_asked_to_be_given_up_may_be_gone_though_nobody_says_so() -> None:
    hand = Hand(voters=4)
    hand.heartbeat(1)
    hand.feed(Resign())
    assert [effect.to for effect in hand.did(Send) if isinstance(effect.message, ResignRequest)] == ["node001"]
    ended_us = hand.now_us + 10_000 * MS
    while not (failed := hand.did(CommandFailed)):
        assert hand.now_us < ended_us
        hand.due()
    assert failed[0].in_doubt and failed[0].what == "whether node002 keeps its seat is not known"


def test_a_learner_whose_seat_was_given_up_knows_it_by_the_log_too() -> None:
    hand = Hand(voters=4)
    learners = tuple(seat for seat in seats(4) if seat.name == "node002")
    voters = tuple(seat for seat in seats(4) if seat.name != "node002")
    prospect = Configuration(CLUSTER, voters, learners)
    hand.tell(1, AppendEntries(*hand.header(1), 2, 1, (Entry(3, 1, prospect),)))
    hand.write()
    hand.feed(Resign())
    assert hand.did(Resigned) == []
    gone = Configuration(CLUSTER, voters)
    hand.tell(1, AppendEntries(*hand.header(1), 3, 1, (Entry(4, 1, gone),)))
    hand.write()
    hand.later(400)
    assert hand.did(Resigned) == []
    hand.heartbeat(1, commit_index=4)
    hand.later(400)
    assert len(hand.did(Resigned)) == 1


def test_who_is_led_by_nobody_and_has_no_seat_leaves_at_once() -> None:
    hand = Hand(voters=4)
    voters = tuple(seat for seat in seats(4) if seat.name != "node002")
    hand.tell(
        1, AppendEntries(*hand.header(1), 2, 1, (Entry(3, 1, Configuration(CLUSTER, voters)), Entry(4, 1, NoOp())))
    )
    hand.write()
    hand.heartbeat(1, commit_index=4)
    hand.later(1_100)
    hand.feed(Resign())
    assert len(hand.did(Resigned)) == 1


@pytest.mark.parametrize("to", ["node001", "node002", ""])
def test_an_operator_cannot_stop_a_hand_over_that_is_under_way(to: str) -> None:
    hand = Hand()
    hand.act()
    hand.acknowledge(1)
    hand.feed(Propose(b"x"))
    hand.feed(HandOver())
    hand.feed(Transfer(to))
    (refused,) = hand.did(CommandFailed)
    assert refused.why == "node002 is about to stop and hands it over already"
    hand.later(1_500)
    assert len(hand.did(HandedOver)) == 1 and hand.raft.leader != "node002"


def lost(cluster: Cluster, name: str) -> str:
    """That voter comes back with an empty disk, as a learner, and gets no entries; gives its new UUID."""
    cluster.crash(name, lose_disk=True)
    cluster.run(12 * SECOND)
    uuid = cluster.processes[name].uuid
    drop = cluster.drop
    cluster.drop = lambda sender, to, message: (
        (to == name and isinstance(message, AppendEntries)) or drop(sender, to, message)
    )
    cluster.start(name)
    for other in ("node001", "node002"):
        cluster.feed(other, PeerHealth(name, uuid, True))
    cluster.run(3 * SECOND)
    assert name in learners(cluster)
    return uuid


def left(cluster: Cluster, name: str) -> None:
    cluster.feed(name, Resign())
    cluster.run(SECOND)
    assert len(said(cluster, name, Resigned)) == 1
    cluster.crash(name)
    cluster.run(10 * SECOND)


def test_a_new_disk_that_leaves_is_not_learned_anew_for_having_asked_before() -> None:
    cluster = Cluster(3)
    cluster.start()
    cluster.elect()
    cluster.run(SECOND)
    lost(cluster, "node003")
    left(cluster, "node003")
    assert learners(cluster) == [] and cluster.notified("learner-dropped") == ["node003 no longer waits for a seat"]


def test_a_new_disk_that_leaves_stops_no_move_of_the_seat_that_it_had() -> None:
    cluster = Cluster(4)
    learning(cluster, "node003")
    lost(cluster, "node003")
    cluster.feed("node003", Resign())
    cluster.run(SECOND)
    cluster.crash("node003")
    assert learners(cluster) == [NEW]
    cluster.drop = lambda sender, to, message: False
    cluster.run(10 * SECOND)
    assert [seat.name for seat in cluster.raft("node001").voters] == ["node001", "node002", NEW]


def test_a_learner_that_was_let_go_while_it_was_away_may_leave_in_time() -> None:
    """Its log says that it is one, and nobody leads it any more."""
    cluster = Cluster(4)
    learning(cluster, "")
    cluster.drop = lambda sender, to, message: sender == NEW and isinstance(message, AppendReply) and message.success
    cluster.run(3 * SECOND)
    assert NEW in [seat.name for seat in cluster.raft(NEW).seats] and learners(cluster) == [NEW]
    cluster.crash(NEW)
    cluster.feed("node001", RemoveVoter(NEW))
    cluster.run(SECOND)
    assert learners(cluster) == []
    cluster.drop = lambda sender, to, message: False
    cluster.start(NEW)
    cluster.run(2 * SECOND)
    cluster.feed(NEW, Resign())
    assert cluster.run(11 * SECOND, lambda: bool(said(cluster, NEW, Resigned)))


def test_who_is_led_and_has_no_entry_yet_is_in_doubt_where_its_leader_vanishes_once_asked() -> None:
    cluster = Cluster(4)
    learning(cluster, "")
    cluster.feed(NEW, Resign())
    cluster.isolate(NEW)
    cluster.run(9 * SECOND)
    assert said(cluster, NEW, Resigned) == []
    cluster.run(2 * SECOND)
    (failed,) = said(cluster, NEW, CommandFailed)
    assert isinstance(failed, CommandFailed) and failed.in_doubt


def test_a_refusal_is_certain_for_one_request_and_no_more() -> None:
    """Another copy of it may come to the leader once it would grant it."""
    for copies, doubt in ((1, False), (2, True)):
        hand = Hand(voters=4)
        hand.heartbeat(1)
        hand.feed(Resign())
        hand.later(400 * (copies - 1))
        hand.tell(1, ResignReply(*hand.header(1), False, "node002 keeps its seat", "because", "wait"))
        (failed,) = hand.did(CommandFailed)
        assert (failed.in_doubt, failed.why) == (doubt, "because")
