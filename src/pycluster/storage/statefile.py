"""The state file: one SQLite database with this node's identity, vote and log, every row under a checksum.

It is read through a connection that cannot write, so that a file which is refused stays as it was found; and what is
read is durable.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import quote
from zlib import crc32

import msgspec

from pycluster.consensus import Entry, Snapshot, Stored, Vote
from pycluster.kernel.bounded import UNREADABLE
from pycluster.kernel.errors import LocalFault
from pycluster.kernel.ids import Identity
from pycluster.storage import faults, watermark
from pycluster.storage.directory import sync_directory
from pycluster.storage.pieces import Origin, Pieces
from pycluster.storage.unsynced import make_durable
from pycluster.storage.watermark import Watermark

FILE = "state.db"
#: 2 since there are snapshots; a file without one stays readable for versions that know none.
SCHEMA = 2
_PLAIN = 1
_TABLES = (
    "CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), data BLOB NOT NULL, checksum INTEGER NOT NULL)",
    "CREATE TABLE log (id INTEGER PRIMARY KEY, data BLOB NOT NULL, checksum INTEGER NOT NULL)",
)
#: FULL syncs the write-ahead log at every commit. 256 KiB of cache and about 1 MiB of write-ahead log are plenty.
_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "cache_size = -256",
    "temp_store = MEMORY",
    "wal_autocheckpoint = 256",
    "journal_size_limit = 1048576",
)
#: Rows of the log that a snapshot covers and that go with one transaction: none shall be a long one.
_FOLDED_ROWS = 1_000
#: SQLite keeps these beside a database; the first is the write-ahead log.
_LOG = "-wal"
_COMPANIONS = (_LOG, "-shm", "-journal")


class Request(msgspec.Struct, frozen=True):
    """What becomes durable together, in this order: incarnation, vote, truncation, entries, what is promised (ms).

    ``snapshot``: before the entries, the state that was received takes the log's place, but for what follows on it.
    """

    token: int
    incarnation: int | None = None
    vote: Vote | None = None
    truncate_from: int | None = None
    entries: tuple[Entry, ...] = ()
    promised_ms: int | None = None
    snapshot: Snapshot | None = None


class Piece(msgspec.Struct, frozen=True):
    """A piece of a snapshot, ``done`` with the last. One received counts once a request names it."""

    origin: Origin
    snapshot: Snapshot
    number: int
    data: bytes
    done: bool


class Ballot(Vote, frozen=True, array_like=True):
    """The vote and, behind it, the longest election timeout promised under (ms).

    Here, because an older version passes over what it does not know at the end of an array, and over nothing in a head:
    it reads this file and drops the promise when it writes; a file without one reads as 0.
    """

    promised_ms: int = 0


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The one row beside the log. ``last_index`` shows a log cut at its end, ``commits`` one set back.

    Rows up to ``snapshot`` are left over: the state in its file has taken their place.
    """

    cluster: str
    name: str
    uuid: str
    incarnation: int = 0
    vote: Ballot = Ballot()
    last_index: int = 0
    commits: int = 0
    snapshot: Snapshot = Snapshot()


T = TypeVar("T")
_entry_decoder = msgspec.msgpack.Decoder(Entry)
_head_decoder = msgspec.msgpack.Decoder(Head)


