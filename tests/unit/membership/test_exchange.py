"""Anti-entropy over TCP: a digest first, and nothing more where the tables are equal."""

from __future__ import annotations

from pycluster.membership import effects, events
from pycluster.membership.messages import (
    Alive,
    Digest,
    Done,
    Down,
    Nack,
    Push,
    Record,
    Records,
    Same,
)
from pycluster.membership.params import Params
from tests.paper.swim_hand import Hand, address, alive, name, uuid

ALIVE, SUSPECT, DOWN, LEFT = range(4)


def records(reply: object) -> tuple[Record, ...]:
    assert isinstance(reply, Records)
    return reply.records


def synced(hand: Hand) -> effects.Call:
    """The next comparison that it begins."""
    first = len(hand.done)
    while True:
        hand.run(1_000)
        for call in hand.calls(hand.done[first:]):
            if isinstance(call.request, Digest):
                return call


def test_equal_tables_exchange_a_digest_and_nothing_more() -> None:
    hand = Hand(members=3)
    reply = hand.asked(2, Digest(alive(2), hand.swim.members.digest))  # type: ignore[attr-defined]
    assert reply == Same(alive(1))


def test_different_tables_exchange_everything_both_ways() -> None:
    one, two = Hand(members=3), Hand(members=1)
    call = synced(one)
    assert isinstance(call.request, Digest)
    two.hear(3, alive(3))
    reply = two.asked(1, call.request)
    assert {record.alive.name for record in records(reply)} == {name(1), name(3)}
    (push,) = one.calls(one.feed(events.CallReplied(call.call, reply)))
    assert isinstance(push.request, Push)
    assert two.asked(1, push.request) == Done()
    assert set(two.swim.members) == {name(1), name(2), name(3)}


def test_one_comparison_every_half_minute_with_one_of_the_living() -> None:
    hand = Hand(members=5)
    hand.kill(5)
    hand.run(60_000)
    first = len(hand.done)
    hand.run(600_000)
    asked = [call for call in hand.calls(hand.done[first:]) if isinstance(call.request, Digest)]
    assert 20 <= len(asked) <= 45
    assert address(5) not in {call.to for call in asked}


def test_the_pause_grows_with_the_logarithm_of_a_large_cluster() -> None:
    def comparisons(members: int) -> int:
        hand = Hand(members)
        hand.run(600_000)
        return sum(isinstance(call.request, Digest) for call in hand.calls())

    assert comparisons(200) < comparisons(10) / 2


def test_a_member_never_heard_of_that_is_down_elsewhere_is_learned_with_its_age() -> None:
    hand = Hand(members=2)
    hand.asked(2, Push(alive(2), (Record(alive(7), DOWN, 100), Record(alive(8), LEFT, 7))))
    assert (hand.state(7), hand.state(8)) == ("down", "left")
    assert hand.changes(7) == ["down"]
    assert hand.member(7).state_since_us == hand.now_us - 100 * 1_000_000


def test_whom_everyone_is_about_to_forget_nobody_learns_anew() -> None:
    hand = Hand(members=2)
    keep_s = hand.params.left_keep_ms // 1_000
    hand.asked(2, Push(alive(2), (Record(alive(8), LEFT, keep_s),)))
    assert name(8) not in hand.swim.members


def test_a_death_known_elsewhere_of_one_who_lives_here_is_an_accusation() -> None:
    hand = Hand(members=3)
    hand.asked(2, Push(alive(2), (Record(alive(3), DOWN),)))
    assert hand.state(3) == "suspect"


def test_somebody_elses_suspicion_is_not_taken_over_in_an_exchange() -> None:
    hand = Hand(members=3)
    hand.asked(2, Push(alive(2), (Record(alive(3), SUSPECT),)))
    assert hand.state(3) == "alive"


def test_the_asker_itself_is_seen() -> None:
    hand = Hand(members=1)
    hand.now_us = 5_000_000
    hand.asked(2, Digest(alive(2), 0, True))
    assert hand.state(2) == "alive"
    assert hand.member(2).last_seen_us == 5_000_000


