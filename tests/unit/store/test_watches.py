"""Who is told what, by example; ``test_against_copies`` compares any course of events."""

from __future__ import annotations

import pytest

from pycluster.store import (
    OPEN_END,
    Compact,
    DeleteRange,
    Event,
    Failure,
    KeyValue,
    Put,
    Txn,
    Watch,
    WatchBatch,
    Watches,
)
from pycluster.store.audience import Audience, after_prefix
from tests.unit.store.hand import apply, done, restored, store, tidied, written


def heard(batches: list[tuple[int, WatchBatch]]) -> dict[int, list[bytes]]:
    return {watch_id: [event.kv.key for event in batch.events] for watch_id, batch in batches}


def test_a_watch_from_now_on_hears_what_follows() -> None:
    one = store()
    watches = Watches(one)
    done(one, Put(b"a"))
    assert watches.open(1, Watch(b"a")) == WatchBatch(2)
    assert not watches.behind and watches.catch_up() == []
    told = watches.publish(apply(one, Put(b"a", b"x")))
    assert told == [(1, WatchBatch(3, (Event(False, KeyValue(b"a", b"x", 2, 3, 2)),)))]
    assert watches.publish(apply(one, Put(b"b"))) == []
    watches.close(1)
    watches.close(1)
    assert watches.publish(apply(one, Put(b"a"))) == []
    assert watches.progress(1) is None


def test_single_keys_prefixes_intervals_and_open_ends() -> None:
    one = store()
    watches = Watches(one)
    for watch_id, (key, range_end) in enumerate(
        [(b"ab", b""), (b"a", b"b"), (b"aa", b"ac"), (b"ab", OPEN_END), (b"", OPEN_END), (b"b", b"c"), (b"", b"b")]
    ):
        watches.open(watch_id, Watch(key, range_end))
    assert sorted(heard(watches.publish(apply(one, Put(b"ab"))))) == [0, 1, 2, 3, 4, 6]
    assert sorted(heard(watches.publish(apply(one, Put(b"a"))))) == [1, 4, 6]
    assert sorted(heard(watches.publish(apply(one, Put(b"b"))))) == [3, 4, 5]
    for watch_id in range(7):
        watches.close(watch_id)
    assert watches.publish(apply(one, Put(b"ab"))) == []


def test_a_prefix_ends_where_etcd_says() -> None:
    assert after_prefix(b"a") == b"b"
    assert after_prefix(b"a\xff\xff") == b"b"
    assert after_prefix(b"\xff") is None
    audience = Audience()
    audience.add(1, Watch(b"a\xff", b"b"))
    assert [list(audience.of(key)) for key in (b"a\xfe", b"a\xff", b"a\xff\xff", b"b")] == [[], [1], [1], []]


def test_what_is_not_asked_for_is_left_out() -> None:
    one = store()
    watches = Watches(one)
    done(one, Put(b"a", b"1"))
    watches.open(1, Watch(b"a", no_put=True))
    watches.open(2, Watch(b"a", no_delete=True, prev_kv=True))
    before = KeyValue(b"a", b"1", 2, 2, 1)
    put = Event(False, KeyValue(b"a", b"2", 2, 3, 2), before)
    assert watches.publish(apply(one, Put(b"a", b"2"))) == [(2, WatchBatch(3, (put,)))]
    gone = Event(True, KeyValue(b"a", b"", 0, 4, 0))
    assert watches.publish(apply(one, DeleteRange(b"a"))) == [(1, WatchBatch(4, (gone,)))]


def test_a_revision_is_told_whole_and_equal_watchers_share_it() -> None:
    one = store()
    watches = Watches(one)
    for watch_id in (1, 2):
        watches.open(watch_id, Watch(b"a", b"c"))
    (_, first), (_, second) = watches.publish(apply(one, Txn(success=(Put(b"b"), Put(b"x"), Put(b"a")))))
    assert first is second
    assert [event.kv.key for event in first.events] == [b"b", b"a"]


