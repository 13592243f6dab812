"""Locks and elections: a queue of keys under leases, the oldest first.

A claim on ``NAME`` is the key ``NAME/LEASE`` (the lease in hexadecimal, without leading zeros), put under the
claimant's own lease. Whose key has the lowest create revision holds; everyone else waits for the one before it only.
The same layout as etcd's concurrency recipes has, so that their clients and ours exclude one another. What else lies
below ``NAME/`` is no claim: ``backup`` and ``backup/db`` are two locks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from types import TracebackType
from typing import Protocol, Self

from pycluster import store
from pycluster.client.errors import Compacted, Lost, NotFound, TimedOut
from pycluster.client.leasing import RENEWALS, TAKE_BACK_S, AsyncLease, Granter
from pycluster.client.places import is_place, places
from pycluster.kernel.errors import LocalMisuse, PyClusterError

Operation = store.Range | store.Put | store.DeleteRange | store.Txn

#: What is asked has so long to be answered, though less is left to wait: why there is no answer must be heard.
_ANSWER_S = 1.0


class State(Granter, Protocol):
    """What claims need of a client."""

    timeout_s: float

    async def range(self, wanted: store.Range, *, timeout_s: float | None = None) -> store.RangeResult: ...

    async def txn(
        self,
        compare: tuple[store.Compare, ...],
        success: tuple[Operation, ...],
        failure: tuple[Operation, ...] = (),
        *,
        timeout_s: float | None = None,
    ) -> store.TxnResult: ...

    def watch(self, key: bytes, *, prefix: bool = False, revision: int = 0) -> AsyncGenerator[store.Event, None]: ...


class AsyncClaim:
    """A place in the queue of ``name``, under a lease of ``ttl_s`` seconds; a context manager that waits for its turn.

    ``token`` is the key's create revision: it rises from holder to holder, so whatever the holder writes to can refuse
    a lower one than it has seen (fencing). Leaving a context in which the claim was lost raises ``Lost``.

    Where somebody deletes the key, or revokes the lease, we are told as the next one is. While that watch is broken it
    is known with the next renewal, ``ttl_s`` / 3 later at most.
    """

    _kind = "claim"

    def __init__(self, client: State, name: bytes, value: bytes, ttl_s: int, wait_s: float | None) -> None:
        if not name:
            raise LocalMisuse(f"a {self._kind} needs a name")
        self.prefix = name + b"/"
        self.value = value
        self.key = b""
        self.token = 0
        self._asked = False
        self._released = False
        self._guard: asyncio.Task[None] | None = None
        self._client = client
        self._wait_s = wait_s
        self._until: float | None = None
        self._lease = AsyncLease(client, ttl_s, self._missing)

    @property
    def held(self) -> bool:
        """Whether it is ours at this moment, as far as we were told; never once its lease may have ended."""
        return self.token != 0 and self._lease.held

    @property
    def ttl_s(self) -> int:
        """How long it lasts where nobody renews it."""
        return self._lease.ttl_s

    def check(self) -> None:
        """Raise ``Lost`` where it is not held any more."""
        if not self.held:
            raise Lost(f"the {self._kind} is lost", why=self._lease.reason or "its lease was not renewed in time")

    async def lost(self) -> str:
        """Wait until it is lost; gives the reason."""
        return await self._lease.lost()

    async def acquire(self) -> None:
        """Wait for our turn; raises ``TimedOut`` where somebody else has it for all of ``wait_s``, ``Lost`` where our
        place in the queue goes, and what a client's methods raise. Once: else ``LocalMisuse``, and what the first time
        got, or waits for, stays as it is.
        """
        if self._asked:
            raise LocalMisuse(f"a {self._kind} object is used once", remedy="ask the client for another")
        self._asked = True
        if self._wait_s is not None:
            self._until = asyncio.get_running_loop().time() + self._wait_s
        try:
            await self._lease.begin(self._left_s())
            self.key = self.prefix + b"%x" % (self._lease.id & 0xFFFFFFFFFFFFFFFF)
            created = await self._enter()
            await self._turn(created)
            self.token = created
            self._until = None
            self._guard = asyncio.get_running_loop().create_task(self._look_out())
        except BaseException:
            await self._give_up()
            raise

    async def release(self) -> None:
        """Give it back; the next one has it at once. Where that fails it may be asked again."""
        self.token, self._released = 0, True
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.cancel()
        try:
            await self._lease.end()  # first: whoever interrupts us must not leave a lease that is renewed for ever
        finally:
            if guard is not None:
                await asyncio.gather(guard, return_exceptions=True)

    def _left_s(self) -> float | None:
        """How long to wait for an answer; None: as the client does."""
        if self._until is None:
            return None
        return min(max(self._until - asyncio.get_running_loop().time(), _ANSWER_S), self._client.timeout_s)

    async def _give_up(self) -> None:
        # Where that fails the lease ends by itself, and why we give up is what the caller must hear.
        with suppress(TimeoutError, PyClusterError):
            async with asyncio.timeout(TAKE_BACK_S):
                await self._lease.end()

    async def _enter(self) -> int:
        """Put our key; gives its create revision."""
        put, look = store.Put(self.key, self.value, self._lease.id), store.Range(self.key, keys_only=True)
        compare = store.Compare(self.key, "create")
        entered = await self._client.txn((compare,), (put,), timeout_s=self._left_s())
        if entered.succeeded:
            return entered.revision
        return (await self._client.range(look, timeout_s=self._left_s())).kvs[0].create_revision

    async def _turn(self, created: int) -> None:
        while (before := await self._before(created)) is not None:
            key, revision = before
            try:
                async with asyncio.timeout_at(self._until):
                    await self._gone(key, revision + 1)
            except Compacted:
                continue  # a quiet watch broke; who is before us is read, whatever happened
            except TimeoutError:
                raise self._too_long() from None
        reason, _ = await self._look(created)
        if reason or not self._lease.held:
            raise Lost(f"the place in the queue of the {self._kind} is lost", why=reason or self._lease.reason)

    async def _before(self, created: int) -> tuple[bytes, int] | None:
        """Whose key is the last before ours, and as of which revision. None comes to be there, so none is missed."""
        last = (0, b"", 0)
        async with aclosing(places(self._client, self.prefix, self._left_s)) as pieces:
            async for revision, found in pieces:
                before = [(kv.create_revision, kv.key, revision) for kv in found if kv.create_revision < created]
                last = max([last, *before])
                if self._until is not None and asyncio.get_running_loop().time() > self._until + _ANSWER_S:
                    raise self._too_long()  # of as many pieces as there may be each has its own time
        return last[1:] if last[0] else None

    def _too_long(self) -> TimedOut:
        why = f"somebody else had it for all of {self._wait_s:g} s"
        return TimedOut(f"the {self._kind} was not got", why=why, remedy="wait longer")

    async def _look_out(self) -> None:
        """Lose it as soon as our key is deleted. While that cannot be watched the lease's keeper looks."""
        created = revision = self.token
        while True:
            try:
                await self._gone(self.key, revision + 1)
                self._lease.lose("its key was deleted")
                return
            except Lost:
                return
            except Compacted:
                with suppress(PyClusterError):
                    reason, revision = await self._look(created)
                    if reason:
                        self._lease.lose(reason)
                        return
                    continue
            except PyClusterError:
                pass  # it cannot be watched now
            await asyncio.sleep(self._lease.ttl_s / RENEWALS)

    async def _gone(self, key: bytes, revision: int) -> None:
        """Wait until the key is deleted, or we lose our own lease."""
        waiting = [asyncio.ensure_future(self._deleted(key, revision)), asyncio.ensure_future(self._lease.lost())]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if waiting[1].done():
                raise Lost(f"the place in the queue of the {self._kind} is lost", why=self._lease.reason)
            await waiting[0]
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _deleted(self, key: bytes, revision: int) -> str:
        async with aclosing(self._client.watch(key, revision=revision)) as changes:
            async for change in changes:
                if change.deleted:
                    break
        return ""

    async def _missing(self) -> str:
        """Why we do not hold it any more, or nothing."""
        return (await self._look(self.token))[0] if self.token else ""

    async def _look(self, created: int) -> tuple[str, int]:
        """Why our key is not in the queue any more, or nothing; and as of which revision."""
        try:
            found = await self._client.range(store.Range(self.key, keys_only=True), timeout_s=self._left_s())
        except NotFound:
            return "its key was deleted", 0
        same = found.kvs[0].create_revision == created
        return "" if same else "its key was deleted and put anew", found.revision

    async def __aenter__(self) -> Self:
        await self.acquire()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._released and not self._lease.owed:
            return
        was_held, why = self._released or self.held, self._lease.reason  # what was given back is not lost
        try:
            await self.release()
        except PyClusterError:
            if error is None and was_held:
                raise
        if error is None and not was_held:
            raise Lost(f"the {self._kind} was lost", why=why or "its lease was not renewed in time")


