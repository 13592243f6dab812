"""The membership core's parameters."""

from __future__ import annotations

import msgspec

from pycluster.kernel.errors import LocalMisuse

_DAY = 86_400_000
_YEAR = 366 * _DAY


class Params(msgspec.Struct, frozen=True):
    """Every timing and bound of probing, suspicion, gossip and discovery. What lies outside raises ``LocalMisuse``.

    ``probe_interval_ms`` (ms, 100 to 60,000): the protocol period; one member is probed in each (SWIM §3.1). Shorter
    finds the dead sooner and costs each node that much more traffic.

    ``ack_timeout_min_ms`` / ``ack_timeout_ms`` (ms, 10 to below the period): how long a probe waits before others are
    asked to help: three measured round trips where those lie between the two, so that a slow network is not taken for
    a dead node and a fast one wastes no time.

    ``indirect_probes`` (members, 0 to 20): how many are asked to help (SWIM §3.1, k); they go round a broken link.

    ``suspicion_alpha`` (periods, 1 to 60): the shortest suspicion is this many periods x max(1, log10 members); it
    must outlast a process that is frozen for three seconds.

    ``suspicion_beta`` (factor, 1 to 20): the longest suspicion is this many times the shortest (Lifeguard §IV-B); one
    accuser that nobody confirms waits so long.

    ``confirmations`` (members, 1 to 20): independent failed verifications that bring the longest down to the shortest.

    ``verifiers`` (members, 1 to 20): how many members verify a suspicion themselves, by rendezvous hashing; more than
    ``confirmations``, so that the shortest suspicion is reached where a verifier is dead, too.

    ``verify_timeout_ms`` (ms, 100 to 60,000): how long a verification may take; below the shortest suspicion it comes
    in time.

    ``unreachable_suspicion_ms`` / ``refused_suspicion_ms`` (ms, 100 to 60,000, the second at most the first): the
    shortest suspicion where enough accusers could not connect, or were refused; the second is also what whoever is
    accused more strongly than before has left to refute, so it must outlast a few round trips and a gossip round.

    ``connect_timeout_ms`` (ms, 50 to 60,000): how long a probe over TCP waits for a connection or an answer before it
    tries anew; shorter than the least retransmission of a lost SYN (1 s), for the pings beside it make up for loss.

    ``refused_wait_ms`` (ms, 20 to 60,000): how long a probe that was refused over TCP waits for an answer by UDP.

    ``streams`` (members, 0 to 16): to how many members an idle stream is kept, so that a process that ends is noticed
    at once by those and by about as many that watch it; 0 keeps none.

    ``vouch_hold_ms`` (ms, 0 to 600,000): how long a verifier's "I reach it" holds a suspicion's timer, for the suspect
    to hear of it and refute.

    ``health_max`` (steps, 0 to 20): the local health multiplier's ceiling (Lifeguard §IV-A); a node that doubts itself
    probes this much more slowly at most.

    ``gossip_interval_ms`` (ms, 20 to 60,000), ``gossip_fanout`` (members, 1 to 20): the extra rounds while there is
    something to tell; news reaches n members in about log n of them.

    ``retransmit_factor`` (times, 1 to 20): each update is sent this many times x ceil(log10(members + 1)), lambda log n
    (SWIM §4.1); what is missed all the same comes by anti-entropy.

    ``stir_rounds`` (rounds, 0 to 100): gossip rounds after news that is not ours, such as a new leader.

    ``sync_interval_ms`` (ms, 1,000 to a day): the pause between two anti-entropy exchanges, stretched with log2 of the
    members past 32.

    ``call_timeout_ms`` (ms, 100 to 60,000): a request over TCP.

    ``seed_interval_min_ms`` (ms, 20 to 60,000): the pause after the first contact with all that are configured; doubled
    until it reaches ``reconnect_interval_ms``.

    ``reconnect_interval_ms`` / ``seed_interval_ms`` (ms, 100 to a day, in this order): the shortest and the longest
    pause between two contacts with those that are missing, so that healing is noticed; in between, a sixteenth of the
    time since anything changed.

    ``leave_linger_ms`` (ms, 0 to 60,000): how long a goodbye is spread before the process may end.

    ``name_grace_ms`` (ms, 0 to a day): how long a name stays with a UUID that is down, so that a node that returns
    finds its name.

    ``down_keep_ms`` / ``left_keep_ms`` (ms, 1,000 to a year): how long the dead and the gone are remembered.

    ``packet_max_bytes`` (bytes, 600 to 1,280): one packet, encoded, before the node's header; whole in one frame of
    any network.

    ``queue_max`` (updates, 16 to 1,000,000): what waits to be told; past it what was told most goes.

    ``evidence_max`` (lines a member, 1 to 1,000): the newest reasons that are kept.

    ``members_max`` (members, 2 to 100,000): the table; past it newcomers are refused and counted.

    ``newcomers_burst`` (members, 16 to 100,000) / ``newcomers_per_s`` (members/s, 1 to 10,000): how many members that
    only others tell of are taken in at once, and in each second after; more are counted and come with a comparison of
    tables. Invented members cost no more than that.

    ``pending_max`` (8 to 65,536): requests over TCP, probes for others, verifications, joined hosts, complaints that
    are remembered; of each so many at most.

    ``tags_max_bytes`` (bytes, 0 to 65,536): a member's tags by TCP; what exceeds ``tags_gossip_bytes`` (bytes, 0 to
    512) does not travel in gossip, where it would crowd out news.

    ``notify_interval_ms`` (ms, 1,000 to a day): one complaint per peer and kind in this time.

    ``lag_grace_ms`` (ms, 0 to 60,000): after this process was late, nobody is accused for this long.
    """

    probe_interval_ms: int = 1_000
    ack_timeout_ms: int = 500
    ack_timeout_min_ms: int = 100
    indirect_probes: int = 3
    suspicion_alpha: float = 3.0
    suspicion_beta: float = 4.0
    confirmations: int = 3
    verifiers: int = 5
    verify_timeout_ms: int = 1_000
    unreachable_suspicion_ms: int = 1_200
    refused_suspicion_ms: int = 300
    connect_timeout_ms: int = 400
    refused_wait_ms: int = 150
    streams: int = 3
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
    newcomers_burst: int = 1_024
    newcomers_per_s: int = 64
    pending_max: int = 256
    tags_gossip_bytes: int = 512
    tags_max_bytes: int = 8_192
    notify_interval_ms: int = 60_000
    lag_grace_ms: int = 1_000

    def __post_init__(self) -> None:
        wrong = [
            f"{name} = {getattr(self, name)} must lie in {low} to {high}"
            for name, (low, high) in BOUNDS.items()
            if not low <= getattr(self, name) <= high
        ]
        if not wrong and not self.ack_timeout_min_ms <= self.ack_timeout_ms < self.probe_interval_ms:
            wrong.append("ack_timeout_min_ms <= ack_timeout_ms < probe_interval_ms must hold")
        if not wrong and self.refused_suspicion_ms > self.unreachable_suspicion_ms:
            wrong.append("refused_suspicion_ms must be at most unreachable_suspicion_ms")
        if not wrong and self.reconnect_interval_ms > self.seed_interval_ms:
            wrong.append("reconnect_interval_ms must be at most seed_interval_ms")
        if wrong:
            what = "the membership's parameters do not fit together"
            raise LocalMisuse(what, why="; ".join(wrong), remedy="change what is named")


