"""Log replication and safety: Ongaro's dissertation, §3.5 to §3.8, rule by rule."""

from __future__ import annotations

import pytest

from pycluster.consensus import (
    Command,
    Committed,
    Configuration,
    Entry,
    Halt,
    NoOp,
    Params,
    Persist,
    Propose,
    Proposed,
    Stored,
    Vote,
)
from pycluster.consensus.messages import AppendEntries, AppendReply, Heartbeat
from tests.paper.raft_cluster import SECOND, Cluster, Disk
from tests.paper.raft_hand import CLUSTER, MS, Hand, log_of, seats


def append(hand: Hand, prev: tuple[int, int], *terms: int, term: int = 0, commit: int = 0) -> None:
    """node001 leads and sends entries of those terms after ``prev``."""
    index, prev_term = prev
    entries = tuple(
        Entry(index + offset, of, Command(f"{index + offset}/{of}".encode())) for offset, of in enumerate(terms, 1)
    )
    message = AppendEntries(*hand.header(1, term or max(hand.raft.term, *terms, 1)), index, prev_term, entries, commit)
    hand.tell(1, message)


def test_3_5_leader_appends_and_sends_in_parallel() -> None:
    """§3.5: "the leader appends the command to its log as a new entry, then issues AppendEntries RPCs in parallel"."""
    hand = Hand(voters=5)
    hand.act()
    for number in (4, 5):
        hand.match(number, 3)
    hand.feed(Propose(b"x"))
    assert hand.did(Proposed) == [Proposed(4, 2)]
    assert [message.entries[-1].payload for message in hand.sent(AppendEntries)] == [Command(b"x")] * 4
    assert [persist.entries for persist in hand.did(Persist)] == [(Entry(4, 2, Command(b"x")),)]
    assert hand.did(Committed) == []


def test_3_5_committed_when_a_majority_has_it() -> None:
    """§3.5: "a log entry is committed once the leader ... has replicated it on a majority of the servers"."""
    hand = Hand(voters=5)
    hand.act()
    hand.feed(Propose(b"x"))
    hand.write()
    hand.match(1, 4)
    assert hand.did(Committed) == []
    hand.match(3, 4)
    assert [committed.entries for committed in hand.did(Committed)] == [(Entry(4, 2, Command(b"x")),)]


def test_3_5_leaders_own_copy_counts_when_it_is_durable() -> None:
    """§10.2.1: the leader may send before its own write is done, and counts itself after it."""
    hand = Hand()
    hand.act()
    hand.feed(Propose(b"x"))
    assert hand.sent(AppendEntries)
    hand.match(1, 4)
    assert hand.did(Committed) == [], "one durable copy of three"
    hand.write()
    assert len(hand.did(Committed)) == 1


def test_3_5_a_majority_without_the_leaders_own_copy_commits() -> None:
    """§10.2.1: "the leader may even commit an entry before it has been written to its own disk"."""
    hand = Hand()
    hand.act()
    hand.feed(Propose(b"x"))
    hand.match(1, 4)
    hand.match(3, 4)
    assert len(hand.did(Committed)) == 1


@pytest.mark.parametrize(
    ("terms", "prev", "accepted", "hint"),
    [
        ((1, 1), (2, 1), True, (0, 0)),
        ((1, 1), (3, 1), False, (0, 3)),
        ((1, 1, 2, 2), (4, 3), False, (2, 3)),
        ((1, 1, 2, 2), (2, 1), True, (0, 0)),
        ((), (0, 0), True, (0, 0)),
    ],
)
def test_3_5_consistency_check(
    terms: tuple[int, ...], prev: tuple[int, int], accepted: bool, hint: tuple[int, int]
) -> None:
    """§3.5: "if the follower does not find an entry in its log with the same index and term, then it refuses"."""
    hand = Hand(terms=terms, vote=Vote(4))
    append(hand, prev, term=4)
    (reply,) = hand.sent(AppendReply)
    assert (reply.success, (reply.conflict_term, reply.conflict_index)) == (accepted, hint)


def test_3_5_acknowledged_when_durable() -> None:
    """Figure 3.1: a follower answers after the entries are on stable storage."""
    hand = Hand()
    append(hand, (2, 1), 1, 1)
    assert hand.sent(AppendReply) == []
    hand.write()
    assert [(reply.success, reply.match_index) for reply in hand.sent(AppendReply)] == [(True, 4)]


def test_3_5_conflicting_entries_are_replaced() -> None:
    """§3.5: "if an existing entry conflicts with a new one (same index but different terms), delete the existing
    entry and all that follow it"."""
    hand = Hand(terms=(1, 1, 2, 2))
    append(hand, (2, 1), 3, term=3)
    assert hand.log() == [1, 1, 3]
    assert (hand.unwritten[-1].truncate_from, len(hand.unwritten[-1].entries)) == (3, 1)


