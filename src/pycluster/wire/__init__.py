"""What travels: frames, their codecs, and the protocol's versions."""

from pycluster.wire.frames import (
    PROTOCOL_MAX,
    PROTOCOL_MIN,
    Body,
    Claim,
    Codec,
    Gossip,
    Greeting,
    Malformed,
    MembershipCall,
    Refusal,
    Rejected,
    StateReply,
    StateRequest,
    VoterMessage,
    WatchPoll,
    Whois,
)

__all__ = [
    "PROTOCOL_MAX",
    "PROTOCOL_MIN",
    "Body",
    "Claim",
    "Codec",
    "Gossip",
    "Greeting",
    "Malformed",
    "MembershipCall",
    "Refusal",
    "Rejected",
    "StateReply",
    "StateRequest",
    "VoterMessage",
    "WatchPoll",
    "Whois",
]
