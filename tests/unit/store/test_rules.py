"""etcd's rules by example; ``test_against_copies`` has them all at once."""

from __future__ import annotations

import msgspec
import pytest

from pycluster.store import (
    OPEN_END,
    Compact,
    Compare,
    DeleteRange,
    DeleteResult,
    Event,
    Failure,
    KeyValue,
    LeaseGrant,
    LeaseRevoke,
    Put,
    PutResult,
    Range,
    RangeResult,
    Store,
    Txn,
    TxnResult,
)
from tests.unit.store.hand import EVERYTHING, apply, done, keys, read, refused, store, tidied


def test_an_empty_store_is_at_revision_1_and_the_first_write_makes_2() -> None:
    one = store()
    assert (one.revision, one.compact_revision, one.size_bytes) == (1, 0, 0)
    assert done(one, Put(b"a", b"1")) == PutResult(2)
    assert read(one) == RangeResult(2, (KeyValue(b"a", b"1", 2, 2, 1),), 1)


def test_versions_count_from_the_creation_and_a_deleted_key_begins_anew() -> None:
    one = store()
    done(one, Put(b"a"), Put(b"a"))
    assert read(one).kvs[0] == KeyValue(b"a", b"", 2, 3, 2)
    done(one, DeleteRange(b"a"), Put(b"a"))
    assert read(one).kvs[0] == KeyValue(b"a", b"", 5, 5, 1)


def test_deleting_nothing_makes_no_revision() -> None:
    one = store()
    assert apply(one, DeleteRange(b"a", OPEN_END)).result == DeleteResult(1)
    assert done(one, Txn(success=(DeleteRange(b"a"), Range(b"a")))) == TxnResult(
        1, True, (DeleteResult(1), RangeResult(1))
    )
    assert one.revision == 1


def test_a_transaction_is_one_revision_and_its_reads_see_its_writes() -> None:
    one = store()
    change = (Range(b"a"), Put(b"a"), Range(b"a"), Range(b"a", revision=1), Txn(success=(Put(b"b"),)))
    assert done(one, Txn(success=change)) == TxnResult(
        2,
        True,
        (
            RangeResult(1),
            PutResult(2),
            RangeResult(2, (KeyValue(b"a", b"", 2, 2, 1),), 1),
            RangeResult(2),
            TxnResult(0, True, (PutResult(2),)),
        ),
    )


def test_conditions_of_inner_transactions_are_of_the_state_before() -> None:
    one = store()
    there = Txn((Compare(b"a", "version", "greater"),), (Put(b"yes"),), (Put(b"no"),))
    done(one, Txn(success=(Put(b"a"), there)))
    assert keys(one) == [b"a", b"no"]


@pytest.mark.parametrize(
    ("compare", "holds"),
    [
        (Compare(b"missing"), True),
        (Compare(b"missing", "create", "equal", 0), True),
        (Compare(b"missing", "lease", "less", 1), True),
        (Compare(b"missing", "value", "not_equal", value=b"x"), False),
        (Compare(b"missing", "value", "equal", value=b""), False),
        (Compare(b"a", "version", "equal", 1, range_end=OPEN_END), False),
        (Compare(b"a", "version", "greater", 0, range_end=OPEN_END), True),
        (Compare(b"a", "value", "less", value=b"3", range_end=b"c"), True),
        (Compare(b"a", "value", "less", value=b"2", range_end=b"c"), False),
        (Compare(b"x", "version", "equal", 0, range_end=OPEN_END), True),
        (Compare(b"b", "mod", "equal", 4), True),
    ],
)
def test_conditions_on_keys_that_are_missing_and_on_intervals(compare: Compare, holds: bool) -> None:
    one = store()
    done(one, Put(b"a", b"1"), Put(b"b", b"1"), Put(b"b", b"2"))
    result = done(one, Txn((compare,)))
    assert isinstance(result, TxnResult) and result.succeeded is holds


def test_a_failing_operation_leaves_the_whole_transaction_undone() -> None:
    one = store()
    done(one, Put(b"a"), Put(b"a"), Compact(2))
    assert refused(one, Txn(success=(Put(b"b"), Range(b"a", revision=4)))) == "future-revision"
    assert refused(one, Txn(success=(Put(b"b"), Range(b"a", revision=1)))) == "compacted"
    assert refused(one, Txn(success=(Put(b"b"), Put(b"c", lease=7)))) == "lease-not-found"
    assert refused(one, Txn(success=(Put(b"b"), Put(b"c", ignore_lease=True)))) == "key-not-found"
    done(one, Txn(success=(Range(b"a", revision=2),), failure=(Range(b"a", revision=9), Put(b"c", lease=7))))


