"""Changes of the voter set: Ongaro's dissertation, chapter 4, rule by rule."""

from __future__ import annotations

import msgspec
import pytest

from pycluster.consensus import (
    ActingStopped,
    CommandFailed,
    Configuration,
    Entry,
    NoOp,
    Notify,
    RemoveVoter,
    Resign,
    Resigned,
    Send,
    Voter,
)
from pycluster.consensus.messages import (
    AppendEntries,
    BootstrapAnswer,
    BootstrapQuery,
    PreVoteReply,
    PreVoteRequest,
    ResignRequest,
    TimeoutNow,
    VoteRequest,
)
from tests.paper.raft_cluster import SECOND, Cluster
from tests.paper.raft_hand import CLUSTER, MS, Hand, seat, seats


def names(hand: Hand) -> list[str]:
    return [peer.name for peer in hand.raft.view(hand.now_us).voters if not peer.learner]


def test_4_1_configuration_is_effective_on_append() -> None:
    """§4.1: "the new configuration takes effect on each server as soon as it is added to that server's log"."""
    hand = Hand()
    entry = Entry(3, 1, Configuration(CLUSTER, seats(2)))
    hand.tell(1, AppendEntries(*hand.header(1), 2, 1, (entry,)))
    assert names(hand) == ["node001", "node002"]


def test_4_1_configuration_falls_back_when_its_entry_is_truncated() -> None:
    """§4.1: "a server must be prepared to fall back to the previous configuration in its log"."""
    hand = Hand()
    entry = Entry(3, 1, Configuration(CLUSTER, seats(2)))
    hand.tell(1, AppendEntries(*hand.header(1), 2, 1, (entry,)))
    other = Entry(3, 2, Configuration(CLUSTER, seats(3)))
    hand.tell(3, AppendEntries(*hand.header(3, 2), 2, 1, (other,)))
    assert names(hand) == ["node001", "node002", "node003"]
    hand.tell(1, AppendEntries(*hand.header(1, 3), 1, 1, (Entry(2, 3, Configuration(CLUSTER, seats(1))),)))
    assert names(hand) == ["node001"]


def test_4_1_one_change_at_a_time() -> None:
    """§4.1: "a leader must not begin a configuration change until the previous one is committed"."""
    hand = Hand(voters=5)
    hand.act()
    for number in (4, 5):
        hand.acknowledge(number)
    hand.feed(RemoveVoter("node005"))
    assert hand.did(CommandFailed) == [] and len(names(hand)) == 4
    hand.feed(RemoveVoter("node004"))
    (refused,) = hand.did(CommandFailed)
    assert refused.why == "another change of the voters is under way" and len(names(hand)) == 4
    hand.write()
    for number in (1, 3):
        hand.match(number, 4)
    hand.feed(RemoveVoter("node004"))
    assert hand.did(CommandFailed) == [] and len(names(hand)) == 3


def test_4_1_no_change_before_the_terms_first_entry_is_committed() -> None:
    """§4.1 and its erratum of 2015: two single-server changes of different terms may not overlap."""
    hand = Hand()
    hand.lead()
    for number in (1, 3):
        hand.acknowledge(number)
    hand.feed(RemoveVoter("node003"))
    (refused,) = hand.did(CommandFailed)
    assert refused.why == "node002 is elected and may not act yet" and len(names(hand)) == 3


def test_4_2_1_a_new_disk_learns_before_it_votes() -> None:
    """§4.2.1: "a new server joins the cluster as a non-voting member ... until it has caught up"; then the lost one
    goes. §4.1: each step is committed before the next."""
    cluster = Cluster(3)
    cluster.start()
    cluster.elect()
    cluster.crash("node003", lose_disk=True)
    cluster.start("node003")
    cluster.run(20 * SECOND)
    steps = [
        (
            [(voter.name[-1], voter.uuid[-1]) for voter in entry.payload.voters],
            [(voter.name[-1], voter.uuid[-1]) for voter in entry.payload.learners],
        )
        for entry in cluster.raft("node001").entries
        if isinstance(entry.payload, Configuration)
    ]
    assert cluster.processes["node003"].uuid.endswith("2")
    old, new = ("3", "1"), ("3", "2")
    both = [("1", "1"), ("2", "1")]
    assert steps[-4:] == [([*both, old], []), ([*both, old], [new]), ([*both, old, new], []), ([*both, new], [])]
    assert len(cluster.notified("voter-replaced")) == 1
    cluster.crash("node002")
    cluster.run(3 * SECOND)
    assert cluster.acting() == "node001", "the new disk's vote counts"


