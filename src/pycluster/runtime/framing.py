"""Frames on a byte stream: four bytes of length, one of purpose, then the frame that ``wire`` knows."""

from __future__ import annotations

from collections.abc import Iterator

from pycluster.kernel.limits import FRAME_MAX_BYTES

CALL = 1
REPLY = 2
POST = 3
_HEAD_BYTES = 5


class BrokenFraming(Exception):
    """The peer speaks something else, or announces more than is allowed."""


def framed(purpose: int, data: bytes) -> bytes:
    """``data`` as it travels."""
    return (len(data) + 1).to_bytes(4, "big") + bytes((purpose,)) + data


class FrameReader:
    """Cuts a stream into frames; never holds more than one frame and what came with its end."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def partial(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """``(purpose, frame)`` for each frame that is complete now; raises ``BrokenFraming``."""
        buffer = self._buffer
        buffer += data
        start = 0
        try:
            while len(buffer) - start >= _HEAD_BYTES:
                length = int.from_bytes(buffer[start : start + 4], "big")
                if not 1 < length <= FRAME_MAX_BYTES + 1:
                    raise BrokenFraming(f"a frame of {length - 1} bytes")
                purpose = buffer[start + 4]
                if purpose not in (CALL, REPLY, POST):
                    raise BrokenFraming(f"unknown purpose {purpose}")
                if len(buffer) - start < 4 + length:
                    return
                frame = bytes(buffer[start + _HEAD_BYTES : start + 4 + length])
                start += 4 + length
                yield purpose, frame
        finally:
            del buffer[:start]
