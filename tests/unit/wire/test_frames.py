"""Frames: what is written is read, a stranger is told apart by thirteen bytes, everything else is malformed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycluster.consensus import Entry, LeaderQuery, NoOp
from pycluster.consensus.messages import AppendEntries, Heartbeat
from pycluster.kernel.limits import DATAGRAM_MAX_BYTES, FRAME_MAX_BYTES
from pycluster.wire import PROTOCOL_MAX, PROTOCOL_MIN, Codec, Malformed, Refusal, Rejected, VoterMessage, Whois
from tests.unit.wire.bodies import KINDS, bodies

CODEC = Codec("demo")
HEADER = 13


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_what_is_written_is_read(kind: Any, data: st.DataObject) -> None:
    body = data.draw(bodies(kind))
    assert CODEC.decode(CODEC.encode(body), datagram=False) == body


def test_the_header_is_thirteen_bytes_and_says_whose_it_is() -> None:
    frame = CODEC.encode(LeaderQuery())
    assert frame[:2] == b"PC" and frame[2] == PROTOCOL_MIN and frame[3] == 0 and frame[12] == 3
    assert frame[4:12] != Codec("other").encode(LeaderQuery())[4:12]


@pytest.mark.parametrize(
    ("place", "byte", "reason", "detail"),
    [
        (2, PROTOCOL_MAX + 1, "wrong-version", "the frame speaks protocol 3, not 1-2"),
        (2, 0, "wrong-version", "the frame speaks protocol 0, not 1-2"),
        (3, 7, "wrong-key", "the frame is sealed with key 7, and this node has no keys"),
        (4, None, "wrong-cluster", "the frame belongs to a cluster of another name"),
    ],
)
def test_a_stranger_is_told_apart_by_the_header(place: int, byte: int | None, reason: str, detail: str) -> None:
    frame = bytearray(CODEC.encode(Whois()))
    frame[place] = frame[place] ^ 0xFF if byte is None else byte
    with pytest.raises(Rejected) as refused:
        CODEC.decode(bytes(frame[:HEADER]) + b"\xc1 not a byte of this is looked at", datagram=False)
    assert (refused.value.reason, refused.value.detail) == (reason, detail)


def test_a_strangers_refusal_is_read() -> None:
    refusal = Refusal("wrong-cluster", 1, 1, "the frame belongs to a cluster of another name")
    assert CODEC.decode(Codec("other").encode(refusal), datagram=True) == refusal


@pytest.mark.parametrize("frame", [b"", b"PC", b"GET / HTTP/1.1\r\n\r\n", bytes(HEADER), b"PC" + bytes(10)])
def test_what_is_no_frame_is_malformed(frame: bytes) -> None:
    with pytest.raises(Malformed, match="no frame of ours"):
        CODEC.decode(frame, datagram=True)


def test_an_unknown_kind_is_malformed() -> None:
    frame = bytearray(CODEC.encode(Whois()))
    frame[12] = 99
    with pytest.raises(Malformed, match="unknown kind 99"):
        CODEC.decode(bytes(frame), datagram=False)


def test_an_unknown_kind_of_a_newer_protocol_is_a_strangers() -> None:
    frame = bytearray(CODEC.encode(Whois()))
    frame[2], frame[12] = PROTOCOL_MAX + 1, 99
    with pytest.raises(Rejected, match="wrong-version"):
        CODEC.decode(bytes(frame), datagram=False)


def test_datagrams_and_frames_have_their_own_bounds() -> None:
    head = CODEC.encode(Whois())[:HEADER]
    for size, datagram in ((DATAGRAM_MAX_BYTES, True), (FRAME_MAX_BYTES, False)):
        with pytest.raises(Malformed, match="over the size limit"):
            CODEC.decode(head + bytes(size + 1 - HEADER), datagram=datagram)


def with_more(message: object, **more: object) -> bytes:
    """A frame of a VoterMessage whose message has further fields, as a newer peer might send it."""
    told = msgspec.to_builtins(message)
    head = CODEC.encode(VoterMessage("node001", Heartbeat("c", "u", "v", 1, 5)))[:HEADER]
    return head + msgspec.msgpack.encode(["node001", {**told, **more}, "and more"])


def test_a_newer_peers_fields_are_ignored() -> None:
    heartbeat = Heartbeat("c", "u", "v", 1, 5)
    assert CODEC.decode(with_more(heartbeat, mood="fine"), datagram=False) == VoterMessage("node001", heartbeat)


def test_but_not_within_a_log_entry() -> None:
    """An entry means the same to everyone, or nobody applies it."""
    entry = {"index": 2, "term": 1, "payload": {"type": "no-op", "novelty": 1}}
    append = AppendEntries("c", "u", "v", 1, 1, 1, (Entry(2, 1, NoOp()),))
    assert CODEC.decode(with_more(append), datagram=False) == VoterMessage("node001", append)
    with pytest.raises(Malformed, match="novelty"):
        CODEC.decode(with_more(append, entries=[entry]), datagram=False)


@pytest.mark.parametrize(
    "wrong",
    [{"term": -1}, {"term": 2**63}, {"term": True}, {"sent_us": -5}, {"from_uuid": "u" * 65}, {"cluster_uuid": None}],
    ids=str,
)
def test_what_no_core_could_bear_does_not_pass(wrong: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        CODEC.decode(with_more(Heartbeat("c", "u", "v", 1, 5), **wrong), datagram=False)
