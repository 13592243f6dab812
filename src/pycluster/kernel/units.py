"""Time is an integer of microseconds from the boot-time clock; these are its multiples."""

from __future__ import annotations

MILLISECOND = 1_000
SECOND = 1_000_000
MINUTE = 60 * SECOND


def earlier(one: int | None, other: int | None) -> int | None:
    """Of two times, either of which may be never (None)."""
    return other if one is None else one if other is None or one < other else other


def age_text(age_us: int) -> str:
    """An age as the status block prints it: whole seconds, rounded, ``1m5s`` past a minute."""
    seconds = (max(age_us, 0) + SECOND // 2) // SECOND
    if seconds < 60:
        return f"{seconds}s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes}m{seconds}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{seconds}s"
