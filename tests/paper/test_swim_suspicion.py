"""SWIM (Das, Gupta, Motivala 2002) §4.2, suspicion: which news overrides which, and who may raise an incarnation.

One rule is ours: a verdict carries the incarnation it was passed on, so that the convicted, when it lives, can come
back with a higher one. In the paper ``Confirm`` is final.
"""

from __future__ import annotations

import pytest

from pycluster.membership import effects
from pycluster.membership.messages import Alive, Down, Left, Ping, Suspect, Update, Vouch
from tests.paper.swim_hand import Hand, address, alive, name, uuid


def suspect(incarnation: int, by: int = 3, number: int = 2) -> Suspect:
    return Suspect(name(number), uuid(number), incarnation, name(by))


def down(incarnation: int, by: int = 3, number: int = 2) -> Down:
    return Down(name(number), uuid(number), incarnation, name(by), True)


def after(*updates: Update) -> Hand:
    """A member of five that knew n2 in incarnation 5 and heard these."""
    hand = Hand(members=5)
    hand.hear(2, alive(2, 5), incarnation=5)
    for update in updates:
        hand.hear(4, update)
    return hand


@pytest.mark.parametrize(("incarnation", "overrides"), [(4, False), (5, False), (6, True)])
def test_section_4_2_alive_i_overrides_suspect_j_where_i_is_greater(incarnation: int, overrides: bool) -> None:
    hand = after(suspect(5), alive(2, incarnation))
    assert hand.state(2) == ("alive" if overrides else "suspect")


@pytest.mark.parametrize(("incarnation", "overrides"), [(4, False), (5, False), (6, True)])
def test_section_4_2_alive_i_overrides_alive_j_where_i_is_greater(incarnation: int, overrides: bool) -> None:
    hand = after(alive(2, incarnation, region="moved"))
    assert (hand.member(2).region == "moved") is overrides


@pytest.mark.parametrize(("incarnation", "overrides"), [(4, False), (5, True), (6, True)])
def test_section_4_2_suspect_i_overrides_alive_j_where_i_is_not_smaller(incarnation: int, overrides: bool) -> None:
    hand = after(suspect(incarnation))
    assert hand.state(2) == ("suspect" if overrides else "alive")


@pytest.mark.parametrize(("incarnation", "overrides"), [(4, False), (5, False), (6, True)])
def test_section_4_2_suspect_i_overrides_suspect_j_where_i_is_greater(incarnation: int, overrides: bool) -> None:
    hand = after(suspect(5), suspect(incarnation))
    assert (hand.member(2).incarnation == 6) is overrides
    assert hand.state(2) == "suspect"


@pytest.mark.parametrize(("incarnation", "overrides"), [(4, False), (5, True), (6, True)])
def test_section_4_2_confirm_overrides_suspect_of_its_incarnation_and_before(incarnation: int, overrides: bool) -> None:
    hand = after(suspect(5), down(incarnation))
    assert hand.state(2) == ("down" if overrides else "suspect")


@pytest.mark.parametrize("update", [alive(2, 5), suspect(5), suspect(9), down(9)])
def test_section_4_2_neither_suspicion_nor_an_equal_incarnation_revives_the_down(update: Update) -> None:
    assert after(suspect(5), down(5), update).state(2) == "down"


def test_ours_the_downs_own_higher_incarnation_revives_it() -> None:
    hand = after(suspect(5), down(5), alive(2, 6))
    assert hand.state(2) == "alive"
    assert hand.changes(2)[-3:] == ["suspect", "down", "alive"]


def test_ours_a_verdict_about_a_member_that_nobody_here_doubts_is_an_accusation() -> None:
    hand = after(down(5))
    assert hand.state(2) == "suspect"


@pytest.mark.parametrize("accusation", [suspect(1, number=1), down(1, number=1), Left(name(1), uuid(1), 1, name(3))])
def test_section_4_2_the_accused_answers_with_a_higher_incarnation(accusation: Update) -> None:
    hand = Hand(members=3)
    done = hand.hear(3, accusation)
    assert hand.swim.local.incarnation == 2
    assert hand.state(1) == "alive"
    assert effects.SaveIncarnation(2) in done, "a restart must not fall behind it"
    assert any(isinstance(told, Alive) and told.incarnation == 2 for told in hand.told(Alive, hand.run(1_000)))


def test_section_4_2_an_accusation_of_an_incarnation_that_is_over_needs_no_answer() -> None:
    hand = Hand(members=3)
    hand.hear(3, suspect(4, number=1))
    assert hand.swim.local.incarnation == 5
    hand.hear(3, suspect(4, number=1))
    hand.hear(3, suspect(1, number=1))
    assert hand.swim.local.incarnation == 5


def test_section_4_2_only_a_member_itself_raises_its_incarnation() -> None:
    hand = Hand(members=4)
    hand.kill(2)
    while hand.state(2) != "down":
        hand.run(100)
    everything = [*hand.told(Suspect), *hand.told(Down), *hand.told(Alive), *hand.told(Vouch)]
    assert {told.incarnation for told in everything if told.name == name(2)} == {1}


def test_section_4_2_a_suspect_is_probed_like_any_other() -> None:
    hand = Hand(members=3)
    hand.hear(3, suspect(1))
    pinged = [sent for sent in hand.probes(Ping, hand.run(2_500)) if sent.to == address(2)]
    assert pinged


def test_section_4_2_the_suspicion_ends_in_a_verdict_when_its_time_is_up() -> None:
    hand = Hand(members=3)
    hand.kill(2)
    while hand.state(2) != "suspect":
        hand.run(10)
    hand.run(30_000)
    assert hand.state(2) == "down"
    assert hand.changes(2)[-2:] == ["suspect", "down"]
    assert any(told.name == name(2) for told in hand.told(Down)), "and everyone is told"


def test_section_4_2_a_refuted_suspicion_convicts_nobody() -> None:
    hand = after(suspect(5), alive(2, 6))
    hand.run(60_000)
    assert "down" not in hand.changes(2)