class AsyncLock(AsyncClaim):
    """A lock: held by one at a time, in the order of asking."""

    _kind = "lock"

    def __init__(self, client: State, name: bytes, ttl_s: int, wait_s: float | None) -> None:
        super().__init__(client, name, b"", ttl_s, wait_s)


class AsyncElection(AsyncClaim):
    """An election: who holds leads, and its ``value`` says who that is."""

    _kind = "election"

    async def proclaim(self, value: bytes) -> None:
        """Say something else while leading; raises ``Lost`` where we do not."""
        self.check()
        ours = store.Compare(self.key, "create", "equal", self.token)
        if not (await self._client.txn((ours,), (store.Put(self.key, value, self._lease.id),))).succeeded:
            raise Lost("the election is lost", why="its key was deleted")
        self.value = value

    async def resign(self) -> None:
        """Give it back; the next one leads at once."""
        await self.release()

    async def leader(self) -> store.KeyValue | None:
        """Who leads, or None."""
        return (await self._first())[0]

    async def observe(self) -> AsyncGenerator[store.KeyValue | None, None]:
        """Who leads, now and whenever that changes; None while nobody does."""
        told: store.KeyValue | tuple[()] | None = ()
        while True:
            leader, revision = await self._first()
            if leader != told:
                yield leader
                told = leader
            key, prefix = (leader.key, False) if leader is not None else (self.prefix, True)
            watched = self._client.watch(key, prefix=prefix, revision=revision + 1)
            with suppress(Compacted):  # who leads is read again, whatever happened meanwhile
                async with aclosing(watched) as changes:
                    async for change in changes:
                        if is_place(self.prefix, change.kv.key):
                            break

    async def _first(self) -> tuple[store.KeyValue | None, int]:
        """Who leads, or None, and the revision after which any change of that comes."""
        while True:
            since, queue = 0, list[store.KeyValue]()
            try:
                # Of one moment: between two pieces one may come in behind what was read, and who leads go.
                async with aclosing(places(self._client, self.prefix, at_once=True)) as pieces:
                    async for revision, found in pieces:
                        since = since or revision
                        queue += found
            except Compacted:
                continue  # that moment is forgotten already
            first = min(queue, key=lambda kv: kv.create_revision, default=None)
            if first is None:
                return None, since
            with suppress(NotFound):  # it went meanwhile
                read = await self._client.range(store.Range(first.key))
                if read.kvs[0].create_revision == first.create_revision:
                    return read.kvs[0], read.revision
