"""Two living nodes with one name: the later one is refused, both consoles say so, nobody is shut down."""

from __future__ import annotations

from pycluster.kernel.units import SECOND
from pycluster.membership import events
from pycluster.membership.messages import Alive, Digest, Done, Left, NameTaken, Push, Records, Same
from pycluster.membership.params import Params
from tests.paper.swim_hand import Hand, address, alive, name, uuid


def twin(of: int, at: int, incarnation: int = 1) -> Alive:
    """Another node that claims ``of``'s name, at another address."""
    return Alive(name(of), uuid(1_000 + at), incarnation, address(at))


def test_the_second_living_node_of_a_name_is_refused_with_the_holder_and_since_when() -> None:
    hand = Hand(members=3)
    hand.now_us = 90 * SECOND
    reply = hand.asked(50, Digest(twin(2, 50), 0, True))
    assert reply == NameTaken(alive(2), 90_000)
    assert hand.member(2).uuid == uuid(2)


def test_it_is_told_to_people_once_a_minute_and_counted_each_time() -> None:
    hand = Hand(members=3)
    for _ in range(5):
        hand.asked(50, Digest(twin(2, 50), 0, True))
    (notice,) = hand.notices("name-conflict")
    assert "A second node named n2 at 10.0.0.50:7946 is refused" in notice
    assert "10.0.0.2:7946" in notice
    assert hand.swim.counters["name_conflicts"] == 5


def test_nobody_takes_this_nodes_own_name_whatever_the_incarnation() -> None:
    hand = Hand(members=3)
    assert isinstance(hand.asked(50, Push(twin(1, 50, 99), ())), NameTaken)
    hand.hear(2, twin(1, 50, 99))
    assert hand.swim.local.uuid == uuid(1)
    assert hand.swim.local.incarnation == 1
    assert "(this node)" in hand.notices("name-conflict")[0]


def test_a_twin_heard_of_in_gossip_changes_nothing() -> None:
    hand = Hand(members=3)
    hand.hear(3, twin(2, 50, 99))
    assert (hand.member(2).uuid, hand.member(2).address) == (uuid(2), address(2))


def test_a_name_passes_on_when_its_holder_is_down_and_the_grace_is_over() -> None:
    hand = Hand(members=3)
    hand.kill(2)
    while hand.state(2) != "down":
        hand.run(100)
    hand.hear(3, twin(2, 50))
    assert hand.member(2).uuid == uuid(2), "the grace"
    hand.run(hand.params.name_grace_ms)
    assert not isinstance(hand.asked(50, Digest(twin(2, 50), 0, True)), NameTaken)
    assert hand.member(2).uuid == twin(2, 50).uuid
    assert hand.state(2) == "alive"
    assert "follows" in hand.member(2).evidence[0].detail


def test_a_name_passes_on_at_once_when_its_holder_left() -> None:
    hand = Hand(members=3)
    hand.hear(2, *hand.left(2))
    hand.hear(3, twin(2, 50))
    assert hand.member(2).uuid == twin(2, 50).uuid


def test_a_name_passes_on_at_once_to_a_new_disk_at_the_same_address() -> None:
    hand = Hand(members=3)
    reborn = Alive(name(2), uuid(77), 1, address(2))
    hand.hear(3, reborn)
    assert hand.member(2).uuid == uuid(77), "two living processes cannot hold one address"


def test_whoever_is_refused_says_why_stays_out_and_runs_on() -> None:
    hand = Hand(members=1)
    (call,) = hand.calls(hand.hear(7))
    hand.feed(events.CallReplied(call.call, NameTaken(twin(1, 50), 61_000)))
    (notice,) = hand.notices("name-conflict")
    assert "this node is refused: the name n1 belongs to the node at 10.0.0.50:7946, known for 61 s" in notice
    assert "-name" in notice, "what to do"
    assert hand.swim.next_deadline() is not None


def test_whoever_is_refused_lets_the_holder_know_itself() -> None:
    hand = Hand(members=1)
    (call,) = hand.calls(hand.hear(7))
    done = hand.feed(events.CallReplied(call.call, NameTaken(twin(1, 50), 0)))
    assert [asked.to for asked in hand.calls(done)] == [address(50)]


def test_whoever_was_refused_is_accepted_when_the_name_is_free_and_says_so() -> None:
    hand = Hand(members=1)
    (call,) = hand.calls(hand.hear(7))
    hand.feed(events.CallReplied(call.call, NameTaken(twin(1, 50), 0)))
    (call,) = hand.calls(hand.hear(7))
    hand.feed(events.CallReplied(call.call, Records(alive(7), 1, ())))
    assert len(hand.notices("name-accepted")) == 1
    assert hand.state(7) == "alive"
    hand.asked(7, Digest(alive(7), 0))
    assert len(hand.notices("name-accepted")) == 1


def test_a_conflict_in_a_push_merges_nothing() -> None:
    hand = Hand(members=2)
    assert not isinstance(hand.asked(2, Push(alive(2), ())), NameTaken)
    assert isinstance(hand.asked(50, Push(twin(2, 50), ())), NameTaken)
    assert hand.asked(2, Push(alive(2), ())) == Done()
    assert isinstance(hand.asked(2, Digest(alive(2), 0)), Records | Same)


def reborn(hand: Hand, number: int, whose: int, incarnation: int = 1) -> Alive:
    """n``number`` with another disk at its old address, which hears of it through n3."""
    word = Alive(name(number), uuid(whose), incarnation, address(number))
    hand.hear(3, word)
    return word


def test_the_old_word_of_one_whose_disk_was_lost_does_not_take_the_name_back() -> None:
    hand = Hand(members=4)
    reborn(hand, 2, 77)
    assert hand.member(2).uuid == uuid(77)
    hand.hear(3, alive(2, 5))
    assert hand.member(2).uuid == uuid(77)
    assert hand.swim.counters["former_identities"] == 1
    assert hand.notices("name-conflict") == []


def test_the_old_disk_put_back_takes_the_name_back_when_it_asks_itself() -> None:
    hand = Hand(members=4)
    reborn(hand, 2, 77)
    hand.asked(2, Digest(alive(2, 5), 0))
    assert hand.member(2).uuid == uuid(2)
    hand.hear(3, Alive(name(2), uuid(77), 1, address(2)))
    assert hand.member(2).uuid == uuid(2), "and now the other one is the former"


def test_a_former_holder_is_believed_again_when_its_successor_left() -> None:
    hand = Hand(members=4)
    reborn(hand, 2, 77)
    hand.hear(3, Left(name(2), uuid(77), 1))
    hand.hear(3, alive(2, 5))
    assert hand.member(2).uuid == uuid(2)


def test_former_holders_are_remembered_within_a_bound() -> None:
    hand = Hand(members=4, params=Params(pending_max=8))
    for whose in range(100, 120):
        reborn(hand, 2, whose)
    reborn(hand, 2, 118)
    assert hand.member(2).uuid == uuid(119)
    reborn(hand, 2, 101)
    assert hand.member(2).uuid == uuid(101), "the oldest are forgotten"
