"""Goodbyes: told to a few at once, spread for a bounded time; and who may be forced out."""

from __future__ import annotations

from pycluster.kernel.units import MILLISECOND
from pycluster.membership import effects, events
from pycluster.membership.messages import Down, Left, Ping, Suspect
from tests.paper.swim_hand import Hand, address, alive, name, uuid

GOODBYE = Left(name(1), uuid(1), 1)


def departed(done: list[effects.Effect]) -> bool:
    return effects.Departed() in done


def test_a_goodbye_is_told_at_once_and_the_process_may_end_after_a_bounded_time() -> None:
    hand = Hand(members=20)
    done = hand.feed(events.Leave())
    assert sum(GOODBYE in sent.packet.updates for sent in hand.packets(done)) >= 3
    assert not departed(done)
    assert departed(hand.run(hand.params.leave_linger_ms + 1))
    assert not departed(hand.run(10_000)), "once"


def test_whoever_is_alone_need_not_wait() -> None:
    hand = Hand(members=1)
    assert departed([*hand.feed(events.Leave()), *hand.run(1)])


def test_leaving_twice_is_leaving_once() -> None:
    hand = Hand(members=3)
    hand.feed(events.Leave())
    assert hand.feed(events.Leave()) == []


def test_whoever_leaves_probes_nobody_and_answers_no_accusation() -> None:
    hand = Hand(members=3)
    hand.feed(events.Leave())
    hand.hear(2, Suspect(name(1), uuid(1), 1, name(2)))
    done = hand.run(10_000)
    assert not hand.probes(Ping, done)
    assert hand.swim.local.incarnation == 1
    assert hand.state(1) == "left"


def test_a_goodbye_heard_ends_a_suspicion_and_is_no_failure() -> None:
    hand = Hand(members=3)
    hand.hear(3, Suspect(name(2), uuid(2), 1, name(3)))
    hand.hear(2, Left(name(2), uuid(2), 1))
    hand.run(60_000)
    assert hand.changes(2) == ["suspect", "left"]


def test_a_goodbye_of_an_earlier_life_is_over() -> None:
    hand = Hand(members=2)
    hand.hear(2, alive(2, 5), incarnation=5)
    hand.hear(3, Left(name(2), uuid(2), 4))
    assert hand.state(2) == "alive"


def test_whoever_comes_back_after_a_goodbye_is_back() -> None:
    hand = Hand(members=3)
    hand.hear(2, Left(name(2), uuid(2), 1))
    hand.hear(2, alive(2, 2), incarnation=2)
    assert hand.changes(2) == ["left", "alive"]


def test_only_the_down_can_be_forced_out_and_the_refusal_says_what_to_do() -> None:
    hand = Hand(members=3)
    for who, remedy in (
        (name(2), "stop its agent, or run leave on n2"),
        (name(1), "use pycluster leave"),
        ("x", "see"),
    ):
        (failed,) = hand.feed(events.ForceLeave(who))
        assert isinstance(failed, effects.CommandFailed)
        assert remedy in failed.remedy
    hand.hear(3, Suspect(name(2), uuid(2), 1, name(3)))
    assert any(isinstance(effect, effects.CommandFailed) for effect in hand.feed(events.ForceLeave(name(2))))


def test_the_down_that_is_forced_out_has_left_and_everyone_is_told_by_whom() -> None:
    hand = Hand(members=3)
    hand.kill(2)
    while hand.state(2) != "down":
        hand.run(100)
    hand.feed(events.ForceLeave(name(2)))
    assert hand.state(2) == "left"
    assert Left(name(2), uuid(2), 1, name(1)) in hand.told(Left, hand.run(1_000))
    assert hand.changes(2)[-1] == "left"


def test_the_dead_are_forgotten_after_a_day_and_the_gone_after_an_hour() -> None:
    hand = Hand(members=4)
    hand.kill(2)
    hand.hear(3, Left(name(3), uuid(3), 1))
    while hand.state(2) != "down":
        hand.run(100)
    hand.run(hand.params.left_keep_ms + hand.params.sync_interval_ms + 20_000)
    assert name(3) not in hand.swim.members
    assert hand.state(2) == "down"
    hand.now_us += (hand.params.down_keep_ms - hand.params.left_keep_ms) * MILLISECOND
    hand.feed(events.Timer())
    hand.run(hand.params.sync_interval_ms)
    assert name(2) not in hand.swim.members
    assert hand.changes(2)[-1] == "forgotten"


def test_a_verdict_on_one_who_left_changes_nothing() -> None:
    hand = Hand(members=3)
    hand.hear(2, Left(name(2), uuid(2), 1))
    hand.hear(3, Down(name(2), uuid(2), 1, name(3), True))
    assert hand.state(2) == "left"
    assert hand.member(2).address == address(2)