def test_a_key_that_a_transaction_deletes_behind_an_open_end_cannot_keep_its_value() -> None:
    one = store()
    done(one, Put(b"a"))
    assert refused(one, Txn(success=(DeleteRange(b"a", OPEN_END), Put(b"a", ignore_value=True)))) == "key-not-found"


@pytest.mark.parametrize(
    "branch",
    [
        (Put(b"a"), Put(b"a")),
        (Put(b"a"), DeleteRange(b"a")),
        (DeleteRange(b"a", b"c"), Put(b"b")),
        (Put(b"a"), Txn(success=(Put(b"a"),))),
        (Put(b"a"), Txn(failure=(DeleteRange(b"", b"b"), DeleteRange(b"a")))),
        (Txn(success=(DeleteRange(b"a"),)), Txn(failure=(Put(b"a"),))),
        (Txn(success=(Put(b"a"),)), Txn(failure=(Put(b"a"),))),
    ],
)
def test_no_branch_may_write_a_key_twice(branch: tuple[Put | DeleteRange | Txn, ...]) -> None:
    one = store()
    assert refused(one, Txn(success=branch)) in ("duplicate-key", "empty-key")
    assert refused(one, Txn(failure=branch)) in ("duplicate-key", "empty-key")


@pytest.mark.parametrize(
    ("branch", "left"),
    [
        ((DeleteRange(b"a"), DeleteRange(b"a", b"c")), []),
        ((Txn(success=(Put(b"a"),), failure=(Put(b"a"),)),), [b"a"]),
        ((DeleteRange(b"a", OPEN_END), Put(b"b")), [b"b"]),
        ((Put(b"b"), DeleteRange(b"a", OPEN_END)), []),
        ((Txn(success=(Put(b"b"),)), Txn(success=(DeleteRange(b"b"),))), [b"a"]),
    ],
)
def test_what_etcd_lets_through_writes_in_order(branch: tuple[Put | DeleteRange | Txn, ...], left: list[bytes]) -> None:
    one = store()
    done(one, Put(b"a"), Txn(success=branch))
    assert (keys(one), one.revision) == (left, 3)
    done(one, Compact(3), Put(b"z"), Compact(4))
    tidied(one)
    assert keys(one) == [*left, b"z"]


def test_what_an_empty_key_and_ignored_parts_demand() -> None:
    one = store()
    assert refused(one, Put(b"")) == refused(one, DeleteRange(b"", OPEN_END)) == "empty-key"
    assert refused(one, Txn((Compare(b""),))) == refused(one, Txn(failure=(Range(b""),))) == "empty-key"
    assert one.range(Range(b"")) == Failure("empty-key", "a key has at least one byte", 1, 0)
    assert refused(one, Put(b"a", b"x", ignore_value=True)) == "value-provided"
    assert refused(one, Put(b"a", lease=1, ignore_lease=True)) == "lease-provided"
    assert refused(one, Put(b"a", ignore_value=True)) == refused(one, Put(b"a", ignore_lease=True)) == "key-not-found"
    done(one, LeaseGrant(60, 1), Put(b"a", b"x", 1), Put(b"a", b"y", ignore_lease=True))
    assert read(one).kvs[0] == KeyValue(b"a", b"y", 2, 3, 2, 1)
    done(one, Put(b"a", ignore_value=True))
    assert read(one).kvs[0] == KeyValue(b"a", b"y", 2, 4, 3)


def five() -> Store:
    one = store()
    done(one, *(Put(b"%d" % number, b"%d" % (number % 3)) for number in range(5)))
    return one


def test_the_limit_comes_before_an_order_that_was_not_asked_for_in_words() -> None:
    one = five()
    assert keys(one, Range(b"0", OPEN_END, 2, sort_order="ascend", sort_target="value")) == [b"0", b"3"]
    assert keys(one, Range(b"0", OPEN_END, 2, sort_target="value")) == [b"0", b"1"]
    assert keys(one, Range(b"0", OPEN_END, 2, sort_order="descend")) == [b"4", b"3"]


