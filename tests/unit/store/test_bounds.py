"""Every bound of ``Params`` is reached, from both sides."""

from __future__ import annotations

import msgspec
import pytest

from pycluster.kernel.errors import LocalMisuse
from pycluster.store import (
    OPEN_END,
    VOUCHED,
    Command,
    Compact,
    Compare,
    DeleteRange,
    DeleteResult,
    Failure,
    KeyValue,
    LeaseGrant,
    LeaseGrantResult,
    LeaseRevoke,
    Params,
    Put,
    PutResult,
    Range,
    RangeResult,
    Store,
    Txn,
    TxnResult,
    Watch,
    Watches,
    Write,
)
from pycluster.store.reads import Answer
from pycluster.store.refusals import Refusal
from tests.unit.store.hand import EVERYTHING, apply, done, keys, read, refused, restored, store, tidied, written


def test_a_parameter_outside_its_bounds_is_refused() -> None:
    with pytest.raises(LocalMisuse, match="key_max_bytes = 0"):
        Params(key_max_bytes=0)


def test_a_key_and_a_value_have_a_greatest_length() -> None:
    one = store(key_max_bytes=3, value_max_bytes=4)
    done(one, Put(b"abc", b"1234"))
    assert refused(one, Put(b"abcd")) == "key-too-large"
    assert refused(one, Put(b"abc", b"12345")) == "request-too-large"
    assert refused(one, Txn(success=(Put(b"abcd"),))) == "key-too-large"


def test_a_request_has_a_greatest_size() -> None:
    one = store(request_max_bytes=1_024)
    done(one, Put(b"a", b"x" * (1_024 - 33)))
    assert refused(one, Put(b"a", b"x" * (1_024 - 32))) == "request-too-large"
    half = b"x" * 500
    assert refused(one, Txn(success=(Put(b"a", half),), failure=(Put(b"a", half),))) == "request-too-large"
    assert refused(one, Txn((Compare(b"a", "value", value=b"x" * 1_024),))) == "request-too-large"
    assert refused(one, DeleteRange(b"x" * 1_024)) == "request-too-large"


def test_an_answer_has_a_greatest_size_and_what_would_bring_more_changes_nothing() -> None:
    one = store(request_max_bytes=1_024)
    for key in (b"a", b"b", b"c"):
        done(one, Put(key, b"x" * 400))
    too_much = one.range(Range(b"a", OPEN_END))
    assert isinstance(too_much, Failure) and too_much.kind == "request-too-large"
    assert keys(one, Range(b"a", OPEN_END, limit=2)) == [b"a", b"b"]
    assert keys(one, Range(b"a", OPEN_END, keys_only=True)) == [b"a", b"b", b"c"]
    assert refused(one, DeleteRange(b"a", OPEN_END, prev_kv=True)) == "request-too-large"
    change = (Put(b"d"), DeleteRange(b"a"), Put(b"b", b"y"), Range(b"b", OPEN_END))
    assert done(one, Txn(success=change[:-1])) == TxnResult(5, True, (PutResult(5), DeleteResult(5, 1), PutResult(5)))
    done(one, Put(b"a", b"x" * 400), Put(b"b", b"x" * 400))
    assert refused(one, Txn(success=(DeleteRange(b"d"), Put(b"e"), Range(b"a", OPEN_END)))) == "request-too-large"
    assert keys(one, Range(b"a", OPEN_END, keys_only=True)) == [b"a", b"b", b"c", b"d"]


def test_what_a_refused_transaction_did_to_leases_is_undone() -> None:
    one = store(request_max_bytes=1_024)
    done(one, LeaseGrant(60, 1), LeaseGrant(60, 2), Put(b"a", b"x" * 900, 1), Put(b"b", b"x" * 900))
    change = (Put(b"a", lease=2), Put(b"c", lease=1), Range(b"a"), Range(b"b"), Range(b"b"))
    assert refused(one, Txn(success=change)) == "request-too-large"
    assert (one.attached(1), one.attached(2)) == ((b"a",), ())
    assert refused(one, Txn(success=(DeleteRange(b"a"), Range(b"b"), Range(b"b")))) == "request-too-large"
    assert one.attached(1) == (b"a",)
    done(one, LeaseRevoke(1))
    assert keys(one) == [b"b"]


