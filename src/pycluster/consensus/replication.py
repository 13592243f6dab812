"""Log replication (Raft §5.3): the leader's book on each follower, and the follower's answer.

Invariants: a leader appends to its own log and never rewrites it; ``match_index`` never falls; the leader's own copy
counts when its disk has it; only entries of the leader's own term are committed by counting (§5.4.2).
"""

from __future__ import annotations

import msgspec

from pycluster.consensus.effects import Committed, Halt, PieceWanted
from pycluster.consensus.electorate import majority
from pycluster.consensus.events import SnapshotPiece
from pycluster.consensus.log import Configuration, Entry, Payload, Voter
from pycluster.consensus.messages import AppendEntries, AppendReply, InstallReply, InstallSnapshot
from pycluster.consensus.state import State
from pycluster.kernel.units import MILLISECOND


class Progress:
    """What the leader knows of one follower.

    ``round_us``: send time of the newest heartbeat it acknowledged; ``lease_until_us``: until when it promised not to
    elect anyone else, by this leader's clock and less what clocks may drift apart; ``counts_from_us``: heartbeats sent
    earlier do not count for that, since its stream ended then.
    """

    def __init__(self, seat: Voter, next_index: int, now_us: int) -> None:
        self.seat = seat
        self.next_index = next_index
        self.match_index = 0
        self.probing = True
        self.inflight = 0
        self.sent_us = now_us
        self.answered_us = now_us
        self.answered = False
        self.round_us: int | None = None
        self.lease_until_us: int | None = None
        self.counts_from_us = 0
        self.healthy_since_us: int | None = None
        #: Set when the seat is gone: the former holder is told so until then.
        self.retire_us: int | None = None
        #: The piece of which snapshot it was sent last, or None; asked of the node above, while that is out.
        self.installing: Installing | None = None


class Installing:
    """A snapshot on its way to a follower: the piece ``number`` of the state at ``index`` was sent at ``sent_us``."""

    def __init__(self, index: int, number: int, sent_us: int) -> None:
        self.index = index
        self.number = number
        self.sent_us = sent_us