def test_count_is_of_the_interval_and_more_of_what_was_left_out() -> None:
    one = five()
    assert [kv.key for kv in read(one, Range(b"1", OPEN_END, 2)).kvs] == [b"1", b"2"]
    for request, count, more in (
        (Range(b"1", OPEN_END, 2), 4, True),
        (Range(b"1", OPEN_END, 4), 4, False),
        (Range(b"1", OPEN_END, 1, min_mod_revision=5), 4, True),
        (Range(b"1", OPEN_END, 2, min_mod_revision=5, max_create_revision=6), 4, False),
        (Range(b"1", OPEN_END, 1, count_only=True), 4, False),
        (Range(b"1", OPEN_END, 1, revision=4), 2, True),
        (Range(b"3", b"1"), 0, False),
        (Range(b"9"), 0, False),
    ):
        result = read(one, request)
        assert (result.count, result.more, result.revision) == (count, more, 6), request


def test_only_the_living_are_counted_now_and_those_who_lived_then() -> None:
    one = five()
    done(one, DeleteRange(b"1", b"3"), Put(b"1"))
    for request, count in ((Range(b"0", OPEN_END), 4), (Range(b"1", b"4"), 2), (Range(b"2"), 0), (Range(b"1"), 1)):
        for past, counted in ((0, count), (6, 5 if request.range_end == OPEN_END else 3 if request.range_end else 1)):
            for also in ({"count_only": True}, {"limit": 1}, {}):
                asked = msgspec.structs.replace(request, revision=past, **also)
                assert read(one, asked).count == counted, asked


def test_reads_of_the_past_end_at_the_compaction() -> None:
    one = store()
    done(one, Put(b"a", b"1"), Put(b"a", b"2"), DeleteRange(b"a"), Put(b"b"))
    assert refused(one, Compact(6)) == "future-revision"
    done(one, Compact(3))
    assert (one.compact_revision, refused(one, Compact(3)), refused(one, Compact(2))) == (3, "compacted", "compacted")
    for slices in (0, 1):
        assert slices == 0 or tidied(one)
        early = one.range(Range(b"a", revision=2))
        assert isinstance(early, Failure)
        assert (early.kind, early.revision, early.compact_revision) == ("compacted", 5, 3)
        assert [kv.value for kv in read(one, Range(b"a", revision=3)).kvs] == [b"2"]
        assert keys(one, Range(b"a", revision=4)) == []
        late = one.range(Range(b"a", revision=6))
        assert isinstance(late, Failure) and late.kind == "future-revision"


def test_a_first_compaction_at_0_is_possible_once() -> None:
    one = store()
    assert refused(one, Compact(-1)) == "compacted"
    done(one, Compact(0))
    assert refused(one, Compact(0)) == "compacted"


def test_the_end_of_a_lease_deletes_its_keys_in_one_revision_in_order() -> None:
    one = store()
    done(one, LeaseGrant(60, 1), LeaseGrant(60, 2))
    done(one, Put(b"c", lease=1), Put(b"a", lease=1), Put(b"b", lease=1), Put(b"d", lease=1), Put(b"e", lease=2))
    done(one, Put(b"b"), Put(b"d", lease=2), DeleteRange(b"e"))
    assert (one.attached(1), one.attached(2), one.lease_ids()) == ((b"a", b"c"), (b"d",), (1, 2))
    applied = apply(one, LeaseRevoke(1))
    assert [(event.deleted, event.kv.key, event.kv.mod_revision) for event in applied.events] == [
        (True, b"a", 10),
        (True, b"c", 10),
    ]
    assert (keys(one), one.lease_ids(), one.granted_ttl_s(1)) == ([b"b", b"d"], (2,), 0)
    assert refused(one, Put(b"a", lease=1)) == "lease-not-found"
    done(one, LeaseGrant(60, 1), LeaseRevoke(1))
    assert one.revision == 10


def test_events_say_what_was_before_the_revision() -> None:
    one = store()
    done(one, Put(b"b", b"1"))
    applied = apply(one, Txn(success=(Put(b"b", b"2"), DeleteRange(b"a", OPEN_END))))
    before = KeyValue(b"b", b"1", 2, 2, 1)
    assert applied.events == (
        Event(False, KeyValue(b"b", b"2", 2, 3, 2), before),
        Event(True, KeyValue(b"b", b"", 0, 3, 0), before),
    )
    assert keys(one, EVERYTHING) == []
