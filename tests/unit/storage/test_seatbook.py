"""Where the voters were, between two lives."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pycluster.kernel.ids import Seed
from pycluster.storage import SeatBook

SEATS = (Seed("node004", "10.0.0.4", 7946), Seed("node005", "fd00::5", 7946))
NO_TEXT = b'[{"name":"\xff","host":"h","port":1}]'
DEEP = b'[{"more":' + b"[" * 100_000


def test_what_was_kept_is_found_by_the_next_life(tmp_path: Path) -> None:
    book = SeatBook(str(tmp_path))
    assert book.seats == () and not book.problem
    book.keep((SEATS[0],))
    book.keep(SEATS)
    assert SeatBook(str(tmp_path)).seats == SEATS
    assert [path.name for path in tmp_path.iterdir()] == ["voters.json"]


def test_its_owner_alone_reads_it(tmp_path: Path) -> None:
    umask = os.umask(0o022)
    try:
        SeatBook(str(tmp_path)).keep(SEATS)
    finally:
        os.umask(umask)
    assert (tmp_path / "voters.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("found", [b"", b'[{"name":"node004","ho', b"{}", b'[{"name": 4}]', b"\xff", NO_TEXT, DEEP])
def test_half_of_a_file_is_none_and_that_can_be_told(tmp_path: Path, found: bytes) -> None:
    (tmp_path / "voters.json").write_bytes(found)
    book = SeatBook(str(tmp_path))
    assert book.seats == ()
    assert f"{tmp_path}/voters.json is damaged: " in book.problem


def test_a_file_that_cannot_be_read_is_none_and_that_can_be_told(tmp_path: Path) -> None:
    (tmp_path / "voters.json").mkdir()
    assert SeatBook(str(tmp_path)).problem == f"{tmp_path}/voters.json cannot be read: Is a directory"


def test_a_directory_that_is_gone_costs_the_hint_alone(tmp_path: Path) -> None:
    book = SeatBook(str(tmp_path / "gone"))
    book.keep(SEATS)
    assert SeatBook(str(tmp_path / "gone")).seats == ()
