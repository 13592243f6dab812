"""The boot-time clock: it counts while the machine sleeps, and it is read afresh each time."""

from __future__ import annotations

import time
from collections.abc import Callable

_NS_PER_US = 1_000


def now_us() -> int:
    """Microseconds since the machine started, the time asleep included."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // _NS_PER_US


def boot_id() -> str:
    """Names this start of the machine; times of two starts cannot be compared. Empty where the system has no name."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def steady_us() -> int:
    """Microseconds of the monotonic clock, which stands still while the machine sleeps and never leaps."""
    return time.monotonic_ns() // _NS_PER_US


class Leaps:
    """How far the boot-time clock moves ahead of the monotonic one: a resumed machine was told how long it slept."""

    def __init__(self, steady: Callable[[], int] = steady_us) -> None:
        self._steady = steady
        self._ahead_us: int | None = None

    def since_last(self, now_us: int) -> int:
        """By how much it leapt since this was last asked, µs; ``now_us`` is what it shows now."""
        ahead_us = now_us - self._steady()
        leapt_us = 0 if self._ahead_us is None else ahead_us - self._ahead_us
        self._ahead_us = ahead_us
        return max(leapt_us, 0)
