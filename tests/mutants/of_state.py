"""Defects of the replicated state: what is read, what is applied, what a snapshot holds, what watchers hear."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

JOURNAL = "consensus/journal.py"
RAFT = "consensus/raft.py"
READS = "consensus/reads.py"
REPLICA = "node/replica.py"
POLLING = "node/polling.py"
CONTENTS = "store/contents.py"
KEYSPACE = "store/keyspace.py"
LESSOR = "store/lessor.py"
TRANSACTION = "store/transaction.py"
WATCHES = "store/watches.py"

MUTANTS = (
    Mutant(
        "read-without-a-round",
        "a read is answered by whoever believes to lead (Raft §6.4)",
        READS,
        "if self._asked and self._lease.confirmed_us >= self._round_us:",
        "if self._asked:",
        scenario="an_old_leader_cut_off_with_its_clients",
        tries=5,
    ),
    Mutant(
        "read-with-an-old-round",
        "answers to heartbeats that were sent before a read came count for it",
        READS,
        "if self._fresh and not self._asked and (self._lease.rounds > self._came or self._lease.confirm()):",
        "if self._fresh and not self._asked:",
        scenario="an_old_leader_cut_off_with_its_clients",
        tries=5,
    ),
    Mutant(
        "read-before-the-no-op",
        "a new leader answers reads before an entry of its term is committed",
        READS,
        "return self._s.journal.term_at(self._s.commit_index) == self._s.term",
        "return bool(self._s.term)",
        scenario="a_leader_that_knows_of_no_commit",
        tries=5,
    ),
    Mutant(
        "serializable-for-linearizable",
        "every read is answered from what the replica has",
        REPLICA,
        "elif isinstance(request, Range) and request.serializable:",
        "elif isinstance(request, Range):",
        scenario="an_old_leader_cut_off_with_its_clients",
        tries=5,
    ),
    Mutant(
        "entry-applied-twice",
        "an entry is applied twice",
        REPLICA,
        "applied = self.store.apply(command)",
        'applied = (self.store.apply(msgspec.structs.replace(command, request_id=b"")), self.store.apply(command))[1]',
    ),
    Mutant(
        "applied-out-of-order",
        "entries that are committed together are applied from the last to the first",
        REPLICA,
        "for entry in entries:",
        "for entry in reversed(entries):",
    ),
    Mutant(
        "answered-with-another-result",
        "a write is answered with what the entry before it gave",
        REPLICA,
        "written = self._writes.pop(entry.index, None)",
        "written = self._writes.pop(entry.index + 1, None)",
    ),
    Mutant(
        "installed-at-the-old-index",
        "a state that came from a leader is taken for the one at the last entry that was applied",
        REPLICA,
        "self.applied, self._since_bytes = snapshot.index, 0",
        "self.applied, self._since_bytes = self.applied, 0",
    ),
    Mutant(
        "expiry-not-through-the-log",
        "the leader ends a lease in its own copy alone",
        REPLICA,
        "self._propose(store.LeaseRevoke(number, expired=True))",
        'self.store.apply(store.Command(b"", store.LeaseRevoke(number, expired=True)))',
    ),
    Mutant(
        "leases-not-extended",
        "a new leader takes every lease for expired",
        LESSOR,
        "deadline = self._deadlines[lease] = now_us + self._store.granted_ttl_s(lease) * SECOND",
        "deadline = self._deadlines[lease] = now_us",
        scenario="leases_after_a_change",
        tries=3,
    ),
    Mutant(
        "leases-outlive-their-leader",
        "a new leader ends no lease that another one granted",
        REPLICA,
        "self.lessor.promote(self._now)",
        "self.lessor.demote()",
        scenario="leases_after_a_change",
        tries=3,
    ),
    Mutant(
        "revoked-lease-leaves-its-keys",
        "a lease ends and its keys stay",
        TRANSACTION,
        "for key in self._leases.keys(lease):",
        "for key in self._leases.keys(lease)[:0]:",
    ),
    Mutant(
        "snapshot-of-a-later-state",
        "what is written while a snapshot is taken is in it",
        CONTENTS,
        "last = bisect_right(versions, self.revision, first, key=mod_revision)",
        "last = len(versions)",
    ),
    Mutant(
        "answers-not-in-the-snapshot",
        "a snapshot does not hold the answers that were given",
        CONTENTS,
        "self.answers = remembered.everything()",
        "self.answers = remembered.everything()[:0]",
        scenario="a_retry_after_a_restart",
        tries=3,
    ),
    Mutant(
        "request-id-forgotten",
        "a retried write is applied again",
        "store/remembered.py",
        "if not request_id or not self._params.remembered_max:",
        "if request_id or not self._params.remembered_max:",
    ),
    Mutant(
        "request-id-drawn-anew",
        "a node passes a request on under another ID with every try",
        "node/asking.py",
        "body = StateRequest(self._name, number, request, question.request_id)",
        'body = StateRequest(self._name, number, request, b"%d %s" % (question.tries, question.request_id))',
        scenario="leaders_fail_under_clients",
        tries=10,
    ),
    Mutant(
        "install-keeps-a-contradicting-tail",
        "what a log says after the snapshot stays although it is another leader's",
        JOURNAL,
        "keeps = self.term_at(snapshot.index) == snapshot.term",
        "keeps = self.term_at(snapshot.index) is not None",
        scenario="a_tail_that_nobody_has",
        tries=5,
    ),
    Mutant(
        "installed-not-committed",
        "the state that came is not taken for committed",
        "consensus/installation.py",
        "s.commit_index = snapshot.index",
        "s.commit_index = max(s.commit_index, 0)",
    ),
    Mutant(
        "folded-under-a-follower",
        "the log is folded past what a follower that is being sent the state needs next",
        RAFT,
        "s.journal.saved(index, min(index - s.params.kept_max, needed))",
        "s.journal.saved(index, index - s.params.kept_max)",
        scenario="a_voter_returns_under_load",
        tries=3,
    ),
    Mutant(
        "watch-skips-where-a-slice-ends",
        "a watcher that is behind misses the revision after each slice",
        WATCHES,
        "watcher.following += 1",
        "watcher.following += 1 + (entries <= 0)",
    ),
    Mutant(
        "watch-lost-with-the-state",
        "who watched a state that another one replaced is not told what lies between",
        WATCHES,
        "if watcher.following <= store.revision:",
        "if watcher.following < 0:",
        scenario="voters_return_under_clients",
        tries=5,
    ),
    Mutant(
        "poll-repeats",
        "the next poll begins with the revision that the last one brought",
        POLLING,
        "start_revision=answer.revision + 1",
        "start_revision=answer.revision",
    ),
    Mutant(
        "poll-skips",
        "the next poll leaves a revision out",
        POLLING,
        "start_revision=answer.revision + 1",
        "start_revision=answer.revision + 2",
    ),
    Mutant(
        "compare-taken-for-at-least",
        "a condition holds of a number that is greater, too",
        TRANSACTION,
        '"equal": lambda sign: sign == 0,',
        '"equal": lambda sign: sign >= 0,',
    ),
    Mutant(
        "compaction-drops-the-newest",
        "a compaction forgets the version that is valid at its revision",
        KEYSPACE,
        "return place if is_deletion(newest) else place - 1",
        "return place if newest else place - 1",
    ),
    Mutant(
        "past-read-one-too-early",
        "a read at a revision does not see what that revision made",
        KEYSPACE,
        "place = bisect_right(kept, revision, 1, key=mod_revision)",
        "place = bisect_left(kept, revision, 1, key=mod_revision)",
    ),
    Mutant(
        "empty-delete-counts",
        "a deletion that finds nothing raises the revision",
        "store/store.py",
        "if not transaction.keys:",
        "if transaction is None:",
    ),
)
