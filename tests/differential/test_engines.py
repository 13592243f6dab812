"""The suite of the port: whatever holds the state, the same is asked and the same is answered."""

from __future__ import annotations

import asyncio

import pytest

from pycluster import store
from pycluster.controllers import Fence, fence_key
from pycluster.controllers.fence import Outrun, fenced, raising
from pycluster.node.ports import StateEngine, StateFailed
from pycluster.store import (
    Compact,
    CompactResult,
    Compare,
    DeleteRange,
    DeleteResult,
    Event,
    Failure,
    KeyValue,
    LeaseGrant,
    LeaseGrantResult,
    LeaseKeepAlive,
    LeaseKeepAliveResult,
    LeaseList,
    LeaseListResult,
    LeaseRevoke,
    LeaseRevokeResult,
    LeaseTimeToLive,
    LeaseTimeToLiveResult,
    Put,
    PutResult,
    Range,
    RangeResult,
    Txn,
    TxnResult,
    Watch,
    WatchBatch,
)
from tests.differential.engines import Play, asked


def test_keys_are_put_read_and_deleted(play: Play) -> None:
    async def scene(engine: StateEngine) -> None:
        one = KeyValue(b"a", b"1", 2, 2, 1)
        two = KeyValue(b"a", b"2", 2, 3, 2)
        assert await asked(engine, Put(b"a", b"1")) == PutResult(2)
        assert await asked(engine, Put(b"a", b"2", prev_kv=True)) == PutResult(3, one)
        assert await asked(engine, Put(b"b")) == PutResult(4)
        assert await asked(engine, Range(b"a")) == RangeResult(4, (two,), 1)
        assert await asked(engine, Range(b"a", b"c", limit=1)) == RangeResult(4, (two,), 2, True)
        assert await asked(engine, Range(b"a", revision=2)) == RangeResult(4, (one,), 1)
        assert await asked(engine, Range(b"\0", b"\0", count_only=True)) == RangeResult(4, (), 2)
        newest = Range(b"a", b"c", sort_order="descend", sort_target="mod", keys_only=True)
        found = await asked(engine, newest)
        assert isinstance(found, RangeResult) and [pair.key for pair in found.kvs] == [b"b", b"a"]
        assert await asked(engine, DeleteRange(b"a", prev_kv=True)) == DeleteResult(5, 1, (two,))
        assert await asked(engine, DeleteRange(b"a")) == DeleteResult(5)
        assert await asked(engine, Range(b"a")) == RangeResult(5)
        assert engine.head().revision == 5

    play(scene)


@pytest.mark.parametrize(
    ("compare", "holds"),
    [
        (Compare(b"a"), False),
        (Compare(b"none"), True),
        (Compare(b"a", "version", "greater", 1), True),
        (Compare(b"a", "create", "equal", 2), True),
        (Compare(b"a", "mod", "less", 3), False),
        (Compare(b"a", "value", "equal", value=b"2"), True),
        (Compare(b"a", "value", "equal"), False),
        (Compare(b"none", "value", "not_equal", value=b"2"), False),
        (Compare(b"a", "lease", "equal", 0), True),
        (Compare(b"a", "mod", "greater", 1, range_end=b"c"), True),
    ],
)
def test_conditions_hold_alike(play: Play, compare: Compare, holds: bool) -> None:
    async def scene(engine: StateEngine) -> None:
        for value in (b"1", b"2"):
            await asked(engine, Put(b"a", value))
        assert await asked(engine, Txn((compare,))) == TxnResult(3, holds)

    play(scene)


def test_a_transaction_is_one_step_with_every_result(play: Play) -> None:
    async def scene(engine: StateEngine) -> None:
        inner = Txn((), (DeleteRange(b"b"), Put(b"c", b"3")))
        txn = Txn((Compare(b"a"),), (Put(b"a", b"1"), Range(b"a"), inner), (Range(b"a"),))
        pair = KeyValue(b"a", b"1", 2, 2, 1)
        results = (PutResult(2), RangeResult(2, (pair,), 1), TxnResult(0, True, (DeleteResult(2), PutResult(2))))
        assert await asked(engine, txn) == TxnResult(2, True, results)
        assert await asked(engine, txn) == TxnResult(2, False, (RangeResult(2, (pair,), 1),))

    play(scene)


_REFUSED: tuple[tuple[store.Request, str], ...] = (
    (Put(b""), "empty-key"),
    (Range(b""), "empty-key"),
    (DeleteRange(b""), "empty-key"),
    (Put(b"k" * 8_193), "key-too-large"),
    (Put(b"k", b"v" * ((1 << 20) + 1)), "request-too-large"),
    (Put(b"k", lease=99), "lease-not-found"),
    (Put(b"none", ignore_value=True), "key-not-found"),
    (Put(b"k", b"v", ignore_value=True), "value-provided"),
    (Put(b"k", lease=1, ignore_lease=True), "lease-provided"),
    (Txn((), (Put(b"k"), Put(b"k"))), "duplicate-key"),
    (Txn((), (Range(b"k"),) * 129), "too-many-operations"),
    (Range(b"k", revision=1_000), "future-revision"),
    (Compact(1_000), "future-revision"),
    (LeaseRevoke(99), "lease-not-found"),
    (LeaseGrant(9_000_000_001), "lease-ttl-too-large"),
    (LeaseGrant(10, -1), "bad-request"),
    (LeaseGrant(60, 7), "lease-exists"),
)


