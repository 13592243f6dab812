"""What the end of an idle stream leads to, and what it does not."""

from __future__ import annotations

from random import Random

from pycluster import consensus, membership
from pycluster.consensus import Voter
from pycluster.kernel.ids import Address, Seed
from pycluster.kernel.limits import STREAMS_MAX
from pycluster.membership import Local, Params, Swim, Watched
from pycluster.membership.messages import Alive
from pycluster.node import effects, events
from pycluster.node.addresses import AddressBook
from pycluster.node.ledger import Ledger
from pycluster.node.outbox import Outbox
from pycluster.node.pending import Redial
from pycluster.node.streams import Streams
from pycluster.wire import Codec, Greeting

A, B, C = (Address(f"192.0.2.{number}", 7946) for number in (1, 2, 3))
VOTER = Voter("node002", "uuid-2")


class Bench:
    """The streams of node001, which knows where node002 and node003 are."""

    def __init__(self) -> None:
        local = Local("node001", "uuid-1", 1, A)
        seeds = (Seed("node002", B.host, B.port), Seed("node003", C.host, C.port))
        self.swim = Swim(Params(), local, seeds, "demo", Random(1))
        addresses = AddressBook(self.swim, seeds)
        for seed, address in zip(seeds, (B, C), strict=True):
            addresses.resolved(seed.host, seed.port, (address,))
        self.outbox = Outbox(Codec("demo"), Ledger((), 1))
        self.outbox.begin(0)
        self.told: list[membership.Event | consensus.Event] = []
        self.streams = Streams(b"greeting", addresses, self.outbox, 1_000_000, self.told.append, self.told.append)

    def done(self) -> list[effects.Effect]:
        """What is to be done since the last time."""
        found = self.outbox.effects
        self.outbox.begin(0)
        return found

    def guest(self, stream: int, name: str = "node003", uuid: str = "uuid-3") -> None:
        """A peer opens a stream."""
        self.streams.handle(events.StreamOpened(stream, b""), Greeting(name, uuid))


def test_streams_are_kept_to_whom_membership_chose_and_to_every_other_voter() -> None:
    bench = Bench()
    bench.streams.watch((Watched("node003", "uuid-3", C),))
    bench.streams.settle((VOTER,))
    assert bench.done() == [effects.KeepStreams((C, B), b"greeting", (B.host, C.host))]


def test_nothing_is_asked_for_again_while_the_choice_stands() -> None:
    bench = Bench()
    bench.streams.watch((Watched("node003", "uuid-3", C),))
    bench.streams.settle(())
    bench.done()
    bench.streams.watch((Watched("node003", "uuid-3", C),))
    bench.streams.settle(())
    assert bench.done() == []


def test_the_end_of_a_members_stream_is_told_to_membership_alone() -> None:
    bench = Bench()
    bench.guest(7)
    bench.streams.handle(events.StreamEnded(7), None)
    assert bench.told == [membership.StreamEnded("node003", "uuid-3")]
    assert bench.done() == []


def test_a_goodbye_is_evidence_of_nothing() -> None:
    bench = Bench()
    bench.guest(7)
    bench.streams.handle(events.StreamEnded(7, goodbye=True), None)
    assert bench.told == []


def test_a_voter_whose_stream_ended_is_dialled_once_more_and_only_a_refusal_is_told() -> None:
    bench = Bench()
    bench.streams.settle((VOTER,))
    bench.done()
    bench.streams.handle(events.StreamLost(B), None)
    assert bench.told == [
        membership.StreamEnded("node002", "uuid-2"),
        consensus.StreamEnded("node002", "uuid-2"),
    ]
    (call,) = bench.done()
    assert isinstance(call, effects.Call) and call.to == B
    asked = bench.outbox.called(call.call)
    assert asked is not None and isinstance(asked[1], Redial)
    bench.told.clear()
    for reason in ("timeout", "unreachable"):
        bench.streams.redialled(asked[1], reason)
    assert bench.told == [] and bench.done() == []
    bench.streams.redialled(asked[1], "refused")
    assert bench.told == [consensus.Refused("node002", "uuid-2")]


