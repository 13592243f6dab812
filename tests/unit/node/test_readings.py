"""What a node says of leader, quorum and members: never more than it may believe, and why not."""

from __future__ import annotations

import pytest

from pycluster.kernel.units import SECOND
from pycluster.node import events
from pycluster.node.view import SnapshotView
from tests.unit.node.village import FIVE, Village


@pytest.fixture
def village() -> Village:
    village = Village()
    village.run(20)
    return village


def test_the_leader_and_its_lease(village: Village) -> None:
    own, other = village.leader("node001"), village.leader("node004")
    assert (own.leader, own.term, own.acting, own.reason) == ("node001", 1, True, "")
    assert own.lease_ms is not None and 0 < own.lease_ms <= 850
    assert (other.leader, other.term, other.acting, other.lease_ms) == ("node001", 1, False, None)
    assert own.uuid == other.uuid == village.node("node001").uuid
    assert own.source == other.source == "this node's vote and heartbeats"


def test_a_minority_names_no_leader_and_says_why(village: Village) -> None:
    village.cut("node001", "node004")
    village.run(3)
    for name, missing in (("node001", "node002, node003, node005"), ("node004", "node002, node003, node005")):
        view = village.leader(name)
        assert (view.leader, view.uuid, view.since_us, view.acting) == ("", "", 0, False)
        assert view.reason.endswith(f"reaches 2 of 5 voters, 3 needed; silent: {missing}"), view.reason
        assert village.status(name).quorum.reachable == 2
    assert village.leader("node003").leader == "node002"


def test_a_leader_cut_off_ceases_to_act_before_it_gives_up_the_title(village: Village) -> None:
    village.cut("node001")
    village.run(0.9)
    view = village.leader("node001")
    assert not view.acting and view.leader == ""
    assert village.status("node001").acting_intervals[-1].ended_us is not None


def test_an_elected_leader_that_may_not_act_yet_is_not_named() -> None:
    village = Village()
    elected = "node001 is elected and waits until a majority has its first entry"
    seen = set()
    for _ in range(4_000):
        village.run(0.0005)
        view = village.leader("node001")
        seen.add(view.reason)
        assert not (view.leader == "node001" and not view.acting)
        if view.leader:
            break
    assert elected in seen


def test_counts_and_members_and_the_unheard_of() -> None:
    village = Village(seed=3)
    village.kill("node005")
    village.run(10)
    village.kill("node004")
    village.run(30)
    status = village.status("node001")
    assert (status.counts.alive, status.counts.down, status.counts.unknown) == (3, 1, 1)
    members = {member.name: member for member in status.members}
    assert [member.name for member in status.members] == sorted(FIVE)
    assert (members["node001"].local, members["node001"].role, members["node001"].last_seen_ms) == (True, "leader", 0)
    assert (members["node002"].role, members["node002"].voter, members["node002"].state) == ("follower", True, "alive")
    assert (members["node004"].state, members["node004"].role) == ("down", "unknown")
    assert (members["node005"].state, members["node005"].uuid, members["node005"].last_seen_ms) == ("unknown", "", None)
    assert members["node005"].address == "10.0.0.5:7946"


def test_one_member_is_the_same_as_among_all(village: Village) -> None:
    now = village.now("node002")
    node = village.node("node002")
    assert [node.member(name, now) for name in FIVE] == list(node.members(now))
    assert node.member("node009", now) is None


def test_who_does_not_vote_shows_the_voters_as_membership_sees_them() -> None:
    village = Village((*FIVE[:3], "watcher"), listed=FIVE[:3])
    village.run(20)
    village.kill("node003")
    village.run(20)
    status = village.status("watcher")
    assert status.leader.leader == "node001" and status.leader.source == "gossip, confirmed by a voter"
    assert status.quorum.phase == "observer" and not status.quorum.local_is_voter
    assert [(voter.name, voter.reachable) for voter in status.quorum.voters] == [
        ("node001", True),
        ("node002", True),
        ("node003", False),
    ]
    assert (status.quorum.needed, status.quorum.reachable) == (2, 2)