def test_4_2_1_a_seat_whose_holder_answers_is_not_replaced() -> None:
    """Ours: two machines under one name do not push each other out."""
    hand = Hand()
    hand.act()
    for _ in range(100):
        hand.later(150)
        for number in (1, 3):
            hand.acknowledge(number)
        query = BootstrapQuery("", "impostor", "", 0, "digest", ("node001", "node002", "node003"))
        hand.tell(3, query)
    assert hand.raft.view(hand.now_us).last_index == 3


def test_4_2_2_a_leader_that_removes_itself_does_not_count_itself() -> None:
    """§4.2.2: "it replicates log entries but does not count itself in majorities", and steps down once committed."""
    hand = Hand()
    hand.act()
    hand.acknowledge(3)
    hand.match(3, 3)
    hand.feed(Resign())
    assert names(hand) == ["node001", "node003"]
    hand.write()
    hand.match(1, 4)
    assert hand.raft.leader == "node002", "its own copy and one of two: no majority of the new set"
    hand.match(3, 4)
    assert hand.raft.leader == "" and len(hand.did(Resigned)) == 1
    order = [type(effect) for effect in hand.effects]
    assert order.index(ActingStopped) < next(
        place for place, effect in enumerate(hand.effects) if isinstance(getattr(effect, "message", None), TimeoutNow)
    )


def test_4_2_2_the_others_go_on() -> None:
    cluster = Cluster(3)
    cluster.start()
    cluster.elect()
    cluster.run(SECOND)
    cluster.feed("node001", Resign())
    cluster.run(SECOND)
    assert cluster.acting() == "node002"
    assert [peer.name for peer in cluster.raft("node002").view(cluster.now_us).voters] == ["node002", "node003"]
    assert any(isinstance(effect, Resigned) for effect in cluster.processes["node001"].effects)


def test_4_2_2_the_last_voter_stops_acting_before_it_is_gone() -> None:
    cluster = Cluster(1)
    cluster.start()
    cluster.elect()
    cluster.run(SECOND)
    cluster.feed("node001", Resign())
    cluster.run(SECOND)
    order = [type(effect) for effect in cluster.processes["node001"].effects]
    assert order.index(ActingStopped) < order.index(Resigned)
    assert cluster.acting() is None


def test_4_2_2_a_server_outside_its_own_configuration_still_stands() -> None:
    """§4.2.2: it "should still start new elections, as it might still be needed until the Cnew entry is committed".
    Here the leader of two removed itself and died before the other had that: nobody else's log is long enough."""
    cluster = Cluster(2)
    cluster.start()
    cluster.elect()
    cluster.run(SECOND)
    cluster.isolate("node001")
    cluster.feed("node001", Resign())
    cluster.run(5 * MS)
    assert not cluster.raft("node001").seated and len(cluster.processes["node001"].disk.entries) == 3
    for name in cluster.names:
        cluster.crash(name)
    cluster.heal()
    cluster.start()
    assert cluster.run(10 * SECOND, lambda: cluster.acting() == "node002"), "elected by it, and handed over to"
    cluster.run(2 * SECOND)
    assert [peer.name for peer in cluster.raft("node002").view(cluster.now_us).voters] == ["node002"]
    assert not cluster.raft("node001").seated


def test_4_1_a_seat_given_by_an_entry_that_was_lost_is_given_again() -> None:
    """§4.1: the others fell back to the configuration before it. Ours: whoever waits in vain asks around again."""
    cluster = Cluster(5)
    cluster.start("node001", "node002", "node003", "node004")
    assert cluster.elect() == "node001"
    cluster.run(SECOND)
    cluster.drop = lambda sender, to, message: to != "node005" and isinstance(message, AppendEntries)
    cluster.start("node005")
    assert cluster.run(5 * SECOND, lambda: cluster.raft("node005").seated)
    cluster.run(50 * MS)
    cluster.crash("node001")
    cluster.drop = lambda sender, to, message: False
    assert cluster.run(10 * SECOND, lambda: cluster.acting() == "node002")
    cluster.run(5 * SECOND)
    seats_now = [(peer.name, peer.uuid) for peer in cluster.raft("node002").view(cluster.now_us).voters]
    assert ("node005", "node005-uuid1") in seats_now and cluster.raft("node005").leader == "node002"


