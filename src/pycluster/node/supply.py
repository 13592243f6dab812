"""The state in pieces: to this node's disk, to followers whose log is folded away, and from a leader.

Invariants: what is written or sent is the state at one index, whatever happens to it meanwhile; no more is folded of
the log than a follower that is being sent the state still needs, unless it takes too long: nobody holds it for ever.
"""

from __future__ import annotations

from collections.abc import Callable

from pycluster import consensus, store
from pycluster.consensus import PieceReceived, PieceWanted, Raft, Snapshot
from pycluster.node.effects import KeepPiece
from pycluster.node.events import PieceKept
from pycluster.node.outbox import Outbox
from pycluster.node.view import SnapshotView
from pycluster.store import SnapshotDamaged, SnapshotReader, SnapshotWriter, Store

#: So many snapshots of our own are saved while one is on its way to a follower; then it begins anew. Each is of a part
#: of the log that has a bound, and that is held for the follower.
_OUTLIVED_MAX = 16


class _Sending:
    """One snapshot on its way: the last piece that was given out, and whether it was the last of all."""

    def __init__(self, state: Store, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._writer = SnapshotWriter(state)
        self._ahead = self._writer.chunk()
        self.number = -1
        self.data = b""
        self.bytes = 0
        self.done = False
        #: Snapshots of our own that became durable meanwhile.
        self.outlived = 0

    def next(self) -> None:
        """The next piece."""
        assert self._ahead is not None, "a snapshot has one piece at least, and none after the last"
        self.number, self.data = self.number + 1, self._ahead
        self.bytes += len(self.data)
        self._ahead = self._writer.chunk()
        self.done = self._ahead is None

    def goes_on(self, wanted: PieceWanted) -> bool:
        """Whether it is of this that the next piece, or the last one again, is wanted."""
        numbers = (self.number,) if self.done else (self.number, self.number + 1)
        return wanted.index == self.snapshot.index and wanted.number in numbers

    def close(self) -> None:
        """Let the state go."""
        self._writer.close()


class Supply:
    """One snapshot to the disk, one to each follower, one from the leader at a time."""

    def __init__(
        self, bounds: store.Params, revision: int, raft: Raft, outbox: Outbox, drive: Callable[[consensus.Event], None]
    ) -> None:
        """``revision``: of the snapshot on the disk."""
        #: The newest durable snapshot's; and of those that become durable next, by their index.
        self.revision = revision
        self._revisions: dict[int, int] = {}
        self._bounds = bounds
        self._raft = raft
        self._outbox = outbox
        self._drive = drive
        self._own: _Sending | None = None
        #: Pieces of our own that the disk was given and has not taken yet.
        self._unwritten = 0
        self._to: dict[str, _Sending] = {}
        self._reader: SnapshotReader | None = None
        self._read_bytes = 0
        self._received: Store | None = None

    def view(self, names: dict[str, str]) -> SnapshotView:
        """For people; ``names`` of followers by their UUIDs."""
        index = self._raft.folded
        return SnapshotView(
            index,
            self.revision if index else 0,
            saving_bytes=self._own.bytes if self._own is not None else None,
            sending={names.get(uuid, uuid): one.bytes for uuid, one in self._to.items()},
            receiving_bytes=self._read_bytes if self._reader is not None else None,
        )

    # To the disk.

    @property
    def saving(self) -> bool:
        """Whether a snapshot is being written."""
        return self._own is not None

    @property
    def writes(self) -> bool:
        """Whether the next piece may be written: of a slow disk's queue the log has the rest."""
        return self._own is not None and not self._unwritten

    def save(self, state: Store, index: int) -> None:
        """Begin to write the state as it is after the entry at ``index``."""
        self._own = _Sending(state, self._raft.snapshot_at(index))
        self._revisions[index] = state.revision

    def save_next(self) -> None:
        """One piece."""
        own = self._own
        assert own is not None
        own.next()
        self._unwritten += 1
        self._outbox.append(KeepPiece("own", own.snapshot, own.number, own.data, own.done))
        if own.done:
            own.close()
            self._own = None

    def kept(self, piece: PieceKept) -> None:
        """The disk has taken a piece: the next one may come."""
        if piece.origin == "own":
            self._unwritten -= 1
        else:
            self._drive(consensus.PieceKept(piece.index, piece.number))

    def saved(self, index: int) -> None:
        """It is durable: fold the log, as far as nobody needs it."""
        self.revision = self._revisions.pop(index, self.revision)
        for uuid, one in [*self._to.items()]:
            one.outlived += 1
            if one.outlived > _OUTLIVED_MAX:
                self._stop(uuid)  # the piece that it wants next is the first of the state as it is then
        needed = min((one.snapshot.index for one in self._to.values()), default=index)
        self._drive(consensus.StateSaved(index, needed))

    # To followers.

    @property
    def sends(self) -> bool:
        """Whether a snapshot is on its way to anybody."""
        return bool(self._to)

    def wanted(self, wanted: PieceWanted, state: Store, applied: int) -> None:
        """Give the piece that a follower needs, the last one again, or the first of the state as it is."""
        sending = self._to.get(wanted.uuid)
        if sending is None or not sending.goes_on(wanted):
            self._stop(wanted.uuid)
            sending = self._to[wanted.uuid] = _Sending(state, self._raft.snapshot_at(applied))
            sending.next()
        elif wanted.number > sending.number:
            sending.next()
        piece = sending.snapshot, sending.number, sending.data, sending.done
        self._drive(consensus.SnapshotPiece(wanted.uuid, *piece))

    def caught_up(self, uuids: frozenset[str]) -> None:
        """Only to these a snapshot is still on its way."""
        for uuid in [*self._to]:
            if uuid not in uuids:
                self._stop(uuid)

    def end(self) -> None:
        """This node leads no more."""
        self.caught_up(frozenset())

    def _stop(self, uuid: str) -> None:
        sending = self._to.pop(uuid, None)
        if sending is not None:
            sending.close()

    # From a leader.

    def take(self, piece: PieceReceived) -> None:
        """The next piece of the leader's state; with the last one, say whether all make a whole."""
        if piece.number == 0:
            self._reader, self._read_bytes = SnapshotReader(self._bounds), 0
        self._outbox.append(KeepPiece("received", piece.snapshot, piece.number, piece.data, piece.done))
        if self._reader is None:
            ok = False
        else:
            ok = self._read(self._reader, piece)
        if not ok:
            self._reader = None
        if piece.done:
            self._drive(consensus.PieceTaken(piece.snapshot, ok))
        elif piece.number == 0:
            self._received = None  # of an earlier one that nobody wanted any more

    def received(self, snapshot: Snapshot) -> Store:
        """The state that makes the whole; a snapshot of our own that is under way is of the old one."""
        if self._own is not None:
            self._own.close()
            self._own = None
        self._revisions.clear()
        received, self._received = self._received, None
        assert received is not None
        self.revision = received.revision
        return received

    def _read(self, reader: SnapshotReader, piece: PieceReceived) -> bool:
        self._read_bytes += len(piece.data)
        try:
            reader.feed(piece.data)
            if piece.done:
                self._received, self._reader = reader.finish(), None
        except SnapshotDamaged:
            return False
        return True
