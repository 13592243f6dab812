"""Bounds that hold everywhere. A bound that belongs to one core stands in that core's ``Params``."""

from __future__ import annotations

#: Bytes in a UDP datagram, headers of ours included: below any common path MTU less IPv6, UDP and tunnel headers.
DATAGRAM_MAX_BYTES = 1_400
#: Bytes in one TCP frame; a peer that announces more is cut off before anything is read into memory.
FRAME_MAX_BYTES = 4 * 1024 * 1024
#: Characters in a node's or cluster's name: a DNS label's length.
NAME_MAX_LENGTH = 63
#: Characters in a node's or a cluster's UUID; ours have 32.
UUID_MAX_LENGTH = 64
#: Characters in a line for people that another node wrote.
SENTENCE_MAX_LENGTH = 1_000
#: Voters at most: every commit waits for a majority, so more voters buy little and cost latency (Raft §6).
VOTERS_MAX = 7
#: Idle streams that others keep to one agent: three a member on average, however many members, and the voters'.
STREAMS_MAX = 256
#: Members that one agent keeps in its table, the down and the left included.
MEMBERS_MAX = 10_000
#: Incarnations of one identity: event ids are made of them and stay exact in JavaScript so far.
INCARNATION_MAX = 2**33 - 1
#: News that raises a known incarnation by more than this is forged: nobody makes so many in between.
INCARNATION_LEAP_MAX = 2**16
#: Bytes of a member's tags as gossip carries them.
TAGS_GOSSIP_MAX_BYTES = 512
#: Tags of one member.
TAGS_MAX = 32
#: Events kept for a reader that comes back with ``Last-Event-ID``.
EVENTS_KEPT = 1_000
#: Lines of one kind about all members together that this node never met, at once: a cluster of a thousand that forms.
#: So many come back in a minute.
HEARSAY_LINES_BURST = 1_024
HEARSAY_LINES_PER_MINUTE = 64
#: Bytes of commands that a leader gave to its disk and that are not durable; then nothing is proposed for a while.
UNWRITTEN_MAX_BYTES = 64 * 1024 * 1024
#: Acting intervals kept in the status.
ACTING_INTERVALS_KEPT = 200
