"""An agent's answers as the client reads them: a value of the shape that was asked for, or one of our errors."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pycluster.client import Endpoint
from pycluster.client.decoding import decode
from pycluster.kernel.errors import PyClusterError
from pycluster.node.ports import Outcome
from pycluster.node.view import ErrorView, Explanation, Fault, HealthView, LeaderView, MemberView, StatusView
from tests.unit.web.fake import MEMBERS, STATUS

_ENDPOINT = Endpoint(host="127.0.0.1", port=1)
_SHAPES: tuple[object, ...] = (StatusView, tuple[MemberView, ...], MemberView, LeaderView, HealthView, Outcome)
_STATUSES = (200, 400, 403, 404, 408, 409, 500, 503, 302)


def seeds() -> Iterable[bytes]:
    """A byte for the shape, one for the HTTP status, then the body."""
    for number, value in enumerate((STATUS, MEMBERS, MEMBERS[1], STATUS.leader, STATUS.health, Outcome(False, "no"))):
        yield bytes((number, 0)) + msgspec.json.encode(value)
    refusal = msgspec.json.encode(ErrorView(Fault("what", "why", "remedy")))
    for status in range(len(_STATUSES)):
        yield bytes((0, status)) + refusal
    yield b"\0\0" + msgspec.json.encode(Explanation("Why?", "because", ("one",)))
    yield b"\0\0" + b"[" * 3_000


def run(data: bytes) -> None:
    """Decode as the client does."""
    if len(data) < 2:
        return
    shape, status = _SHAPES[data[0] % len(_SHAPES)], _STATUSES[data[1] % len(_STATUSES)]
    failure = None
    try:
        decode(_ENDPOINT, status, data[2:], shape, {200, 409, 503})  # type: ignore[arg-type]
    except PyClusterError as error:
        failure = error
    assert failure is None or failure.what
