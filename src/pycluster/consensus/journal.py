"""The log, term, vote and promise in memory, the disk's progress behind them, and the messages that wait for it.

Invariants: tokens rise by one; a token covers everything noted before it; ``durable_index`` never exceeds the last
index; what was truncated is not durable, whatever the disk reports later; nothing is folded away that is not in a
durable snapshot; the newest configuration is known however much was folded.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable

from pycluster.consensus.effects import Persist, Send
from pycluster.consensus.log import Command, Configuration, Entry, Snapshot, Stored, Vote

#: What an entry adds to a message besides its command's bytes.
_ENTRY_BYTES = 64


class Journal:
    """One voter's log, term, vote and how long it promises, with what of it is durable."""

    def __init__(self, stored: Stored, held_max: int) -> None:
        #: What follows on ``base``, where the log in memory begins.
        self.entries: list[Entry] = list(stored.entries)
        self.base = stored.snapshot
        #: The newest state that is on the disk.
        self.snapshot = stored.snapshot
        self.vote = stored.vote
        #: The election timeout (ms) that a later life is silent for at least.
        self.promised_ms = stored.promised_ms
        self.vote_token = 0
        self.durable_index = self.last_index
        self.issued = 0
        self.durable = 0
        self.dropped = 0
        #: How long the disk lately takes, smoothed, and since when the oldest unanswered ``Persist`` waits.
        self.persist_us = 0
        #: Token, last index, since when, bytes of commands.
        self._waiting: deque[tuple[int, int, int, int]] = deque()
        #: Bytes of commands that were given to the disk and are not durable.
        self.unwritten_bytes = 0
        self._held: deque[tuple[int, Send]] = deque()
        self._held_max = held_max
        #: Those that may count again after a truncation, the newest last, with their indexes.
        self._configurations: list[tuple[int, Configuration]] = []
        #: The newest configuration in the log, committed or not (Raft §4.1): asked for with everything that happens.
        self.configuration: Configuration | None = None
        self._reconfigured: Callable[[], None] = lambda: None
        self._refound()
        self._new_vote: Vote | None = None
        self._new_promised_ms: int | None = None
        self._truncate_from: int | None = None
        self._appended: list[Entry] = []
        self._installed: Snapshot | None = None

    def follow(self, reconfigured: Callable[[], None]) -> None:
        """Tell whenever another configuration is the newest."""
        self._reconfigured = reconfigured

    @property
    def last_index(self) -> int:
        """Index of the last entry; 0 for an empty log."""
        return self.base.index + len(self.entries)

    @property
    def last_term(self) -> int:
        """Term of the last entry; 0 for an empty log."""
        return self.entries[-1].term if self.entries else self.base.term

    def term_at(self, index: int) -> int | None:
        """The entry's term; 0 before the first entry, None past the last and where it is folded away."""
        place = index - self.base.index
        if place == 0:
            return self.base.term
        return self.entries[place - 1].term if 0 < place <= len(self.entries) else None

    def between(self, first: int, last: int) -> tuple[Entry, ...]:
        """The entries ``first`` to ``last``, none of them folded away."""
        assert first > self.base.index
        return tuple(self.entries[first - 1 - self.base.index : last - self.base.index])

    def slice(self, first: int, entries_max: int, bytes_max: int, upto: int | None = None) -> tuple[Entry, ...]:
        """Entries from ``first`` on, at least one where there is one, within both bounds, none past ``upto``."""
        taken: list[Entry] = []
        size = 0
        for entry in self.between(first, min(first - 1 + entries_max, upto or self.last_index)):
            size += _weight(entry)
            if taken and size > bytes_max:
                break
            taken.append(entry)
        return tuple(taken)

    def foldable(self, index: int, entries_max: int, bytes_max: int) -> int:
        """Up to where to fold so that what stays of the entries up to ``index`` keeps within both bounds."""
        size = 0
        for entry in reversed(self.between(max(index - entries_max, self.base.index) + 1, index)):
            size += _weight(entry)
            if size > bytes_max:
                return entry.index
        return index - entries_max

    def first_index_of(self, term: int) -> int:
        """Index of the first entry whose term is at least ``term``, of those not folded away; or past the end."""
        return self.base.index + bisect_left(self.entries, term, key=lambda entry: entry.term) + 1

    def up_to_date(self, last_index: int, last_term: int) -> bool:
        """Whether a log that ends so is at least as up-to-date as this one (Raft §5.4.1)."""
        return (last_term, last_index) >= (self.last_term, self.last_index)

    @property
    def configuration_index(self) -> int:
        """Where the newest configuration stands; 0 without one."""
        return self._configurations[-1][0] if self._configurations else 0

    @property
    def previous_configuration(self) -> Configuration | None:
        """What the newest configuration took the place of, and falls back to."""
        return self._configurations[-2][1] if len(self._configurations) > 1 else None

    def snapshot_at(self, index: int) -> Snapshot:
        """What a snapshot of the state after the entry at ``index``, not folded away, says of the log."""
        term = self.term_at(index)
        assert term is not None
        at, configuration = max((known for known in self._configurations if known[0] <= index), default=(0, None))
        return Snapshot(index, term, configuration, at)

    def _refound(self) -> None:
        """The configurations of the base and of what follows on it."""
        base = self.base
        folded = [] if base.configuration is None else [(base.configuration_index, base.configuration)]
        own = [(one.index, one.payload) for one in self.entries if isinstance(one.payload, Configuration)]
        self._configurations = folded + own
        self._choose()

    def _choose(self) -> None:
        newest = self._configurations[-1][1] if self._configurations else None
        if newest is not self.configuration:
            self.configuration = newest
            self._reconfigured()

    # What is to become durable. ``flush`` makes one ``Persist`` of it at the end of a ``handle``.

    def set_vote(self, vote: Vote) -> None:
        """Change term or vote; everything sent from now on waits until the disk has it."""
        self.vote = self._new_vote = vote
        self.vote_token = self.token

    def set_promised(self, promised_ms: int) -> None:
        """Promise for that long from now on; everything sent waits for the disk where it is longer than before."""
        longer = promised_ms > self.promised_ms
        self.promised_ms = self._new_promised_ms = promised_ms
        if longer:
            self.vote_token = self.token

    def append(self, entries: tuple[Entry, ...]) -> None:
        """Append entries that follow the last one."""
        for place, entry in enumerate(entries, self.last_index + 1):
            assert entry.index == place, "a log has no holes"
            self.entries.append(entry)
            if isinstance(entry.payload, Configuration):
                self._configurations.append((entry.index, entry.payload))
                self._choose()
        self._appended.extend(entries)

    def truncate_from(self, index: int) -> None:
        """Drop the entry at ``index`` and all after it."""
        assert not self._appended, "one Persist truncates before it appends"
        assert index > self.base.index, "what is folded away is committed"
        del self.entries[index - 1 - self.base.index :]
        while self._configurations and self._configurations[-1][0] >= index:
            self._configurations.pop()
        self._choose()
        self._truncate_from = index if self._truncate_from is None else min(index, self._truncate_from)
        self.durable_index = min(self.durable_index, index - 1)
        self._waiting = deque((token, min(last, index - 1), since, size) for token, last, since, size in self._waiting)

    # The state takes the log's place.

    def saved(self, index: int, fold_to: int) -> None:
        """The state after the entry at ``index`` is on the disk: fold what comes up to ``fold_to``, not beyond it."""
        if index <= self.snapshot.index:
            return
        self.snapshot = self.snapshot_at(index)
        base_index = min(index, max(fold_to, self.base.index))
        base = self.snapshot_at(base_index)
        del self.entries[: base_index - self.base.index]
        self.base = base
        self._refound()

    def install(self, snapshot: Snapshot) -> None:
        """The leader's state takes this log's place; what follows on it stays (Raft §5.1, figure 5.3)."""
        assert not self._appended and self._truncate_from is None, "one Persist does one or the other"
        keeps = self.term_at(snapshot.index) == snapshot.term
        kept = self.between(snapshot.index + 1, self.last_index) if keeps else ()
        self.base = self.snapshot = self._installed = snapshot
        self.entries = list(kept)
        self._refound()
        if not keeps:  # what was written before is of another log
            self.durable_index = 0
            self._waiting = deque((token, 0, since, size) for token, _, since, size in self._waiting)

    @property
    def token(self) -> int:
        """The token that covers everything noted so far, pending or issued."""
        return self.issued + 1 if self._pending else self.issued

    @property
    def _pending(self) -> bool:
        voted = self._new_vote is not None or self._new_promised_ms is not None
        logged = self._truncate_from is not None or bool(self._appended) or self._installed is not None
        return voted or logged

    def flush(self, now_us: int) -> Persist | None:
        """What must become durable since the last call, under the next token."""
        if not self._pending:
            return None
        self.issued += 1
        appended = tuple(self._appended)
        persist = Persist(
            self.issued, self._new_vote, self._truncate_from, appended, self._new_promised_ms, self._installed
        )
        size = sum([len(entry.payload.data) for entry in appended if isinstance(entry.payload, Command)])
        self.unwritten_bytes += size
        self._waiting.append((self.issued, self.last_index, now_us, size))
        self._new_vote, self._new_promised_ms, self._truncate_from, self._appended = None, None, None, []
        self._installed = None
        return persist

    def persisted(self, token: int, now_us: int) -> list[Send]:
        """The disk reports; gives back the messages that waited for it, in order."""
        while self._waiting and self._waiting[0][0] <= token:
            number, last, since_us, size = self._waiting.popleft()
            self.unwritten_bytes -= size
            self.durable = number
            self.durable_index = max(self.durable_index, last)
            self.persist_us = (3 * self.persist_us + now_us - since_us) // 4
        released: list[Send] = []
        while self._held and self._held[0][0] <= self.durable:
            released.append(self._held.popleft()[1])
        return released

    def hold(self, send: Send, token: int) -> None:
        """Keep ``send`` back until ``token`` is durable; held messages stay in order."""
        if len(self._held) >= self._held_max:
            self._held.popleft()
            self.dropped += 1
        self._held.append((max(token, self._held[-1][0] if self._held else 0), send))

    @property
    def slow_since_us(self) -> int | None:
        """Since when the oldest ``Persist`` waits for its answer."""
        return self._waiting[0][2] if self._waiting else None


def _weight(entry: Entry) -> int:
    return _ENTRY_BYTES + (len(entry.payload.data) if isinstance(entry.payload, Command) else 0)