def test_4_2_3_a_removed_voter_does_not_disrupt() -> None:
    """§4.2.3: servers not in the new configuration "will time out and start new elections"; they must not succeed."""
    cluster = Cluster(4)
    cluster.start()
    cluster.elect()
    cluster.run(SECOND)
    cluster.isolate("node004")
    cluster.run(2 * SECOND)
    cluster.feed("node001", RemoveVoter("node004"))
    cluster.run(SECOND)
    term = cluster.raft("node001").term
    cluster.heal()
    cluster.run(20 * SECOND)
    assert cluster.acting() == "node001" and cluster.raft("node001").term == term
    assert len(cluster.intervals) == 1


def test_4_2_3_a_removed_voter_that_was_away_learns_that_it_has_no_seat() -> None:
    """§4.2.3: "a server that is not in Cnew will no longer receive heartbeats". Ours: whoever refuses its pre-vote
    shows it the committed configuration's place in the log, and it stands no more."""
    cluster = Cluster(3)
    cluster.start()
    cluster.elect()
    cluster.run(SECOND)
    cluster.crash("node003")
    cluster.run(2 * SECOND)
    cluster.feed("node001", RemoveVoter("node003"))
    cluster.run(20 * SECOND)
    cluster.start("node003")
    cluster.run(3 * SECOND)
    away = cluster.raft("node003")
    assert not away.seated and away.reason == "the seat of node003 among the voters was given up while it was away"
    cluster.sent.clear()
    cluster.run(20 * SECOND)
    assert not any(isinstance(message, PreVoteRequest) for _, _, _, message in cluster.sent)
    assert cluster.acting() == "node001" and len(cluster.intervals) == 1


@pytest.mark.parametrize(("term", "index", "seated"), [(0, 0, True), (1, 1, True), (1, 2, False), (2, 1, False)])
def test_only_a_later_committed_configuration_takes_a_seat_away(term: int, index: int, seated: bool) -> None:
    """Ours: a voter that lags behind does not know of a newcomer's seat yet."""
    hand = Hand()
    hand.tell(1, PreVoteReply(*hand.header(1), 1, False, 0, term, index))
    assert hand.raft.seated == seated
    hand.heartbeat(1)
    assert hand.raft.seated, "a leader that speaks to it knows better"


def test_whoever_asks_around_is_shown_it_too() -> None:
    """Ours: the few that are left of many voters may be none of those whom the absent would ask for votes."""
    hand = Hand()
    hand.act()
    hand.acknowledge(3)
    hand.match(3, 3)
    hand.feed(RemoveVoter("node003"))
    hand.write()
    hand.match(1, 4)
    hand.tell(3, BootstrapQuery(*hand.header(3), "digest", ("node001", "node002", "node003")))
    (answer,) = hand.sent(BootstrapAnswer)
    assert (answer.configuration_term, answer.configuration_index) == (2, 4)
    away = Hand(me=3)
    away.tell(2, msgspec.structs.replace(answer, to_uuid="uuid3"))
    assert not away.raft.seated


def test_4_2_3_a_request_of_someone_outside_the_configuration_is_answered() -> None:
    """§4.1: "servers process incoming RPC requests without consulting their current configurations"."""
    hand = Hand()
    hand.tell(9, VoteRequest(*hand.header(9, 2), 9, 9))
    hand.write()
    assert hand.raft.term == 2


def test_removal_that_would_lose_the_quorum_is_refused() -> None:
    """Ours: fewer reachable voters than the new majority needs."""
    hand = Hand()
    hand.act()
    hand.later(700)
    hand.acknowledge(1)
    hand.later(400)
    hand.acknowledge(1)
    hand.feed(RemoveVoter("node001"))
    (refused,) = hand.did(CommandFailed)
    assert refused.what == "node001 keeps its seat"
    assert "2 voters would be left, of which 2 are needed and 1 can be reached; silent: node003" in refused.why
    hand.feed(RemoveVoter("node003"))
    assert hand.did(CommandFailed) == [], "the silent one may go"


