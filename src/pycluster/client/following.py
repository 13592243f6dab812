"""Follow the event stream across broken connections, without repeating an event or missing one unsaid."""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Iterator
from typing import Protocol

import msgspec

from pycluster.client.connection import connection, failure
from pycluster.client.decoding import decode
from pycluster.client.endpoint import Endpoint
from pycluster.client.errors import AgentFailed, AgentUnreachable, StreamReset, TimedOut
from pycluster.client.stream import EventReader, Sent
from pycluster.kernel.bounded import UNREADABLE
from pycluster.node.view import ClusterEvent, Fault, StatusView

#: The agent sends a comment every ten seconds; a connection that is silent for longer than this is dead.
_SILENCE_S = 30.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0
_REFUSAL_MAX_BYTES = 65_536


class Agent(Protocol):
    """What following needs of a client."""

    endpoint: Endpoint

    def status(self) -> StatusView: ...


class Follower:
    """One reader of an agent's events, and how far it has come."""

    def __init__(self, agent: Agent, after: int | None, *, snapshot: bool) -> None:
        self._agent = agent
        self._after = after
        self._snapshot = snapshot
        self._life: tuple[str, str, int] | None = None
        self._retry_s = _LONGEST_PAUSE_S

    def follow(self, patience_s: float) -> Iterator[ClusterEvent | StatusView]:
        """For ever; see ``Client.events``."""
        while True:
            yield from self._connected(patience_s if self._life is not None else 0)

    def _connected(self, patience_s: float) -> Iterator[ClusterEvent | StatusView]:
        """What one connection brings, opened within ``patience_s``. Ends when it breaks."""
        opened = self._open(patience_s)
        try:
            for sent in opened:
                item = self._item(sent)
                if item is not None:
                    yield item
        except (OSError, http.client.HTTPException):
            return
        finally:
            self._retry_s = min(opened.retry_s, _LONGEST_PAUSE_S)
            opened.close()

    def _open(self, patience_s: float) -> EventReader:
        begun, pause_s = time.monotonic(), _FIRST_PAUSE_S
        while True:
            try:
                return self._try_to_open()
            except (AgentUnreachable, TimedOut):
                if time.monotonic() - begun >= patience_s:
                    raise
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, self._retry_s)

    def _try_to_open(self) -> EventReader:
        endpoint = self._agent.endpoint
        headers = {"Accept": "text/event-stream"}
        if self._after is not None:
            headers["Last-Event-ID"] = str(self._after)
        with contextlib.ExitStack() as opened:
            stream = opened.enter_context(contextlib.closing(connection(endpoint, _SILENCE_S)))
            try:
                stream.request("GET", f"/api/v1/events{'?snapshot=1' if self._snapshot else ''}", headers=headers)
                answer = opened.enter_context(contextlib.closing(stream.getresponse()))
                if answer.status != 200:
                    decode(endpoint, answer.status, answer.read(_REFUSAL_MAX_BYTES), object, set())
                self._check_life()
            except (OSError, http.client.HTTPException) as error:
                raise failure(endpoint, error, _SILENCE_S) from None
            return EventReader(answer, opened.pop_all())

    def _check_life(self) -> None:
        """Numbers count afresh in each life of the agent, and only its status tells one life from another."""
        status = self._agent.status()
        life = (status.uuid, status.boot_id, status.started_us)
        if self._life not in (None, life):
            raise StreamReset(
                "the events cannot be followed any further", why="the agent was restarted and counts them afresh"
            )
        self._life = life

    def _item(self, sent: Sent) -> ClusterEvent | StatusView | None:
        try:
            if sent.kind == "reset":
                fault = msgspec.json.decode(sent.data, type=Fault)
                raise StreamReset(fault.what or "the agent began its events anew", why=fault.why, remedy=fault.remedy)
            if sent.kind == "status":
                return msgspec.json.decode(sent.data, type=StatusView)
            if not sent.id:
                return None
            event = msgspec.json.decode(sent.data, type=ClusterEvent)
        except UNREADABLE as error:
            raise AgentFailed("cannot read what the agent's event stream says", why=str(error)) from None
        self._after = event.id
        return event
