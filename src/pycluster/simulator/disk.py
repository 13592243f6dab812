"""A host's disk: what the log and the identity become after a crash, what was acknowledged and maybe more."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random

import msgspec

from pycluster.consensus import Entry, Snapshot, Stored, Vote
from pycluster.kernel.ids import Identity, Seed, new_uuid
from pycluster.kernel.units import MILLISECOND
from pycluster.node.effects import KeepPiece, Persist, RecordActing
from pycluster.node.view import ActingInterval


class _Content(msgspec.Struct, frozen=True):
    """What a disk holds."""

    incarnation: int
    vote: Vote
    promised_ms: int
    entries: tuple[Entry, ...]
    snapshot: Snapshot
    pieces: tuple[bytes, ...]


class Disk:
    """Transactions become durable in the order in which they were asked for.

    A crash keeps everything acknowledged and a random prefix of what was not. Of a transaction whose writing was torn
    nothing remains: the journal's checksum gives it away. Where only the process died, that prefix was written and not
    synced: the next one reads it, and has to make it durable at its start. Otherwise it goes with the machine's power,
    and with it all that was written behind it: after a sync that failed, later ones leave a hole.

    ``entries`` are the whole log, what a snapshot covers included, so that the checkers can compare it; a process that
    starts is given what follows on the snapshot. ``history`` gives the committed entries up to an index, for a snapshot
    that came from a leader.
    """

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._free_us = 0
        #: Least and additional latency of one transaction; with ``stall_chance``, ``stall_us`` more.
        self.least_us = 200
        self.spread_us = 2 * MILLISECOND
        self.stall_chance = 0.002
        self.stall_us = 40 * MILLISECOND
        #: The next transaction fails, and with it the process.
        self.failing = False
        self.history: Callable[[int], list[Entry]] = lambda index: []
        self._format()

    def _format(self) -> None:
        self.uuid = new_uuid(self._rng)
        self.incarnation = 0
        self.vote = Vote()
        self.promised_ms = 0
        self.entries: list[Entry] = []
        self.snapshot = Snapshot()
        self.pieces: tuple[bytes, ...] = ()
        self._drafts: dict[str, list[bytes]] = {}
        self.pending: deque[Persist | KeepPiece] = deque()
        #: Where a process left something unsynced: what would be there after a loss of power.
        self._synced: _Content | None = None
        self.acting: list[ActingInterval] = []
        self.seats: tuple[Seed, ...] = ()

    @property
    def free_us(self) -> int:
        """When all that was asked for until now is durable, true µs."""
        return self._free_us

    def accept(self, request: Persist | KeepPiece, now_us: int) -> int:
        """Queue a transaction, or a piece of a snapshot; when it will be durable, true µs."""
        self.pending.append(request)
        latency_us = self.least_us + int(self._rng.random() * self.spread_us)
        if self._rng.random() < self.stall_chance:
            latency_us += self.stall_us
        self._free_us = max(self._free_us, now_us) + latency_us
        return self._free_us

    def commit(self) -> Persist | KeepPiece:
        """The oldest that is queued becomes durable now."""
        request = self.pending.popleft()
        if isinstance(request, Persist):
            self._apply(request)
        else:
            self._keep(request)
        return request

    def crash(self, *, power: bool = False) -> None:
        """The process or the machine dies: some of what nobody was told to be durable is there, the rest is not."""
        kept = self._rng.randint(0, len(self.pending))
        if power and self._synced is not None:
            self._become(self._synced)
            self._synced, kept = None, 0
        elif kept and not power:
            self._synced = self._synced or self._content()
        for _ in range(kept):
            self.commit()
        self.pending.clear()
        self._drafts.clear()
        self._free_us = 0

    def open(self) -> None:
        """A process starts: what an earlier one left unsynced is made durable before it is believed."""
        self._synced = None

    def _content(self) -> _Content:
        entries = tuple(self.entries)
        return _Content(self.incarnation, self.vote, self.promised_ms, entries, self.snapshot, self.pieces)

    def _become(self, content: _Content) -> None:
        self.incarnation, self.vote, self.promised_ms = content.incarnation, content.vote, content.promised_ms
        self.entries, self.snapshot, self.pieces = list(content.entries), content.snapshot, content.pieces

    def record_acting(self, record: RecordActing) -> None:
        """Keep an acting interval beside the log, as the runtime does across a crash of the process."""
        interval = ActingInterval(record.term, record.since_us, record.until_us, record.reason)
        if self.acting and (self.acting[-1].term, self.acting[-1].started_us) == (record.term, record.since_us):
            self.acting.pop()
        self.acting.append(interval)

    def keep_seats(self, seats: tuple[Seed, ...]) -> None:
        """Where the voters are."""
        self.seats = seats

    def wipe(self) -> None:
        """A new, empty disk in the old one's place."""
        self._format()

    def identity(self, name: str) -> Identity:
        """Who the next process on this disk is."""
        return Identity(name, self.uuid, self.incarnation)

    def stored(self) -> Stored:
        """What the next process on this disk finds."""
        return Stored(self.vote, tuple(self.entries[self.snapshot.index :]), self.promised_ms, self.snapshot)

    def believed(self) -> list[Entry]:
        """The log with everything that was asked for, durable or not yet: what the core goes by."""
        entries = list(self.entries)
        for request in self.pending:
            if isinstance(request, Persist):
                self._change(entries, request)
        return entries

    def _keep(self, piece: KeepPiece) -> None:
        if piece.number == 0:
            self._drafts[piece.origin] = []
        self._drafts[piece.origin].append(piece.data)
        if piece.done and piece.origin == "own" and piece.snapshot.index > self.snapshot.index:
            self.snapshot, self.pieces = piece.snapshot, tuple(self._drafts.pop("own"))

    def _apply(self, request: Persist) -> None:
        if request.incarnation is not None:
            self.incarnation = request.incarnation
        if request.vote is not None:
            self.vote = request.vote
        if request.promised_ms is not None:
            self.promised_ms = request.promised_ms
        self._change(self.entries, request)
        if request.snapshot is not None:
            self.snapshot, self.pieces = request.snapshot, tuple(self._drafts.pop("received"))

    def _change(self, entries: list[Entry], request: Persist) -> None:
        if request.truncate_from is not None:
            while entries and entries[-1].index >= request.truncate_from:
                entries.pop()
        if request.snapshot is not None:
            index = request.snapshot.index
            goes_on = len(entries) >= index and entries[index - 1].term == request.snapshot.term
            entries[:] = self.history(index) + (entries[index:] if goes_on else [])
        entries.extend(request.entries)
