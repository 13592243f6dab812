"""Whom a node keeps idle streams to: those that rank highest for it, and nobody while it leaves."""

from __future__ import annotations

from random import Random

import pytest

from pycluster.membership import events
from pycluster.membership.effects import Watch, Watched
from pycluster.membership.members import rank
from pycluster.membership.messages import Alive, Left, Suspect
from pycluster.membership.params import Params
from tests.paper.swim_hand import Hand, address, alive, name, uuid


def choices(hand: Hand) -> list[tuple[Watched, ...]]:
    return [effect.peers for effect in hand.done if isinstance(effect, Watch)]


def best(hand: Hand, count: int = 3) -> list[str]:
    """By the definition, from the whole table."""
    living = [member for member in hand.swim.members.values() if member.state in ("alive", "suspect")]
    others = [member for member in living if member.name != name(1)]
    return [m.name for m in sorted(others, key=lambda m: (-rank(m.uuid, uuid(1)), m.name))][:count]


def watched(hand: Hand) -> list[str]:
    return [peer.name for peer in choices(hand)[-1]]


def test_the_choice_is_the_same_whatever_the_order_in_which_members_come_and_go() -> None:
    rng = Random(5)
    hand = Hand(members=1)
    known: set[int] = set()
    incarnation = 1
    for _ in range(400):
        number = rng.randrange(2, 60)
        incarnation += 1
        if number in known:
            known.discard(number)
            hand.hear(99, Left(name(number), uuid(number), incarnation))
        else:
            known.add(number)
            hand.hear(99, alive(number, incarnation))
        assert not known or watched(hand) == best(hand)


def test_as_many_as_there_are_where_they_are_few() -> None:
    hand = Hand(members=1)
    hand.hear(2, alive(2))
    assert choices(hand) == [(Watched(name(2), uuid(2), address(2)),)]
    hand.hear(3, alive(3))
    assert set(watched(hand)) == {name(2), name(3)}


def test_nothing_is_said_while_the_choice_stays() -> None:
    hand = Hand(members=30)
    hand.run(60_000)
    assert choices(hand) == []


def test_a_suspect_is_watched_and_one_that_is_down_is_not() -> None:
    hand = Hand(members=30)
    number = int(best(hand)[0][1:])
    hand.kill(number)
    hand.hear(99, Suspect(name(number), uuid(number), 1, name(99)))
    assert choices(hand) == []
    while hand.state(number) != "down":
        hand.run(100)
    assert name(number) not in watched(hand)
    assert watched(hand) == best(hand)
    hand.hear(99, alive(number, 2))
    assert watched(hand)[0] == name(number), "and again when it is back"


def test_another_address_is_told() -> None:
    hand = Hand(members=5)
    number = int(best(hand)[1][1:])
    hand.hear(99, alive(number, 2, at=address(77)))
    assert choices(hand)[-1][1] == Watched(name(number), uuid(number), address(77))
    assert len(choices(hand)) == 1


def test_another_identity_of_a_watched_name_is_ranked_anew() -> None:
    hand = Hand(members=30)
    number = int(best(hand)[0][1:])
    hand.hear(99, Left(name(number), uuid(number), 1))
    hand.hear(99, Alive(name(number), uuid(500), 1, address(number)))
    assert watched(hand) == best(hand)


def test_a_node_that_leaves_watches_nobody() -> None:
    hand = Hand(members=5)
    hand.feed(events.Leave())
    assert choices(hand) == [()]
    hand.hear(99, alive(50))
    assert choices(hand) == [()]


@pytest.mark.parametrize("streams", [0, 1, 16])
def test_there_are_as_many_as_the_parameter_says(streams: int) -> None:
    hand = Hand(members=1, params=Params(streams=streams))
    for number in range(2, 40):
        hand.hear(number, alive(number))
    assert [len(peers) for peers in choices(hand)[-1:]] == ([streams] if streams else [])