class StateFile:
    """An open state file; used by one thread at a time."""

    def __init__(
        self,
        file: str,
        connection: sqlite3.Connection,
        mark: Watermark,
        head: Head,
        stored: Stored,
        pieces: Pieces,
    ) -> None:
        self.file = file
        self.pieces = pieces
        self._folding = head.snapshot.index > 0
        self._connection = connection
        self._mark = mark
        self._head = head
        self.identity = Identity(head.name, head.uuid, head.incarnation)
        self.stored = stored

    @classmethod
    def open(cls, path: str, cluster: str, name: str, new_uuid: Callable[[], str]) -> StateFile:
        """The state file in the data directory ``path``, made durably with a new UUID where there is none.

        ``LocalFault`` where it is damaged, not this node's, of a later version, or cannot be used.
        """
        file = os.path.join(path, FILE)
        with faults.told(file), contextlib.ExitStack() as opened:
            if not os.path.lexists(file):
                create(path, file, Head(cluster, name, new_uuid()))
            make_durable(os.path.realpath(file) + _LOG)
            head, entries = load(file)
            _check_owner(file, head, cluster, name)
            mark = Watermark(path)
            opened.callback(mark.close)
            if head.commits < mark.read():
                raise faults.damaged(file, f"{mark.read() - head.commits} acknowledged transactions are missing")
            pieces = Pieces(path)
            if head.snapshot.index and not os.path.exists(pieces.file(head.snapshot.index)):
                raise faults.damaged(file, f"the snapshot {pieces.file(head.snapshot.index)} is missing")
            connection = opened.enter_context(contextlib.closing(_connect(file, "rw")))
            _prepare(connection)
            mark.write(head.commits)
            opened.pop_all()
        return cls(file, connection, mark, head, _stored(head, entries), pieces)

    def commit(self, requests: Sequence[Request]) -> None:
        """Make the requests durable in one transaction; after a ``LocalFault`` nothing more may be written."""
        head = self._head
        received = [request.snapshot for request in requests if request.snapshot is not None]
        with faults.told(self.file):
            for snapshot in received:
                self.pieces.finish("received", snapshot.index)
            self._connection.execute("BEGIN IMMEDIATE")
            if received:
                self._connection.execute(f"PRAGMA user_version = {SCHEMA}")
            for request in requests:
                head = self._apply(head, request)
            self._fold(head)
            head = msgspec.structs.replace(head, commits=head.commits + 1)
            self._connection.execute("UPDATE head SET data = ?, checksum = ? WHERE id = 1", _row(head))
            self._connection.execute("COMMIT")
            self._mark.write(head.commits)
            if received:
                self.pieces.keep(head.snapshot.index)
        self._head = head

    def write_piece(self, piece: Piece) -> bool:
        """A piece of a snapshot; whether that completed one of our own, which counts from now on."""
        snapshot = piece.snapshot
        with faults.told(self.file):
            self.pieces.write(piece.origin, piece.number, piece.data)
            if not piece.done or piece.origin == "received":
                return False
            self.pieces.finish("own", snapshot.index)
            if snapshot.index > self._head.snapshot.index:
                head = msgspec.structs.replace(self._head, snapshot=snapshot, commits=self._head.commits + 1)
                self._connection.execute(f"PRAGMA user_version = {SCHEMA}")
                self._connection.execute("UPDATE head SET data = ?, checksum = ? WHERE id = 1", _row(head))
                self._mark.write(head.commits)
                self._head, self._folding = head, True
            self.pieces.keep(self._head.snapshot.index)
        return True

    def tidy(self) -> None:
        """Remove what an earlier process left of other snapshots.

        Not when opened: the snapshot may still turn out to be damaged, and then everything stays as it was found.
        """
        with faults.told(self.file):
            self.pieces.keep(self._head.snapshot.index)

    def close(self) -> None:
        """Fold the write-ahead log into the file and let go of everything, in spite of a ``LocalFault``; once."""
        with faults.told(self.file), contextlib.ExitStack() as closing:
            closing.callback(self.pieces.close)
            closing.callback(self._mark.close)
            closing.callback(self._connection.close)

    def _fold(self, head: Head) -> None:
        """Some of the rows that a snapshot covers go with each transaction."""
        if self._folding:
            self._connection.execute(
                "DELETE FROM log WHERE id IN (SELECT id FROM log WHERE id <= ? ORDER BY id LIMIT ?)",
                (head.snapshot.index, _FOLDED_ROWS),
            )
            (changed,) = self._connection.execute("SELECT changes()").fetchone()
            self._folding = changed > 0

    def _apply(self, head: Head, request: Request) -> Head:
        incarnation = head.incarnation if request.incarnation is None else request.incarnation
        vote = head.vote
        if request.vote is not None:
            vote = Ballot(request.vote.term, request.vote.voted_for, vote.promised_ms)
        if request.promised_ms is not None:
            vote = msgspec.structs.replace(vote, promised_ms=request.promised_ms)
        last_index = head.last_index
        if request.truncate_from is not None and request.truncate_from <= last_index:
            self._connection.execute("DELETE FROM log WHERE id >= ?", (request.truncate_from,))
            last_index = request.truncate_from - 1
        if request.snapshot is not None:
            head = msgspec.structs.replace(head, snapshot=request.snapshot)
            last_index = self._install(request.snapshot, last_index)
        for entry in request.entries:
            last_index += 1
            if entry.index != last_index:
                raise LocalFault(
                    f"entry {entry.index} was not written to {self.file}", why=f"entry {last_index} comes next"
                )
        if request.entries:
            rows = ((entry.index, *_row(entry)) for entry in request.entries)
            self._connection.executemany("INSERT INTO log (id, data, checksum) VALUES (?, ?, ?)", rows)
        return msgspec.structs.replace(head, incarnation=incarnation, vote=vote, last_index=last_index)

    def _install(self, snapshot: Snapshot, last_index: int) -> int:
        """The log's last index once the state at ``snapshot`` has taken the place of what it covers."""
        at = snapshot.index
        row = self._connection.execute("SELECT data, checksum FROM log WHERE id = ?", (at,)).fetchone()
        if row is not None and _decoded(self.file, f"row {at} of the log", row, _entry_decoder).term == snapshot.term:
            self._folding = True
            return last_index
        self._connection.execute("DELETE FROM log")
        return snapshot.index


