"""Founding a cluster: who may, who waits, and what an interrupted founding leaves."""

from __future__ import annotations

from itertools import pairwise

import pytest

from pycluster.consensus import Configuration, Entry, NoOp, Notify, Stored, Vote, Voter
from pycluster.consensus.messages import BootstrapAnswer, BootstrapQuery, PreVoteReply, VoteReply, VoteRequest
from tests.paper.raft_cluster import MS, SECOND, Cluster, Disk
from tests.paper.raft_hand import CLUSTER, Hand, seats


def founding(cluster_uuid: str, *voters: tuple[str, str]) -> list[Entry]:
    seats = tuple(Voter(name, uuid) for name, uuid in voters)
    return [Entry(1, 1, Configuration(cluster_uuid, seats)), Entry(2, 1, NoOp())]


def put(cluster: Cluster, name: str, entries: list[Entry], term: int = 1) -> None:
    disk = Disk()
    disk.entries, disk.vote = entries, Vote(term)
    cluster.processes[name].disk = disk


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7])
def test_the_lowest_of_those_that_start_together_leads_first(size: int) -> None:
    for seed in range(3):
        cluster = Cluster(size, seed)
        cluster.start()
        began_us = cluster.now_us
        assert cluster.elect() == "node001"
        assert cluster.now_us - began_us < 1_100 * MS
        cluster.run(2 * SECOND)
        seats = [(peer.name, peer.uuid) for peer in cluster.raft("node001").view(cluster.now_us).voters]
        assert seats == [(name, f"{name}-uuid1") for name in cluster.names]


def test_a_minority_waits_and_says_for_whom() -> None:
    cluster = Cluster(5)
    cluster.start("node002", "node004")
    cluster.run(30 * SECOND)
    assert cluster.acting() is None and cluster.raft("node002").term == 0
    assert cluster.raft("node002").reason == (
        "forming: 2 of 5 listed voters answered, 3 needed; silent: node001, node003, node005"
    )
    assert cluster.raft("node002").view(cluster.now_us).phase == "waiting"


def test_a_majority_founds_without_the_others_after_a_grace() -> None:
    cluster = Cluster(5)
    cluster.start("node002", "node004", "node005")
    began_us = cluster.now_us
    assert cluster.elect() == "node002"
    assert cluster.now_us - began_us < 1_200 * MS
    voters = cluster.raft("node002").view(cluster.now_us).voters
    assert [bool(peer.uuid) for peer in voters] == [False, True, False, True, True]


def test_founders_wait_for_a_lower_id_that_is_still_silent() -> None:
    cluster = Cluster(3)
    cluster.start("node002", "node003")
    cluster.run(900 * MS)
    cluster.start("node001")
    assert cluster.elect() == "node001"


@pytest.mark.parametrize("late", [("node002",), ("node002", "node003")], ids=len)
def test_the_lowest_id_that_was_up_first_leads_first(late: tuple[str, ...]) -> None:
    for seed in range(20):
        cluster = Cluster(3, seed)
        cluster.start("node001")
        cluster.run(3 * SECOND)
        cluster.start(*late)
        assert cluster.elect() == "node001", seed


def test_a_late_listed_voter_claims_its_seat() -> None:
    cluster = Cluster(3)
    cluster.start("node002", "node003")
    cluster.elect()
    cluster.run(5 * SECOND)
    cluster.start("node001")
    cluster.run(3 * SECOND)
    assert cluster.notified("seat-claimed") == ["node001 took its seat among the voters"]
    assert cluster.raft("node001").leader == "node002"
    assert cluster.run(10 * SECOND, lambda: cluster.acting() == "node001"), "and leads, as the lowest"


def test_an_unclaimed_seat_counts_in_the_quorum() -> None:
    cluster = Cluster(5)
    cluster.start("node001", "node002", "node003")
    cluster.elect()
    cluster.run(SECOND)
    cluster.crash("node003")
    cluster.run(3 * SECOND)
    assert cluster.acting() is None, "two of five"


def test_different_lists_do_not_found_and_both_are_printed() -> None:
    cluster = Cluster(3)
    cluster.lists["node001"] = ("node001", "node002", "node009")
    cluster.lists["node002"] = ("node001", "node002")
    cluster.start()
    cluster.run(20 * SECOND)
    assert cluster.acting() is None and all(cluster.raft(name).term == 0 for name in cluster.names)
    texts = cluster.notified("voter-list-differs")
    assert any("it lists node001, node002, node009; this node lists node001, node002;" in text for text in texts)
    assert len(texts) == len(set(texts)) <= 6, "once per peer and minute"
    assert "with a different list: node002, node003" in cluster.raft("node001").reason