def test_a_branch_has_a_greatest_number_of_operations_and_inner_ones_share_it() -> None:
    one = store(operations_max=3)
    done(one, Txn(success=(Range(b"a"), Range(b"b"), Range(b"c"))))
    assert refused(one, Txn(success=(Range(b"a"),) * 4)) == "too-many-operations"
    assert refused(one, Txn(failure=(Range(b"a"),) * 4)) == "too-many-operations"
    assert refused(one, Txn(compare=(Compare(b"a"),) * 4)) == "too-many-operations"
    inner = Txn(success=(Range(b"a"), Range(b"b")))
    done(one, Txn(success=(inner,)))
    assert refused(one, Txn(success=(inner, Range(b"c")))) == "too-many-operations"


def test_transactions_lie_within_each_other_only_so_deep() -> None:
    one = store(operations_max=10_000)
    inner = Txn(success=(Put(b"a"),))
    for _ in range(127):
        inner = Txn(success=(inner,))
    done(one, inner)
    assert keys(one) == [b"a"]
    assert refused(one, Txn(success=(Txn(success=(inner,)),))) == "too-many-operations"


def crowded(one: Store, write: Write, coming: int = 0) -> bool:
    """Whether it is refused for lack of space before it reaches the log; what stands there is applied, whatever holds.

    How much space there is, each node's settings say, and the copies must not differ by that.
    """
    found = one.check(write, coming)
    assert found is None or found.kind == "no-space", found
    return found is not None


def test_what_is_in_the_log_is_applied_also_where_there_is_no_space() -> None:
    one, other = store(state_max_bytes=1 << 20), store(state_max_bytes=1 << 21)
    for each in (one, other):
        done(each, *(Put(b"k", b"x" * 600_000) for _ in range(3)))
    assert crowded(one, Put(b"k")) and one.digest() == other.digest()


def test_a_full_state_takes_deletions_and_compactions_and_then_has_room_again() -> None:
    one = store(state_max_bytes=1 << 20, value_max_bytes=1 << 20)
    value = b"x" * 300_000
    done(one, Put(b"a", value), Put(b"b", value), Put(b"a", value))
    assert one.size_bytes == 3 * (300_000 + 1 + 128)
    assert crowded(one, Put(b"c", value))
    assert one.check(Txn(success=(DeleteRange(b"a"),))) is None
    assert crowded(one, Txn(success=(Put(b"c"), Put(b"d", value))))
    assert crowded(one, Txn(failure=(Put(b"c", value),)))
    assert crowded(one, Put(b"b"), coming=150_000) and not crowded(one, Put(b"b"))
    done(one, LeaseGrant(60, 1), Put(b"c", b"small", 1), LeaseRevoke(1), DeleteRange(b"a"))
    assert crowded(one, Put(b"c", value))
    done(one, Compact(one.revision))
    # The deletion that the compaction was made at is kept until the next.
    assert one.size_bytes == 300_000 + 129 + 129
    done(one, Put(b"c", value))
    assert tidied(one) and one.size_bytes == 2 * (300_000 + 129) + 129


def test_what_no_answer_could_bring_is_not_gathered_first() -> None:
    one = store(request_max_bytes=1_024)
    for number in range(31):
        done(one, Put(b"%02d" % number))
    walked = iter([(b"%d" % number, b"") for number in range(1_000)])
    with pytest.raises(Refusal):
        Answer(1_024, 100_000).all_of(walked)
    assert next(walked) == (b"32", b"")
    for asked in (EVERYTHING, Range(b"\0", OPEN_END, keys_only=True, sort_order="descend")):
        refusal = one.range(asked)
        assert isinstance(refusal, Failure) and refusal.kind == "request-too-large"
    assert len(keys(one, Range(b"01", OPEN_END))) == 30
    assert len(keys(one, Range(b"\0", OPEN_END, limit=30, sort_order="descend"))) == 30


def test_only_the_larger_branch_needs_room() -> None:
    one = store(state_max_bytes=1 << 20)
    value = b"x" * 700_000
    done(one, Txn(success=(Put(b"a", value),), failure=(Put(b"b", value),)))
    assert crowded(one, Txn(success=(Put(b"a"),), failure=(Put(b"b", value),)))


def test_leases_have_a_greatest_number_and_bounds_of_time() -> None:
    one = store(leases_max=2, lease_ttl_min_s=5, lease_ttl_max_s=60)
    assert done(one, LeaseGrant(-1, 1)) == LeaseGrantResult(1, 1, 5)
    assert done(one, LeaseGrant(60, (1 << 63) - 1)) == LeaseGrantResult(1, (1 << 63) - 1, 60)
    assert refused(one, LeaseGrant(60, 3)) == "too-many-leases"
    assert refused(one, LeaseGrant(61, 3)) == "lease-ttl-too-large"
    assert refused(one, LeaseGrant(60, 1)) == "lease-exists"
    assert refused(one, LeaseGrant(60, 1 << 63)) == refused(one, LeaseGrant(60, -1)) == "bad-request"
    done(one, LeaseRevoke(1))
    assert refused(one, LeaseRevoke(1)) == "lease-not-found"
    done(one, LeaseGrant(60, 3))


