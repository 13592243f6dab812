"""The log in memory, what of it is durable, and what waits for the disk."""

from __future__ import annotations

from pycluster.consensus import (
    Command,
    Configuration,
    Entry,
    Persist,
    Send,
    Snapshot,
    Stored,
    Vote,
    Voter,
)
from pycluster.consensus.journal import Journal
from pycluster.consensus.messages import Reach
from tests.paper.raft_hand import log_of


def message(number: int) -> Send:
    return Send("node001", "bulk", Reach("", "", "", 0, number))


def entry(index: int, term: int = 1, size: int = 1) -> Entry:
    return Entry(index, term, Command(b"x" * size))


def test_one_persist_covers_vote_truncation_and_entries() -> None:
    journal = Journal(Stored(Vote(1), log_of(1, 1, 1)), 10)
    assert journal.flush(0) is None
    journal.set_vote(Vote(2, "u"))
    journal.truncate_from(3)
    journal.append((entry(3, 2), entry(4, 2)))
    assert journal.token == 1
    assert journal.flush(0) == Persist(1, Vote(2, "u"), 3, (entry(3, 2), entry(4, 2)))
    assert journal.flush(0) is None
    journal.append((entry(5, 2),))
    second = journal.flush(0)
    assert second is not None and second.token == 2 and second.vote is None and second.truncate_from is None


def test_durable_index_follows_the_disk_and_falls_with_a_truncation() -> None:
    journal = Journal(Stored(), 10)
    journal.append((entry(1), entry(2)))
    journal.flush(0)
    journal.append((entry(3),))
    journal.flush(0)
    assert journal.durable_index == 0
    journal.persisted(1, 5)
    assert journal.durable_index == 2
    journal.truncate_from(2)
    journal.append((entry(2, 2), entry(3, 2)))
    journal.flush(0)
    assert journal.durable_index == 1
    journal.persisted(2, 5)
    assert journal.durable_index == 1, "what that write held was truncated since"
    journal.persisted(3, 5)
    assert journal.durable_index == 3


def test_held_messages_leave_in_order_and_not_too_early() -> None:
    journal = Journal(Stored(), 10)
    journal.set_vote(Vote(1))
    journal.flush(0)
    journal.hold(message(1), 1)
    journal.set_vote(Vote(2))
    journal.flush(0)
    journal.hold(message(2), 2)
    assert journal.persisted(1, 1) == [message(1)]
    assert journal.persisted(2, 1) == [message(2)]


def test_held_messages_have_a_bound() -> None:
    journal = Journal(Stored(), 3)
    journal.set_vote(Vote(1))
    journal.flush(0)
    for number in range(5):
        journal.hold(message(number), 1)
    assert journal.dropped == 2
    assert journal.persisted(1, 1) == [message(2), message(3), message(4)]


def test_slices_have_bounds_and_always_one_entry() -> None:
    journal = Journal(Stored(), 10)
    journal.append(tuple(entry(index, size=1_000) for index in range(1, 6)))
    assert [found.index for found in journal.slice(2, 10, 3_000)] == [2, 3]
    assert [found.index for found in journal.slice(2, 2, 10**6)] == [2, 3]
    assert [found.index for found in journal.slice(5, 10, 1)] == [5]
    assert journal.slice(6, 10, 10**6) == ()


def test_terms_and_their_first_indexes() -> None:
    journal = Journal(Stored(Vote(4), log_of(1, 1, 3, 3, 4)), 10)
    assert [journal.term_at(index) for index in (0, 1, 3, 5, 6)] == [0, 1, 3, 4, None]
    assert [journal.first_index_of(term) for term in (1, 2, 3, 4, 5)] == [1, 3, 3, 5, 6]


def test_the_newest_configuration_counts_and_falls_back() -> None:
    journal = Journal(Stored(Vote(1), log_of(1, 1)), 10)
    newer = Configuration("c", (Voter("node009", "u"),))
    journal.append((Entry(3, 1, newer),))
    assert (journal.configuration, journal.configuration_index) == (newer, 3)
    journal.flush(0)
    journal.truncate_from(3)
    assert journal.configuration_index == 1
    journal.flush(0)
    journal.truncate_from(1)
    assert journal.configuration is None and journal.last_term == 0


def test_the_disks_pace_is_measured() -> None:
    journal = Journal(Stored(), 10)
    journal.set_vote(Vote(1))
    journal.flush(1_000)
    assert journal.slow_since_us == 1_000
    journal.persisted(1, 9_000)
    assert journal.persist_us == 2_000 and journal.slow_since_us is None


