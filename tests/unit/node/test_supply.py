"""The state in pieces: to the disk, to followers, from a leader; and how much of the log stays for it."""

from __future__ import annotations

from pycluster import consensus
from pycluster.consensus import PieceReceived, PieceTaken, PieceWanted, Snapshot, SnapshotPiece
from pycluster.kernel.units import SECOND
from pycluster.node.config import StateParams
from pycluster.node.effects import KeepPiece
from pycluster.node.events import PieceKept
from pycluster.node.view import SnapshotView
from pycluster.store import Params, Put
from tests.unit.node.copyhand import CopyHand
from tests.unit.store.hand import restored, store, written


def full(keys: int = 8) -> CopyHand:
    """A leader whose state is ``keys`` pieces at least."""
    hand = CopyHand(bounds=Params(chunk_bytes=1_024))
    for number in range(keys):
        hand.write(Put(b"k%d" % number, b"x" * 1_000))
    hand.did()
    return hand


def want(hand: CopyHand, number: int, index: int = 0, uuid: str = "u3") -> SnapshotPiece:
    hand.replica.piece_wanted(PieceWanted("node003", uuid, index, number))
    piece = hand.driven[-1]
    assert isinstance(piece, SnapshotPiece) and piece.uuid == uuid
    return piece


def rest(hand: CopyHand, piece: SnapshotPiece) -> list[bytes]:
    """The pieces that follow on it."""
    found = []
    while not piece.done:
        piece = want(hand, piece.number + 1, piece.snapshot.index, piece.uuid)
        found.append(piece.data)
    return found


def test_a_follower_gets_the_state_as_it_was_whatever_happens_meanwhile() -> None:
    hand = full()
    digest = hand.replica.store.digest()
    first = want(hand, 0)
    assert (first.snapshot, first.number, first.done) == (Snapshot(8, 1), 0, False)
    hand.write(Put(b"k1", b"later"))
    assert restored([first.data, *rest(hand, first)]).digest() == digest


def test_a_piece_is_given_again_as_it_was() -> None:
    hand = full()
    want(hand, 0)
    second = want(hand, 1, 8)
    assert want(hand, 1, 8) == second
    assert want(hand, 2, 8).data != second.data


def test_what_was_given_long_ago_or_of_another_state_begins_anew() -> None:
    for number, index in ((0, 8), (1, 7), (3, 8)):
        hand = full()
        first = want(hand, 0)
        want(hand, 1, 8)
        hand.write(Put(b"later"))
        again = want(hand, number, index)
        assert (again.number, again.snapshot) == (0, Snapshot(9, 1)) and first.snapshot == Snapshot(8, 1)


def test_two_followers_are_at_different_pieces() -> None:
    hand = full()
    here, there = want(hand, 0, uuid="u2"), want(hand, 0, uuid="u3")
    assert restored([here.data, *rest(hand, here)]).digest() == restored([there.data, *rest(hand, there)]).digest()


def test_the_log_stays_as_far_as_a_follower_that_is_being_sent_the_state_needs_it() -> None:
    hand = full()
    want(hand, 0)
    hand.raft.installing = frozenset(("u3",))
    for number in range(5):
        hand.write(Put(b"later%d" % number))
    hand.replica.saved(12)
    assert hand.driven[-1] == consensus.StateSaved(12, 8)
    hand.replica.tick()
    hand.raft.installing = frozenset()
    hand.replica.tick()
    hand.replica.saved(13)
    assert hand.driven[-1] == consensus.StateSaved(13, 13)


def test_a_follower_that_takes_too_long_begins_anew_and_holds_the_log_no_longer() -> None:
    hand = full()
    first = want(hand, 0)
    hand.raft.installing = frozenset(("u3",))
    for number in range(16):
        hand.write(Put(b"later%d" % number))
        hand.replica.saved(9 + number)
        assert hand.driven[-1] == consensus.StateSaved(9 + number, 8)
    assert want(hand, 1, 8).snapshot == first.snapshot
    hand.write(Put(b"last"))
    hand.replica.saved(25)
    assert hand.driven[-1] == consensus.StateSaved(25, 25) and hand.replica.store.writers == 0
    again = want(hand, 2, 8)
    assert (again.number, again.snapshot) == (0, Snapshot(25, 1))
    assert restored([again.data, *rest(hand, again)]).digest() == hand.replica.store.digest()


