"""The replicated state, for programs that have no event loop: one runs in a thread of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from pycluster import store
from pycluster.client.claims import AsyncClaim, AsyncElection
from pycluster.client.client import Client
from pycluster.client.configs import Configs
from pycluster.client.endpoint import Endpoint
from pycluster.client.leasing import AsyncLease
from pycluster.client.loopthread import LoopThread
from pycluster.client.rollouts import Rollouts
from pycluster.client.state import AsyncStateClient, Key, Operation, to_bytes
from pycluster.node.keyviews import StateView


class _Held:
    """What is held under a lease that is kept alive behind the caller's back."""

    def __init__(self, thread: LoopThread, inner: AsyncLease | AsyncClaim) -> None:
        self._thread = thread
        self._inner = inner

    @property
    def held(self) -> bool:
        """Whether it is ours at this moment, as far as we were told; never once its lease may have ended."""
        return self._inner.held

    def check(self) -> None:
        """Raise ``Lost`` where it is not held any more."""
        self._inner.check()

    def lost(self) -> str:
        """Wait until it is lost; gives the reason."""
        return self._thread.run(self._inner.lost())

    def __enter__(self) -> Self:
        self._thread.run(self._inner.__aenter__())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._thread.run(self._inner.__aexit__(kind, error, at))


class Lease(_Held):
    """See ``AsyncLease``."""

    def __init__(self, thread: LoopThread, inner: AsyncLease) -> None:
        super().__init__(thread, inner)
        self._lease = inner

    @property
    def id(self) -> int:
        """What keys are put with."""
        return self._lease.id


class Lock(_Held):
    """See ``AsyncLock``."""

    def __init__(self, thread: LoopThread, inner: AsyncClaim) -> None:
        super().__init__(thread, inner)
        self._claim = inner

    @property
    def token(self) -> int:
        """The fencing token: higher than that of every holder before."""
        return self._claim.token

    @property
    def key(self) -> bytes:
        """Our key in the queue."""
        return self._claim.key


class Election(Lock):
    """See ``AsyncElection``."""

    def __init__(self, thread: LoopThread, inner: AsyncElection) -> None:
        super().__init__(thread, inner)
        self._election = inner

    def proclaim(self, value: Key) -> None:
        """Say something else while leading; raises ``Lost`` where we do not."""
        self._thread.run(self._election.proclaim(to_bytes(value)))

    def resign(self) -> None:
        """Give it back; the next one leads at once."""
        self._thread.run(self._election.resign())

    def leader(self) -> store.KeyValue | None:
        """Who leads, or None."""
        return self._thread.run(self._election.leader())

    def observe(self) -> Iterator[store.KeyValue | None]:
        """Who leads, now and whenever that changes; None while nobody does."""
        return self._thread.each(self._election.observe())


