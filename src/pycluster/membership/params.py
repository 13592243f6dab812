"""The membership core's parameters."""

from __future__ import annotations

import msgspec


class Params(msgspec.Struct, frozen=True):
    """Every timing and bound of probing, suspicion, gossip and discovery.

    ``probe_interval_ms`` (ms, 100 to 60,000): the protocol period; one member is probed in each (SWIM §3.1).

    ``ack_timeout_ms`` / ``ack_timeout_min_ms`` (ms, below the period): how long a probe waits before others are asked
    to help; three measured round trips where those lie between the two.

    ``indirect_probes`` (members): how many are asked to help (SWIM §3.1, k).

    ``suspicion_alpha`` (periods): the shortest suspicion is this many periods x max(1, log10 members); it must outlast
    a process that is frozen for three seconds.

    ``suspicion_beta`` (factor): the longest suspicion is this many times the shortest (Lifeguard §IV-B).

    ``confirmations`` (members): independent failed verifications that bring the longest down to the shortest.

    ``verifiers`` (members): how many members verify a suspicion themselves, by rendezvous hashing.

    ``verify_timeout_ms`` (ms): how long a verification may take.

    ``vouch_hold_ms`` (ms): how long a verifier's "I reach it" holds a suspicion's timer.

    ``health_max`` (steps): the local health multiplier's ceiling (Lifeguard §IV-A).

    ``gossip_interval_ms`` (ms), ``gossip_fanout`` (members): the extra rounds while there is something to tell.

    ``retransmit_factor`` (times): each update is sent this many times x ceil(log10(members + 1)).

    ``stir_rounds`` (rounds): gossip rounds after news that is not ours.

    ``sync_interval_ms`` (ms): the pause between two anti-entropy exchanges, stretched with log2 of the members past 32.

    ``call_timeout_ms`` (ms): a request over TCP.

    ``seed_interval_min_ms`` / ``seed_interval_ms`` (ms): contacting configured nodes that are not alive: first, later.

    ``reconnect_interval_ms`` (ms): in each, one member that is down is tried, so that healing is noticed.

    ``leave_linger_ms`` (ms): how long a goodbye is spread before the process may end.

    ``name_grace_ms`` (ms): how long a name stays with a UUID that is down.

    ``down_keep_ms`` / ``left_keep_ms`` (ms): how long the dead and the gone are remembered.

    ``packet_max_bytes`` (bytes): one packet, encoded, before the node's header.

    ``queue_max`` (updates), ``evidence_max`` (lines a member), ``members_max`` (members), ``pending_max`` (calls).

    ``tags_max_bytes`` (bytes): a member's tags by TCP; what exceeds ``tags_gossip_bytes`` does not travel in gossip.

    ``notify_interval_ms`` (ms): one complaint per peer and kind in this time.

    ``lag_grace_ms`` (ms): after this process was late, nobody is accused for this long.
    """

    probe_interval_ms: int = 1_000
    ack_timeout_ms: int = 500
    ack_timeout_min_ms: int = 100
    indirect_probes: int = 3
    suspicion_alpha: float = 3.0
    suspicion_beta: float = 4.0
    confirmations: int = 3
    verifiers: int = 3
    verify_timeout_ms: int = 1_000
    vouch_hold_ms: int = 3_000
    health_max: int = 8
    gossip_interval_ms: int = 200
    gossip_fanout: int = 3
    retransmit_factor: int = 4
    stir_rounds: int = 4
    sync_interval_ms: int = 30_000
    call_timeout_ms: int = 1_000
    seed_interval_min_ms: int = 250
    seed_interval_ms: int = 15_000
    reconnect_interval_ms: int = 1_500
    leave_linger_ms: int = 800
    name_grace_ms: int = 5_000
    down_keep_ms: int = 86_400_000
    left_keep_ms: int = 3_600_000
    packet_max_bytes: int = 1_250
    queue_max: int = 4_096
    evidence_max: int = 8
    members_max: int = 10_000
    pending_max: int = 256
    tags_gossip_bytes: int = 512
    tags_max_bytes: int = 8_192
    notify_interval_ms: int = 60_000
    lag_grace_ms: int = 1_000

    def __post_init__(self) -> None:
        if not 100 <= self.probe_interval_ms <= 60_000:
            raise ValueError(f"probe_interval_ms = {self.probe_interval_ms} must lie in 100 to 60000")
        if not 10 <= self.ack_timeout_min_ms <= self.ack_timeout_ms < self.probe_interval_ms:
            raise ValueError("10 <= ack_timeout_min_ms <= ack_timeout_ms < probe_interval_ms must hold")
        if self.suspicion_alpha < 1 or self.suspicion_beta < 1:
            raise ValueError("suspicion_alpha and suspicion_beta must be at least 1")
        if not 600 <= self.packet_max_bytes <= 1_280:
            raise ValueError(f"packet_max_bytes = {self.packet_max_bytes} must lie in 600 to 1280")
