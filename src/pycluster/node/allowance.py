"""So many at once, and so many a minute after that: what others can make this node say has a bound."""

from __future__ import annotations

from collections.abc import Hashable

from pycluster.kernel.units import SECOND

MINUTE_US = 60 * SECOND


class Allowance:
    """A token bucket for each key, each kept as one number: the time up to which its lines are paid for.

    ``burst`` lines at once, and ``per_minute`` of them come back in a minute. At most ``keys`` keys are remembered;
    while there are more, those that were not seen before get nothing.
    """

    def __init__(self, burst: int, per_minute: int, keys: int = 1) -> None:
        self._pause_us = MINUTE_US // per_minute
        self._ahead_us = (burst - 1) * self._pause_us
        self._keys = keys
        self._paid_until_us: dict[Hashable, int] = {}

    def has(self, key: Hashable, now_us: int) -> bool:
        """Whether ``key`` may take one at ``now_us`` (µs); takes none."""
        paid_until_us = self._paid_until_us.get(key)
        if paid_until_us is None:
            return len(self._paid_until_us) < self._keys or self._forget(now_us)
        return paid_until_us - now_us <= self._ahead_us

    def take(self, key: Hashable, now_us: int) -> None:
        """Take one, whether ``key`` may or not; it never owes more than one."""
        paid_until_us = max(self._paid_until_us.get(key, now_us), now_us) + self._pause_us
        self._paid_until_us[key] = min(paid_until_us, now_us + self._ahead_us + self._pause_us)

    def allows(self, key: Hashable, now_us: int) -> bool:
        """Take one where ``key`` may."""
        paid_until_us = self._paid_until_us.get(key)
        if paid_until_us is None:
            if not self.has(key, now_us):
                return False
        elif paid_until_us - now_us > self._ahead_us:
            return False  # the usual answer where there are very many
        self.take(key, now_us)
        return True

    def _forget(self, now_us: int) -> bool:
        """Drop the keys that have everything back; whether there is room now."""
        self._paid_until_us = {key: until_us for key, until_us in self._paid_until_us.items() if until_us > now_us}
        return len(self._paid_until_us) < self._keys
