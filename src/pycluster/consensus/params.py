"""The consensus core's parameters."""

from __future__ import annotations

import msgspec

from pycluster.kernel.errors import LocalMisuse
from pycluster.kernel.units import MILLISECOND


class Params(msgspec.Struct, frozen=True):
    """Every timing and bound of an election, a lease and a log. Wrong combinations raise ``LocalMisuse``.

    ``heartbeat_interval_ms`` (ms, 10 to a third of the lease): the pause between a leader's heartbeats; three chances
    to renew the lease before it runs out.

    ``election_timeout_ms`` (ms, 100 to 60,000): a follower's promise. For this long after a heartbeat it helps nobody
    else to leadership (Raft §4.2.3, §6); also how long a restarted voter stays silent and how long a leader without a
    quorum keeps the title.

    ``lease_ms`` (ms, below 0.9 x the election timeout): how long after a heartbeat that a quorum acknowledged a
    leader may act; the missing tenth is for clocks that run at different rates. Also how long a successor elected on
    evidence may have to wait before it acts, so that it is short; three heartbeats fit into it.

    ``rank_step_ms`` (ms, 30 to a quarter of the election timeout): the wait per lower-named rival before standing: long
    enough for the rival's two round trips and two fsyncs. Stretched by what this voter's own disk was seen to take.

    ``hold_down_ms`` / ``hold_down_max_ms`` (ms, 0 or more): how long a lower ID must be healthy before it is given
    leadership; doubled with each leadership it loses, up to the maximum, so that a sick node cannot make the cluster
    flap.

    ``hold_down_decay_ms`` (ms): one such doubling is forgiven after this long without a loss.

    ``bootstrap_interval_ms`` / ``bootstrap_interval_max_ms`` (ms): the pause between an empty voter's questions while
    the cluster forms, and what it backs off to.

    ``bootstrap_grace_ms`` (ms): how long a majority of empty voters waits for lower-named listed voters that are not
    up.

    ``answer_ttl_ms`` (ms, above the longest bootstrap interval): how long an empty voter's answer stands.

    ``replace_grace_ms`` (ms): how long a seat's holder must be silent before a new disk under its name may take the
    seat.

    ``replace_dead_ms`` (ms, 0: never, or no less than ``replace_grace_ms``): how long a voter must be down before the
    leader gives its seat to a member that has none.

    ``append_entries_max`` (entries), ``append_bytes_max`` (bytes of commands): one append message; below the frame's
    bound.

    ``append_inflight_max`` (messages): unanswered appends per follower.

    ``commit_notice_ms`` (ms, 1 to the heartbeat interval): followers hear of a commit with the entries that follow, and
    this long after they last heard of one at the latest; those who watch at a follower wait no longer.

    ``append_resend_ms`` (ms): an unanswered append, or piece of a snapshot, is taken for lost after this.

    ``proposals_max`` (entries, 1 or more): what may be appended and not committed; one more is refused, for a leader
    that cannot commit must not fill its memory and disk.

    ``reads_max`` (reads, 1 or more): linearizable reads that wait for a round of heartbeats; one more is refused.

    ``kept_max`` (entries, 0 or more), ``kept_bytes_max`` (bytes of commands, 0 or more): what stays of the log when a
    snapshot covers it, so that a follower that was away for a moment needs no snapshot; it is kept in memory.

    ``transfer_timeout_ms`` (ms): how long a transfer by hand waits for its target to catch up.

    ``resign_timeout_ms`` (ms): how long a resignation looks for a leader that accepts it.

    ``acting_step_ms`` (ms, at most a quarter of the lease): the lease's recorded end moves in steps of at least this,
    to bound the records.

    ``held_max`` (effects): what may wait for the disk; past it the oldest messages are dropped, as a network would.

    ``notify_interval_ms`` (ms): one complaint per peer and kind in this time.

    ``peers_max`` (peers): how many strangers' names are remembered for that.
    """

    heartbeat_interval_ms: int = 150
    election_timeout_ms: int = 1_000
    lease_ms: int = 500
    rank_step_ms: int = 50
    hold_down_ms: int = 5_000
    hold_down_max_ms: int = 300_000
    hold_down_decay_ms: int = 600_000
    bootstrap_interval_ms: int = 300
    bootstrap_interval_max_ms: int = 1_000
    bootstrap_grace_ms: int = 500
    answer_ttl_ms: int = 2_500
    replace_grace_ms: int = 10_000
    replace_dead_ms: int = 0
    append_entries_max: int = 64
    append_bytes_max: int = 2_097_152
    append_inflight_max: int = 4
    commit_notice_ms: int = 10
    append_resend_ms: int = 500
    proposals_max: int = 4_096
    reads_max: int = 8_192
    kept_max: int = 4_096
    kept_bytes_max: int = 33_554_432
    transfer_timeout_ms: int = 1_000
    resign_timeout_ms: int = 10_000
    acting_step_ms: int = 100
    held_max: int = 1_024
    notify_interval_ms: int = 60_000
    peers_max: int = 64

    def __post_init__(self) -> None:
        for wrong, why in (
            (
                self.lease_ms * 10 >= self.election_timeout_ms * 9,
                f"lease_ms = {self.lease_ms} must be below 0.9 x election_timeout_ms = {self.election_timeout_ms}: a"
                " leader must stop acting before a follower whose clock runs faster may elect another",
            ),
            (
                self.heartbeat_interval_ms * 3 > self.lease_ms,
                f"heartbeat_interval_ms = {self.heartbeat_interval_ms} must be at most a third of lease_ms ="
                f" {self.lease_ms}: one lost heartbeat must not cost the lease",
            ),
            (self.heartbeat_interval_ms < 10, "heartbeat_interval_ms must be at least 10"),
            (
                not 100 <= self.election_timeout_ms <= 60_000,
                f"election_timeout_ms = {self.election_timeout_ms} must lie in 100 to 60000",
            ),
            (
                not 30 <= self.rank_step_ms <= max(30, self.election_timeout_ms // 4),
                f"rank_step_ms = {self.rank_step_ms} must lie between 30 and a quarter of election_timeout_ms",
            ),
            (
                not 1 <= self.acting_step_ms <= self.lease_ms // 4,
                f"acting_step_ms = {self.acting_step_ms} must lie in 1 to a quarter of lease_ms = {self.lease_ms}",
            ),
            (
                self.answer_ttl_ms <= self.bootstrap_interval_max_ms,
                "answer_ttl_ms must be above bootstrap_interval_max_ms: an answer must outlive the next question",
            ),
            (not 0 <= self.hold_down_ms <= self.hold_down_max_ms, "hold_down_ms must lie in 0 to hold_down_max_ms"),
            (
                self.replace_dead_ms != 0 and self.replace_dead_ms < self.replace_grace_ms,
                f"replace_dead_ms = {self.replace_dead_ms} must be 0 or at least replace_grace_ms ="
                f" {self.replace_grace_ms}: whoever restarts must not lose its seat",
            ),
            (self.bootstrap_interval_ms < 10, "bootstrap_interval_ms must be at least 10"),
            (
                min(self.append_entries_max, self.append_inflight_max, self.append_bytes_max, self.held_max) < 1,
                "append_entries_max, append_inflight_max, append_bytes_max and held_max must be at least 1",
            ),
            (
                not 1 <= self.commit_notice_ms <= self.heartbeat_interval_ms,
                f"commit_notice_ms = {self.commit_notice_ms} must lie in 1 to heartbeat_interval_ms",
            ),
            (
                min(self.proposals_max, self.reads_max) < 1 or min(self.kept_max, self.kept_bytes_max) < 0,
                "proposals_max and reads_max must be at least 1, kept_max and kept_bytes_max at least 0",
            ),
        ):
            if wrong:
                raise LocalMisuse("the election's parameters do not fit together", why=why, remedy="change one of them")

    @property
    def heartbeat_interval_us(self) -> int:
        """Microseconds."""
        return self.heartbeat_interval_ms * MILLISECOND

    @property
    def election_timeout_us(self) -> int:
        """Microseconds."""
        return self.election_timeout_ms * MILLISECOND

    @property
    def lease_us(self) -> int:
        """Microseconds."""
        return self.lease_ms * MILLISECOND
