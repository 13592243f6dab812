"""Frames: a fixed header tells friend from stranger before a byte of the body is trusted; the body is MessagePack.

Header, 13 bytes: magic ``PC``, version of the frame, key ID (0: not secured), cluster fingerprint (8), kind. Datagrams
and TCP frames share it. Unknown fields in a body are ignored (a newer peer), unknown kinds are malformed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from pycluster import store
from pycluster.consensus import LeaderAnswer, LeaderQuery, Message
from pycluster.kernel.bounded import UNREADABLE, Name, Ordinal, RequestId, Sentence, Uuid
from pycluster.kernel.ids import fingerprint
from pycluster.kernel.limits import DATAGRAM_MAX_BYTES, FRAME_MAX_BYTES
from pycluster.membership import CallMessage, Packet

#: Versions this program speaks; members tell each other both ends. 2 is what 1 is, and knows ``moving`` in the voters'
#: configuration and commands for the voters that are passed on to the leader.
PROTOCOL_MIN = 1
PROTOCOL_MAX = 2
#: Where a seat may move to another name, and who takes a command for the voters from another node.
PROTOCOL_OF_MOVES = 2
#: What a frame is written in: the lowest version that reads it.
_WRITTEN = 1

_MAGIC = b"PC"
_HEADER_BYTES = 13


class Claim(msgspec.Struct, frozen=True, array_like=True):
    """Who leads, as gossip carries it: ``age_ms`` is how long ago a voter vouched for it, summed over the hops."""

    term: Ordinal
    leader: Name
    age_ms: Ordinal


class Gossip(msgspec.Struct, frozen=True, array_like=True):
    """A membership packet and, from whoever knows one, the claim about the leader."""

    packet: Packet
    claim: Claim | None = None


class Greeting(msgspec.Struct, frozen=True, array_like=True):
    """The first and only frame of an idle stream: who opened it."""

    name: Name
    uuid: Uuid


class MembershipCall(msgspec.Struct, frozen=True, array_like=True):
    """A membership request or reply over TCP."""

    message: CallMessage


class Whois(msgspec.Struct, frozen=True, array_like=True):
    """A voter's answer; None where the asked node is no voter."""

    answer: LeaderAnswer | None = None


class VoterMessage(msgspec.Struct, frozen=True, array_like=True):
    """A Raft message and the name its sender goes by."""

    sender: Name
    message: Message


class Refusal(msgspec.Struct, frozen=True, array_like=True):
    """A stranger is told once a minute why it is one. Never answered itself."""

    reason: Name
    protocol_min: Ordinal
    protocol_max: Ordinal
    detail: Sentence = ""


class WatchPoll(msgspec.Struct, frozen=True, array_like=True, tag="poll"):
    """What changed since ``watch.start_revision``? Answered when something did, or after ``wait_us``.

    ``parts``: one revision may come in several ``WatchPart``; ``skip`` of its events are here already.
    """

    watch: store.Watch
    wait_us: Ordinal
    parts: bool = False
    skip: Ordinal = 0


class WatchPart(store.WatchBatch, frozen=True, array_like=True, tag="part"):
    """Some events of one revision, which is too large for one frame: those behind the first ``skipped``.

    ``more``: there are others; only the last of all is ``revision`` told with.
    """

    skipped: Ordinal = 0
    more: bool = False


class StateRequest(msgspec.Struct, frozen=True, array_like=True):
    """``sender`` passes on what it was asked; ``number`` is its own, and comes back with the answer."""

    sender: Name
    number: Ordinal
    request: store.Request | WatchPoll
    request_id: RequestId = b""


class StateReply(msgspec.Struct, frozen=True, array_like=True):
    """The answer to the request of that number."""

    number: Ordinal
    result: store.Result | store.WatchBatch | WatchPart


class SteeringRequest(msgspec.Struct, frozen=True, array_like=True):
    """``sender`` passes on what an operator asked of the leader; ``number`` is its own, and comes back with the answer.

    ``name`` is whom leadership moves to (empty: to anybody), or whose seat comes or goes; ``old`` makes room for it.
    ``dry``: only whether it would be done.
    """

    sender: Name
    number: Ordinal
    what: Literal["transfer", "add", "remove"]
    name: Name
    old: Name = ""
    dry: bool = False


class SteeringReply(msgspec.Struct, frozen=True, array_like=True):
    """What the request of that number came to, as where it was asked of the leader (``CommandDone``). An older version
    passes over ``in_doubt``.
    """

    number: Ordinal
    ok: bool
    what: Sentence = ""
    why: Sentence = ""
    remedy: Sentence = ""
    in_doubt: bool = False


Body = (
    Gossip
    | MembershipCall
    | LeaderQuery
    | Whois
    | VoterMessage
    | Refusal
    | Greeting
    | StateRequest
    | StateReply
    | SteeringRequest
    | SteeringReply
)

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
