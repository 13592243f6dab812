"""``Codec.decode``: a body, ``Malformed`` or ``Rejected``, and what was decoded can be written and read again."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from pycluster.wire import Body, Codec, Malformed, Rejected
from tests.fuzz.frames import CLUSTER, captured
from tests.fuzz.mutation import mutated_frame

_CODEC = Codec(CLUSTER)


def seeds() -> Iterable[bytes]:
    """A byte for the door, then the frame."""
    for frame in captured():
        yield (b"\1" if frame.datagram else b"\0") + frame.data


def mutate(data: bytes, rng: Random) -> bytes:
    """Another frame through the same door, or the same through the other."""
    door = data[:1] or b"\1"
    return (door if rng.random() < 0.9 else bytes((door[0] ^ 1,))) + mutated_frame(data[1:], rng)


def run(data: bytes) -> None:
    """Decode; what comes back must survive the way back."""
    try:
        body: Body = _CODEC.decode(data[1:], datagram=data[:1] == b"\1")
    except (Malformed, Rejected):
        return
    again = _CODEC.encode(body)
    assert _CODEC.encode(_CODEC.decode(again, datagram=False)) == again
