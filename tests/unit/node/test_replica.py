"""A copy of the state: what is committed is applied once, in order, and whoever asked is answered once."""

from __future__ import annotations

import pytest

from pycluster.consensus import Command, Entry, NoOp, PieceReceived, Snapshot
from pycluster.node.config import StateParams
from pycluster.node.effects import Halt, KeepPiece
from pycluster.store import (
    Compact,
    DeleteRange,
    DeleteResult,
    Failure,
    LeaseGrant,
    LeaseGrantResult,
    LeaseKeepAlive,
    LeaseKeepAliveResult,
    LeaseList,
    LeaseListResult,
    LeaseRevoke,
    LeaseTimeToLive,
    LeaseTimeToLiveResult,
    Params,
    Put,
    PutResult,
    Range,
    RangeResult,
    Store,
    Txn,
    Watch,
    Write,
)
from tests.unit.node.copyhand import CopyHand, kinds
from tests.unit.store.hand import restored, written

SMALL = StateParams(snapshot_min_bytes=1_024, snapshot_max_bytes=1_024)


def test_a_write_is_answered_when_it_is_applied_and_not_before() -> None:
    hand = CopyHand()
    hand.take(Put(b"k", b"v"), b"id", 7)
    assert hand.answers == []
    assert hand.commit() == [Put(b"k", b"v")]
    assert hand.answers == [(7, PutResult(2))] and hand.replica.applied == 1


def test_a_retry_of_a_write_in_the_log_is_answered_alike_and_applied_once() -> None:
    hand = CopyHand()
    for asker in (1, 2):
        hand.take(Put(b"k", b"v"), b"same", asker)
    hand.commit()
    assert hand.answers == [(1, PutResult(2)), (2, PutResult(2))]
    assert hand.replica.store.revision == 2


@pytest.mark.parametrize("other", [Put(b"k", b"w"), DeleteRange(b"k")], ids=repr)
def test_another_write_under_the_id_of_one_in_the_log_does_not_get_its_answer(other: Write) -> None:
    hand = CopyHand()
    hand.take(Put(b"k", b"v"), b"same", 1)
    hand.take(other, b"same", 2)
    hand.take(Put(b"k", b"v"), b"same", 3)
    hand.commit()
    told = dict(hand.answers)
    refusal = told.pop(2)
    assert isinstance(refusal, Failure) and refusal.kind == "bad-request"
    assert told == {1: PutResult(2), 3: PutResult(2)} and hand.replica.store.revision == 2


@pytest.mark.parametrize("other", [Put(b"k", b"w", lease=5), DeleteRange(b"k")], ids=repr)
def test_a_retry_finds_its_write_in_the_log_whatever_else_came_under_its_id(other: Write) -> None:
    hand, first = CopyHand(), Put(b"k", b"v", lease=5)
    hand.take(first, b"same", 1)
    hand.take(other, b"same", 2)
    # With it a second copy of the first one would not be refused as the first copy is.
    hand.take(LeaseGrant(60, 5), b"", 3)
    hand.take(first, b"same", 1)
    assert hand.commit().count(first) == 1
    refusal = dict(hand.answers)[1]
    assert isinstance(refusal, Failure) and refusal.kind == "lease-not-found"


def test_one_id_for_two_kinds_of_write_harms_no_copy() -> None:
    hand = CopyHand()
    hand.write(LeaseGrant(60, 7))
    hand.write(LeaseRevoke(7), b"id")
    answer = hand.write(Put(b"k"), b"id")
    assert isinstance(answer, Failure) and answer.kind == "bad-request"
    assert isinstance(hand.write(Put(b"k")), PutResult)


def test_a_retry_does_not_revive_a_lease_nor_keep_one_for_ever() -> None:
    hand = CopyHand()
    hand.write(LeaseGrant(5, 7), b"granted")
    hand.write(LeaseRevoke(7), b"revoked")
    hand.write(LeaseGrant(5, 7), b"granted")
    hand.at(60)
    hand.replica.tick()
    assert hand.waiting == [], "nothing is to be revoked"
    hand.write(LeaseGrant(5, 7), b"granted anew")
    hand.write(LeaseRevoke(7), b"revoked")
    hand.at(66)
    hand.replica.tick()
    assert hand.commit() == [LeaseRevoke(7, expired=True)]


