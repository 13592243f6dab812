"""Looking for the missing: at once at the start, in turn for ever after, never faster than the cluster can bear."""

from __future__ import annotations

import pytest

from pycluster.kernel.ids import Address, Seed
from pycluster.kernel.units import SECOND
from pycluster.membership import effects, events
from pycluster.membership.messages import Digest, Down, Ping
from pycluster.membership.params import Params
from tests.paper.swim_hand import PORT, Hand, address, alive, name, uuid

SEEDS = tuple(Seed(name(number), f"{name(number)}.example", PORT) for number in range(1, 6))


def looked_up(done: list[effects.Effect]) -> list[str]:
    return [effect.host for effect in done if isinstance(effect, effects.Resolve)]


def contacted(hand: Hand, number: int, done: list[effects.Effect]) -> int:
    return sum(sent.to == address(number) for sent in hand.probes(Ping, done))


def alone(seeds: tuple[Seed, ...] = SEEDS) -> tuple[Hand, list[effects.Effect]]:
    hand = Hand(members=1, seeds=seeds)
    return hand, hand.begun


def test_all_configured_nodes_but_itself_are_looked_up_at_once() -> None:
    _, begun = alone()
    assert looked_up(begun) == [f"n{number}.example" for number in range(2, 6)]


def test_names_are_resolved_afresh_each_time_and_every_address_is_asked() -> None:
    hand, _ = alone()
    for last in (7, 8):
        found = (address(last), Address(f"fd00::{last}", PORT))
        done = hand.feed(events.Resolved("n2.example", PORT, found))
        assert [call.to for call in hand.calls(done)] == list(found)
    assert len(looked_up(hand.run(3_000))) > 4


def test_a_node_that_is_alone_asks_all_of_them_again_at_a_bounded_rate() -> None:
    hand, _ = alone()
    hand.run(10_000)
    counts = [len(looked_up(hand.run(60_000))) / 4 for _ in range(10)]
    assert 4 <= counts[-1] <= 6, "every fifteen seconds, less the jitter, once nothing has changed for long"
    assert counts[0] > 2 * counts[-1]


def test_nobody_is_looked_up_while_all_that_are_configured_live() -> None:
    hand = Hand(members=5, seeds=SEEDS)
    hand.run(2_000)
    assert looked_up(hand.run(60_000)) == []


def test_a_configured_node_that_was_never_heard_of_is_looked_up_for_ever() -> None:
    hand = Hand(members=4, seeds=SEEDS)
    hand.run(3_600_000)
    found = looked_up(hand.run(60_000))
    assert set(found) == {"n5.example"}
    assert 3 <= len(found) <= 6


def test_the_down_are_contacted_with_what_is_said_of_them_so_that_they_can_refute() -> None:
    hand = Hand(members=4)
    hand.kill(2)
    while hand.state(2) != "down":
        hand.run(100)
    done = hand.run(6_000)
    assert contacted(hand, 2, done) >= 3
    pings = [sent for sent in hand.probes(Ping, done) if sent.to == address(2)]
    assert all(sent.packet.updates[0] == Down(name(2), uuid(2), 1, name(1), False) for sent in pings)


@pytest.mark.parametrize(("after_s", "least", "most"), [(10, 20, 60), (600, 3, 7)])
def test_contacts_thin_out_as_an_outage_grows_old(after_s: int, least: int, most: int) -> None:
    hand = Hand(members=4)
    hand.kill(2)
    while hand.state(2) != "down":
        hand.run(100)
    hand.run(after_s * 1_000)
    assert least <= contacted(hand, 2, hand.run(60_000)) <= most


def test_news_of_somebody_brings_the_pace_back() -> None:
    hand = Hand(members=4)
    hand.kill(2)
    while hand.state(2) != "down":
        hand.run(100)
    hand.run(3_600_000)
    hand.hear(3, alive(9))
    hand.kill(9)
    assert contacted(hand, 2, hand.run(10_000)) >= 3


def test_each_of_many_contacts_the_less_the_more_they_are() -> None:
    hand = Hand(members=101)
    hand.kill(2)
    while hand.state(2) != "down":
        hand.run(100)
    assert contacted(hand, 2, hand.run(120_000)) <= 4, "a hundred do this; together it is about three a second"