def test_a_watch_from_the_past_catches_up_and_joins_without_gap_or_duplicate() -> None:
    one = store(slice_entries=2)
    watches = Watches(one)
    done(one, *(Put(b"a", b"%d" % number) for number in range(5)))
    assert watches.open(1, Watch(b"a", start_revision=3)) == WatchBatch(2)
    values, revision = [], 2
    while watches.behind:
        assert watches.progress(1) is None
        for _, batch in watches.catch_up():
            values += [event.kv.value for event in batch.events]
            assert batch.revision > revision
            revision = batch.revision
        if one.revision < 8:
            assert watches.publish(apply(one, Put(b"a", b"%d" % one.revision))) == []
    assert values == [b"1", b"2", b"3", b"4", b"6", b"7"]
    assert watches.progress(1) == WatchBatch(8)
    assert heard(watches.publish(apply(one, Put(b"a")))) == {1: [b"a"]}


def test_watchers_that_are_behind_take_turns() -> None:
    one = store(slice_entries=1)
    watches = Watches(one)
    done(one, Put(b"a"), Put(b"a"))
    for watch_id in (1, 2):
        watches.open(watch_id, Watch(b"a", start_revision=2))
    assert [watch_id for _ in range(4) for watch_id, _ in watches.catch_up()] == [1, 2, 1, 2]


def test_what_was_applied_before_a_watch_joined_is_not_published_to_it_again() -> None:
    one = store()
    watches = Watches(one)
    watches.open(1, Watch(b"a", start_revision=1))
    applied = apply(one, Put(b"a"))
    assert heard(watches.catch_up()) == {1: [b"a"]}
    watches.open(2, Watch(b"a"))
    assert watches.publish(applied) == []


def test_no_progress_is_claimed_past_what_was_published() -> None:
    one = store()
    watches = Watches(one)
    watches.open(1, Watch(b"a"))
    applied = apply(one, Put(b"a"))
    assert watches.progress(1) == WatchBatch(1)
    assert heard(watches.publish(applied)) == {1: [b"a"]}
    assert watches.progress(1) == WatchBatch(2)


def test_a_watch_may_begin_in_the_future() -> None:
    one = store()
    watches = Watches(one)
    assert watches.open(1, Watch(b"a", start_revision=4)) == WatchBatch(3)
    assert watches.publish(apply(one, Put(b"a"))) == []
    assert watches.progress(1) == WatchBatch(3)
    assert watches.publish(apply(one, Put(b"a"))) == []
    assert heard(watches.publish(apply(one, Put(b"a")))) == {1: [b"a"]}


def test_a_watch_of_what_is_compacted_says_from_where_it_may_begin() -> None:
    one = store()
    watches = Watches(one)
    done(one, Put(b"a"), Put(b"a"), DeleteRange(b"a"), Compact(4))
    for _ in range(2):
        assert watches.open(1, Watch(b"a", start_revision=3)) == WatchBatch(2, compact_revision=4)
        assert watches.open(1, Watch(b"a", start_revision=4, prev_kv=True)) == WatchBatch(3)
        assert watches.catch_up() == [(1, WatchBatch(4, (Event(True, KeyValue(b"a", b"", 0, 4, 0)),)))]
        watches.close(1)
        tidied(one)


def test_a_watch_that_a_compaction_overtakes_ends() -> None:
    one = store()
    watches = Watches(one)
    done(one, Put(b"a"), Put(b"a"))
    watches.open(1, Watch(b"a", start_revision=2))
    done(one, Compact(3))
    assert watches.catch_up() == [(1, WatchBatch(1, compact_revision=3))]
    assert not watches.behind and watches.publish(apply(one, Put(b"a"))) == []


@pytest.mark.parametrize(
    "watch", [Watch(b"b", b"a"), Watch(b"b", b"b"), Watch(b"a", start_revision=-1), Watch(b"", b"\0\0", -5)]
)
def test_what_cannot_be_watched(watch: Watch) -> None:
    watches = Watches(store())
    refusal = watches.open(1, watch)
    assert isinstance(refusal, Failure) and refusal.kind == "bad-request"
    assert watches.open(1, Watch(b"a")) == WatchBatch(1)
    assert isinstance(watches.open(1, Watch(b"a")), Failure)