def test_a_write_that_the_state_refuses_never_reaches_the_log() -> None:
    hand = CopyHand()
    hand.take(Put(b"", b"v"), b"id", 1)
    assert kinds(hand) == ["empty-key"] and hand.waiting == []


def test_space_is_counted_with_what_is_under_way() -> None:
    hand = CopyHand(bounds=Params(state_max_bytes=1 << 20))
    for asker in range(3):
        hand.take(Put(b"k%d" % asker, b"x" * 400_000), b"%d" % asker, asker)
    assert [(asker, answer.kind) for asker, answer in hand.answers if isinstance(answer, Failure)] == [(2, "no-space")]
    hand.commit()
    assert kinds(hand) == ["no-space", "PutResult", "PutResult"]


@pytest.mark.parametrize(("leader", "kind"), [("node001", "overloaded"), ("node002", "no-leader"), ("", "no-leader")])
def test_what_consensus_does_not_take_may_be_tried_again(leader: str, kind: str) -> None:
    hand = CopyHand()
    hand.refuses, hand.raft.leader = "not now", leader
    hand.take(Put(b"k"), b"id", 1)
    assert kinds(hand) == [kind]


def test_a_read_waits_for_the_round_and_sees_what_was_applied_meanwhile() -> None:
    hand = CopyHand()
    hand.take(Range(b"k"), b"", 1)
    assert hand.answers == []
    hand.take(Put(b"k", b"v"), b"id", 2)
    hand.commit()
    hand.confirm()
    (_, found) = hand.answers[-1]
    assert isinstance(found, RangeResult) and [kv.value for kv in found.kvs] == [b"v"]


def test_a_serializable_read_asks_nobody() -> None:
    hand = CopyHand()
    hand.follow("node002")
    hand.take(Range(b"k", serializable=True), b"", 1)
    assert hand.answers == [(1, RangeResult(1))] and hand.reads == []


def test_a_read_that_is_refused_says_whether_it_may_be_tried_elsewhere() -> None:
    hand = CopyHand()
    for asker, why in ((1, "no-leader"), (2, "overloaded")):
        hand.take(Range(b"k"), b"", asker)
        hand.replica.read_refused(hand.reads.pop(), why)
    assert kinds(hand) == ["no-leader", "overloaded"]
    assert all(isinstance(answer, Failure) and answer.detail == hand.raft.reason for _, answer in hand.answers)


def test_requests_under_way_have_a_bound() -> None:
    hand = CopyHand(StateParams(requests_max=2))
    hand.take(Put(b"k"), b"1", 1)
    hand.take(Range(b"k"), b"", 2)
    hand.take(Put(b"k"), b"3", 3)
    assert hand.answers == [(3, Failure("overloaded", "too many requests are under way", 1, 0))]
    hand.commit()
    hand.confirm()
    hand.take(Put(b"k"), b"3", 3)
    hand.commit()
    assert kinds(hand) == ["overloaded", "PutResult", "RangeResult", "PutResult"]


def test_writes_of_a_lost_leader_are_in_doubt_and_answered_once() -> None:
    hand = CopyHand()
    hand.take(Put(b"k"), b"1", 1)
    hand.follow("node002")
    assert kinds(hand) == ["outcome-unknown"]
    hand.commit()
    assert kinds(hand) == ["outcome-unknown"] and hand.replica.store.revision == 2


def test_an_entry_of_another_term_in_its_place_is_no_answer() -> None:
    hand = CopyHand()
    hand.take(Put(b"k"), b"1", 1)
    (entry,) = hand.waiting
    hand.replica.committed((Entry(entry.index, 2, entry.payload),))
    assert kinds(hand) == ["outcome-unknown"]


@pytest.mark.parametrize("said", [b"\xc1", b"\x92\xc4\x00\x92\xa3\xf3ut\x00", b"\x91" * 5_000])
def test_an_entry_that_nobody_understands_halts_and_changes_nothing(said: bytes) -> None:
    hand = CopyHand()
    hand.replica.committed((Entry(1, 1, NoOp()), Entry(2, 1, Command(said))))
    (halt,) = hand.did()
    assert isinstance(halt, Halt) and "entry 2 of the log" in halt.reason
    assert hand.replica.store.digest() == Store(hand.bounds).digest()


# --- leases -----------------------------------------------------------------------------------------------------------


def granted(hand: CopyHand, number: int = 7, ttl_s: int = 10) -> None:
    assert hand.write(LeaseGrant(ttl_s, number)) == LeaseGrantResult(hand.replica.store.revision, number, ttl_s)
    assert isinstance(hand.write(Put(b"lent", b"", number)), PutResult)


