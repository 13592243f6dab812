"""The log, term, vote and promise in memory, the disk's progress behind them, and the messages that wait for it.

Invariants: tokens rise by one; a token covers everything noted before it; ``durable_index`` never exceeds the last
index; what was truncated is not durable, whatever the disk reports later.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque

from pycluster.consensus.effects import Persist, Send
from pycluster.consensus.log import Command, Configuration, Entry, Stored, Vote

#: What an entry adds to a message besides its command's bytes.
_ENTRY_BYTES = 64


class Journal:
    """One voter's log, term, vote and how long it promises, with what of it is durable."""

    def __init__(self, stored: Stored, held_max: int) -> None:
        self.entries: list[Entry] = list(stored.entries)
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
        self._waiting: deque[tuple[int, int, int]] = deque()
        self._held: deque[tuple[int, Send]] = deque()
        self._held_max = held_max
        self._configurations = [e.index for e in self.entries if isinstance(e.payload, Configuration)]
        #: The newest configuration in the log, committed or not (Raft §4.1).
        self.configuration: Configuration | None = None
        self._read_configuration()
        self._new_vote: Vote | None = None
        self._new_promised_ms: int | None = None
        self._truncate_from: int | None = None
        self._appended: list[Entry] = []

    @property
    def last_index(self) -> int:
        """Index of the last entry; 0 for an empty log."""
        return len(self.entries)

    @property
    def last_term(self) -> int:
        """Term of the last entry; 0 for an empty log."""
        return self.entries[-1].term if self.entries else 0

    def term_at(self, index: int) -> int | None:
        """The entry's term; 0 before the first entry, None past the last."""
        if index == 0:
            return 0
        return self.entries[index - 1].term if 0 < index <= len(self.entries) else None

    def slice(self, first: int, entries_max: int, bytes_max: int, upto: int | None = None) -> tuple[Entry, ...]:
        """Entries from ``first`` on, at least one where there is one, within both bounds, none past ``upto``."""
        taken: list[Entry] = []
        size = 0
        for entry in self.entries[first - 1 : min(first - 1 + entries_max, upto or self.last_index)]:
            size += _ENTRY_BYTES + (len(entry.payload.data) if isinstance(entry.payload, Command) else 0)
            if taken and size > bytes_max:
                break
            taken.append(entry)
        return tuple(taken)

    def first_index_of(self, term: int) -> int:
        """Index of the first entry whose term is at least ``term``; past the end where there is none."""
        return bisect_left(self.entries, term, key=lambda entry: entry.term) + 1

    def up_to_date(self, last_index: int, last_term: int) -> bool:
        """Whether a log that ends so is at least as up-to-date as this one (Raft §5.4.1)."""
        return (last_term, last_index) >= (self.last_term, self.last_index)

    @property
    def configuration_index(self) -> int:
        """Where the newest configuration stands; 0 without one."""
        return self._configurations[-1] if self._configurations else 0

    @property
    def previous_configuration(self) -> Configuration | None:
        """What the newest configuration took the place of, and falls back to."""
        if len(self._configurations) < 2:
            return None
        payload = self.entries[self._configurations[-2] - 1].payload
        assert isinstance(payload, Configuration)
        return payload

    def _read_configuration(self) -> None:
        """After every change of the log."""
        index = self.configuration_index
        payload = self.entries[index - 1].payload if index else None
        assert payload is None or isinstance(payload, Configuration)
        self.configuration = payload

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
        for entry in entries:
            assert entry.index == self.last_index + 1, "a log has no holes"
            self.entries.append(entry)
            if isinstance(entry.payload, Configuration):
                self._configurations.append(entry.index)
        self._appended.extend(entries)
        self._read_configuration()

    def truncate_from(self, index: int) -> None:
        """Drop the entry at ``index`` and all after it."""
        assert not self._appended, "one Persist truncates before it appends"
        del self.entries[index - 1 :]
        while self._configurations and self._configurations[-1] >= index:
            self._configurations.pop()
        self._read_configuration()
        self._truncate_from = index if self._truncate_from is None else min(index, self._truncate_from)
        self.durable_index = min(self.durable_index, index - 1)
        self._waiting = deque((token, min(last, index - 1), since) for token, last, since in self._waiting)

    @property
    def token(self) -> int:
        """The token that covers everything noted so far, pending or issued."""
        return self.issued + 1 if self._pending else self.issued

    @property
    def _pending(self) -> bool:
        voted = self._new_vote is not None or self._new_promised_ms is not None
        return voted or self._truncate_from is not None or bool(self._appended)

    def flush(self, now_us: int) -> Persist | None:
        """What must become durable since the last call, under the next token."""
        if not self._pending:
            return None
        self.issued += 1
        appended = tuple(self._appended)
        persist = Persist(self.issued, self._new_vote, self._truncate_from, appended, self._new_promised_ms)
        self._waiting.append((self.issued, self.last_index, now_us))
        self._new_vote, self._new_promised_ms, self._truncate_from, self._appended = None, None, None, []
        return persist

    def persisted(self, token: int, now_us: int) -> list[Send]:
        """The disk reports; gives back the messages that waited for it, in order."""
        while self._waiting and self._waiting[0][0] <= token:
            number, last, since_us = self._waiting.popleft()
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
