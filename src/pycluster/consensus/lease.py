"""The leader's lease: when it may act, and when it must give up (Raft §6.4.1, §6.2 check-quorum).

Invariants: a leader acts only while now < the end it last recorded; that end is never past (send time of the newest
heartbeat that a quorum acknowledged) + the lease, nor past nine tenths of what that quorum promised; no acting before
the term's first entry is committed, nor before every former leader's lease is over by the word of those that elected
this one; none in a term in which this leader has sent TimeoutNow, for it is no leader any more then.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

from pycluster.consensus.effects import ActingRenewed, ActingStarted, ActingStopped
from pycluster.consensus.electorate import Electorate
from pycluster.consensus.messages import Heartbeat, HeartbeatReply
from pycluster.consensus.replication import Progress, Replication
from pycluster.consensus.state import State
from pycluster.kernel.units import MILLISECOND

#: Election timeouts that a leader has for its term's first entry; a disk that takes as long elects nobody anyway.
_BARREN_TIMEOUTS = 4
_ROUND: Callable[[Progress], int | None] = attrgetter("round_us")
_UNTIL: Callable[[Progress], int | None] = attrgetter("lease_until_us")


class Lease:
    """Heartbeats, their acknowledgements, and the acting interval that rests on them."""

    def __init__(self, state: State, replication: Replication) -> None:
        self._s = state
        self._replication = replication
        self.acting = False
        #: Whether it has acted since it was elected.
        self.acted = False
        self.until_us = 0
        self.heartbeat_due_us = 0
        #: Until then a former leader's lease may run.
        self.not_before_us = 0
        self._began_us = 0
        self._round_us = 0
        #: When the last heartbeat of any kind was sent, and how many such moments there were.
        self.newest_us = 0
        self.rounds = 0
        #: What was committed then.
        self._told_index = 0
        #: What the others contribute to a quorum's times, and of which answers and voters that was worked out.
        self._others_th: dict[Callable[[Progress], int | None], int | None] = {}
        self._counted = -1
        self._counted_of: Electorate | None = None

    def begin(self, not_before_us: int) -> None:
        """Elected: the first heartbeats are due now; no acting before ``not_before_us``."""
        self._began_us = self._round_us = self.heartbeat_due_us = self._s.now_us
        self.not_before_us = not_before_us
        self.acted = False

    def lapse(self) -> None:
        """Checked before anything else in every ``handle``: stop, as of the lease's end, when that is past."""
        if self.acting and self._s.now_us >= self.until_us:
            # Whoever answered the last heartbeat of this lease, and none since, counts as silent.
            window_us = self._s.params.lease_us - self._s.params.heartbeat_interval_us
            self._stop(self.until_us, f"its lease ran out: {self._s.reach_text(window_us)}")

    def stop(self, reason: str) -> None:
        """Stop acting now."""
        if self.acting:
            self._stop(min(self._s.now_us, self.until_us), reason)

    def tick(self) -> bool:
        """Send the heartbeats that are due; whether they were."""
        s = self._s
        if s.now_us < self.heartbeat_due_us:
            return False
        self.heartbeat_due_us = s.now_us + s.params.heartbeat_interval_us
        for progress in self._replication.progress.values():
            self._beat(progress)
        self._round_us = s.now_us
        return True

    def notice(self) -> None:
        """Tell the followers what was committed since the last heartbeat, unless that was just now."""
        s = self._s
        if s.commit_index > self._told_index and s.now_us >= self._notice_us:
            self.confirm()

    @property
    def _notice_us(self) -> int:
        # Where entries tell of one commit after the other, the next ones will tell of this.
        return max(self.newest_us, self._replication.told_us) + self._s.params.commit_notice_ms * MILLISECOND

    def _beat(self, progress: Progress) -> None:
        """By datagram; also by the connection where the last round's came to nothing: either may be blocked."""
        s, message = self._s, self._heartbeat(progress)
        self._sent()
        s.datagram(progress.seat, message)
        if progress.round_us is None or progress.round_us < self._round_us:
            s.heartbeat(progress.seat, message)

    def _sent(self) -> None:
        s = self._s
        self._told_index = self._replication.told_index = s.commit_index
        if s.now_us > self.newest_us:
            self.newest_us = s.now_us
            self.rounds += 1

    def _heartbeat(self, progress: Progress) -> Heartbeat:
        s = self._s
        commit_index = min(s.commit_index, progress.match_index)
        return Heartbeat(*s.header(progress.seat), s.now_us, commit_index, s.params.lease_us)

    def confirm(self) -> bool:
        """Ask everybody whether this node still leads; False where a heartbeat of this very microsecond was sent.

        By datagram only: where none gets through, the next heartbeat that is due goes by the connection too.
        """
        s = self._s
        if s.now_us <= self.newest_us:
            return False
        self._sent()
        for progress in self._replication.progress.values():
            s.datagram(progress.seat, self._heartbeat(progress))
        return True

    @property
    def confirmed_us(self) -> int:
        """Send time of the newest heartbeats that a quorum has answered; now, where this node is one by itself."""
        return self._quorum_th(self._s.now_us, _ROUND) or 0

    def on_reply(self, message: HeartbeatReply) -> None:
        """A follower promised, counted from the heartbeat's send time; one that is no news counts for nothing."""
        progress = self._replication.progress.get(message.from_uuid)
        if progress is None or not self._began_us <= message.sent_us <= self._s.now_us:
            return
        if progress.round_us is not None and message.sent_us <= progress.round_us:
            return
        s, promise_us = self._s, message.promise_us * 9 // 10
        progress.round_us = message.sent_us
        self._replication.book_version += 1
        if message.sent_us >= progress.counts_from_us:
            progress.lease_until_us = message.sent_us + min(s.params.lease_us, promise_us)
        if promise_us < s.params.lease_us:
            self._complain(progress.seat.name, message.promise_us)
        self._replication.on_contact(progress)

    def on_stream_ended(self, uuid: str) -> None:
        """That follower may be gone: it counts when it answers what it is sent from now on; no quorum, no acting."""
        s, progress = self._s, self._replication.progress.get(uuid)
        if progress is None or s.now_us - progress.counts_from_us < s.params.heartbeat_interval_us:
            return  # nobody's streams end so often, and acting must not begin and end with each
        progress.lease_until_us = None
        self._replication.book_version += 1
        progress.counts_from_us = s.now_us
        self._beat(progress)
        until_us = self._quorum_until_us()
        if until_us is None or until_us <= s.now_us:
            gone = (seat.name for seat in s.others if self._lacks(seat.uuid))
            self.stop(f"the streams to {', '.join(gone)} ended, and what is left is no quorum")

    def _lacks(self, uuid: str) -> bool:
        """Whether that follower has not answered since its stream ended."""
        progress = self._replication.progress.get(uuid)
        return progress is not None and progress.counts_from_us > 0 and progress.lease_until_us is None

    def renew(self) -> None:
        """Act, or act on, where a quorum's promises allow it."""
        s = self._s
        until_us = self._quorum_until_us()
        if until_us is None or s.journal.term_at(s.commit_index) != s.term:
            return
        if s.now_us < self.not_before_us:
            return
        step_us = s.params.acting_step_ms * MILLISECOND
        # What a lease just over had left unrecorded is no new one.
        if not self.acting and until_us >= s.now_us + step_us:
            self.acting, self.acted, self.until_us = True, True, until_us
            s.reason = f"acts in term {s.term}: {s.reach_text(s.params.election_timeout_us)}"
            s.effects.append(ActingStarted(s.term, s.now_us, until_us))
        elif self.acting and until_us - self.until_us >= step_us:
            self.until_us = until_us
            s.effects.append(ActingRenewed(s.term, until_us))

    def waits(self, now_us: int) -> bool:
        """Whether a former leader's lease is all that it waits for."""
        s = self._s
        if self.acting or now_us >= self.not_before_us or s.journal.term_at(s.commit_index) != s.term:
            return False
        until_us = self._quorum_until_us()
        return until_us is not None and now_us < until_us

    @property
    def quorum_lost_us(self) -> int:
        """When a leader without a quorum gives the title up (check-quorum)."""
        round_us = self._quorum_th(self._s.now_us, _ROUND)
        return max(self._began_us, round_us or 0) + self._s.timeout_us

    @property
    def barren_us(self) -> int | None:
        """When a leader whose first entry nobody takes gives the title up: its heartbeats may go another way."""
        s = self._s
        if s.journal.term_at(s.commit_index) == s.term:
            return None
        return self._began_us + _BARREN_TIMEOUTS * s.params.election_timeout_us

    def next_deadline(self) -> int:
        """The next heartbeat, the lease's end or that of a former leader's, or the end of the title."""
        due = min(self.heartbeat_due_us, self.quorum_lost_us)
        if (barren_us := self.barren_us) is not None:
            due = min(due, barren_us)
        if self._s.commit_index > self._told_index and self._replication.progress:
            due = min(due, self._notice_us)
        if self.acting:
            return min(due, self.until_us)
        return min(due, self.not_before_us) if self._s.now_us < self.not_before_us else due

    def _quorum_until_us(self) -> int | None:
        """Until when the promises of a quorum last."""
        own_us = self._s.now_us + self._s.lease_us
        return self._quorum_th(own_us, _UNTIL)

    def _stop(self, at_us: int, reason: str) -> None:
        self.acting = False
        self._s.reason = f"{self._s.name} may not act: {reason}"
        self._s.effects.append(ActingStopped(self._s.term, at_us, reason))

    def _quorum_th(self, own_us: int, of: Callable[[Progress], int | None]) -> int | None:
        """The newest time that a quorum of voters has reached, as ``of`` reads it; this node is at ``own_us``.

        Nobody else is ever ahead of this node, so what the others contribute changes only when one of them answers.
        """
        electorate, replication = self._s.electorate, self._replication
        if self._counted != replication.book_version or self._counted_of is not electorate:
            self._counted, self._counted_of = replication.book_version, electorate
            self._others_th = {each: self._others_have(electorate, each) for each in (_ROUND, _UNTIL)}
        return own_us if electorate.seated and electorate.needed == 1 else self._others_th[of]

    def _others_have(self, electorate: Electorate, of: Callable[[Progress], int | None]) -> int | None:
        book, needed = self._replication.progress, electorate.needed - electorate.seated
        known = (of(progress) for seat in electorate.others if (progress := book.get(seat.uuid)) is not None)
        times = sorted(at_us for at_us in known if at_us is not None)
        return times[-needed] if 0 < needed <= len(times) else None

    def _complain(self, name: str, promise_us: int) -> None:
        s = self._s
        promise_ms = promise_us // MILLISECOND
        s.notify_once(
            "election-timeout-differs",
            name,
            f"{name} has election_timeout_ms = {promise_ms}, this leader {s.params.election_timeout_ms}: the lease is"
            f" cut to nine tenths of the shorter; make them the same on all voters",
            node=name,
            theirs=promise_ms,
            ours=s.params.election_timeout_ms,
        )