def test_a_lease_gets_its_id_between_the_check_and_the_log() -> None:
    one = store()
    assert one.check(LeaseGrant(60)) is None
    assert refused(one, LeaseGrant(60)) == "bad-request"


def test_only_the_last_requests_are_remembered() -> None:
    one = store(remembered_max=2)
    for number in range(3):
        apply(one, Put(b"a", b"%d" % number), b"%d" % number)
    again = apply(one, Put(b"a", b"2"), b"2")
    assert (again.result, again.revision, again.events) == (PutResult(4), 4, ())
    assert apply(one, Put(b"a", b"again"), b"0").result == PutResult(5)
    assert apply(one, Put(b"a", b"again"), b"1").result == PutResult(6)
    none = store(remembered_max=0)
    assert [apply(none, Put(b"a"), b"id").revision for _ in range(2)] == [2, 3]


def test_one_id_is_of_one_write() -> None:
    one = store()
    cases: tuple[tuple[Write, ...], ...] = (
        (Put(b"k", b"1"), Put(b"k", b"2"), Put(b"j", b"1"), Put(b"k", b"1", prev_kv=True), DeleteRange(b"k")),
        (Txn(success=(Put(b"k"),)), Txn((Compare(b"k", "version", "equal", 1),), (Put(b"k"),)), Txn()),
        (DeleteRange(b"k"), DeleteRange(b"k", b"\0")),
        (LeaseGrant(60, 1), LeaseGrant(61, 1)),
    )
    for first, *others in cases:
        id_ = repr(first).encode()[:64]
        answer, before = apply(one, first, id_).result, one.revision
        for other in others:
            told = apply(one, other, id_)
            assert isinstance(told.result, Failure) and told.result.kind == "bad-request" and not told.events
            refused_early = one.again(id_, other)
            assert isinstance(refused_early, Failure) and refused_early.kind == "bad-request"
        assert apply(one, first, id_).result == one.again(id_, first) == answer and one.revision == before


def test_what_is_written_under_an_id_that_is_vouched_for_is_not_compared() -> None:
    one = store()
    first = apply(one, Txn(success=(Put(b"k", b"1"),)), VOUCHED + b"id").result
    assert apply(one, Txn(success=(Put(b"k", b"2"),)), VOUCHED + b"id").result == first
    other = apply(one, Put(b"k", b"2"), VOUCHED + b"id").result
    assert isinstance(other, Failure) and other.kind == "bad-request"


def test_an_answer_kept_before_there_were_fingerprints_is_still_an_answer() -> None:
    one = store()
    one.remembered.restore(b"id", msgspec.msgpack.encode(PutResult(1)))
    assert apply(one, Put(b"k"), b"id").result == PutResult(1)


def test_a_lease_whose_id_is_drawn_for_each_try_is_granted_once() -> None:
    one = store()
    apply(one, LeaseGrant(60, 1), b"id")
    again = apply(one, LeaseGrant(60, 2), b"id").result
    assert isinstance(again, LeaseGrantResult) and again.id == 1
    other = apply(one, Put(b"k"), b"id").result
    assert isinstance(other, Failure) and other.kind == "bad-request"
    assert keys(one) == []


def test_a_request_without_an_id_is_applied_each_time_and_a_refusal_is_not_remembered() -> None:
    one = store()
    assert [apply(one, Put(b"a")).revision for _ in range(2)] == [2, 3]
    assert isinstance(apply(one, Put(b"b", ignore_value=True), b"id").result, Failure)
    done(one, Put(b"b"))
    assert apply(one, Put(b"b", ignore_value=True), b"id").result == PutResult(5)
    assert isinstance(apply(one, Put(b"a"), b"x" * 65).result, Failure)
    assert apply(one, Put(b"a"), b"x" * 64).revision == 6


