"""Two living nodes with one name: the later one is refused, both consoles say so, nobody is shut down."""

from __future__ import annotations

from pycluster.kernel.ids import Address
from pycluster.kernel.units import SECOND
from pycluster.membership import events
from pycluster.membership.messages import Ack, Alive, Digest, Done, Left, NameTaken, Ping, Push, Record, Records, Same
from pycluster.membership.params import Params
from tests.paper.swim_hand import Hand, address, alive, name, uuid

DOWN, LEFT = 2, 3


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


def test_a_name_passes_on_at_once_to_a_new_disk_at_the_same_address_that_speaks_for_itself() -> None:
    hand = Hand(members=3)
    hand.asked(2, Digest(Alive(name(2), uuid(77), 1, address(2)), 0))
    assert hand.member(2).uuid == uuid(77), "two living processes cannot hold one address"


def sought(hand: Hand, first: int) -> Ping:
    """The probe of n2 since ``first`` of all effects."""
    (probe,) = {sent.packet.probe for sent in hand.probes(Ping, hand.done[first:]) if sent.to == address(2)}
    assert isinstance(probe, Ping)
    return probe


def test_hearsay_of_a_new_disk_at_the_same_address_is_looked_at_and_the_new_one_answers_there() -> None:
    hand = Hand(members=3)
    hand.kill(2)
    first = len(hand.done)
    heard = Alive(name(2), uuid(77), 4, address(2))
    hand.hear(3, heard)
    assert hand.member(2).uuid == uuid(2), "it may be older than the holder"
    probe = sought(hand, first)
    hand.feed(events.PacketReceived(address(2), hand.packet_of(2, Ack(probe.seq, name(2), uuid(77)))))
    hand.run(hand.params.verify_timeout_ms)
    assert (hand.member(2).uuid, hand.state(2), hand.member(2).incarnation) == (uuid(77), "alive", 4)
    assert not any(isinstance(call.request, Digest) for call in hand.calls(hand.done[first:])), "nor is it asked more"


def test_hearsay_of_an_old_disk_at_the_same_address_is_looked_at_once_in_a_while_and_the_holder_answers() -> None:
    hand = Hand(members=3)
    first = len(hand.done)
    for number in range(5):
        hand.hear(3, Alive(name(2), uuid(77 + number), 4, address(2)))
    sought(hand, first)
    hand.run(hand.params.verify_timeout_ms)
    assert (hand.member(2).uuid, hand.state(2)) == (uuid(2), "alive")
    assert hand.changes(2) == []


def test_whoever_was_told_the_old_disk_last_looks_when_it_hears_of_the_new_one_again() -> None:
    """The name passed on from the living identity here, on hearsay while it was free: its word alone will not do."""
    hand = Hand(members=4)
    hand.hear(2, *hand.left(2))
    old = Alive(name(2), uuid(77), 3, address(2))
    hand.hear(3, old)
    assert hand.member(2).uuid == uuid(77)
    first = len(hand.done)
    hand.hear(4, alive(2, 5))
    probe = sought(hand, first)
    hand.feed(events.PacketReceived(address(2), hand.packet_of(2, Ack(probe.seq, name(2), uuid(2)))))
    hand.kill(2)
    hand.run(hand.params.verify_timeout_ms)
    assert (hand.member(2).uuid, hand.member(2).incarnation) == (uuid(2), 5)


def test_the_names_of_which_a_new_disk_is_told_are_bounded() -> None:
    hand = Hand(members=12, params=Params(pending_max=8))
    for number in range(2, 12):
        hand.hear(12, Alive(name(number), uuid(100 + number), 1, address(number)))
    assert [hand.member(number).uuid for number in range(2, 12)] == [uuid(number) for number in range(2, 12)]


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
    """n``number`` with another disk at its old address, which asks for the table."""
    word = Alive(name(number), uuid(whose), incarnation, address(number))
    hand.asked(number, Digest(word, 0))
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


