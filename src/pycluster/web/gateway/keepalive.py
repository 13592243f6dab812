"""Leases kept alive: a stream of IDs in, one result out for each."""

from __future__ import annotations

import asyncio

from pycluster.node.ports import StateFailed, StateStore
from pycluster.web.asgi import Receive, Send
from pycluster.web.bounds import Bounds
from pycluster.web.gateway import answers, shapes
from pycluster.web.gateway.bodies import Values
from pycluster.web.gateway.protojson import Malformed
from pycluster.web.gateway.refusals import UNKNOWN, Refusal

STREAM_HEADERS = ((b"content-type", b"application/json"),)


async def keep_alive(state: StateStore, bounds: Bounds, receive: Receive, send: Send) -> None:
    """Answer each ID as it comes. What is malformed ends the stream, and is refused if it comes first.

    Raises ``TimeoutError`` where the client takes nothing.
    """

    async def tell(line: bytes, *, more: bool = True) -> None:
        async with asyncio.timeout(bounds.reader_timeout_s):
            await send({"type": "http.response.body", "body": line, "more_body": more})

    begun = False
    try:
        async for value in Values(receive, bounds.body_max_bytes):
            request = shapes.LEASE_KEEP_ALIVE(value)
            result = await state.ask(request, timeout_s=bounds.state_timeout_s)
            if not begun:
                begun = True
                await send({"type": "http.response.start", "status": 200, "headers": list(STREAM_HEADERS)})
            line = answers.result_line(answers.answer(result, state.head()))
            await tell(line)
    except Malformed as error:
        if not begun:
            raise Refusal(UNKNOWN, str(error)) from None
    except StateFailed as error:
        if not begun:
            raise
        await tell(Refusal.of(error.failure).chunk() + b"\n")
    if not begun:
        await send({"type": "http.response.start", "status": 200, "headers": list(STREAM_HEADERS)})
    await tell(b"", more=False)
