"""Voters that are added, and seats that move: Ongaro's dissertation, chapter 4, rule by rule."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from pycluster.consensus import (
    AddVoter,
    CommandFailed,
    Configuration,
    Entry,
    Event,
    Message,
    MessageReceived,
    Params,
    PeerHealth,
    Raft,
    RemoveVoter,
    ReplaceVoter,
    Send,
    Start,
    Stored,
    Timer,
    Voter,
)
from pycluster.consensus.messages import AppendEntries, AppendReply, PreVoteRequest, VoteRequest
from tests.paper.raft_cluster import SECOND, Cluster
from tests.paper.raft_hand import CLUSTER, Hand, seat, seats

NEW = Voter("node004", "uuid4")


def configurations(raft: Raft) -> list[Configuration]:
    return [entry.payload for entry in raft.entries if isinstance(entry.payload, Configuration)]


def acting(voters: int = 3) -> Hand:
    """``node002`` acts, ``node001`` answers, and ``node003`` where there is one."""
    hand = Hand(voters=voters)
    hand.act()
    for number in hand.others:
        hand.acknowledge(number)
        hand.match(number, hand.raft.view(hand.now_us).last_index)
    hand.write()
    return hand


def committed(hand: Hand, *numbers: int) -> None:
    """The disk and those followers have the whole log."""
    hand.write()
    last = hand.raft.view(hand.now_us).last_index
    for number in numbers:
        hand.acknowledge(number)
        hand.match(number, last)


def why(hand: Hand, event: Event) -> str:
    hand.feed(event)
    (refused,) = hand.did(CommandFailed)
    return refused.why


def spare(params: Params | None = None) -> Raft:
    """A node that no list names, with an empty disk."""
    names = tuple(voter.name for voter in seats(3))
    raft = Raft(params or Params(), NEW.name, NEW.uuid, names, "demo", Stored(), Random(4))
    raft.handle(Start(), 0)
    return raft


def test_4_2_1_a_new_server_joins_as_a_non_voting_member() -> None:
    """§4.2.1: "the leader replicates log entries to it, but it is not yet counted towards majorities for voting or
    commitment purposes"."""
    hand = acting(2)
    hand.feed(AddVoter(NEW.name, NEW.uuid))
    assert hand.sent(AppendEntries) and configurations(hand.raft)[-1] == Configuration(CLUSTER, seats(2), (NEW,))
    hand.write()
    before = hand.raft.commit_index
    hand.tell(4, AppendReply(*hand.header(4), True, before, hand.raft.view(hand.now_us).last_index))
    assert hand.raft.commit_index == before, "a voter of two and a learner are no majority"
    committed(hand, 1)
    assert hand.raft.commit_index > before


def test_4_2_1_it_votes_once_it_has_caught_up_and_not_before() -> None:
    """§4.2.1: "the leader ... determines when a new server is sufficiently caught up"."""
    hand = acting()
    hand.feed(AddVoter(NEW.name, NEW.uuid))
    committed(hand, 1, 3)
    hand.acknowledge(4)
    assert configurations(hand.raft)[-1].learners == (NEW,), "it answers, and has nothing yet"
    hand.match(4, hand.raft.commit_index - 1)
    assert configurations(hand.raft)[-1].learners == (NEW,), "all but one entry"
    hand.match(4, hand.raft.commit_index)
    assert configurations(hand.raft)[-1] == Configuration(CLUSTER, (*seats(3), NEW))


def test_4_2_1_a_server_that_is_unavailable_or_slow_harms_nobody() -> None:
    """§4.2.1: a leader needs "to detect an unavailable new server": here it learns for ever, and nothing waits."""
    hand = acting()
    hand.feed(AddVoter(NEW.name, NEW.uuid))
    committed(hand, 1, 3)
    for _ in range(20):
        hand.later(100)
        committed(hand, 1, 3)
    assert hand.raft.is_acting(hand.now_us) and configurations(hand.raft)[-1].learners == (NEW,)
    hand.feed(RemoveVoter(NEW.name))
    committed(hand, 1, 3)
    assert configurations(hand.raft)[-1] == Configuration(CLUSTER, seats(3))


