"""The handlers of ``/api/v1/kv`` and ``/api/v1/state``."""

from __future__ import annotations

from typing import cast

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pycluster import store
from pycluster.kernel.errors import LocalMisuse
from pycluster.node.keyrequests import CompactRequest, DeleteQuery, ForceQuery, Get, PutRequest, TxnRequest, WatchQuery
from pycluster.node.keyviews import DeleteView, PutView, RangeView, RevisionView, StateFault, StateView, TxnView
from pycluster.node.ports import StateFailed
from pycluster.web.asgi import ASGIApp
from pycluster.web.asking import ask, no_query, query, refusal, state_of, timeout_of
from pycluster.web.faults import StateRefusal
from pycluster.web.keystream import KeyStream
from pycluster.web.operations import Body, Site, read_body, reply
from pycluster.web.reserved import check
from pycluster.web.streaming import place


async def body(site: Site, request: Request, shape: type[Body]) -> Body:
    """The body of a request to the state; raises ``HttpFault``, also for a query."""
    no_query(request)
    return await _body(site, request, shape)


async def _body(site: Site, request: Request, shape: type[Body]) -> Body:
    return await read_body(request, shape, site.bounds.state_body_max_bytes)


async def state(site: Site, request: Request) -> Response:
    no_query(request)
    return reply(StateView.of(state_of(site).head()))


async def get(site: Site, request: Request) -> Response:
    wanted = query(request, Get).model()
    result = cast(store.RangeResult, await ask(site, request, wanted))
    if not wanted.range_end and not wanted.count_only and not result.count:
        raise refusal(store.Failure("key-not-found", revision=result.revision))
    return reply(RangeView.of(result, not wanted.serializable))


async def put(site: Site, request: Request) -> Response:
    forced = query(request, ForceQuery).force
    wanted = await _body(site, request, PutRequest)
    write = wanted.model()
    await _guard(site, request, write, forced)
    absent = (store.Compare(write.key),) if wanted.if_absent else ()
    conditions = absent + _conditions(write.key, wanted.if_version, wanted.if_mod_revision)
    result = await _change(site, request, write, conditions)
    return reply(PutView.of(cast(store.PutResult, result)))


async def delete(site: Site, request: Request) -> Response:
    wanted = query(request, DeleteQuery)
    key, range_end = wanted.keys()
    conditions = _conditions(key, wanted.if_version, wanted.if_mod_revision)
    if range_end and conditions:
        raise LocalMisuse("if_version and if_mod_revision are of one key", remedy="use a transaction")
    write = store.DeleteRange(key, range_end, wanted.prev_kv)
    await _guard(site, request, write, wanted.force)
    return reply(DeleteView.of(cast(store.DeleteResult, await _change(site, request, write, conditions))))


async def _guard(site: Site, request: Request, write: store.Write, forced: bool) -> None:
    if not forced:
        try:
            await check(state_of(site), write, timeout_of(site, request))
        except StateFailed as failed:
            raise refusal(failed.failure) from None


def _conditions(key: bytes, version: int | None, mod_revision: int | None) -> tuple[store.Compare, ...]:
    found: tuple[store.Compare, ...] = ()
    if version is not None:
        found += (store.Compare(key, "version", "equal", version),)
    if mod_revision is not None:
        found += (store.Compare(key, "mod", "equal", mod_revision),)
    return found


async def _change(
    site: Site, request: Request, write: store.Put | store.DeleteRange, conditions: tuple[store.Compare, ...]
) -> store.Result:
    """The write's result; raises ``StateRefusal`` 409 where a condition does not hold."""
    if not conditions:
        return await ask(site, request, write)
    look = store.Range(write.key, keys_only=True)
    result = cast(store.TxnResult, await ask(site, request, store.Txn(conditions, (write,), (look,))))
    if result.succeeded:
        return result.results[0] if result.results else _bare(write, result.revision)
    why, now = "the key does not exist", cast(store.RangeResult, result.results[0]).kvs if result.results else ()
    if not result.results:
        why = "its answer was too long to be kept for this retry"
    elif now:
        why = f"the key exists: version {now[0].version}, mod_revision {now[0].mod_revision}"
    fault = StateFault("the key is not as the condition says", why, "read it again", kind="compare-failed")
    raise StateRefusal(409, fault)


def _bare(write: store.Put | store.DeleteRange, revision: int) -> store.Result:
    """The answer of a retry whose first answer was too long to be kept. A condition on a key that is there held."""
    return store.PutResult(revision) if isinstance(write, store.Put) else store.DeleteResult(revision, 1)


async def txn(site: Site, request: Request) -> Response:
    forced = query(request, ForceQuery).force
    wanted = (await _body(site, request, TxnRequest)).model()
    await _guard(site, request, wanted, forced)
    return reply(TxnView.of(cast(store.TxnResult, await ask(site, request, wanted))))


async def compact(site: Site, request: Request) -> Response:
    wanted = await body(site, request, CompactRequest)
    result = cast(store.CompactResult, await ask(site, request, store.Compact(wanted.revision)))
    return reply(RevisionView(result.revision))


async def watch(site: Site, request: Request) -> ASGIApp:
    asked = query(request, WatchQuery)
    wanted = asked.model()
    resume = place(request.headers.get("last-event-id", ""))
    if resume is not None:
        wanted = msgspec.structs.replace(wanted, start_revision=resume + 1)
    return KeyStream(state_of(site), site.watches, site.bounds, wanted, keys_only=asked.keys_only)
