"""The strong order: every answer carries a revision, so the whole store's history is known but for lost answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from pycluster.simulator.checkers.checker import Violation
from pycluster.simulator.checkers.history import Facts, Known, Operation, brief, sorted_out
from pycluster.simulator.checkers.sequential import Keys, apply, bare, changes, shown
from pycluster.simulator.checkers.watching import Watching, heard, same, wanted
from pycluster.store import Compact, Event, KeyValue, LeaseGrant, Range

#: The revision of a store in which nothing happened yet.
FIRST = 1
#: Configurations looked at before a search is given up as undecided.
BOUND = 50_000


class Committed(msgspec.Struct, frozen=True):
    """The history that explains all answers: by revision what changed, each with what was there before.

    ``guessed``: revisions that no answer names, given to operations whose outcome nobody knows; where more than one
    would do, it is one of them.
    """

    last: int
    events: Mapping[int, tuple[Event, ...]]
    guessed: frozenset[int]


def check(history: Iterable[Operation], watchings: Iterable[Watching] = (), *, bound: int = BOUND) -> Committed | None:
    """Raise ``Violation`` unless one history in the order of revisions and of true time explains every answer.

    ``watchings``: it also explains what these watchers were told, and what they were not. None: undecided.
    """
    facts = sorted_out(history)
    _unique(facts.known)
    _real_time(facts.known)
    return _Replay(facts, watchings, bound).search()


def _unique(known: Sequence[Known]) -> None:
    by: dict[int, Known] = {}
    for one in known:
        if one.revision < FIRST + one.changing:
            raise Violation("unique revisions", f"a store begins at {FIRST}: {one.operation}")
        if one.changing:
            other = by.setdefault(one.revision, one)
            if other is not one:
                raise Violation(
                    "unique revisions", f"two made revision {one.revision}: {other.operation}; {one.operation}"
                )


def _real_time(known: Sequence[Known]) -> None:
    """Compare revisions with true time; ``known`` is sorted by when each began."""
    returned = sorted(known, key=lambda one: one.end_us, reverse=True)
    highest: Known | None = None
    for one in known:
        while returned[-1].end_us < one.begin_us:
            ended = returned.pop()
            if highest is None or ended.revision > highest.revision:
                highest = ended
        if highest is not None and one.fresh and one.revision < highest.revision + one.changing:
            raise Violation("real time", f"{one.operation} began after this had been answered: {highest.operation}")


class _Replay:
    """Revision by revision; what nobody claims is tried with every operation whose outcome is unknown."""

    def __init__(self, facts: Facts, watchings: Iterable[Watching], bound: int) -> None:
        self._unknown = facts.unknown
        self._bound = bound
        self._writes: dict[int, Known] = {}
        self._looks: defaultdict[int, list[Known]] = defaultdict(list)
        self._seen: defaultdict[int, set[KeyValue]] = defaultdict(set)
        #: By revision: what those were told of it who were told all up to it.
        self._heard: defaultdict[int, list[tuple[Watching, tuple[Event, ...]]]] = defaultdict(list)
        #: By key: it was not touched after the first revision of a pair, up to the second.
        self._kept: defaultdict[bytes, list[tuple[int, int]]] = defaultdict(list)
        for one in facts.known:
            self._note(one)
        for watching in watchings:
            for revision, events in heard(watching).items():
                self._heard[revision].append((watching, events))
                self._hear(events)
        answered = [one.revision for one in facts.known]
        self._last = max((FIRST, *answered, *self._looks, *self._seen, *self._heard))
        #: By revision: when the first answer at or past it had been given.
        self._known_us: dict[int, int] = {}
        for one in facts.known:
            self._known_us[one.revision] = min(one.end_us, self._known_us.get(one.revision, one.end_us))
        for revision in range(self._last - 1, FIRST, -1):
            later_us = self._known_us.get(revision + 1)
            if later_us is not None:
                self._known_us[revision] = min(later_us, self._known_us.get(revision, later_us))
        self._blame: tuple[int, str, str] = (0, "", "")

    def _note(self, one: Known) -> None:
        looks_at = one.revision
        if one.changing:
            self._writes[one.revision] = one
        else:
            if isinstance(one.request, Range) and one.request.revision:
                looks_at = one.request.revision
            self._looks[looks_at].append(one)
        for kv in shown(one.request, one.result):
            self._seen[kv.mod_revision].add(kv)
            self._kept[kv.key].append((kv.mod_revision, looks_at))

    def _hear(self, events: Iterable[Event]) -> None:
        for event in events:
            revision = event.kv.mod_revision
            if not event.deleted:
                self._seen[revision].add(event.kv)
            if event.previous is not None:
                self._seen[event.previous.mod_revision].add(event.previous)
                self._kept[event.kv.key].append((event.previous.mod_revision, revision - 1))

    def search(self) -> Committed | None:
        """Depth first, with a memory of what was tried (Wing and Gong 1993; Lowe 2017)."""
        stack: list[tuple[int, Keys, int, tuple[tuple[int, int], ...]]] = [(FIRST, (), 0, ())]
        tried: set[tuple[int, Keys, int]] = set()
        while stack:
            revision, kvs, used, chosen = stack.pop()
            if (revision, kvs, used) in tried:
                continue
            if len(tried) >= self._bound:
                return None
            tried.add((revision, kvs, used))
            reached = self._advance(revision, kvs)
            if reached is None:
                continue
            revision, kvs = reached
            if revision == self._last:
                return self._told(dict(chosen))
            gap = revision + 1
            found = list(self._candidates(gap, kvs, used))
            if not found:
                self._wrong(
                    gap, "a revision is somebody's", f"revision {gap} is nobody's, or its effect was never seen"
                )
            stack += [(gap, after, used | 1 << place, (*chosen, (gap, place))) for place, after in reversed(found)]
        raise Violation(*self._blame[1:])

    def _advance(self, revision: int, kvs: Keys) -> tuple[int, Keys] | None:
        """Go on to the last revision before one that nobody claims; None where an answer does not fit."""
        while True:
            for look in self._looks.get(revision, ()):
                if isinstance(look.request, LeaseGrant | Compact):
                    continue
                after, expected = apply(kvs, look.request, revision)
                if after != kvs or bare(expected) != bare(look.result):
                    self._wrong(
                        revision, "answers fit", f"{look.operation}: at revision {revision} there was {brief(expected)}"
                    )
                    return None
            write = self._writes.get(revision + 1)
            if write is None:
                return revision, kvs
            revision += 1
            before = kvs
            kvs, expected = apply(before, write.request, revision)
            if bare(expected) != bare(write.result):
                self._wrong(revision, "answers fit", f"{write.operation}: should have been {brief(expected)}")
                return None
            if not self._as_heard(revision, before, kvs):
                return None

    def _wrong(self, revision: int, rule: str, text: str) -> None:
        """Of all that was tried, what went furthest is told."""
        if revision >= self._blame[0]:
            self._blame = (revision, rule, text)

    def _candidates(self, gap: int, kvs: Keys, used: int) -> Iterable[tuple[int, Keys]]:
        known_us = self._known_us.get(gap)
        for place, one in enumerate(self._unknown):
            if used >> place & 1 or (known_us is not None and one.begin_us > known_us):
                continue
            after, _ = apply(kvs, one.request, gap)
            if after != kvs and self._believable(gap, kvs, after):
                yield place, after

    def _believable(self, gap: int, before: Keys, after: Keys) -> bool:
        events = changes(before, after, gap)
        if not self._seen.get(gap, set()) <= {event.kv for event in events}:
            return False
        if any(since < gap <= until for event in events for since, until in self._kept.get(event.kv.key, ())):
            return False
        return self._as_heard(gap, before, after)

    def _as_heard(self, revision: int, before: Keys, after: Keys) -> bool:
        for watching, told in self._heard.get(revision, ()):
            due = tuple(event for event in changes(before, after, revision) if wanted(watching.watch, event))
            if not same(watching.watch, told, due):
                text = f"{watching.watcher} was told {brief(told)} of revision {revision}, not {brief(due)}"
                self._wrong(revision, "watchers and answers agree", text)
                return False
        return True

    def _told(self, chosen: dict[int, int]) -> Committed:
        events: dict[int, tuple[Event, ...]] = {}
        kvs: Keys = ()
        for revision in range(FIRST + 1, self._last + 1):
            before = kvs
            request = self._unknown[chosen[revision]].request if revision in chosen else self._writes[revision].request
            kvs, _ = apply(kvs, request, revision)
            events[revision] = changes(before, kvs, revision)
        return Committed(self._last, events, frozenset(chosen))