def test_after_bootstrap_a_different_list_does_not_matter() -> None:
    cluster = Cluster(3)
    cluster.start()
    cluster.elect()
    cluster.run(SECOND)
    cluster.crash("node002")
    cluster.lists["node002"] = ("node002", "node009")
    cluster.start("node002")
    cluster.run(3 * SECOND)
    assert cluster.raft("node002").leader == "node001"


def test_nobody_founds_while_anyone_heard_is_initialised() -> None:
    cluster = Cluster(3)
    put(cluster, "node001", founding("x" * 32, *((name, f"{name}-old") for name in cluster.names)))
    cluster.processes["node001"].disk.entries.append(Entry(3, 1, NoOp()))
    cluster.start()
    cluster.run(20 * SECOND)
    assert cluster.acting() is None
    assert cluster.raft("node002").reason.startswith(
        "waiting to be contacted by the cluster's leader: node001 has its log"
    )


def test_a_voter_with_a_past_refuses_founders() -> None:
    hand = Hand()
    request = VoteRequest("", "uuid3", "", 9, 0, 0, hand.raft._s.digest)
    hand.tell(3, request)
    assert [reply.granted for reply in hand.sent(VoteReply)] == [False] and hand.raft.term == 1


def test_votes_count_only_from_those_that_answered_the_question() -> None:
    """A (name, UUID) pair that turns up in the election alone is a stranger."""
    hand = Hand(stored=Stored(), me=1)
    listed, digest = ("node001", "node002", "node003"), hand.raft._s.digest
    for _ in range(3):
        hand.tell(2, BootstrapAnswer("", "uuid2", "", 0, digest, listed))
        if hand.raft.view(hand.now_us).role == "follower":
            hand.due()
    hand.tell(2, PreVoteReply("", "uuid2", "", 0, 0, True))
    hand.write()
    assert hand.raft.term == 1
    hand.tell(3, VoteReply("", "uuid3", "", 1, 1, True))
    hand.tell(2, VoteReply("", "another", "", 1, 1, True))
    assert hand.raft.leader == ""
    hand.tell(2, VoteReply("", "uuid2", "", 1, 1, True))
    assert hand.raft.leader == "node001"
    entries = hand.raft.entries
    assert isinstance(entries[0].payload, Configuration) and isinstance(entries[1].payload, NoOp)
    assert entries[0].payload.voters == (Voter("node001", "uuid1"), Voter("node002", "uuid2"), Voter("node003", ""))


def test_an_unfinished_founding_is_completed_where_a_majority_is_in_reach() -> None:
    """The founder died before anyone had its first entries; it alone remembers them."""
    cluster = Cluster(3)
    put(cluster, "node002", founding("x" * 32, *((name, f"{name}-uuid1") for name in cluster.names)))
    cluster.start()
    leader = cluster.elect()
    cluster.run(10 * SECOND)
    uuids = {cluster.raft(name).view(cluster.now_us).cluster_uuid for name in cluster.names}
    assert len(uuids) == 1 and leader in cluster.names
    assert cluster.acting() == "node001"


def test_an_unfinished_founding_yields_to_the_majoritys_cluster() -> None:
    cluster = Cluster(5)
    put(cluster, "node002", founding("x" * 32, *((name, f"{name}-uuid1") for name in cluster.names)))
    cluster.start("node001", "node003", "node004")
    cluster.elect()
    cluster.run(SECOND)
    cluster.start("node002")
    cluster.run(5 * SECOND)
    assert cluster.raft("node002").leader == "node001"
    assert len(cluster.notified("bootstrap")) == 2 and cluster.notified("other-cluster") == []


def in_doubt(*seats: tuple[str, str]) -> Hand:
    """node002 of five after a restart: it holds a founding's two entries and does not know whether they committed."""
    hand = Hand(voters=5, stored=Stored(Vote(1), tuple(founding(CLUSTER, *seats))))
    hand.later(10)
    return hand


def without(hand: Hand, number: int, term: int, uuid: str = "") -> int:
    """That voter answers "empty", in that term; gives the length of node002's log after it."""
    names = tuple(voter.name for voter in seats(5))
    hand.tell(number, BootstrapAnswer("", uuid or f"uuid{number}", "", term, hand.raft._s.digest, names))
    return len(hand.raft.entries)


