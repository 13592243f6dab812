"""Linearizability by search: Wing and Gong (JPDC 1993), with Lowe's memory of configurations (CCPE 2017).

It looks at time and content only, and takes a revision for a mere name: an independent second opinion to
``revisions``, which believes the order that the answers name. A history is cut into parts that share no key (Horn and
Kroening's P-compositionality, FORTE 2015); a write of several keys joins theirs, a read of several is judged in each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from pycluster.simulator.checkers import revisions, watching
from pycluster.simulator.checkers.checker import Violation
from pycluster.simulator.checkers.history import (
    ORDERED,
    Facts,
    Known,
    Operation,
    Unknown,
    named,
    numbers,
    puts,
    sorted_out,
    touched,
)
from pycluster.simulator.checkers.revisions import BOUND, Committed
from pycluster.simulator.checkers.sequential import Keys, apply, bare, shown
from pycluster.simulator.checkers.watching import Watching
from pycluster.store import Compact, KeyValue, LeaseGrant, Range, RangeResult

#: Configurations of one part before it is left undecided; where many outcomes are unknown, content alone says little.
SEARCH_BOUND = 5_000
#: From here on: revisions of which nobody speaks.
_NAMELESS = 1 << 62


class Judgement(msgspec.Struct, frozen=True):
    """A history that is not refused. ``committed`` is None, and ``undecided`` names parts, where a bound was met."""

    operations: int
    committed: Committed | None
    undecided: tuple[str, ...]


def check(history: Sequence[Operation], watchings: Sequence[Watching] = (), *, bound: int = BOUND) -> Judgement:
    """Raise ``Violation`` where the history is not linearizable: by its revisions, then by search without them.

    What ``watchings`` were told must fit it, too.
    """
    committed = _committed(history, watchings, bound)
    undecided = [] if committed is not None else ["revisions"]
    undecided += search(history, bound=min(bound, SEARCH_BOUND))
    return Judgement(len(history), committed, tuple(undecided))


def _committed(history: Sequence[Operation], watchings: Sequence[Watching], bound: int) -> Committed | None:
    try:
        committed = revisions.check(history, watchings, bound=bound)
    except Violation:
        if not watchings:
            raise
        # Is it the answers that do not fit, or what a watcher was told? Whoever is wrong is named.
        plain = revisions.check(history, bound=bound)
        for one in watchings:
            try:
                revisions.check(history, [one], bound=bound)
            except Violation:
                _fit(plain, [one])
                raise
        raise
    _fit(committed, watchings)
    return committed


def _fit(committed: Committed | None, watchings: Sequence[Watching]) -> None:
    if committed is not None:
        for one in watchings:
            watching.check(one, committed.events)


def search(history: Iterable[Operation], *, bound: int = SEARCH_BOUND) -> list[str]:
    """Raise ``Violation`` where no order that real time allows explains the content; the parts left undecided."""
    facts = sorted_out(history)
    return [
        f"the part of {len(part.keys)} keys around {min(part.keys)!r}"
        for part in _parts(facts)
        if not part.search(bound)
    ]


def _parts(facts: Facts) -> list[_Part]:
    """Cut by keys; what one write touches stays together."""
    known = [one for one in facts.known if one.fresh and not isinstance(one.request, LeaseGrant | Compact)]
    everyone: list[Known | Unknown] = [*known, *facts.unknown]
    attached: defaultdict[int, set[bytes]] = defaultdict(set)
    universe: set[bytes] = set()
    for one in everyone:
        universe.update(named(one.request))
        for put in puts(one.request):
            if put.lease:
                attached[put.lease].add(put.key)
    for one in known:
        universe.update(kv.key for kv in shown(one.request, one.result))
    keys = sorted(universe)
    part_of = {key: _Part({key}) for key in keys}
    reach = [touched(one.request, keys, attached) for one in everyone]
    for one, its in zip(everyone, reach, strict=True):
        if its and not isinstance(one.request, Range):
            joined = _Part(set().union(*(part_of[key].keys for key in its)))
            part_of.update(dict.fromkeys(joined.keys, joined))
    for one, its in zip(everyone, reach, strict=True):
        for part in {id(part_of[key]): part_of[key] for key in its}.values():
            part.take(one)
    return list({id(part): part for part in part_of.values()}.values())


class _Part:
    """The operations on some keys."""

    def __init__(self, keys: set[bytes]) -> None:
        self.keys = keys
        self._known: list[Known] = []
        self._unknown: list[Unknown] = []
        self._names: list[tuple[int, ...]] = []
        self._seen: defaultdict[int, set[KeyValue]] = defaultdict(set)

    def take(self, one: Known | Unknown) -> None:
        """Add an operation, or what a read of more keys saw of these."""
        if isinstance(one, Unknown):
            self._unknown.append(one)
            return
        request, result = one.request, one.result
        if isinstance(request, Range) and isinstance(result, RangeResult):
            if request != Range(request.key, request.range_end):
                return
            kvs = tuple(kv for kv in result.kvs if kv.key in self.keys)
            one = msgspec.structs.replace(one, result=RangeResult(result.revision, kvs, len(kvs)))
        self._known.append(one)
        for kv in shown(one.request, one.result):
            if kv.key in self.keys:
                self._seen[kv.mod_revision].add(kv)

    def search(self, bound: int) -> bool:
        """Whether an order was found; False past ``bound`` configurations."""
        self._known.sort(key=lambda one: one.begin_us)
        if not self._name():
            return False
        goal = (1 << len(self._known)) - 1
        stack: list[tuple[Keys, int, int]] = [((), 0, 0)]
        tried: set[tuple[Keys, int, int]] = set()
        furthest = 0
        while stack:
            here = stack.pop()
            if here in tried:
                continue
            if len(tried) >= bound:
                return False
            tried.add(here)
            kvs, done, used = here
            if done == goal:
                return True
            if done.bit_count() > furthest.bit_count():
                furthest = done
            stack += self._next(kvs, done, used)
        stuck = next(one for place, one in enumerate(self._known) if not furthest >> place & 1)
        raise Violation(
            "linearizable", f"no order explains the answers on {min(self.keys)!r}; stuck at {stuck.operation}"
        )

    def _name(self) -> bool:
        """Find the revisions that an unknown operation may have made: those of its keys of which somebody speaks and
        that nobody claims, or one that does not matter. False where revisions are compared: then it does.
        """
        spoken: defaultdict[bytes, set[int]] = defaultdict(set)
        for request in (*(known.request for known in self._known), *(unknown.request for unknown in self._unknown)):
            for key, number in numbers(request):
                spoken[key].add(number)
        for kv in (kv for kvs in self._seen.values() for kv in kvs):
            spoken[kv.key] |= {kv.create_revision, kv.mod_revision}
        claimed = {one.revision for one in self._known if one.changing}
        makers: defaultdict[int, list[int]] = defaultdict(list)
        for place, unknown in enumerate(self._unknown):
            written = {put.key: None if put.ignore_value else put.value for put in puts(unknown.request)}
            free = sorted(set().union(*(spoken[key] for key in written)) - claimed)
            fitting = [name for name in free if all(_wrote(written, kv) for kv in self._seen.get(name, ()))]
            self._names.append((*fitting, _NAMELESS + place))
            for name in fitting:
                makers[name].append(place)
        for name, places in makers.items():
            if len(places) == 1 and self._seen.get(name):
                # It happened, and nothing else can have done it.
                self._names[places[0]] = (name,)
        return not self._unknown or not any(ORDERED in its for its in spoken.values())

    def _next(self, kvs: Keys, done: int, used: int) -> list[tuple[Keys, int, int]]:
        """What may take effect next, the likeliest last: whatever began before anything left had ended."""
        open_, horizon_us = self._open(done)
        following = []
        for place in open_:
            one = self._known[place]
            after, expected = apply(kvs, one.request, one.revision)
            if bare(expected) != bare(one.result) or (one.changing and after == kvs):
                continue
            if one.changing and not self._seen.get(one.revision, set()) <= set(after):
                continue
            if after == kvs:
                # A read that fits may as well come first: it is in nobody's way.
                return [(kvs, done | 1 << place, used)]
            following.append((one.revision, (after, done | 1 << place, used)))
        following.sort(key=lambda entry: -entry[0])
        return [*self._maybe(kvs, done, used, horizon_us), *(config for _, config in following)]

    def _maybe(self, kvs: Keys, done: int, used: int, horizon_us: int) -> Iterator[tuple[Keys, int, int]]:
        for place, one in enumerate(self._unknown):
            if used >> place & 1 or one.begin_us > horizon_us:
                continue
            for name in self._names[place]:
                after, _ = apply(kvs, one.request, name)
                if after != kvs and self._seen.get(name, set()) <= set(after):
                    yield after, done, used | 1 << place

    def _open(self, done: int) -> tuple[list[int], int]:
        place = (~done & (done + 1)).bit_length() - 1
        horizon_us = self._known[place].end_us
        found = []
        while place < len(self._known) and self._known[place].begin_us <= horizon_us:
            if not done >> place & 1:
                horizon_us = min(horizon_us, self._known[place].end_us)
                found.append(place)
            place += 1
        return [place for place in found if self._known[place].begin_us <= horizon_us], horizon_us


def _wrote(written: dict[bytes, bytes | None], kv: KeyValue) -> bool:
    return kv.key in written and written[kv.key] in (None, kv.value)
