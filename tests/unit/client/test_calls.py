"""One call with all its tries: how long it waits, and what it says where it waited in vain."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from pycluster.client import Endpoint, NoQuorum, TimedOut
from pycluster.client.calls import Calls
from pycluster.client.decoding import error_of
from pycluster.node.keyviews import StateErrorView, StateFault

REFUSAL = msgspec.json.encode(StateErrorView(StateFault("no leader", kind="no-leader", retryable=True)))
Answer = Callable[[], Awaitable[None]]


async def asked(answer: Answer, timeout_s: float, grace_s: float, *, exactly: bool = False) -> None:
    """A change asked of an agent that has no leader and says so when ``answer`` is over."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await answer()
            head = f"HTTP/1.1 503 x\r\nContent-Type: application/json\r\nContent-Length: {len(REFUSAL)}\r\n\r\n"
            writer.write(head.encode() + REFUSAL)
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        endpoint = Endpoint(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
        calls = Calls(endpoint, timeout_s, grace_s)
        await calls.call("POST", "/kv", dict, timeout_s=timeout_s if exactly else None)


def test_what_is_wrong_is_heard_though_it_is_said_late() -> None:
    async def play() -> None:
        until = asyncio.get_running_loop().time() + 0.3

        async def late() -> None:
            await asyncio.sleep(until - asyncio.get_running_loop().time())

        with pytest.raises(NoQuorum):
            await asked(late, timeout_s=0.1, grace_s=60)

    asyncio.run(play())


@pytest.mark.parametrize("exactly", [False, True])
def test_who_says_nothing_is_not_waited_for(exactly: bool) -> None:
    async def play() -> None:
        over = asyncio.Event()
        try:
            with pytest.raises(TimedOut):
                await asked(over.wait, timeout_s=0.1, grace_s=3_600 if exactly else 0.1, exactly=exactly)  # type: ignore[arg-type]
        finally:
            over.set()

    asyncio.run(play())


def test_a_remedy_that_only_http_has_is_not_told() -> None:
    fault = StateFault(
        "whether it was done is not known", remedy="under the same Idempotency-Key", kind="outcome-unknown"
    )
    told = error_of(504, fault)
    assert isinstance(told, TimedOut)
    assert told.remedy == "try again; where it was a change, look first whether it was made"
