"""Bounds that hold everywhere. A bound that belongs to one core stands in that core's ``Params``."""

from __future__ import annotations

#: Bytes in a UDP datagram, headers of ours included: below any common path MTU less IPv6, UDP and tunnel headers.
DATAGRAM_MAX_BYTES = 1_400
#: Bytes in one TCP frame; a peer that announces more is cut off before anything is read into memory.
FRAME_MAX_BYTES = 4 * 1024 * 1024
#: Characters in a node's or cluster's name: a DNS label's length.
NAME_MAX_LENGTH = 63
#: Voters at most: every commit waits for a majority, so more voters buy little and cost latency (Raft §6).
VOTERS_MAX = 7
#: Members that one agent keeps in its table, the down and the left included.
MEMBERS_MAX = 10_000
#: Bytes of a member's tags as gossip carries them.
TAGS_GOSSIP_MAX_BYTES = 512
#: Tags of one member.
TAGS_MAX = 32
#: Events kept for a reader that comes back with ``Last-Event-ID``.
EVENTS_KEPT = 1_000
#: Acting intervals kept in the status.
ACTING_INTERVALS_KEPT = 200
