"""The composition's door: what comes where it does not belong, and the order in which effects leave."""

from __future__ import annotations

from random import Random

import pytest

from pycluster.consensus import LeaderQuery, Stored
from pycluster.consensus.messages import Reach
from pycluster.kernel.ids import Address, Identity, Seed
from pycluster.node import Node, NodeConfig, effects, events
from pycluster.wire import Body, Codec, Refusal, VoterMessage, Whois
from tests.unit.node.village import FIVE, Village

CODEC = Codec("demo")
PEER = Address("192.0.2.2", 7946)
SEEDS = tuple(Seed(f"node00{number}", f"192.0.2.{number}", 7946) for number in (1, 2, 3))


def node(name: str = "node001") -> Node:
    config = NodeConfig("demo", name, Address("192.0.2.1", 7946), SEEDS)
    made = Node(config, Identity(name, "u1", 4), Stored(), Random(1))
    made.handle(events.Start(), 0)
    return made


def counters(of: Node) -> dict[str, int]:
    return {name: count for name, count in of.status(1).counters.items() if "malformed" in name and count}


@pytest.mark.parametrize("body", [LeaderQuery(), Whois(), VoterMessage("node002", Reach("", "u", "", 0, 1))])
def test_what_is_no_gossip_makes_no_sense_in_a_datagram(body: Body) -> None:
    one = node()
    assert one.handle(events.Datagram(PEER, CODEC.encode(body)), 1) == []
    assert counters(one) == {"datagrams_malformed": 1}


def test_who_does_not_vote_has_nothing_to_say_to_a_voter() -> None:
    watcher = node("watcher")
    frame = CODEC.encode(VoterMessage("node002", Reach("", "u", "", 0, 1)))
    assert watcher.handle(events.PostReceived(PEER, frame), 1) == []


@pytest.mark.parametrize("data", [b"", b"nonsense", CODEC.encode(Whois()), CODEC.encode(Refusal("x", 1, 1))])
def test_a_call_that_makes_no_sense_is_hung_up_on(data: bytes) -> None:
    assert effects.Hangup(9) in node().handle(events.CallReceived(9, PEER, data), 1)


def test_a_strangers_call_is_answered_with_the_reason_and_then_hung_up_on() -> None:
    one, frame = node(), Codec("other").encode(LeaderQuery())
    answers = [
        effect for effect in one.handle(events.CallReceived(1, PEER, frame), 1) if isinstance(effect, effects.Answer)
    ]
    assert [CODEC.decode(answer.data, datagram=False) for answer in answers] == [
        Refusal("wrong-cluster", 1, 2, "the frame belongs to a cluster of another name")
    ]
    assert one.handle(events.CallReceived(2, PEER, frame), 2) == [effects.Hangup(2)]


def test_whoever_asks_a_voter_for_the_leader_gets_an_answer_and_from_others_none() -> None:
    for name, votes in (("node001", True), ("watcher", False)):
        (answer,) = node(name).handle(events.CallReceived(1, PEER, CODEC.encode(LeaderQuery())), 1)
        assert isinstance(answer, effects.Answer)
        body = CODEC.decode(answer.data, datagram=False)
        assert isinstance(body, Whois) and (body.answer is not None) == votes


def test_answers_to_calls_that_nobody_made_are_nothing() -> None:
    one = node()
    assert one.handle(events.CallReplied(99, CODEC.encode(Whois())), 1) == []
    assert one.handle(events.CallFailed(99, "timeout"), 1) == []
    assert one.handle(events.Persisted(99), 1) == []


def test_each_life_begins_with_a_higher_incarnation_made_durable() -> None:
    config = NodeConfig("demo", "node001", Address("192.0.2.1", 7946), SEEDS)
    one = Node(config, Identity("node001", "u1", 4), Stored(), Random(1))
    persist = next(effect for effect in one.handle(events.Start(), 0) if isinstance(effect, effects.Persist))
    assert persist.incarnation == 5


def test_a_stalled_leader_sees_its_lease_lapsed_before_it_does_anything_else() -> None:
    village = Village()
    village.run(10)
    first = village.node("node001")
    late = village.now("node001") + 5_000_000
    told = first.handle(events.Datagram(PEER, b"anything"), late)
    assert isinstance(told[0], effects.RecordActing) and told[0].ended and told[0].until_us < late
    assert first.leader(late).leader == ""


def test_leadership_is_recorded_before_it_is_told_and_its_end_too() -> None:
    village = Village()
    village.run(10)
    assert village.leader("node001").acting
    late = village.now("node001") + 5_000_000
    kinds = [
        type(effect).__name__
        for effect in village.node("node001").handle(events.Timer(), late)
        if isinstance(effect, effects.RecordActing | effects.Publish)
    ]
    assert kinds[:2] == ["RecordActing", "Publish"]


def test_no_deadline_lies_behind_once_the_timer_was_handled() -> None:
    village = Village((*FIVE[:3], "watcher"), listed=FIVE[:3])
    village.run(10)
    for name in (*FIVE[:3], "watcher"):
        due = village.node(name).next_deadline()
        assert due is not None and due > village.now(name) - 10_000