def test_an_expired_lease_ends_through_the_log_and_is_offered_until_it_is_there() -> None:
    hand = CopyHand(StateParams(history_revisions=0, history_age_s=0))
    granted(hand)
    hand.at(9.9)
    hand.replica.tick()
    assert hand.waiting == [] and hand.replica.next_deadline() == 10_000_000
    hand.at(10)
    hand.replica.tick()
    assert hand.replica.store.lease_ids() == (7,), "it ends for all copies at once"
    hand.waiting.clear()
    hand.raft.term = 2  # another leader's entries have taken its place meanwhile
    hand.replica.tick()
    assert hand.waiting == []
    hand.at(11)
    hand.replica.tick()
    assert hand.commit() == [LeaseRevoke(7, expired=True)]
    assert hand.replica.store.lease_ids() == () and hand.read(Range(b"lent")) == RangeResult(3)


def test_an_end_that_takes_long_is_proposed_once_and_does_not_meet_the_next_lease_of_that_number() -> None:
    hand = CopyHand(StateParams(history_revisions=0, history_age_s=0))
    granted(hand)
    hand.at(10)
    hand.replica.tick()
    hand.take(LeaseGrant(10, 7), b"", 1)
    hand.take(Put(b"lent", b"anew", 7), b"", 2)
    for second in (11, 12, 13):
        hand.at(second)
        hand.replica.tick()
    assert hand.commit() == [LeaseRevoke(7, expired=True), LeaseGrant(10, 7), Put(b"lent", b"anew", 7)]
    assert hand.replica.store.lease_ids() == (7,)
    hand.at(22.9)
    hand.take(LeaseRevoke(7), b"", 1)
    hand.take(LeaseGrant(10, 7), b"", 2)
    hand.at(23)
    hand.replica.tick()
    assert hand.commit() == [LeaseRevoke(7), LeaseGrant(10, 7)], "somebody has ended it"
    assert hand.replica.store.lease_ids() == (7,)
    hand.at(33)
    hand.replica.tick()
    assert hand.commit() == [LeaseRevoke(7, expired=True)], "its own time"


def test_what_comes_under_the_number_of_what_was_applied_is_not_looked_into() -> None:
    hand = CopyHand()
    hand.write(Put(b"k"), b"id")
    deep = Txn()
    for _ in range(480):
        deep = Txn((), (deep,))
    answer = hand.write(deep, b"id")
    assert isinstance(answer, Failure) and answer.kind == "bad-request"


def test_who_waits_for_one_under_way_hears_of_its_loss_and_counts_among_the_requests() -> None:
    hand = CopyHand(StateParams(requests_max=2))
    hand.take(Put(b"k"), b"id", 1)
    hand.take(Put(b"k"), b"id", 2)
    hand.take(Put(b"k"), b"id", 3)
    hand.take(DeleteRange(b"k"), b"id", 4)
    assert kinds(hand) == ["overloaded", "overloaded"]
    hand.follow("node002")
    assert hand.answers[2:] == [(1, hand.answers[2][1]), (2, hand.answers[2][1])]
    assert kinds(hand)[2:] == ["outcome-unknown"] * 2
    assert hand.replica.under_way == 0


def test_a_value_that_is_written_anew_as_it_is_needs_space_for_all_of_it() -> None:
    hand = CopyHand(bounds=Params(state_max_bytes=1 << 20))
    hand.write(Put(b"k", b"x" * 300_000))
    same = Put(b"k", ignore_value=True)
    for asker in range(4):
        hand.take(Txn((), (same,), (Range(b"k"),)) if asker % 2 else same, b"", asker)
    assert kinds(hand)[1:] == ["no-space", "no-space"], "two are on their way"
    hand.commit()
    assert hand.replica.store.size_bytes < 1 << 20


def test_a_lease_that_is_kept_alive_does_not_end_and_one_that_expired_cannot_be() -> None:
    hand = CopyHand()
    granted(hand)
    hand.at(8)
    assert hand.read(LeaseKeepAlive(7)) == LeaseKeepAliveResult(2, 7, 10)
    hand.at(12)
    hand.replica.tick()
    assert [entry for entry in hand.waiting if b"revoke" in getattr(entry.payload, "data", b"")] == []
    assert hand.read(LeaseTimeToLive(7, keys=True)) == LeaseTimeToLiveResult(2, 7, 6, 10, (b"lent",))
    hand.at(18)
    assert hand.read(LeaseKeepAlive(7)) == LeaseKeepAliveResult(2, 7, 0)
    assert hand.read(LeaseList()) == LeaseListResult(2, (7,))


