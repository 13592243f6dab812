"""What a plan waits for: the watch that is to show what the last one wrote, and what changes while it writes."""

from __future__ import annotations

from pycluster import store
from pycluster.controllers import Plan, View, Write
from tests.unit.controllers.hand import PARAMS, Controller
from tests.unit.controllers.test_reconciliation import new, versions


def test_the_next_plan_waits_for_the_watch_to_show_what_the_last_one_wrote() -> None:
    hand = new()
    hand.put(b"a/1")
    hand.slow = True
    hand.start()
    hand.pass_ms(PARAMS.catch_up_ms - 1)
    assert (hand.core.view().plans, versions(hand)) == (2, {b"b/1": 1}), "once more with the fence"
    hand.catch_up()
    hand.pass_ms(1_000)
    assert (hand.core.view().plans, hand.core.view().conflicts) == (3, 0)


def test_but_not_for_ever() -> None:
    hand = new()
    hand.put(b"a/1")
    hand.slow = True
    hand.start()
    hand.pass_ms(PARAMS.catch_up_ms + 1)
    assert (hand.core.view().plans, hand.core.view().conflicts) == (3, 1)
    hand.catch_up()
    hand.pass_ms(5_000)
    assert (versions(hand), hand.core.view().phase) == ({b"b/1": 1}, "watching")


def test_a_change_while_it_writes_what_it_does_not_watch_is_planned_too() -> None:
    def copy_once(view: View, now_ms: int) -> Plan:
        pairs = [(b"c" + key[1:], key) for key in view.keys if hand.value(b"c" + key[1:]) is None]
        return Plan(
            tuple(Write("copy", (store.Compare(c, "version", "equal", 0),), (store.Put(c, b"1"),)) for c, _ in pairs)
        )

    hand = new(Controller(copy_once))
    hand.start()
    hand.put(b"a/1")
    hand.hold = True
    hand.pass_ms(PARAMS.gap_ms)
    hand.put(b"a/2")
    hand.release()
    hand.pass_ms(1_000)
    assert versions(hand, b"c/") == {b"c/1": 1, b"c/2": 1}