def test_a_large_answer_is_remembered_without_what_it_read() -> None:
    one = store(remembered_answer_max_bytes=64)
    done(one, Put(b"a", b"x" * 100), Put(b"b", b"short"))
    put = Command(b"put", Put(b"a", b"new", prev_kv=True))
    first = one.apply(put).result
    assert isinstance(first, PutResult) and first.previous is not None
    assert one.apply(put).result == PutResult(4)
    small = Command(b"small", Put(b"b", prev_kv=True))
    assert one.apply(small).result == one.apply(small).result == PutResult(5, KeyValue(b"b", b"short", 3, 3, 1))
    done(one, Put(b"a", b"x" * 100))
    txn = Command(b"txn", Txn((Compare(b"a", "version", "greater"),), (Range(b"a"), Put(b"c"))))
    assert isinstance(one.apply(txn).result, TxnResult)
    assert one.apply(txn).result == TxnResult(7, True)
    delete = Command(b"delete", DeleteRange(b"a", prev_kv=True))
    one.apply(delete)
    assert one.apply(delete).result == DeleteResult(8, 1)


def test_a_chunk_has_about_its_size() -> None:
    one = store(chunk_bytes=4_096)
    for number in range(300):
        done(one, Put(b"%03d" % number, b"x" * 100))
    sizes = [len(chunk) for chunk in written(one)]
    assert max(sizes) < 4_096 + 1_000 and len(sizes) > 9
    assert restored(written(one)).digest() == one.digest()


def test_removal_goes_on_in_slices() -> None:
    one = store(slice_entries=10)
    for number in range(100):
        done(one, Put(b"a", b"%d" % number))
    done(one, Compact(101))
    assert one.tidy() and len(one.keyspace.versions(b"a")) == 91
    assert tidied(one) == 10
    assert len(one.keyspace.versions(b"a")) == 1
    assert not one.tidy()


def test_catching_up_goes_on_in_slices_of_entries_and_of_bytes() -> None:
    one = store(slice_entries=10, request_max_bytes=1_024)
    for number in range(25):
        done(one, Put(b"a", b"%d" % number))
    watches = Watches(one)
    watches.open(1, Watch(b"a", start_revision=2))
    assert [len(batch.events) for _ in range(4) for _, batch in watches.catch_up()] == [10, 10, 5]
    assert not watches.behind
    for _ in range(4):
        done(one, Put(b"b", b"x" * 600))
    watches.open(2, Watch(b"b", start_revision=1))
    assert [len(batch.events) for _ in range(6) for _, batch in watches.catch_up()] == [2, 2]


def test_counting_brings_nothing_and_has_no_bound() -> None:
    one = store(request_max_bytes=1_024)
    for number in range(100):
        done(one, Put(b"%03d" % number, b"x" * 100))
    assert read(one, Range(b"0", OPEN_END, count_only=True)) == RangeResult(101, (), 100)
    assert read(one, Range(b"0", OPEN_END, count_only=True, revision=51)).count == 50


def test_one_request_looks_at_so_many_keys_and_no_more() -> None:
    one = store(keys_max=1_000)
    for number in range(1_100):
        done(one, Put(b"k%04d" % number))
    everything = Range(b"k", b"l")
    past = one.revision
    done(one, Put(b"later"))
    for greedy in (
        msgspec.structs.replace(everything, sort_order="descend", limit=1),
        msgspec.structs.replace(everything, sort_target="value", sort_order="ascend"),
        msgspec.structs.replace(everything, min_mod_revision=5),
        msgspec.structs.replace(everything, revision=past, limit=1_000),
        msgspec.structs.replace(everything, revision=past, limit=1, sort_order="ascend"),
        msgspec.structs.replace(everything, revision=past, limit=1, max_mod_revision=5),
    ):
        assert getattr(one.range(greedy), "kind", "") == "request-too-large", greedy
    assert refused(one, DeleteRange(b"k", b"l")) == "request-too-large"
    assert refused(one, Txn((Compare(b"k", "version", "greater", 0, range_end=b"l"),))) == "request-too-large"
    halves = (DeleteRange(b"k00", b"k06"), DeleteRange(b"k06", b"k11"))
    assert refused(one, Txn(success=halves)) == "request-too-large", "all operations of a request together"
    assert read(one, msgspec.structs.replace(everything, limit=10)).count == 1_100
    assert read(one, msgspec.structs.replace(everything, count_only=True)).count == 1_100
    of_the_past = (
        msgspec.structs.replace(everything, revision=past, limit=1),
        msgspec.structs.replace(everything, revision=past, count_only=True),
    )
    assert [read(one, each).count for each in of_the_past] == [1_100, 1_100], "little was written since"
    done(one, LeaseGrant(60, 1), *(Put(b"k%04d" % number, lease=1) for number in range(1_100)))
    for each in of_the_past:
        assert getattr(one.range(each), "kind", "") == "request-too-large", "more than that was written since"
    done(one, LeaseRevoke(1))
    assert read(one, everything).count == 0, "a lease ends, however many keys it has"