def test_3_5_a_late_append_does_not_shorten_the_log() -> None:
    """Figure 3.1: only a *conflict* deletes; an old message whose entries are there changes nothing."""
    hand = Hand()
    append(hand, (2, 1), 1, 1, 1)
    append(hand, (2, 1), 1)
    assert hand.log() == [1, 1, 1, 1, 1]
    append(hand, (0, 0))
    assert hand.log() == [1, 1, 1, 1, 1]


def test_3_5_leader_goes_back_to_the_last_common_entry() -> None:
    """§3.5: "the leader decrements nextIndex and retries"; a whole term at a time where the follower says which."""
    hand = Hand(terms=(1, 1, 2, 4, 4))
    hand.lead()
    asked = []
    reply = AppendReply(*hand.header(1), False, 5, 0, 3, 3)
    for _ in range(4):
        hand.tell(1, reply)
        (message,) = hand.sent(AppendEntries)
        asked.append(message.prev_index)
        reply = AppendReply(*hand.header(1), False, message.prev_index, 0, 1, 1)
        if message.prev_index <= 2:
            break
    assert asked == [2], "the follower has no term 2 or 4; its term 3 began at index 3"
    hand.tell(1, AppendReply(*hand.header(1), True, 2, 6))
    assert not hand.sent(AppendEntries)


FIGURE_3_6 = {
    "a": (1, 1, 1, 4, 4, 5, 5, 6, 6),
    "b": (1, 1, 1, 4),
    "c": (1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6),
    "d": (1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7),
    "e": (1, 1, 1, 4, 4, 4, 4),
    "f": (1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3),
}


@pytest.mark.parametrize("case", FIGURE_3_6)
def test_3_5_figure_3_6_logs_converge(case: str) -> None:
    """§3.5, figure 3.6: whatever a follower is missing or has too much, it ends with the leader's log."""
    cluster = Cluster(3)
    founding = log_of(1, voters=3)[0]
    for name, terms in (
        ("node001", (1, 1, 1, 4, 4, 5, 5, 6, 6, 6)),
        ("node002", FIGURE_3_6[case]),
        ("node003", (1, 1, 1, 4, 4, 5, 5, 6, 6, 6)),
    ):
        process = cluster.processes[name]
        process.uuid = f"uuid{name[-1]}"
        disk = Disk()
        disk.entries = [founding, *log_of(*terms)[1:]]
        disk.vote = Vote(8)
        process.disk = disk
    cluster.start()
    leader = cluster.elect()
    assert leader in ("node001", "node003") if case in "abef" else True
    cluster.run(SECOND)
    logs = [process.disk.entries for process in cluster.processes.values()]
    assert logs[0] == logs[1] == logs[2] and logs[0][-1].term >= 9


def test_3_5_leader_never_rewrites_its_own_log() -> None:
    """Figure 3.2, leader append-only: a follower's reply never changes the leader's log."""
    hand = Hand(terms=(1, 1, 1))
    hand.lead()
    before = hand.log()
    hand.tell(1, AppendReply(*hand.header(1), False, 3, 0, 0, 1))
    hand.tell(3, AppendReply(*hand.header(3), True, 3, 99))
    assert hand.log() == before
    hand.tell(1, AppendEntries(*hand.header(1), 0, 0, log_of(1), 1))
    assert hand.log() == before, "nor does somebody who claims its term"


def test_3_6_2_an_entry_of_an_earlier_term_is_not_committed_by_counting() -> None:
    """§3.6.2, figure 3.7: "Raft never commits log entries from previous terms by counting replicas"."""
    hand = Hand(terms=(1, 1, 2))
    hand.lead()
    hand.write()
    hand.match(1, 3)
    hand.match(3, 3)
    assert hand.did(Committed) == []
    hand.match(3, 4)
    assert [len(committed.entries) for committed in hand.did(Committed)] == [4], "its own no-op commits them all"


def test_3_5_followers_learn_the_commit_index_and_never_past_what_matches() -> None:
    """§3.5: "the leader keeps track of the highest index it knows to be committed, and it includes that index"."""
    hand = Hand(terms=(1, 1, 1))
    append(hand, (2, 1), term=1, commit=3)
    assert [committed.entries[-1].index for committed in hand.did(Committed)] == [2], (
        "min(leaderCommit, last new entry)"
    )
    hand.heartbeat(1, commit_index=3)
    assert [entry.index for committed in hand.did(Committed) for entry in committed.entries] == [3]
    hand.heartbeat(1, commit_index=2)
    assert hand.did(Committed) == []


