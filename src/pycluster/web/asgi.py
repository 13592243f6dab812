"""The shapes of ASGI 3.0, so that what must stay small needs no web framework to name them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
#: Takes an answer in JSON: its status and its body.
Reply = Callable[[int, bytes], None]
#: Answers a request by its body alone: everything that its head decides is decided.
Direct = Callable[[bytes, Reply], None]


class WebApp(Protocol):
    """An application that can be told to end its open streams."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...

    def close(self) -> None:
        """End every open stream now; the server is going away."""
        ...