def test_a_snapshot_on_its_way_keeps_what_it_needs_and_lets_it_go_when_it_is_given_up() -> None:
    for ends in ("caught up", "deposed"):
        hand = full()
        want(hand, 0)
        hand.raft.installing = frozenset(("u3",))
        hand.replica.tick()
        assert hand.replica.store.writers == 1
        if ends == "deposed":
            hand.follow("node002")
        else:
            hand.raft.installing = frozenset()
            hand.replica.tick()
        assert hand.replica.store.writers == 0


def test_what_a_leader_sends_is_kept_on_the_disk_and_read_and_the_last_piece_says_whether_it_is_whole() -> None:
    source, hand = full(), CopyHand()
    chunks, at = written(source.replica.store), Snapshot(8, 1)
    for number, chunk in enumerate(chunks):
        assert hand.driven == []
        hand.replica.supply.take(PieceReceived(at, number, chunk, number == len(chunks) - 1))
    assert hand.driven == [PieceTaken(at, True)]
    kept = [effect for effect in hand.did() if isinstance(effect, KeepPiece)]
    assert [(one.origin, one.number, one.data) for one in kept] == [
        ("received", number, chunk) for number, chunk in enumerate(chunks)
    ]
    assert hand.replica.supply.received(at).digest() == source.replica.store.digest()


def test_pieces_that_make_no_whole_are_said_so_and_may_begin_anew() -> None:
    chunks, at = written(full().replica.store), Snapshot(8, 1)
    last = len(chunks) - 1
    for bad in ({0: b"\xc1"}, {1: chunks[2]}, {last: b""}, {0: chunks[0][:-1]}):
        hand = CopyHand()
        for number, chunk in enumerate(chunks):
            hand.replica.supply.take(PieceReceived(at, number, bad.get(number, chunk), number == last))
        assert hand.driven == [PieceTaken(at, False)], bad
        for number, chunk in enumerate(chunks):
            hand.replica.supply.take(PieceReceived(at, number, chunk, number == last))
        assert hand.driven[1:] == [PieceTaken(at, True)]


def test_an_own_snapshot_under_way_is_dropped_when_a_leaders_state_comes() -> None:
    hand = CopyHand(StateParams(snapshot_min_bytes=1_024, snapshot_max_bytes=1_024), Params(chunk_bytes=1_024))
    for number in range(8):
        hand.write(Put(b"k%d" % number, b"x" * 1_000))
    old = hand.replica.store
    assert hand.replica.supply.saving and old.writers == 1
    at = Snapshot(30, 1)
    chunks = written(store())
    for number, chunk in enumerate(chunks):
        hand.replica.supply.take(PieceReceived(at, number, chunk, number == len(chunks) - 1))
    hand.replica.installed(at)
    assert not hand.replica.supply.saving and old.writers == 0 and hand.replica.applied == 30


def test_what_is_on_its_way_is_told_and_what_is_durable_counts() -> None:
    hand = CopyHand(StateParams(snapshot_min_bytes=1_024, snapshot_max_bytes=1_024), Params(chunk_bytes=1_024))
    assert hand.replica.supply.view({}) == SnapshotView(0, 0)
    for number in range(8):
        hand.write(Put(b"k%d" % number, b"x" * 1_000))
    revision = hand.replica.store.revision
    begun = hand.replica.supply.view({})
    assert (begun.index, begun.saving_bytes) == (0, 0)
    hand.at(1)
    hand.replica.tick()
    (piece,) = [effect for effect in hand.did() if isinstance(effect, KeepPiece)]
    assert hand.replica.supply.view({}).saving_bytes == len(piece.data)
    first = want(hand, 0, uuid="u3")
    assert hand.replica.supply.view({"u3": "node003"}).sending == {"node003": len(first.data)}
    kept = []
    for second in range(2, 20):
        hand.at(second)
        hand.replica.tick()
        kept += [effect for effect in hand.did() if isinstance(effect, KeepPiece)]
    index, hand.raft.folded = kept[-1].snapshot.index, kept[-1].snapshot.index
    hand.replica.saved(index)
    told = hand.replica.supply.view({})
    assert (told.index, told.saving_bytes, told.receiving_bytes) == (index, None, None)
    assert 1 < told.revision <= revision


