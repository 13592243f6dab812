"""Bodies of etcd's API: a request of ours, or a word about what is wrong, and what is a request is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec

from pycluster.node.ports import StateFailed
from pycluster.web.asgi import Message
from pycluster.web.gateway import answers, shapes
from pycluster.web.gateway.bodies import Values
from pycluster.web.gateway.protojson import Malformed, Read, parse
from pycluster.web.gateway.refusals import Refusal
from tests.differential.bodies import cases
from tests.differential.local import LocalState

_READERS: tuple[Read[object], ...] = (
    shapes.RANGE,
    shapes.PUT,
    shapes.DELETE_RANGE,
    shapes.TXN,
    shapes.COMPACT,
    shapes.LEASE_GRANT,
    shapes.LEASE_REVOKE,
    shapes.LEASE_TIME_TO_LIVE,
)
_LOOP = asyncio.new_event_loop()


def seeds() -> Iterable[bytes]:
    """A byte for the request, then the body."""
    for _, body in cases():
        for number in range(len(_READERS) + 1):
            yield bytes((number,)) + body
    yield b"\3" + b'{"success":[{"request_txn":' * 40 + b"{}" + b"}]}" * 40
    yield b"\0" + b"[" * 5_000


def run(data: bytes) -> None:
    """Read it; ask an empty state what was asked; write down what it says."""
    if not data:
        return
    _LOOP.run_until_complete(_watch(data[1:]) if data[0] % 9 == 8 else _ask(_READERS[data[0] % 9], data[1:]))


async def _ask(read: Read[object], body: bytes) -> None:
    state = LocalState()
    try:
        request = read(parse(body))
        answer = answers.answer(await state.ask(request), state.head())  # type: ignore[arg-type]
    except Malformed as error:
        answer = Refusal(3, str(error)).body()
    except StateFailed as error:
        answer = Refusal.of(error.failure).body()
    msgspec.json.decode(answer)


async def _watch(body: bytes) -> None:
    """In two pieces."""
    half = len(body) // 2
    pieces: list[Message] = [
        {"type": "http.request", "body": body[:half], "more_body": True},
        {"type": "http.request", "body": body[half:], "more_body": False},
    ]

    async def receive() -> Message:
        return pieces.pop(0)

    try:
        async for value in Values(receive, 65_536):
            shapes.WATCH(value)
    except Malformed:
        return