def test_what_is_refused_is_refused_alike_and_changes_nothing(play: Play) -> None:
    async def scene(engine: StateEngine) -> None:
        await asked(engine, LeaseGrant(60, 7))
        for request, kind in _REFUSED:
            result = await asked(engine, request)
            assert isinstance(result, Failure) and result.kind == kind, (request, result)
        with pytest.raises(StateFailed, match="request-too-large"):
            await engine.ask(Txn((), tuple(Put(b"%d" % number, b"v" * 600_000) for number in range(3))))
        assert await asked(engine, Range(b"\0", b"\0", count_only=True)) == RangeResult(1)

    play(scene)


def test_an_answer_has_a_bound(play: Play) -> None:
    async def scene(engine: StateEngine) -> None:
        for number in range(2):
            await asked(engine, Put(b"%d" % number, b"v" * 1_000_000))
        result = await asked(engine, Range(b"0", b"9"))
        assert isinstance(result, Failure) and result.kind == "request-too-large"
        few = await asked(engine, Range(b"0", b"9", limit=1))
        assert isinstance(few, RangeResult) and few.more

    play(scene)


def test_leases_hold_keys_until_they_end(play: Play) -> None:
    async def scene(engine: StateEngine) -> None:
        granted = await asked(engine, LeaseGrant(60, 7))
        assert granted == LeaseGrantResult(1, 7, 60)
        drawn = await asked(engine, LeaseGrant(60))
        assert isinstance(drawn, LeaseGrantResult) and 0 < drawn.id < 1 << 63
        assert await asked(engine, Put(b"held", lease=7)) == PutResult(2)
        assert await asked(engine, LeaseKeepAlive(7)) == LeaseKeepAliveResult(2, 7, 60)
        assert await asked(engine, LeaseKeepAlive(8)) == LeaseKeepAliveResult(2, 8, 0)
        left = await asked(engine, LeaseTimeToLive(7, keys=True))
        assert isinstance(left, LeaseTimeToLiveResult) and 50 < left.ttl_s <= 60
        assert (left.granted_ttl_s, left.keys) == (60, (b"held",))
        assert await asked(engine, LeaseTimeToLive(8)) == LeaseTimeToLiveResult(2, 8, -1)
        assert await asked(engine, LeaseList()) == LeaseListResult(2, tuple(sorted((7, drawn.id))))
        assert await asked(engine, LeaseRevoke(7)) == LeaseRevokeResult(3)
        assert await asked(engine, Range(b"held")) == RangeResult(3)

    play(scene)


def test_a_lease_that_nobody_renews_takes_its_keys_along(play: Play) -> None:
    async def scene(engine: StateEngine) -> None:
        watch = engine.watch(Watch(b"held"))
        await anext(watch)
        put: store.Result | None = None
        while not isinstance(put, PutResult):
            granted = await asked(engine, LeaseGrant(1))
            assert isinstance(granted, LeaseGrantResult) and granted.ttl_s == 2, "as short as it may be"
            put = await asked(engine, Put(b"held", lease=granted.id))
            # It may have ended before anything was put under it.
            assert isinstance(put, PutResult) or getattr(put, "kind", "") == "lease-not-found", put
        told = await events(watch, 2)
        assert [(event.deleted, event.kv.key) for event in told] == [(False, b"held"), (True, b"held")]
        await watch.aclose()

    play(scene)


def test_a_watch_tells_what_was_and_what_comes_each_once(play: Play) -> None:
    async def scene(engine: StateEngine) -> None:
        for value in (b"1", b"2"):
            await asked(engine, Put(b"a", value))
        now, past = engine.watch(Watch(b"a", b"c")), engine.watch(Watch(b"a", start_revision=3, prev_kv=True))
        assert await anext(now) == WatchBatch(3)
        assert await anext(past) == WatchBatch(2)
        one, two = KeyValue(b"a", b"1", 2, 2, 1), KeyValue(b"a", b"2", 2, 3, 2)
        assert (await events(past)).pop() == Event(False, two, one)
        await asked(engine, Txn((), (Put(b"b"), DeleteRange(b"a"))))
        gone = KeyValue(b"a", b"", 0, 4, 0)
        told = [Event(False, KeyValue(b"b", b"", 4, 4, 1)), Event(True, gone)]
        assert [(event.deleted, event.kv) for event in await events(now)] == [(one.deleted, one.kv) for one in told]
        assert await events(past) == [Event(True, gone, two)]
        await now.aclose()
        await past.aclose()

    play(scene)


