"""Newcomers that only others tell of come in at a bounded rate; who speaks for itself always does."""

from __future__ import annotations

from pycluster.kernel.ids import Address
from pycluster.kernel.units import SECOND
from pycluster.membership import Params, effects, events
from pycluster.membership.members import STATES
from pycluster.membership.messages import Alive, Digest, Done, Push, Record, Records
from tests.paper.swim_hand import PORT, Hand, address, alive, name

PARAMS = Params(newcomers_burst=16, newcomers_per_s=4)
ALIVE, DOWN, LEFT = (STATES.index(state) for state in ("alive", "down", "left"))


def invented(first: int, last: int) -> tuple[Alive, ...]:
    return tuple(
        alive(number, at=Address(f"10.1.{number // 250}.{number % 250}", PORT)) for number in range(first, last)
    )


def records(first: int, last: int, state: int = ALIVE) -> tuple[Record, ...]:
    return tuple(Record(one, state) for one in invented(first, last))


def ghosts(hand: Hand) -> int:
    return sum(int(known[1:]) >= 1_000 for known in hand.swim.members)


def test_hearsay_brings_so_many_newcomers_at_once_and_so_many_a_second_after() -> None:
    hand = Hand(members=1, params=PARAMS)
    hand.hear(3, *invented(1_000, 1_100))
    assert (ghosts(hand), hand.swim.counters["members_deferred"]) == (16, 84)
    hand.now_us += 3 * SECOND
    hand.hear(3, *invented(1_000, 1_100))
    assert ghosts(hand) == 16 + 12
    hand.now_us += 3_600 * SECOND
    hand.hear(3, *invented(2_000, 2_100))
    assert ghosts(hand) == 16 + 12 + 16, "what was not used for long is not saved up"


def test_a_table_that_is_pushed_here_is_hearsay_too_the_dead_in_it_as_well() -> None:
    hand = Hand(members=1, params=PARAMS)
    pushed = (*records(1_000, 1_010), *records(1_010, 1_020, DOWN), *records(1_020, 1_030, LEFT))
    assert hand.asked(2, Push(alive(2), pushed)) == Done()
    assert ghosts(hand) == 16
    assert hand.swim.counters["members_deferred"] == 14


def test_who_asks_over_tcp_comes_in_however_many_were_invented() -> None:
    hand = Hand(members=1, params=PARAMS)
    hand.hear(3, *invented(1_000, 1_100))
    for number in range(10, 60):
        hand.asked(number, Digest(alive(number), 0))
    assert all(hand.state(number) == "alive" for number in range(10, 60))


def test_what_a_peer_answers_that_this_node_asked_comes_in_at_once() -> None:
    hand = Hand(members=1, params=PARAMS)
    (call,) = hand.calls(hand.hear(3, *invented(1_000, 1_100)))
    hand.feed(events.CallReplied(call.call, Records(alive(3), 0, records(1_000, 1_100))))
    assert ghosts(hand) == 100


def test_a_real_newcomer_that_was_deferred_comes_in_with_its_first_packet() -> None:
    hand = Hand(members=2, params=PARAMS)
    hand.hear(2, *invented(1_000, 1_100), alive(5))
    assert name(5) not in hand.swim.members
    (call,) = (call for call in hand.calls(hand.hear(5)) if call.to == address(5))
    hand.feed(events.CallReplied(call.call, Records(alive(5), 0, ())))
    assert hand.state(5) == "alive"


def test_the_dead_of_a_crowd_are_forgotten_a_few_at_a_time() -> None:
    hand = Hand(members=2, params=Params(down_keep_ms=60_000))
    hand.asked(2, Push(alive(2), records(1_000, 1_500, DOWN)))
    assert ghosts(hand) == 500
    hand.silent.update(range(300))
    forgotten = []
    for _ in range(4_000):
        hand.now_us = max(hand.now_us, hand.swim.next_deadline() or 0)
        done = hand.feed(events.Timer())
        forgotten.append(sum(isinstance(e, effects.MemberChanged) and e.cause == "forgotten" for e in done))
        if not ghosts(hand):
            break
    assert sum(forgotten) == 500
    assert max(forgotten) == 64
