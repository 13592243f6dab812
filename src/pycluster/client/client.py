"""A synchronous client of one agent's HTTP interface."""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct
from collections.abc import Iterator
from typing import Literal, TypeVar, overload
from urllib.parse import quote, urlencode

import msgspec

from pycluster.client.connection import connect_unix, connection, failure
from pycluster.client.decoding import decode
from pycluster.client.endpoint import Endpoint
from pycluster.client.following import Follower
from pycluster.node.ports import Outcome
from pycluster.node.view import (
    ClusterEvent,
    Explanation,
    HealthView,
    LeaderView,
    MemberView,
    RaftStatusView,
    ReadyView,
    StatusView,
    VersionView,
)

T = TypeVar("T")

#: An answer; a status of ten thousand members has about five million bytes.
_BODY_MAX_BYTES = 64 * 1024 * 1024
_READ_BYTES = 1024 * 1024
#: Of the time that a caller gives, so much is the agent's, so that it says what is wrong before we stop listening.
_AGENT_SHARE = 0.8


class Client:
    """One agent. ``timeout_s`` bounds each wait for it, on every call; a connection lives for one call.

    Every method raises ``AgentUnreachable``, ``TimedOut``, ``Denied``, ``NotFound``, ``Rejected`` or ``AgentFailed``.
    """

    def __init__(self, endpoint: Endpoint, timeout_s: float = 10.0) -> None:
        self.endpoint = endpoint
        self.timeout_s = timeout_s

    def status(self) -> StatusView:
        """Everything on one sheet."""
        return self._get("/status", StatusView)

    def members(self) -> tuple[MemberView, ...]:
        """Every member that the agent knows."""
        return self._get("/members", tuple[MemberView, ...])

    def member(self, name: str) -> MemberView:
        """One of them, with its evidence."""
        return self._get(f"/members/{quote(name, safe='')}", MemberView)

    def leader(self) -> LeaderView:
        """Who leads; ``leader`` is empty while nobody does."""
        return self._get("/leader", LeaderView)

    def raft(self) -> RaftStatusView:
        """The voters, the agent's copy of the replicated state against its bounds, and its disk."""
        return self._get("/raft", RaftStatusView)

    def health(self) -> HealthView:
        """How far the agent trusts itself."""
        return self._get("/health", HealthView)

    def ready(self) -> ReadyView:
        """Whether the agent knows a leader."""
        return self._get("/ready", ReadyView)

    def version(self) -> VersionView:
        """The agent's versions."""
        return self._get("/version", VersionView)

    def settings(self) -> dict[str, object]:
        """The effective settings, each with its source."""
        return self._get("/settings", dict[str, object])

    def explain(self, question: Literal["leader", "node"], name: str = "") -> Explanation:
        """Why this leader, or why the node ``name`` is in its state."""
        query = {"question": question, "name": name} if name else {"question": question}
        return self._get(f"/explain?{urlencode(query)}", Explanation)

    @overload
    def events(
        self, after: int | None = None, *, snapshot: Literal[False] = False, patience_s: float = 30.0
    ) -> Iterator[ClusterEvent]: ...

    @overload
    def events(
        self, after: int | None = None, *, snapshot: Literal[True], patience_s: float = 30.0
    ) -> Iterator[ClusterEvent | StatusView]: ...

    def events(
        self, after: int | None = None, *, snapshot: bool = False, patience_s: float = 30.0
    ) -> Iterator[ClusterEvent | StatusView]:
        """Events after the one numbered ``after`` (None: new ones only), for ever; with ``snapshot``, statuses too.

        A broken connection is taken up again after the last event that came, within ``patience_s``. Raises
        ``StreamReset`` when the events after that place are gone, and what every method raises.
        """
        return Follower(self, after, snapshot=snapshot).follow(patience_s)

    def join(self, hosts: tuple[str, ...]) -> Outcome:
        """Let the agent contact these hosts too (``host`` or ``host:port``)."""
        return self._change("POST", "/join", {"hosts": hosts})

    def leave(self) -> Outcome:
        """Let the agent give up its seat, say goodbye and stop."""
        return self._change("POST", "/leave", {})

    def force_leave(self, name: str) -> Outcome:
        """Count a member that is down as one that left."""
        return self._change("POST", "/force-leave", {"name": name})

    def transfer(self, to: str = "") -> Outcome:
        """Hand leadership to the voter ``to``, or to the best other one; only the leader's agent can."""
        return self._change("POST", "/raft/transfer", {"to": to})

    def add_voter(self, name: str, *, dry_run: bool = False) -> Outcome:
        """Let a member learn the log and then vote; only the leader's agent can."""
        return self._change("POST", "/raft/add", {"name": name, "dry_run": dry_run})

    def remove_voter(self, name: str, *, dry_run: bool = False) -> Outcome:
        """Take a voter's seat away; only the leader's agent can."""
        return self._change("POST", "/raft/remove", {"name": name, "dry_run": dry_run})

    def replace_voter(self, old: str, name: str, *, dry_run: bool = False) -> Outcome:
        """Let a member learn the log and then vote in the place of ``old``; only the leader's agent can."""
        return self._change("POST", "/raft/replace", {"old": old, "name": name, "dry_run": dry_run})

    def set_tags(self, tags: dict[str, str]) -> Outcome:
        """Replace the tags of the agent's own member."""
        return self._change("PUT", "/tags", {"tags": tags})

    def snapshot(self, *, serializable: bool = False) -> Iterator[bytes]:
        """The whole replicated state at one revision, as the bytes of a file; not whole before the last of them.

        ``serializable``: the agent's own copy as it is, which may be behind, and needs no quorum.
        """
        query = {"timeout_ms": max(int(min(self.timeout_s, 60.0) * _AGENT_SHARE * 1_000), 1)}
        path = f"/api/v1/snapshot?{urlencode(query | ({'serializable': 1} if serializable else {}))}"
        with contextlib.ExitStack() as opened:
            asked = opened.enter_context(contextlib.closing(connection(self.endpoint, self.timeout_s)))
            try:
                asked.request("GET", path)
                answer = opened.enter_context(contextlib.closing(asked.getresponse()))
                if answer.status != 200:
                    decode(self.endpoint, answer.status, answer.read(_BODY_MAX_BYTES), Outcome, set())
                while data := answer.read1(_READ_BYTES):
                    yield data
            except (OSError, ValueError, http.client.HTTPException) as error:
                raise failure(self.endpoint, error, self.timeout_s) from None

    def process_id(self) -> int | None:
        """The agent's process, as the kernel says at the Unix socket's other end; None for an endpoint over TCP."""
        if not self.endpoint.path:
            return None
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
            asked.settimeout(self.timeout_s)
            try:
                connect_unix(asked, self.endpoint.path)
            except OSError as error:
                raise failure(self.endpoint, error, self.timeout_s) from None
            pid, _, _ = struct.unpack("3i", asked.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return int(pid) or None

    def _get(self, path: str, shape: type[T]) -> T:
        return self._ask("GET", path, None, shape, {200, 503})

    def _change(self, method: str, path: str, body: object) -> Outcome:
        return self._ask(method, path, msgspec.json.encode(body), Outcome, {200, 409})

    def _ask(self, method: str, path: str, body: bytes | None, shape: type[T], good: set[int]) -> T:
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        with contextlib.ExitStack() as opened:
            asked = opened.enter_context(contextlib.closing(connection(self.endpoint, self.timeout_s)))
            try:
                asked.request(method, f"/api/v1{path}", body=body, headers=headers)
                answer = opened.enter_context(contextlib.closing(asked.getresponse()))
                content = answer.read(_BODY_MAX_BYTES)
                if len(content) < int(answer.getheader("Content-Length", "0")):
                    raise http.client.IncompleteRead(content)
            except (OSError, ValueError, http.client.HTTPException) as error:
                raise failure(self.endpoint, error, self.timeout_s) from None
        return decode(self.endpoint, answer.status, content, shape, good)
