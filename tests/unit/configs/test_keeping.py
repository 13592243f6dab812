"""Old versions are forgotten: by age, and by count where the bound was lowered; never what is in force."""

from __future__ import annotations

from pycluster import store
from pycluster.configs import Keeping, Params
from pycluster.configs.names import ENTRIES, history_key
from tests.unit.controllers.hand import WALL_MS, Hand

DAY_MS = 86_400_000


def kept(hand: Hand) -> list[bytes]:
    found = hand.store.range(store.Range(b"/pycluster/config/", b"/pycluster/config0", keys_only=True))
    assert isinstance(found, store.RangeResult)
    return [kv.key for kv in found.kvs]


def stage(params: Params, *ages_days: int) -> tuple[Hand, list[bytes]]:
    """An entry with versions superseded so long ago, the oldest first."""
    hand = Hand(store.Store(store.Params()), Keeping(params))
    now_ms = WALL_MS + hand.now_us // 1_000
    keys = [history_key("app", number, now_ms - age * DAY_MS) for number, age in enumerate(ages_days, 1)]
    for key in keys:
        hand.put(key, b"{}")
    hand.put(ENTRIES + b"app", b"{}")
    return hand, keys


def test_what_was_superseded_too_long_ago_is_forgotten_and_the_current_one_never() -> None:
    hand, keys = stage(Params(history_days=10), 30, 20, 9, 1)
    hand.start()
    assert kept(hand) == [ENTRIES + b"app", *keys[2:]]
    hand.pass_ms(DAY_MS + 60_000)
    assert kept(hand) == [ENTRIES + b"app", keys[3]]
    hand.pass_ms(30 * DAY_MS)
    assert kept(hand) == [ENTRIES + b"app"]
    assert hand.core.next_deadline() is None, "nothing is left to wait for"


def test_of_an_entry_that_is_gone_the_newest_is_kept_so_that_no_version_is_used_twice() -> None:
    hand, keys = stage(Params(history_days=10), 30, 20, 5)
    hand.write(store.DeleteRange(ENTRIES + b"app"))
    hand.start()
    assert kept(hand) == keys[2:]
    hand.pass_ms(30 * DAY_MS)
    assert kept(hand) == keys[2:]
    assert hand.core.next_deadline() is None, "nothing is left to wait for"
    hand.put(ENTRIES + b"app", b"{}")
    hand.pass_ms(60_000)
    assert kept(hand) == [ENTRIES + b"app"], "what is in force says it now"


def test_a_lower_count_takes_effect_and_leaves_the_newest() -> None:
    hand, keys = stage(Params(history_days=0, history_versions=1), 4, 3, 2, 1)
    hand.start()
    assert kept(hand) == [ENTRIES + b"app", *keys[2:]]
    hand.pass_ms(DAY_MS)
    assert (hand.core.next_deadline(), len(kept(hand))) == (None, 3)


def test_many_are_forgotten_in_transactions_that_the_state_takes() -> None:
    hand, _ = stage(Params(history_days=1), *range(300, 2, -1))
    hand.start()
    assert kept(hand) == [ENTRIES + b"app"]
    assert hand.core.view().steps == 3


def test_a_foreign_key_among_them_is_told_and_nothing_is_forgotten_for_it() -> None:
    hand, keys = stage(Params(history_days=10), 30)
    hand.put(b"/pycluster/config/history/rubbish", b"")
    hand.start()
    assert hand.core.view().problem.startswith("no plan can be made: ValueError")
    assert keys[0] in kept(hand)
