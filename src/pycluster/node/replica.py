"""This node's copy of the replicated state: what is committed is applied in order, and who asked is answered.

Only the leader takes requests; it answers a write when it is applied here and a read when a quorum has confirmed that
it leads (Raft §6.4). Nothing here rests on the lease: two leaders never commit, so a new one takes requests at once.

Invariants: every entry is applied once, in order; a write is answered with what applying it gave, or with "outcome
unknown"; a read is answered from a state that has everything that was committed when it came; time enters the state
through the log alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import assert_never

import msgspec

from pycluster import consensus, store
from pycluster.consensus import Command, CommandFailed, Entry, PieceWanted, Raft, Snapshot
from pycluster.kernel.bounded import UNREADABLE
from pycluster.kernel.units import MILLISECOND, earlier
from pycluster.node.config import StateParams
from pycluster.node.effects import Halt
from pycluster.node.outbox import Outbox
from pycluster.node.pending import Answer, Asker, WriteName, Written, name_of
from pycluster.node.retention import Retention
from pycluster.node.supply import Supply
from pycluster.node.watchers import Watchers
from pycluster.store import RETRYABLE, Failure, Lessor, Range, Store, Write
from pycluster.wire import WatchPoll

_decode = msgspec.msgpack.Decoder(store.Command).decode
_encode = msgspec.msgpack.Encoder().encode
#: Leases whose end is proposed at once.
_EXPIRED_AT_ONCE = 64
#: Whoever asked asks again after these; after ``no-space`` where it has sent copies.
_RETRIED = RETRYABLE | {"no-space"}
#: What an entry costs beside its command, in memory and on the disk.
_ENTRY_BYTES = 256


class Replica:
    """The state on a node that holds it; ``answer`` carries every answer out."""

    def __init__(
        self,
        params: StateParams,
        state: Store,
        bounds: store.Params,
        raft: Raft,
        outbox: Outbox,
        drive: Callable[[consensus.Event], None],
        answer: Callable[[Asker, Answer], None],
    ) -> None:
        self._params = params
        self._bounds = bounds
        self._raft = raft
        self._outbox = outbox
        self._drive = drive
        self._answer = answer
        self._now = 0
        self.store = state
        self.watchers = Watchers(params, state, outbox)
        self.lessor = Lessor(state)
        self._retention = Retention(params)
        self.supply = Supply(bounds, state.revision, raft, outbox, drive)
        #: The last entry that the state contains.
        self.applied = raft.commit_index
        self._leading = False
        #: What the ``Propose`` under way came to.
        self._proposal: tuple[int, int] | Failure = Failure("no-leader")
        #: Writes and reads of this turn, not yet told to consensus.
        self._queued: list[tuple[bytes, Written]] = []
        self._asked: list[tuple[store.Query, Asker]] = []
        self._writes: dict[int, Written] = {}
        #: Those of them that have a request ID; and how many wait for one that was under way when they came.
        self._named: dict[WriteName, Written] = {}
        self._joined = 0
        self._coming_bytes = 0
        #: What was applied as a refusal, by whoever asked: as many as may be under way at once, the newest.
        self._refused: dict[Asker, Failure] = {}
        #: Where the end of a lease stands in the log, and in which term.
        self._ending: dict[int, tuple[int, int]] = {}
        #: Reads that wait for one round, by its number; and how many wait in all.
        self._reads: dict[int, list[tuple[store.Query, Asker]]] = {}
        self._reading = 0
        self._number = 0
        self._tidying = False
        self._since_bytes = 0
        self._slice_us = 0
        self._turn = 0

    def at(self, now_us: int) -> None:
        """It is ``now_us``."""
        self._now = now_us

    # --- requests -------------------------------------------------------------------------------------------------

    def take(self, request: store.Request | WatchPoll, request_id: bytes, asker: Asker) -> None:
        """Answer ``asker``, now or later; with a failure that may be retried where this node does not lead."""
        if isinstance(request, WatchPoll):
            self.watchers.poll(request, partial(self._answer, asker), self._now)
        elif isinstance(request, Range) and request.serializable:
            self._answer(asker, self.store.range(request))
        elif self.under_way >= self._params.requests_max:
            self._answer(asker, self.failure("overloaded", "too many requests are under way"))
        elif isinstance(request, store.Query):
            self._asked.append((request, asker))
            self._reading += 1
        else:
            name = name_of(request_id, request)
            if not self._joins(name, asker):
                self._queue(request, request_id, name, asker)

    def _queue(self, write: Write, request_id: bytes, name: WriteName | None, asker: Asker) -> None:
        """It goes into the log with this turn. A retry of what was applied has its answer, whatever holds by now."""
        known = self._refused.get(asker) or self.store.again(request_id, write)
        answer = known or self.store.check(write, self._coming_bytes)
        if answer is not None:
            self._answer(asker, answer)
            return
        data = _encode(store.Command(request_id, write))
        size = len(data) + self.store.copied_bytes(write)
        ends = write.id if isinstance(write, store.LeaseRevoke) else 0
        written = Written(name, [asker], size, ends)
        self._queued.append((data, written))
        self._coming_bytes += size
        if name is not None:
            self._named[name] = written

    def _joins(self, name: WriteName | None, asker: Asker) -> bool:
        """Whether it is under way: a second copy could be applied after whoever asked was told that it is refused."""
        written = None if name is None else self._named.get(name)
        if written is None:
            return False
        if asker not in written.askers:
            written.askers.append(asker)
            self._joined += 1
        return True

    def flush(self) -> None:
        """What came with one turn goes to consensus together: one write to the disk, one round of heartbeats."""
        if self._queued:
            queued, self._queued = self._queued, []
            outcome = self._propose([data for data, _ in queued])
            if not isinstance(outcome, Failure) and self._raft.leader != self._raft.name:
                # Its very entry showed that no quorum is there: ``led`` came and went before it could be booked.
                outcome = self.failure("outcome-unknown", "leadership was lost before it was committed")
            if isinstance(outcome, Failure):
                for _, written in queued:
                    self._done(written, outcome)
            else:
                index, term = outcome
                assert index > self.applied, "a commit waits for the disk"
                for place, (_, written) in enumerate(queued, index):
                    written.term = term
                    self._writes[place] = written
                    if written.ends:
                        self._ending[written.ends] = place, term
        if self._asked:
            self._number += 1
            self._reads[self._number], self._asked = self._asked, []
            self._drive(consensus.ReadIndex(self._number))

    def _propose(self, commands: Sequence[bytes]) -> tuple[int, int] | Failure:
        self._proposal = self.failure("no-leader", "this node cannot propose anything")
        first, *more = commands
        self._drive(consensus.Propose(first, tuple(more)))
        return self._proposal

    def _propose_own(self, write: Write) -> tuple[int, int] | Failure:
        """Something that nobody asked for; where it is lost it comes again."""
        return self._propose([_encode(store.Command(b"", write))])

    def _done(self, written: Written, answer: store.Result) -> None:
        """Whoever asked for it is told."""
        self._coming_bytes -= written.size
        self._joined -= len(written.askers) - 1
        if written.name is not None and self._named.get(written.name) is written:
            del self._named[written.name]
        for asker in written.askers:
            self._answer(asker, answer)

    @property
    def under_way(self) -> int:
        """Requests that are not answered yet."""
        return len(self._writes) + len(self._queued) + self._joined + self._reading

    def failure(self, kind: store.FailureKind, detail: str) -> Failure:
        """With where this replica stands."""
        return Failure(kind, detail, self.store.revision, self.store.compact_revision)

    # --- what consensus says ----------------------------------------------------------------------------------------

    def proposed(self, index: int, term: int) -> None:
        """The proposal under way stands in the log."""
        self._proposal = index, term

    def not_proposed(self, why: CommandFailed) -> None:
        """It does not."""
        leads = self._raft.leader == self._raft.name
        self._proposal = self.failure("overloaded" if leads else "no-leader", why.why)

    def committed(self, entries: tuple[Entry, ...]) -> None:
        """Apply them."""
        for entry in entries:
            self.applied = entry.index
            self._since_bytes += _ENTRY_BYTES
            if isinstance(entry.payload, Command) and not self._apply(entry, entry.payload):
                return
        self._fold()

    def _apply(self, entry: Entry, payload: Command) -> bool:
        self._since_bytes += len(payload.data)
        try:
            command = _decode(payload.data)
        except UNREADABLE as error:
            self._outbox.append(
                Halt(
                    f"entry {entry.index} of the log is a command that this version does not understand ({error});"
                    " nothing of it was applied here; run the version that the other voters run, or a later one"
                )
            )
            return False
        applied = self.store.apply(command)
        self.watchers.publish(applied)
        if not isinstance(command.write, store.Put):
            self._settle_lease(command.write, applied.result)
        written = self._writes.pop(entry.index, None)
        if written is not None:
            replaced = written.term != entry.term
            lost = self.failure("outcome-unknown", "another leader's entry took its place") if replaced else None
            self._done(written, lost or applied.result)
            if isinstance(applied.result, Failure) and not replaced:
                self._refuse(written.askers, applied.result)
        return True

    def _refuse(self, askers: list[Asker], why: Failure) -> None:
        """A copy of it may be on its way here still, and must not be applied after whoever asked was told this."""
        if why.kind not in _RETRIED:
            self._refused.update(dict.fromkeys(askers, why))
            while len(self._refused) > self._params.requests_max:
                del self._refused[next(iter(self._refused))]

    def _settle_lease(self, write: Write, result: store.Result) -> None:
        if isinstance(write, store.LeaseRevoke):
            self._ending.pop(write.id, None)
        match result:
            case store.LeaseGrantResult(_, number, _):
                self.lessor.granted(number, self._now)
            case store.LeaseRevokeResult():
                assert isinstance(write, store.LeaseRevoke)
                self.lessor.revoked(write.id)
            case store.CompactResult():
                self._tidying = True

    def piece_wanted(self, wanted: PieceWanted) -> None:
        """A follower needs the state itself."""
        self.supply.wanted(wanted, self.store, self.applied)

    def read_ready(self, token: int) -> None:
        """A quorum confirmed; everything that was committed when the reads came is applied."""
        reads = self._reads.pop(token)
        self._reading -= len(reads)
        for request, asker in reads:
            self._answer(asker, self._read(request))

    def _read(self, request: store.Query) -> store.Result:
        match request:
            case Range():
                return self.store.range(request)
            case store.LeaseKeepAlive(number):
                return store.LeaseKeepAliveResult(self.store.revision, number, self.lessor.renew(number, self._now))
            case store.LeaseTimeToLive(number, keys):
                left_s = self.lessor.remaining_s(number, self._now)
                attached = self.store.attached(number) if keys else ()
                granted_s = self.store.granted_ttl_s(number)
                return store.LeaseTimeToLiveResult(self.store.revision, number, left_s, granted_s, attached)
            case store.LeaseList():
                return store.LeaseListResult(self.store.revision, self.store.lease_ids())
            case _:
                assert_never(request)

    def read_refused(self, token: int, why: str) -> None:
        """This node does not lead, or too many wait."""
        reads = self._reads.pop(token)
        self._reading -= len(reads)
        failure = self.failure("overloaded" if why == "overloaded" else "no-leader", self._raft.reason)
        for _, asker in reads:
            self._answer(asker, failure)

    def led(self) -> None:
        """Who leads may have changed."""
        leading = self._raft.leader == self._raft.name
        if leading == self._leading:
            return
        self._leading = leading
        if leading:
            self.lessor.promote(self._now)
            return
        self.lessor.demote()
        self._retention.forget()
        self.supply.end()
        self._ending.clear()
        self._refused.clear()
        waiting, self._writes = self._writes, {}
        for written in waiting.values():
            self._done(written, self.failure("outcome-unknown", "leadership was lost before it was committed"))

    def saved(self, index: int) -> None:
        """Our own snapshot is durable: the log may be folded."""
        self.supply.saved(index)

    def installed(self, snapshot: Snapshot) -> None:
        """The leader's state takes this one's place."""
        self.store = self.supply.received(snapshot)
        self.applied, self._since_bytes = snapshot.index, 0
        self.lessor = Lessor(self.store)
        self.watchers.move(self.store)

    # --- in slices --------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Whatever is due, one slice of whatever takes long."""
        self.watchers.tick(self._now)
        if self._leading:
            if self.supply.sends:
                self.supply.caught_up(self._raft.installing)
            self._expire()
        if self._now < self._slice_us or not self._busy:
            return
        self._slice_us = self._now + self._params.slice_pause_ms * MILLISECOND
        self._slice()

    def _slice(self) -> None:
        """One of what is due, each kind in its turn: whoever always has more to do keeps nobody else waiting."""
        due = self.watchers.behind, self.supply.writes, self._tidies
        self._turn = next(turn % 3 for turn in range(self._turn + 1, self._turn + 4) if due[turn % 3])
        if self._turn == 0:
            self.watchers.catch_up()
        elif self._turn == 1:
            self.supply.save_next()
        else:
            self._tidying = self.store.tidy()

    def next_deadline(self) -> int | None:
        """When ``tick`` is due."""
        due = self.watchers.next_deadline()
        if self._busy:
            due = earlier(due, self._slice_us)
        if self._leading:
            due = earlier(due, earlier(self.lessor.next_deadline(), self._retention.next_us))
        return due

    @property
    def _busy(self) -> bool:
        return self._tidies or self.watchers.behind or self.supply.writes

    @property
    def _tidies(self) -> bool:
        """Nothing is removed of what a snapshot on its way may need."""
        return self._tidying and not self.store.writers

    def _expire(self) -> None:
        for number in self.lessor.expired(self._now, _EXPIRED_AT_ONCE):
            self._end(number)
        revision = self._retention.due(self._now, self.store)
        if revision is not None:
            self._propose_own(store.Compact(revision))

    def _end(self, lease: int) -> None:
        """Once: a second revocation could meet the lease that was granted under that number after the first."""
        index, term = self._ending.get(lease, (0, 0))
        if index > self.applied and term == self._raft.term:
            return
        outcome = self._propose_own(store.LeaseRevoke(lease, expired=True))
        if not isinstance(outcome, Failure):
            self._ending[lease] = outcome

    def _fold(self) -> None:
        least, most = self._params.snapshot_min_bytes, self._params.snapshot_max_bytes
        if self._since_bytes >= max(least, min(self.store.size_bytes // 4, most)) and not self.supply.saving:
            self._since_bytes = 0
            self.supply.save(self.store, self.applied)
            self._slice_us = self._now
