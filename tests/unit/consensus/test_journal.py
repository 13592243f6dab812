"""The log in memory, what of it is durable, and what waits for the disk."""

from __future__ import annotations

from pycluster.consensus import Command, Configuration, Entry, Persist, Send, Stored, Vote, Voter, holds_seat
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


def test_holds_seat_reads_the_newest_configuration() -> None:
    entries = (*log_of(1, 1), Entry(3, 1, Configuration("c", (Voter("node001", "uuid1"),), (Voter("node002", "new"),))))
    stored = Stored(Vote(1), entries)
    assert holds_seat(stored, "node001", "uuid1") and holds_seat(stored, "node002", "new")
    assert not holds_seat(stored, "node002", "uuid2") and not holds_seat(Stored(), "node001", "uuid1")


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