def test_a_former_holder_is_believed_again_by_its_own_word_alone_when_its_successor_left() -> None:
    hand = Hand(members=4)
    reborn(hand, 2, 77)
    hand.hear(3, Left(name(2), uuid(77), 1))
    (call,) = hand.calls(hand.hear(3, alive(2, 5)))
    assert (call.to, hand.member(2).uuid, hand.state(2)) == (address(2), uuid(77), "left"), "it is asked itself"
    assert hand.calls(hand.hear(4, alive(2, 6))) == [], "once in a while"
    hand.feed(events.CallReplied(call.call, Same(alive(2, 6))))
    assert (hand.member(2).uuid, hand.state(2)) == (uuid(2), "alive")


def test_an_old_word_from_before_the_last_identity_takes_no_name_of_one_that_left_or_is_long_down() -> None:
    for gone in (True, False):
        hand = Hand(members=4)
        reborn(hand, 2, 77)
        reborn(hand, 2, 78)
        if gone:
            hand.hear(3, Left(name(2), uuid(78), 1))
        else:
            hand.kill(2)
            while hand.state(2) != "down":
                hand.run(100)
            hand.run(hand.params.name_grace_ms)
        for whose in (2, 77):
            hand.hear(3, Alive(name(2), uuid(whose), 9, address(2)))
            assert hand.member(2).uuid == uuid(78)
        assert hand.swim.counters["former_identities"] == 2


def test_a_name_that_passed_on_by_a_goodbye_does_not_go_back_by_an_old_word() -> None:
    hand = Hand(members=4)
    hand.hear(2, *hand.left(2))
    hand.hear(3, twin(2, 50))
    hand.hear(3, Left(name(2), twin(2, 50).uuid, 1))
    hand.hear(3, alive(2, 5))
    assert (hand.member(2).uuid, hand.state(2)) == (twin(2, 50).uuid, "left")


def test_former_holders_are_remembered_within_a_bound() -> None:
    hand = Hand(members=4, params=Params(pending_max=8))
    for whose in range(100, 120):
        reborn(hand, 2, whose)
    hand.hear(3, Left(name(2), uuid(119), 1))
    hand.hear(3, Alive(name(2), uuid(118), 1, address(2)))
    assert hand.member(2).uuid == uuid(119)
    hand.hear(3, Alive(name(2), uuid(101), 1, address(2)))
    assert hand.member(2).uuid == uuid(101), "the oldest are forgotten"


def test_the_names_whose_former_holders_are_remembered_are_bounded() -> None:
    hand = Hand(members=12, params=Params(pending_max=8))
    for number in range(2, 11):
        reborn(hand, number, 100 + number)
        hand.hear(11, Left(name(number), uuid(100 + number), 1))
    hand.hear(11, alive(3, 5))
    assert hand.member(3).uuid == uuid(103)
    hand.hear(11, alive(2, 5))
    assert hand.member(2).uuid == uuid(2), "the name that changed hands longest ago is forgotten"


def flooded() -> Hand:
    """A member whose table of notices is full of forged conflicts about ``n3``."""
    hand = Hand(members=3)
    hand.now_us = 90 * SECOND
    for port in range(1, hand.params.pending_max + 10):
        hand.hear(2, Alive(name(3), uuid(1_000), 1, Address("10.0.0.66", port)))
    return hand


def test_forged_conflicts_cannot_keep_an_honest_one_about_a_member_that_was_met_from_being_told() -> None:
    hand = flooded()
    hand.member(2).met = True
    before = len(hand.notices("name-conflict"))
    assert before >= hand.params.pending_max
    for _ in range(3):
        hand.asked(40, Digest(twin(2, 40), 0, True))
    (notice,) = hand.notices("name-conflict")[before:]
    assert "A second node named n2 at 10.0.0.40:7946 is refused" in notice


def test_forged_conflicts_cannot_hide_that_this_nodes_own_name_is_claimed() -> None:
    hand = flooded()
    hand.asked(40, Digest(twin(1, 40), 0, True))
    assert "(this node)" in hand.notices("name-conflict")[-1]


