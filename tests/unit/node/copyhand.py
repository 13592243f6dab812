"""One copy of the state played by hand: the test is consensus, and reads what is answered."""

from __future__ import annotations

from typing import cast

import msgspec

from pycluster import consensus, store
from pycluster.consensus import Command, Entry, Raft, Snapshot
from pycluster.kernel.units import SECOND
from pycluster.node.config import StateParams
from pycluster.node.effects import Effect, KeepPiece
from pycluster.node.events import PieceKept
from pycluster.node.ledger import Ledger
from pycluster.node.outbox import Outbox
from pycluster.node.pending import Answer, Asker
from pycluster.node.replica import Replica
from pycluster.store import Failure, Params, Store
from pycluster.wire import Codec, WatchPoll


class FakeRaft:
    """What a copy reads of its voter."""

    name = "node001"
    leader = "node001"
    term = 1
    reason = "because the test says so"
    commit_index = 0
    installing: frozenset[str] = frozenset()
    folded = 0

    def snapshot_at(self, index: int) -> Snapshot:
        return Snapshot(index, 1)


def outbox() -> Outbox:
    made = Outbox(Codec("demo"), Ledger(()))
    made.begin(0)
    return made


class CopyHand:
    """A leader's copy; ``proposed`` waits in the log until ``commit``, reads until ``confirm``."""

    def __init__(self, params: StateParams | None = None, bounds: Params | None = None, index: int = 0) -> None:
        self.raft = FakeRaft()
        self.raft.commit_index = index
        self.outbox = outbox()
        self.bounds = bounds or Params()
        self.index = index
        self.refuses = ""
        #: The voter gives leadership up over the very proposal that it took.
        self.loses = False
        self.asked = 1_000
        self.waiting: list[Entry] = []
        self.reads: list[int] = []
        self.driven: list[consensus.Event] = []
        self.answers: list[tuple[Asker, Answer]] = []
        self.replica = Replica(
            params or StateParams(),
            Store(self.bounds),
            self.bounds,
            cast(Raft, self.raft),
            self.outbox,
            self._drive,
            lambda asker, answer: self.answers.append((asker, answer)),
        )
        self.at(0)
        self.replica.led()

    def _drive(self, event: consensus.Event) -> None:
        match event:
            case consensus.Propose(data, more):
                if self.refuses:
                    self.replica.not_proposed(consensus.CommandFailed(self.refuses, self.refuses))
                    return
                first = self.index + 1
                for one in (data, *more):
                    self.index += 1
                    self.waiting.append(Entry(self.index, self.raft.term, Command(one)))
                self.replica.proposed(first, self.raft.term)
                if self.loses:
                    self.follow("")
            case consensus.ReadIndex(token):
                self.reads.append(token)
            case _:
                self.driven.append(event)

    def at(self, now_s: float) -> None:
        self.replica.at(round(now_s * SECOND))

    def take(self, request: store.Request | WatchPoll, request_id: bytes, asker: Asker) -> None:
        """One request, and nothing else in its turn."""
        self.replica.take(request, request_id, asker)
        self.replica.flush()

    def commit(self) -> list[store.Write]:
        """What was proposed is committed; gives the writes."""
        entries, self.waiting = tuple(self.waiting), []
        self.replica.committed(entries)
        decode = msgspec.msgpack.Decoder(store.Command).decode
        return [decode(entry.payload.data).write for entry in entries if isinstance(entry.payload, Command)]

    def confirm(self) -> None:
        """A quorum says that this voter leads."""
        reads, self.reads = self.reads, []
        for token in reads:
            self.replica.read_ready(token)

    def follow(self, leader: str) -> None:
        self.raft.leader = leader
        self.replica.led()

    def write(self, request: store.Write, request_id: bytes = b"") -> Answer:
        """Asked, committed, answered; every question has a number of its own."""
        self.asked += 1
        self.take(request, request_id, self.asked)
        self.commit()
        return self.answers[-1][1]

    def read(self, request: store.Query) -> Answer:
        """Asked, confirmed, answered."""
        self.take(request, b"", 1)
        self.confirm()
        return self.answers[-1][1]

    def did(self, *, kept: bool = True) -> list[Effect]:
        """Effects since the last time; the disk has the pieces of our own among them, unless it is not quick enough."""
        did = self.outbox.taken()
        for effect in did:
            if kept and isinstance(effect, KeepPiece) and effect.origin == "own":
                self.replica.supply.kept(PieceKept("own", effect.snapshot.index, effect.number))
        return did


def kinds(hand: CopyHand) -> list[str]:
    """Of all answers, in order: what was refused by its kind, all else by its type."""
    return [answer.kind if isinstance(answer, Failure) else type(answer).__name__ for _, answer in hand.answers]
