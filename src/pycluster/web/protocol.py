"""uvicorn's HTTP protocol with the bounds it lacks: the head's size, a request's time, connections, pipelining."""

from __future__ import annotations

import asyncio
import functools
import logging
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from pycluster.web.asgi import Direct
from pycluster.web.bounds import Bounds
from pycluster.web.crowd import Crowd
from pycluster.web.faults import HttpFault, body_of
from pycluster.web.guard import FAILED, in_json
from pycluster.web.heads import Heads

logger = logging.getLogger("pycluster.web")
_LINGER_S = 2.0


class _Stopped(Exception):
    """Stops the parser. What is answered is kept beside it: an exception keeps its frames, and they the connection."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. It tells the application through ``scope["state"]`` whether it is the Unix socket (``unix``),
    whether there are too many (``crowded``), how to cut it off (``abort``), how many bytes its own reader has not taken
    (``unsent``), how to ask whether slow readers leave too much on all of its kind (``swamped``), and whom to tell of
    each piece that was written (``wrote``)."""

    def __init__(self, config: Config, server_state: ServerState, *, bounds: Bounds, crowd: Crowd) -> None:
        super().__init__(config, server_state, {})
        self._bounds = bounds
        self._crowd = crowd
        self._deadline: asyncio.TimerHandle | None = None
        self._head = 0
        self._unparsed = 0
        self._refusal: HttpFault | None = None
        self._refused = False
        self._heads = Heads()
        #: Whether a request has begun to come and is not whole.
        self._within = False
        #: What the parser is given, while it may be one whole request, and how much of it was body.
        self._chunk = b""
        self._body_bytes = 0
        #: Whether a request is being answered directly; what came meanwhile; whether the connection ends with it.
        self._answering = False
        self._ahead = b""
        self._last = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection in, in the place of one that rests if need be; past twice the bound it is cut off."""
        super().connection_made(transport)
        crowd = self._crowd
        crowd.enter(transport)
        state: dict[str, Any] = {"unix": crowd.unix, "abort": transport.abort}
        state["crowded"] = len(crowd) > self._bounds.connections_max and not crowd.make_room()
        # No methods of its own: what a connection holds on to must not hold on to the connection.
        state["learn"] = self._heads.learn
        state["unsent"] = transport.get_write_buffer_size
        state["swamped"] = functools.partial(crowd.swamped, transport)
        state["wrote"] = crowd.wrote
        self.app_state = state
        if len(crowd) > 2 * self._bounds.connections_max:
            transport.abort()
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """No timer outlives its connection."""
        self._disarm()
        self._heads.forget()
        self._crowd.leave(self.transport)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; a head that only grows is refused, at the latest one read (256 KiB) past the bound."""
        if self._refused or self.transport.is_closing():
            return
        if self._answering:
            self._ahead += data
            self.flow.pause_reading()
            return
        cycle: RequestResponseCycle | None = self.cycle
        resting = not self._within and (cycle is None or cycle.response_complete)
        if resting and not self.flow.write_paused:
            found = self._heads.find(data)
            if found is not None:
                self._answer_directly(*found)
                return
        self._heads.other()
        self._chunk, self._body_bytes = data if resting else b"", 0
        self._arm()
        self._unparsed += len(data)
        super().data_received(data)
        if self._unparsed > self._bounds.head_max_bytes and not self._refused:
            self._refusal = _too_large()
            self.send_400_response("")

    def _answer_directly(self, direct: Direct, body: bytes) -> None:
        self._disarm()
        self._unset_keepalive_if_required()
        self._answering = True
        try:
            direct(body, self._reply)
        except Exception:
            logger.exception("a request failed")
            self._reply(500, body_of(FAILED))

    def _reply(self, status: int, body: bytes) -> None:
        """The one answer to what was asked directly."""
        if not self._answering:
            return
        self._answering = False
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self._crowd.wrote(len(body))
        self.transport.write(in_json(status, body))
        if self._last:
            self.transport.close()
            return
        self._rest()
        if self._ahead:
            ahead, self._ahead = self._ahead, b""
            self.flow.resume_reading()
            self.data_received(ahead)

    def _rest(self) -> None:
        """Wait for the next request, for a while."""
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
        self._crowd.rests(self.transport)

    def _unset_keepalive_if_required(self) -> None:
        super()._unset_keepalive_if_required()
        self._crowd.works(self.transport)

    def on_response_complete(self) -> None:
        """The answer is written, and the request was whole or will be discarded."""
        super().on_response_complete()
        if self.timeout_keep_alive_task is not None and not self.transport.is_closing():
            self._crowd.rests(self.transport)

    def shutdown(self) -> None:
        """The server ends: so does the connection, once it has its answer."""
        if self._answering:
            self._last = True
        else:
            super().shutdown()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._within = True
        self._head = 0
        if len(self.pipeline) >= self._bounds.pipeline_max:
            self._refuse(HttpFault(400, "too many requests were sent ahead on one connection"))

    def on_url(self, url: bytes) -> None:
        """A piece of the request's target."""
        super().on_url(url)
        self._grow(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        super().on_header(name, value)
        self._unparsed = 0
        self._grow(len(name) + len(value) + 4)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._unparsed = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._unparsed = 0
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole: from here on the time is ours."""
        self._unparsed = 0
        self._within = False
        self._disarm()
        if self._chunk and self.cycle.keep_alive and not self.expect_100_continue and not self.parser.should_upgrade():
            self._heads.passing(self._chunk, self._body_bytes)
        super().on_message_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._rest()  # what was refused before it was whole left no timer behind

    def send_400_response(self, msg: str) -> None:
        """Refuse in our own words; what the client still sends is discarded for a moment.

        Closing with input unread would reset the connection, and the refusal with it.
        """
        self._refused = True
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            if self.pipeline or cycle.response_started:
                self.transport.abort()  # a refusal would be taken for another request's answer
                return
            cycle.disconnected = True
            cycle.message_event.set()
        fault = self._refusal or HttpFault(400, "this is no valid HTTP request")
        body = body_of(fault)
        head = (
            f"HTTP/1.1 {fault.status} {HTTPStatus(fault.status).phrase}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
            f"x-content-type-options: nosniff\r\ndate: {formatdate(usegmt=True)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.write_eof()
        self._disarm()
        self._deadline = self.loop.call_later(_LINGER_S, self._expire)

    def _grow(self, size: int) -> None:
        self._head += size
        if self._head > self._bounds.head_max_bytes:
            self._refuse(_too_large())

    def _refuse(self, fault: HttpFault) -> None:
        """Stop the parser: it reports an exception of ours as its own error, which ends in ``send_400_response``."""
        self._refusal = fault
        raise _Stopped

    def _arm(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self._bounds.request_timeout_s, self._expire)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.abort()


def _too_large() -> HttpFault:
    return HttpFault(431, "the request's head is too large")
