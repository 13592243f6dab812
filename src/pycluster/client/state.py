"""The replicated state, for programs that run an event loop."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from types import TracebackType
from typing import Self

from pycluster import store
from pycluster.client.calls import Calls
from pycluster.client.claims import AsyncElection, AsyncLock
from pycluster.client.configs import AsyncConfigs
from pycluster.client.endpoint import Endpoint
from pycluster.client.errors import NotFound, TooLarge
from pycluster.client.leasing import AsyncLease
from pycluster.client.rollouts import AsyncRollouts
from pycluster.client.watching import watch
from pycluster.node.keyrequests import (
    CompactRequest,
    DeleteQuery,
    ForceQuery,
    Get,
    KeepAliveRequest,
    LeaseQuery,
    LeaseRequest,
    PutRequest,
    TxnRequest,
    interval,
)
from pycluster.node.keyviews import (
    DeleteView,
    LeasesView,
    LeaseTimeView,
    LeaseView,
    PutView,
    RangeView,
    RevisionView,
    StateView,
    TxnView,
    asked_lease,
    lease_number,
    text_of,
)

#: Keys in one answer, unless that is too large.
_PIECE_KEYS = 1_000

Key = str | bytes
Operation = store.Range | store.Put | store.DeleteRange | store.Txn


def to_bytes(text: Key) -> bytes:
    """A key or a value; text is UTF-8."""
    return text.encode() if isinstance(text, str) else text


def _force(force: bool) -> ForceQuery | None:
    return ForceQuery(force=True) if force else None


class AsyncStateClient:
    """The replicated state, asked through one agent; a context manager, within which calls share connections.

    Keys and values are bytes, or text that goes as UTF-8. ``timeout_s`` bounds each call with all its tries: what may
    be tried again is, a change always under one ID, so that it is made once. Methods raise ``AgentUnreachable``,
    ``TimedOut`` (a change may have been made), ``NoQuorum``, ``Denied``, ``NotFound``, ``CompareFailed``,
    ``Compacted``, ``Rejected`` or ``AgentFailed``. ``configs`` are its configuration, ``rollouts`` theirs.
    """

    def __init__(self, endpoint: Endpoint, timeout_s: float = 10.0) -> None:
        self.endpoint = endpoint
        self.timeout_s = timeout_s
        self._calls = Calls(endpoint, timeout_s)
        self.configs = AsyncConfigs(self._calls)
        self.rollouts = AsyncRollouts(self._calls)

    def keep(self) -> None:
        """Let calls share connections from now on, as within ``async with``, until ``close`` on the same event loop."""
        self._calls.keep()

    async def close(self) -> None:
        """End them; from here on each call has a connection of its own."""
        await self._calls.close()

    async def __aenter__(self) -> Self:
        self.keep()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def state(self) -> StateView:
        """Where the agent's copy of the state stands."""
        return await self._calls.call("GET", "/state", StateView)

    async def get(self, key: Key, *, revision: int = 0, serializable: bool = False) -> store.KeyValue | None:
        """One key, or None. ``serializable``: from the agent's own copy, which may be behind."""
        wanted = store.Range(to_bytes(key), revision=revision, serializable=serializable)
        try:
            return (await self.range(wanted)).kvs[0]
        except NotFound:
            return None

    async def list(
        self,
        prefix: Key = b"",
        *,
        limit: int = 0,
        revision: int = 0,
        keys_only: bool = False,
        serializable: bool = False,
    ) -> store.RangeResult:
        """Every key that begins so, in order, as of one revision; asked for in pieces where it is much."""
        key, end = interval(to_bytes(prefix))
        first: store.RangeResult | None = None
        kvs: tuple[store.KeyValue, ...] = ()
        piece = _PIECE_KEYS
        while True:
            most = min(piece, limit - len(kvs)) if limit else piece
            asked = store.Range(key, end, most, revision, serializable=serializable, keys_only=keys_only)
            try:
                found = await self.range(asked)
            except TooLarge:
                if most == 1:
                    raise
                piece = max(most // 8, 1)
                continue
            first, kvs = first or found, kvs + found.kvs
            if not found.more or len(kvs) == limit:
                return store.RangeResult(first.revision, kvs, first.count, found.more)
            key, revision = found.kvs[-1].key + b"\0", revision or found.revision

    async def range(self, wanted: store.Range, *, timeout_s: float | None = None) -> store.RangeResult:
        """A read with all its choices; raises ``NotFound`` for a single key that is not there.

        ``timeout_s``, here and below, takes the place of the client's own, and is kept to the moment.
        """
        told = await self._calls.call("GET", "/kv", RangeView, query=Get.of(wanted), timeout_s=timeout_s)
        return told.model()

    async def put(
        self,
        key: Key,
        value: Key,
        *,
        lease: int = 0,
        prev_kv: bool = False,
        if_absent: bool = False,
        if_version: int | None = None,
        if_mod_revision: int | None = None,
        force: bool = False,
        request_id: str = "",
    ) -> store.PutResult:
        """Write one key; with conditions only if all of them hold, else raises ``CompareFailed``.

        ``force``, here and below: also a key that is the cluster's own.
        """
        (key_text,), key_encoding = text_of(to_bytes(key))
        (value_text,), encoding = text_of(to_bytes(value))
        wanted = PutRequest(
            key=key_text,
            value=value_text,
            lease=asked_lease(lease),
            prev_kv=prev_kv,
            key_encoding=key_encoding,
            encoding=encoding,
            if_absent=if_absent,
            if_version=if_version,
            if_mod_revision=if_mod_revision,
        )
        told = await self._calls.call("PUT", "/kv", PutView, query=_force(force), body=wanted, request_id=request_id)
        return told.model()

    async def delete(
        self,
        key: Key,
        *,
        prefix: bool = False,
        prev_kv: bool = False,
        if_version: int | None = None,
        if_mod_revision: int | None = None,
        force: bool = False,
        request_id: str = "",
    ) -> store.DeleteResult:
        """Delete one key, or all that begin so; ``deleted`` is how many there were."""
        first, end = interval(to_bytes(key)) if prefix else (to_bytes(key), b"")
        (key_text, end_text), encoding = text_of(first, end)
        wanted = DeleteQuery(
            key=key_text,
            range_end=end_text,
            key_encoding=encoding,
            prev_kv=prev_kv,
            if_version=if_version,
            if_mod_revision=if_mod_revision,
            force=force,
        )
        return (await self._calls.call("DELETE", "/kv", DeleteView, query=wanted, request_id=request_id)).model()

    async def txn(
        self,
        compare: Iterable[store.Compare] = (),
        success: Iterable[Operation] = (),
        failure: Iterable[Operation] = (),
        *,
        force: bool = False,
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> store.TxnResult:
        """If all of ``compare`` hold then ``success``, else ``failure``, as one step."""
        wanted = TxnRequest.of(store.Txn(tuple(compare), tuple(success), tuple(failure)))
        told = await self._calls.call(
            "POST",
            "/kv/txn",
            TxnView,
            query=_force(force),
            body=wanted,
            request_id=request_id,
            timeout_s=timeout_s,
        )
        return told.model()

    async def compact(self, revision: int) -> int:
        """Forget what was superseded before ``revision``; gives the state's revision."""
        return (await self._calls.call("POST", "/kv/compact", RevisionView, body=CompactRequest(revision))).revision

    def watch(
        self,
        key: Key,
        *,
        prefix: bool = False,
        revision: int = 0,
        prev_kv: bool = False,
        patience_s: float = 30.0,
    ) -> AsyncGenerator[store.Event, None]:
        """Each change of a key, or of all that begin so, once and in order; from ``revision`` on, or (0) from now on.

        A watch that breaks is taken up again where it broke, within ``patience_s``. Raises ``Compacted`` where that is
        forgotten. Close it to end it.
        """
        first, end = interval(to_bytes(key)) if prefix else (to_bytes(key), b"")
        return watch(self.endpoint, store.Watch(first, end, revision, prev_kv=prev_kv), patience_s)

    async def grant(self, ttl_s: int, id: int = 0, *, timeout_s: float | None = None) -> store.LeaseGrantResult:
        """A lease; keys that are put with it are deleted when it ends. ``lease`` keeps one alive, too."""
        wanted = LeaseRequest(ttl_s, asked_lease(id))
        told = await self._calls.call("POST", "/leases", LeaseTimeView, body=wanted, timeout_s=timeout_s)
        return store.LeaseGrantResult(told.revision, lease_number(told.id), told.ttl_s)

    async def keep_alive(self, id: int, *, timeout_s: float | None = None) -> int:
        """Let a lease begin anew; gives how many seconds it lasts. Raises ``NotFound`` where it has ended."""
        path = f"/leases/{asked_lease(id)}/keep-alive"
        told = await self._calls.call("POST", path, LeaseTimeView, body=KeepAliveRequest(), timeout_s=timeout_s)
        return told.ttl_s

    async def time_to_live(self, id: int, *, keys: bool = False) -> store.LeaseTimeToLiveResult:
        """What is left of a lease; raises ``NotFound`` where it has ended."""
        told = await self._calls.call("GET", f"/leases/{asked_lease(id)}", LeaseView, query=LeaseQuery(keys))
        attached = tuple(key.model() for key in told.keys)
        return store.LeaseTimeToLiveResult(told.revision, id, told.ttl_s, told.granted_ttl_s, attached)

    async def revoke(self, id: int) -> int:
        """End a lease and delete its keys; gives the revision. Raises ``NotFound`` where it has ended already."""
        return (await self._calls.call("DELETE", f"/leases/{asked_lease(id)}", RevisionView)).revision

    async def leases(self) -> tuple[int, ...]:
        """The IDs of all leases."""
        return tuple(lease_number(one) for one in (await self._calls.call("GET", "/leases", LeasesView)).ids)

    def lease(self, ttl_s: int = 10) -> AsyncLease:
        """``async with client.lease() as lease``: a lease that is kept alive, and revoked at the end."""
        return AsyncLease(self, ttl_s)

    def lock(self, name: Key, ttl_s: int = 10, *, wait_s: float | None = None) -> AsyncLock:
        """``async with client.lock("name") as lock``: held by one at a time, in the order of asking.

        Raises ``TimedOut`` where somebody else has it for all of ``wait_s`` (None: wait for ever). What keeps us from
        asking is raised as such.
        """
        return AsyncLock(self, to_bytes(name), ttl_s, wait_s)

    def elect(self, name: Key, value: Key = b"", ttl_s: int = 10, *, wait_s: float | None = None) -> AsyncElection:
        """``async with client.elect("name", "me") as election``: leads from then on; ``observe`` follows who does."""
        return AsyncElection(self, to_bytes(name), to_bytes(value), ttl_s, wait_s)
