"""What one host may take: as much as it likes while there is room, a fair share when it gets tight."""

from __future__ import annotations

from collections import Counter


class Crowd:
    """Counts what each host holds of ``most`` places.

    One host alone gets half of them: a whole cluster on one machine shares its address. Once half are taken, no host
    gets more than ``share``, so that one cannot keep the others out.
    """

    def __init__(self, most: int, share: int) -> None:
        self.most = most
        self._share = share
        self._held: Counter[str] = Counter()
        self._taken = 0

    def enter(self, host: str) -> bool:
        """Take a place for ``host``; False where it gets none."""
        if self._taken >= self.most or (self._taken >= self.most // 2 and self._held[host] >= self._share):
            return False
        self._held[host] += 1
        self._taken += 1
        return True

    def leave(self, host: str) -> None:
        """Give back a place that ``host`` took."""
        self._taken -= 1
        self._held[host] -= 1
        if not self._held[host]:
            del self._held[host]

    def __len__(self) -> int:
        """Places taken."""
        return self._taken


class Hoard:
    """Bytes that connections make this process keep: frames that began, answers that nobody takes.

    All of them together may hold ``most``, those of one host half of that. The first ``FREE_BYTES`` of each do not
    count, so that small words get through whoever hoards.
    """

    FREE_BYTES = 65_536

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: Counter[str] = Counter()
        self._taken = 0

    def move(self, host: str, before: int, after: int) -> bool:
        """A connection of ``host`` holds ``after`` bytes instead of ``before``; False, with nothing booked, where that
        is too much.
        """
        more = max(after - self.FREE_BYTES, 0) - max(before - self.FREE_BYTES, 0)
        if more > 0 and (self._taken + more > self._most or self._held[host] + more > self._most // 2):
            return False
        self._taken += more
        self._held[host] += more
        if not self._held[host]:
            del self._held[host]
        return True
