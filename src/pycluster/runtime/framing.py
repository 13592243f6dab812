"""Frames on a byte stream: four bytes of length, one of purpose, then the frame that ``wire`` knows."""

from __future__ import annotations

from collections.abc import Iterator

from pycluster.kernel.limits import FRAME_MAX_BYTES

CALL = 1
REPLY = 2
POST = 3
#: The first frame of an idle stream: its greeting.
STREAM = 4
#: The last frame of an idle stream, empty: its end is wanted, and no sign of death.
GOODBYE = 5
#: A greeting says who is there; nobody keeps a large one in memory for a stranger.
GREETING_MAX_BYTES = 4_096
_MAX_BYTES = {
    CALL: FRAME_MAX_BYTES,
    REPLY: FRAME_MAX_BYTES,
    POST: FRAME_MAX_BYTES,
    STREAM: GREETING_MAX_BYTES,
    GOODBYE: 0,
}
_HEAD_BYTES = 5


class BrokenFraming(Exception):
    """The peer speaks something else, or announces more than is allowed."""


def framed(purpose: int, data: bytes = b"") -> bytes:
    """``data`` as it travels; only ``GOODBYE`` is empty."""
    return (len(data) + 1).to_bytes(4, "big") + bytes((purpose,)) + data


class FrameReader:
    """Cuts a stream into frames; never holds more than one frame and what came with its end."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def partial(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._buffer)

    @property
    def held_bytes(self) -> int:
        """What has come of that frame."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """``(purpose, frame)`` for each frame that is complete now; raises ``BrokenFraming``.

        A frame is never empty, except a ``GOODBYE``, which always is.
        """
        buffer = self._buffer
        buffer += data
        start = 0
        try:
            while len(buffer) - start >= _HEAD_BYTES:
                length = int.from_bytes(buffer[start : start + 4], "big")
                purpose = buffer[start + 4]
                if purpose not in _MAX_BYTES:
                    raise BrokenFraming(f"unknown purpose {purpose}")
                if not (purpose != GOODBYE) < length <= _MAX_BYTES[purpose] + 1:
                    raise BrokenFraming(f"a frame of {length - 1} bytes for purpose {purpose}")
                if len(buffer) - start < 4 + length:
                    return
                frame = bytes(buffer[start + _HEAD_BYTES : start + 4 + length])
                start += 4 + length
                yield purpose, frame
        finally:
            del buffer[:start]