def test_a_new_leader_gives_every_lease_its_whole_time_and_a_follower_ends_none() -> None:
    hand = CopyHand()
    granted(hand)
    hand.follow("node002")
    hand.at(60)
    hand.replica.tick()
    assert hand.waiting == []
    hand.follow("node001")
    hand.at(69.9)
    hand.replica.tick()
    assert hand.read(LeaseTimeToLive(7)) == LeaseTimeToLiveResult(2, 7, 0, 10)
    hand.waiting.clear()
    hand.at(70)
    hand.replica.tick()
    assert hand.commit() == [LeaseRevoke(7, expired=True)]


# --- compaction and snapshots -----------------------------------------------------------------------------------------


def test_the_leader_has_old_revisions_forgotten_through_the_log() -> None:
    hand = CopyHand(StateParams(history_revisions=10, history_age_s=0))
    for number in range(20):
        hand.write(Put(b"k", b"%d" % number))
    hand.replica.tick()
    assert hand.replica.store.compact_revision == 0
    assert hand.commit() == [Compact(11)]
    assert hand.replica.store.compact_revision == 11
    while hand.replica.store.history.first < 11:
        hand.at(1)
        hand.replica.tick()
    hand.replica.tick()
    assert hand.waiting == [], "not for every revision"


def test_the_state_is_written_in_slices_as_it_was_at_one_index() -> None:
    hand = CopyHand(SMALL, Params(chunk_bytes=1_024))
    pieces: list[KeepPiece] = []
    digests: dict[int, int] = {}
    for number in range(200):
        hand.write(Put(b"k%d" % (number % 8), b"x" * 900) if number < 8 else DeleteRange(b"k%d" % (number % 8)))
        digests[hand.replica.applied] = hand.replica.store.digest()
        if number < 7:
            continue
        hand.at(number)
        hand.replica.tick()
        pieces += [effect for effect in hand.did() if isinstance(effect, KeepPiece)]
        if pieces and pieces[-1].done:
            break
    assert pieces[-1].done and [piece.number for piece in pieces] == list(range(len(pieces)))
    ((origin, at),) = {(piece.origin, piece.snapshot) for piece in pieces}
    assert origin == "own" and restored([piece.data for piece in pieces]).digest() == digests[at.index]


def test_watches_of_long_ago_without_end_keep_neither_the_snapshot_nor_the_compaction_waiting() -> None:
    hand = CopyHand(SMALL, Params(chunk_bytes=1_024))
    for number in range(40):
        hand.write(Put(b"k%d" % (number % 8), b"x" * 900))
    assert hand.replica.supply.saving
    hand.write(Compact(30))
    pieces = 0
    for number in range(1, 200):
        hand.replica.watchers.watch(number, Watch(b"\0", b"\0", start_revision=31))
        assert hand.replica.watchers.behind
        hand.at(number)
        hand.replica.tick()
        pieces += sum(isinstance(effect, KeepPiece) for effect in hand.did())
        if not hand.replica.supply.saving and hand.replica.store.history.first == 30:
            break
    assert pieces > 2 and number <= 2 * pieces + 4, (pieces, number)


def test_a_state_from_a_leader_takes_the_place_of_this_one() -> None:
    source, hand = CopyHand(), CopyHand()
    granted(source)
    hand.follow("node002")
    hand.write(Put(b"old"))
    chunks, at = written(source.replica.store), Snapshot(30, 1)
    for number, chunk in enumerate(chunks):
        hand.replica.supply.take(PieceReceived(at, number, chunk, number == len(chunks) - 1))
    hand.replica.installed(at)
    assert hand.replica.applied == 30 and hand.replica.store.digest() == source.replica.store.digest()
    hand.index = 30
    hand.follow("node001")
    assert isinstance(hand.write(Put(b"next")), PutResult)
    hand.follow("node001")
    hand.at(10)
    hand.waiting.clear()
    hand.replica.tick()
    assert LeaseRevoke(7, expired=True) in hand.commit(), "its leases count here, too"
    assert hand.write(DeleteRange(b"nothing")) == DeleteResult(hand.replica.store.revision, 0)