def test_an_asker_that_is_down_here_hears_so_and_can_come_back() -> None:
    hand = Hand(members=3)
    hand.kill(2)
    while hand.state(2) != "down":
        hand.run(100)
    hand.done.clear()
    hand.asked(2, Digest(alive(2), 0))
    assert hand.state(2) == "down", "the incarnation is the one that was convicted"
    assert any(sent.to == address(2) for sent in hand.packets())
    hand.asked(2, Digest(alive(2, 2), 0))
    assert hand.state(2) == "alive"


def test_large_tags_come_by_tcp() -> None:
    hand = Hand(members=2)
    hidden = alive(2, 2, tags_hidden=True)
    (call,) = hand.calls(hand.hear(2, hidden, incarnation=2))
    assert call.to == address(2)
    large = alive(2, 2, tags={"rack": "r" * 600})
    hand.feed(events.CallReplied(call.call, Records(large, 0, ())))
    assert hand.member(2).tags == {"rack": "r" * 600}


def test_what_is_no_request_is_counted_and_answered() -> None:
    hand = Hand(members=2)
    assert hand.asked(2, Nack(1)) == Done()
    assert hand.swim.counters["requests_malformed"] == 1


def test_a_reply_nobody_waits_for_is_ignored() -> None:
    hand = Hand(members=2)
    assert hand.feed(events.CallReplied(99, Records(alive(2), 0, (Record(alive(3), ALIVE),)))) == []
    assert name(3) not in hand.swim.members


def test_a_failed_comparison_is_counted_and_may_be_repeated() -> None:
    hand = Hand(members=1)
    (call,) = hand.calls(hand.hear(7))
    hand.feed(events.CallFailed(call.call, "refused"))
    assert hand.swim.counters["calls_refused"] == 1
    assert len(hand.calls(hand.hear(7))) == 1


def test_a_table_has_a_bound() -> None:
    hand = Hand(members=1, params=Params(members_max=10))
    hand.asked(2, Push(alive(2), tuple(Record(alive(number), ALIVE) for number in range(2, 50))))
    hand.asked(2, Push(alive(2), tuple(Record(alive(number), LEFT) for number in range(60, 70))))
    hand.hear(2, *(alive(number) for number in range(50, 60)))
    assert len(hand.swim.members) == 10
    assert hand.swim.counters["members_refused"] > 10


def test_tags_past_their_bound_are_refused_with_the_record() -> None:
    hand = Hand(members=2)
    monster: Alive = alive(3, tags={"a": "x" * 9_000})
    hand.asked(2, Push(alive(2), (Record(monster, ALIVE),)))
    assert name(3) not in hand.swim.members
    assert hand.swim.counters["records_refused"] == 1
    assert uuid(3) == monster.uuid


def test_whoever_is_down_here_and_alive_to_a_peer_is_told_at_once_what_is_said_of_it() -> None:
    """A node that was cut off alone need not contact everyone in turn when it is back."""
    hand = Hand(members=6)
    hand.kill(2, 3)
    while hand.state(2) != "down" or hand.state(3) != "down":
        hand.run(100)
    first = len(hand.done)
    hand.asked(4, Push(alive(4), (Record(alive(2), ALIVE), Record(alive(3), DOWN), Record(alive(5), ALIVE))))
    told = [sent for sent in hand.packets(hand.done[first:]) if sent.packet.updates]
    assert [sent.to for sent in told] == [address(2)]
    assert any(isinstance(update, Down) and update.name == name(2) for update in told[0].packet.updates)


def test_of_a_table_that_calls_all_the_dead_alive_a_bounded_number_is_told() -> None:
    hand = Hand(members=60)
    for number in range(2, 61):
        if number != 4:
            hand.member(number).state = "down"
    first = len(hand.done)
    hand.asked(4, Push(alive(4), tuple(Record(alive(number), ALIVE) for number in range(2, 61))))
    assert len({sent.to for sent in hand.packets(hand.done[first:])}) == 32


def test_one_table_has_nobody_told_twice_nor_whoever_was_never_met() -> None:
    hand = Hand(members=4)
    hand.kill(2, 3)
    while hand.state(2) != "down" or hand.state(3) != "down":
        hand.run(100)
    hand.member(3).met = False
    first = len(hand.done)
    hand.asked(4, Push(alive(4), (Record(alive(2), ALIVE), Record(alive(3), ALIVE)) * 50))
    assert [sent.to for sent in hand.packets(hand.done[first:]) if sent.packet.updates] == [address(2)]
