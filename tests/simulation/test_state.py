"""Whole clusters with the replicated state: what was answered stays true, whatever happens to whom."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.node import Node
from pycluster.node.effects import KeepPiece
from pycluster.node.events import WatchAsked
from pycluster.simulator.checkers import agree
from pycluster.simulator.cluster import Cluster
from pycluster.simulator.host import Host
from pycluster.store import (
    DeleteRange,
    Failure,
    LeaseGrant,
    LeaseGrantResult,
    Put,
    PutResult,
    Range,
    RangeResult,
    Watch,
    WatchBatch,
)
from tests.mutants import copies
from tests.mutants.copies import Asked, settled
from tests.mutants.stage import Stage


class Town:
    """Three voters and a node without a vote, and who asks them."""

    def __init__(self, seed: int = 1, others: int = 1) -> None:
        self.cluster: Cluster = settled(Stage(seed), others=others)
        self.world = self.cluster.world
        self.asked = Asked(self.cluster)

    def put(self, label: str, key: bytes, value: bytes = b"x" * 100, request_id: bytes = b"") -> PutResult:
        result = self.asked.ask(label, Put(key, value), request_id=request_id)
        assert isinstance(result, PutResult), result
        return result

    def fill(self, label: str, count: int = 150) -> None:
        """More than any log keeps."""
        for number in range(count):
            self.put(label, b"k%d" % (number % 20))

    def values(self, label: str, key: bytes) -> list[bytes]:
        result = self.asked.ask(label, Range(key))
        assert isinstance(result, RangeResult), result
        return [kv.value for kv in result.kvs]

    def revisions(self, watch: int) -> list[int]:
        return [event.kv.mod_revision for event in self.asked.events(watch)]

    def node(self, label: str) -> Node:
        process = self.world.hosts[label].process
        assert isinstance(process, Node)
        return process

    def kill(self, *labels: str, power: bool = False) -> None:
        for label in labels:
            self.world.kill(self.world.hosts[label], power=power)

    def start(self, *labels: str) -> None:
        for label in labels:
            self.world.start(self.world.hosts[label])

    def led_by(self, *labels: str, within_s: int = 20) -> None:
        assert self.world.run_until(lambda: self.cluster.leader() in labels, within_s * SECOND), self.cluster.leader()

    def same(self, *labels: str) -> None:
        """These copies stand at the same entry and are equal."""
        found = {self.node(label).copy() for label in labels}
        assert len(found) == 1 and None not in found, found
        agree(self.world.hosts)


def test_a_voter_that_was_away_is_given_the_state_and_then_follows() -> None:
    town = Town()
    town.put("node002", b"early")
    town.kill("node003")
    before = town.world.hosts["node003"].disk.snapshot.index
    town.fill("node002")
    town.start("node003")
    for number in range(50):
        town.put("node001", b"meanwhile%d" % number)
    town.world.run(3 * SECOND)
    assert town.world.hosts["node003"].disk.snapshot.index > before + 50
    town.same("node001", "node002", "node003")
    assert town.values("node003", b"early") == [b"x" * 100]


def waiting_pieces(host: Host) -> int:
    return sum(isinstance(request, KeepPiece) for request in host.disk.pending)


@pytest.mark.parametrize("away", [False, True], ids=["own", "received"])
def test_a_slow_disk_is_given_one_piece_of_a_snapshot_at_a_time(away: bool) -> None:
    """So that what is to become durable, votes among it, waits for one at most; and it is whole all the same."""
    town = Town()
    slow = town.world.hosts["node003"]
    if away:
        town.kill("node003")
        town.fill("node001")
        town.start("node003")
    before = slow.disk.snapshot.index
    slow.disk.least_us = 60 * MILLISECOND
    tokens = [town.asked.post("node001", Put(b"k%d" % number, b"x" * 500)) for number in range(40)]
    most = 0
    for _ in range(20_000):
        town.world.run(MILLISECOND)
        most = max(most, waiting_pieces(slow))
    assert most == 1 and all(isinstance(town.asked.result(token), PutResult) for token in tokens)
    assert slow.disk.snapshot.index > before + 20
    town.same("node001", "node002", "node003")


@pytest.mark.parametrize("piece_ms", [450, 900, 1_500])
def test_a_disk_that_is_slower_than_the_leaders_patience_is_given_the_whole_state_all_the_same(piece_ms: int) -> None:
    """What is sent again is what was sent before, and not the beginning of another state."""
    town = Town()
    slow = town.world.hosts["node003"]
    town.kill("node003")
    town.fill("node001")
    town.start("node003")
    before, most, written = slow.disk.snapshot.index, 0, 0
    slow.disk.least_us = piece_ms * MILLISECOND
    while slow.disk.snapshot.index == before:
        assert written < 200, "not installed within 40 s"
        town.asked.post("node001", Put(b"k%d" % written, b"x" * 500))
        written += 1
        for _ in range(20):
            town.world.run(10 * MILLISECOND)
            most = max(most, waiting_pieces(slow))
    assert most <= 2, "one of its own and one that it received"
    slow.disk.least_us = MILLISECOND
    town.world.run(10 * SECOND)
    town.same("node001", "node002", "node003")


def test_a_voter_that_was_away_is_abreast_of_the_others_though_nothing_happens() -> None:
    copies.a_voter_returns_in_peace(Stage(1))


def test_a_voter_that_was_away_catches_up_under_load() -> None:
    copies.a_voter_returns_under_load(Stage(1))


def test_a_voter_without_its_disk_is_replaced_while_clients_write() -> None:
    town = Town()
    town.fill("node001", 60)
    host = town.world.hosts["node003"]
    town.kill("node003")
    host.disk.wipe()
    old = host.disk.uuid
    town.start("node003")
    for _ in range(20):
        town.fill("node002", 20)
        town.world.run(SECOND)
    assert old in town.cluster.logs.seats("demo")
    town.same("node001", "node002", "node003")
    town.kill("node002")
    town.put("node003", b"two of three", b"yes")
    assert town.values("node001", b"two of three") == [b"yes"]


def test_old_revisions_are_forgotten_everywhere_and_the_newest_are_not() -> None:
    town = Town()
    town.fill("node001", 200)
    town.world.run(12 * SECOND)
    town.same("node001", "node002", "node003")
    old, new = (town.asked.ask("node004", Range(b"k1", revision=revision)) for revision in (5, 190))
    assert isinstance(old, Failure) and (old.kind, old.compact_revision) == ("compacted", 141)
    assert isinstance(new, RangeResult) and len(new.kvs) == 1


@pytest.mark.parametrize("watcher", ["node002", "node004"])
def test_a_watch_goes_on_across_a_change_of_leaders(watcher: str) -> None:
    town = Town()
    town.put("node001", b"k0")
    watch = town.asked.watch(watcher, Watch(b"k", b"l", start_revision=2))
    town.fill("node003", 20)
    town.kill("node001")
    town.led_by("node002")
    town.fill("node003", 20)
    town.start("node001")
    town.led_by("node001", within_s=60)
    town.fill("node003", 20)
    town.world.run(SECOND)
    assert town.revisions(watch) == list(range(2, 63))


def test_a_watch_at_a_voter_goes_on_across_the_state_that_it_is_given() -> None:
    copies.a_watch_across_an_installation(Stage(1))


def test_a_read_is_never_older_than_a_write_that_was_answered() -> None:
    copies.an_old_leader_cut_off_with_its_clients(Stage(1))


def test_a_new_leader_knows_what_the_old_one_answered() -> None:
    copies.a_leader_that_knows_of_no_commit(Stage(1))


def test_a_node_without_a_vote_takes_every_request_and_watches() -> None:
    town = Town(others=2)
    watch = town.asked.watch("node005", Watch(b"k"))
    town.world.run(SECOND)
    assert town.put("node004", b"k", b"v").revision == 2
    assert town.values("node005", b"k") == [b"v"]
    assert isinstance(town.asked.ask("node004", LeaseGrant(30, 9)), LeaseGrantResult)
    refused = town.asked.ask("node004", LeaseGrant(30, 9))
    assert isinstance(refused, Failure) and refused.kind == "lease-exists"
    assert not isinstance(town.asked.ask("node005", DeleteRange(b"k")), Failure)
    town.world.run(SECOND)
    assert town.revisions(watch) == [2, 3]


@pytest.mark.parametrize("watcher", ["node002", "node005"])
def test_a_watch_says_how_far_it_is_where_there_is_a_copy_and_where_there_is_none(watcher: str) -> None:
    town = Town(others=2)
    watch = town.asked.watch(watcher, Watch(b"k"))
    town.world.run(SECOND)
    town.put("node004", b"k")
    town.put("node004", b"other")
    town.world.run(12 * SECOND)  # a poll that nothing happens to ends after ten
    town.world.tell(town.world.hosts[watcher], WatchAsked(watch))
    town.world.run(SECOND)
    assert town.revisions(watch) == [2] and town.asked.told_batches[watch][-1] == WatchBatch(3)


def test_a_lease_has_its_whole_time_again_under_a_new_leader_and_ends() -> None:
    copies.leases_after_a_change(Stage(1))


def test_a_write_that_is_tried_again_across_a_change_of_leaders_is_applied_once() -> None:
    town = Town()
    for attempt in range(4):
        town.led_by("node001", within_s=60)
        town.world.run(2 * SECOND)
        token = town.asked.post("node004", Put(b"k", b"%d" % attempt), request_id=b"id%d" % attempt)
        town.world.run(attempt * 300)
        town.kill("node001")
        town.world.run(8 * SECOND)
        again = town.put("node003", b"k", b"%d" % attempt, b"id%d" % attempt)
        assert town.asked.result(token) == again
        found = town.asked.ask("node002", Range(b"k"))
        assert isinstance(found, RangeResult) and found.kvs[0].version == attempt + 1
        town.start("node001")


def test_all_start_again_from_their_snapshots() -> None:
    copies.a_retry_after_a_restart(Stage(1))


def test_what_was_answered_outlives_a_loss_of_all_power() -> None:
    town = Town()
    for round_ in range(5):
        for number in range(30):
            town.put("node002", b"%d/%d" % (round_, number), b"kept")
        town.kill(*town.world.hosts, power=True)
        town.start(*town.world.hosts)
        town.led_by("node001", "node002", "node003")
    for round_ in range(5):
        assert town.values("node004", b"%d/29" % round_) == [b"kept"]
    town.world.run(5 * SECOND)
    town.same("node001", "node002", "node003")


def test_the_lowest_id_leads_again_while_clients_write_all_the_time() -> None:
    town = Town()
    town.kill("node001")
    town.led_by("node002")
    town.world.run(3 * SECOND)
    town.start("node001")
    tokens = list[int]()
    for number in range(6_000):
        tokens.append(town.asked.post("node004", Put(b"k%d" % (number % 20), b"x")))
        town.world.run(10 * MILLISECOND)
        if town.cluster.leader() == "node001" and number > 500:
            break
    assert town.cluster.leader() == "node001"
    town.world.run(2 * SECOND)
    answered = sum(isinstance(town.asked.result(token), PutResult) for token in tokens)
    assert answered == len(tokens), "and nobody was turned away"
    town.same("node001", "node002", "node003")


@pytest.mark.parametrize("plot", [copies.clients_in_peace, copies.leaders_fail_under_clients, copies.all_power_is_lost])
def test_clients_and_watchers_see_one_history(plot: Callable[[Stage], None]) -> None:
    plot(Stage(1))
