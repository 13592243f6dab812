"""Who votes is worked out once for each configuration, and is never a step behind the log."""

from __future__ import annotations

import pytest

from pycluster.consensus import Configuration, Entry, NoOp, Stored, Voter
from pycluster.consensus.electorate import Electorate, majority
from pycluster.consensus.messages import AppendEntries
from tests.paper.raft_hand import CLUSTER, Hand, seat, seats


@pytest.mark.parametrize(("voters", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)])
def test_a_quorum_is_more_than_half(voters: int, needed: int) -> None:
    assert majority(voters) == needed == Electorate(Configuration(CLUSTER, seats(voters)), seat(1), 9).needed


def test_before_there_is_a_log_the_list_counts() -> None:
    nobody = Electorate(None, seat(1), 5)
    assert (nobody.voters, nobody.others, nobody.seated, nobody.needed, nobody.cluster_uuid) == ((), (), False, 3, "")


def test_an_unclaimed_seat_counts_and_cannot_be_talked_to() -> None:
    told = Electorate(Configuration(CLUSTER, (seat(1), Voter("node002", ""), seat(3))), seat(1), 3)
    assert told.others == (seat(3),) and told.needed == 2 and told.seated


def test_another_uuid_under_our_name_is_another_node() -> None:
    told = Electorate(Configuration(CLUSTER, seats(3)), Voter("node001", "new disk"), 3)
    assert not told.seated and told.others == seats(3)


def test_it_follows_every_change_of_the_log_and_nothing_else() -> None:
    hand = Hand()
    state = hand.raft._s
    first = state.electorate
    hand.heartbeat(1)
    hand.tell(1, AppendEntries(*hand.header(1), 2, 1, (Entry(3, 1, NoOp()),)))
    assert state.electorate is first, "no configuration came"
    hand.tell(1, AppendEntries(*hand.header(1), 3, 1, (Entry(4, 1, Configuration(CLUSTER, seats(2))),)))
    assert state.voters == seats(2) and state.others == (seat(1),)
    hand.tell(3, AppendEntries(*hand.header(3, 2), 3, 1, (Entry(4, 2, NoOp()),)))
    assert state.voters == seats(3) and state.needed == 2, "undone with its entry"


def test_a_log_that_is_given_up_leaves_no_voters_behind() -> None:
    hand = Hand(stored=Stored())
    hand.tell(1, AppendEntries(*hand.header(1, 1), 0, 0, (Entry(1, 1, Configuration(CLUSTER, seats(3))),)))
    assert hand.raft.seated
    hand.raft._s.journal.flush(hand.now_us)
    hand.raft._s.journal.truncate_from(1)
    assert not hand.raft._s.seated and hand.raft._s.cluster_uuid == ""
