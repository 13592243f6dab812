"""Who says what, and when: one thread reads what all agents print, and stamps each line as it arrives.

Nobody is asked anything, so a hundred watched agents cost nothing while nothing happens, and two systems are measured
alike, whatever clock and grain their own logs have.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

#: ``runs``: the process serves. ``follows`` and ``acts``: a leader. ``leaderless``: follows nobody any more.
What = Literal["runs", "up", "down", "follows", "acts", "stops", "leaderless"]


class Said(msgspec.Struct, frozen=True):
    """One line that matters. ``at_us``: boot-time clock; ``about``: a node's name, the speaker's own for ``runs``."""

    at_us: int
    by: str
    what: What
    about: str


def now_us() -> int:
    """The boot-time clock, which the agents' own records use as well."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000


Reader = Callable[[bytes], tuple[What, str] | None]


class _Console:
    """One agent's standard output and error, read so far up to ``rest``."""

    def __init__(self, name: str, read: Reader, copy: BinaryIO) -> None:
        self.name = name
        self.read = read
        self.copy = copy
        self.rest = b""


class Watch:
    """Everything that was said. Read by the thread that measures, written by the one that listens."""

    def __init__(self) -> None:
        self.said: list[Said] = []
        #: By speaker: the other nodes it has mentioned, and whether they are up as it said last.
        self.views: dict[str, dict[str, bool]] = defaultdict(dict)
        #: By speaker: whom it follows, or itself once it acts; empty for nobody.
        self.leaders: dict[str, str] = {}
        self._consoles = selectors.DefaultSelector()
        self._closing = False
        self._wake, self._waker = os.pipe()
        self._consoles.register(self._wake, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._listen, name="watch", daemon=True)
        self._thread.start()

    def add(self, name: str, read: Reader, descriptor: int, log: Path) -> None:
        """Listen to a life of agent ``name``; what it said in an earlier life is no view of its any more."""
        self.views[name] = {}
        self.leaders.pop(name, None)
        self._consoles.register(descriptor, selectors.EVENT_READ, _Console(name, read, log.open("ab", buffering=0)))

    def since(self, start_us: int, what: What, about: str | None = None) -> list[Said]:
        """What was said from ``start_us`` on, oldest first."""
        found = []
        for said in reversed(self.said):
            if said.at_us < start_us:
                break
            if said.what == what and about in (None, said.about):
                found.append(said)
        return found[::-1]

    def first(self, start_us: int, what: What, about: str | None = None) -> dict[str, Said]:
        """The first such line of each speaker."""
        firsts: dict[str, Said] = {}
        for said in self.since(start_us, what, about):
            firsts.setdefault(said.by, said)
        return firsts

    def whole(self, names: Iterable[str]) -> bool:
        """Whether each of ``names`` has said last that each other one is up."""
        wanted = list(names)
        return all(self.views[by].get(about) for by in wanted for about in wanted if about != by)

    def leader(self, names: Iterable[str]) -> str | None:
        """Whom all of ``names`` follow, where it is one of them and acts itself."""
        wanted = list(names)
        led = {self.leaders.get(name, "") for name in wanted}
        one = led.pop() if len(led) == 1 else ""
        return one if one in wanted else None

    def close(self) -> None:
        """Stop listening."""
        self._closing = True
        os.write(self._waker, b".")
        self._thread.join()
        for key in list(self._consoles.get_map().values()):
            if key.data is not None:
                self._ended(key.fd, key.data)
        self._consoles.close()
        os.close(self._wake)
        os.close(self._waker)

    def _listen(self) -> None:
        while not self._closing:
            for key, _ in self._consoles.select():
                if key.data is not None:
                    self._read(key.fd, key.data)

    def _read(self, descriptor: int, console: _Console) -> None:
        fresh, at_us = os.read(descriptor, 1 << 16), now_us()
        if not fresh:
            self._ended(descriptor, console)
            return
        with contextlib.suppress(OSError):
            console.copy.write(fresh)
        *lines, console.rest = (console.rest + fresh).split(b"\n")
        for line in lines:
            if (told := console.read(line)) is not None:
                what, about = told
                self._note(Said(at_us, console.name, what, about or console.name))

    def _note(self, said: Said) -> None:
        if said.what in ("up", "down"):
            self.views[said.by][said.about] = said.what == "up"
        elif said.what in ("follows", "acts"):
            self.leaders[said.by] = said.about
        elif said.what in ("stops", "leaderless"):
            self.leaders[said.by] = ""
        self.said.append(said)

    def _ended(self, descriptor: int, console: _Console) -> None:
        self._consoles.unregister(descriptor)
        os.close(descriptor)
        console.copy.close()
