"""Whatever comes in, the codec gives a body, ``Malformed`` or ``Rejected``; it never raises anything else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycluster.consensus import LeaderQuery
from pycluster.wire import Body, Codec, Malformed, Rejected
from tests.unit.wire.bodies import KINDS, bodies

CODEC = Codec("demo")
HEADER = 13


def judged(frame: bytes, *, datagram: bool = False) -> Body | None:
    """The body, or None where it was refused; anything else that is raised fails the test."""
    try:
        return CODEC.decode(frame, datagram=datagram)
    except (Malformed, Rejected):
        return None


def head(kind: int) -> bytes:
    return CODEC.encode(LeaderQuery())[: HEADER - 1] + bytes((kind,))


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes(frame: bytes, datagram: bool) -> None:
    assert judged(frame, datagram=datagram) is None


@given(st.integers(0, 255), st.binary(max_size=200))
def test_any_bytes_behind_our_header(kind: int, rest: bytes) -> None:
    judged(head(kind) + rest)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.integers(1, len(KINDS)), ANYTHING)
def test_any_messagepack_behind_our_header(kind: int, body: object) -> None:
    judged(head(kind) + msgspec.msgpack.encode(body))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_a_frame_damaged_on_the_way(kind: Any, data: st.DataObject) -> None:
    frame = bytearray(CODEC.encode(data.draw(bodies(kind))))
    for place in data.draw(st.lists(st.integers(0, len(frame) - 1), min_size=1, max_size=4)):
        frame[place] ^= data.draw(st.integers(1, 255))
    judged(bytes(frame))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_a_frame_cut_short_or_with_more_behind_it_is_no_frame(kind: Any, data: st.DataObject) -> None:
    frame = CODEC.encode(data.draw(bodies(kind)))
    assert judged(frame[: data.draw(st.integers(0, len(frame) - 1))]) is None
    assert judged(frame + data.draw(st.binary(min_size=1, max_size=5))) is None


@pytest.mark.parametrize("opening", [b"\x91", b"\x81\xa1a", b"\xdd\x00\x00\x00\x01"], ids=["list", "map", "list32"])
def test_a_body_nested_without_end(opening: bytes) -> None:
    assert judged(head(5) + opening * 100_000) is None


@pytest.mark.parametrize("claim", [b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff"])
def test_a_body_that_announces_more_than_it_has(claim: bytes) -> None:
    assert judged(head(1) + claim) is None
    assert judged(head(5) + b"\x92\xa1a" + claim) is None


@pytest.mark.parametrize("incarnation", [-1, 2**33, 2**62, 2**64 - 1])
def test_an_incarnation_that_nobody_can_have_makes_no_frame(incarnation: int) -> None:
    """A forged one was adopted, raised by one, and could not be written any more: the agent ended."""
    for kind in ("s", "l", "a"):
        news = [kind, "node001", "u1", incarnation, ["192.0.2.1", 7946] if kind == "a" else "node002"]
        packet = ["node002", "u2", 1, None, [news]]
        assert judged(head(1) + msgspec.msgpack.encode([packet]), datagram=True) is None
        news[3] = 7
        assert judged(head(1) + msgspec.msgpack.encode([packet]), datagram=True) is not None
