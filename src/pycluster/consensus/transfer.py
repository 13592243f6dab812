"""Leadership transfer (Raft §3.10): back to the lowest ID after a hold-down, by hand, before a leader's process ends,
and away from a disk that is too slow.

Invariants: a leader stops acting before it sends TimeoutNow and is a follower right after; it hands over only to a
voter that holds its whole log; an automatic successor is alive, has answered for its hold-down, and reaches a quorum
itself.
"""

from __future__ import annotations

from pycluster.consensus.log import Voter
from pycluster.consensus.messages import Reach, ReachEcho, ReachQuery, ReachReply
from pycluster.consensus.plans import Asked, Attempt
from pycluster.consensus.replication import Replication
from pycluster.consensus.state import State
from pycluster.kernel.units import MILLISECOND

#: Election timeouts between two tries to be rid of leadership for a slow disk: nothing is proposed during one.
_RELIEF_TIMEOUTS = 10


class Transfer:
    """Who may take over, and whether it is time."""

    def __init__(self, state: State, replication: Replication) -> None:
        self._s = state
        self._replication = replication
        self.pinned = False
        self.attempt: Attempt | None = None
        self._losses: dict[str, tuple[int, int]] = {}
        self._asked: Asked | None = None
        self._ask_again_us = 0
        self._relieve_again_us = 0
        self._probe: Asked | None = None
        self._reached: set[str] = set()

    def reset(self) -> None:
        """Leadership began or ended."""
        self.pinned = False
        self.attempt = None
        self._asked = None
        self._ask_again_us = self._relieve_again_us = 0

    def give_up(self) -> None:
        """The attempt took too long: the leader goes on."""
        if self.attempt is not None and self.attempt.cause == "slow-disk":
            self._relieve_again_us = self._s.now_us + _RELIEF_TIMEOUTS * self._s.params.election_timeout_us
        self.attempt = None

    def note_loss(self, name: str) -> None:
        """``name`` lost leadership, or could not take it over: it must be healthy for longer the next time."""
        s = self._s
        if name not in self._losses and len(self._losses) >= s.params.peers_max:
            return
        self._losses[name] = (self._count(name) + 1, s.now_us)

    def hold_down_us(self, name: str) -> int:
        """How long ``name`` must be healthy before leadership is given back to it."""
        p = self._s.params
        hold_ms = p.hold_down_ms
        for _ in range(self._count(name) - 1):
            if hold_ms >= p.hold_down_max_ms:
                break
            hold_ms *= 2
        return min(hold_ms, p.hold_down_max_ms) * MILLISECOND

    def hold_down_left(self) -> dict[str, int]:
        """By name, for the view: what is left of each lower-named voter's hold-down."""
        s = self._s
        left = {}
        for seat in s.others:
            progress = self._replication.progress.get(seat.uuid)
            if seat.name < s.name and progress is not None:
                since_us = progress.healthy_since_us
                hold_us = self.hold_down_us(seat.name)
                left[seat.name] = hold_us if since_us is None else max(since_us + hold_us - s.now_us, 0)
        return left

    # The leader's side.

    def tick(self, acting: bool) -> None:
        """With each heartbeat of an acting leader: ask the lowest eligible voter whether it reaches a quorum."""
        s = self._s
        if self.pinned or s.draining or not acting or self._asked is not None or self.attempt is not None:
            return
        successor = self._successor()
        if successor is None or s.now_us < self._ask_again_us:
            return
        nonce = s.rng.getrandbits(48)
        self._asked = Asked(nonce, successor, s.now_us + s.params.election_timeout_us // 2)
        s.heartbeat(successor, ReachQuery(*s.header(successor), nonce))

    def on_reach_reply(self, message: ReachReply) -> None:
        """Where the successor reaches a quorum and is still eligible, hand over as soon as it has everything."""
        s, asked = self._s, self._asked
        if asked is None or message.nonce != asked.nonce or message.from_uuid != asked.peer.uuid:
            return
        self._asked = None
        self._ask_again_us = s.now_us + s.params.election_timeout_us
        reached = {seat for seat in s.voters if seat.uuid and (seat.uuid in message.reached or seat == asked.peer)}
        if len(reached) < s.needed:
            names = ", ".join(sorted(seat.name for seat in s.voters if seat not in reached))
            s.notify_once(
                "transfer-failed",
                asked.peer.name,
                f"{asked.peer.name} does not get leadership back yet: it reaches {len(reached)} of {len(s.voters)}"
                f" voters, {s.needed} needed; it does not reach {names}",
                node=asked.peer.name,
            )
            return
        if self.attempt is None and self._successor() == asked.peer:
            ends_us = s.now_us + s.params.transfer_timeout_ms * MILLISECOND
            self.attempt = Attempt(asked.peer, "return", ends_us)

    def relieve(self) -> None:
        """With each heartbeat of a leader: where its disk owes an answer for too long, hand over, and take no more.

        Under load nobody ever has the whole log of a leader that others commit for, however long its own disk takes.
        Where the others are no quorum by themselves it stays: whoever came next would wait for this disk's vote.
        """
        s = self._s
        since_us = s.journal.slow_since_us
        if since_us is None or s.now_us - since_us < s.params.election_timeout_us:
            return
        if s.draining or self.attempt is not None or s.now_us < self._relieve_again_us:
            return
        successor = self.best()
        if successor is not None and len(self._able()) >= s.needed:
            ends_us = s.now_us + s.params.transfer_timeout_ms * MILLISECOND
            self.attempt = Attempt(successor, "slow-disk", ends_us)

    def best(self) -> Voter | None:
        """The lowest voter that answers, those with the whole log first, then those with all that is committed."""
        book = self._replication
        behind = {seat: (not book.caught_up(seat.uuid), not book.follows(seat.uuid)) for seat in self._able()}
        return min(behind, key=lambda seat: (behind[seat], seat), default=None)

    def _able(self) -> list[Voter]:
        """The other voters that answer and are not known to be dead."""
        return [seat for seat in self._s.others if self._replication.answers(seat) and not self._s.dead(seat)]

    def _successor(self) -> Voter | None:
        """The lowest-named voter below this leader that is eligible."""
        s = self._s
        for seat in sorted(s.others):
            if seat.name >= s.name:
                break
            progress = self._replication.progress.get(seat.uuid)
            if progress is None or progress.healthy_since_us is None or s.dead(seat):
                continue
            if not self._replication.answers(seat) or not self._replication.follows(seat.uuid):
                continue
            if s.now_us - progress.healthy_since_us >= self.hold_down_us(seat.name):
                return seat
        return None

    def _count(self, name: str) -> int:
        count, last_us = self._losses.get(name, (0, 0))
        forgiven = (self._s.now_us - last_us) // (self._s.params.hold_down_decay_ms * MILLISECOND)
        return max(count - forgiven, 0)

    # The successor's side.

    def on_reach_query(self, leader: Voter, message: ReachQuery) -> None:
        """Probe every voter; nothing where this process is about to stop. Answered before the leader stops waiting."""
        s = self._s
        if s.draining:
            return
        self._probe = Asked(message.nonce, leader, s.now_us + s.params.election_timeout_us // 4)
        self._reached = {s.uuid}
        for seat in s.others:
            s.heartbeat(seat, Reach(*s.header(seat), message.nonce))
        self._answer_if_enough()

    def on_reach(self, sender: Voter, message: Reach) -> None:
        """A successor probes: answer."""
        self._s.heartbeat(sender, ReachEcho(*self._s.header(sender), message.nonce))

    def on_reach_echo(self, message: ReachEcho) -> None:
        """One more is reached."""
        if self._probe is not None and message.nonce == self._probe.nonce:
            if any(seat.uuid == message.from_uuid for seat in self._s.others):
                self._reached.add(message.from_uuid)
            self._answer_if_enough()

    def expire(self) -> None:
        """A question without an answer is asked again later; a probe that too few answered is answered so."""
        if self._asked is not None and self._s.now_us >= self._asked.ends_us:
            self._asked = None
            self._ask_again_us = self._s.now_us + self._s.params.election_timeout_us
        if self._probe is not None and self._s.now_us >= self._probe.ends_us:
            self._answer(self._probe)

    def next_deadline(self) -> int | None:
        """The end of a question or of an attempt."""
        if self._asked is None and self._probe is None and self.attempt is None:
            return None
        ends = [asked.ends_us for asked in (self._asked, self._probe, self.attempt) if asked is not None]
        return min(ends, default=None)

    def _answer_if_enough(self) -> None:
        if self._probe is not None and len(self._reached) >= self._s.needed:
            self._answer(self._probe)

    def _answer(self, probe: Asked) -> None:
        s = self._s
        self._probe = None
        s.heartbeat(probe.peer, ReachReply(*s.header(probe.peer), probe.nonce, tuple(sorted(self._reached))))