class Replication:
    """The leader's side; empty on anyone else."""

    def __init__(self, state: State) -> None:
        self._s = state
        self.progress: dict[str, Progress] = {}
        #: Rises with whatever changes ``round_us`` or ``lease_until_us`` of anyone in the book, or who is in it.
        self.book_version = 0
        #: The newest commit that followers were told of, and when entries last told of one.
        self.told_index = self.told_us = 0

    def begin(self) -> None:
        """A new leader knows nothing of its followers' logs."""
        self.progress.clear()
        self.book_version += 1
        if self._s.configuration is not None:
            self.sync(self._s.journal.last_index + 1)

    def end(self) -> None:
        """No leader any more."""
        self.progress.clear()
        self.book_version += 1

    def sync(self, next_index: int) -> None:
        """Make the book agree with the newest configuration; newcomers are first offered ``next_index``."""
        s = self._s
        configuration = s.configuration
        assert configuration is not None
        seats = {
            seat.uuid: seat
            for seat in configuration.voters + configuration.learners
            if seat.uuid and seat.uuid != s.uuid
        }
        for uuid, seat in seats.items():
            if uuid not in self.progress:
                self.progress[uuid] = Progress(seat, next_index, s.now_us)
                self.book_version += 1
            self.progress[uuid].retire_us = None
        for uuid, progress in self.progress.items():
            if uuid not in seats and progress.retire_us is None:
                progress.retire_us = s.now_us + s.params.replace_grace_ms * MILLISECOND

    def append(self, *payloads: Payload) -> Entry:
        """Put entries of this term at the log's end; gives the last one back."""
        s = self._s
        first = s.journal.last_index + 1
        entries = tuple(Entry(first + offset, s.term, payload) for offset, payload in enumerate(payloads))
        s.journal.append(entries)
        if s.journal.configuration_index >= first:
            self.sync(first)
        self.pump_all()
        return entries[-1]

    def pump_all(self) -> None:
        """Send whatever may be sent to anyone."""
        for progress in self.progress.values():
            self.pump(progress)

    def tick(self) -> None:
        """With every heartbeat: take unanswered appends for lost, let former voters go."""
        s = self._s
        resend_us = s.params.append_resend_ms * MILLISECOND
        for uuid, progress in list(self.progress.items()):
            if progress.retire_us is not None:
                told = progress.match_index >= s.journal.configuration_index
                if s.now_us >= progress.retire_us or (told and s.commit_index >= s.journal.configuration_index):
                    del self.progress[uuid]
                    self.book_version += 1
                    continue
            if progress.inflight and s.now_us - progress.sent_us >= resend_us:
                self._back_to(progress, progress.match_index + 1 if progress.match_index else progress.next_index)
            installing = progress.installing
            if installing is not None and not self._may_send(progress):
                progress.installing = None  # it begins anew when it is back
            elif installing is not None and s.now_us - installing.sent_us >= resend_us:
                self._want(progress, installing.index, installing.number)
            self.pump(progress)

    def pump(self, progress: Progress) -> None:
        """Send entries while the follower answers and the bounds allow; one message at a time while probing."""
        s = self._s
        if not self._may_send(progress) or progress.installing is not None:
            return
        if progress.next_index <= s.journal.base.index:
            self._want(progress, 0, 0)
            return
        allowed = 1 if progress.probing else s.params.append_inflight_max
        while progress.next_index <= s.journal.last_index and progress.inflight < allowed:
            prev_index = progress.next_index - 1
            prev_term = s.journal.term_at(prev_index)
            assert prev_term is not None
            entries = s.journal.slice(progress.next_index, s.params.append_entries_max, s.params.append_bytes_max)
            message = AppendEntries(*s.header(progress.seat), prev_index, prev_term, entries, s.commit_index)
            s.bulk(progress.seat, message)
            progress.inflight += 1
            progress.sent_us = s.now_us
            if s.commit_index > self.told_index:
                self.told_index, self.told_us = s.commit_index, s.now_us
            if not progress.probing:
                progress.next_index += len(entries)

    def on_contact(self, progress: Progress) -> None:
        """A heartbeat came back; after a silence, find out anew what the follower has."""
        s = self._s
        if s.now_us - progress.answered_us >= s.params.election_timeout_us:
            progress.healthy_since_us = None
            self._back_to(progress, progress.match_index + 1 if progress.match_index else progress.next_index)
        if progress.healthy_since_us is None:
            progress.healthy_since_us = s.now_us
        progress.answered_us = s.now_us
        progress.answered = True
        self.pump(progress)

    def note_health(self, uuid: str, alive: bool) -> None:
        """Membership's word: whoever is dead is not healthy, however lately it answered."""
        progress = self.progress.get(uuid)
        if progress is not None and not alive:
            progress.healthy_since_us = None

    def on_reply(self, message: AppendReply) -> None:
        """A follower answered an append."""
        progress = self.progress.get(message.from_uuid)
        if progress is None:
            return
        progress.inflight = max(progress.inflight - 1, 0)
        if message.success:
            progress.match_index = max(progress.match_index, min(message.match_index, self._s.journal.last_index))
            progress.next_index = max(progress.next_index, progress.match_index + 1)
            progress.probing = False
            if progress.installing is not None and progress.match_index >= progress.installing.index:
                progress.installing = None
        elif message.prev_index > progress.match_index and not (
            progress.probing and message.prev_index != progress.next_index - 1
        ):
            self._back_to(progress, self._hint(message))
        self.pump(progress)

    # The state itself, for a follower whose next entry is folded away.

    def on_piece(self, piece: SnapshotPiece) -> None:
        """The node above gave what was wanted: send it."""
        s, progress = self._s, self.progress.get(piece.uuid)
        if progress is None or progress.installing is None:
            return
        progress.installing = Installing(piece.snapshot.index, piece.number, s.now_us)
        header = s.header(progress.seat)
        s.bulk(progress.seat, InstallSnapshot(*header, piece.snapshot, piece.number, piece.data, piece.done))

    def on_install_reply(self, message: InstallReply) -> None:
        """A follower took a piece, or wants another one than it was sent."""
        progress = self.progress.get(message.from_uuid)
        installing = None if progress is None else progress.installing
        if progress is None or installing is None or message.index != installing.index:
            return
        if message.number in (0, installing.number + 1):
            self._want(progress, installing.index if message.number else 0, message.number)

    def _want(self, progress: Progress, index: int, number: int) -> None:
        s = self._s
        progress.installing = Installing(index, number, s.now_us)
        progress.inflight = 0
        s.effects.append(PieceWanted(progress.seat.name, progress.seat.uuid, index, number))

    def _may_send(self, progress: Progress) -> bool:
        """Whether the follower answers lately."""
        return self._s.now_us - progress.answered_us < self._s.timeout_us

    def advance_commit(self) -> bool:
        """Commit what a majority holds durably, if it is of this term (Raft §5.4.2). Whether anything was."""
        s = self._s
        if s.commit_index == s.journal.last_index:
            return False
        matches = sorted((self._match(seat) for seat in s.voters), reverse=True)
        index = matches[majority(len(matches)) - 1] if matches else 0
        if index <= s.commit_index or s.journal.term_at(index) != s.term:
            return False
        commit_to(s, index)
        return True

    def caught_up(self, uuid: str) -> bool:
        """Whether that follower has everything."""
        progress = self.progress.get(uuid)
        return progress is not None and progress.match_index == self._s.journal.last_index

    def follows(self, uuid: str) -> bool:
        """Whether that follower has all that is committed; under load more is always on its way."""
        progress = self.progress.get(uuid)
        return progress is not None and progress.match_index >= self._s.commit_index

    def answers(self, seat: Voter) -> bool:
        """Whether that follower answered within an election timeout."""
        progress = self.progress.get(seat.uuid) if seat.uuid else None
        if progress is None or not progress.answered:
            return False
        return self._s.now_us - progress.answered_us < self._s.params.election_timeout_us

    def _match(self, seat: Voter) -> int:
        if seat == self._s.me:
            return self._s.journal.durable_index
        progress = self.progress.get(seat.uuid) if seat.uuid else None
        return progress.match_index if progress else 0

    def _back_to(self, progress: Progress, index: int) -> None:
        progress.next_index = max(index, progress.match_index + 1, 1)
        progress.probing = True
        progress.inflight = 0

    def _hint(self, message: AppendReply) -> int:
        """Skip a whole conflicting term at a time (Raft §5.3, the optimisation)."""
        journal = self._s.journal
        if message.conflict_term:
            after = journal.first_index_of(message.conflict_term + 1)
            if after > 1 and journal.term_at(after - 1) == message.conflict_term:
                return min(after, message.prev_index)
        return max(1, min(message.conflict_index, message.prev_index))


