"""Frames: a fixed header tells friend from stranger before a byte of the body is trusted; the body is MessagePack.

Header, 13 bytes: magic ``PC``, version of the frame, key ID (0: not secured), cluster fingerprint (8), kind. Datagrams
and TCP frames share it. Unknown kinds are malformed.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pycluster.consensus import LeaderQuery
from pycluster.kernel.bounded import UNREADABLE
from pycluster.kernel.ids import fingerprint
from pycluster.kernel.limits import DATAGRAM_MAX_BYTES, FRAME_MAX_BYTES
from pycluster.wire.frames import (
    PROTOCOL_MAX,
    PROTOCOL_MIN,
    Body,
    Gossip,
    Greeting,
    MembershipCall,
    Refusal,
    StateReply,
    StateRequest,
    SteeringReply,
    SteeringRequest,
    VoterMessage,
    Whois,
)

#: What a frame is written in: the lowest version that reads it.
_WRITTEN = 1

_MAGIC = b"PC"
_HEADER_BYTES = 13

_KINDS: tuple[type[Body], ...] = (
    Gossip,
    MembershipCall,
    LeaderQuery,
    Whois,
    VoterMessage,
    Refusal,
    Greeting,
    StateRequest,
    StateReply,
    SteeringRequest,
    SteeringReply,
)
_KIND_OF: dict[type[Body], int] = {kind: number for number, kind in enumerate(_KINDS, start=1)}
_DECODE: dict[int, Callable[[bytes | memoryview], Body]] = {
    number: msgspec.msgpack.Decoder(kind).decode for kind, number in _KIND_OF.items()
}


class Malformed(Exception):
    """Not a frame of ours, or one with a body that makes no sense."""


class Rejected(Exception):
    """A frame of ours from a stranger. ``reason`` is ``wrong-cluster``, ``wrong-version`` or ``wrong-key``."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")


class Codec:
    """Writes and reads the frames of one cluster."""

    def __init__(self, cluster: str) -> None:
        self._fingerprint = fingerprint(cluster)
        self._encoder = msgspec.msgpack.Encoder()
        prefix = _MAGIC + bytes((_WRITTEN, 0)) + self._fingerprint
        self._headers = {kind: prefix + bytes((number,)) for kind, number in _KIND_OF.items()}

    def encode(self, body: Body) -> bytes:
        """One frame."""
        return self._headers[type(body)] + self._encoder.encode(body)

    def decode(self, data: bytes, *, datagram: bool) -> Body:
        """The body of one frame.

        Raises ``Rejected`` for a stranger's frame and ``Malformed`` for anything else that cannot be read. A refusal is
        read from strangers too, for it is what strangers send.
        """
        if len(data) < _HEADER_BYTES or data[:2] != _MAGIC:
            raise Malformed("no frame of ours")
        if len(data) > (DATAGRAM_MAX_BYTES if datagram else FRAME_MAX_BYTES):
            raise Malformed("frame over the size limit")
        version, key, kind = data[2], data[3], data[12]
        decode = _DECODE.get(kind)
        if decode is None and PROTOCOL_MIN <= version <= PROTOCOL_MAX:
            raise Malformed(f"unknown kind {kind}")
        stranger = self._stranger(version, key, data[4:12])
        if stranger is not None and kind != _KIND_OF[Refusal]:
            raise stranger
        assert decode is not None
        try:
            return decode(memoryview(data)[_HEADER_BYTES:])
        except UNREADABLE as error:
            raise Malformed(str(error)) from error

    def _stranger(self, version: int, key: int, cluster: bytes) -> Rejected | None:
        if cluster != self._fingerprint:
            return Rejected("wrong-cluster", "the frame belongs to a cluster of another name")
        if not PROTOCOL_MIN <= version <= PROTOCOL_MAX:
            return Rejected("wrong-version", f"the frame speaks protocol {version}, not {PROTOCOL_MIN}-{PROTOCOL_MAX}")
        if key != 0:
            return Rejected("wrong-key", f"the frame is sealed with key {key}, and this node has no keys")
        return None
