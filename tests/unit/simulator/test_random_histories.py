"""Histories drawn at random: what one store did is accepted, what it cannot have done is refused."""

from __future__ import annotations

from itertools import combinations, permutations

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pycluster.simulator.checkers import Violation, linear, revisions
from pycluster.simulator.checkers.history import Operation
from pycluster.simulator.checkers.sequential import bare
from pycluster.simulator.checkers.watching import Opening, Watching
from pycluster.store import (
    OPEN_END,
    Compare,
    DeleteRange,
    DeleteResult,
    Event,
    Failure,
    KeyValue,
    Put,
    PutResult,
    Range,
    RangeResult,
    Request,
    Txn,
    TxnResult,
    Watch,
    WatchBatch,
)
from tests.unit.simulator.dictstore import DictStore

KEYS = (b"x", b"y", b"z")
STEP = 10


@st.composite
def requests(draw: st.DrawFn) -> Request:
    key = draw(st.sampled_from(KEYS))
    value = b"%d" % draw(st.integers(0, 9))
    match draw(st.sampled_from(("put", "get", "all", "some", "old", "delete", "clear", "create", "swap", "both"))):
        case "put":
            return Put(key, value, prev_kv=draw(st.booleans()))
        case "get":
            return Range(key)
        case "all":
            return Range(b"\0", OPEN_END, keys_only=draw(st.booleans()))
        case "some":
            return Range(b"x", b"z", limit=draw(st.integers(0, 1)))
        case "old":
            return Range(key, serializable=True)
        case "delete":
            return DeleteRange(key, prev_kv=draw(st.booleans()))
        case "clear":
            return DeleteRange(b"x", b"z", prev_kv=draw(st.booleans()))
        case "create":
            return Txn((Compare(key, "create"),), (Put(key, value),), (Range(key),))
        case "swap":
            return Txn((Compare(key, "mod", number=draw(st.integers(1, 6))),), (Put(key, value),))
        case _:
            return Txn(
                (Compare(key, "value", value=value),), (Put(b"x", value), DeleteRange(b"y")), (Range(b"x", b"z"),)
            )


@st.composite
def runs(draw: st.DrawFn, most: int = 25, unknown: bool = True) -> tuple[list[Operation], list[Event]]:
    """What clients see of a store that does one thing at a time, each at some moment within its interval."""
    store = DictStore()
    history = []
    for place, request in enumerate(draw(st.lists(requests(), max_size=most))):
        at = place * STEP
        begin, end = at - draw(st.integers(0, 4 * STEP)), at + draw(st.integers(0, 4 * STEP))
        fate = draw(st.sampled_from(("known", "known", "known", "lost", "never"))) if unknown else "known"
        result = store.ask(request) if fate != "never" else None
        if fate == "known":
            history.append(Operation(f"c{place}", begin, end, request, result))
        else:
            lost = Failure("outcome-unknown") if draw(st.booleans()) else None
            history.append(Operation(f"c{place}", begin, None, request, lost))
    return history, [event for events in store.events.values() for event in events]


@settings(deadline=None)
@given(runs())
def test_what_one_store_did_is_accepted(run: tuple[list[Operation], list[Event]]) -> None:
    history, _ = run
    judgement = linear.check(history)
    assert judgement.undecided == ()
    assert judgement.committed is not None


@settings(deadline=None)
@given(runs())
def test_what_watchers_were_told_settles_what_happened(run: tuple[list[Operation], list[Event]]) -> None:
    history, events = run
    watcher = Watch(b"\0", OPEN_END, prev_kv=True)
    last = events[-1].kv.mod_revision if events else 1
    told = Watching("w", watcher, (Opening(0, (WatchBatch(1), WatchBatch(last, tuple(events)))),))
    committed = linear.check(history, [told]).committed
    assert committed is not None
    made = {event.kv.mod_revision for event in events}
    assert [event for revision in sorted(made) for event in committed.events[revision]] == events
    assert set(committed.events) == made


