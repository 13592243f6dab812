"""The state of one engine made that of another: every key and lease at one revision, in bounded steps.

It compares what both have and writes only what differs, so that one that broke off goes on where it was. A key in the
target says that it is under way; every step compares it, so that two never mix, and every key that it writes, so that
what somebody else wrote there meanwhile stays.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol, cast

import msgspec

from pycluster import store
from pycluster.controllers import RESERVED
from pycluster.kernel.errors import Refused, RemoteFault
from pycluster.node.ports import StateFailed
from pycluster.store import KeyValue

#: In the target while a migration is under way: which one.
MARKER = RESERVED + b"migration"
#: The terms of leaders that reconcile over one engine mean nothing to those over the other.
_FENCES = RESERVED + b"fence/"
#: Of one transaction: operations, and bytes of keys and values; what the other engine's bounds leave room for.
_OPERATIONS, _BYTES = 64, 512 * 1024
_PAGE_KEYS = 500
#: One step, s; and keys that cannot be written, of which so many are named.
_STEP_S, _NAMED = 30.0, 5


class Side(Protocol):
    """One engine, as far as it takes part."""

    async def ask(self, request: store.Request, *, timeout_s: float = 5.0) -> store.Result: ...


class Migrated(msgspec.Struct, frozen=True):
    """What was done, or with ``dry_run`` would be. ``revision``: of the source; ``later``: its revisions since then, of
    which nothing was carried. ``kept``: keys that were there already. ``sha256``: of every key, value and lease.
    """

    dry_run: bool
    revision: int
    later: int
    keys: int
    put: int
    deleted: int
    kept: int
    leases: int
    target_revision: int = 0
    sha256: str = ""


class Migration:
    """One run. ``force``: the target may hold other keys, which are deleted."""

    def __init__(self, source: Side, target: Side, *, dry_run: bool = False, force: bool = False) -> None:
        self._source = source
        self._target = target
        self._dry_run = dry_run
        self._force = force
        self._mine = secrets.token_hex(16).encode()
        self._put = self._deleted = self._kept = 0
        self._unfit: list[str] = []
        #: What the next step will write, each over what was read there, and the bytes of its keys and values.
        self._batch: list[tuple[store.Put | store.DeleteRange, store.Compare]] = []
        self._bytes = 0
        self._target_revision = 0

    async def run(self) -> Migrated:
        """Raises ``Refused``, ``RemoteFault``, ``StateFailed``, and what the sides raise."""
        at, started = await _revision(self._source), await _revision(self._target)
        marked = await _range(self._target, store.Range(MARKER, MARKER + b"\0"))
        if not self._force and not marked.kvs:
            await self._refuse_other(started)
        elif not self._force:
            await self._refuse_later(at, started, marked.kvs[0].mod_revision)
        if not self._dry_run:
            await self._check(at, started)
            seen = marked.kvs[0].mod_revision if marked.kvs else 0
            await self._step((store.Put(MARKER, self._mine),), (store.Compare(MARKER, "mod", "equal", seen),))
        leases = await self._leases()
        await self._differences(at, started)
        digest = "" if self._dry_run else await self._verify(at)
        later = await _revision(self._source) - at
        keys = self._put + self._kept
        counts = (keys, self._put, self._deleted, self._kept, leases)
        self._complain()
        return Migrated(self._dry_run, at, later, *counts, self._target_revision, digest)

    async def _refuse_other(self, revision: int) -> None:
        async with aclosing(_pairs(self._target, revision)) as pairs:
            async for pair in pairs:
                key = pair.key.decode(errors="backslashreplace")[:80]
                raise Refused(
                    "the target is not empty",
                    why=f"it has {key!r}",
                    remedy="--force deletes what the source does not have",
                )

    async def _refuse_later(self, at: int, started: int, marked: int) -> None:
        """What came to the target since an earlier run began, and not from the source as it is now, may be somebody's
        only copy.
        """
        found: list[str] = []
        async with aclosing(_merged(_pairs(self._source, at), _pairs(self._target, started))) as merged:
            async for ours, theirs in merged:
                if ours is None and theirs is not None and theirs.mod_revision > marked:
                    found.append(repr(theirs.key.decode(errors="backslashreplace")[:80]))
        if found:
            raise Refused(
                "nothing was written: the target has what the source does not have",
                why=f"since the migration began: {_named(found, ', ')}",
                remedy="save these keys; --force deletes them",
            )

    async def _check(self, at: int, started: int) -> None:
        """Before anything is written: whether all of it can be."""
        rehearsal = Migration(self._source, self._target, dry_run=True, force=True)
        await rehearsal._differences(at, started)
        rehearsal._complain()

    def _complain(self) -> None:
        if self._unfit:
            raise Refused(
                "nothing was written: the target cannot hold all of it",
                why=_named(self._unfit, "; "),
                remedy="delete or change these keys first",
            )

    async def _leases(self) -> int:
        """Each lease of the source's, under its ID and with its whole time, as when a new leader takes them over."""
        there = set(await _leases_of(self._target))
        count = 0
        for lease in await _leases_of(self._source):
            left = cast(
                store.LeaseTimeToLiveResult, await self._source.ask(store.LeaseTimeToLive(lease), timeout_s=_STEP_S)
            )
            if left.ttl_s < 0:
                continue
            count += 1
            if not self._dry_run and lease not in there:
                await self._target.ask(store.LeaseGrant(left.granted_ttl_s, lease), timeout_s=_STEP_S)
        return count

    async def _differences(self, at: int, started: int) -> None:
        """Write, or count, what makes the target as the source is. Keys of leases come last, for they may end soonest;
        until then they are kept in memory.
        """
        held: list[tuple[store.Put, store.Compare]] = []
        async with aclosing(_merged(_pairs(self._source, at), _pairs(self._target, started))) as merged:
            async for ours, theirs in merged:
                write = self._write(ours, theirs)
                if write is None or self._dry_run:
                    continue
                over = store.Compare(write.key, "mod", "equal", theirs.mod_revision if theirs is not None else 0)
                if isinstance(write, store.Put) and write.lease:
                    held.append((write, over))
                else:
                    await self._add(write, over)
        for put, over in held:
            await self._add(put, over)
        await self._flush()

    async def _add(self, write: store.Put | store.DeleteRange, over: store.Compare) -> None:
        # The key stands in the condition and in the question why that does not hold, too.
        size = 3 * len(write.key) + (len(write.value) if isinstance(write, store.Put) else 0)
        if len(self._batch) >= _OPERATIONS or self._bytes + size > _BYTES:
            await self._flush()
        self._batch.append((write, over))
        self._bytes += size

    async def _flush(self) -> None:
        batch, self._batch, self._bytes = self._batch, [], 0
        if batch:
            mine = store.Compare(MARKER, "value", "equal", value=self._mine)
            await self._step(tuple(write for write, _ in batch), (mine, *(over for _, over in batch)))

    def _write(self, ours: KeyValue | None, theirs: KeyValue | None) -> store.Put | store.DeleteRange | None:
        if ours is None:
            assert theirs is not None
            self._deleted += 1
            return store.DeleteRange(theirs.key)
        if theirs is not None and (theirs.value, theirs.lease) == (ours.value, ours.lease):
            self._kept += 1
            return None
        put = store.Put(ours.key, ours.value, ours.lease)
        refused = store.unfit(put, store.Params())
        if refused is not None:
            self._unfit.append(f"{ours.key[:80].decode(errors='backslashreplace')}: {refused.detail or refused.kind}")
        self._put += 1
        return put

    async def _step(self, writes: tuple[store.Put | store.DeleteRange, ...], over: tuple[store.Compare, ...]) -> None:
        found = tuple(store.Range(one.key, keys_only=one.target != "value") for one in over)
        try:
            done = cast(store.TxnResult, await self._target.ask(store.Txn(over, writes, found), timeout_s=_STEP_S))
        except StateFailed as failed:
            raise RemoteFault(
                "the migration stopped", why=str(failed), remedy="run it again: it goes on where it was"
            ) from None
        if not done.succeeded:
            raise _changed(over, cast(tuple[store.RangeResult, ...], done.results))
        self._target_revision = done.revision

    async def _verify(self, at: int) -> str:
        """The hash of both, once they are the same; then the marker goes."""
        mine = await _digest(self._source, at)
        theirs = await _digest(self._target, self._target_revision)
        if mine != theirs:
            raise RemoteFault(
                "the target is not as the source is",
                why="somebody wrote to it meanwhile, or a lease ended",
                remedy="run it again: it goes on where it was",
            )
        revision = self._target_revision
        await self._step((store.DeleteRange(MARKER),), (store.Compare(MARKER, "value", "equal", value=self._mine),))
        self._target_revision = revision
        return mine


