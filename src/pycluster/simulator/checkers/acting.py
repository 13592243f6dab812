"""Leaders: one a term, and no two that may act at one moment of true time."""

from __future__ import annotations

import msgspec

from pycluster.node.effects import RecordActing
from pycluster.simulator.checkers.checker import Checker, Violation
from pycluster.simulator.host import Host


class Interval(msgspec.Struct):
    """From ``start_us`` (true) until before ``end_us`` the node may act; ``local_until_us``: by its clock."""

    label: str
    uuid: str
    term: int
    start_us: int
    end_us: int
    local_until_us: int
    #: It acted until then at least, whatever a clock that jumped makes of it.
    floor_us: int = 0

    def __str__(self) -> str:
        return f"{self.label} (term {self.term}) {self.start_us / 1e6:.6f}..{self.end_us / 1e6:.6f} s"


class ActingIntervals(Checker):
    """At most one leader acts (Gray and Cheriton's leases; Ongaro §6.4.1), in terms that only grow.

    An interval ends when the node says so, when its lease does, or when its process dies. What a node says about its
    past must fit what it said before: a lease is not shortened after the fact, nor stretched by stopping.
    """

    def __init__(self) -> None:
        self.intervals: dict[str, list[Interval]] = {}
        self._open: dict[str, Interval] = {}
        self._holders: dict[tuple[str, int], str] = {}

    def acted(self, host: Host, effect: RecordActing, now_us: int) -> None:
        local_us = host.clock.local(now_us)
        interval = self._open.get(host.label)
        if interval is None or interval.term != effect.term:
            if effect.ended:
                raise Violation("acting", f"{host.label} ceased to act in term {effect.term}, in which it did not act")
            if interval is not None:
                raise Violation("acting", f"{host.label} acts in term {effect.term} and never ceased to: {interval}")
            interval = self._begin(host, effect, local_us)
        elif effect.ended:
            if not min(local_us, interval.local_until_us) <= effect.until_us <= interval.local_until_us:
                raise Violation(
                    "acting",
                    f"{host.label} says at {local_us} that it ceased to act at {effect.until_us},"
                    f" and its lease ran until {interval.local_until_us} (its own clock)",
                )
            del self._open[host.label]
        elif interval.local_until_us < local_us:
            raise Violation(
                "acting", f"{host.label} renews at {local_us} a lease that had lapsed at {interval.local_until_us}"
            )
        interval.local_until_us = effect.until_us
        interval.end_us = max(host.clock.true(effect.until_us), interval.floor_us)
        self._disjoint(host.cluster, interval)

    def jumped(self, host: Host, now_us: int) -> None:
        interval = self._open.get(host.label)
        if interval is not None:
            interval.floor_us = min(now_us, interval.end_us)
            interval.end_us = max(host.clock.true(interval.local_until_us), interval.floor_us)

    def stopped(self, host: Host, now_us: int) -> None:
        interval = self._open.pop(host.label, None)
        if interval is not None:
            interval.end_us = min(interval.end_us, now_us)

    def current(self, cluster: str, now_us: int) -> Interval | None:
        """The interval in which somebody may act now."""
        for interval in reversed(self.intervals.get(cluster, [])):
            if interval.start_us <= now_us < interval.end_us:
                return interval
        return None

    def _begin(self, host: Host, effect: RecordActing, local_us: int) -> Interval:
        if effect.since_us > local_us:
            raise Violation("acting", f"{host.label} says at {local_us} that it acts since {effect.since_us}")
        start_us = host.clock.true(effect.since_us)
        interval = Interval(host.label, host.disk.uuid, effect.term, start_us, start_us, effect.until_us)
        holder = self._holders.setdefault((host.cluster, effect.term), host.disk.uuid)
        if holder != host.disk.uuid:
            raise Violation("one leader a term", f"{host.label} acts in term {effect.term}, which is {holder}'s")
        earlier = self.intervals.setdefault(host.cluster, [])
        if earlier and earlier[-1].term > effect.term:
            raise Violation("fencing", f"{interval} began after {earlier[-1]}, whose term is higher")
        earlier.append(interval)
        self._open[host.label] = interval
        return interval

    def _disjoint(self, cluster: str, interval: Interval) -> None:
        for other in self.intervals[cluster][-40:]:
            if other is interval or other.end_us <= interval.start_us or interval.end_us <= other.start_us:
                continue
            raise Violation("acting intervals overlap", f"{other} and {interval}")