FIVE = tuple((voter.name, voter.uuid) for voter in seats(5))


def test_an_unfinished_founding_is_kept_while_an_empty_voter_may_still_take_it_over() -> None:
    """One that answered "empty" could acknowledge it a moment later, and the founder commit it."""
    hand = in_doubt(*FIVE)
    assert [without(hand, number, term=1) for number in (3, 4, 5)] == [2, 2, 2]
    assert [without(hand, number, term=2) for number in (3, 4, 5)] == [2, 2, 0], "past its term nobody can"


def test_an_unfinished_founding_is_not_given_up_because_of_a_lost_disk() -> None:
    """The disk may have held the second of three copies: what is lost with it is not known."""
    hand = in_doubt(*FIVE)
    assert [without(hand, number, term=2, uuid=f"new{number}") for number in (1, 3, 4, 5)] == [2, 2, 2, 2]


def test_an_unclaimed_seat_is_without_the_founding_whoever_comes() -> None:
    hand = in_doubt(*FIVE[:3], ("node004", ""), ("node005", ""))
    assert [without(hand, number, term=2, uuid=f"new{number}") for number in (4, 5)] == [2, 2]
    assert without(hand, 3, term=2) == 0


def test_the_empty_go_past_the_term_of_a_founding_in_doubt_once_and_durably() -> None:
    hand = Hand(stored=Stored())
    names = tuple(voter.name for voter in seats(3))
    query = BootstrapQuery(CLUSTER, "uuid3", "", 4, "digest", names, 0, 4)
    hand.tell(3, query)
    assert hand.sent(BootstrapAnswer) == [] and hand.unwritten[-1].vote == Vote(5)
    hand.write()
    assert [answer.term for answer in hand.sent(BootstrapAnswer)] == [5]
    hand.tell(3, query)
    assert hand.raft.term == 5 and len(hand.sent(BootstrapAnswer)) == 1


def test_nobody_that_owes_a_promise_goes_past_a_term() -> None:
    hand = Hand(stored=Stored())
    hand.heartbeat(1, term=4)
    hand.tell(3, BootstrapQuery(CLUSTER, "uuid3", "", 4, "digest", ("node003",), 0, 4))
    assert hand.raft.term == 4


def test_strangers_with_other_lists_leave_room_for_those_that_are_listed() -> None:
    hand = Hand(stored=Stored(), me=1)
    for number in range(100, 300):
        hand.tell(number, BootstrapQuery("", f"uuid{number}", "", 0, "other", (f"node{number}",)))
    hand.tell(2, BootstrapAnswer("", "uuid2", "", 0, hand.raft._s.digest, hand.raft._s.listed))
    assert hand.raft.reason.startswith("forming: 2 of 3 listed voters answered")


def test_a_finished_log_of_another_cluster_is_never_given_up() -> None:
    cluster = Cluster(3)
    put(cluster, "node003", founding("x" * 32, *((name, f"{name}-old") for name in ("node001", "node002"))))
    other = cluster.processes["node003"].disk
    other.entries.append(Entry(3, 1, NoOp()))
    kept = list(other.entries)
    cluster.start("node001", "node002")
    cluster.elect()
    cluster.run(SECOND)
    cluster.start("node003")
    cluster.run(90 * SECOND)
    assert other.entries == kept and cluster.acting() == "node001"
    told = [
        effect
        for effect in cluster.processes["node001"].effects
        if isinstance(effect, Notify) and effect.kind == "other-cluster"
    ]
    assert 1 <= len(told) <= 2, "once per peer and minute"
    assert "nothing of it is taken over" in told[0].text and told[0].fields == {"node": "node003"}


def test_questions_slow_down() -> None:
    cluster = Cluster(3)
    cluster.start("node001")
    cluster.run(60 * SECOND)
    asked = [at for at, _, to, message in cluster.sent if isinstance(message, BootstrapQuery) and to == "node002"]
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert 200 * MS <= gaps[0] <= 300 * MS and min(gaps[-10:]) >= 780 * MS and max(gaps) <= 1_000 * MS


def test_an_empty_voter_whose_list_leaves_it_out_waits() -> None:
    cluster = Cluster(3)
    cluster.lists["node003"] = ("node001", "node002")
    cluster.start("node003")
    cluster.run(5 * SECOND)
    assert cluster.raft("node003").reason == "this node is not in the list of voters"
    assert cluster.raft("node003").next_deadline() is None
