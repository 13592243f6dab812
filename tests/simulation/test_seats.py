"""Seats that come, go and move, and a dead voter that is replaced: whole clusters in virtual time."""

from __future__ import annotations

import msgspec
import pytest

from pycluster import consensus, membership
from pycluster.consensus import Configuration, Entry, Heartbeat, Voter
from pycluster.consensus.messages import AppendEntries
from pycluster.kernel.ids import Seed
from pycluster.kernel.units import SECOND
from pycluster.node import Node, effects, events
from pycluster.simulator.checkers import Checker
from pycluster.simulator.cluster import PORT, Blueprint, Cluster, formed
from pycluster.simulator.host import Host
from pycluster.wire import Codec, VoterMessage
from tests.mutants import changes
from tests.mutants.stage import Stage, unblamed
from tests.simulation.scenario import names, states


class Told(Checker):
    """What commands came to, and what was said."""

    def __init__(self) -> None:
        self.done: dict[int, effects.CommandDone] = {}
        self.said: list[str] = []

    def handled(self, host: Host, event: events.Event, effects_: list[effects.Effect], now_us: int) -> None:
        for effect in effects_:
            if isinstance(effect, effects.CommandDone):
                assert effect.command not in self.done, "answered twice"
                self.done[effect.command] = effect
            elif isinstance(effect, effects.Publish):
                self.said.append(effect.event.text)


def led(count: int, listed: int = 3, *, memory_ms: int = 86_400_000, **elections: int) -> tuple[Cluster, Told]:
    """A settled cluster, the first nodes listed; ``elections`` are parameters, the dead are forgotten after a time."""
    cluster = formed(names(count), listed=names(count)[:listed])
    if elections:
        seeds = cluster._blueprints["demo"].seeds
        members = membership.Params(down_keep_ms=memory_ms)
        cluster.plan("demo", Blueprint(seeds, consensus=consensus.Params(**elections), membership=members))
        for host in cluster.world.hosts.values():
            cluster.world.kill(host)
            cluster.world.start(host)
    told = Told()
    cluster.world.watch(told)
    unblamed(cluster)
    assert cluster.world.run_until(lambda: cluster.leader() == "node001" and cluster.converged(), 60 * SECOND)
    return cluster, told


def tell(cluster: Cluster, event: events.Event, whom: str = "") -> None:
    cluster.world.tell(cluster.world.hosts[whom or cluster.leader()], event)


def answered(cluster: Cluster, told: Told, number: int, within_s: int = 40) -> effects.CommandDone:
    assert cluster.world.run_until(lambda: number in told.done, within_s * SECOND), f"{number} is not answered"
    cluster.world.run(2 * SECOND)  # what is committed, the checkers look up once a second
    return told.done[number]


def test_a_member_that_no_file_lists_votes_when_it_has_learnt() -> None:
    cluster, told = led(4)
    tell(cluster, events.AddSeat(1001, "node004"))
    assert 1001 not in told.done, "not before it votes"
    assert answered(cluster, told, 1001).ok
    assert changes.seated(cluster) == {"node001", "node002", "node003", "node004"}
    for name in ("node001", "node002"):
        cluster.world.kill(cluster.world.hosts[name])
    cluster.world.run(5 * SECOND)
    assert not cluster.leader(), "three of four are a majority, two are not"
    cluster.world.start(cluster.world.hosts["node002"])
    assert cluster.world.run_until(lambda: bool(cluster.leader()), 20 * SECOND)


def test_a_dry_run_says_what_would_be_and_changes_nothing() -> None:
    cluster, told = led(4)
    tell(cluster, events.AddSeat(1001, "node004", dry_run=True))
    tell(cluster, events.RemoveSeat(1002, "node003", dry_run=True))
    tell(cluster, events.ReplaceSeat(1003, "node003", "node004", dry_run=True))
    tell(cluster, events.AddSeat(1004, "node003", dry_run=True))
    assert [told.done[number].ok for number in (1001, 1002, 1003, 1004)] == [True, True, True, False]
    assert told.done[1003].what == (
        "nothing was changed; node004 would learn the log and vote, and node003 would give its seat up then"
    )
    cluster.world.run(5 * SECOND)
    assert changes.seated(cluster) == {"node001", "node002", "node003"}


