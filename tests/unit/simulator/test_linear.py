"""Known good histories pass, and each known bad one is refused for the reason that is its own."""

from __future__ import annotations

import pytest

from pycluster.simulator.checkers import Opening, Operation, Violation, Watching, linear
from pycluster.store import (
    OPEN_END,
    Compare,
    Event,
    Failure,
    KeyValue,
    LeaseGrant,
    LeaseGrantResult,
    LeaseRevoke,
    LeaseRevokeResult,
    Put,
    PutResult,
    Range,
    RangeResult,
    Txn,
    TxnResult,
    Watch,
    WatchBatch,
)
from tests.unit.simulator.histories import dropped, got, kv, op, put, swap

A, B = kv(b"a", 2), kv(b"b", 3, 2, 2)
EVERYTHING = Range(b"\0", OPEN_END)

GOOD: dict[str, list[Operation]] = {
    "nothing": [],
    "one after the other": [got(0, 1, 1), put(2, 3, b"a", 2), got(4, 5, 2, A), put(6, 7, b"b", 3), got(8, 9, 3, B)],
    "a read beside a write sees either": [put(0, 9, b"a", 2), got(1, 2, 1), got(3, 4, 2, A)],
    "two writes beside one another in either order": [put(0, 9, b"b", 3), put(0, 9, b"a", 2), got(10, 11, 3, B)],
    "an unknown write that never happened": [put(0, None, b"a"), got(5, 6, 1), got(7, 8, 1)],
    "an unknown write that happens late": [put(0, None, b"a"), got(5, 6, 1), got(7, 8, 2, A)],
    "an unknown write that another hides": [put(0, None, b"a"), put(5, 6, b"b", 3), got(7, 8, 3, B)],
    "an unknown deletion": [put(0, 1, b"a", 2), dropped(2, None), got(3, 4, 2, A), got(5, 6, 3)],
    "a deletion of nothing makes no revision": [dropped(0, 1, 1, deleted=0), put(2, 3, b"a", 2)],
    "one swap wins": [put(0, 1, b"a", 2), swap(2, 9, 2, b"b", 3), swap(2, 9, 2, b"c", 3, won=False), got(10, 11, 3, B)],
    "an unknown swap explains why another lost": [
        put(0, 1, b"a", 2),
        swap(2, None, 2, b"b"),
        swap(3, 4, 2, b"c", 3, won=False),
        got(5, 6, 3, B),
    ],
    "an old replica answers a serializable read": [
        put(0, 1, b"a", 2),
        put(2, 3, b"b", 3),
        got(4, 5, 2, A, serializable=True),
    ],
    "a read of the past": [
        put(0, 1, b"a", 2),
        put(2, 3, b"b", 3),
        op(4, 5, Range(b"x", revision=2), RangeResult(3, (A,), 1)),
    ],
    "what was refused did nothing": [
        op(0, 1, Put(b"x", b"a", lease=7), Failure("lease-not-found", "", 1)),
        got(2, 3, 1),
    ],
    "a lease ends and takes its key along": [
        op(0, 1, LeaseGrant(5, 7), LeaseGrantResult(1, 7, 5)),
        op(2, 3, Put(b"x", b"a", lease=7), PutResult(2)),
        got(4, 5, 2, KeyValue(b"x", b"a", 2, 2, 1, 7)),
        got(6, 7, 3),
    ],
    "a lease is revoked": [
        op(0, 1, LeaseGrant(5, 7), LeaseGrantResult(1, 7, 5)),
        op(2, 3, Put(b"x", b"a", lease=7), PutResult(2)),
        op(4, 5, LeaseRevoke(7), LeaseRevokeResult(3)),
        got(6, 7, 3),
    ],
}