class StateClient:
    """The replicated state, asked through one agent; a context manager. See ``AsyncStateClient`` for what methods
    raise and how they try again. ``agent`` asks the same agent about the cluster, ``configs`` are its configuration,
    ``rollouts`` how new versions of it are brought to nodes.
    """

    def __init__(self, endpoint: Endpoint, timeout_s: float = 10.0) -> None:
        self.agent = Client(endpoint, timeout_s)
        self._inner = AsyncStateClient(endpoint, timeout_s)
        self._inner.keep()
        self._thread = LoopThread(at_end=self._inner.close)
        self.configs = Configs(self._thread.run, self._thread.each, self._inner.configs)
        self.rollouts = Rollouts(self._thread.run, self._inner.rollouts)

    def close(self) -> None:
        """End watches and connections, and stop keeping leases alive. Calls of other threads raise ``LocalMisuse``."""
        self._thread.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def state(self) -> StateView:
        """Where the agent's copy of the state stands."""
        return self._thread.run(self._inner.state())

    def get(self, key: Key, *, revision: int = 0, serializable: bool = False) -> store.KeyValue | None:
        """One key, or None. ``serializable``: from the agent's own copy, which may be behind."""
        return self._thread.run(self._inner.get(key, revision=revision, serializable=serializable))

    def list(
        self,
        prefix: Key = b"",
        *,
        limit: int = 0,
        revision: int = 0,
        keys_only: bool = False,
        serializable: bool = False,
    ) -> store.RangeResult:
        """Every key that begins so, in order."""
        listed = self._inner.list(
            prefix, limit=limit, revision=revision, keys_only=keys_only, serializable=serializable
        )
        return self._thread.run(listed)

    def range(self, wanted: store.Range) -> store.RangeResult:
        """A read with all its choices; raises ``NotFound`` for a single key that is not there."""
        return self._thread.run(self._inner.range(wanted))

    def put(
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
        """Write one key; with conditions only if all of them hold, else raises ``CompareFailed``."""
        written = self._inner.put(
            key,
            value,
            lease=lease,
            prev_kv=prev_kv,
            if_absent=if_absent,
            if_version=if_version,
            if_mod_revision=if_mod_revision,
            force=force,
            request_id=request_id,
        )
        return self._thread.run(written)

    def delete(
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
        deleted = self._inner.delete(
            key,
            prefix=prefix,
            prev_kv=prev_kv,
            if_version=if_version,
            if_mod_revision=if_mod_revision,
            force=force,
            request_id=request_id,
        )
        return self._thread.run(deleted)

    def txn(
        self,
        compare: Iterable[store.Compare] = (),
        success: Iterable[Operation] = (),
        failure: Iterable[Operation] = (),
        *,
        force: bool = False,
        request_id: str = "",
    ) -> store.TxnResult:
        """If all of ``compare`` hold then ``success``, else ``failure``, as one step."""
        return self._thread.run(self._inner.txn(compare, success, failure, force=force, request_id=request_id))

    def compact(self, revision: int) -> int:
        """Forget what was superseded before ``revision``; gives the state's revision."""
        return self._thread.run(self._inner.compact(revision))

    def watch(
        self,
        key: Key,
        *,
        prefix: bool = False,
        revision: int = 0,
        prev_kv: bool = False,
        patience_s: float = 30.0,
    ) -> Iterator[store.Event]:
        """Each change of a key, or of all that begin so; see ``AsyncStateClient.watch``."""
        changes = self._inner.watch(key, prefix=prefix, revision=revision, prev_kv=prev_kv, patience_s=patience_s)
        return self._thread.each(changes)

    def grant(self, ttl_s: int, id: int = 0) -> store.LeaseGrantResult:
        """A lease; keys that are put with it are deleted when it ends. ``lease`` keeps one alive, too."""
        return self._thread.run(self._inner.grant(ttl_s, id))

    def keep_alive(self, id: int) -> int:
        """Let a lease begin anew; gives how many seconds it lasts. Raises ``NotFound`` where it has ended."""
        return self._thread.run(self._inner.keep_alive(id))

    def time_to_live(self, id: int, *, keys: bool = False) -> store.LeaseTimeToLiveResult:
        """What is left of a lease; raises ``NotFound`` where it has ended."""
        return self._thread.run(self._inner.time_to_live(id, keys=keys))

    def revoke(self, id: int) -> int:
        """End a lease and delete its keys; gives the revision. Raises ``NotFound`` where it has ended already."""
        return self._thread.run(self._inner.revoke(id))

    def leases(self) -> tuple[int, ...]:
        """The IDs of all leases."""
        return self._thread.run(self._inner.leases())

    def lease(self, ttl_s: int = 10) -> Lease:
        """``with client.lease() as lease``: a lease that is kept alive, and revoked at the end."""
        return Lease(self._thread, self._inner.lease(ttl_s))

    def lock(self, name: Key, ttl_s: int = 10, *, wait_s: float | None = None) -> Lock:
        """``with client.lock("name") as lock``; see ``AsyncStateClient.lock``."""
        return Lock(self._thread, self._inner.lock(name, ttl_s, wait_s=wait_s))

    def elect(self, name: Key, value: Key = b"", ttl_s: int = 10, *, wait_s: float | None = None) -> Election:
        """``with client.elect("name", "me") as election``; see ``AsyncStateClient.elect``."""
        return Election(self._thread, self._inner.elect(name, value, ttl_s, wait_s=wait_s))
