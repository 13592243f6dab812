"""The answers of the last writes, so that a retry under the same request ID is answered and not applied again."""

from __future__ import annotations

from collections import deque
from hashlib import blake2b

import msgspec

from pycluster.store.model import DeleteResult, LeaseGrant, PutResult, TxnResult, Write, WriteResult
from pycluster.store.params import Params

#: Bytes of a request ID.
REQUEST_ID_MAX_BYTES = 64

#: What an ID begins with whose giver vouches for it: it was drawn for one write, or what is written under it may differ
#: from try to try. Writes under any other are compared.
VOUCHED = b"\0"

#: Before an answer that has a fingerprint before it; an answer is an array, and begins with no such byte.
_MARK = b"\1"
_FINGERPRINT_BYTES = 8
_HEAD_BYTES = len(_MARK) + _FINGERPRINT_BYTES

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(WriteResult).decode


def fingerprint(request_id: bytes, write: Write) -> bytes:
    """What tells ``write`` from others under its ID: 8 bytes, or none where the ID is vouched for or empty."""
    if not request_id or request_id.startswith(VOUCHED):
        return b""
    if isinstance(write, LeaseGrant):
        # Its ID is drawn anew each time that a caller asks without one.
        write = LeaseGrant(write.ttl_s)
    try:
        encoded = _encode(write)
    except RecursionError:
        # Nested far deeper than any write that is applied: it is refused, and nothing is kept of it.
        return b""
    return blake2b(encoded, digest_size=_FINGERPRINT_BYTES).digest()


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
        return None if answer is None else _decode(_bare(answer))

    def fits(self, request_id: bytes, write: Write) -> bool:
        """Whether ``write`` is what was asked under this remembered ID, as far as that is known."""
        answer = self._answers[request_id]
        return not answer.startswith(_MARK) or answer[len(_MARK) : _HEAD_BYTES] == fingerprint(request_id, write)

    def add(self, request_id: bytes, write: Write, result: WriteResult) -> None:
        """``write`` was applied; ``request_id`` is new."""
        if not request_id or not self._params.remembered_max:
            return
        answer = _encode(result)
        if len(answer) > self._params.remembered_answer_max_bytes:
            answer = _encode(_without_contents(result))
        mark = fingerprint(request_id, write)
        self._keep(request_id, _MARK + mark + answer if mark else answer)

    def restore(self, request_id: bytes, answer: bytes) -> None:
        """The next one from a snapshot. Raises one of ``UNREADABLE`` where it is none."""
        _decode(_bare(answer))
        self._keep(request_id, answer)

    def _keep(self, request_id: bytes, answer: bytes) -> None:
        self._answers[request_id] = answer
        self._order.append(request_id)
        if len(self._order) > self._params.remembered_max:
            del self._answers[self._order.popleft()]

    def everything(self) -> dict[bytes, bytes]:
        """Request IDs and answers as they are kept now, oldest first: in the order in which they came."""
        return self._answers.copy()


def _bare(answer: bytes) -> bytes:
    """The encoded answer, without a fingerprint before it."""
    return answer[_HEAD_BYTES:] if answer.startswith(_MARK) else answer


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