def test_4_1_a_server_takes_entries_of_a_leader_that_it_knows_nothing_of() -> None:
    """§4.1: "a server accepts AppendEntries requests from a leader that is not part of the server's latest
    configuration"; otherwise a new one "would never accept any log entries"."""
    raft = spare()
    assert raft.dormant and raft.next_deadline() is None
    founding = Entry(1, 1, Configuration(CLUSTER, seats(3), (NEW,)))
    header = CLUSTER, seat(1).uuid, NEW.uuid, 1
    effects = raft.handle(_from(1, AppendEntries(*header, 0, 0, (founding,), 1)), 5 * SECOND)
    assert effects and not raft.dormant and raft.leader == "node001" and raft.commit_index == 1


def test_4_2_3_who_has_no_seat_yet_never_stands() -> None:
    """§4.2.1 and §4.2.3: neither a node that nobody has asked, nor a learner whose leader falls silent."""
    raft = spare()
    assert not raft.handle(Timer(), 3_600 * SECOND)
    founding = Entry(1, 1, Configuration(CLUSTER, seats(3), (NEW,)))
    raft.handle(_from(1, AppendEntries(CLUSTER, seat(1).uuid, NEW.uuid, 1, 0, 0, (founding,), 1)), 3_601 * SECOND)
    sent = []
    for second in range(3_602, 3_700):
        sent += [effect.message for effect in raft.handle(Timer(), second * SECOND) if isinstance(effect, Send)]
    assert not [message for message in sent if isinstance(message, PreVoteRequest | VoteRequest)]


def test_a_node_that_nobody_gave_the_log_takes_part_in_no_election() -> None:
    """Ours: it neither votes, nor founds a cluster, nor helps one to."""
    raft = spare()
    request = PreVoteRequest("", seat(1).uuid, "", 0, 0, 0, "", acts_late=True)
    assert not raft.handle(_from(1, request), 10 * SECOND)


def test_4_1_a_seat_moves_by_one_seat_a_step() -> None:
    """§4.1: "only one server can be added or removed from the cluster at a time": any two majorities then overlap."""
    hand = acting()
    hand.feed(ReplaceVoter("node003", NEW.name, NEW.uuid))
    for _ in range(4):
        committed(hand, 1, 3, 4)
    steps = [{voter.name for voter in one.voters} for one in configurations(hand.raft)]
    assert steps[-1] == {"node001", "node002", "node004"}
    assert all(len(former ^ later) <= 1 for former, later in pairwise(steps))
    assert min(map(len, steps)) == 3, "never fewer than before"


def test_4_1_each_step_waits_for_the_one_before() -> None:
    """§4.1: no change begins "until the previous one is committed", nor is one accepted meanwhile."""
    hand = acting()
    hand.feed(AddVoter(NEW.name, NEW.uuid))
    hand.acknowledge(4)
    hand.match(4, hand.raft.view(hand.now_us).last_index)
    assert configurations(hand.raft)[-1].learners == (NEW,), "that it learns is not committed"
    under_way = "another change of the voters is under way"
    assert why(hand, AddVoter("node005", "uuid5")) == under_way
    assert why(hand, RemoveVoter("node003")) == under_way
    assert why(hand, ReplaceVoter("node003", "node005", "uuid5")) == under_way


def test_4_1_nothing_is_changed_before_the_terms_first_entry_is_committed() -> None:
    """Ongaro 2015, the correction of §4.1: otherwise two leaders' changes may not overlap."""
    hand = Hand()
    hand.lead()
    hand.write()
    assert "may not act yet" in why(hand, AddVoter(NEW.name, NEW.uuid))
    assert len(configurations(hand.raft)) == 1


