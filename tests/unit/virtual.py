"""Event loops whose time passes at once: for work that needs nobody outside of it, or when a test says so."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Skipping(selectors.SelectSelector):
    """Waits for nothing: the time that it was to wait has passed."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now_s += timeout or 0.0
        return super().select(0)


def in_virtual_time(work: Callable[[Callable[[], float]], Coroutine[Any, Any, T]]) -> T:
    """What ``work(clock)`` gives on a loop whose time passes at once, and only while nobody has anything to do."""
    selector = Skipping()

    class Loop(asyncio.SelectorEventLoop):
        def time(self) -> float:
            return selector.now_s

    with asyncio.Runner(loop_factory=lambda: Loop(selector)) as runner:
        return runner.run(work(lambda: selector.now_s))


class Leaping(asyncio.SelectorEventLoop):
    """``leap`` lets time pass; whoever waits for others has as much of it as ever."""

    _ahead_s = 0.0

    def time(self) -> float:
        return super().time() + self._ahead_s

    def leap(self, seconds: float) -> None:
        """What was to come within them comes now."""
        self._ahead_s += seconds


def leaping(work: Callable[[Callable[[float], None]], Coroutine[Any, Any, T]]) -> T:
    """What ``work(leap)`` gives on a loop with ``leap``."""
    loop = Leaping()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(work(loop.leap))