def test_conflicts_about_a_member_that_was_never_met_stay_within_the_bound() -> None:
    hand = flooded()
    hand.member(2).met = False
    hand.hear(3, twin(2, 40))
    assert "named n2" not in hand.notices("name-conflict")[-1]
    assert len(hand.notices("name-conflict")) <= hand.params.pending_max + 1


def test_whoever_holds_a_dead_identity_learns_that_the_name_passed_on_and_its_last_holder_is_gone_too() -> None:
    hand = Hand(members=4)
    last = Alive(name(2), uuid(77), 3, address(2))
    hand.asked(3, Push(alive(3), (Record(last, LEFT, 9),)))
    assert (hand.member(2).uuid, hand.state(2)) == (uuid(2), "alive"), "not while its own holder may live"
    hand.kill(2)
    while hand.state(2) != "down":
        hand.run(100)
    hand.asked(3, Push(alive(3), (Record(last, LEFT, 12),)))
    assert hand.member(2).uuid == uuid(2), "the grace"
    hand.run(hand.params.name_grace_ms)
    hand.asked(3, Push(alive(3), (Record(last, LEFT, 20),)))
    assert (hand.member(2).uuid, hand.state(2)) == (uuid(77), "left")
    hand.asked(3, Push(alive(3), (Record(alive(2), DOWN, 20),)))
    assert hand.member(2).uuid == uuid(77), "and it does not go back and forth"


def test_a_record_of_this_nodes_own_name_with_another_identity_teaches_nothing() -> None:
    hand = Hand(members=3)
    hand.asked(3, Push(alive(3), (Record(twin(1, 50), LEFT, 9),)))
    assert hand.member(1).uuid == uuid(1)


def test_whoever_took_an_old_word_for_the_newer_one_hears_the_living_at_its_next_probe() -> None:
    """A node that lost its disk, too, knew n2's new life first, and was told of the old one afterwards."""
    hand = Hand(members=3)
    hand.kill(2)
    probes = len(hand.probes(Ping))
    while not any(sent.to == address(2) for sent in hand.probes(Ping)[probes:]):
        hand.run(1)
    sought = next(sent.packet.probe for sent in hand.probes(Ping)[probes:] if sent.to == address(2))
    assert isinstance(sought, Ping)
    living = Alive(name(2), uuid(77), 1, address(2))
    hand.feed(events.PacketReceived(address(2), hand.packet_of(2, Ack(sought.seq, name(2), living.uuid))))
    calls = len(hand.calls())
    hand.run(1_100)
    (asked,) = [call for call in hand.calls()[calls:] if isinstance(call.request, Digest)]
    assert asked.to == address(2)
    hand.feed(events.CallReplied(asked.call, Records(living, 1, ())))
    assert (hand.member(2).uuid, hand.state(2)) == (living.uuid, "alive"), "and no suspicion had to end first"


def test_claims_about_more_names_than_are_remembered_make_nobody_look_more_often() -> None:
    hand = Hand(members=40, params=Params(pending_max=16))
    for _ in range(5):
        for number in range(2, 41):
            hand.hear(3, Alive(name(number), uuid(1_000 + number), 1, address(number)))
    looked = [sent.to for sent in hand.probes(Ping)]
    assert len(looked) == len(set(looked)) == 16


def test_large_tags_of_a_new_disk_that_only_others_told_of_are_asked_for() -> None:
    hand = Hand(members=3)
    hand.kill(2)
    first = len(hand.done)
    hand.hear(3, Alive(name(2), uuid(77), 4, address(2), tags_hidden=True))
    probe = sought(hand, first)
    hand.feed(events.PacketReceived(address(2), hand.packet_of(2, Ack(probe.seq, name(2), uuid(77)))))
    hand.run(hand.params.verify_timeout_ms)
    assert hand.member(2).uuid == uuid(77)
    assert [call.to for call in hand.calls(hand.done[first:]) if isinstance(call.request, Digest)] == [address(2)]
