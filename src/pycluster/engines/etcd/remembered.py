"""Writes asked under an ID: within this agent's life each is made once, however often it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from pycluster import store
from pycluster.store import Failure

#: IDs, the oldest of which is forgotten: what clients may still ask again.
REMEMBERED_MAX = 10_000

_OTHER = Failure("bad-request", "its request ID was given to another write before")


class Remembered:
    """Results by ID. What was refused for certain may be asked anew; what is not known stays so."""

    def __init__(self, answer_max_bytes: int) -> None:
        """Larger answers are kept without what they read."""
        self._answer_max_bytes = answer_max_bytes
        #: Those that are under way are apart: however many are done meanwhile, none of them is forgotten.
        self._under_way: dict[bytes, tuple[bytes, asyncio.Future[store.Result]]] = {}
        self._results: dict[bytes, tuple[bytes, store.Result]] = {}

    async def once(
        self, request_id: bytes, asked: store.Write, write: Callable[[], Awaitable[store.Result]]
    ) -> store.Result:
        """The result of ``write``, or of the one under this ID that was before; without an ID of ``write``.

        A ``bad-request`` where what is ``asked`` is not what was asked under this ID.
        """
        if not request_id:
            return await write()
        mark = type(asked).__name__.encode() + store.fingerprint(request_id, asked)
        if (known := self._results.get(request_id)) is not None:
            return known[1] if known[0] == mark else _OTHER
        if (before := self._under_way.get(request_id)) is not None:
            return await asyncio.shield(before[1]) if before[0] == mark else _OTHER
        mine: asyncio.Future[store.Result] = asyncio.get_running_loop().create_future()
        self._under_way[request_id] = mark, mine
        result: store.Result = Failure("outcome-unknown", "whoever asked for it went away meanwhile")
        try:
            result = await write()
            return result
        finally:
            lean = self._lean(result)
            mine.set_result(lean)
            del self._under_way[request_id]
            if not isinstance(result, Failure) or result.kind == "outcome-unknown":
                self._results[request_id] = mark, lean
                if len(self._results) > REMEMBERED_MAX:
                    del self._results[next(iter(self._results))]

    def _lean(self, result: store.Result) -> store.Result:
        if isinstance(result, Failure) or len(msgspec.msgpack.encode(result)) <= self._answer_max_bytes:
            return result
        match result:
            case store.PutResult():
                return store.PutResult(result.revision)
            case store.DeleteResult():
                return store.DeleteResult(result.revision, result.deleted)
            case store.TxnResult():
                return store.TxnResult(result.revision, result.succeeded)
            case _:
                return result