#: Each with the rule that refuses it, and whether the search, which does not know the order of revisions, must refuse.
BAD: dict[str, tuple[str, bool, list[Operation]]] = {
    "stale read": ("real time", True, [put(0, 1, b"a", 2), put(2, 3, b"b", 3), got(4, 5, 2, A)]),
    "stale read that lies about its revision": (
        "answers fit",
        True,
        [put(0, 1, b"a", 2), put(2, 3, b"b", 3), got(4, 5, 3, A)],
    ),
    "lost write": ("answers fit", True, [put(0, 1, b"a", 2), got(2, 3, 2)]),
    "lost write whose revision is used again": (
        "unique revisions",
        True,
        [put(0, 1, b"a", 2), put(2, 3, b"b", 2), got(4, 5, 2, kv(b"b", 2))],
    ),
    "two swaps win": (
        "answers fit",
        True,
        [put(0, 1, b"a", 2), swap(2, 9, 2, b"b", 3), swap(2, 9, 2, b"c", 4)],
    ),
    "two swaps win on two sides": (
        "unique revisions",
        True,
        [put(0, 1, b"a", 2), swap(2, 9, 2, b"b", 3), swap(2, 9, 2, b"c", 3)],
    ),
    "a swap loses to nobody": (
        "answers fit",
        True,
        [put(0, 1, b"a", 2), swap(2, 3, 2, b"b", 2, won=False)],
    ),
    "visible, then invisible": (
        "a revision is somebody's",
        True,
        [put(0, None, b"a"), got(1, 2, 2, A), got(3, 4, 3)],
    ),
    "visible, then invisible, and nothing happened": (
        "answers fit",
        True,
        [put(0, None, b"a"), got(1, 2, 2, A), got(3, 4, 2)],
    ),
    "reordered reads": (
        "real time",
        True,
        [put(0, 9, b"a", 2), got(1, 2, 2, A), got(3, 4, 1)],
    ),
    "a retried write is applied twice": (
        "a revision is somebody's",
        True,
        [put(0, 9, b"a", 3), got(10, 11, 3, kv(b"a", 3, 2, 2))],
    ),
    "a retried write is applied twice, and another in between": (
        "a revision is somebody's",
        True,
        [put(0, None, b"a"), put(2, 3, b"b", 3), got(4, 5, 4, kv(b"a", 4, 2, 3))],
    ),
    "a revision goes back": (
        "real time",
        False,
        [put(0, 1, b"a", 3), put(2, 3, b"b", 2, b"y"), got(4, 5, 3, kv(b"a", 3))],
    ),
    "a revision before the first": ("unique revisions", False, [put(0, 1, b"a", 1)]),
    "a revision is nobody's": ("a revision is somebody's", False, [put(0, 1, b"a", 3)]),
    "an unknown write before it was asked for": (
        "a revision is somebody's",
        True,
        [got(0, 1, 2, A), put(2, None, b"a")],
    ),
    "a value that nobody wrote": ("a revision is somebody's", True, [got(0, 1, 2, A)]),
    "an unknown swap that cannot have won": (
        "a revision is somebody's",
        True,
        [put(0, 1, b"a", 2), swap(2, None, 1, b"b"), got(3, 4, 3, B)],
    ),
    "a swap wins after its key had changed": (
        "answers fit",
        True,
        [put(0, 1, b"a", 2), put(2, 3, b"b", 3), swap(4, 5, 2, b"c", 4)],
    ),
    "a deletion that is taken back": (
        "answers fit",
        True,
        [put(0, 1, b"a", 2), dropped(2, 3, 3), got(4, 5, 3, A)],
    ),
    "a deletion of what is there finds nothing": (
        "answers fit",
        True,
        [put(0, 1, b"a", 2), dropped(2, 3, 2, deleted=0)],
    ),
    "two halves of a prefix from two moments": (
        "answers fit",
        False,
        [
            put(0, 9, b"a", 2, b"x"),
            put(0, 9, b"a", 3, b"y"),
            op(0, 9, EVERYTHING, RangeResult(2, (kv(b"a", 3, key=b"y"),), 1)),
        ],
    ),
    "a serializable read of the future": (
        "real time",
        False,
        [got(0, 1, 2, A, serializable=True), put(2, 3, b"a", 2)],
    ),
    "the past changes": (
        "answers fit",
        False,
        [put(0, 1, b"a", 2), put(2, 3, b"b", 3), op(4, 5, Range(b"x", revision=2), RangeResult(3, (), 0))],
    ),
    "a key outlives its revoked lease": (
        "answers fit",
        True,
        [
            op(0, 1, LeaseGrant(5, 7), LeaseGrantResult(1, 7, 5)),
            op(2, 3, Put(b"x", b"a", lease=7), PutResult(2)),
            op(4, 5, LeaseRevoke(7), LeaseRevokeResult(2)),
            got(6, 7, 2, KeyValue(b"x", b"a", 2, 2, 1, 7)),
        ],
    ),
    "a key without a lease ends with one": (
        "a revision is somebody's",
        True,
        [op(0, 1, LeaseGrant(5, 7), LeaseGrantResult(1, 7, 5)), put(2, 3, b"a", 2), got(6, 7, 3)],
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_history_passes(name: str) -> None:
    judgement = linear.check(GOOD[name])
    assert judgement.committed is not None
    assert judgement.undecided == ()


@pytest.mark.parametrize("name", BAD)
def test_a_bad_history_is_refused(name: str) -> None:
    rule, _, history = BAD[name]
    with pytest.raises(Violation) as caught:
        linear.check(history)
    assert caught.value.rule == rule


@pytest.mark.parametrize("name", [name for name, (_, by_content, _) in BAD.items() if by_content])
def test_time_and_content_alone_refuse_it_too(name: str) -> None:
    with pytest.raises(Violation, match="linearizable"):
        linear.search(BAD[name][2])


def test_past_its_bound_a_search_says_that_it_did_not_decide() -> None:
    hidden = [put(0, None, b"%d" % number, key=b"y") for number in range(6)]
    history = [*hidden, put(10, 11, b"a", 6), got(12, 13, 6, kv(b"a", 6))]
    judgement = linear.check(history, bound=3)
    assert judgement.committed is None
    assert "revisions" in judgement.undecided
    decided = linear.check(history)
    assert decided.undecided == ()
    assert decided.committed is not None
    assert decided.committed.guessed == {2, 3, 4, 5}


def test_many_unknown_outcomes_are_decided_by_the_order_of_revisions() -> None:
    """Sixty writes of which nobody knows anything, half of which took effect, in the worst order for a guess."""
    lost = [put(0, None, b"%d" % number) for number in range(60)]
    history = list(lost)
    for number in range(30):
        seen = KeyValue(b"x", b"%d" % (59 - number), 2, number + 2, number + 1)
        history.append(got(number * 2 + 1, number * 2 + 2, number + 2, seen))
    judgement = linear.check(history)
    assert judgement.undecided == ()
    assert judgement.committed is not None
    assert len(judgement.committed.guessed) == 30
    again = [*history, got(100, 101, 32, KeyValue(b"x", b"59", 2, 32, 31))]
    with pytest.raises(Violation, match="a revision is somebody's"):
        linear.check(again)


def test_a_refusal_names_the_operation() -> None:
    with pytest.raises(Violation) as caught:
        linear.check(BAD["stale read"][2])
    assert caught.value.text == (
        "c 0.000004..0.000005 s Range(key=b'x') -> RangeResult(revision=2, kvs=(KeyValue(key=b'x', value=b'a',"
        " create_revision=2, mod_revision=2, version=1)), count=1) began after this had been answered:"
        " c 0.000002..0.000003 s Put(key=b'x', value=b'b') -> PutResult(revision=3)"
    )


def test_conditions_that_compare_revisions_are_left_to_the_order_of_revisions() -> None:
    later = Txn((Compare(b"x", "mod", "greater", number=1),), (Put(b"x", b"b"),))
    history = [put(0, None, b"a"), op(2, 3, later, TxnResult(3, True, (PutResult(3),)))]
    judgement = linear.check(history)
    assert judgement.committed is not None
    assert judgement.undecided == ("the part of 1 keys around b'x'",)


def watcher(start: int, *events: Event, upto: int) -> Watching:
    batches = (WatchBatch(start - 1), WatchBatch(upto, events))
    return Watching("w", Watch(b"\0", OPEN_END, start), (Opening(start, batches),))


def test_what_watchers_were_told_of_a_write_says_what_came_before_it() -> None:
    history = [put(0, None, b"a"), put(0, None, b"a", key=b"y"), put(2, 3, b"b", 3)]
    for version, lost in ((1, b"y"), (2, b"x")):
        told = Event(False, KeyValue(b"x", b"b", 4 - version, 3, version))
        committed = linear.check(history, [watcher(3, told, upto=3)]).committed
        assert committed is not None
        assert [event.kv.key for event in committed.events[2]] == [lost]


def test_what_watchers_were_not_told_says_what_did_not_happen() -> None:
    history = [put(0, None, b"a"), put(0, None, b"a", key=b"y"), put(2, 3, b"b", 3, b"z")]
    silent = Watching("w", Watch(b"x", start_revision=2), (Opening(2, (WatchBatch(1), WatchBatch(3))),))
    committed = linear.check(history, [silent]).committed
    assert committed is not None
    assert [event.kv.key for event in committed.events[2]] == [b"y"]


def test_a_watcher_who_is_told_what_no_answer_allows_is_named() -> None:
    history = [put(0, 1, b"a", 2), put(2, 3, b"b", 3)]
    with pytest.raises(Violation, match="nothing is invented: w"):
        linear.check(history, [watcher(2, Event(False, A), Event(False, kv(b"?", 3, 2, 2)), upto=3)])
    with pytest.raises(Violation, match="nothing is invented: w"):
        linear.check(history, [watcher(4, Event(False, kv(b"?", 4, 2, 3)), upto=4)])


def test_watchers_who_contradict_one_another_are_found_where_either_may_be_right() -> None:
    history = [put(0, None, b"a"), put(0, None, b"a", key=b"y"), put(2, 3, b"b", 3, b"z")]
    quiet = (Opening(2, (WatchBatch(1), WatchBatch(3))),)
    on_x, on_y = (Watching(name, Watch(key, start_revision=2), quiet) for name, key in (("v", b"x"), ("w", b"y")))
    assert linear.check(history, [on_x]).committed is not None
    assert linear.check(history, [on_y]).committed is not None
    with pytest.raises(Violation, match=r"a revision is somebody's|watchers and answers agree"):
        linear.check(history, [on_x, on_y])
