"""The members of etcd: which one is asked, over which connection, as whom; what is tried again and what never is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from pycluster.engines.etcd import answers
from pycluster.engines.etcd.access import Access
from pycluster.engines.etcd.connection import Connection, Lost, Silent, TooLong, Unsent
from pycluster.engines.etcd.refusals import Refusal
from pycluster.kernel.bounded import UNREADABLE
from pycluster.kernel.url import Url
from pycluster.node.view import EndpointView

#: Connections at a time, those of watches not counted.
CONNECTIONS_MAX = 64
#: A connection takes no longer, s.
CONNECT_S = 2.0
#: A member that failed is left alone for so long, s; doubled up to the second.
_PAUSE_S, _PAUSE_MAX_S = 0.1, 5.0
#: One attempt of what may be tried again takes half of the time left, but not less, s.
_ATTEMPT_S = 1.0
_LOGIN_BYTES = 65_536
_NO_ANSWER = "no answer in time"
_STOPPING = "the agent is stopping"


def _now() -> float:
    return asyncio.get_running_loop().time()


class _Member:
    """One URL: its idle connections, and until when it is left alone."""

    def __init__(self, url: Url) -> None:
        self.url = url
        self.idle: list[Connection] = []
        self.until = 0.0
        self.problem = ""
        self._pause_s = _PAUSE_S
        #: One log-in at a time; of its own, so that a member that answers none holds up nobody at the others.
        self.login = asyncio.Lock()

    def failed(self, problem: str) -> None:
        self.problem = problem
        # Of many that were under way when it failed only the first counts: it was tried once.
        if (now := _now()) >= self.until:
            self.until = now + self._pause_s
            self._pause_s = min(self._pause_s * 2, _PAUSE_MAX_S)

    def answered(self) -> None:
        self.problem, self.until, self._pause_s = "", 0.0, _PAUSE_S


class Call(msgspec.Struct, frozen=True):
    """One request. ``repeat``: it may be sent again when its answer was lost; ``leader``: only a member that knows a
    leader shall answer; ``user``: it is asked as the user, if there is one.
    """

    path: str
    body: bytes
    most_bytes: int
    repeat: bool = False
    leader: bool = True
    user: bool = True


class _Attempt:
    """As whom a request was sent, and whether it was; ``begun``: it is the member that is waited for."""

    def __init__(self) -> None:
        self.token = ""
        self.begun = False
        self.sent = False


class Members:
    """All of them, asked in their order: the first with which nothing is wrong."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._tls = access.tls()
        self._members = [_Member(url) for url in access.urls]
        self._room = asyncio.Semaphore(CONNECTIONS_MAX)
        self._open: set[Connection] = set()
        self._token = ""
        self.closed = False

    def close(self) -> None:
        """End every connection."""
        self.closed = True
        for connection in tuple(self._open):
            self._discard(connection)

    def views(self) -> tuple[EndpointView, ...]:
        """Each URL, with what is wrong at it."""
        return tuple(EndpointView(str(member.url), member.problem) for member in self._members)

    async def call(self, call: Call, until: float) -> bytes:
        """The answer.

        Raises ``Refusal``; ``Unsent`` where no member took it until then (of the loop's time), and ``Lost`` or
        ``TooLong`` where one did, and it may have been carried out.
        """
        doubtful = logged_in = False
        while True:
            attempt = _Attempt()
            try:
                member = await self._next(until)
            except Unsent as error:
                raise (Lost(str(error)) if doubtful else error) from None
            try:
                async with asyncio.timeout_at(_attempt_until(until) if call.repeat else until), self._room:
                    attempt.begun = True
                    status, body = await self._once(member, call, attempt, _attempt_until(until))
            except Unsent as error:
                member.failed(str(error))
                continue
            except (Lost, TimeoutError) as error:
                if attempt.begun:
                    member.failed(str(error) or f"{member.url}: {_NO_ANSWER}")
                if attempt.sent:
                    if not call.repeat:
                        raise Lost(member.problem) from None
                    doubtful = True
                continue
            if status == 200:
                member.answered()
                return body
            refusal = Refusal.of(body)
            if refusal.stale and not logged_in:
                logged_in = True
                if self._token == attempt.token:
                    self._token = ""
            elif refusal.kind in ("no-leader", "overloaded") or (refusal.kind is None and call.repeat):
                member.failed(f"{member.url}: {refusal.message}")
                doubtful = doubtful or refusal.kind is None
            else:
                refusal.again = doubtful
                raise refusal

    async def stream(self) -> tuple[Connection, str, Callable[[str], None]]:
        """A connection for a stream of its own, with who we are, and whom to tell what became of it (``""``: it
        lives); raises ``Unsent``, ``Refusal``.
        """
        until = _now() + 2 * CONNECT_S
        member = await self._next(until)
        try:
            async with asyncio.timeout_at(until):
                connection = await self._connect(member)
                try:
                    token = await self._authenticated(member, connection, until)
                except BaseException:
                    self._discard(connection)
                    raise
        except (Unsent, TimeoutError) as error:
            member.failed(str(error) or f"{member.url}: {_NO_ANSWER}")
            raise Unsent(member.problem) from None
        return connection, token, lambda problem: member.failed(problem) if problem else member.answered()

    @property
    def as_user(self) -> bool:
        """Whether etcd asks who we are."""
        return bool(self._access.user)

    def release(self, connection: Connection) -> None:
        """A stream is over."""
        self._discard(connection)

    async def lives(self, url: Url, within_s: float) -> None:
        """Raises ``Lost`` where the member says nothing at all in time."""
        member = next(one for one in self._members if one.url == url)
        # Any answer will do, so nobody logs in for it: that may fail for reasons that are not the member's.
        call = Call("/v3/maintenance/status", b"{}", _LOGIN_BYTES, leader=False, user=False)
        until = _now() + within_s
        try:
            async with asyncio.timeout_at(until):
                await self._once(member, call, _Attempt(), until)
        except (Unsent, TooLong, TimeoutError) as error:
            raise Lost(str(error) or f"{url}: {_NO_ANSWER}") from None

    async def look_again(self, within_s: float) -> None:
        """At those that failed: requests leave them alone while there is another."""
        for member in self._members:
            if member.problem:
                try:
                    await self.lives(member.url, within_s)
                except Lost as error:
                    member.failed(str(error))
                else:
                    member.answered()

    def forget_login(self) -> None:
        """The next request logs in anew."""
        self._token = ""

    async def _next(self, until: float) -> _Member:
        """The first with which nothing is wrong, else the one that is left alone no longer; raises ``Unsent`` where
        there is none in time.
        """
        while not self.closed and (now := _now()) < until:
            best = min(self._members, key=lambda member: member.until)
            if best.until <= now:
                return best
            if best.until >= until:
                break
            await asyncio.sleep(best.until - now)
        wrong = "; ".join(member.problem for member in self._members if member.problem)
        if not self.closed and all(member.problem.endswith(_NO_ANSWER) for member in self._members):
            raise Silent(wrong)
        raise Unsent(_STOPPING if self.closed else wrong or "no connection was free in time")

    async def _once(self, member: _Member, call: Call, attempt: _Attempt, login_until: float) -> tuple[int, bytes]:
        while member.idle:
            connection = member.idle.pop()
            if connection.usable:
                break
            self._discard(connection)
        else:
            connection = await self._connect(member)
        try:
            if call.user:
                attempt.token = await self._authenticated(member, connection, login_until)
            attempt.sent = True
            answer = await connection.ask(call.path, call.body, attempt.token, call.most_bytes, leader=call.leader)
        except BaseException:
            self._discard(connection)
            raise
        if connection.usable and not self.closed:
            member.idle.append(connection)
        else:
            self._discard(connection)
        return answer

    async def _connect(self, member: _Member) -> Connection:
        connection = await Connection.open(member.url, self._tls, CONNECT_S)
        if self.closed:
            # Nobody would end it any more.
            connection.close()
            raise Unsent(_STOPPING)
        self._open.add(connection)
        return connection

    def _discard(self, connection: Connection) -> None:
        self._open.discard(connection)
        connection.close()

    async def _authenticated(self, member: _Member, connection: Connection, until: float) -> str:
        """The token. Raises ``Refusal`` where the user is not let in, and ``Unsent`` where the member does not say so
        until then: another one may.
        """
        if self._token or not self._access.user:
            return self._token
        try:
            async with asyncio.timeout_at(until), member.login:
                if not self._token:
                    self._token = await self._log_in(connection)
                return self._token
        except (Lost, TooLong, TimeoutError) as error:
            raise Unsent(str(error) or f"{member.url}: {_NO_ANSWER}") from None

    async def _log_in(self, connection: Connection) -> str:
        body = msgspec.json.encode({"name": self._access.user, "password": self._access.password()})
        # It goes through Raft: who knows no leader shall say so, instead of trying for seconds.
        status, told = await connection.ask("/v3/auth/authenticate", body, "", _LOGIN_BYTES, leader=True)
        if status == 200:
            try:
                return answers.read(told, answers.Token).token
            except UNREADABLE:
                raise Unsent(f"{connection.url}: its answer to the log-in makes no sense") from None
        refusal = Refusal.of(told)
        if refusal.kind == "bad-request":
            raise refusal
        raise Unsent(f"{connection.url}: {refusal.message}")


def _attempt_until(until: float) -> float:
    now = _now()
    return min(until, now + max((until - now) / 2, _ATTEMPT_S))