def commit_to(s: State, index: int) -> None:
    """Everything up to ``index`` is committed for good."""
    committed = s.journal.between(s.commit_index + 1, index)
    s.commit_index = index
    s.effects.append(Committed(committed))


def on_append(s: State, sender: Voter, message: AppendEntries) -> None:
    """The follower's side of AppendEntries; the caller has checked term and cluster (Raft figure 3.1, §5.3)."""
    journal = s.journal
    if not _well_formed(message):
        s.counters["appends_malformed"] += 1
        return
    if message.prev_index < journal.base.index:
        # Folded away here, so committed, and the same: what follows on the base is all that may be new.
        message = _beyond(message, journal.base.index, journal.base.term)
    prev_term = journal.term_at(message.prev_index)
    if prev_term != message.prev_term:
        conflict_term = prev_term or 0
        conflict_index = journal.first_index_of(conflict_term) if conflict_term else journal.last_index + 1
        reply = AppendReply(*s.header(sender), False, message.prev_index, 0, conflict_term, conflict_index)
        s.bulk(sender, reply)
        return
    new = message.entries
    while new and journal.term_at(new[0].index) == new[0].term:
        new = new[1:]
    if new and new[0].index <= journal.last_index:
        if new[0].index <= s.commit_index:
            s.effects.append(
                Halt(
                    f"leader {sender.name} contradicts the committed entry {new[0].index}: the log of this node or"
                    " of the leader is damaged; nothing was changed"
                )
            )
            return
        journal.truncate_from(new[0].index)
    if new:
        journal.append(new)
    match_index = message.prev_index + len(message.entries)
    commit = min(message.commit_index, match_index)
    if commit > s.commit_index:
        commit_to(s, commit)
    token = 0 if journal.durable_index >= match_index else journal.token
    s.bulk(sender, AppendReply(*s.header(sender), True, message.prev_index, match_index), token)


def _beyond(message: AppendEntries, index: int, term: int) -> AppendEntries:
    """The same, with what comes up to ``index`` left out; where that is all of it, an empty one that ends there."""
    entries = tuple(entry for entry in message.entries if entry.index > index)
    return msgspec.structs.replace(message, prev_index=index, prev_term=term, entries=entries)


def _well_formed(message: AppendEntries) -> bool:
    """Whether the entries follow on each other, within the leader's term and cluster, a configuration first of all."""
    index, term = message.prev_index, message.prev_term
    for entry in message.entries:
        index += 1
        if entry.index != index or not term <= entry.term <= message.term:
            return False
        if isinstance(entry.payload, Configuration):
            if entry.payload.cluster_uuid != message.cluster_uuid or not entry.payload.voters:
                return False
        elif index == 1:
            return False
        term = entry.term
    return True
