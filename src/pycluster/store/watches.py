"""Who is told what, from any revision that is still kept, in order and without a gap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from pycluster.store import versions
from pycluster.store.audience import Audience
from pycluster.store.keyspace import interval
from pycluster.store.model import OPEN_END, Applied, Event, Failure, KeyValue, Watch, WatchBatch
from pycluster.store.store import Store


class _Watcher:
    """``following``: the first revision it has not been told yet."""

    __slots__ = ("following", "watch")

    def __init__(self, watch: Watch, following: int) -> None:
        self.watch = watch
        self.following = following


class Watches:
    """Live watchers are told by ``publish``, those that begin in the past by ``catch_up`` until they have caught up."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._watchers: dict[int, _Watcher] = {}
        self._audience = Audience()
        self._published = store.revision
        #: In the order of their turns.
        self._behind: dict[int, None] = {}

    @property
    def behind(self) -> bool:
        """Whether ``catch_up`` has something to do."""
        return bool(self._behind)

    def open(self, watch_id: int, watch: Watch) -> WatchBatch | Failure:
        """The first batch, without events. Where what is asked for is compacted it says so, and nothing is open."""
        revision, compact_revision = self._store.revision, self._store.compact_revision
        if not watch.key:
            watch = msgspec.structs.replace(watch, key=b"\0")
        empty = watch.range_end not in (b"", OPEN_END) and watch.range_end <= watch.key
        if empty or watch.start_revision < 0 or watch_id in self._watchers:
            reason = "the interval is empty" if empty else "a revision is not negative, and an ID is used once"
            return Failure("bad-request", reason, revision, compact_revision)
        following = watch.start_revision or revision + 1
        if following < compact_revision:
            return WatchBatch(following - 1, compact_revision=compact_revision)
        self._watchers[watch_id] = _Watcher(watch, following)
        if following <= revision:
            self._behind[watch_id] = None
        else:
            self._audience.add(watch_id, watch)
        return WatchBatch(following - 1)

    def close(self, watch_id: int) -> None:
        """It is told nothing more; closing one that is not open does nothing."""
        watcher = self._watchers.pop(watch_id, None)
        if watcher is not None and watch_id in self._behind:
            del self._behind[watch_id]
        elif watcher is not None:
            self._audience.remove(watch_id, watcher.watch)

    def replace(self, store: Store) -> None:
        """A snapshot took the store's place, at no lower a revision: everyone goes on where they were."""
        for watch_id, watcher in self._watchers.items():
            if watch_id not in self._behind:
                # Whom nothing was told lately knows all the same that nothing happened.
                watcher.following = max(watcher.following, self._published + 1)
        self._store = store
        self._published = store.revision
        self._audience = Audience()
        self._behind.clear()
        for watch_id, watcher in self._watchers.items():
            if watcher.following <= store.revision:
                self._behind[watch_id] = None
            else:
                self._audience.add(watch_id, watcher.watch)

    def publish(self, applied: Applied) -> list[tuple[int, WatchBatch]]:
        """After each ``apply``. Those who are told the same share one batch."""
        self._published = applied.revision
        if not self._watchers:
            return []
        told: dict[int, list[int]] = {}
        for place, event in enumerate(applied.events):
            for watch_id in self._audience.of(event.kv.key):
                watcher = self._watchers[watch_id]
                if applied.revision >= watcher.following and _wants(watcher.watch, event.deleted):
                    told.setdefault(watch_id, []).append(place)
        batches: dict[tuple[bool, tuple[int, ...]], WatchBatch] = {}
        result = []
        for watch_id, places in told.items():
            watcher = self._watchers[watch_id]
            watcher.following = applied.revision + 1
            key = (watcher.watch.prev_kv, tuple(places))
            if key not in batches:
                events = (applied.events[place] for place in places)
                batches[key] = WatchBatch(applied.revision, _with_previous(events, watcher.watch.prev_kv))
            result.append((watch_id, batches[key]))
        return result

    def catch_up(self) -> list[tuple[int, WatchBatch]]:
        """One slice for the one whose turn it is. It becomes live once it knows everything; one that a compaction
        overtook is told so and is closed.
        """
        if not self._behind:
            return []
        watch_id = next(iter(self._behind))
        del self._behind[watch_id]
        watcher = self._watchers[watch_id]
        if watcher.following < self._store.compact_revision:
            del self._watchers[watch_id]
            return [(watch_id, WatchBatch(watcher.following - 1, compact_revision=self._store.compact_revision))]
        events = self._past(watcher)
        if watcher.following > self._store.revision:
            self._audience.add(watch_id, watcher.watch)
        else:
            self._behind[watch_id] = None
        return [(watch_id, WatchBatch(watcher.following - 1, tuple(events)))] if events else []

    def progress(self, watch_id: int) -> WatchBatch | None:
        """Nothing happened up to now, for one that knows everything that did; None for any other."""
        watcher = self._watchers.get(watch_id)
        if watcher is None or watch_id in self._behind:
            return None
        watcher.following = max(watcher.following, self._published + 1)
        return WatchBatch(watcher.following - 1)

    def seen(self, watch_id: int) -> int:
        """The revision up to which it was told everything, or there was nothing for it."""
        return self._watchers[watch_id].following - 1

    def _past(self, watcher: _Watcher) -> list[Event]:
        """The next slice of what it missed, whole revisions."""
        entries, size = self._store.params.slice_entries, self._store.params.request_max_bytes
        start, end = interval(watcher.watch.key, watcher.watch.range_end)
        found: list[Event] = []
        while watcher.following <= self._store.revision and entries > 0 and size > 0:
            changed = self._store.history.changes(watcher.following)
            entries -= len(changed)
            for place, key in enumerate(changed):
                if key >= start and (end is None or key < end):
                    event = self._event(changed, place, watcher)
                    if event is not None:
                        found.append(event)
                        size -= len(key) + len(event.kv.value)
                        size -= len(event.previous.value) if event.previous is not None else 0
            watcher.following += 1
        return found

    def _event(self, changed: Sequence[bytes], place: int, watcher: _Watcher) -> Event | None:
        """What was made of the key at ``place``; None where the watcher does not want to know."""
        revision, key = watcher.following, changed[place]
        made = self._store.keyspace.made_by(key, revision)
        packed = made[0] if len(made) == 1 else made[changed[:place].count(key)]
        if not _wants(watcher.watch, versions.is_deletion(packed)):
            return None
        known = watcher.watch.prev_kv and revision > self._store.compacted
        before = self._store.keyspace.at(key, revision - 1) if known else None
        previous = None if before is None else versions.key_value(key, before)
        if versions.is_deletion(packed):
            return Event(True, KeyValue(key, b"", 0, revision, 0), previous)
        kv = versions.key_value(key, packed)
        return Event(False, kv, None if kv.version == 1 else previous)


def _wants(watch: Watch, deleted: bool) -> bool:
    return not (watch.no_delete if deleted else watch.no_put)


def _with_previous(events: Iterable[Event], previous: bool) -> tuple[Event, ...]:
    return tuple(event if previous or event.previous is None else Event(event.deleted, event.kv) for event in events)
