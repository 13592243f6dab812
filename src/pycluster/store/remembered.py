"""The answers of the last writes, so that a retry under the same request ID is answered and not applied again."""

from __future__ import annotations

from collections import deque

import msgspec

from pycluster.store.model import DeleteResult, PutResult, TxnResult, WriteResult
from pycluster.store.params import Params

#: Bytes of a request ID.
REQUEST_ID_MAX_BYTES = 64

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(WriteResult).decode


class Remembered:
    """At most ``remembered_max`` answers, the oldest goes first. Refusals are not among them: they changed nothing."""

    def __init__(self, params: Params) -> None:
        self._params = params
        self._answers: dict[bytes, bytes] = {}
        #: Oldest first; taking the first key of a large dict again and again would be slow.
        self._order: deque[bytes] = deque()

    def find(self, request_id: bytes) -> WriteResult | None:
        """What this request was answered."""
        answer = self._answers.get(request_id)
        return None if answer is None else _decode(answer)

    def add(self, request_id: bytes, result: WriteResult) -> None:
        """It was applied; ``request_id`` is new."""
        if not request_id or not self._params.remembered_max:
            return
        answer = _encode(result)
        if len(answer) > self._params.remembered_answer_max_bytes:
            answer = _encode(_without_contents(result))
        self._keep(request_id, answer)

    def restore(self, request_id: bytes, answer: bytes) -> None:
        """The next one from a snapshot. Raises one of ``UNREADABLE`` where it is none."""
        _decode(answer)
        self._keep(request_id, answer)

    def _keep(self, request_id: bytes, answer: bytes) -> None:
        self._answers[request_id] = answer
        self._order.append(request_id)
        if len(self._order) > self._params.remembered_max:
            del self._answers[self._order.popleft()]

    def everything(self) -> dict[bytes, bytes]:
        """Request IDs and encoded answers as they are now, oldest first: in the order in which they came."""
        return self._answers.copy()


def _without_contents(result: WriteResult) -> WriteResult:
    """The same without what it read."""
    match result:
        case PutResult():
            return PutResult(result.revision)
        case DeleteResult():
            return DeleteResult(result.revision, result.deleted)
        case TxnResult():
            return TxnResult(result.revision, result.succeeded)
        case _:
            return result