def _changed(over: tuple[store.Compare, ...], found: tuple[store.RangeResult, ...]) -> Refused | RemoteFault:
    """Why a step was not made: whose key, the marker first, is not as this run saw it."""
    for one, there in zip(over, found, strict=True):
        now = there.kvs[0] if there.kvs else None
        if one.key == MARKER:
            holds = now is not None and now.value == one.value if one.target == "value" else one.number == _mod(now)
            if not holds:
                break
        elif one.number != _mod(now):
            key = one.key.decode(errors="backslashreplace")[:80]
            return RemoteFault(
                "the migration stopped",
                why=f"somebody else wrote {key!r} to the target meanwhile, or its lease ended",
                remedy="save it where it matters; run it again: it goes on where it was and takes the source's",
            )
    return Refused("the migration stopped", why="another one began", remedy="let that one end")


def _mod(pair: KeyValue | None) -> int:
    return 0 if pair is None else pair.mod_revision


def _named(all_of_them: list[str], between: str) -> str:
    """The first few."""
    more = [f"and {len(all_of_them) - _NAMED} more"] if len(all_of_them) > _NAMED else []
    return between.join(all_of_them[:_NAMED] + more)


def _carried(key: bytes) -> bool:
    return key != MARKER and not key.startswith(_FENCES)


