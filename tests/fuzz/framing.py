"""``FrameReader``: the same frames however the stream is cut, never more held than one frame, nothing but its error."""

from __future__ import annotations

from collections.abc import Iterable

from pycluster.kernel.limits import FRAME_MAX_BYTES
from pycluster.runtime.framing import CALL, POST, REPLY, BrokenFraming, FrameReader, framed

_HEAD_BYTES = 5


def seeds() -> Iterable[bytes]:
    """A byte that says how the rest is cut, then the stream."""
    for purpose in (CALL, REPLY, POST, 4, 5, 6):
        yield b"\1" + framed(purpose, b"frame") * 2
    yield b"\7" + framed(CALL, b"x" * 300) + framed(POST, b"y")[:4]
    yield b"\3" + (FRAME_MAX_BYTES + 1).to_bytes(4, "big") + b"\1" + b"z" * 20
    yield b"\3" + (FRAME_MAX_BYTES + 2).to_bytes(4, "big") + b"\1"
    yield b"\0" + bytes(9)


def run(data: bytes) -> None:
    """Whole, and in pieces."""
    step, stream = data[:1] or b"\0", data[1:]
    whole, pieces = _read(stream, len(stream) or 1), _read(stream, 1 + step[0] % 32)
    assert whole == pieces, (whole, pieces)


def _read(stream: bytes, step: int) -> tuple[list[tuple[int, bytes]], bool]:
    reader, found, taken = FrameReader(), [], 0
    try:
        for start in range(0, len(stream), step):
            found += list(reader.feed(stream[start : start + step]))
            taken = sum(_HEAD_BYTES + len(frame) for _, frame in found)
            fed = min(len(stream), start + step)
            assert reader.partial == (taken < fed), "what is not given out is held, and nothing else"
    except BrokenFraming:
        # Frames before the break may have been given out already or not; both are right.
        return [], True
    assert all(len(frame) <= FRAME_MAX_BYTES for _, frame in found)
    return found, False
