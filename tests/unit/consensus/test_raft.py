"""What belongs to no paper: strangers, bounds, deadlines, readings, messages on the wire."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from pycluster.consensus import (
    Command,
    CommandFailed,
    Configuration,
    Entry,
    Message,
    Notify,
    Params,
    PeerHealth,
    Propose,
    Refused,
    Resign,
    Resigned,
    Start,
    StreamEnded,
    Timer,
    Voter,
)
from pycluster.consensus.messages import AppendEntries, BootstrapQuery, Heartbeat, HeartbeatReply, Reach, ReachEcho
from pycluster.kernel.errors import LocalMisuse
from tests.paper.raft_cluster import SECOND, Cluster
from tests.paper.raft_hand import CLUSTER, Hand


def counted(hand: Hand, what: str) -> int:
    return hand.raft.view(hand.now_us).counters.get(what, 0)


def test_messages_for_an_earlier_self_are_dropped() -> None:
    hand = Hand()
    hand.tell(1, Heartbeat(CLUSTER, "uuid1", "my-former-uuid", 5, hand.now_us))
    assert hand.raft.term == 1 and counted(hand, "misaddressed") == 1


def test_a_leader_must_know_whom_it_speaks_to() -> None:
    hand = Hand()
    hand.tell(1, Heartbeat(CLUSTER, "uuid1", "", 5, hand.now_us))
    hand.tell(1, AppendEntries("", "uuid1", "uuid2", 5, 0, 0))
    assert hand.raft.term == 1 and counted(hand, "misaddressed") == 2


def test_evidence_about_ourselves_or_before_there_is_anybody_is_nothing() -> None:
    hand = Hand(terms=())
    hand.feed(Timer())
    for uuid in ("", "uuid1", "uuid2"):
        assert hand.feed(Refused("node001", uuid)) == hand.feed(StreamEnded("node001", uuid)) == []
    hand = Hand()
    hand.act()
    hand.refused(2)
    hand.feed(StreamEnded("node002", "uuid2"))
    assert hand.raft.is_acting(hand.now_us)


def test_a_message_under_our_own_name_is_dropped() -> None:
    hand = Hand()
    hand.tell(2, Heartbeat(CLUSTER, "impostor", "uuid2", 5, hand.now_us))
    assert hand.raft.term == 1


def test_another_clusters_message_changes_nothing() -> None:
    hand = Hand()
    for _ in range(3):
        hand.tell(1, AppendEntries("another", "uuid1", "uuid2", 9, 0, 0, (Entry(1, 9, Command(b"evil")),)))
        if hand.did(Notify):
            first = hand.did(Notify)[0]
    assert hand.raft.term == 1 and hand.log() == [1, 1]
    assert counted(hand, "other_cluster") == 3 and first.kind == "other-cluster"
    assert hand.did(Notify) == [], "once a minute"
    hand.later(60_000)
    hand.tell(1, AppendEntries("another", "uuid1", "uuid2", 9, 0, 0))
    assert [notice.kind for notice in hand.did(Notify)] == ["other-cluster"]


def test_two_leaders_in_a_term_cannot_be_and_are_counted() -> None:
    hand = Hand()
    hand.act()
    hand.heartbeat(3)
    assert hand.raft.leader == "node002" and counted(hand, "two_leaders_in_a_term") == 1


def test_strangers_cannot_fill_memory() -> None:
    hand = Hand(params=Params(peers_max=8))
    for number in range(10, 200):
        hand.tell(number, Reach(*hand.header(number), 1))
        hand.tell(number, BootstrapQuery("", f"uuid{number}", "", 0, "d", ("a", "b")))
        hand.feed(PeerHealth(f"node{number:03d}", "u", False))
        hand.tell(number, Heartbeat("another", f"uuid{number}", "uuid2", 1, 0))
    state = hand.raft._s
    bootstrap = hand.raft._roles.bootstrap
    assert len(state.contacts) <= 8 and len(state.health) == 0 and len(state._spoken) <= 8
    assert len(bootstrap._heard) <= 8


def test_probes_are_answered_by_anyone() -> None:
    hand = Hand()
    hand.tell(3, Reach(*hand.header(3), 77))
    assert [echo.nonce for echo in hand.sent(ReachEcho)] == [77]


@pytest.mark.parametrize("role", ["follower", "leaderless"])
def test_proposals_go_to_the_leader(role: str) -> None:
    hand = Hand()
    if role == "follower":
        hand.heartbeat(1)
    hand.feed(Propose(b"x"))
    (failed,) = hand.did(CommandFailed)
    assert failed.what == "nothing was written"
    assert failed.remedy == ("ask node001" if role == "follower" else "wait for a leader")


def test_a_proposal_has_a_bound() -> None:
    hand = Hand(params=Params(append_bytes_max=100))
    hand.act()
    hand.feed(Propose(b"x" * 101))
    assert hand.did(CommandFailed)[0].why == "the command has 101 bytes, 100 are allowed"
    hand.feed(Propose(b"x" * 100))
    assert hand.did(CommandFailed) == []


def test_resign_before_bootstrap_is_done_at_once() -> None:
    cluster = Cluster(3)
    cluster.start("node001")
    assert any(isinstance(effect, Resigned) for effect in cluster.feed("node001", Resign()))


def test_time_never_goes_backwards_inside() -> None:
    hand = Hand()
    hand.act()
    until_us = hand.raft.view(hand.now_us).acting_until_us
    hand.raft.handle(Timer(), hand.now_us - 10 * SECOND)
    assert hand.raft.view(hand.now_us).acting_until_us == until_us


@pytest.mark.parametrize("size", [1, 3, 5])
def test_no_deadline_is_in_the_past_and_timers_are_few(size: int) -> None:
    """The cluster asserts each deadline to lie ahead; here that nobody wakes needlessly."""
    cluster = Cluster(size)
    cluster.start()
    cluster.elect()
    cluster.run(SECOND)
    calls = dict.fromkeys(cluster.names, 0)
    feed = cluster.feed

    def counting(name: str, event: object) -> object:
        calls[name] += isinstance(event, Timer)
        return feed(name, event)  # type: ignore[arg-type]

    cluster.feed = counting  # type: ignore[method-assign,assignment]
    cluster.run(30 * SECOND)
    assert calls["node001"] <= 30_000 // 150 + 1 and all(calls[name] == 0 for name in cluster.names[1:])


def test_answer_leader_query_follows_the_promise() -> None:
    hand = Hand()
    assert hand.raft.answer_leader_query(hand.now_us).leader == ""
    hand.heartbeat(1)
    answer = hand.raft.answer_leader_query(hand.now_us)
    assert (answer.term, answer.leader, answer.uuid, answer.acting) == (1, "node001", "uuid1", False)
    assert answer.cluster_uuid == CLUSTER and len(answer.voters) == 3
    assert hand.raft.answer_leader_query(hand.now_us + SECOND).leader == "", "without an event, too"


def test_a_leader_vouches_for_itself_while_it_may_act_and_no_longer() -> None:
    """Not from its election on, nor after its lease, though the title may be its own for a little more."""
    hand = Hand()
    hand.lead()
    assert hand.raft.leader == "node002" and hand.raft.answer_leader_query(hand.now_us).leader == ""
    hand.write()
    hand.acknowledge(1)
    hand.match(1, 3)
    assert hand.raft.answer_leader_query(hand.now_us).leader == "node002"
    hand.now_us += 900_000
    assert hand.raft.answer_leader_query(hand.now_us).leader == ""


def test_the_view_of_a_minority_names_the_silent() -> None:
    cluster = Cluster(5)
    cluster.start()
    cluster.elect()
    cluster.partition(["node001", "node002"], ["node003", "node004", "node005"])
    cluster.run(10 * SECOND)
    view = cluster.raft("node002").view(cluster.now_us)
    assert (view.leader, view.needed, view.reachable) == ("", 3, 2)
    assert view.reason == "reaches 2 of 5 voters, 3 needed; silent: node003, node004, node005"
    view = cluster.raft("node003").view(cluster.now_us)
    assert (view.leader, view.acting, view.reachable) == ("node003", True, 3)
    assert [peer.reachable for peer in view.voters] == [False, False, True, True, True]


def test_a_leader_of_seven_acts_with_four() -> None:
    cluster = Cluster(7)
    cluster.start()
    cluster.elect()
    cluster.run(SECOND)
    for name in ("node005", "node006", "node007"):
        cluster.crash(name)
    cluster.run(10 * SECOND)
    assert cluster.acting() == "node001" and len(cluster.intervals) == 1


def test_every_message_survives_the_wire() -> None:
    cluster = Cluster(3)
    cluster.start()
    cluster.elect()
    cluster.feed("node001", Propose(b"x"))
    cluster.run(SECOND)
    seen: set[type] = set()
    for _, _, _, message in cluster.sent:
        seen.add(type(message))
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(message), type=Message) == message
    assert {Heartbeat, HeartbeatReply, AppendEntries, BootstrapQuery} <= seen


def test_an_entry_with_unknown_fields_is_not_read() -> None:
    entry = msgspec.to_builtins(Entry(1, 1, Configuration(CLUSTER, (Voter("a", "b"),))))
    entry["payload"]["novelty"] = 1
    with pytest.raises(msgspec.ValidationError, match="novelty"):
        msgspec.convert(entry, Entry)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"heartbeat_interval_ms": 300}, "at most a third of lease_ms"),
        ({"heartbeat_interval_ms": 5}, "at least 10"),
        ({"rank_step_ms": 20}, "between 30 and a quarter"),
        ({"rank_step_ms": 260}, "between 30 and a quarter"),
        ({"acting_step_ms": 400}, "a quarter of lease_ms"),
        ({"hold_down_ms": 400_000}, "hold_down_max_ms"),
        ({"answer_ttl_ms": 900}, "must outlive the next question"),
        ({"append_inflight_max": 0}, "must be at least 1"),
        ({"election_timeout_ms": 90_000}, "100 to 60000"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(wrong: dict[str, int], why: str) -> None:
    with pytest.raises(LocalMisuse, match=why):
        Params(**wrong)


def test_lost_disks_one_after_another() -> None:
    """Every voter loses its disk once, under traffic; each is a voter again, with its new UUID, and nothing committed
    is lost."""
    cluster = Cluster(3, seed=4)
    rng = Random(4)
    cluster.start()
    cluster.elect()
    cluster.feed("node001", Propose(b"kept"))
    cluster.run(SECOND)
    for name in ("node003", "node001", "node002"):
        cluster.crash(name, lose_disk=True)
        cluster.run(rng.randrange(3 * SECOND))
        cluster.start(name)

        def seated() -> bool:
            leader = cluster.acting()
            if leader is None:
                return False
            view = cluster.raft(leader).view(cluster.now_us)
            return [(peer.name, peer.uuid) for peer in view.voters] == [
                (known, cluster.processes[known].uuid) for known in cluster.names
            ] and view.commit_index == view.last_index

        assert cluster.run(40 * SECOND, seated)
    commands = [entry.payload for entry in cluster.raft("node002").entries if isinstance(entry.payload, Command)]
    assert commands == [Command(b"kept")]


def test_start_comes_first() -> None:
    hand = Hand(silent=True)
    assert hand.raft.next_deadline() is not None
    assert hand.feed(Start()) is not None