def test_heartbeats_carry_no_more_than_the_follower_is_known_to_match() -> None:
    """A heartbeat has no consistency check of its own."""
    hand = Hand()
    hand.act()
    hand.later(150)
    assert {message.to_uuid: message.commit_index for message in hand.sent(Heartbeat)} == {"uuid1": 3, "uuid3": 0}


def test_figure_3_2_a_committed_entry_is_never_replaced() -> None:
    """Figure 3.2, state machine safety: what contradicts it is damage, and this process stops rather than obey."""
    hand = Hand(terms=(1, 1, 1))
    hand.heartbeat(1, commit_index=3)
    append(hand, (2, 1), 5, term=5)
    assert len(hand.did(Halt)) == 1 and hand.log() == [1, 1, 1]


def test_figure_3_2_leader_completeness_over_many_leaders() -> None:
    """Figure 3.2: a committed entry is in the logs of all later leaders."""
    cluster = Cluster(3)
    cluster.start()
    for number in range(6):
        leader = cluster.elect()
        cluster.feed(leader, Propose(b"%d" % number))
        cluster.run(300 * MS)
        cluster.crash(leader)
        cluster.elect()
        cluster.start(leader)
        cluster.run(2 * SECOND)
    leader = cluster.elect()
    commands = [entry.payload.data for entry in cluster.raft(leader).entries if isinstance(entry.payload, Command)]
    assert commands == [b"0", b"1", b"2", b"3", b"4", b"5"]


@pytest.mark.parametrize(
    "entries",
    [
        (Entry(4, 1, NoOp()),),
        (Entry(3, 1, NoOp()), Entry(5, 1, NoOp())),
        (Entry(3, 9, NoOp()),),
        (Entry(3, 0, NoOp()),),
        (Entry(3, 1, Configuration("another", seats(3))),),
        (Entry(3, 1, Configuration(CLUSTER, ())),),
    ],
)
def test_an_append_that_no_leader_can_have_sent_changes_nothing(entries: tuple[Entry, ...]) -> None:
    """Ours: holes, terms that fall or come from the future, another cluster's voters. Counted, never fatal."""
    hand = Hand()
    hand.tell(1, AppendEntries(*hand.header(1), 2, 1, entries))
    assert hand.log() == [1, 1] and hand.sent(AppendReply) == []
    assert hand.raft.view(hand.now_us).counters["appends_malformed"] == 1


def test_a_log_begins_with_a_configuration() -> None:
    """Ours: whatever else came first could not say whose log it is."""
    hand = Hand(stored=Stored())
    hand.tell(1, AppendEntries(*hand.header(1, 1), 0, 0, (Entry(1, 1, NoOp()),)))
    assert hand.log() == []


def test_an_append_has_bounds() -> None:
    """Ours: at most ``append_entries_max`` entries and ``append_bytes_max`` bytes, but always one; so many at once."""
    params = Params(append_entries_max=3, append_bytes_max=1_000, append_inflight_max=2)
    hand = Hand(params=params)
    hand.act()
    for _ in range(9):
        hand.feed(Propose(b"x"))
    hand.feed(Propose(b"y" * 900))
    hand.feed(Propose(b"y" * 900))
    sizes = []
    for index in range(3, 15):
        hand.match(3, index)
        messages = [message for message in hand.sent(AppendEntries) if message.to_uuid == "uuid3"]
        assert len(messages) <= 2
        sizes += [len(message.entries) for message in messages]
    assert max(sizes) == 3 and sizes[-2:] == [1, 1], "the two large ones travel alone"


def test_a_lost_append_is_sent_again() -> None:
    """§3.5: "the leader retries AppendEntries RPCs indefinitely"."""
    hand = Hand()
    hand.act()
    hand.feed(Propose(b"x"))
    sent_at_ms = []
    for number in range(1, 11):
        hand.later(150)
        if any(message.to_uuid == "uuid1" for message in hand.sent(AppendEntries)):
            sent_at_ms.append(number * 150)
        hand.acknowledge(1)
        hand.acknowledge(3)
    assert sent_at_ms == [600, 1200], "after append_resend_ms, with the next heartbeat"


def test_a_restart_keeps_what_was_acknowledged() -> None:
    """§3.8: "each server persists new log entries before they are counted towards the entries' commitment"."""
    cluster = Cluster(3)
    cluster.disk_us = (50_000, 50_000)
    cluster.start()
    leader = cluster.elect()
    cluster.feed(leader, Propose(b"kept"))
    cluster.run(10 * SECOND, lambda: cluster.raft(leader).view(cluster.now_us).commit_index >= 3)
    holders = [process for process in cluster.processes.values() if len(process.disk.entries) >= 3]
    assert len(holders) >= 2
    assert Stored(Vote(1), tuple(holders[0].disk.entries)).entries[2].payload == Command(b"kept")