#: The least and the most of every parameter.
BOUNDS: dict[str, tuple[float, float]] = {
    "probe_interval_ms": (100, 60_000),
    "ack_timeout_ms": (10, 60_000),
    "ack_timeout_min_ms": (10, 60_000),
    "indirect_probes": (0, 20),
    "suspicion_alpha": (1, 60),
    "suspicion_beta": (1, 20),
    "confirmations": (1, 20),
    "verifiers": (1, 20),
    "verify_timeout_ms": (100, 60_000),
    "unreachable_suspicion_ms": (100, 60_000),
    "refused_suspicion_ms": (100, 60_000),
    "connect_timeout_ms": (50, 60_000),
    "refused_wait_ms": (20, 60_000),
    "streams": (0, 16),
    "vouch_hold_ms": (0, 600_000),
    "health_max": (0, 20),
    "gossip_interval_ms": (20, 60_000),
    "gossip_fanout": (1, 20),
    "retransmit_factor": (1, 20),
    "stir_rounds": (0, 100),
    "sync_interval_ms": (1_000, _DAY),
    "call_timeout_ms": (100, 60_000),
    "seed_interval_min_ms": (20, 60_000),
    "seed_interval_ms": (100, _DAY),
    "reconnect_interval_ms": (100, _DAY),
    "leave_linger_ms": (0, 60_000),
    "name_grace_ms": (0, _DAY),
    "down_keep_ms": (1_000, _YEAR),
    "left_keep_ms": (1_000, _YEAR),
    "packet_max_bytes": (600, 1_280),
    "queue_max": (16, 1_000_000),
    "evidence_max": (1, 1_000),
    "members_max": (2, 100_000),
    "newcomers_burst": (16, 100_000),
    "newcomers_per_s": (1, 10_000),
    "pending_max": (8, 65_536),
    "tags_gossip_bytes": (0, 512),
    "tags_max_bytes": (0, 65_536),
    "notify_interval_ms": (1_000, _DAY),
    "lag_grace_ms": (0, 60_000),
}