def test_nothing_is_before_a_creation_even_where_its_own_revision_deleted_the_key() -> None:
    one = store()
    watches = Watches(one)
    done(one, Put(b"a", b"1"))
    watches.open(1, Watch(b"a", OPEN_END, prev_kv=True))
    recreate = Txn(success=(DeleteRange(b"A", OPEN_END), Put(b"a", b"2")))
    ((_, live),) = watches.publish(apply(one, recreate))
    assert [event.previous for event in live.events] == [KeyValue(b"a", b"1", 2, 2, 1), None]
    watches.open(2, Watch(b"a", start_revision=3, prev_kv=True))
    assert watches.catch_up() == [(2, live)]


def test_what_one_revision_wrote_twice_is_told_twice_also_once_it_is_compacted() -> None:
    one = store()
    done(one, Put(b"b", b"1"), Txn(success=(Put(b"b", b"2"), DeleteRange(b"a", OPEN_END))), Put(b"c"), Compact(3))
    tidied(one)
    copy = restored(written(one))
    assert copy.size_bytes == one.size_bytes
    for each in (one, copy):
        watches = Watches(each)
        watches.open(1, Watch(b"b", start_revision=3))
        put, gone = Event(False, KeyValue(b"b", b"2", 2, 3, 2)), Event(True, KeyValue(b"b", b"", 0, 3, 0))
        assert watches.catch_up() == [(1, WatchBatch(4, (put, gone)))]
    done(one, Compact(4))
    tidied(one)
    assert one.keyspace.every(b"", 9) == [b"c"]


def test_watchers_go_on_where_they_were_when_a_snapshot_takes_the_place_of_the_store() -> None:
    one, other = store(slice_entries=1), store()
    done(one, Put(b"a"), Put(b"b"))
    watches = Watches(one)
    watches.open(1, Watch(b"a", OPEN_END))
    watches.open(2, Watch(b"a", OPEN_END, start_revision=2))
    watches.open(3, Watch(b"a", OPEN_END, start_revision=7))
    assert heard(watches.catch_up()) == {2: [b"a"]}
    done(other, *(Put(key) for key in (b"a", b"b", b"c", b"d")))
    watches.replace(restored(written(other)))
    told: dict[int, list[bytes]] = {1: [], 2: []}
    while watches.behind:
        for watch_id, batch in watches.catch_up():
            told[watch_id] += [event.kv.key for event in batch.events]
    assert told == {1: [b"c", b"d"], 2: [b"b", b"c", b"d"]}
    assert heard(watches.publish(apply(other, Put(b"e")))) == {1: [b"e"], 2: [b"e"]}
    assert heard(watches.publish(apply(other, Put(b"f")))) == {1: [b"f"], 2: [b"f"], 3: [b"f"]}


def test_a_watcher_to_whom_nothing_happened_misses_nothing_either_when_the_store_is_replaced() -> None:
    one = store()
    watches = Watches(one)
    watches.open(1, Watch(b"quiet", start_revision=2))
    while watches.behind:
        watches.catch_up()
    for _ in range(5):
        watches.publish(apply(one, Put(b"noise")))
    done(one, Compact(one.revision))
    watches.replace(restored(written(one)))
    assert not watches.behind, "what was compacted was told, though there was nothing of it to tell"
    assert heard(watches.publish(apply(one, Put(b"quiet")))) == {1: [b"quiet"]}


def test_what_was_before_counts_for_a_slice_of_the_past() -> None:
    """A batch goes to another node in one frame."""
    one = store(request_max_bytes=1_024)
    for number in range(10):
        done(one, Put(b"%d" % number, b"x" * 900))
    for number in range(10):
        done(one, DeleteRange(b"%d" % number))
    watches = Watches(one)
    watches.open(1, Watch(b"", OPEN_END, start_revision=12, prev_kv=True))
    told = []
    while watches.behind:
        told += watches.catch_up()
    assert [len(batch.events) for _, batch in told] == [2] * 5
