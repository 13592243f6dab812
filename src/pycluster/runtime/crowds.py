"""What one host may take: as much as it likes while there is room, a fair share when it gets tight."""

from __future__ import annotations

import functools
import ipaddress
from collections import Counter

#: Bits of an IPv6 address that say which network it is in; whoever has one such network has all addresses in it.
_NETWORK_BITS = 64


@functools.lru_cache(maxsize=1_024)
def network(host: str) -> str:
    """What counts as one host: an IPv4 address, or a /64 of IPv6 (RFC 4291 §2.5.4)."""
    if ":" not in host:
        return host
    try:
        return str(ipaddress.IPv6Network((host, _NETWORK_BITS), strict=False))
    except ValueError:
        return host


class Crowd:
    """Counts what each host holds of ``most`` places.

    One host alone gets half of them: a whole cluster on one machine shares its address. Once half are taken, no host
    gets more than ``share``, so that one cannot keep the others out. ``kept`` places are for the ``seats`` alone, so
    that many hosts together cannot keep those out; a seat in the network of others is counted apart from them.
    """

    def __init__(self, most: int, share: int, kept: int = 0) -> None:
        self.most = most
        self._share = share
        self._kept = kept
        #: By host, and by network.
        self._held: Counter[str] = Counter()
        self._near: Counter[str] = Counter()
        self._taken = 0
        #: Hosts of known voters and configured nodes.
        self.seats: frozenset[str] = frozenset()

    def enter(self, host: str) -> bool:
        """Take a place for ``host``; False where it gets none."""
        of_seats = sum(self._held[seat] for seat in self.seats)
        full = self._taken >= self.most or (host not in self.seats and self._taken - of_seats >= self.most - self._kept)
        if full or (self._taken >= self.most // 2 and self._beside(host) >= self._share):
            return False
        self._book(host, 1)
        return True

    def leave(self, host: str) -> None:
        """Give back a place that ``host`` took."""
        self._book(host, -1)

    def _book(self, host: str, more: int) -> None:
        self._taken += more
        for book, key in ((self._held, host), (self._near, network(host))):
            book[key] += more
            if not book[key]:
                del book[key]

    def _beside(self, host: str) -> int:
        """Places held by the host, or by its whole network except for the seats in it."""
        if host in self.seats:
            return self._held[host]
        near = network(host)
        return self._near[near] - sum(self._held[seat] for seat in self.seats if network(seat) == near)

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
        host = network(host)
        more = max(after - self.FREE_BYTES, 0) - max(before - self.FREE_BYTES, 0)
        if more > 0 and (self._taken + more > self._most or self._held[host] + more > self._most // 2):
            return False
        self._taken += more
        self._held[host] += more
        if not self._held[host]:
            del self._held[host]
        return True