@pytest.mark.parametrize("resigning", ["node002", "node003"])
def test_resign_goes_through_the_leader(resigning: str) -> None:
    cluster = Cluster(3)
    cluster.start()
    cluster.elect()
    cluster.run(SECOND)
    cluster.feed(resigning, Resign())
    cluster.run(2 * SECOND)
    assert any(isinstance(effect, Resigned) for effect in cluster.processes[resigning].effects)
    cluster.crash(resigning)
    cluster.run(3 * SECOND)
    assert cluster.acting() == "node001"
    cluster.start(resigning)
    cluster.run(5 * SECOND)
    assert cluster.raft(resigning).reason.startswith("this node has no seat among the voters node001, ")
    assert cluster.acting() == "node001"


def test_resign_is_refused_where_the_quorum_would_be_lost() -> None:
    cluster = Cluster(3)
    cluster.start()
    cluster.elect()
    cluster.run(SECOND)
    cluster.crash("node003")
    cluster.run(2 * SECOND)
    for name in ("node001", "node002"):
        cluster.feed(name, Resign())
        cluster.run(2 * SECOND)
        failed = [effect for effect in cluster.processes[name].effects if isinstance(effect, CommandFailed)]
        assert len(failed) == 1 and "silent: node003" in failed[0].why
    assert cluster.acting() == "node001"


def test_resign_ends_when_the_change_is_committed_not_when_it_is_heard_of() -> None:
    """§4.2.2 for followers too: whoever is removed goes once the configuration without it is committed."""
    hand = Hand(voters=4)
    hand.heartbeat(1)
    hand.feed(Resign())
    left = tuple(voter for voter in seats(4) if voter.name != "node002")
    append = AppendEntries(*hand.header(1), 2, 1, (Entry(3, 1, Configuration(CLUSTER, left)),))
    hand.tell(1, append)
    hand.later(400)
    assert names(hand) == ["node001", "node003", "node004"] and hand.did(Resigned) == []
    hand.heartbeat(1, commit_index=3)
    hand.later(400)
    assert len(hand.did(Resigned)) == 1


def test_resign_goes_on_where_the_change_is_undone() -> None:
    hand = Hand(voters=4)
    hand.heartbeat(1)
    hand.feed(Resign())
    left = tuple(voter for voter in seats(4) if voter.name != "node002")
    hand.tell(1, AppendEntries(*hand.header(1), 2, 1, (Entry(3, 1, Configuration(CLUSTER, left)),)))
    hand.tell(3, AppendEntries(*hand.header(3, 2), 2, 1, (Entry(3, 2, NoOp()),)))
    hand.write()
    hand.later(400)
    asked = [effect.to for effect in hand.did(Send) if isinstance(effect.message, ResignRequest)]
    assert asked == ["node003"] and len(names(hand)) == 4


def test_resign_without_a_leader_fails_within_its_bound() -> None:
    hand = Hand()
    hand.feed(Resign())
    ended_us = hand.now_us + 10_000 * MS
    while not hand.did(CommandFailed):
        assert hand.now_us < ended_us
        hand.due()
    assert hand.did(CommandFailed)[0].what == "node002 keeps its seat" and hand.now_us == ended_us


def test_the_last_voter_may_leave() -> None:
    cluster = Cluster(2)
    cluster.start()
    cluster.elect()
    cluster.run(SECOND)
    cluster.feed("node001", Resign())
    cluster.run(2 * SECOND)
    cluster.crash("node001")
    assert cluster.elect() == "node002"
    assert any(isinstance(effect, Resigned) for effect in cluster.feed("node002", Resign()))


def test_notices_name_the_node() -> None:
    hand = Hand()
    hand.act()
    hand.acknowledge(3)
    hand.feed(RemoveVoter("node003"))
    assert [notice.fields["node"] for notice in hand.did(Notify)] == ["node003"]
    assert Voter("node003", "uuid3") == seat(3)
