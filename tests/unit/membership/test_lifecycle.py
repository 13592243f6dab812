"""Transitions beyond the papers: verdicts from elsewhere, news that is out of date, tags, addresses, last seen."""

from __future__ import annotations

import pytest

from pycluster.kernel.ids import Address
from pycluster.kernel.units import SECOND
from pycluster.membership import effects, events
from pycluster.membership.messages import Ack, Alive, Down, Left, Ping, Suspect, Update, Vouch
from tests.paper.swim_hand import Hand, address, alive, name, uuid


def down(number: int, by: int, incarnation: int = 1) -> Down:
    return Down(name(number), uuid(number), incarnation, name(by), True)


def suspect(number: int, by: int, incarnation: int = 1) -> Suspect:
    return Suspect(name(number), uuid(number), incarnation, name(by))


def test_a_verdict_from_elsewhere_convicts_a_suspect_at_once() -> None:
    hand = Hand(members=4)
    hand.kill(2)
    hand.hear(3, suspect(2, 3))
    hand.hear(4, down(2, 4))
    assert hand.state(2) == "down"
    assert hand.changes(2) == ["suspect", "down"]


def test_a_verdict_that_nobody_verified_is_one_more_accusation() -> None:
    hand = Hand(members=5)
    hand.kill(2)
    hand.hear(3, suspect(2, 3))
    hand.hear(4, Down(name(2), uuid(2), 1, name(4), False))
    assert hand.state(2) == "suspect"
    assert [line.kind for line in hand.member(2).evidence] == ["accused", "confirmed"]


def test_a_verdict_from_elsewhere_waits_while_a_verifiers_word_holds_the_timer() -> None:
    hand = Hand(members=4)
    hand.hear(3, suspect(2, 3))
    hand.hear(4, Vouch(name(2), uuid(2), 1, name(4)))
    hand.hear(3, down(2, 3))
    assert hand.state(2) == "suspect"


def test_a_verdict_passed_on_the_other_side_of_a_healed_cut_is_refuted_and_nobody_is_convicted_by_it() -> None:
    hand = Hand(members=5)
    hand.hear(3, down(2, 3), down(4, 3))
    assert {hand.state(2), hand.state(4)} == {"suspect"}
    hand.hear(2, alive(2, 2), incarnation=2)
    hand.hear(4, alive(4, 2), incarnation=2)
    hand.run(30_000)
    assert "down" not in hand.changes(2) + hand.changes(4)


@pytest.mark.parametrize("old", [suspect(2, 3), down(2, 3), Left(name(2), uuid(2), 1)])
def test_news_that_is_out_of_date_is_answered_with_what_is_known(old: Update) -> None:
    hand = Hand(members=4)
    hand.hear(2, alive(2, 2), incarnation=2)
    hand.run(30_000)
    done = hand.hear(3, old)
    (answer,) = hand.packets(done)
    assert answer.to == address(3)
    assert answer.packet.updates == (alive(2, 2),)


def test_up_to_date_news_is_not_answered() -> None:
    hand = Hand(members=4)
    done = hand.hear(3, suspect(2, 3), alive(4))
    assert address(3) not in {sent.to for sent in hand.packets(done)}


def test_a_ping_from_one_who_is_down_here_is_answered_and_tells_it_so() -> None:
    hand = Hand(members=3)
    hand.kill(2)
    while hand.state(2) != "down":
        hand.run(100)
    done = hand.hear(2, probe=Ping(8, name(1), uuid(1)))
    assert hand.probes(Ack, done)
    assert any(told.name == name(2) for told in hand.told(Down, done))
    assert hand.state(2) == "down", "until it says so itself"


def test_one_who_is_down_here_and_speaks_with_a_higher_incarnation_is_asked_for_its_word() -> None:
    hand = Hand(members=3)
    hand.kill(2)
    while hand.state(2) != "down":
        hand.run(100)
    assert [call.to for call in hand.calls(hand.hear(2, incarnation=2))] == [address(2)]


def test_new_tags_are_told_to_everyone_with_a_higher_incarnation() -> None:
    hand = Hand(members=3)
    hand.feed(events.SetTags({"role": "db"}))
    words = [told for told in hand.told(Alive, hand.run(1_000)) if told.name == name(1)]
    assert words
    assert all(word == alive(1, 2, tags={"role": "db"}) for word in words)
    assert hand.changes(1) == ["updated"]


def test_the_same_tags_again_are_no_news() -> None:
    hand = Hand(members=3)
    hand.feed(events.SetTags({"role": "db"}))
    assert hand.feed(events.SetTags({"role": "db"})) == []


