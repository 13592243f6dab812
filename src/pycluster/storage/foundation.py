"""A data directory looked at without an agent, and one that is laid out anew around a state that came from elsewhere.

What was there before is moved into the folder ``replaced.N`` in it, never removed (``exchange.py``).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator

import msgspec

from pycluster.consensus import Entry, Snapshot, Vote
from pycluster.kernel.errors import LocalFault
from pycluster.kernel.ids import Identity
from pycluster.storage import faults, watermark
from pycluster.storage.exchange import DRAFT, check_whole, exchange, settle
from pycluster.storage.pieces import Pieces
from pycluster.storage.statefile import FILE, Ballot, Head, create, load
from pycluster.storage.watermark import Watermark


class Found(msgspec.Struct, frozen=True):
    """What a data directory holds. ``entries`` follow on ``snapshot``."""

    cluster: str
    identity: Identity
    vote: Vote
    snapshot: Snapshot
    entries: tuple[Entry, ...]

    @property
    def last(self) -> tuple[int, int]:
        """Term and index of the last entry: the higher the newer (Raft §5.4.1)."""
        if self.entries:
            return self.entries[-1].term, self.entries[-1].index
        return self.snapshot.term, self.snapshot.index


def look(path: str) -> Found | None:
    """What is in the data directory ``path``, which is not changed; None where there is no state file.

    The caller owns the directory. ``LocalFault`` where it is damaged, or of a later version.
    """
    file = os.path.join(path, FILE)
    mark = os.path.join(path, watermark.FILE)
    if not os.path.lexists(file):
        check_whole(path)
        if os.path.lexists(mark):
            raise faults.damaged(file, f"it is missing, and {watermark.FILE} beside it shows that it was there")
        return None
    with faults.told(file):
        head, entries = load(file)
        if os.path.lexists(mark):
            with contextlib.closing(Watermark(path)) as counted:
                missing = counted.read() - head.commits
            if missing > 0:
                raise faults.damaged(file, f"{missing} acknowledged transactions are missing")
    vote = Vote(head.vote.term, head.vote.voted_for)
    return Found(head.cluster, Identity(head.name, head.uuid, head.incarnation), vote, head.snapshot, entries)


def pieces_of(path: str, found: Found) -> Iterator[bytes]:
    """The pieces of the state at ``found.snapshot``; ``LocalFault`` where they cannot be read."""
    index = found.snapshot.index
    pieces = Pieces(path)
    if not index:
        return
    try:
        yield from pieces.read(index)
    except OSError as error:
        raise faults.failed(pieces.file(index), error) from error


def lay(path: str, cluster: str, identity: Identity, vote: Vote, snapshot: Snapshot, pieces: Iterable[bytes]) -> str:
    """Give the data directory ``path``, which the caller owns, this state and no log; durable on return.

    ``pieces`` may raise. Whatever is raised, nothing was changed, but for a ``LocalFault`` that says what was, and an
    interruption when all was done. Returns the folder with what was there before, or nothing where nothing was.
    """
    draft = os.path.join(path, DRAFT)
    head = Head(
        cluster,
        identity.name,
        identity.uuid,
        identity.incarnation,
        Ballot(vote.term, vote.voted_for),
        last_index=snapshot.index,
        snapshot=snapshot,
    )
    settle(path)
    try:
        shutil.rmtree(draft, ignore_errors=True)
        os.mkdir(draft, 0o700)
        _write(draft, head, pieces)
        return exchange(path)
    except (sqlite3.Error, OSError) as error:
        raise LocalFault(
            f"the data directory {path} was left as it was",
            why=str(error),
            remedy=faults.remedy(error, again="try again", lost=""),
        ) from error
    finally:
        # Halfway between two states it tells how far that came.
        with contextlib.suppress(LocalFault):
            check_whole(path)
            shutil.rmtree(draft, ignore_errors=True)


def _write(draft: str, head: Head, pieces: Iterable[bytes]) -> None:
    written = Pieces(draft)
    try:
        for number, data in enumerate(pieces):
            written.write("received", number, data)
        written.finish("received", head.snapshot.index)
    finally:
        written.close()
    create(draft, os.path.join(draft, FILE), head)
    with contextlib.closing(Watermark(draft)) as mark:
        mark.write(head.commits)
