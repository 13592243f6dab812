"""The state in the log's place: Raft (Ongaro 2014) §5.1, figure 5.3."""

from __future__ import annotations

from pycluster.consensus import (
    Command,
    Committed,
    Configuration,
    Entry,
    Installed,
    Params,
    Persist,
    PieceKept,
    PieceReceived,
    PieceTaken,
    PieceWanted,
    Propose,
    Snapshot,
    SnapshotPiece,
    StateSaved,
    Stored,
    Vote,
)
from pycluster.consensus.messages import AppendEntries, AppendReply, InstallReply, InstallSnapshot
from tests.paper.raft_hand import CLUSTER, Hand, log_of, seat, seats

VOTERS = Configuration(CLUSTER, seats(3))


def snapshot(index: int, term: int = 1) -> Snapshot:
    return Snapshot(index, term, VOTERS, 1)


def leader(entries: int = 10) -> Hand:
    """Acts, with that many entries, all of them committed by itself and node001; node003 has none."""
    hand = Hand(params=Params(kept_max=0))
    hand.act()
    while hand.raft.commit_index < entries:
        hand.feed(Propose(b"x"))
        hand.write()
        hand.match(1, hand.raft.commit_index + 1)
    return hand


def fold(hand: Hand, index: int) -> None:
    hand.feed(StateSaved(index, index))


def piece(hand: Hand, number: int, index: int = 20, *, done: bool = False, term: int = 1) -> None:
    hand.tell(1, InstallSnapshot(*hand.header(1), snapshot(index, term), number, b"piece", done))


def test_5_1_the_log_goes_when_the_state_is_on_the_disk_and_the_configuration_stays_known() -> None:
    """§5.1: "the latest configuration in the log as of last included index" is part of a snapshot."""
    hand = leader()
    before = hand.raft.view(hand.now_us)
    small = hand.raft.snapshot_at(8)
    assert (small.index, small.configuration, small.configuration_index) == (8, VOTERS, 1)
    hand.feed(StateSaved(8, 6))
    assert hand.raft.folded == 8 and [entry.index for entry in hand.raft.entries] == [7, 8, 9, 10]
    after = hand.raft.view(hand.now_us)
    assert (after.last_index, after.commit_index, len(after.voters)) == (before.last_index, before.commit_index, 3)
    hand.feed(StateSaved(5, 5))
    assert hand.raft.folded == 8, "an older one that was late"


def test_5_1_a_follower_that_needs_what_is_gone_is_sent_the_state_piece_by_piece() -> None:
    """§5.1: "the leader must occasionally send snapshots to followers that lag behind"."""
    hand = leader()
    fold(hand, 8)
    hand.acknowledge(3)
    assert hand.did(PieceWanted) == [PieceWanted("node003", "uuid3", 0, 0)]
    at = hand.raft.snapshot_at(10)
    hand.feed(SnapshotPiece("uuid3", at, 0, b"first", False))
    assert [(one.number, one.data, one.done) for one in hand.sent(InstallSnapshot)] == [(0, b"first", False)]
    hand.tell(3, InstallReply(*hand.header(3), 10, 1))
    assert hand.did(PieceWanted) == [PieceWanted("node003", "uuid3", 10, 1)]
    hand.feed(SnapshotPiece("uuid3", at, 1, b"last", True))
    hand.feed(Propose(b"y"))
    assert [one.prev_index for one in hand.sent(AppendEntries)] == [10], "only node001 is sent entries meanwhile"
    hand.tell(3, AppendReply(*hand.header(3), True, 10, 10))
    assert [(one.prev_index, len(one.entries)) for one in hand.sent(AppendEntries)] == [(10, 1)]
    assert hand.raft.installing == frozenset()


def test_5_1_a_piece_without_an_answer_is_asked_for_again_and_a_follower_that_forgot_gets_all() -> None:
    hand = leader()
    fold(hand, 8)
    hand.acknowledge(3)
    at = hand.raft.snapshot_at(10)
    hand.feed(SnapshotPiece("uuid3", at, 0, b"first", False))
    hand.later(hand.params.append_resend_ms)
    hand.acknowledge(1)
    hand.acknowledge(3)
    assert hand.raft.installing == {"uuid3"}
    hand.later(hand.params.append_resend_ms)
    assert hand.did(PieceWanted) == [PieceWanted("node003", "uuid3", 10, 0)]
    hand.feed(SnapshotPiece("uuid3", at, 0, b"first", False))
    hand.tell(3, InstallReply(*hand.header(3), 10, 1))
    hand.feed(SnapshotPiece("uuid3", at, 1, b"second", False))
    hand.tell(3, InstallReply(*hand.header(3), 10, 0))
    assert hand.did(PieceWanted) == [PieceWanted("node003", "uuid3", 0, 0)]


