"""From one engine to the other: everything at one revision, again after a break, nothing by accident."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from pycluster import store
from pycluster.agent.migration import MARKER, Migrated, Migration, Side
from pycluster.controllers import RESERVED, fence_key
from pycluster.kernel.errors import Refused, RemoteFault
from pycluster.node.ports import StateFailed
from pycluster.store import Failure, KeyValue, LeaseGrant, Put, Range, RangeResult, Txn
from tests.unit.web.fakestate import FakeState

OLD_FENCE, NEW_FENCE = fence_key(1), fence_key(2)


def filled(*writes: store.Write) -> FakeState:
    """With these writes made."""
    state = FakeState()

    async def make() -> None:
        for write in writes:
            await state.ask(write)

    asyncio.run(make())
    return state


def migrate(source: Side, target: Side, *, dry_run: bool = False, force: bool = False) -> Migrated:
    return asyncio.run(Migration(source, target, dry_run=dry_run, force=force).run())


def pairs(state: FakeState) -> dict[bytes, tuple[bytes, int]]:
    found = state.store.range(Range(b"\0", b"\0"))
    assert isinstance(found, RangeResult)
    return {pair.key: (pair.value, pair.lease) for pair in found.kvs}


class Meddled:
    """A side at which something happens before a transaction is asked."""

    def __init__(self, state: FakeState, meddle: Callable[[int], None]) -> None:
        self._state = state
        self._meddle = meddle
        self._txns = 0

    async def ask(self, request: store.Request, *, timeout_s: float = 5.0) -> store.Result:
        if isinstance(request, Txn):
            self._txns += 1
            self._meddle(self._txns)
        return await self._state.ask(request, timeout_s=timeout_s)


def test_every_key_and_lease_is_carried_and_the_fences_are_not() -> None:
    many = [Put(b"key/%04d" % number, b"%d" % number) for number in range(1_200)]
    config = RESERVED + b"config/entry/a"
    source = filled(
        *many, LeaseGrant(60, 7), Put(b"held", b"x", lease=7), Put(config, b"c"), Put(OLD_FENCE, b"9"), Put(b"key/0000")
    )
    target = filled(Put(NEW_FENCE, b"2"))
    done = migrate(source, target)
    expected = {key: value for key, value in pairs(source).items() if key != OLD_FENCE}
    assert pairs(target) == expected | {NEW_FENCE: (b"2", 0)}
    assert target.store.granted_ttl_s(7) == 60
    assert (done.keys, done.put, done.kept, done.deleted, done.leases, done.later) == (1_202, 1_202, 0, 0, 1, 0)
    assert done.revision == source.store.revision
    assert len(done.sha256) == 64
    assert {len(asked.request.success) for asked in target.asked if isinstance(asked.request, Txn)} <= set(range(1, 65))


def test_a_dry_run_counts_and_writes_nothing() -> None:
    source, target = filled(Put(b"a"), Put(b"b"), LeaseGrant(60, 7)), filled(Put(NEW_FENCE))
    before = target.store.revision
    done = migrate(source, target, dry_run=True)
    assert (done.dry_run, done.put, done.leases, done.sha256) == (True, 2, 1, "")
    assert target.store.revision == before and target.store.lease_ids() == ()


def test_a_target_with_keys_of_its_own_is_left_alone_unless_forced() -> None:
    source = filled(Put(b"a", b"1"), Put(b"b", b"2"), Put(b"same", b"s"))
    target = filled(Put(b"a", b"other"), Put(b"mine", b"x"), Put(b"same", b"s"))
    for dry_run in (False, True):
        with pytest.raises(Refused, match="the target is not empty: it has 'a'"):
            migrate(source, target, dry_run=dry_run)
    assert pairs(target).keys() == {b"a", b"mine", b"same"}
    done = migrate(source, target, force=True)
    assert (done.put, done.deleted, done.kept) == (2, 1, 1)
    assert pairs(target) == pairs(source)


def test_after_a_break_it_goes_on_where_it_was() -> None:
    source = filled(*(Put(b"%04d" % number) for number in range(300)))
    target = FakeState()

    def meddle(txns: int) -> None:
        if txns == 3:
            raise StateFailed(Failure("no-leader"))

    with pytest.raises(RemoteFault, match=r"no-leader.*it goes on where it was"):
        migrate(source, Meddled(target, meddle))
    assert MARKER in pairs(target) and len(pairs(target)) == 65
    done = migrate(source, target)
    assert (done.put, done.kept) == (236, 64)
    assert pairs(target) == pairs(source)


def test_what_somebody_wrote_to_the_target_since_the_break_is_not_deleted_unless_forced() -> None:
    source = filled(*(Put(b"%04d" % number) for number in range(300)))
    target = filled(Put(b"before", b"x"))

    def meddle(txns: int) -> None:
        if txns == 3:
            raise StateFailed(Failure("no-leader"))

    with pytest.raises(RemoteFault):
        migrate(source, Meddled(target, meddle), force=True)
    for number in range(7):
        target.store.apply(store.Command(b"stranger%d" % number, Put(b"theirs/%d" % number, b"x")))
    before = pairs(target)
    named = r"since the migration began: 'theirs/0', .*'theirs/4', and 2 more \(save these keys; --force deletes them\)"
    for dry_run in (True, False):
        with pytest.raises(Refused, match=named):
            migrate(source, target, dry_run=dry_run)
    assert pairs(target) == before
    assert migrate(source, target, force=True).deleted == 8, "what an earlier -force was for, and theirs"
    assert pairs(target) == pairs(source)


def test_long_keys_go_in_several_steps() -> None:
    source, target = filled(*(Put(b"%02d" % number + b"k" * 8_190) for number in range(70))), FakeState()
    assert migrate(source, target).put == 70
    assert pairs(target) == pairs(source)


def test_two_never_mix() -> None:
    source, target = filled(Put(b"a")), FakeState()

    def other(txns: int) -> None:
        if txns == 2:
            target.store.apply(store.Command(b"other", Put(MARKER, b"other")))

    with pytest.raises(Refused, match="another one began"):
        migrate(source, Meddled(target, other))
    assert pairs(target) == {MARKER: (b"other", 0)}

    def first(txns: int) -> None:
        target.store.apply(store.Command(b"first", Put(MARKER, b"first")))

    with pytest.raises(Refused, match="another one began"):
        migrate(source, Meddled(target, first), force=True)
    assert pairs(target) == {MARKER: (b"first", 0)}


def test_what_somebody_writes_to_the_target_meanwhile_is_not_overwritten() -> None:
    source = filled(*(Put(b"%04d" % number) for number in range(100)), LeaseGrant(60, 7), Put(b"held", lease=7))
    target = filled(Put(b"0090", b"old"), Put(b"more"))

    for number, key in enumerate((b"0090", b"0095", b"held", b"more")):
        request = Put(key, b"theirs")

        def stranger(txns: int, number: int = number, request: Put = request) -> None:
            if txns == 2:
                target.store.apply(store.Command(b"stranger %d" % number, request))

        with pytest.raises(RemoteFault, match=f"somebody else wrote '{key.decode()}' to the target meanwhile"):
            migrate(source, Meddled(target, stranger), force=True)
        assert pairs(target)[key] == (b"theirs", 0)
    migrate(source, target, force=True)
    assert pairs(target) == pairs(source)


def test_what_somebody_wrote_meanwhile_shows_in_the_hash() -> None:
    source, target = filled(*(Put(b"%04d" % number) for number in range(100))), FakeState()

    def stranger(txns: int) -> None:
        if txns == 3:
            target.store.apply(store.Command(b"stranger", Put(b"0001", b"changed")))

    with pytest.raises(RemoteFault, match="the target is not as the source is"):
        migrate(source, Meddled(target, stranger))
    assert MARKER in pairs(target)
    assert migrate(source, target).put == 1


def test_what_is_written_to_the_source_meanwhile_is_counted_and_not_carried() -> None:
    source, target = filled(Put(b"a", b"1")), FakeState()

    def writer(txns: int) -> None:
        if txns == 1:
            source.store.apply(store.Command(b"writer", Put(b"a", b"2")))

    done = migrate(source, Meddled(target, writer))
    assert (done.revision, done.later) == (2, 1)
    assert pairs(target) == {b"a": (b"1", 0)}


def test_what_the_target_cannot_hold_is_named_before_anything_is_written() -> None:
    class Roomy:
        async def ask(self, request: store.Request, *, timeout_s: float = 5.0) -> store.Result:
            match request:
                case Range():
                    return RangeResult(9, (KeyValue(b"k" * 9_000, b"", 2, 2, 1),), 1)
                case _:
                    return store.LeaseListResult(9)

    target = FakeState()
    for dry_run in (True, False):
        with pytest.raises(Refused, match=r"cannot hold all of it: kkk.*a key has at most 8192 bytes"):
            migrate(Roomy(), target, dry_run=dry_run)
    assert pairs(target) == {}


def test_large_values_are_read_in_smaller_pieces() -> None:
    sizes = (500_000, 500_000, 1 << 20, 500_000, 1 << 20, 1)
    source, target = filled(*(Put(b"%d" % number, b"v" * size) for number, size in enumerate(sizes))), FakeState()
    assert migrate(source, target).put == len(sizes)
    assert migrate(source, target, dry_run=True, force=True).kept == len(sizes)
