"""A watch that goes on: with the next revision, at whichever member, after every break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import NoReturn

import msgspec

from pycluster import store
from pycluster.engines.etcd import answers, requests
from pycluster.engines.etcd.connection import Connection, Lost, TooLong, Unsent
from pycluster.engines.etcd.members import Call, Members
from pycluster.engines.etcd.refusals import Refusal
from pycluster.kernel.bounded import UNREADABLE
from pycluster.kernel.errors import LocalMisuse
from pycluster.node.ports import StateFailed
from pycluster.store import OPEN_END, Failure, WatchBatch

_PATH = "/v3/watch"
#: One line; a revision comes whole, and may have 128 values of a mebibyte, in base64.
LINE_MAX_BYTES = 256 * 1024 * 1024
#: After a break, s; doubled up to the second while the breaks go on.
_PAUSE_S, _PAUSE_MAX_S = 0.05, 2.0
#: A member that said nothing for so long is asked whether it lives, and gets so long to answer, s.
QUIET_S, ALIVE_S = 15.0, 5.0


class Broken(Exception):
    """The stream is over, and begins anew elsewhere."""


async def follow(
    members: Members, watch: store.Watch, quiet_s: float = QUIET_S, alive_s: float = ALIVE_S
) -> AsyncGenerator[WatchBatch, None]:
    """``StateStore.watch``. A member silent for ``quiet_s`` is asked whether it lives, within ``alive_s``."""
    if watch.start_revision < 0 or (watch.range_end not in (b"", OPEN_END) and watch.range_end <= watch.key):
        raise StateFailed(Failure("bad-request", "the interval is empty, or the revision negative"))
    first, pause_s = True, _PAUSE_S
    at = watch.start_revision - 1
    while True:
        try:
            await _check(members, watch)
            async with aclosing(_stream(members, watch, (quiet_s, alive_s))) as lines:
                async for told in lines:
                    if told.created and not told.canceled:
                        at = max(at, told.header.revision) if not watch.start_revision else at
                        batch = WatchBatch(at)
                    else:
                        batch, pause_s = _batch(told, at), _PAUSE_S
                    if first or batch.revision > at:
                        first, at = False, batch.revision
                        watch = msgspec.structs.replace(watch, start_revision=at + 1)
                        yield batch
        except LocalMisuse as error:
            raise StateFailed(Failure("bad-request", str(error))) from None
        except (Broken, Unsent):
            if members.closed:
                raise StateFailed(Failure("no-leader", "the agent is stopping")) from None
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, _PAUSE_MAX_S)


async def _check(members: Members, watch: store.Watch) -> None:
    """Raises ``StateFailed`` at once for what is forgotten, which etcd says only after it began to watch, and for what
    the user may not read. A log-in that is out of date, which a watch does not tell from that, is made anew.
    """
    if not watch.start_revision and not members.as_user:
        return
    end = watch.range_end if members.as_user else b""
    path, body = requests.asked(store.Range(watch.key, end, revision=watch.start_revision, count_only=True))
    until = asyncio.get_running_loop().time() + ALIVE_S
    try:
        await members.call(Call(path, body, LINE_MAX_BYTES, repeat=True), until)
    except Refusal as refusal:
        if refusal.kind == "compacted":
            why, at = "what was asked for is forgotten", watch.start_revision - 1
            raise StateFailed(Failure("compacted", why, at, await compact_revision(members, ALIVE_S))) from None
        if refusal.kind == "bad-request":
            raise StateFailed(refusal.failure(write=False)) from None
    except (Unsent, Lost):
        pass  # the watch itself finds out


def _batch(told: answers.Told, at: int) -> WatchBatch:
    """Raises ``StateFailed`` for what is forgotten, ``Broken`` for any other end."""
    if told.compact_revision:
        raise StateFailed(Failure("compacted", "what was asked for is forgotten", at, told.compact_revision))
    if told.canceled:
        _refuse(Refusal(told.cancel_reason))
    events = told.ours()
    # A header's revision may be past events that are still to come, unless it is that of a notice of progress.
    return WatchBatch(events[-1].kv.mod_revision if events else told.header.revision, events)


def _refuse(refusal: Refusal) -> None:
    failure = refusal.failure(write=False)
    if failure.kind in store.RETRYABLE:
        raise Broken(refusal.message)
    raise StateFailed(failure)


def _end(members: Members, connection: Connection, told: str) -> NoReturn:
    """Of a stream, by the member. Raises ``Lost`` where another one may do better."""
    refusal = Refusal(told)
    if refusal.stale:
        members.forget_login()
        raise Broken(told)
    failure = refusal.failure(write=False)
    if failure.kind in store.RETRYABLE:
        raise Lost(f"{connection.url}: {refusal.message}")
    raise StateFailed(failure)


async def _stream(
    members: Members, watch: store.Watch, patience: tuple[float, float] = (QUIET_S, ALIVE_S)
) -> AsyncGenerator[answers.Told, None]:
    """What one member says; raises ``Broken``, ``Unsent``, ``StateFailed``."""
    try:
        connection, token, became = await members.stream()
    except Refusal as refusal:
        raise StateFailed(refusal.failure(write=False)) from None
    try:
        async with aclosing(connection.lines(_PATH, requests.watching(watch), token, LINE_MAX_BYTES)) as lines:
            while line := await _line(members, connection, lines, patience):
                try:
                    one = answers.read(line, answers.WatchLine)
                except UNREADABLE:
                    raise Lost(f"{connection.url}: a line of a watch makes no sense") from None
                if one.result is None:
                    told = one.error.message if one.error is not None else line.decode("utf-8", "replace")
                    _end(members, connection, told)
                became("")
                yield one.result
        became(f"{connection.url}: it ended a watch")
        raise Broken
    except TooLong as error:
        raise StateFailed(Failure("request-too-large", str(error))) from None
    except Lost as error:
        became(str(error))
        raise Broken from None
    finally:
        members.release(connection)


async def _line(
    members: Members, connection: Connection, lines: AsyncGenerator[bytes, None], patience: tuple[float, float]
) -> bytes:
    """The next one, empty at the end; raises ``Lost`` where the member neither says anything nor lives."""
    waiting = asyncio.ensure_future(anext(lines, b""))
    try:
        while not (await asyncio.wait((waiting,), timeout=patience[0]))[0]:
            await members.lives(connection.url, patience[1])
        return await waiting
    finally:
        if not waiting.done():
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)


async def compact_revision(members: Members, within_s: float) -> int:
    """The oldest revision that etcd still has all of, which it says only to a watch that asks for older ones; 0 where
    it does not say.
    """
    try:
        async with asyncio.timeout(within_s), aclosing(_stream(members, store.Watch(b"\0", start_revision=1))) as lines:
            async for told in lines:
                if told.compact_revision or not told.created:
                    return told.compact_revision
    except (Broken, Unsent, StateFailed, TimeoutError):
        pass
    return 0