async def _range(side: Side, wanted: store.Range) -> store.RangeResult:
    return cast(store.RangeResult, await side.ask(wanted, timeout_s=_STEP_S))


async def _revision(side: Side) -> int:
    """Also the first question; where nobody answers that, it shall not take long to say so."""
    return cast(store.RangeResult, await side.ask(store.Range(b"\0", b"\0", count_only=True))).revision


async def _leases_of(side: Side) -> tuple[int, ...]:
    return cast(store.LeaseListResult, await side.ask(store.LeaseList(), timeout_s=_STEP_S)).ids


async def _pairs(side: Side, revision: int) -> AsyncGenerator[KeyValue, None]:
    """Every key that is carried, in order, as of one revision; asked for in pieces."""
    key, piece = b"\0", _PAGE_KEYS
    while True:
        try:
            found = await _range(side, store.Range(key, store.OPEN_END, piece, revision))
        except StateFailed as failed:
            if failed.failure.kind != "request-too-large" or piece == 1:
                raise
            piece = max(piece // 8, 1)
            continue
        for pair in found.kvs:
            if _carried(pair.key):
                yield pair
        if not found.more:
            return
        key = found.kvs[-1].key + b"\0"


async def _merged(
    ours: AsyncGenerator[KeyValue, None], theirs: AsyncGenerator[KeyValue, None]
) -> AsyncGenerator[tuple[KeyValue | None, KeyValue | None], None]:
    """Each key once, with what either has of it."""
    async with aclosing(ours), aclosing(theirs):
        one, other = await anext(ours, None), await anext(theirs, None)
        while one is not None or other is not None:
            if other is None or (one is not None and one.key < other.key):
                yield one, None
                one = await anext(ours, None)
            elif one is None or other.key < one.key:
                yield None, other
                other = await anext(theirs, None)
            else:
                yield one, other
                one, other = await anext(ours, None), await anext(theirs, None)


async def _digest(side: Side, revision: int) -> str:
    whole = hashlib.sha256()
    async with aclosing(_pairs(side, revision)) as pairs:
        async for pair in pairs:
            whole.update(msgspec.msgpack.encode((pair.key, pair.value, pair.lease)))
    return whole.hexdigest()