def test_another_leader_goes_on_where_one_stopped() -> None:
    """Ours: whose seat goes when somebody votes stands in the log."""
    cluster = Cluster(["node001", "node002", "node003", "node004"])
    cluster.lists = dict.fromkeys(cluster.names, ("node001", "node002", "node003"))
    cluster.start("node001", "node002", "node003")
    leader = cluster.elect()
    uuid = cluster.processes["node004"].uuid
    cluster.isolate("node004")
    cluster.start("node004")
    cluster.feed(leader, ReplaceVoter("node003", "node004", uuid))
    cluster.run(SECOND)
    cluster.crash(leader)
    cluster.run(5 * SECOND)
    cluster.heal()
    cluster.start(leader)
    cluster.run(10 * SECOND)
    later = cluster.acting()
    assert later is not None
    assert [voter.name for voter in cluster.raft(later).voters] == ["node001", "node002", "node004"]
    cluster.check_logs()


def test_at_most_seven_vote_and_a_replacement_is_none_more() -> None:
    """Ours: a majority of more would be slow, and a leader would send each entry to many."""
    hand = acting(7)
    assert why(hand, AddVoter("node008", "uuid8")).startswith("at most 7 vote")
    hand.feed(ReplaceVoter("node007", "node008", "uuid8"))
    assert not hand.did(CommandFailed)


def test_who_is_asked_for_twice_is_refused() -> None:
    """Ours."""
    hand = acting()
    assert why(hand, AddVoter("node003", "other")) == "node003 is a voter already"
    hand.feed(ReplaceVoter("node003", NEW.name, NEW.uuid))
    committed(hand, 1, 3)
    assert why(hand, AddVoter(NEW.name, NEW.uuid)) == "node004 learns the log already"
    assert why(hand, ReplaceVoter("node001", "node005", "uuid5")) == "node004 is on its way into the seat of node003"


@pytest.mark.parametrize("event", [AddVoter(NEW.name, NEW.uuid, True), RemoveVoter("node003", True)])
def test_a_dry_run_appends_nothing(event: Event) -> None:
    """Ours."""
    hand = acting()
    before = len(hand.raft.entries)
    assert not [effect for effect in hand.feed(event) if not isinstance(effect, Send)]
    assert len(hand.raft.entries) == before


def test_a_seat_that_goes_ends_what_was_under_way_with_it() -> None:
    """Ours: no learner is left that waits for a seat that nobody gives any more."""
    for gone in ("node003", NEW.name):
        hand = acting()
        hand.feed(ReplaceVoter("node003", NEW.name, NEW.uuid))
        committed(hand, 1, 3)
        hand.feed(RemoveVoter(gone))
        assert configurations(hand.raft)[-1].moving is None, gone


def test_a_learner_that_lost_its_disk_begins_anew() -> None:
    """Ours: membership says that another disk lives under its name; nobody's vote rests on the lost one."""
    hand = acting()
    hand.feed(AddVoter(NEW.name, NEW.uuid))
    committed(hand, 1, 3)
    hand.feed(PeerHealth(NEW.name, "another", True))
    hand.later(100)
    committed(hand, 1, 3)
    assert configurations(hand.raft)[-1].learners == (Voter(NEW.name, "another"),)


def test_a_voter_that_lost_its_disk_is_found_by_membership_where_it_does_not_ask_around() -> None:
    """Ours: no list names it, so with an empty disk it does not know that it had a seat."""
    hand = acting()
    hand.feed(PeerHealth("node003", "another", True))
    for _ in range(99):
        hand.later(100)
        committed(hand, 1)
    assert len(configurations(hand.raft)) == 1, "not before the old one was silent for its grace"
    for _ in range(5):
        hand.later(100)
        committed(hand, 1)
    assert configurations(hand.raft)[-1].learners == (Voter("node003", "another"),)


def _from(number: int, message: Message) -> Event:
    return MessageReceived(seat(number).name, message)


def test_one_disk_never_holds_two_seats() -> None:
    """Its vote, and what it acknowledged, would count twice."""
    hand = acting()
    assert "the UUID of node001" in why(hand, AddVoter("node009", seat(1).uuid))
    hand.feed(AddVoter(NEW.name, NEW.uuid))
    committed(hand, *hand.others)
    assert "the UUID of node004" in why(hand, AddVoter("node009", NEW.uuid))
    hand.feed(PeerHealth(NEW.name, seat(1).uuid, True))
    hand.later(50)
    assert configurations(hand.raft)[-1].learners == (NEW,)
