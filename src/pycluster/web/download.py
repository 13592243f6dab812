"""The whole replicated state as a file: streamed a piece at a time, so that nothing else waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import msgspec
from starlette.requests import Request

from pycluster.node.ports import OpenCopy, StateCopies, StateFailed
from pycluster.node.view import StatusView
from pycluster.store import ArchiveWriter
from pycluster.web.asgi import ASGIApp, Receive, Scope, Send
from pycluster.web.asking import query, refusal, timeout_of
from pycluster.web.bounds import Bounds
from pycluster.web.faults import HttpFault
from pycluster.web.guard import swamped
from pycluster.web.operations import Site
from pycluster.web.streaming import Pool, Stream

#: Between two pieces, so that heartbeats and requests come first.
_PIECE_PAUSE_S = 0.002
_SWAMPED_PAUSE_S = 0.1


class SnapshotQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a snapshot is wanted."""

    serializable: bool = False


async def snapshot(site: Site, request: Request) -> ASGIApp:
    """``GET /api/v1/snapshot``."""
    wanted, timeout_s = query(request, SnapshotQuery), timeout_of(site, request)
    if site.copies is None:
        raise HttpFault(503, "this agent serves no replicated state", remedy="ask another agent of the cluster")
    if not site.copies.holds_copy():
        status = site.cluster.status()
        if status.engine.kind != "embedded":
            raise HttpFault(
                503, "no snapshot was made", why=f"the state is in {status.engine.kind}", remedy="use its own snapshots"
            )
        raise HttpFault(503, "no snapshot was made", why="this agent holds no copy of the state", remedy=_where(status))
    return Download(site.copies, site.downloads, site.bounds, wanted.serializable, timeout_s)


def _where(status: StatusView) -> str:
    """What to type where, so that it is made: at the leader, or else at a voter that answers."""
    voters = {voter.name for voter in status.quorum.voters if voter.uuid and not voter.learner}
    able = [one for one in status.members if one.name in voters and one.state == "alive"]
    if not able:
        return "ask the agent of a voter"
    best = min(able, key=lambda one: (one.name != status.leader.leader, one.name))
    host = best.address.rpartition(":")[0].strip("[]")
    return f"on {best.name} ({host}): pycluster snapshot save FILE"


class Download(Stream):
    """One file on its way. Where it is broken off, its hash is missing and the connection is cut."""

    def __init__(self, copies: StateCopies, pool: Pool, bounds: Bounds, serializable: bool, timeout_s: float) -> None:
        super().__init__(pool, bounds)
        self._copies = copies
        self._serializable = serializable
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve until the last byte is sent, the reader goes or takes nothing, or the agent stops."""
        state = scope.get("state", {})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        self._pool.admit(self, bool(state.get("unix", False)))
        watching: asyncio.Task[None] | None = None
        try:
            try:
                copy = await self._copies.open_copy(serializable=self._serializable, timeout_s=self._timeout_s)
            except StateFailed as failed:
                raise refusal(failed.failure) from None
            try:
                await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
                watching = asyncio.create_task(self._watch(receive))
                async with asyncio.timeout(self._bounds.snapshot_timeout_s):
                    whole = await self._stream(scope, send, copy)
                if whole:
                    await self._send(send, b"", more=False)
            except TimeoutError:
                whole = False
            finally:
                copy.close()
            if not whole:
                state.get("abort", lambda: None)()
        finally:
            self._pool.release(self)
            if watching is not None:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)

    async def _stream(self, scope: Scope, send: Send, copy: OpenCopy) -> bool:
        for chunk in _chunks(copy):
            async with asyncio.timeout(self._bounds.reader_timeout_s):
                while swamped(scope):  # noqa: ASYNC110  the buffers of other connections tell nobody when they drain
                    await asyncio.sleep(_SWAMPED_PAUSE_S)
            if self._ended:
                return False
            await self._send(send, chunk)
            await asyncio.sleep(_PIECE_PAUSE_S)
        return not self._gone


def _chunks(copy: OpenCopy) -> Iterator[bytes]:
    writer = ArchiveWriter(msgspec.structs.replace(copy.manifest, made_ms=time.time_ns() // 1_000_000))
    yield writer.head()
    while (piece := copy.chunk()) is not None:
        yield writer.piece(piece)
    yield writer.end()


_HEADERS = (
    (b"content-type", b"application/octet-stream"),
    (b"content-disposition", b'attachment; filename="pycluster.snapshot"'),
    (b"cache-control", b"no-store, no-transform"),
    (b"connection", b"close"),
)