def test_raft_at_a_leader_a_follower_and_a_node_without_a_copy() -> None:
    village = Village((*FIVE[:3], "watcher"), listed=FIVE[:3])
    village.run(20)
    leads, follows, watches = (village.raft(name) for name in ("node001", "node002", "watcher"))
    assert (leads.name, leads.role, follows.role, watches.role) == ("node001", "leader", "follower", "observer")
    assert leads.leader == village.leader("node001") and leads.quorum == village.status("node001").quorum
    for held in (leads, follows):
        copy = held.copy
        assert copy is not None and held.disk is None
        assert copy.applied_index == held.quorum.commit_index > 0
        assert (copy.revision, copy.compact_revision, copy.keys, copy.leases, copy.size_bytes) == (1, 0, 0, 0, 0)
        assert (copy.size_max_bytes, copy.leases_max) == (256 << 20, 100_000)
        assert copy.snapshot == SnapshotView(0, 0)
    assert watches.copy is None and watches.quorum.phase == "observer"


def test_election_history_and_acting_intervals_are_told_in_order(village: Village) -> None:
    village.kill("node001")
    village.run(5)
    village.start("node001")
    village.run(20)
    assert [(span.term, span.leader) for span in village.status("node003").leader_history if span.leader] == [
        (1, "node001"),
        (2, "node002"),
        (3, "node001"),
    ]
    (once,) = village.status("node002").acting_intervals
    assert once.term == 2 and once.ended_us is not None
    assert once.reason == "hands leadership over to node001: it is the lowest ID and has been healthy for its hold-down"
    first, second = village.status("node001").acting_intervals
    assert (first.term, second.term, second.ended_us) == (1, 3, None)


def test_reloaded_nodes_take_the_place_of_the_old(village: Village) -> None:
    seeds = tuple((f"node00{number}", f"10.0.0.{number}", 7946) for number in (1, 2, 3, 4, 5, 6))
    village.tell("node001", events.Reload(1, seeds, {"rack": "7"}))
    village.run(5)
    status = village.status("node001")
    assert status.counts.unknown == 1 and status.members[-1].name == "node006"
    member = village.node("node003").member("node001", village.now("node003"))
    assert member is not None and member.tags == {"rack": "7"}


def test_where_the_tags_are_refused_the_nodes_stay_too_and_it_is_said(village: Village) -> None:
    seeds = (("node006", "10.0.0.6", 7946),)
    village.tell("node001", events.Reload(1, seeds, {f"t{number}": "" for number in range(33)}))
    village.run(5)
    ((_, done),) = village.heard.done
    assert (done.command, done.ok, done.what) == (1, False, "the tags were not changed")
    assert done.why == "there are 33, 32 are allowed"
    status = village.status("node001")
    assert [member.name for member in status.members] == sorted(FIVE)
    assert not any(member.tags for member in status.members)


def test_ages_are_ages_on_every_clock(village: Village) -> None:
    for name in FIVE:
        status = village.status(name)
        assert 0 <= status.now_us - status.leader.since_us <= 20 * SECOND
        assert 0 <= status.now_us - status.started_us <= 20 * SECOND
        assert all(member.last_seen_ms is not None and member.last_seen_ms < 10_000 for member in status.members)


def test_a_rollout_is_told_and_counted_and_what_is_wrong_with_it_stands_in_health_while_it_acts(
    village: Village,
) -> None:
    stopped = events.RolloutTold("web#2", "rollout-stopped", "it stopped", {"entry": "web"}, problem="it is back")
    village.tell("node001", stopped)
    health = village.status("node001").health
    assert (health.status, health.reasons[-1]) == ("warning", "it is back")
    assert village.status("node001").counters["rollouts_stopped"] == 1
    village.tell("node001", events.RolloutTold("web#2", "rollout-rolled-back", "it is back"))
    assert village.status("node001").health.status == "passing"
    village.tell("node001", stopped)
    village.tell("node001", events.TransferLeadership(1, "node002"))
    village.run(5)
    assert not village.status("node001").leader.acting
    assert "it is back" not in village.status("node001").health.reasons, "whoever leads answers for it"


def test_a_voter_whose_disk_owes_an_answer_for_too_long_says_so_until_it_has_it(village: Village) -> None:
    village.world.hosts["node003"].disk.least_us = 5 * SECOND
    village.tell("node001", events.TransferLeadership(1, "node002"))
    village.run(0.5)
    assert village.leader("node003").leader == "node002", "the new term is on its way to the disk"
    assert village.status("node003").health.status == "passing"
    village.run(1)
    health = village.status("node003").health
    (reason,) = health.reasons
    assert health.status == "warning" and reason.startswith("a write waits for the disk for 1.")
    assert village.status("node004").health.status == "passing"
    village.run(10)
    assert village.status("node003").health.reasons == ()
