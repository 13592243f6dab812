"""The console: the origin's status block on stdout every 5 s, one line on stderr for each thing that happens.

A reader that does not read must never stop an agent, so a thread of its own writes, from a bounded queue.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import queue
import select
import threading
import time
import traceback
from collections.abc import Callable
from typing import Literal

import msgspec

from pycluster.agent.quota import Quota
from pycluster.kernel.units import MILLISECOND, age_text
from pycluster.node.view import ClusterEvent, MemberView, StatusView

LogFormat = Literal["text", "json"]

#: Lines that wait for a slow reader; more are dropped, and the number of those is told when it reads again.
_QUEUE_LINES = 2_000
#: A file that takes nothing now may take the next line.
_PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Console:
    """Writes lines and status blocks; never blocks its caller, never raises because of a reader that went away."""

    def __init__(
        self, log_format: LogFormat, wall: Callable[[], float] = time.time, out: int = 1, err: int = 2
    ) -> None:
        self._out, self._err = out, err
        self._json = log_format == "json"
        self._wall = wall
        self._lines: queue.Queue[tuple[int, bytes] | None] = queue.Queue(_QUEUE_LINES)
        self._dropped = 0
        self._quota = Quota()
        self._closed: set[int] = set()
        self._thread = threading.Thread(target=self._write, name="console", daemon=True)
        self._thread.start()

    def event(self, event: ClusterEvent) -> None:
        """One line on stderr about something that happened, unless whom it is about had its share of this minute."""
        self._tell_surplus(event.at_us)
        if not self._quota.allows(event):
            return
        if self._json:
            self._put(self._err, msgspec.json.encode(event) + b"\n")
        else:
            self._put(self._err, f"{_stamp(event.wall_ms / 1_000 or self._wall())} {_one_line(event.text)}\n".encode())

    def say(self, kind: str, text: str) -> None:
        """One line on stderr about this process itself."""
        if self._json:
            line = {"kind": kind, "text": text, "wall_ms": int(self._wall() * 1_000)}
            self._put(self._err, msgspec.json.encode(line) + b"\n")
        else:
            self._put(self._err, f"{_stamp(self._wall())} {_one_line(text)}\n".encode())

    def status(self, status: StatusView) -> None:
        """The status block on stdout; before it, what was kept back for a minute."""
        self._tell_surplus(status.now_us)
        if self._json:
            self._put(self._out, msgspec.json.encode(_status_line(status, int(self._wall() * 1_000))) + b"\n")
        else:
            self._put(self._out, status_block(status).encode())

    def close(self, patience_s: float = 1.0) -> None:
        """Write what waits, within ``patience_s``."""
        self._tell_surplus(None)
        with contextlib.suppress(queue.Full):
            self._lines.put(None, timeout=patience_s)
        self._thread.join(patience_s)

    def _tell_surplus(self, now_us: int | None) -> None:
        for line in self._quota.surplus(now_us):
            self.say("lines-left-out", line)

    def _put(self, descriptor: int, line: bytes) -> None:
        if descriptor in self._closed:
            return
        if self._dropped and not self._lines.full():
            dropped, self._dropped = self._dropped, 0
            self.say("console-dropped", f"{dropped} lines were dropped: nothing took them in time")
        try:
            self._lines.put_nowait((descriptor, line))
        except queue.Full:
            self._dropped += 1

    def _write(self) -> None:
        while (item := self._lines.get()) is not None:
            descriptor, line = item
            while line and descriptor not in self._closed:
                line = line[self._written(descriptor, line) :]

    def _written(self, descriptor: int, line: bytes) -> int:
        try:
            return os.write(descriptor, line)
        except BlockingIOError:
            # Somebody who has the same terminal or pipe open made it so.
            select.select([], [descriptor], [])
            return 0
        except OSError as error:
            if error.errno in _PASSING:
                self._dropped += 1
                return len(line)
            self._closed.add(descriptor)
            return 0


class LogToConsole(logging.Handler):
    """What the adapters log goes where everything else goes."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Its text and, where an error was logged with it, the traceback."""
        self._console.say("agent-log", record.getMessage())
        if record.exc_info:
            say_where(self._console, record.exc_info[1])


def say_where(console: Console, error: BaseException | None) -> None:
    """The traceback of what nobody thought of."""
    if error is not None:
        for line in "".join(traceback.format_exception(error)).splitlines():
            console.say("internal-error", line)


def status_block(status: StatusView) -> str:
    """The origin's block; what the origin had no word for follows in brackets."""
    local = next((member for member in status.members if member.local), None)
    state = local.role if local is not None else "unknown"
    leader = status.leader.leader or f"none ({status.leader.reason})"
    lines = [
        "",
        "Cluster Status:",
        f"Local node: {status.name} (State: {state})",
        f"Leader: {leader}",
        "Cluster nodes:",
    ]
    lines += [_member_line(member) for member in status.members if not member.local]
    return "\n".join(_one_line(line) for line in lines) + "\n"


def _member_line(member: MemberView) -> str:
    seen = "never" if member.last_seen_ms is None else age_text(member.last_seen_ms * MILLISECOND)
    ours = "" if member.state == "alive" else f" [{member.state}]"
    return f"- {member.host} (State: {member.role}, Last seen: {seen}){ours}"


def _status_line(status: StatusView, wall_ms: int) -> dict[str, object]:
    return {
        "kind": "status",
        "wall_ms": wall_ms,
        "local": status.name,
        "leader": status.leader.leader,
        "term": status.leader.term,
        "reason": status.leader.reason,
        "members": {
            member.name: {"state": member.state, "role": member.role, "last_seen_ms": member.last_seen_ms}
            for member in status.members
        },
    }


def _stamp(wall_s: float) -> str:
    return time.strftime("%Y/%m/%d %H:%M:%S", time.localtime(wall_s))


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
