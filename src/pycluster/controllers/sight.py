"""What one controller sees: its keys, read in pages as of one revision and then kept by watches."""

from __future__ import annotations

import msgspec

from pycluster import store
from pycluster.controllers.model import Interest


class TooMany(Exception):
    """There are more keys than a controller may see."""


class Sight:
    """The keys of ``interests``, in the order of ``next_page`` until that gives None, and then as ``told``."""

    def __init__(self, interests: tuple[Interest, ...], keys_max: int) -> None:
        self._interests = interests
        self._keys_max = keys_max
        self.keys: dict[bytes, store.KeyValue] = {}
        #: As of which revision it was read; everything up to it is in ``keys``.
        self.base = 0
        self._place = 0
        self._from = interests[0].key if interests else b""
        #: By watch: the interest's number, and up to where it was told.
        self._watches: dict[int, tuple[int, int]] = {}

    def next_page(self, limit: int) -> store.Range | None:
        """What to read next."""
        if self._place == len(self._interests):
            return None
        interest = self._interests[self._place]
        single = not interest.range_end
        keys_only = not interest.values
        return store.Range(
            self._from, interest.range_end, 0 if single else limit, revision=self.base, keys_only=keys_only
        )

    def read(self, page: store.RangeResult) -> None:
        """Take a page; raises ``TooMany``."""
        self.base = self.base or page.revision
        for kv in page.kvs:
            self._see(kv)
        if page.more and page.kvs:
            self._from = page.kvs[-1].key + b"\0"
            return
        self._place += 1
        if self._place < len(self._interests):
            self._from = self._interests[self._place].key

    def watch(self, place: int, token: int) -> store.Watch:
        """The watch that keeps interest number ``place`` as it is from now on."""
        interest = self._interests[place]
        self._watches[token] = (place, self.base)
        return store.Watch(interest.key, interest.range_end, self.base + 1)

    def told(self, token: int, batch: store.WatchBatch) -> bool:
        """Take news; whether anything changed. Raises ``TooMany``."""
        place, before = self._watches[token]
        self._watches[token] = (place, max(before, batch.revision))
        for event in batch.events:
            if event.deleted:
                self.keys.pop(event.kv.key, None)
            else:
                self._see(event.kv, self._interests[place])
        return bool(batch.events)

    @property
    def revision(self) -> int:
        """Everything up to it is in ``keys``."""
        return min((revision for _, revision in self._watches.values()), default=self.base)

    def shows(self, write: store.Put | store.DeleteRange) -> bool:
        """Whether a watch will tell of it."""
        return any(interest.has(write.key) for interest in self._interests)

    def _see(self, kv: store.KeyValue, interest: Interest | None = None) -> None:
        if len(self.keys) >= self._keys_max and kv.key not in self.keys:
            raise TooMany(f"there are more than {self._keys_max} keys to see")
        if interest is not None and not interest.values and kv.value:
            kv = msgspec.structs.replace(kv, value=b"")
        self.keys[kv.key] = kv
