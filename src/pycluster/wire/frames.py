"""What frames carry, and the protocol's versions. Unknown fields are ignored: they are a newer peer's."""

from __future__ import annotations

from typing import Literal

import msgspec

from pycluster import store
from pycluster.consensus import LeaderAnswer, LeaderQuery, Message
from pycluster.kernel.bounded import Name, Ordinal, RequestId, Sentence, Uuid
from pycluster.membership import CallMessage, Packet

#: Versions this program speaks; members tell each other both ends. 2 is what 1 is, and knows ``moving`` in the voters'
#: configuration and commands for the voters that are passed on to the leader.
PROTOCOL_MIN = 1
PROTOCOL_MAX = 2
#: Where a seat may move to another name, and who takes a command for the voters from another node.
PROTOCOL_OF_MOVES = 2


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
