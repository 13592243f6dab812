"""When this node acted outlives its process, within one boot, and never stands in its way."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycluster.kernel.limits import ACTING_INTERVALS_KEPT
from pycluster.storage import Acted, ActingRecord

CUT_SHORT = "the process ended without a word; the lease it held ran until then"


def past(path: Path, boot_id: str = "boot") -> tuple[Acted, ...]:
    record = ActingRecord.open(str(path), boot_id)
    record.close()
    return record.past


def test_a_new_record_has_no_past(tmp_path: Path) -> None:
    assert past(tmp_path) == ()
    assert past(tmp_path) == ()


def test_intervals_come_back_in_order(tmp_path: Path) -> None:
    record = ActingRecord.open(str(tmp_path), "boot")
    assert record.record(3, 100, 200, False)
    assert record.record(3, 100, 300, False)
    assert record.record(3, 100, 250, True, "the lease ran out")
    assert record.record(5, 400, 500, True, "handed over to node001 – done")
    assert record.past == ()
    expected = (Acted(3, 100, 250, "the lease ran out"), Acted(5, 400, 500, "handed over to node001 – done"))
    assert past(tmp_path) == expected


def test_one_left_open_ends_where_its_lease_did(tmp_path: Path) -> None:
    first = ActingRecord.open(str(tmp_path), "boot")
    first.record(3, 100, 200, False)
    first.record(3, 100, 300, False)
    # No close: what the kernel has is all that a killed process leaves.
    second = ActingRecord.open(str(tmp_path), "boot")
    assert second.past == (Acted(3, 100, 300, CUT_SHORT),)
    second.record(4, 900, 950, False)
    assert past(tmp_path) == (Acted(3, 100, 300, CUT_SHORT), Acted(4, 900, 950, CUT_SHORT))


def test_another_boots_times_mean_nothing(tmp_path: Path) -> None:
    record = ActingRecord.open(str(tmp_path), "boot")
    record.record(3, 100, 200, True)
    assert past(tmp_path, "next boot") == ()
    assert past(tmp_path, "boot") == ()


def test_the_oldest_make_room(tmp_path: Path) -> None:
    record = ActingRecord.open(str(tmp_path), "boot")
    size = (tmp_path / "acting").stat().st_size
    for term in range(1, 2 * ACTING_INTERVALS_KEPT + 4):
        record.record(term, term * 10, term * 10 + 5, False)
        record.record(term, term * 10, term * 10 + 3, True, "over")
    kept = past(tmp_path)
    assert [interval.term for interval in kept] == list(range(ACTING_INTERVALS_KEPT + 4, 2 * ACTING_INTERVALS_KEPT + 4))
    assert (tmp_path / "acting").stat().st_size == size
    again = ActingRecord.open(str(tmp_path), "boot")
    again.record(9_999, 1, 2, True)
    assert past(tmp_path) == (*kept[1:], Acted(9_999, 1, 2))


def test_all_its_space_is_had_before_it_is_needed(tmp_path: Path) -> None:
    ActingRecord.open(str(tmp_path), "boot").close()
    found = (tmp_path / "acting").stat()
    assert found.st_blocks * 512 >= found.st_size


@given(reason=st.text(max_size=400))
def test_a_long_reason_is_cut_at_a_character(tmp_path_factory: pytest.TempPathFactory, reason: str) -> None:
    path = tmp_path_factory.mktemp("acting")
    record = ActingRecord.open(str(path), "boot")
    assert record.record(1, 2, 3, True, reason)
    record.close()
    (interval,) = past(path)
    assert reason.startswith(interval.reason)
    assert interval.reason == reason or len(interval.reason.encode()) > 200


def test_a_damaged_slot_is_left_out(tmp_path: Path) -> None:
    record = ActingRecord.open(str(tmp_path), "boot")
    for term in (1, 2, 3):
        record.record(term, term, term, True)
    content = bytearray((tmp_path / "acting").read_bytes())
    content[2 * 256 + 20] ^= 1
    (tmp_path / "acting").write_bytes(content)
    assert past(tmp_path) == (Acted(1, 1, 1), Acted(3, 3, 3))


@pytest.mark.parametrize("content", [b"", b"x", bytes(10), b"#!/bin/sh\n" * 9_000, bytes(201 * 256)])
def test_a_foreign_file_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "acting").write_bytes(content)
    record = ActingRecord.open(str(tmp_path), "boot")
    assert record.past == ()
    assert record.record(1, 2, 3, True)
    assert past(tmp_path) == (Acted(1, 2, 3),)


def test_where_there_is_no_file_to_be_had_it_says_no_and_does_not_raise(tmp_path: Path) -> None:
    (tmp_path / "acting").mkdir()
    for path in (tmp_path, tmp_path / "missing"):
        record = ActingRecord.open(str(path), "boot")
        assert record.past == ()
        assert not record.record(1, 2, 3, True)
        record.close()


def test_after_closing_it_notes_nothing(tmp_path: Path) -> None:
    record = ActingRecord.open(str(tmp_path), "boot")
    record.close()
    record.close()
    assert not record.record(1, 2, 3, True)
    assert past(tmp_path) == ()