def _stored(head: Head, entries: tuple[Entry, ...]) -> Stored:
    return Stored(Vote(head.vote.term, head.vote.voted_for), entries, head.vote.promised_ms, head.snapshot)


def _connect(file: str, mode: str) -> sqlite3.Connection:
    """Open an existing file; SQLite would otherwise make an empty one where it finds none."""
    return sqlite3.connect(
        f"file:{quote(os.fsencode(file))}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=8,
    )


def _prepare(connection: sqlite3.Connection) -> None:
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    # SQLite opens a file that it may not write without a word; this asks.
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("ROLLBACK")


def _row(content: Head | Entry) -> tuple[bytes, int]:
    data = msgspec.msgpack.encode(content)
    return data, crc32(data)


def create(path: str, file: str, head: Head) -> None:
    """A state file with this head and no log, made under another name first: one with the right name is whole and
    durable.
    """
    companions = [FILE + suffix for suffix in _COMPANIONS]
    for companion in (*companions, watermark.FILE):
        if os.path.lexists(os.path.join(path, companion)):
            raise LocalFault(
                f"the state file {file} is missing",
                why=f"{companion} beside it shows that it was there",
                remedy=f"bring it back, or {faults.replacement(file)}",
            )
    draft = file + ".new"
    for suffix in ("", *_COMPANIONS):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft + suffix)
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with contextlib.closing(_connect(draft, "rw")) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN")
            for table in _TABLES:
                connection.execute(table)
            connection.execute("INSERT INTO head VALUES (1, ?, ?)", _row(head))
            connection.execute(f"PRAGMA user_version = {SCHEMA if head.snapshot.index else _PLAIN}")
            connection.execute("COMMIT")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(draft, file)
    sync_directory(path)


def load(file: str) -> tuple[Head, tuple[Entry, ...]]:
    """The head and the log behind its snapshot, read and not touched; raises ``LocalFault``, ``sqlite3.Error``,
    ``OSError`` or ``UnicodeDecodeError``.
    """
    if os.path.getsize(file) == 0:
        # SQLite takes it for a new database and removes the write-ahead log beside it, unasked.
        raise faults.damaged(file, "it is empty")
    with contextlib.closing(_connect(file, "ro")) as connection:
        (schema,) = connection.execute("PRAGMA user_version").fetchone()
        if schema > SCHEMA:
            raise LocalFault(
                f"the state file {file} cannot be read",
                why=f"it has form {schema} and this version knows up to {SCHEMA}",
                remedy="run the version that wrote it, or a later one",
            )
        if schema not in (_PLAIN, SCHEMA):
            raise faults.damaged(file, "it is not a state file of this program")
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise faults.damaged(file, verdict)
        head = _load_head(file, connection)
        return head, _load_log(file, connection, head)


def _check_owner(file: str, head: Head, cluster: str, name: str) -> None:
    if (head.cluster, head.name) != (cluster, name):
        raise LocalFault(
            f"the state file {file} is not this node's",
            why=f"it belongs to {head.name} in the cluster {head.cluster}, and this is {name} in {cluster}",
            remedy="name another directory with -data-dir, or start the node it belongs to",
        )


def _load_head(file: str, connection: sqlite3.Connection) -> Head:
    rows = connection.execute("SELECT data, checksum FROM head").fetchall()
    if len(rows) != 1:
        raise faults.damaged(file, f"it has {len(rows)} heads")
    return _decoded(file, "the head", rows[0], _head_decoder)


def _load_log(file: str, connection: sqlite3.Connection, head: Head) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    base, term = head.snapshot.index, head.snapshot.term
    for number, *row in connection.execute("SELECT id, data, checksum FROM log WHERE id > ? ORDER BY id", (base,)):
        expected = base + len(entries) + 1
        if number != expected:
            raise faults.damaged(file, f"row {expected} of the log is missing")
        entry = _decoded(file, f"row {number} of the log", row, _entry_decoder)
        if entry.index != number or entry.term < term:
            raise faults.damaged(file, f"row {number} of the log holds entry {entry.index} of term {entry.term}")
        term = entry.term
        entries.append(entry)
    if base + len(entries) != max(head.last_index, base):
        raise faults.damaged(file, f"the log ends at row {base + len(entries)} and not at {head.last_index}")
    return tuple(entries)


def _decoded(file: str, row_name: str, row: Sequence[object], decoder: msgspec.msgpack.Decoder[T]) -> T:
    data, checksum = row
    if not isinstance(data, bytes) or crc32(data) != checksum:
        raise faults.damaged(file, f"{row_name} does not match its checksum")
    try:
        return decoder.decode(data)
    except UNREADABLE as error:
        raise LocalFault(
            f"the state file {file} cannot be read",
            why=f"{row_name} is sound and holds what this version does not understand: {error}",
            remedy="run the version that wrote it, or a later one",
        ) from error