def test_a_dial_that_was_accepted_and_closed_is_tried_twice_more() -> None:
    bench = Bench()
    redial: object = Redial("node002", "uuid-2", B)
    for _ in range(2):
        assert isinstance(redial, Redial)
        bench.streams.redialled(redial, "closed")
        (call,) = bench.done()
        assert isinstance(call, effects.Call)
        asked = bench.outbox.called(call.call)
        redial = asked[1] if asked is not None else None
    assert isinstance(redial, Redial)
    bench.streams.redialled(redial, "closed")
    assert bench.done() == [] and bench.told == []


def test_a_stream_without_a_readable_greeting_is_closed() -> None:
    bench = Bench()
    bench.streams.handle(events.StreamOpened(1, b"nonsense"), None)
    assert bench.done() == [effects.CloseStream(1)]


def test_streams_past_the_bound_are_closed() -> None:
    bench = Bench()
    for stream in range(STREAMS_MAX):
        bench.guest(stream)
    assert bench.done() == []
    bench.guest(STREAMS_MAX)
    assert bench.done() == [effects.CloseStream(STREAMS_MAX)]


def test_the_end_of_a_stream_that_nobody_greeted_by_says_nothing() -> None:
    bench = Bench()
    bench.streams.handle(events.StreamEnded(99), None)
    bench.streams.handle(events.StreamLost(C), None)
    assert bench.told == [] and bench.done() == []


def test_the_end_of_our_own_stream_is_no_news_to_consensus_where_the_peer_opened_one_since() -> None:
    bench = Bench()
    bench.streams.settle((VOTER,))
    bench.streams.handle(events.StreamUp(B), None)
    bench.guest(7, "node002", "uuid-2")
    bench.done()
    bench.streams.handle(events.StreamLost(B), None)
    assert bench.told == [membership.StreamEnded("node002", "uuid-2")]
    assert [type(effect) for effect in bench.done()] == [effects.Call], "a dial still tells whether it lives"
    bench.streams.handle(events.StreamEnded(7), None)
    assert bench.told[-1] == consensus.StreamEnded("node002", "uuid-2")


def test_a_stream_that_the_peer_opened_before_ours_says_nothing_for_it() -> None:
    bench = Bench()
    bench.streams.settle((VOTER,))
    bench.guest(7, "node002", "uuid-2")
    bench.streams.handle(events.StreamUp(B), None)
    bench.streams.handle(events.StreamLost(B), None)
    assert bench.told[-1] == consensus.StreamEnded("node002", "uuid-2")


def test_the_end_of_a_peers_newest_stream_counts_although_an_older_one_stands() -> None:
    bench = Bench()
    bench.guest(1)
    bench.guest(2)
    bench.streams.handle(events.StreamEnded(2), None)
    assert bench.told == [membership.StreamEnded("node003", "uuid-3")]
    bench.guest(3)
    bench.streams.handle(events.StreamEnded(1), None)
    assert len(bench.told) == 1, "an older one says nothing while a newer one stands"


def test_places_are_kept_for_the_voters_by_both_words_and_for_the_configured_nodes() -> None:
    bench = Bench()
    bench.streams.settle(())
    assert bench.done() == [effects.KeepStreams((), b"greeting", (B.host, C.host))]
    moved = Address("192.0.2.9", 7946)
    news = (Alive("node002", "uuid-2", 1, moved),)
    bench.swim.handle(membership.PacketReceived(moved, membership.Packet("node002", "uuid-2", 1, None, news)), 1)
    bench.streams.stale = True
    bench.streams.settle((VOTER,))
    assert bench.done() == [effects.KeepStreams((moved,), b"greeting", (B.host, C.host, moved.host))]
