"""What happens is told once, in the origin's words where it has them."""

from __future__ import annotations

from pycluster.node import events
from tests.unit.node.village import FIVE, Village

ELECTION = ("election-started", "leader-changed", "leader-elected", "leader-gained")


def story() -> Village:
    """Three nodes: the leader dies and comes back."""
    village = Village(FIVE[:3])
    village.run(20)
    village.kill("node001")
    village.run(30)
    village.start("node001")
    village.run(20)
    return village


def test_the_election_in_the_origins_words_on_each_console() -> None:
    village = story()
    assert village.heard.texts("node002", *ELECTION) == [
        "Following new leader: node001 (term 1)",
        "Leader node001 timed out, initiating new election",
        "Became new leader: node002 (term 2); it acts when the former leader's lease is over",
        "Acts as leader: node002 (term 2)",
        "Following new leader: node001 (term 3)",
    ]
    assert village.heard.texts("node003", *ELECTION) == [
        "Following new leader: node001 (term 1)",
        "Leader node001 timed out, initiating new election",
        "Following new leader: node002 (term 2)",
        "Following new leader: node001 (term 3)",
    ]
    assert village.heard.texts("node001", *ELECTION) == [
        "No leader, initiating new election",
        "Became new leader: node001 (term 1)",
        "Following new leader: node002 (term 2)",
        "Became new leader: node001 (term 3)",
    ]


def test_members_in_the_origins_words() -> None:
    village = story()
    assert sorted(village.heard.texts("node003", "member-up"))[:2] == [
        "New node discovered: node001",
        "New node discovered: node001 (came back)",
    ]
    (down,) = village.heard.texts("node003", "member-down")
    assert down.startswith("Node timeout: node001 (verified; accused by ")
    (suspected,) = village.heard.texts("node003", "member-suspect")
    assert suspected.startswith("Node suspected: node001 (")


def test_each_change_of_a_role_is_told_once() -> None:
    village = story()
    assert village.heard.texts("node003", "member-role")[2:] == [
        "Updated node node001 state to follower",
        "Updated node node002 state to leader",
        "Updated node node001 state to follower",
        "Updated node node002 state to follower",
        "Updated node node001 state to leader",
    ], "lost, succeeded, came back, handed over, leads again"
    first = village.heard.texts("node003", "member-role")[:2]
    assert sorted(first) == ["Updated node node001 state to leader", "Updated node node002 state to follower"]


def test_a_time_without_a_leader_is_told_with_its_reason_and_its_end() -> None:
    village = story()
    assert village.heard.texts("node003", "leader-unknown") == [
        "No leader: leader node001 is gone: its stream ended, and a redial was refused",
        "No leader: node001 stands for election in term 3",
    ]


def test_whoever_ceases_to_lead_says_why() -> None:
    village = Village()
    village.run(20)
    village.cut("node001")
    village.run(5)
    (line,) = village.heard.texts("node001", "leader-lost")
    assert line == (
        "Stopped leading: node001 (term 1): its lease ran out: reaches 1 of 5 voters, 3 needed; silent: node002,"
        " node003, node004, node005"
    )


def test_events_carry_node_term_and_ascending_numbers() -> None:
    village = story()
    told = [event for name, event in village.heard.events if name == "node002"]
    assert [event.id for event in told] == sorted({event.id for event in told})
    gained = next(event for event in told if event.kind == "leader-gained")
    assert (gained.node, gained.term) == ("node002", 2)
    transfer = next(event for event in told if event.kind == "transfer")
    assert (transfer.node, transfer.term, transfer.fields) == ("node001", 2, {"node": "node001", "term": 2})


def test_who_does_not_vote_tells_the_same_story() -> None:
    village = Village((*FIVE[:3], "watcher"), listed=FIVE[:3])
    village.run(20)
    village.kill("node001")
    village.run(30)
    assert village.heard.texts("watcher", "leader-changed") == [
        "Following new leader: node001 (term 1)",
        "Following new leader: node002 (term 2)",
    ]
    village.kill("node002")
    village.run(30)
    # The watcher may follow node002 before it finds node001 gone, and tells no time-out then; of node002 it has to.
    timed_out = "Leader {} timed out, initiating new election (among the voters)".format
    told = village.heard.texts("watcher", "election-started")
    assert told[-1] == timed_out("node002")
    assert told[:-1] in ([], [timed_out("node001")])
    (line,) = village.heard.texts("watcher", "leader-unknown")
    assert line.startswith("No leader: no voter vouched for node002 within 10 s")


def test_a_goodbye_is_no_timeout() -> None:
    village = Village(FIVE[:3])
    village.run(20)
    village.tell("node003", events.Drain())
    village.run(30)
    (line,) = village.heard.texts("node001", "member-left")
    assert line.startswith("Node left: node003")
    assert village.heard.texts("node001", "member-down", "member-suspect") == []


def test_a_newcomer_under_a_known_leader_gets_its_role_told_once() -> None:
    village = Village(FIVE[:3])
    village.run(20)
    village.heard.events.clear()
    village.world.start(village.cluster.host("watcher", 9))
    village.run(20)
    assert village.heard.texts("node002", "member-role") == ["Updated node watcher state to follower"]
    assert sorted(village.heard.texts("watcher", "member-role")) == [
        "Updated node node001 state to leader",
        "Updated node node002 state to follower",
        "Updated node node003 state to follower",
    ]