def test_a_disk_is_given_the_next_piece_of_our_own_when_it_has_the_one_before() -> None:
    """Whatever is to become durable would wait behind all of them."""
    hand = CopyHand(StateParams(snapshot_min_bytes=1_024, snapshot_max_bytes=1_024), Params(chunk_bytes=1_024))
    for number in range(8):
        hand.write(Put(b"k%d" % number, b"x" * 1_000))
    hand.did()
    given: list[KeepPiece] = []
    for second in range(1, 10):
        hand.at(second)
        hand.replica.tick()
        given += [effect for effect in hand.did(kept=False) if isinstance(effect, KeepPiece)]
    (first,) = given
    due_us = hand.replica.next_deadline()
    assert due_us is not None and due_us > 9 * SECOND, "it waits for the disk alone"
    hand.replica.supply.kept(PieceKept("own", first.snapshot.index, 0))
    due_us = hand.replica.next_deadline()
    assert due_us is not None and due_us <= 9 * SECOND
    hand.replica.tick()
    (second_piece,) = [effect for effect in hand.did(kept=False) if isinstance(effect, KeepPiece)]
    assert second_piece.number == 1


def test_a_piece_of_the_old_state_still_on_its_way_to_the_disk_holds_up_the_next_snapshot() -> None:
    hand = CopyHand(StateParams(snapshot_min_bytes=1_024, snapshot_max_bytes=1_024), Params(chunk_bytes=1_024))
    for number in range(8):
        hand.write(Put(b"k%d" % number, b"x" * 1_000))
    hand.did()
    hand.at(1)
    hand.replica.tick()
    (old,) = [effect for effect in hand.did(kept=False) if isinstance(effect, KeepPiece)]
    at, chunks = Snapshot(30, 1), written(store())
    for number, chunk in enumerate(chunks):
        hand.replica.supply.take(PieceReceived(at, number, chunk, number == len(chunks) - 1))
    hand.replica.installed(at)
    hand.index = 30
    for number in range(8):
        hand.write(Put(b"k%d" % number, b"x" * 1_000))
    hand.did(kept=False)
    assert hand.replica.supply.saving and not hand.replica.supply.writes
    hand.replica.supply.kept(PieceKept("own", old.snapshot.index, old.number))
    assert hand.replica.supply.writes


def test_consensus_is_told_when_the_disk_has_a_piece_of_a_leaders() -> None:
    hand = CopyHand()
    hand.replica.supply.kept(PieceKept("received", 8, 3))
    assert hand.driven == [consensus.PieceKept(8, 3)]


def test_a_leaders_state_on_its_way_is_told_and_its_revision_is_the_snapshots_then() -> None:
    source, hand = full(), CopyHand()
    chunks, at = written(source.replica.store), Snapshot(8, 1)
    hand.replica.supply.take(PieceReceived(at, 0, chunks[0], False))
    assert hand.replica.supply.view({}).receiving_bytes == len(chunks[0])
    for number, chunk in list(enumerate(chunks))[1:]:
        hand.replica.supply.take(PieceReceived(at, number, chunk, number == len(chunks) - 1))
    hand.raft.folded = 8
    hand.replica.installed(at)
    assert hand.replica.supply.view({}) == SnapshotView(8, source.replica.store.revision)
