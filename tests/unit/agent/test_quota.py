"""One line a minute a peer beyond a burst; what an honest cluster has to say is printed in full."""

from __future__ import annotations

import pytest

from pycluster.agent.quota import KIND_LINES_BURST, KIND_LINES_PER_MINUTE, PEER_LINES_BURST, Quota
from pycluster.kernel.units import SECOND
from pycluster.node.view import ClusterEvent

#: The boot-time clock of a machine that has been up for a while.
BOOTED_US = 5_000 * SECOND
MINUTE_US = 60 * SECOND


def event(kind: str, node: str, at_us: int = BOOTED_US, text: str = "", peer: str = "") -> ClusterEvent:
    return ClusterEvent(0, kind, text or kind, at_us, node, fields={"peer": peer} if peer else {})


def spend(quota: Quota, kind: str, node: str, at_us: int = BOOTED_US, times: int = 100) -> int:
    return sum(quota.allows(event(kind, node, at_us, f"{kind} {number}")) for number in range(times))


def test_a_peer_has_a_burst_of_each_kind_and_the_others_are_not_touched() -> None:
    quota = Quota()
    assert spend(quota, "leader-changed", "node002") == PEER_LINES_BURST
    assert spend(quota, "member-down", "node002") == PEER_LINES_BURST
    assert spend(quota, "leader-changed", "node003") == PEER_LINES_BURST


def test_the_surplus_is_told_a_minute_later_in_one_line_with_the_newest_of_each_kind() -> None:
    quota = Quota()
    spend(quota, "leader-changed", "node002")
    spend(quota, "member-role", "node002", times=20)
    assert quota.surplus(BOOTED_US + 59 * SECOND) == []
    assert quota.surplus(BOOTED_US + MINUTE_US) == [
        "96 more lines about node002 were kept back: 88 leader-changed, the last: leader-changed 99; "
        "8 member-role, the last: member-role 19"
    ]
    assert quota.surplus(BOOTED_US + 2 * MINUTE_US) == [], "told once"


@pytest.mark.parametrize("kind", ["leader-changed", "leader-lost", "member-suspect", "name-conflict"])
def test_a_flood_that_goes_on_is_one_line_a_minute(kind: str) -> None:
    quota = Quota()
    spend(quota, kind, "node002")
    printed = 0
    for second in range(1, 601):
        at_us = BOOTED_US + second * SECOND
        printed += len(quota.surplus(at_us))
        printed += spend(quota, kind, "node002", at_us, times=10)
    assert printed == 10


def test_after_a_flood_the_peer_gets_its_lines_back() -> None:
    quota = Quota()
    spend(quota, "leader-changed", "node002")
    quota.surplus(BOOTED_US + MINUTE_US)
    assert spend(quota, "leader-changed", "node002", BOOTED_US + 14 * MINUTE_US) == PEER_LINES_BURST


def test_a_node_that_flaps_honestly_four_times_a_minute_is_read_of_each_time_for_some_minutes() -> None:
    quota = Quota()
    flaps = [
        event(kind, "node002", BOOTED_US + n * 15 * SECOND) for n in range(12) for kind in ("member-down", "member-up")
    ]
    assert all(quota.allows(flap) for flap in flaps)


def test_five_hundred_nodes_that_form_and_die_are_all_printed() -> None:
    quota = Quota()
    names = [f"node{number:03}" for number in range(500)]
    for kind in ("member-up", "member-role", "member-suspect", "member-down"):
        assert all(quota.allows(event(kind, name)) for name in names)


def test_ever_new_names_share_a_bound_by_kind_and_one_line_about_the_rest() -> None:
    quota = Quota()
    names = [f"ghost{number}" for number in range(KIND_LINES_BURST + 500)]
    assert sum(quota.allows(event("member-up", name)) for name in names) == KIND_LINES_BURST
    assert quota.allows(event("leader-changed", "node002")), "what matters has its own room"
    later_us = BOOTED_US + MINUTE_US
    (line,) = quota.surplus(later_us)
    assert line.startswith("500 more lines about other nodes were kept back: 500 member-up, the last:")
    assert sum(quota.allows(event("member-up", f"late{n}", later_us)) for n in range(500)) == KIND_LINES_PER_MINUTE


def test_surplus_is_counted_apart_for_so_many_peers_only() -> None:
    quota = Quota()
    for number in range(300):
        spend(quota, "member-suspect", f"node{number:03}", times=PEER_LINES_BURST + 1)
    assert len(quota.surplus(BOOTED_US + MINUTE_US)) == 257


@pytest.mark.parametrize("peers", [("192.0.2.7:1", "192.0.2.7:2"), ("[2001:db8::7]:1", "[2001:db8::7]:2")])
def test_a_stranger_is_its_host_whatever_port_it_speaks_from(peers: tuple[str, str]) -> None:
    quota = Quota()
    allowed = [quota.allows(event("wrong-cluster", "", peer=peers[n % 2])) for n in range(40)]
    assert allowed.count(True) == PEER_LINES_BURST
    (line,) = quota.surplus(None)
    assert f"about {peers[0].rpartition(':')[0].strip('[]')} were" in line
