"""What agents print, read and stamped."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.systems import PYCLUSTER, SERF
from benchmarks.watch import Watch, now_us

DOWN = b'{"kind":"member-down","node":"node002","text":"Node timeout: node002","wall_ms":1}\n'
UP = b'{"kind":"member-up","node":"node002","text":"New node discovered: node002"}\n'
FOLLOWS = b'{"kind":"leader-changed","node":"node002"}\n'
ACTS = b'{"kind":"leader-gained","node":"node002"}\n'


@pytest.fixture
def watch() -> Iterator[Watch]:
    listening = Watch()
    yield listening
    listening.close()


def speaker(watch: Watch, name: str, folder: Path) -> int:
    """Where agent ``name`` writes."""
    ear, mouth = os.pipe()
    watch.add(name, PYCLUSTER.read, ear, folder / f"{name}.log")
    return mouth


def heard(watch: Watch, lines: int) -> None:
    end = time.monotonic() + 30
    while len(watch.said) < lines:
        assert time.monotonic() < end, watch.said
        time.sleep(0.001)


def test_a_line_that_comes_in_pieces_is_heard_once_and_kept_in_the_log(watch: Watch, tmp_path: Path) -> None:
    mouth, begun = speaker(watch, "node001", tmp_path), now_us()
    for piece in (DOWN[:20], DOWN[20:] + UP[:5], UP[5:]):
        os.write(mouth, piece)
    heard(watch, 2)
    os.close(mouth)
    assert [(said.by, said.what, said.about) for said in watch.said] == [
        ("node001", "down", "node002"),
        ("node001", "up", "node002"),
    ]
    assert all(begun <= said.at_us <= now_us() for said in watch.said)
    assert (tmp_path / "node001.log").read_bytes() == DOWN + UP


def test_only_what_was_said_since_the_deed_counts(watch: Watch, tmp_path: Path) -> None:
    mouth = speaker(watch, "node001", tmp_path)
    os.write(mouth, DOWN)
    heard(watch, 1)
    later = now_us()
    assert watch.first(0, "down", "node002").keys() == {"node001"}
    assert watch.first(later, "down", "node002") == {}
    os.write(mouth, DOWN)
    heard(watch, 2)
    os.close(mouth)
    assert watch.first(later, "down", "node002")["node001"].at_us >= later


def test_agents_see_each_other_only_by_what_each_said_last_in_its_present_life(watch: Watch, tmp_path: Path) -> None:
    first, second = (speaker(watch, name, tmp_path) for name in ("node001", "node002"))
    os.write(first, UP)
    os.write(second, UP.replace(b"node002", b"node001"))
    heard(watch, 2)
    assert watch.whole(["node001", "node002"])
    os.write(first, DOWN)
    heard(watch, 3)
    assert not watch.whole(["node001", "node002"])
    os.write(first, UP)
    heard(watch, 4)
    os.close(second)
    os.close(speaker(watch, "node002", tmp_path))
    assert not watch.whole(["node001", "node002"])
    os.close(first)


def test_a_leader_is_one_whom_all_follow_and_who_acts(watch: Watch, tmp_path: Path) -> None:
    first, second = (speaker(watch, name, tmp_path) for name in ("node001", "node002"))
    os.write(first, FOLLOWS)
    heard(watch, 1)
    assert watch.leader(["node001", "node002"]) is None
    os.write(second, ACTS)
    heard(watch, 2)
    assert watch.leader(["node001", "node002"]) == "node002"
    assert watch.leader(["node001"]) is None
    os.write(first, b'{"kind":"leader-unknown","node":""}\n')
    heard(watch, 3)
    os.close(first)
    os.close(second)
    assert watch.leader(["node001", "node002"]) is None


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"    2026/11/23 20:41:35 [INFO] serf: EventMemberFailed: node007 10.77.0.8", ("down", "node007")),
        (b"    2026/11/23 20:41:35 [INFO] serf: EventMemberJoin: node007 10.77.0.8", ("up", "node007")),
        (b"==> Serf agent running!", ("runs", "")),
        (b"    2026/11/23 20:41:35 [INFO] agent: Received event: member-failed", None),
    ],
)
def test_serf_says_the_same_in_its_own_words(line: bytes, told: tuple[str, str] | None) -> None:
    assert SERF.read(line) == told


def test_what_is_no_event_is_passed_over() -> None:
    assert PYCLUSTER.read(b"Traceback (most recent call last):") is None
    assert PYCLUSTER.read(b'{"kind":"member-suspect","node":"node002"}') is None