def mutated(operation: Operation, how: int) -> Operation | None:
    """The same with another answer, that a store in the same state cannot have given."""
    result = operation.result
    wrong = KeyValue(b"x", b"nobody's", 1, 1, 1)
    match result:
        case PutResult(revision=revision):
            return msgspec.structs.replace(operation, result=PutResult(revision + (1, -1)[how % 2], result.previous))
        case RangeResult(kvs=(first, *others)) if how % 2:
            bent = msgspec.structs.replace(first, version=first.version + 1)
            answer = msgspec.structs.replace(result, kvs=(bent, *others))
            return msgspec.structs.replace(operation, result=answer)
        case RangeResult(kvs=(_, *others)):
            answer = msgspec.structs.replace(result, kvs=tuple(others), count=result.count - 1)
            return msgspec.structs.replace(operation, result=answer)
        case RangeResult(count=0):
            answer = msgspec.structs.replace(result, kvs=(wrong,), count=1)
            return msgspec.structs.replace(operation, result=answer)
        case DeleteResult():
            answered = msgspec.structs.replace(result, deleted=result.deleted + 1)
            return msgspec.structs.replace(operation, result=answered)
        case TxnResult(succeeded=succeeded):
            return msgspec.structs.replace(operation, result=msgspec.structs.replace(result, succeeded=not succeeded))
        case _:
            return None


@settings(deadline=None)
@given(runs(unknown=False), st.integers(0, 1000), st.integers(0, 1))
def test_with_one_answer_changed_it_is_refused(run: tuple[list[Operation], list[Event]], place: int, how: int) -> None:
    history, _ = run
    assume(history)
    place %= len(history)
    bent = mutated(history[place], how)
    assume(bent is not None)
    assert bent is not None
    history[place] = bent
    with pytest.raises(Violation):
        linear.check(history)


def possible(history: list[Operation]) -> bool:
    """Whether any order of any of the unknown ones explains it: every order is tried."""
    known = [one for one in history if one.returned_us is not None]
    unknown = [one for one in history if one.returned_us is None]
    return any(
        explains(order)
        for count in range(len(unknown) + 1)
        for some in combinations(unknown, count)
        for order in permutations([*known, *some])
    )


def explains(order: tuple[Operation, ...]) -> bool:
    store = DictStore()
    latest = -(10**9)
    for one in order:
        if one.returned_us is not None and one.returned_us < latest:
            return False
        latest = max(latest, one.invoked_us)
        answer = store.ask(one.request)
        if one.returned_us is None:
            continue
        assert one.result is not None
        if bare(answer) != bare(one.result) or getattr(answer, "revision", 0) != getattr(one.result, "revision", 0):
            return False
    return True


def fresh(operation: Operation) -> bool:
    return not (isinstance(operation.request, Range) and operation.request.serializable)


@settings(max_examples=300, deadline=None)
@given(
    runs(most=6), st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=3), st.integers(0, 5)
)
def test_the_verdict_is_that_of_trying_every_order(
    run: tuple[list[Operation], list[Event]], swaps: list[tuple[int, int]], shift: int
) -> None:
    history = [operation for operation in run[0] if fresh(operation)]
    for one, other in swaps:
        if max(one, other) < len(history):
            a, b = history[one], history[other]
            if a.returned_us is not None and b.returned_us is not None and type(a.request) is type(b.request):
                history[one] = msgspec.structs.replace(a, result=b.result)
                history[other] = msgspec.structs.replace(b, result=a.result)
    if shift < len(history):
        late = history[shift]
        end = None if late.returned_us is None else late.returned_us + 6 * STEP
        history[shift] = msgspec.structs.replace(late, invoked_us=late.invoked_us + 6 * STEP, returned_us=end)
    expected = possible(history)
    try:
        accepted = revisions.check(history) is not None
    except Violation:
        accepted = False
    assert accepted == expected
    if expected:
        assert linear.search(history) == []