def test_one_of_many_missing_is_contacted_within_three_turns() -> None:
    hand = Hand(members=10)
    hand.kill(*range(2, 9))
    while {hand.state(number) for number in range(2, 9)} != {"down"}:
        hand.run(100)
    turn_ms = hand.params.reconnect_interval_ms * 4
    done = hand.run(3 * turn_ms)
    assert {number for number in range(2, 9) if contacted(hand, number, done)} == set(range(2, 9))


def test_joined_hosts_are_tried_at_once_and_then_like_configured_ones() -> None:
    hand = Hand(members=1)
    done = hand.feed(events.Join((("new.example", PORT),)))
    assert looked_up(done) == ["new.example"]
    assert looked_up(hand.run(10_000))


def test_a_joined_host_that_turns_out_to_be_a_living_member_is_not_called_again() -> None:
    hand = Hand(members=3)
    hand.feed(events.Join((("n2.example", PORT),)))
    assert hand.calls(hand.feed(events.Resolved("n2.example", PORT, (address(2),)))) == []
    assert [call.to for call in hand.calls(hand.feed(events.Resolved("n2.example", PORT, (address(9),))))] == [
        address(9)
    ]


def test_joined_hosts_are_bounded() -> None:
    hand = Hand(members=1, params=Params(pending_max=10))
    hand.feed(events.Join(tuple((f"host{number}", PORT) for number in range(50))))
    hand.feed(events.Join(tuple((f"more{number}", PORT) for number in range(50))))
    assert len(set(looked_up(hand.run(10_000)))) == 10


def test_a_packet_from_somebody_unknown_is_answered_with_a_question() -> None:
    hand = Hand(members=1)
    (call,) = hand.calls(hand.hear(7))
    assert call.to == address(7)
    assert isinstance(call.request, Digest)
    assert hand.calls(hand.hear(7)) == [], "one at a time"


def test_a_member_that_moved_is_asked_where_it_speaks_from() -> None:
    hand = Hand(members=3)
    moved = hand.packet_of(2, incarnation=2)
    done = hand.feed(events.PacketReceived(address(99), moved))
    assert {call.to for call in hand.calls(done)} == {address(2), address(99)}


def test_new_seeds_take_the_place_of_the_old_ones() -> None:
    hand, _ = alone()
    hand.swim.set_seeds((Seed(name(9), "n9.example", PORT),))
    assert looked_up(hand.run(100)) == ["n9.example"]


def test_whoever_leaves_looks_for_nobody() -> None:
    hand, _ = alone()
    hand.feed(events.Leave())
    assert looked_up(hand.run(60_000)) == []
    assert hand.calls(hand.hear(7)) == []
    assert hand.now_us >= 60 * SECOND


def test_a_machine_that_slept_looks_for_the_others_as_often_as_if_it_had_not() -> None:
    """Patience grows with the time since anything changed, and nothing was seen to be unchanged meanwhile."""
    hand = Hand(members=5, seeds=SEEDS)
    hand.kill(2, 3, 4, 5)
    while any(hand.state(number) != "down" for number in (2, 3, 4, 5)):
        hand.run(100)
    hand.now_us += 300 * SECOND
    hand.feed(events.LoopLagged(300 * SECOND))
    first = len(hand.done)
    hand.run(10_000)
    assert sum(sent.to == address(2) for sent in hand.packets(hand.done[first:])) >= 5


def test_sleep_is_not_counted_twice_and_patience_grows_again_afterwards() -> None:
    hand = Hand(members=5, seeds=SEEDS)
    hand.kill(2, 3, 4, 5)
    while any(hand.state(number) != "down" for number in (2, 3, 4, 5)):
        hand.run(100)
    hand.now_us += 3_600 * SECOND
    hand.feed(events.LoopLagged(3_600 * SECOND))
    hand.run(300_000)
    first = len(hand.done)
    hand.run(60_000)
    assert 2 <= sum(sent.to == address(2) for sent in hand.packets(hand.done[first:])) <= 8
