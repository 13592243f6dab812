"""The boot-time clock: it counts while the machine sleeps, and it is read afresh each time."""

from __future__ import annotations

import time

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
