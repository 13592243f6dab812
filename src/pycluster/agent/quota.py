"""So many lines of one kind a minute: what an attacker can make an agent say, and repeat, must not fill a disk."""

from __future__ import annotations

from pycluster.kernel.units import SECOND

#: Above every bound that the node itself keeps, so that it only ever bites where somebody forges members' own words.
LINES_PER_MINUTE = 1_536
_MINUTE_US = 60 * SECOND


class Quota:
    """Counts by kind; there are as many kinds as ``docs/reference/events.md`` has."""

    def __init__(self, lines: int = LINES_PER_MINUTE) -> None:
        self._lines = lines
        self._since_us = 0
        self._told: dict[str, int] = {}

    def allows(self, kind: str) -> bool:
        """Whether one more line of ``kind`` may be printed this minute."""
        self._told[kind] = self._told.get(kind, 0) + 1
        return self._told[kind] <= self._lines

    def left_out(self, now_us: int) -> dict[str, int]:
        """Lines by kind that were not printed in the minute that is over at ``now_us`` (µs); once."""
        if now_us - self._since_us < _MINUTE_US:
            return {}
        told, self._told, self._since_us = self._told, {}, now_us
        return {kind: count - self._lines for kind, count in told.items() if count > self._lines}