def test_tags_past_their_bound_are_refused_with_their_size_and_change_nothing() -> None:
    hand = Hand(members=3)
    (failed,) = hand.feed(events.SetTags({"a": "x" * 9_000}))
    assert isinstance(failed, effects.CommandFailed)
    assert "9005 bytes, 8192 are allowed" in failed.why
    assert hand.swim.local.tags == {}


@pytest.mark.parametrize(
    ("tags", "why"), [({"": "x"}, "a key is empty"), ({f"k{number}": "" for number in range(33)}, "32 are allowed")]
)
def test_tags_without_a_name_or_too_many_are_refused(tags: dict[str, str], why: str) -> None:
    hand = Hand(members=3)
    (failed,) = hand.feed(events.SetTags(tags))
    assert isinstance(failed, effects.CommandFailed)
    assert why in failed.why
    assert hand.swim.local.tags == {}


def test_another_members_new_tags_are_taken_over_once() -> None:
    hand = Hand(members=3)
    for _ in range(3):
        hand.hear(3, alive(2, 2, tags={"role": "db"}))
    assert hand.member(2).tags == {"role": "db"}
    assert hand.changes(2) == ["updated"]


def test_a_new_address_of_ones_own_is_announced() -> None:
    hand = Hand(members=3)
    hand.feed(events.Readdress(address(77)))
    words = [told for told in hand.told(Alive, hand.run(1_000)) if told.name == name(1)]
    assert {word.address for word in words if isinstance(word, Alive)} == {address(77)}


def test_last_seen_is_the_newest_thing_that_the_member_itself_said() -> None:
    hand = Hand(members=3)
    hand.run(500)
    hand.now_us = 9 * SECOND
    hand.hear(3, alive(2, 2), suspect(2, 3, 2))
    assert hand.member(2).last_seen_us != 9 * SECOND, "what others say of it is no proof of its life"
    hand.hear(2, incarnation=2)
    assert hand.member(2).last_seen_us == 9 * SECOND
    assert hand.member(3).last_seen_us == 9 * SECOND


def test_an_ack_passed_on_by_a_helper_is_the_helpers_sign_of_life() -> None:
    hand = Hand(members=3)
    hand.run(500)
    before_us = hand.member(2).last_seen_us
    hand.now_us = 9 * SECOND
    hand.hear(3, probe=Ack(1, name(2), uuid(2)))
    assert hand.member(2).last_seen_us == before_us


def test_each_accusation_leaves_its_evidence() -> None:
    hand = Hand(members=5)
    hand.kill(2)
    hand.hear(3, suspect(2, 3))
    hand.hear(4, suspect(2, 4))
    hand.run(20_000)
    kinds = [line.kind for line in hand.member(2).evidence]
    assert kinds[:2] == ["accused", "confirmed"]
    assert kinds[-1] == "convicted"
    (told,) = [e for e in hand.done if isinstance(e, effects.MemberChanged) and e.cause == "down"]
    assert "verified" in told.detail
    assert "n3, n4" in told.detail


def test_a_restart_counts_on_from_the_saved_incarnation() -> None:
    hand = Hand(members=2)
    hand.hear(2, suspect(1, 2, 41))
    saved = [effect.incarnation for effect in hand.done if isinstance(effect, effects.SaveIncarnation)]
    assert saved == [42]


def moved(number: int, incarnation: int) -> Alive:
    """That member's own word from another address."""
    return Alive(name(number), uuid(number), incarnation, Address("10.0.1.101", 7946))


def test_a_word_that_comes_after_an_accusation_of_it_still_says_where_its_member_is() -> None:
    hand = Hand(members=4)
    hand.hear(3, Suspect(name(2), uuid(2), 2, name(3)))
    hand.hear(4, moved(2, 2))
    assert (hand.state(2), hand.member(2).incarnation) == ("suspect", 2), "the accusation stands"
    assert hand.member(2).address == moved(2, 2).address
    hand.hear(4, moved(2, 1))
    assert hand.member(2).incarnation == 2, "and an old word takes nothing back"
    hand.hear(4, moved(2, 3))
    assert hand.state(2) == "alive"


def test_a_member_that_is_misquoted_in_its_present_incarnation_speaks_anew() -> None:
    """Whoever was accused before its word came is told of under that incarnation with what it said before."""
    hand = Hand(members=3)
    own = hand.swim.local.incarnation
    hand.hear(3, Alive(name(1), uuid(1), own, address(1)))
    assert hand.swim.local.incarnation == own, "that is what it said"
    hand.hear(3, Alive(name(1), uuid(1), own, address(1), tags_hidden=True))
    assert hand.swim.local.incarnation == own, "as far as it goes"
    hand.hear(3, moved(1, own))
    assert hand.swim.local.incarnation == own + 1
    assert hand.swim.counters.get("refuted", 0) == 0, "it was not accused"
