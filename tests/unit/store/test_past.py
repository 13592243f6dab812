"""Pages and counts of the past, beside what a walk over all of it says."""

from __future__ import annotations

from itertools import product
from random import Random

import msgspec
import pytest

from pycluster.store import (
    OPEN_END,
    Compact,
    DeleteRange,
    LeaseGrant,
    LeaseRevoke,
    Put,
    Range,
    RangeResult,
    Store,
    Txn,
    TxnResult,
    Write,
)
from pycluster.store.reads import CHANGES_MAX, Answer
from pycluster.store.reads import read as read_within
from pycluster.store.refusals import Refusal
from tests.unit.store.hand import apply, done, keys, read, restored, store, tidied, written

_STARTS = (b"k0", b"k3", b"k7", b"z")
_ENDS = (OPEN_END, b"", b"k5", b"k9", b"k30")


def random_key(rng: Random) -> bytes:
    return b"k%d%d" % (rng.randrange(10), rng.randrange(3))


def random_write(rng: Random, one: Store) -> Write:
    """Any that changes something, mostly; in few keys, so that they go and come again."""
    key = random_key(rng)
    match rng.randrange(12):
        case 0 | 1 | 2:
            return DeleteRange(key)
        case 3:
            return DeleteRange(key, key[:-1] + b"9")
        case 4:
            # Of one key, made and gone in one revision and the other way round, and what is not there.
            other = random_key(rng)
            return Txn(success=(DeleteRange(key, OPEN_END), Put(key), Txn(success=(DeleteRange(other),))))
        case 5:
            return LeaseGrant(60, rng.randrange(1, 4))
        case 6:
            return LeaseRevoke(rng.randrange(1, 4))
        case 7:
            return Compact(max(one.revision - rng.randrange(30), 0))
        case 8 | 9:
            held = rng.choice((*one.lease_ids(), 0))
            return Put(key, b"leased", held)
        case _:
            return Put(key, b"%d" % rng.randrange(3))


def same_everywhere(one: Store) -> int:
    """Every page and count of every revision is what the whole interval of then says; how many are of the past."""
    pages = 0
    for revision in range(max(one.compact_revision, 1), one.revision + 1):
        for start, end in product(_STARTS, _ENDS):
            whole = read(one, Range(start, end, revision=revision))
            assert whole.count == len(whole.kvs)
            counted = read(one, Range(start, end, revision=revision, count_only=True))
            assert counted == RangeResult(one.revision, (), whole.count)
            for limit in (1, 2, 5, 40):
                page = read(one, Range(start, end, limit, revision))
                assert page == RangeResult(one.revision, whole.kvs[:limit], whole.count, whole.count > limit)
                named = tuple(msgspec.structs.replace(kv, value=b"") for kv in page.kvs)
                names = read(one, Range(start, end, limit, revision, keys_only=True))
                assert names == msgspec.structs.replace(page, kvs=named)
                pages += page.more
    return pages


@pytest.mark.parametrize("seed", range(12))
def test_any_page_of_any_past_counts_what_a_walk_would(seed: int) -> None:
    rng = Random(seed)
    one = store(slice_entries=1)
    pages = 0
    for _ in range(6):
        for _ in range(rng.randrange(2, 30)):
            apply(one, random_write(rng, one))
            if rng.randrange(3) == 0:
                one.tidy()
        pages += same_everywhere(one)
        if rng.randrange(2):
            one = restored(written(one), one.params)
            pages += same_everywhere(one)
    tidied(one)
    assert pages + same_everywhere(one) > 100


@pytest.mark.parametrize("seed", range(40))
def test_a_transaction_reads_the_past_beside_what_it_writes_itself(seed: int) -> None:
    rng = Random(seed)
    one = store()
    for _ in range(40):
        apply(one, random_write(rng, one))
    past = rng.randrange(max(one.compact_revision, 1), one.revision + 1)
    wanted = [
        Range(start, end, limit, past, count_only=not limit)
        for start, end, limit in product(_STARTS, _ENDS, (0, 1, 2, 5))
    ]
    alone = [read(one, each) for each in wanted]
    writes: tuple[Put | DeleteRange, ...] = (DeleteRange(b"k1", b"k4"), Put(b"k40"), Put(b"k41"), DeleteRange(b"k6"))
    told = done(one, Txn(success=(*writes, *wanted)))
    assert isinstance(told, TxnResult)
    for before, within in zip(alone, told.results[len(writes) :], strict=True):
        assert isinstance(within, RangeResult)
        assert (within.kvs, within.count, within.more) == (before.kvs, before.count, before.more)