def test_a_longer_promise_holds_back_what_is_said_and_a_shorter_one_nothing() -> None:
    journal = Journal(Stored(Vote(1), log_of(1), 1_000), 10)
    journal.set_promised(5_000)
    assert journal.vote_token == 1 and journal.flush(0) == Persist(1, promised_ms=5_000)
    journal.set_promised(1_000)
    assert journal.vote_token == 1 and journal.flush(0) == Persist(2, promised_ms=1_000)
    assert journal.flush(0) is None


# --- the state in the log's place -------------------------------------------------------------------------------------

OLD = Configuration("c", (Voter("node001", "u"),))
NEW = Configuration("c", (Voter("node001", "u"), Voter("node002", "v")))


def folding() -> Journal:
    """Ten entries, all durable, configurations at 1 and at 6, terms 1 and from 6 on 2."""
    journal = Journal(Stored(), 10)
    payloads = {1: OLD, 6: NEW}
    journal.append(tuple(Entry(index, 1 + (index >= 6), payloads.get(index, Command(b"x"))) for index in range(1, 11)))
    journal.flush(0)
    journal.persisted(1, 0)
    return journal


def test_a_snapshot_says_what_stood_at_its_index_and_who_voted_then() -> None:
    journal = folding()
    assert journal.snapshot_at(5) == Snapshot(5, 1, OLD, 1)
    assert journal.snapshot_at(6) == Snapshot(6, 2, NEW, 6)
    journal.saved(8, 3)
    assert journal.snapshot_at(3) == Snapshot(3, 1, OLD, 1) and journal.snapshot_at(10) == Snapshot(10, 2, NEW, 6)


def test_what_is_saved_is_folded_as_far_as_it_may_be_and_not_further() -> None:
    journal = folding()
    journal.saved(8, 3)
    assert (journal.base.index, journal.snapshot.index, len(journal.entries)) == (3, 8, 7)
    assert [entry.index for entry in journal.between(4, 6)] == [4, 5, 6]
    assert [journal.term_at(index) for index in (2, 3, 4, 10, 11)] == [None, 1, 1, 2, None]
    assert (journal.first_index_of(1), journal.first_index_of(2)) == (4, 6)
    journal.saved(7, 7)
    assert (journal.base.index, journal.snapshot.index) == (3, 8), "an older one that was late"
    journal.saved(9, 2)
    assert journal.base.index == 3, "what was folded does not come back"
    journal.saved(10, 99)
    assert (journal.base.index, journal.last_index, journal.last_term, journal.entries) == (10, 10, 2, [])


def test_the_configuration_outlives_its_entry_and_falls_back_to_the_folded_one() -> None:
    journal = folding()
    journal.saved(8, 8)
    assert (journal.configuration, journal.configuration_index) == (NEW, 6)
    newer = Configuration("c", (Voter("node009", "w"),))
    journal.append((Entry(11, 2, newer),))
    assert (journal.configuration, journal.previous_configuration) == (newer, NEW)
    journal.flush(0)
    journal.truncate_from(11)
    assert (journal.configuration, journal.configuration_index, journal.previous_configuration) == (NEW, 6, None)


def test_a_leaders_state_keeps_what_follows_on_it() -> None:
    journal = folding()
    at = Snapshot(7, 2, NEW, 6)
    journal.install(at)
    assert [entry.index for entry in journal.entries] == [8, 9, 10] and journal.durable_index == 10
    persist = journal.flush(0)
    assert persist is not None and persist.snapshot == at and persist.entries == ()


def test_a_leaders_state_of_another_log_leaves_nothing_and_nothing_of_it_is_durable_yet() -> None:
    for at in (Snapshot(7, 3, OLD, 2), Snapshot(20, 3, OLD, 2)):
        journal = folding()
        journal.append((entry(11, 2),))
        journal.flush(0)
        journal.install(at)
        assert (journal.entries, journal.last_index, journal.last_term) == ([], at.index, 3)
        assert (journal.configuration, journal.configuration_index) == (OLD, 2)
        assert journal.flush(0) == Persist(3, snapshot=at)
        assert journal.durable_index == 0
        journal.persisted(2, 1)
        assert journal.durable_index == 0, "what that write held is of another log"
        journal.append((entry(at.index + 1, 3),))
        journal.flush(1)
        journal.persisted(3, 1)
        assert journal.durable_index == at.index
        journal.persisted(4, 1)
        assert journal.durable_index == at.index + 1


def test_what_waits_for_an_installation_leaves_when_it_is_durable() -> None:
    journal = folding()
    journal.install(Snapshot(20, 3, OLD, 2))
    journal.hold(message(1), journal.token)
    journal.flush(0)
    assert journal.persisted(1, 1) == []
    assert journal.persisted(2, 1) == [message(1)]