def test_every_refusal_says_why() -> None:
    cluster, told = led(5)
    cluster.world.kill(cluster.world.hosts["node005"])
    cluster.world.run(30 * SECOND)
    tell(cluster, events.AddSeat(1001, "node009"))
    tell(cluster, events.AddSeat(1002, "node005"))
    tell(cluster, events.AddSeat(1003, "node002"))
    tell(cluster, events.RemoveSeat(1004, "node004"))
    tell(cluster, events.ReplaceSeat(1005, "node005", "node004"))
    tell(cluster, events.AddSeat(1008, "node004"))
    tell(cluster, events.RemoveSeat(1009, "node003"))
    assert [(told.done[number].what, told.done[number].why) for number in range(1001, 1006)] == [
        ("node009 gets no seat", "no member is called node009"),
        ("node005 gets no seat", "node005 is down"),
        ("nothing was changed", "node002 is a voter already"),
        ("no seat was taken away", "node004 has none; voters are node001, node002, node003"),
        ("node004 gets no seat", "node005 has none to give; voters are node001, node002, node003"),
    ]
    assert (told.done[1009].what, told.done[1009].why) == (
        "node003 keeps its seat",
        "another change of the voters is under way",
    )
    assert answered(cluster, told, 1008).ok


def test_a_leader_gives_its_own_seat_to_another_and_leads_no_more() -> None:
    cluster, told = led(4)
    told.said.clear()
    tell(cluster, events.ReplaceSeat(1001, "node001", "node004"))
    assert answered(cluster, told, 1001).ok
    assert cluster.world.run_until(lambda: cluster.leader() == "node002", 20 * SECOND)
    assert changes.seated(cluster) == {"node002", "node003", "node004"}
    assert not any("Became new leader: node001" in line for line in told.said), "nor does it believe so"


def test_a_learner_that_dies_is_waited_for_and_may_be_dismissed() -> None:
    cluster, told = led(5)
    cluster.world.kill(cluster.world.hosts["node004"])
    tell(cluster, events.ReplaceSeat(1001, "node003", "node004"))
    done = answered(cluster, told, 1001)
    assert (done.ok, done.why, done.in_doubt) == (False, "it was begun, and is not done after 30 s", True)
    tell(cluster, events.ReplaceSeat(1002, "node003", "node005"))
    assert told.done[1002].why == "node004 is on its way into the seat of node003"
    tell(cluster, events.RemoveSeat(1003, "node004"))
    assert answered(cluster, told, 1003).ok
    tell(cluster, events.ReplaceSeat(1004, "node003", "node005"))
    assert answered(cluster, told, 1004).ok
    assert changes.seated(cluster) == {"node001", "node002", "node005"}


def test_a_voter_that_no_file_lists_and_lost_its_disk_is_a_new_one() -> None:
    cluster, told = led(4)
    tell(cluster, events.AddSeat(1001, "node004"))
    assert answered(cluster, told, 1001).ok
    host = cluster.world.hosts["node004"]
    cluster.world.kill(host)
    host.disk.wipe()
    cluster.world.run(2 * SECOND)
    cluster.world.start(host)
    assert "node004" not in changes.seated(cluster)
    assert cluster.world.run_until(lambda: "node004" in changes.seated(cluster), 90 * SECOND)
    cluster.world.run(SECOND)
    assert len(cluster.logs.seats("demo")) == 4, "the lost one's seat is gone"


def test_voters_that_no_file_lists_find_each_other_after_all_were_down() -> None:
    changes.those_who_are_listed_are_gone(Stage(7))


def test_a_dead_voter_is_replaced_after_the_time_that_was_set_and_not_before() -> None:
    cluster, told = led(5, replace_dead_ms=20_000)
    cluster.world.kill(cluster.world.hosts["node003"])
    cluster.world.run(15 * SECOND)
    assert changes.seated(cluster) == {"node001", "node002", "node003"}
    cluster.world.run(30 * SECOND)
    assert changes.seated(cluster) == {"node001", "node002", "node004"}
    assert "node004 votes in the place of node003, whose seat is gone" in told.said
    assert not told.done, "nobody asked"


def test_the_leaders_own_death_is_no_different_and_a_spare_that_dies_gives_way() -> None:
    cluster, _ = led(5, replace_dead_ms=20_000)
    cluster.world.kill(cluster.world.hosts["node001"])
    cluster.world.run(18 * SECOND)
    slow = cluster.world.hosts["node004"]
    slow.disk.least_us = 30 * SECOND
    assert cluster.world.run_until(lambda: "node004" in _learners(cluster), 20 * SECOND)
    cluster.world.kill(slow)
    assert cluster.world.run_until(lambda: changes.seated(cluster) == {"node002", "node003", "node005"}, 90 * SECOND), (
        changes.seated(cluster)
    )


def test_a_dead_voter_whose_new_disk_dies_while_it_learns_is_replaced_and_not_just_removed() -> None:
    cluster, _ = led(5, replace_dead_ms=20_000)
    host = cluster.world.hosts["node003"]
    cluster.world.kill(host)
    host.disk.wipe()
    host.disk.least_us = 30 * SECOND
    cluster.world.start(host)
    assert cluster.world.run_until(lambda: "node003" in _learners(cluster), 60 * SECOND)
    cluster.world.kill(host)
    assert cluster.world.run_until(lambda: changes.seated(cluster) == {"node001", "node002", "node004"}, 90 * SECOND), (
        changes.seated(cluster)
    )


