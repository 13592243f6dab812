"""Follow the changes of keys across broken connections, each once."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
from collections.abc import AsyncGenerator, Callable

import msgspec

from pycluster import store
from pycluster.client.asynchronous import request
from pycluster.client.calls import query_text
from pycluster.client.connection import failure
from pycluster.client.decoding import decode, error_of, fault_of
from pycluster.client.endpoint import Endpoint
from pycluster.client.errors import AgentFailed, AgentUnreachable
from pycluster.client.stream import LINE_MAX_BYTES, EventParser, Sent
from pycluster.kernel.bounded import UNREADABLE
from pycluster.kernel.errors import PyClusterError
from pycluster.node.keyrequests import WatchQuery
from pycluster.node.keyviews import ChangeView, StateFault

#: The agent sends a comment every ten seconds; a connection that is silent for longer than this is dead.
_SILENCE_S = 30.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0
_REFUSAL_MAX_BYTES = 65_536


class _Again(Exception):
    """The stream broke, and may be taken up; ``error`` is what to say if it cannot."""

    def __init__(self, error: PyClusterError) -> None:
        self.error = error


async def watch(
    endpoint: Endpoint, wanted: store.Watch, patience_s: float, silence_s: float = _SILENCE_S
) -> AsyncGenerator[store.Event, None]:
    """See ``AsyncStateClient.watch``; a connection that brings nothing for ``silence_s`` is dead."""
    now = asyncio.get_running_loop().time
    place, broken_at, pause_s = wanted.start_revision, None, _FIRST_PAUSE_S
    begun = False
    while True:
        try:
            asked = msgspec.structs.replace(wanted, start_revision=place)
            async with contextlib.aclosing(_revisions(endpoint, asked, silence_s)) as revisions:
                async for revision, events in revisions:
                    place, begun, broken_at, pause_s = revision + 1, True, None, _FIRST_PAUSE_S
                    for event in events:
                        yield event
        except _Again as again:
            broken_at = now() if broken_at is None else broken_at
            first = isinstance(again.error, AgentUnreachable) and not begun
            if first or now() - broken_at >= patience_s:
                raise again.error from None
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


class Silence:
    """Breaks a connection off that is waited for (``with`` it) for too long in one go.

    A timer for the connection, not one for each time: most of what a watch cost its reader were timers.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._now = asyncio.get_running_loop().time
        self._since_s: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._break: Callable[[], None] = _nothing
        #: Whether it came to that.
        self.broken = False

    def begin(self, broken_off: Callable[[], None]) -> None:
        """Look after a connection that ``broken_off`` breaks."""
        self._break = broken_off
        self._look()

    def end(self) -> None:
        """Look after nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def __enter__(self) -> None:
        self._since_s = self._now()

    def __exit__(self, *_: object) -> None:
        self._since_s = None

    def _look(self) -> None:
        left_s = self._limit_s if self._since_s is None else self._since_s + self._limit_s - self._now()
        if left_s <= 0:
            self.broken = True
            self._break()
            return
        self._timer = asyncio.get_running_loop().call_later(left_s, self._look)


def _nothing() -> None:
    """Where there is no connection yet."""


async def _revisions(
    endpoint: Endpoint, wanted: store.Watch, silence_s: float
) -> AsyncGenerator[tuple[int, tuple[store.Event, ...]], None]:
    """What one connection brings: whole revisions. Raises ``_Again`` when it breaks, and what ends the watch."""
    target = f"/api/v1/kv/watch?{query_text(WatchQuery.of(wanted))}"
    parser, events = EventParser(), []
    silence = Silence(silence_s)
    try:
        async with contextlib.AsyncExitStack() as opened:
            async with asyncio.timeout(silence_s):
                headers = {"Accept": "text/event-stream"}
                answer = await opened.enter_async_context(request(endpoint, "GET", target, headers))
                if answer.status != 200:
                    _refuse(endpoint, answer.status, await answer.body(_REFUSAL_MAX_BYTES))
            opened.callback(silence.end)
            silence.begin(answer.abort)
            heard = await opened.enter_async_context(contextlib.aclosing(answer.lines(LINE_MAX_BYTES)))
            while True:
                with silence:
                    lines = await anext(heard, None)
                if lines is None:
                    raise http.client.IncompleteRead(b"")
                for sent in filter(None, map(parser.feed, lines)):
                    event = _event(sent)
                    if event is not None:
                        events.append(event)
                    if sent.id:
                        yield int(sent.id), tuple(events)
                        events = []
                    _check_end(sent)
    except (OSError, http.client.HTTPException) as error:
        raise _Again(failure(endpoint, TimeoutError() if silence.broken else error, silence_s)) from None


def _refuse(endpoint: Endpoint, status: int, content: bytes) -> None:
    fault = fault_of(status, content)
    if fault is not None and (fault.retryable or status == 503):
        raise _Again(error_of(status, fault))
    decode(endpoint, status, content, object, set())


def _event(sent: Sent) -> store.Event | None:
    if sent.kind not in ("put", "delete"):
        return None
    try:
        return msgspec.json.decode(sent.data, type=ChangeView).model(sent.kind == "delete")
    except UNREADABLE as error:
        raise AgentFailed("cannot read what the agent's watch says", why=str(error)) from None


def _check_end(sent: Sent) -> None:
    """Raise what an agent's last word means."""
    if sent.kind not in ("compacted", "lagged", "failed"):
        return
    try:
        fault = msgspec.json.decode(sent.data, type=StateFault)
    except UNREADABLE as error:
        raise AgentFailed("cannot read what the agent's watch says", why=str(error)) from None
    ended = error_of(500, fault)
    raise _Again(ended) if fault.retryable else ended