def spent(one: Store, request: Range) -> int:
    """The fewest keys that must be allowed to be looked at."""
    for most in range(1_000):
        try:
            read_within(one.keyspace, request, one.revision, one.compacted, Answer(1 << 20, most), one.history.since)
        except Refusal:
            continue
        return most
    raise AssertionError(request)


def test_a_page_of_the_past_looks_at_its_keys_and_the_changes_since_or_the_rest_whichever_is_less() -> None:
    one = store()
    for number in range(50):
        done(one, Put(b"k%02d" % number))
    past = one.revision
    for number in range(0, 60, 2):
        done(one, DeleteRange(b"k%02d" % number) if number < 50 else Put(b"k%02d" % number))
        changes = one.revision - past
        assert spent(one, Range(b"k", b"l", 10, past)) == 11 + min(changes, 39)
        assert spent(one, Range(b"k", b"l", 45, past)) == 46 + min(changes, 4)
        assert spent(one, Range(b"k", b"l", 50, past)) == 50
        assert spent(one, Range(b"k", b"l", revision=past, count_only=True)) == min(changes, 50)
    assert spent(one, Range(b"k", b"l", 10)) == 11


def test_a_replica_that_tidied_looks_at_no_other_number_of_keys() -> None:
    """A refusal is an answer of the state machine, so it must not depend on what is removed already."""
    one, other = store(), store()
    for each in (one, other):
        done(each, *(Put(b"k%02d" % number) for number in range(50)), DeleteRange(b"k1", b"k3"))
        done(each, Put(b"later"), Compact(each.revision + 1), *(Put(b"k0%d" % number) for number in range(9)))
    tidied(one)
    past = one.compact_revision
    for limit in range(1, 40):
        assert spent(one, Range(b"k", b"l", limit, past)) == spent(other, Range(b"k", b"l", limit, past))


def test_changes_since_are_looked_at_as_far_as_that_is_cheaper_than_a_walk() -> None:
    one = store(operations_max=10_000)
    wanted = [b"k%05d" % number for number in range(CHANGES_MAX + 2_000)]

    def put(names: list[bytes]) -> None:
        for first in range(0, len(names), 5_000):
            done(one, Txn(success=tuple(Put(key) for key in names[first : first + 5_000])))

    put(wanted)
    past = one.revision
    put(wanted[:CHANGES_MAX])
    page = Range(b"k", b"l", 10, past)
    within = Answer(1 << 20, CHANGES_MAX + 1_000)
    assert read_within(one.keyspace, page, one.revision, 0, within, one.history.since).count == len(wanted)
    done(one, Put(b"another"))
    within = Answer(1 << 20, CHANGES_MAX + 1_000)
    with pytest.raises(Refusal):
        read_within(one.keyspace, page, one.revision, 0, within, one.history.since)
    assert read(one, page).count == len(wanted)


def test_a_listing_of_more_keys_than_one_request_looks_at_goes_on_while_others_write() -> None:
    one = store(keys_max=1_000)
    wanted = [b"k%04d" % number for number in range(3_000)]
    done(one, *(Put(key) for key in wanted))
    found: list[bytes] = []
    start, revision, more = b"k", 0, True
    while more:
        page = read(one, Range(start, b"l", 100, revision))
        assert page.count == len(wanted) - len(found)
        found += [kv.key for kv in page.kvs]
        start, revision, more = found[-1] + b"\0", revision or page.revision, page.more
        done(one, Put(b"k", b"new"), DeleteRange(wanted[len(found) // 2]), DeleteRange(b"k29", b"k2905"))
    assert found == wanted
    assert keys(one, Range(b"k", b"k0002")) == [b"k", b"k0000", b"k0001"]