def _learners(cluster: Cluster) -> set[str]:
    host = cluster.world.hosts["node002"]
    assert host.process is not None
    seats = host.process.quorum(host.clock.local(cluster.world.now_us)).voters
    return {seat.name for seat in seats if seat.learner}


def test_nobody_is_replaced_unless_that_is_set_nor_by_a_member_that_never_shall() -> None:
    cluster, _ = led(5)
    cluster.world.kill(cluster.world.hosts["node003"])
    cluster.world.run(120 * SECOND)
    assert changes.seated(cluster) == {"node001", "node002", "node003"}

    cluster, _ = led(5, replace_dead_ms=20_000)
    tell(cluster, events.SetTags(1001, {"voter": "no"}), whom="node004")
    cluster.world.run(5 * SECOND)
    cluster.world.kill(cluster.world.hosts["node003"])
    cluster.world.run(60 * SECOND)
    assert changes.seated(cluster) == {"node001", "node002", "node005"}


def test_a_dead_voter_is_replaced_though_membership_has_long_forgotten_it() -> None:
    cluster, _ = led(4, replace_dead_ms=60_000, memory_ms=15_000)
    cluster.world.kill(cluster.world.hosts["node003"])
    cluster.world.run(50 * SECOND)
    assert states(cluster, "node001")["node003"] == "unknown", "forgotten"
    assert changes.seated(cluster) == {"node001", "node002", "node003"}
    cluster.world.run(30 * SECOND)
    assert changes.seated(cluster) == {"node001", "node002", "node004"}


def test_a_spare_that_comes_long_after_and_another_leader_find_the_time_as_it_was() -> None:
    cluster, told = led(4, replace_dead_ms=60_000, memory_ms=15_000)
    cluster.world.kill(cluster.world.hosts["node004"])
    cluster.world.kill(cluster.world.hosts["node003"])
    cluster.world.run(120 * SECOND)
    assert changes.seated(cluster) == {"node001", "node002", "node003"}
    tell(cluster, events.TransferLeadership(1001, "node002"))
    assert answered(cluster, told, 1001).ok
    cluster.world.start(cluster.world.hosts["node004"])
    assert cluster.world.run_until(lambda: changes.seated(cluster) == {"node001", "node002", "node004"}, 20 * SECOND)


def test_a_voter_that_its_leader_hears_is_not_replaced_whatever_membership_says() -> None:
    cluster, _ = led(4)
    leader = cluster.world.hosts["node001"]
    process = leader.process
    assert isinstance(process, Node)

    def replaces() -> bool:
        """Whether the leader gives the seat away once membership says that node003 has long been down."""
        member, now_us = process._swim.members["node003"], leader.clock.local(cluster.world.now_us)
        member.state, member.state_since_us = "down", now_us - 60 * SECOND
        process._seating.stale = True
        process._seating.settle(now_us, 20_000)
        return process._steering.next_deadline() is not None

    assert not replaces()
    cluster.world.kill(cluster.world.hosts["node003"])
    cluster.world.run(10 * SECOND)
    assert replaces(), "it is silent"


def late(*without: str, **elections: int) -> tuple[Cluster, Told]:
    """A cluster that was founded by the others: four nodes, of which three are listed."""
    cluster = Cluster(5)
    for number, name in enumerate(names(4), start=1):
        cluster.host(name, number)
    hosts = cluster.world.hosts
    seeds = tuple(Seed(name, hosts[name].address.host, PORT) for name in names(3))
    cluster.plan("demo", Blueprint(seeds, consensus=consensus.Params(**elections)))
    told = Told()
    cluster.world.watch(told)
    for name, host in hosts.items():
        if name not in without:
            cluster.world.start(host)
    assert cluster.world.run_until(lambda: cluster.leader() == "node001" and cluster.converged(), 60 * SECOND)
    return cluster, told


def complaints(cluster: Cluster, name: str) -> tuple[str, ...]:
    host = cluster.world.hosts[name]
    assert isinstance(host.process, Node)
    return host.process.status(host.clock.local(cluster.world.now_us)).health.reasons


