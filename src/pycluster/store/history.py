"""Which keys each revision changed, and what a compaction up to it would free."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence


class History:
    """From revision ``first`` to ``newest`` without a hole; one pointer and one number a revision.

    What a compaction frees is kept as a running sum, so that the size of the state is known at once and is the same on
    replicas that removed more and less of it.
    """

    def __init__(
        self,
        first: int = 1,
        changes: Iterable[bytes | tuple[bytes, ...]] = ((),),
        freed: Iterable[int] = (0,),
        freed_later: int = 0,
    ) -> None:
        self.first = first
        self._changes = list(changes)
        self._freed = array("q", freed)
        self._freed_later = freed_later

    @property
    def newest(self) -> int:
        """The newest revision."""
        return self.first + len(self._changes) - 1

    def append(self, keys: Sequence[bytes], freed: int, freed_later: int) -> None:
        """A revision: the keys in the order of their changes, the bytes that a compaction up to it frees, and those
        that only one past it does.
        """
        self._changes.append(keys[0] if len(keys) == 1 else tuple(keys))
        self._freed.append(self._freed[-1] + self._freed_later + freed)
        self._freed_later = freed_later

    def changes(self, revision: int) -> Sequence[bytes]:
        """The keys that ``revision`` changed, in order; one may be there twice."""
        keys = self._changes[revision - self.first]
        return (keys,) if isinstance(keys, bytes) else keys

    def since(self, revision: int) -> Iterator[bytes]:
        """The keys that were changed after ``revision``, the oldest change first; one may come many times."""
        for later in range(revision + 1, self.newest + 1):
            yield from self.changes(later)

    def freed(self, revision: int) -> int:
        """Bytes that compactions up to ``revision`` free, all together since ``first``'s beginning."""
        return self._freed[revision - self.first] if revision >= self.first else 0

    def drop(self, revision: int) -> None:
        """Nobody asks for this revision any more; its place stays until ``forget``, which is quick then."""
        self._changes[revision - self.first] = ()

    def forget(self, before: int) -> None:
        """Nobody asks for revisions before this one any more."""
        gone = before - self.first
        if gone > 0:
            del self._changes[:gone], self._freed[:gone]
            self.first = before