def test_5_1_what_stays_of_the_log_has_a_bound_in_bytes_too() -> None:
    hand = Hand(params=Params(kept_bytes_max=3_000))
    hand.act()
    while hand.raft.commit_index < 10:
        hand.feed(Propose(bytes(1_000)))
        hand.write()
        hand.match(1, hand.raft.commit_index + 1)
    hand.feed(StateSaved(9, 9))
    assert hand.raft.folded == 9 and [entry.index for entry in hand.raft.entries] == [8, 9, 10]


def test_5_1_a_follower_takes_pieces_in_order_and_acknowledges_when_all_is_durable() -> None:
    """Figure 5.3: "Create new snapshot file if first chunk; write data at given offset; reply and wait"."""
    hand = Hand()
    hand.heartbeat(1)
    piece(hand, 0)
    assert hand.did(PieceReceived) == [PieceReceived(snapshot(20), 0, b"piece", False)]
    assert hand.sent(InstallReply) == []
    hand.feed(PieceKept(20, 0))
    assert [reply.number for reply in hand.sent(InstallReply)] == [1]
    piece(hand, 1, done=True)
    assert len(hand.did(PieceReceived)) == 1 and hand.sent(InstallReply) == []
    hand.feed(PieceTaken(snapshot(20), True))
    assert hand.did(Installed) == [Installed(snapshot(20))]
    assert [persist.snapshot for persist in hand.did(Persist)] == [snapshot(20)]
    assert hand.sent(AppendReply) == [] and hand.raft.commit_index == 20
    hand.write()
    assert [(reply.success, reply.match_index) for reply in hand.sent(AppendReply)] == [(True, 20)]
    hand.tell(1, AppendEntries(*hand.header(1), 20, 1, (Entry(21, 1, Command(b"x")),), 21))
    assert [one.entries[0].index for one in hand.did(Committed)] == [21]


def test_a_follower_asks_for_the_next_piece_when_its_disk_has_the_one_before() -> None:
    """Ours: a leader sends again what is not answered, and a slow disk would be given ever more."""
    hand = Hand()
    hand.heartbeat(1)
    piece(hand, 0)
    piece(hand, 1)
    for _ in range(3):
        piece(hand, 1)
        assert hand.did(PieceReceived) == [] and hand.sent(InstallReply) == []
    hand.feed(PieceKept(20, 0))
    assert hand.sent(InstallReply) == [], "the disk owes another one"
    hand.feed(PieceKept(19, 1))
    assert hand.sent(InstallReply) == [], "of another snapshot"
    hand.feed(PieceKept(20, 1))
    assert [reply.number for reply in hand.sent(InstallReply)] == [2]
    hand.feed(PieceKept(20, 1))
    assert hand.sent(InstallReply) == []
    piece(hand, 1)
    assert hand.did(PieceReceived) == []
    assert [reply.number for reply in hand.sent(InstallReply)] == [2], "the answer was lost"


def test_a_disk_that_owes_a_piece_is_given_no_other_beginning() -> None:
    """Ours: of the same state, which is the one before sent again, or of another one."""
    hand = Hand()
    hand.heartbeat(1)
    piece(hand, 0)
    assert len(hand.did(PieceReceived)) == 1
    for index in (20, 25):
        piece(hand, 0, index=index)
        piece(hand, 1, index=25)
        assert hand.did(PieceReceived) == [] and hand.sent(InstallReply) == []
    hand.feed(PieceKept(20, 0))
    assert [reply.number for reply in hand.sent(InstallReply)] == [1]
    piece(hand, 0)
    assert hand.did(PieceReceived) == []
    assert [reply.number for reply in hand.sent(InstallReply)] == [1], "the answer was lost"
    piece(hand, 0, index=25)
    assert [one.snapshot for one in hand.did(PieceReceived)] == [snapshot(25)]