def test_a_seat_that_nobody_claims_is_told_and_may_be_taken_away_or_given_to_another() -> None:
    cluster, told = late("node003")
    assert not complaints(cluster, "node001"), "it may be on its way"
    cluster.world.run(90 * SECOND)
    unclaimed = (
        "nobody ever came for the seat of node003, which counts in the quorum and cannot vote:"
        " start its agent, or pycluster raft remove node003"
    )
    assert complaints(cluster, "node001") == complaints(cluster, "node002") == (unclaimed,)
    tell(cluster, events.ReplaceSeat(1001, "node003", "node004"))
    assert answered(cluster, told, 1001).ok
    assert changes.seated(cluster) == {"node001", "node002", "node004"}
    assert not complaints(cluster, "node001")
    cluster, told = late("node003")
    tell(cluster, events.RemoveSeat(1001, "node003"))
    assert answered(cluster, told, 1001).ok
    assert changes.seated(cluster) == {"node001", "node002"}


def test_a_seat_that_nobody_claims_is_a_dead_voters_where_those_are_replaced() -> None:
    cluster, _ = late("node003", "node004", replace_dead_ms=20_000)
    cluster.world.run(30 * SECOND)
    cluster.world.start(cluster.world.hosts["node004"])
    assert cluster.world.run_until(lambda: changes.seated(cluster) == {"node001", "node002", "node004"}, 20 * SECOND)


def test_a_log_that_somebody_forged_wakes_nobody_who_waits_for_a_seat() -> None:
    """What a node once took for the cluster's log it would hold against the real one for good."""
    cluster, told = led(4)
    waiting = cluster.world.hosts["node004"]
    process = waiting.process
    assert isinstance(process, Node)
    leader, forged, real = process.leader(0), "f" * 32, process.quorum(0).cluster_uuid
    assert leader.leader == "node001" and real

    def send(sender: str, uuid: str, cluster_uuid: str) -> None:
        header = (cluster_uuid, uuid, process.uuid, 99)
        seats = (Voter("node001", leader.uuid), Voter("node004", process.uuid))
        entry = Entry(1, 99, Configuration(cluster_uuid, seats))
        for message in (Heartbeat(*header, 1, 0), AppendEntries(*header, 0, 0, (entry,), 1)):
            frame = Codec("demo").encode(VoterMessage(sender, message))
            cluster.world.tell(waiting, events.PostReceived(waiting.address, frame))

    send("node001", leader.uuid, forged)
    send("node001", "e" * 32, real)
    send("node009", leader.uuid, real)
    assert process._raft.dormant and process.status(0).counters["leaders_unnamed"] == 6
    tell(cluster, events.AddSeat(1001, "node004"))
    assert answered(cluster, told, 1001).ok
    assert not process._raft.dormant and process.status(0).counters["leaders_unnamed"] == 6


def test_a_seat_moves_to_another_name_once_all_voters_can_read_of_it() -> None:
    """An older voter would stop at an entry that it cannot decode."""
    cluster, told = led(4)
    older = cluster.world.hosts["node002"]
    cluster.world.kill(older)
    older.older = True
    cluster.world.start(older)
    assert cluster.world.run_until(lambda: cluster.leader() == "node001" and cluster.converged(), 60 * SECOND)
    tell(cluster, events.ReplaceSeat(1001, "node003", "node004"))
    tell(cluster, events.ReplaceSeat(1002, "node003", "node004", dry_run=True))
    for number in (1001, 1002):
        assert told.done[number] == effects.CommandDone(
            number,
            False,
            "node004 gets no seat",
            "of protocol 2, which moves a seat to another name, these know nothing: node002",
            "upgrade them; or do it in two steps: pycluster raft add node004, and then pycluster raft remove node003",
        )
    # Those two steps it understands.
    tell(cluster, events.AddSeat(1003, "node004"))
    assert answered(cluster, told, 1003).ok
    tell(cluster, events.RemoveSeat(1004, "node003"))
    assert answered(cluster, told, 1004).ok
    cluster.world.kill(older)
    older.older = False
    cluster.world.start(older)
    assert cluster.world.run_until(lambda: cluster.leader() == "node001" and cluster.converged(), 60 * SECOND)
    tell(cluster, events.ReplaceSeat(1005, "node004", "node003"))
    assert answered(cluster, told, 1005).ok
    assert changes.seated(cluster) == {"node001", "node002", "node003"}


def test_the_older_voter_itself_may_be_replaced() -> None:
    cluster, told = led(4)
    older = cluster.world.hosts["node003"]
    cluster.world.kill(older)
    older.older = True
    cluster.world.start(older)
    assert cluster.world.run_until(lambda: cluster.leader() == "node001" and cluster.converged(), 60 * SECOND)
    tell(cluster, events.ReplaceSeat(1001, "node003", "node004"))
    assert answered(cluster, told, 1001).ok
    assert changes.seated(cluster) == {"node001", "node002", "node004"}


@pytest.mark.parametrize("least", [1, 9_999])
def test_whoever_restarts_must_not_lose_its_seat(least: int) -> None:
    with pytest.raises(Exception, match="replace_dead_ms"):
        msgspec.structs.replace(consensus.Params(), replace_dead_ms=least)