def test_a_watch_leaves_out_what_is_not_wanted_and_may_begin_in_the_future(play: Play) -> None:
    async def scene(engine: StateEngine) -> None:
        deletions = engine.watch(Watch(b"a", no_put=True))
        puts = engine.watch(Watch(b"a", start_revision=4, no_delete=True))
        assert await anext(deletions) == WatchBatch(1)
        assert await anext(puts) == WatchBatch(3)
        for request in (Put(b"a"), DeleteRange(b"a"), Put(b"a"), DeleteRange(b"a"), Put(b"a")):
            await asked(engine, request)
        assert [event.kv.mod_revision for event in await events(deletions, 2)] == [3, 5]
        assert [event.kv.mod_revision for event in await events(puts, 2)] == [4, 6]
        await deletions.aclose()
        await puts.aclose()

    play(scene)


def test_what_is_forgotten_says_from_where_on_it_goes(play: Play) -> None:
    async def scene(engine: StateEngine) -> None:
        for value in (b"1", b"2", b"3"):
            await asked(engine, Put(b"a", value))
        assert await asked(engine, Compact(3)) == CompactResult(4)
        for request in (Range(b"a", revision=2), Compact(3)):
            refused = await asked(engine, request)
            assert isinstance(refused, Failure)
            assert (refused.kind, refused.compact_revision) == ("compacted", 3), request
        with pytest.raises(StateFailed) as failed:
            await anext(engine.watch(Watch(b"a", start_revision=2)))
        assert (failed.value.failure.kind, failed.value.failure.compact_revision) == ("compacted", 3)
        watch = engine.watch(Watch(b"a", start_revision=3))
        assert await anext(watch) == WatchBatch(2)
        assert [event.kv.value for event in await events(watch, 2)] == [b"2", b"3"]
        await watch.aclose()

    play(scene)


@pytest.mark.parametrize("watch", [Watch(b"b", b"a"), Watch(b"a", start_revision=-1)])
def test_a_watch_of_nothing_is_refused(play: Play, watch: Watch) -> None:
    async def scene(engine: StateEngine) -> None:
        with pytest.raises(StateFailed, match="bad-request"):
            await anext(engine.watch(watch))

    play(scene)


def test_under_one_id_a_write_is_made_once(play: Play) -> None:
    async def scene(engine: StateEngine) -> None:
        assert await asked(engine, Put(b"a", b"1"), b"id") == PutResult(2)
        assert await asked(engine, Put(b"a", b"2")) == PutResult(3)
        assert await asked(engine, Put(b"a", b"1"), b"id") == PutResult(2)
        both = await asyncio.gather(*(asked(engine, Put(b"b"), b"both") for _ in range(2)))
        assert both == [PutResult(4), PutResult(4)]
        refused = await asked(engine, Put(b"c"), b"x" * 65)
        assert isinstance(refused, Failure) and refused.kind == "bad-request"

    play(scene)


def test_without_waiting_the_result_is_told_once(play: Play) -> None:
    async def scene(engine: StateEngine) -> None:
        told: asyncio.Queue[store.Result] = asyncio.Queue()
        engine.submit(Put(b"a"), told.put_nowait)
        assert await told.get() == PutResult(2)
        engine.submit(Put(b"", b"1"), told.put_nowait)
        assert getattr(await told.get(), "kind", "") == "empty-key"
        assert told.empty()

    play(scene)


def test_an_older_term_writes_nothing_past_the_fence(play: Play) -> None:
    async def scene(engine: StateEngine) -> None:
        old, new = Fence(9, 3), Fence(9, 4)

        async def raised(fence: Fence) -> bool:
            seen = await asked(engine, Range(fence_key(9)))
            assert isinstance(seen, RangeResult)
            txn = raising(fence, seen.kvs[0] if seen.kvs else None)
            return txn is None or getattr(await asked(engine, txn), "succeeded", False)

        assert await raised(old)
        done = await asked(engine, fenced(old, (), (Put(b"a", b"3"),)))
        assert isinstance(done, TxnResult) and done.succeeded
        assert await raised(new)
        late = await asked(engine, fenced(old, (), (Put(b"a", b"late"),)))
        assert isinstance(late, TxnResult) and not late.succeeded
        (fence,) = late.results
        assert isinstance(fence, RangeResult) and int(fence.kvs[0].value) == 4, "it comes along"
        with pytest.raises(Outrun):
            await raised(old)
        kept = await asked(engine, Range(b"a"))
        assert isinstance(kept, RangeResult) and kept.kvs[0].value == b"3"

    play(scene)


def test_when_the_agent_stops_nobody_waits(play: Play) -> None:
    async def scene(engine: StateEngine) -> None:
        watch = engine.watch(Watch(b"a"))
        await anext(watch)
        waiting = asyncio.ensure_future(anext(watch))
        await asyncio.sleep(0)
        engine.close()
        for ended in (waiting, anext(engine.watch(Watch(b"a"))), engine.ask(Put(b"a"))):
            with pytest.raises(StateFailed, match="the agent is stopping"):
                await ended

    play(scene)


async def events(watch: object, count: int = 1) -> list[Event]:
    """So many, however they come."""
    found: list[Event] = []
    while len(found) < count:
        batch = await anext(watch)  # type: ignore[call-overload]
        assert isinstance(batch, WatchBatch)
        found += batch.events
    return found
