"""How long this voter promised, in the file, and between versions that know of it and those that do not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from zlib import crc32

import msgspec

from pycluster.consensus import Stored, Vote
from tests.unit.storage.nodes import CLUSTER, NAME, UUID, Life, open_database


class OlderHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The head as the version before wrote and read it."""

    cluster: str
    name: str
    uuid: str
    incarnation: int = 0
    vote: Vote = Vote()
    last_index: int = 0
    commits: int = 0


def stored_after(path: Path) -> Stored:
    database = open_database(path)
    database.close()
    return database.stored


def head_of(path: Path) -> bytes:
    with closing(sqlite3.connect(path / "state.db")) as reader:
        (data,) = reader.execute("SELECT data FROM head").fetchone()
    assert isinstance(data, bytes)
    return data


def test_it_comes_back_with_the_vote_and_without(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.database.submit(1, vote=Vote(2, UUID), promised_ms=5_000)
    life.database.submit(2, vote=Vote(3))
    life.until(2)
    life.database.close()
    assert stored_after(tmp_path) == Stored(Vote(3), (), 5_000)
    life = Life(tmp_path)
    life.database.submit(1, promised_ms=1_000)
    life.until(1)
    life.database.close()
    assert stored_after(tmp_path) == Stored(Vote(3), (), 1_000)


def test_a_file_of_the_version_before_is_read_as_without_a_promise(tmp_path: Path) -> None:
    stored_after(tmp_path)
    data = msgspec.msgpack.encode(OlderHead(CLUSTER, NAME, UUID, 4, Vote(2, UUID)))
    with closing(sqlite3.connect(tmp_path / "state.db")) as writer:
        writer.execute("UPDATE head SET data = ?, checksum = ?", (data, crc32(data)))
        writer.commit()
    assert stored_after(tmp_path) == Stored(Vote(2, UUID))


def test_the_version_before_reads_a_file_with_a_promise(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.database.submit(1, 4, Vote(2, UUID), promised_ms=5_000)
    life.until(1)
    life.database.close()
    head = msgspec.msgpack.decode(head_of(tmp_path), type=OlderHead)
    assert (head.vote, head.incarnation) == (Vote(2, UUID), 4)
