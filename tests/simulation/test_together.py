"""Requests that come with one turn of the loop: one write to the disk, one message to each follower, one round."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from pycluster import store
from pycluster.consensus import Stored
from pycluster.kernel.ids import Address, Identity, Seed
from pycluster.node import Node, NodeConfig, effects, events
from pycluster.store import LeaseGrant, Put, PutResult, Range, RangeResult

HERE = Address("127.0.0.1", 7946)


class Alone:
    """A voter that is its own majority, and a disk that writes when it is told to."""

    def __init__(self, bounds: store.Params | None = None) -> None:
        seeds = (Seed("node001", HERE.host, HERE.port),)
        config = NodeConfig("demo", "node001", HERE, seeds, store=bounds or store.Params())
        self.node = Node(config, Identity("node001", "a" * 32), Stored(), Random(1))
        self.now_us = 10**9
        self.asked: list[effects.Persist] = []
        self.answers: dict[int, store.Result] = {}
        self.feed(events.Start())
        for _ in range(500):
            self.now_us += 10_000
            self.feed(events.Timer())
            self.write()
        assert self.node.leader(self.now_us).acting

    def feed(self, *happened: events.Event) -> None:
        for effect in self.node.handle_all(happened, self.now_us):
            if isinstance(effect, effects.Persist):
                self.asked.append(effect)
            elif isinstance(effect, effects.StateAnswered):
                assert effect.token not in self.answers
                self.answers[effect.token] = effect.result

    def write(self) -> None:
        asked, self.asked = self.asked, []
        for request in asked:
            self.feed(events.Persisted(request.token))


def ask(requests: Sequence[store.Request]) -> list[events.Event]:
    return [
        events.StateAsked(token, request, b"id%d" % token, 5_000_000) for token, request in enumerate(requests, start=1)
    ]


def test_writes_that_come_together_are_written_together_and_answered_each() -> None:
    alone = Alone()
    alone.feed(*ask([Put(b"k%d" % number, b"v") for number in range(20)]))
    assert [len(request.entries) for request in alone.asked] == [20] and alone.answers == {}
    alone.write()
    revisions = [result.revision for result in alone.answers.values() if isinstance(result, PutResult)]
    assert revisions == list(range(revisions[0], revisions[0] + 20)), "in the order in which they came"


def test_what_is_refused_takes_nothing_else_with_it() -> None:
    alone = Alone()
    alone.feed(*ask([Put(b"a"), Put(b""), LeaseGrant(10), Put(b"b"), Range(b"a"), Range(b"")]))
    alone.write()
    kinds = [getattr(alone.answers[token], "kind", "") for token in range(1, 7)]
    assert kinds == ["", "empty-key", "", "", "", "empty-key"]


def test_reads_that_come_together_share_a_round_and_see_what_was_answered_before() -> None:
    alone = Alone()
    alone.feed(*ask([Put(b"a", b"1")]))
    alone.write()
    alone.answers.clear()
    alone.now_us += 1_000
    alone.feed(*ask([Range(b"a"), Range(b"a", b"b"), Range(b"z")]))
    counts = [result.count for result in alone.answers.values() if isinstance(result, RangeResult)]
    assert counts == [1, 1, 0]


def test_a_retry_of_what_was_applied_is_answered_also_where_there_is_no_space_left() -> None:
    alone = Alone(store.Params(state_max_bytes=1 << 20))
    write = Put(b"k", b"v" * (1 << 19))
    alone.feed(events.StateAsked(1, write, b"same", 5_000_000))
    alone.write()
    alone.feed(events.StateAsked(2, write, b"other", 5_000_000), events.StateAsked(3, write, b"same", 5_000_000))
    alone.write()
    assert getattr(alone.answers[2], "kind", "") == "no-space"
    assert alone.answers[3] == alone.answers[1]