def test_5_1_what_follows_on_the_snapshot_stays_and_what_contradicts_it_goes() -> None:
    """Figure 5.3: "If existing log entry has same index and term as snapshot's last included entry, retain log entries
    following it" and otherwise "discard the entire log".
    """
    for term, left in ((1, [4, 5]), (2, [])):
        hand = Hand(terms=(1, 1, 1, 1, 1), vote=Vote(2))
        hand.heartbeat(1)
        piece(hand, 0, index=3, term=term, done=True)
        hand.feed(PieceTaken(snapshot(3, term), True))
        assert [entry.index for entry in hand.raft.entries] == left
        # What stays is durable as it was; anything else only when the snapshot is.
        assert [reply.match_index for reply in hand.sent(AppendReply)] == ([3] if left else [])
        hand.write()
        assert [reply.match_index for reply in hand.sent(AppendReply)] == ([] if left else [3])


def test_5_1_pieces_that_make_no_whole_change_nothing_and_are_asked_for_again() -> None:
    hand = Hand()
    hand.heartbeat(1)
    piece(hand, 0, done=True)
    hand.feed(PieceTaken(snapshot(20), False))
    assert hand.did(Installed) == [] and hand.did(Persist) == [] and hand.raft.commit_index < 20
    assert [reply.number for reply in hand.sent(InstallReply)] == [0]


def test_5_1_a_follower_that_forgot_what_came_before_the_last_piece_says_so() -> None:
    """Silence would have the leader send the last piece again and again."""
    hand = Hand()
    hand.heartbeat(1)
    piece(hand, 1, done=True)
    assert hand.did(PieceReceived) == []
    assert [reply.number for reply in hand.sent(InstallReply)] == [0]


def test_5_1_past_a_gap_the_leader_is_to_begin_anew() -> None:
    """A first piece that a broken connection held back comes when others were taken; a leader never goes back, so
    that asking for what comes next would have it send what it sent last for ever.
    """
    hand = Hand()
    hand.heartbeat(1)
    for number in (0, 1, 0):
        piece(hand, number)
        hand.feed(PieceKept(20, number))
    assert [reply.number for reply in hand.sent(InstallReply)] == [1]
    piece(hand, 2)
    assert hand.did(PieceReceived) == []
    assert [reply.number for reply in hand.sent(InstallReply)] == [0]


def test_5_1_what_is_committed_is_not_replaced_by_less() -> None:
    hand = Hand(terms=(1, 1, 1, 1, 1))
    hand.heartbeat(1, commit_index=5)
    piece(hand, 0, index=4)
    assert hand.did(PieceReceived) == []
    assert [(reply.success, reply.match_index) for reply in hand.sent(AppendReply)] == [(True, 4)]


def test_5_1_pieces_of_two_leaders_are_not_mixed() -> None:
    hand = Hand()
    hand.heartbeat(1)
    piece(hand, 0)
    later = hand.raft.term + 1
    hand.tell(3, InstallSnapshot(*hand.header(3, later), snapshot(20), 1, b"theirs", True))
    assert hand.did(PieceReceived) == []


def test_5_1_a_restart_begins_at_the_snapshot() -> None:
    later = tuple(Entry(index, 2, Command(b"x")) for index in (21, 22))
    hand = Hand(stored=Stored(Vote(2), later, 0, snapshot(20)))
    assert (hand.raft.commit_index, hand.raft.folded, hand.raft.seated) == (20, 20, True)
    hand.heartbeat(1, commit_index=22)
    assert [entry.index for one in hand.did(Committed) for entry in one.entries] == [21, 22]


def test_an_append_that_overlaps_what_is_folded_is_taken_from_there_on() -> None:
    """A leader that resends from before this follower's snapshot: all of that is committed and the same."""
    hand = Hand(stored=Stored(Vote(1), (), 0, snapshot(4)))
    entries = tuple(Entry(index, 1, Command(b"x")) for index in (3, 4, 5, 6))
    hand.tell(1, AppendEntries(*hand.header(1), 2, 1, entries, 4))
    hand.write()
    assert [(reply.success, reply.match_index) for reply in hand.sent(AppendReply)] == [(True, 6)]
    assert [entry.index for entry in hand.raft.entries] == [5, 6]
    hand.tell(1, AppendEntries(*hand.header(1), 2, 1, entries[:1], 4))
    assert [(reply.success, reply.match_index) for reply in hand.sent(AppendReply)] == [(True, 4)]


def test_a_follower_that_is_away_holds_no_snapshot_back() -> None:
    hand = leader()
    fold(hand, 8)
    hand.acknowledge(3)
    hand.feed(SnapshotPiece("uuid3", hand.raft.snapshot_at(10), 0, b"first", False))
    for _ in range(12):
        hand.later(hand.params.heartbeat_interval_ms)
        hand.acknowledge(1)
    assert hand.raft.installing == frozenset()
    assert log_of(1)[0].payload == VOTERS and seat(3).uuid == "uuid3"
