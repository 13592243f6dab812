"""``node.ports.StateStore`` over etcd: every request becomes one of etcd's, every refusal one of ours.

What is certain is said, and nothing else: a write whose answer was lost is ``outcome-unknown`` and never sent again.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any

import msgspec

from pycluster import store
from pycluster.engines.etcd import answers, requests, watching
from pycluster.engines.etcd.access import Access
from pycluster.engines.etcd.connection import Lost, Silent, TooLong, Unsent
from pycluster.engines.etcd.members import Call, Members
from pycluster.engines.etcd.refusals import Refusal
from pycluster.engines.etcd.remembered import Remembered
from pycluster.kernel.bounded import UNREADABLE
from pycluster.kernel.errors import LocalMisuse
from pycluster.node.ports import HowFar, OpenCopy, StateFailed, StateHead
from pycluster.node.view import EngineView
from pycluster.store import Failure, Watch, WatchBatch

#: Requests at a time; one more is refused, retryably.
REQUESTS_MAX = 10_000
#: Of an answer, as JSON: what ``request_max_bytes`` of keys and values take at most, and of a write's, which is made.
_READ_MAX_BYTES, _WRITTEN_MAX_BYTES = 16 * 1024 * 1024, 256 * 1024 * 1024
#: Between two looks at how etcd is, s, and what one may take.
LOOK_S, _LOOK_WITHIN_S = 5.0, 4.0
_STOPPING = "the agent is stopping"

Told = Callable[[store.Result], None]


class Etcd:
    """On the event loop's thread. ``own`` is this node's head: who answers, and for which cluster."""

    def __init__(self, access: Access, own: Callable[[], StateHead], *, look_s: float = LOOK_S) -> None:
        """``look_s``: between two looks at how they are. Raises ``LocalMisuse`` for files that cannot be used."""
        self._members = Members(access)
        self._own = own
        self._look_s = look_s
        self._params = store.Params()
        self._remembered = Remembered(self._params.remembered_answer_max_bytes)
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way = 0
        self._revision = self._compacted = 0
        self._status: answers.Status | None = None
        self._problem = "etcd was not asked yet"

    def start(self) -> None:
        """Look now and then how etcd is."""
        self._spawn(self._look())

    def close(self) -> None:
        """Nobody waits in vain."""
        self._members.close()
        for task in tuple(self._tasks):
            task.cancel()

    def view(self) -> EngineView:
        """Which engine, where, and what is wrong with it."""
        version = self._status.version if self._status is not None else ""
        return EngineView("etcd", version, self._members.views(), self._problem)

    # --- node.ports.StateStore ----------------------------------------------------------------------------------------

    def head(self) -> StateHead:
        """This node answers, for its cluster; where the state is, is etcd's. No leader while etcd does not answer."""
        own, status = self._own(), self._status
        return msgspec.structs.replace(
            own,
            leader_id=own.leader_id if not self._problem else 0,
            revision=self._revision,
            compact_revision=self._compacted,
            index=status.raftIndex if status is not None else 0,
            size_bytes=status.dbSizeInUse or status.dbSize if status is not None else 0,
            replica=False,
        )

    def holds_copy(self) -> bool:
        return False

    async def open_copy(self, *, serializable: bool = False, timeout_s: float = 5.0) -> OpenCopy:
        raise StateFailed(Failure("no-leader", "the state is in etcd: `etcdctl snapshot save` copies it"))

    async def ask(self, request: store.Request, *, timeout_s: float = 5.0, request_id: bytes = b"") -> store.Result:
        result = await self._result(request, timeout_s, request_id)
        if isinstance(result, Failure):
            raise StateFailed(result)
        return result

    def submit(self, request: store.Request, told: Told, *, timeout_s: float = 5.0, request_id: bytes = b"") -> None:
        async def work() -> None:
            result: store.Result = Failure("outcome-unknown", _STOPPING)
            try:
                result = await self._result(request, timeout_s, request_id)
            finally:
                told(result)

        self._spawn(work())

    async def watch(self, watch: Watch, how_far: HowFar | None = None) -> AsyncGenerator[WatchBatch, None]:
        if self._members.closed:
            raise StateFailed(Failure("no-leader", _STOPPING))
        feed = watching.follow(self._members, watch)
        try:
            async for batch in feed:
                self._revision = max(self._revision, batch.revision if batch.events else 0)
                yield batch
        finally:
            await feed.aclose()

    # --- one request ------------------------------------------------------------------------------------------------

    async def _result(self, request: store.Request, timeout_s: float, request_id: bytes) -> store.Result:
        if self._members.closed:
            return Failure("no-leader", _STOPPING)
        if self._under_way >= REQUESTS_MAX:
            return Failure("overloaded", f"{REQUESTS_MAX} requests are under way")
        self._under_way += 1
        try:
            if not isinstance(request, store.Write):
                return await self._read(request, timeout_s)
            refused = store.unfit(request, self._params)
            if refused is None and len(request_id) > 64:
                refused = Failure("bad-request", "a request's ID has at most 64 bytes")
            if refused is not None:
                return msgspec.structs.replace(refused, revision=self._revision, compact_revision=self._compacted)
            return await self._remembered.once(request_id, request, lambda: self._write(request, timeout_s))
        finally:
            self._under_way -= 1

    async def _read(self, request: store.Query, timeout_s: float) -> store.Result:
        ranged = request if isinstance(request, store.Range) else None
        if ranged is not None and not ranged.key:
            return Failure("empty-key", "a key has at least one byte", self._revision, self._compacted)
        leader = ranged is None or not ranged.serializable
        result = await self._call(request, timeout_s, repeat=True, leader=leader)
        if isinstance(result, store.RangeResult):
            size = sum(len(pair.key) + len(pair.value) + 32 for pair in result.kvs)
            if size > self._params.request_max_bytes:
                return self._too_large()
        return result

    async def _write(self, write: store.Write, timeout_s: float) -> store.Result:
        match write:
            case store.LeaseGrant(ttl_s, 0):
                drawn = store.LeaseGrant(ttl_s, secrets.randbits(62) + 1)
                return await self._call(drawn, timeout_s, repeat=True)
            case store.LeaseRevoke() | store.Compact():
                return await self._call(write, timeout_s, repeat=True)
            case _:
                return await self._call(write, timeout_s, repeat=False)

    async def _call(
        self, request: store.Request, timeout_s: float, *, repeat: bool, leader: bool = True
    ) -> store.Result:
        """``repeat``: it may be sent twice, for the second time changes nothing."""
        until = asyncio.get_running_loop().time() + timeout_s
        write = isinstance(request, store.Write)
        path, body = requests.asked(request)
        most = _WRITTEN_MAX_BYTES if write else _READ_MAX_BYTES
        try:
            told = await self._members.call(Call(path, body, most, repeat, leader), until)
            result = answers.result(request, told)
        except Refusal as refusal:
            return await self._refused(request, refusal, timeout_s)
        except Unsent as error:
            kind: store.FailureKind = "timed-out" if isinstance(error, Silent) and not write else "no-leader"
            return self._fail(kind, f"no member of etcd takes it: {error}")
        except Lost as error:
            return self._fail("outcome-unknown" if write else "timed-out", str(error))
        except TooLong:
            return self._fail("outcome-unknown", "the answer is too long") if write else self._too_large()
        except UNREADABLE as error:
            return self._fail("outcome-unknown" if write else "timed-out", f"etcd's answer makes no sense: {error}")
        except LocalMisuse as error:
            return self._fail("bad-request", str(error))
        self._problem = ""
        self._revision = max(self._revision, result.revision)
        if isinstance(request, store.Compact):
            self._compacted = max(self._compacted, request.revision)
        return result

    async def _refused(self, request: store.Request, refusal: Refusal, timeout_s: float) -> store.Result:
        """Where an earlier attempt may have done it, a refusal may be how that shows."""
        failure = refusal.failure(write=isinstance(request, store.Write))
        match request, failure.kind:
            case store.LeaseGrant(_, number), "lease-exists" if refusal.again:
                left = await self._call(store.LeaseTimeToLive(number), timeout_s, repeat=True)
                if isinstance(left, store.LeaseTimeToLiveResult):
                    return store.LeaseGrantResult(left.revision, number, left.granted_ttl_s)
                return self._fail("outcome-unknown", "whether the lease was granted is not known")
            case store.LeaseRevoke(), "lease-not-found" if refusal.again:
                return store.LeaseRevokeResult(self._revision)
            case store.Compact(), "compacted" if refusal.again:
                return store.CompactResult(self._revision)
            case _, "compacted":
                self._compacted = await watching.compact_revision(self._members, timeout_s) or self._compacted
            case _ if refusal.again and isinstance(request, store.Write):
                return self._fail("outcome-unknown", failure.detail)
            case _:
                pass
        return self._fail(failure.kind, failure.detail)

    def _fail(self, kind: store.FailureKind, detail: str) -> Failure:
        return Failure(kind, detail, self._revision, self._compacted)

    def _too_large(self) -> Failure:
        return self._fail("request-too-large", f"an answer has at most {self._params.request_max_bytes} bytes")

    # --- how etcd is ------------------------------------------------------------------------------------------------

    async def _look(self) -> None:
        spread = random.Random(secrets.randbits(64))
        while True:
            until = asyncio.get_running_loop().time() + _LOOK_WITHIN_S
            try:
                told = await self._members.call(Call("/v3/maintenance/status", b"{}", 65_536, True), until)
                self._status = status = answers.read(told, answers.Status)
                self._revision = max(self._revision, status.header.revision)
                self._problem = "" if status.leader else "etcd has no leader"
            except (Refusal, Unsent, Lost, TooLong, *UNREADABLE, LocalMisuse) as error:
                self._problem = str(error)
            await self._members.look_again(_LOOK_WITHIN_S)
            # Agents that began together shall not go on looking together.
            await asyncio.sleep(self._look_s * spread.uniform(0.8, 1.2))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
