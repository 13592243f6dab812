"""Frames on a byte stream."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycluster.kernel.limits import FRAME_MAX_BYTES
from pycluster.runtime.framing import (
    CALL,
    GOODBYE,
    GREETING_MAX_BYTES,
    POST,
    REPLY,
    STREAM,
    BrokenFraming,
    FrameReader,
    framed,
)

PURPOSES = st.sampled_from((CALL, REPLY, POST, STREAM))
FRAME = st.tuples(PURPOSES, st.binary(min_size=1, max_size=300)) | st.just((GOODBYE, b""))
FRAMES = st.lists(FRAME, max_size=8)


@given(FRAMES, st.lists(st.integers(1, 64), max_size=40))
def test_however_a_stream_is_cut_the_same_frames_come_out(frames: list[tuple[int, bytes]], cuts: list[int]) -> None:
    stream = b"".join(framed(purpose, data) for purpose, data in frames)
    reader = FrameReader()
    found: list[tuple[int, bytes]] = []
    for cut in cuts:
        found += reader.feed(stream[:cut])
        stream = stream[cut:]
    found += reader.feed(stream)
    assert found == frames
    assert not reader.partial


def test_a_frame_over_the_limit_is_refused_by_its_length_alone() -> None:
    reader = FrameReader()
    with pytest.raises(BrokenFraming):
        list(reader.feed((FRAME_MAX_BYTES + 2).to_bytes(4, "big") + bytes((CALL,))))


@pytest.mark.parametrize(
    ("purpose", "length"), [(CALL, 0), (CALL, 1), (STREAM, 1), (STREAM, GREETING_MAX_BYTES + 2), (GOODBYE, 2), (6, 2)]
)
def test_only_a_goodbye_is_empty_and_a_greeting_is_short(purpose: int, length: int) -> None:
    reader = FrameReader()
    with pytest.raises(BrokenFraming):
        list(reader.feed(length.to_bytes(4, "big") + bytes((purpose,))))


def test_what_has_come_of_a_frame_is_known() -> None:
    reader = FrameReader()
    assert list(reader.feed(framed(GOODBYE) + framed(POST, b"words")[:7])) == [(GOODBYE, b"")]
    assert reader.partial
    assert reader.held_bytes == 7


def test_the_largest_frame_passes() -> None:
    data = bytes(FRAME_MAX_BYTES)
    assert list(FrameReader().feed(framed(POST, data))) == [(POST, data)]


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    reader = FrameReader()
    try:
        for purpose, frame in reader.feed(data):
            assert purpose in (CALL, REPLY, POST, STREAM, GOODBYE)
            assert bool(frame) == (purpose != GOODBYE)
    except BrokenFraming:
        return
    assert reader.partial or not data or len(data) >= 5
