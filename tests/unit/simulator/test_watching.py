"""Whatever a watcher may be told wrongly is caught, and what is right passes."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from pycluster.simulator.checkers import Violation, watching
from pycluster.simulator.checkers.watching import Opening, Watching
from pycluster.store import OPEN_END, DeleteRange, Event, KeyValue, Put, Range, Txn, Watch, WatchBatch
from tests.unit.simulator.dictstore import DictStore

ALL = Watch(b"\0", OPEN_END, prev_kv=True)


def told(*batches: WatchBatch, watch: Watch = ALL, start: int = 2) -> Watching:
    return Watching("w", msgspec.structs.replace(watch, start_revision=start), (Opening(start, batches),))


def story() -> DictStore:
    """x, y; x again; both deleted at once; x and y at once."""
    store = DictStore()
    for request in (
        Put(b"x", b"1"),
        Put(b"y", b"2"),
        Put(b"x", b"3"),
        DeleteRange(b"x", b"z"),
        Txn(success=(Put(b"x", b"4"), Put(b"y", b"5"))),
    ):
        store.ask(request)
    return store


CHANGES = story().events
EVENTS = [event for revision in CHANGES for event in CHANGES[revision]]
BEGINS = WatchBatch(1)


def batch(revision: int, *events: Event) -> WatchBatch:
    return WatchBatch(revision, events)


@pytest.mark.parametrize(
    "batches",
    [
        (BEGINS, batch(6, *EVENTS)),
        (BEGINS, batch(2, EVENTS[0]), batch(4, *EVENTS[1:3]), batch(5, *EVENTS[3:5]), batch(6, *EVENTS[5:])),
        (BEGINS, batch(6, *EVENTS), batch(6)),
        (BEGINS,),
    ],
)
def test_what_happened_passes_in_any_batches(batches: tuple[WatchBatch, ...]) -> None:
    assert watching.check(told(*batches), CHANGES) == batches[-1].revision


def test_from_now_on_begins_where_the_first_batch_says() -> None:
    assert watching.check(told(WatchBatch(5), batch(6, *EVENTS[5:]), start=0), CHANGES) == 6


def test_a_watch_of_the_future_is_told_nothing_before() -> None:
    ahead = Watching("w", Watch(b"x", start_revision=6), (Opening(6, (WatchBatch(4), batch(6, bare(EVENTS[5])))),))
    assert watching.check(ahead, CHANGES) == 6


def bare(event: Event) -> Event:
    return msgspec.structs.replace(event, previous=None)


def bent(event: Event, **fields: object) -> Event:
    return msgspec.structs.replace(event, kv=msgspec.structs.replace(event.kv, **fields))


BAD = {
    "in order": (BEGINS, batch(3, EVENTS[1], EVENTS[0])),
    "a watch never goes back": (BEGINS, batch(3, *EVENTS[:2]), batch(2)),
    "each event once": (BEGINS, batch(3, *EVENTS[:2]), batch(4, *EVENTS[1:3])),
    "nothing is missed": (BEGINS, batch(3, EVENTS[0])),
    "whole revisions": (BEGINS, batch(4, *EVENTS[:3]), batch(5, EVENTS[3])),
    "nothing is invented": (BEGINS, batch(2, bent(EVENTS[0], value=b"?"))),
    "previous values": (BEGINS, batch(4, *EVENTS[:2], bare(EVENTS[2]))),
    "a watch says where it begins": (batch(2, EVENTS[0]),),
    "a forgotten watch ends": (BEGINS, WatchBatch(1, (), 4), batch(6, *EVENTS)),
}


@pytest.mark.parametrize("rule", BAD)
def test_a_wrong_word_is_caught(rule: str) -> None:
    with pytest.raises(Violation) as caught:
        watching.check(told(*BAD[rule]), CHANGES)
    assert caught.value.rule == rule


MORE_BAD = [
    ("nothing is missed", (BEGINS, batch(6))),
    ("nothing is missed", (WatchBatch(3), batch(6, *EVENTS[2:]))),
    ("nothing is invented", (BEGINS, batch(2, *EVENTS[:1], Event(False, KeyValue(b"q", b"", 2, 2, 1))))),
    ("nothing is invented", (BEGINS, batch(2, bent(EVENTS[0], version=2)))),
    ("each event once", (BEGINS, batch(2, EVENTS[0], EVENTS[0]))),
    ("whole revisions", (BEGINS, batch(4, *EVENTS[:5]))),
    ("whole revisions", (BEGINS, batch(5, *EVENTS[:4]))),
    ("a forgotten watch ends", (BEGINS, WatchBatch(1, (), 2))),
]


@pytest.mark.parametrize(("rule", "batches"), MORE_BAD)
def test_another_wrong_word_is_caught(rule: str, batches: tuple[WatchBatch, ...]) -> None:
    with pytest.raises(Violation) as caught:
        watching.check(told(*batches), CHANGES)
    assert caught.value.rule == rule


def test_filters_are_honoured() -> None:
    no_put = msgspec.structs.replace(ALL, no_put=True)
    no_delete = msgspec.structs.replace(ALL, no_delete=True)
    deletions = [event for event in EVENTS if event.deleted]
    puts = [event for event in EVENTS if not event.deleted]
    assert watching.check(told(BEGINS, batch(6, *deletions), watch=no_put), CHANGES) == 6
    assert watching.check(told(BEGINS, batch(6, *puts), watch=no_delete), CHANGES) == 6
    for watch in (no_put, no_delete, Watch(b"x", prev_kv=True)):
        with pytest.raises(Violation, match="filters"):
            watching.check(told(BEGINS, batch(6, *EVENTS), watch=watch), CHANGES)


def test_a_previous_value_that_nobody_asked_for_is_caught() -> None:
    with pytest.raises(Violation, match="previous values"):
        watching.check(told(BEGINS, batch(6, *EVENTS), watch=Watch(b"\0", OPEN_END)), CHANGES)


def test_a_previous_value_may_be_forgotten() -> None:
    words = told(BEGINS, batch(4, *EVENTS[:2], bare(EVENTS[2])))
    assert watching.check(words, CHANGES, forgotten=4) == 4
    with pytest.raises(Violation, match="previous values"):
        watching.check(words, CHANGES, forgotten=3)


def chain(*openings: Opening) -> Watching:
    return Watching("w", ALL, openings)


def test_a_chain_of_watches_misses_and_repeats_nothing() -> None:
    good = chain(
        Opening(0, ()),
        Opening(0, (WatchBatch(1), batch(3, *EVENTS[:2]))),
        Opening(4, ()),
        Opening(4, (WatchBatch(3), batch(4, EVENTS[2]))),
        Opening(5, (WatchBatch(4), batch(6, *EVENTS[3:]))),
    )
    assert watching.check(good, CHANGES) == 6
    with pytest.raises(Violation, match="each event once"):
        watching.check(chain(*good.openings[:4], Opening(5, (WatchBatch(4), batch(6, *EVENTS[2:])))), CHANGES)
    with pytest.raises(Violation, match="nothing is missed"):
        watching.check(chain(*good.openings[:4], Opening(5, (WatchBatch(4), batch(6, *EVENTS[5:])))), CHANGES)
    with pytest.raises(Violation, match="resumes after"):
        watching.check(chain(*good.openings[:3], Opening(5, (WatchBatch(4),))), CHANGES)


def test_a_watch_of_what_is_forgotten_begins_anew_where_it_is_told() -> None:
    anew = chain(Opening(0, (WatchBatch(1), WatchBatch(1, (), 4))), Opening(4, (WatchBatch(3), batch(6, *EVENTS[2:]))))
    assert watching.check(anew, CHANGES) == 6


@pytest.mark.parametrize("seed", range(20))
def test_any_word_left_out_said_twice_or_changed_is_caught(seed: int) -> None:
    rng = Random(seed)
    store = DictStore()
    for number in range(60):
        key = rng.choice((b"x", b"y", b"z"))
        both = Txn(success=(Put(b"x", b"%d" % number), Put(b"z")))
        store.ask(rng.choice((Put(key, b"%d" % number), DeleteRange(b"x", b"z"), DeleteRange(key), Range(key), both)))
    batches = [BEGINS]
    while batches[-1].revision < store.revision:
        upto = rng.randint(batches[-1].revision + 1, store.revision)
        due = [event for revision in range(batches[-1].revision + 1, upto + 1) for event in store.events[revision]]
        batches.append(WatchBatch(upto, tuple(due)))
    assert watching.check(told(*batches), store.events) == store.revision
    place = rng.randrange(1, len(batches))
    events = list(batches[place].events)
    spot = rng.randrange(len(events))
    changed = events[spot].deleted
    for wrong in (
        events[:spot] + events[spot + 1 :],
        events[: spot + 1] + events[spot:],
        [*events[:spot], msgspec.structs.replace(events[spot], deleted=not changed), *events[spot + 1 :]],
        [*events[:spot], bent(events[spot], mod_revision=events[spot].kv.mod_revision + 1), *events[spot + 1 :]],
    ):
        lying = [*batches[:place], WatchBatch(batches[place].revision, tuple(wrong)), *batches[place + 1 :]]
        with pytest.raises(Violation):
            watching.check(told(*lying), store.events)
    del batches[place]
    if batches[place:]:
        with pytest.raises(Violation, match="nothing is missed"):
            watching.check(told(*batches), store.events)
