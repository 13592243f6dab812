"""What keeps a large table cheap: drawing a few of many, and not telling a crowd what it has told itself."""

from __future__ import annotations

from random import Random

import pytest

from pycluster.membership.members import Table, member_of
from pycluster.membership.messages import Alive, Digest, Packet, Push, Record
from pycluster.membership.params import Params
from tests.paper.swim_hand import Hand, alive, name

ALIVE, DOWN = 0, 2


def table(members: int, down: int) -> Table:
    made = Table()
    for number in range(1, members + 1):
        made.put(member_of(alive(number), "down" if number <= down else "alive", 0))
    return made


@pytest.mark.parametrize(("members", "down"), [(3, 0), (100, 10), (100, 97), (100, 100)])
def test_a_sample_holds_different_members_that_are_wanted_as_many_as_there_are(members: int, down: int) -> None:
    made = table(members, down)
    for seed in range(50):
        drawn = made.sample(Random(seed), 5, lambda member: member.state == "alive")
        assert len({member.name for member in drawn}) == len(drawn) == min(5, members - down)
        assert all(member.state == "alive" for member in drawn)


def test_everyone_is_drawn_at_some_time() -> None:
    made = table(50, 5)
    rng = Random(1)
    drawn = {member.name for _ in range(300) for member in made.sample(rng, 3, lambda member: member.state == "alive")}
    assert drawn == {name(number) for number in range(6, 51)}


def test_the_few_that_are_not_alive_are_at_hand() -> None:
    made = table(50, 5)
    assert {member.name for member in made.unwell} == {name(number) for number in range(1, 6)}
    back = made[name(3)]
    back.state = "alive"
    made.touched(back)
    made.drop(name(4))
    assert {member.name for member in made.unwell} == {name(1), name(2), name(5)}
    assert made.living == 46


def told(hand: Hand) -> set[str]:
    """Of whom the member under test gossips within two seconds."""
    packets = [effect.packet for effect in hand.run(2_000) if hasattr(effect, "packet")]
    assert all(isinstance(packet, Packet) for packet in packets)
    return {update.name for packet in packets for update in packet.updates if isinstance(update, Alive)}


def test_news_that_would_fill_the_queue_is_a_crowd_s_however_many_are_known() -> None:
    few, many = (Hand(members=40, params=Params(queue_max=32)) for _ in range(2))
    few.asked(2, Push(alive(2), tuple(Record(alive(number), ALIVE) for number in range(41, 41 + 8))))
    many.asked(2, Push(alive(2), tuple(Record(alive(number), ALIVE) for number in range(41, 41 + 9))))
    assert {name(number) for number in range(41, 49)} <= told(few)
    assert not {name(number) for number in range(41, 50)} & told(many)
    assert len(many.swim.members) == 49


def test_who_joins_a_crowd_does_not_tell_the_crowd_of_itself() -> None:
    hand = Hand(members=2)
    hand.asked(2, Push(alive(2), tuple(Record(alive(number), ALIVE) for number in range(3, 40))))
    assert len(hand.swim.members) == 39
    assert not {name(number) for number in range(3, 40)} & told(hand)


def test_a_few_newcomers_in_a_table_are_told_of() -> None:
    hand = Hand(members=10)
    hand.asked(2, Push(alive(2), (Record(alive(50), ALIVE), Record(alive(51), ALIVE))))
    assert {name(50), name(51)} <= told(hand)


def test_whoever_asks_itself_is_told_of_all_the_same() -> None:
    hand = Hand(members=2)
    hand.asked(9, Digest(alive(9), 0, True))
    assert name(9) in told(hand)
