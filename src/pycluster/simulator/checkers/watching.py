"""What a watcher was told, against what was committed: whole revisions, in order, each event once, none missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from pycluster.simulator.checkers.checker import Violation
from pycluster.simulator.checkers.sequential import within
from pycluster.store import Event, KeyValue, Watch, WatchBatch

#: By revision: what it changed, each with what was there before.
Changes = Mapping[int, Sequence[Event]]


class Opening(msgspec.Struct, frozen=True):
    """A watch on one node from ``start_revision`` on (0: from the next one), until it was lost or closed."""

    start_revision: int
    batches: tuple[WatchBatch, ...]


class Watching(msgspec.Struct, frozen=True):
    """A watcher's openings, one after the other: each begins where the one before had got to."""

    watcher: str
    watch: Watch
    openings: tuple[Opening, ...]


def heard(watching: Watching) -> dict[int, tuple[Event, ...]]:
    """By revision: what the watcher was told of each that lies within what it was told at all, by key."""
    told: dict[int, tuple[Event, ...]] = {}
    for opening in watching.openings:
        so_far = opening.start_revision - 1 if opening.start_revision else None
        for batch in opening.batches:
            if so_far is None:
                so_far = batch.revision
            by: dict[int, list[Event]] = {revision: [] for revision in range(so_far + 1, batch.revision + 1)}
            for event in batch.events:
                by.get(event.kv.mod_revision, []).append(event)
            told.update((revision, tuple(sorted(events, key=_name))) for revision, events in by.items())
            so_far = max(so_far, batch.revision)
    return told


def same(watch: Watch, told: Sequence[Event], due: Sequence[Event]) -> bool:
    """Whether what was told of a revision, by key, is what had to be; a previous value may be forgotten."""
    return [(event.deleted, event.kv) for event in told] == [(event.deleted, event.kv) for event in due] and not any(
        event.previous not in (None, truth.previous if watch.prev_kv else None)
        for event, truth in zip(told, due, strict=True)
    )


def check(watching: Watching, changes: Changes, forgotten: int = 0) -> int:
    """Raise ``Violation`` unless all that was told is right; the last revision up to which the watcher was told.

    0: it was told nothing yet. ``forgotten``: the highest revision that was compacted; up to it a previous value may be
    missing.
    """
    return _Told(watching, changes, forgotten).check()


def wanted(watch: Watch, event: Event) -> bool:
    """Whether a watcher asked for an event."""
    if watch.no_delete if event.deleted else watch.no_put:
        return False
    return within(event.kv.key, watch.key, watch.range_end)


def behind(watch: Watch, told: int, changes: Changes) -> Event | None:
    """The first event that a watcher who was told all up to ``told`` still waits for."""
    later = (event for revision in sorted(changes) if revision > told for event in changes[revision])
    return next((event for event in later if wanted(watch, event)), None)


class _Told:
    def __init__(self, watching: Watching, changes: Changes, forgotten: int) -> None:
        self._watching = watching
        self._watch = watching.watch
        self._changes = changes
        batches = [batch for opening in watching.openings for batch in opening.batches]
        self._forgotten = max(forgotten, *(batch.compact_revision for batch in batches), 0)
        #: Told up to here; None before anything was said.
        self._told: int | None = None
        self._resume = 0

    def check(self) -> int:
        for opening in self._watching.openings:
            self._begins(opening)
            for place, batch in enumerate(opening.batches):
                if batch.compact_revision:
                    self._ends(batch, last=place == len(opening.batches) - 1)
                elif place == 0 and batch.events:
                    self._wrong("a watch says where it begins", f"its first batch has events: {batch}")
                elif self._told is None:
                    self._told = batch.revision
                else:
                    self._hears(batch, self._told, first=place == 0)
        return self._told or 0

    def _begins(self, opening: Opening) -> None:
        """A chain of watches leaves nothing out: that is the watcher's own part."""
        start = opening.start_revision
        expected = self._resume or (self._watch.start_revision if self._told is None else self._told + 1)
        if start != expected:
            self._wrong("a watcher resumes after what it heard", f"it asked from {start} on, not from {expected}")
        self._resume = 0
        self._told = start - 1 if start else None

    def _ends(self, batch: WatchBatch, *, last: bool) -> None:
        """What it asked for is forgotten: so it must not have been told yet, and nothing follows."""
        if batch.events or not last:
            self._wrong("a forgotten watch ends", f"{batch} and more")
        if self._told is not None and batch.compact_revision <= self._told + 1:
            self._wrong("a forgotten watch ends", f"{batch}; it had asked for {self._told + 1} and later")
        self._resume = batch.compact_revision

    def _hears(self, batch: WatchBatch, so_far: int, *, first: bool) -> None:
        if batch.revision < so_far:
            # Whoever asks for what is yet to come is told so; nobody is told twice.
            if batch.events or not first:
                self._wrong("a watch never goes back", f"{batch} after revision {so_far}")
            return
        due = [
            event
            for revision in range(so_far + 1, batch.revision + 1)
            for event in self._changes.get(revision, ())
            if wanted(self._watch, event)
        ]
        told = list(batch.events)
        revisions = [event.kv.mod_revision for event in told]
        if revisions != sorted(revisions):
            self._wrong("in order", f"revisions {revisions} in one batch")
        names = [_name(event) for event in told]
        if len(set(names)) < len(names):
            self._wrong("each event once", f"twice in one batch: {batch}")
        for event in told:
            if not wanted(self._watch, event):
                self._wrong("filters", f"not asked for: {event}")
            if event.kv.mod_revision <= so_far:
                self._wrong("each event once", f"told up to {so_far}, and then {event}")
            if event.kv.mod_revision > batch.revision:
                self._wrong("whole revisions", f"a batch up to {batch.revision} has {event}")
        truth = {_name(event): event for event in due}
        missing = [event for name, event in truth.items() if name not in names]
        if missing:
            partly = {event.kv.mod_revision for event in missing} & set(revisions)
            rule = "whole revisions" if partly else "nothing is missed"
            self._wrong(rule, f"up to {batch.revision} it should have been told {missing[0]}")
        for event in told:
            self._right(event, truth.get(_name(event)))
        self._told = batch.revision

    def _right(self, event: Event, truth: Event | None) -> None:
        if truth is None:
            self._wrong("nothing is invented", f"never happened: {event}")
            return
        if (event.deleted, event.kv) != (truth.deleted, truth.kv):
            self._wrong("nothing is invented", f"{event}; it was {truth}")
        previous = truth.previous if self._watch.prev_kv else None
        if event.previous == previous:
            return
        if event.previous is None and event.kv.mod_revision <= self._forgotten:
            return
        self._wrong("previous values", f"{event}; before it was {previous}")

    def _wrong(self, rule: str, text: str) -> None:
        raise Violation(rule, f"{self._watching.watcher} ({self._watch}): {text}")


def _name(event: Event) -> tuple[int, bytes]:
    kv: KeyValue = event.kv
    return kv.mod_revision, kv.key
