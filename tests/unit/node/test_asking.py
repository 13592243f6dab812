"""Questions of one node: each is answered once, in time, and tried under the same ID until it is."""

from __future__ import annotations

from random import Random
from typing import cast

import pytest

from pycluster.kernel.ids import Address
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.node.addresses import AddressBook
from pycluster.node.asking import Asking
from pycluster.node.config import StateParams
from pycluster.node.effects import Post, StateAnswered
from pycluster.node.pending import Answer
from pycluster.node.replica import Replica
from pycluster.store import (
    Failure,
    LeaseGrant,
    Params,
    Put,
    PutResult,
    Range,
    RangeResult,
    Request,
    Txn,
    Watch,
    WatchBatch,
)
from pycluster.wire import Codec, StateRequest, WatchPoll
from tests.unit.node.copyhand import CopyHand, outbox

ADDRESSES = {f"node{number:03d}": Address(f"10.0.0.{number}", 7946) for number in (1, 2, 3)}
ME = "node009"


class FakeBook:
    def of(self, name: str) -> Address | None:
        return ADDRESSES.get(name)


class Desk:
    """A node without a copy, unless it is given one."""

    def __init__(self, params: StateParams | None = None, seed: int = 1, replica: Replica | None = None) -> None:
        self.leader = "node001"
        self.outbox = outbox()
        self.replica = replica
        self.asking = Asking(
            ME,
            params or StateParams(),
            Params(),
            lambda: self.replica,
            cast(AddressBook, FakeBook()),
            self.outbox,
            lambda: self.leader,
            Random(seed),
        )
        self.now_us = 0
        self.at(0)

    def at(self, now_ms: float) -> None:
        self.now_us = round(now_ms * MILLISECOND)
        self.asking.at(self.now_us)

    def settle(self) -> None:
        self.asking.led()
        self.asking.tick()

    def run(self, until_ms: float) -> None:
        """Every deadline up to then."""
        while (due := self.asking.next_deadline()) is not None and due <= until_ms * MILLISECOND:
            self.at(max(due, self.now_us) / MILLISECOND)
            self.settle()
        self.at(until_ms)

    def ask(self, token: int, request: Request, request_id: bytes = b"", timeout_us: int = 5 * SECOND) -> None:
        self.asking.ask(token, request, request_id, timeout_us)

    def posted(self) -> list[tuple[Address, StateRequest]]:
        """What was passed on since the last look; answers stay."""
        posts = [effect for effect in self.outbox.effects if isinstance(effect, Post)]
        self.outbox.effects = [effect for effect in self.outbox.effects if not isinstance(effect, Post)]
        bodies = [(post.to, Codec("demo").decode(post.data, datagram=False)) for post in posts]
        return [(to, body) for to, body in bodies if isinstance(body, StateRequest)]

    def answers(self) -> list[tuple[int, Answer]]:
        return [(effect.token, effect.result) for effect in self.outbox.effects if isinstance(effect, StateAnswered)]

    def kinds(self) -> list[str]:
        return [answer.kind if isinstance(answer, Failure) else "done" for _, answer in self.answers()]


def test_a_question_goes_to_the_leader_and_is_answered_once() -> None:
    desk = Desk()
    desk.ask(7, Put(b"k"), b"id")
    ((to, body),) = desk.posted()
    assert to == ADDRESSES["node001"] and (body.sender, body.request, body.request_id) == (ME, Put(b"k"), b"id")
    for _ in range(2):
        desk.asking.answered(body.number, PutResult(2))
    desk.run(60_000)
    assert desk.answers() == [(7, PutResult(2))] and desk.posted() == []


def test_what_nobody_answers_is_passed_on_again_under_the_same_number_and_id() -> None:
    desk = Desk(StateParams(retry_ms=500))
    desk.ask(7, Put(b"k"), b"id")
    desk.run(499)
    first = desk.posted()
    assert len(first) == 1
    desk.run(1_000)
    assert desk.posted() == first * 2


def test_what_was_refused_for_the_moment_is_tried_sooner() -> None:
    desk = Desk(StateParams(retry_ms=500))
    desk.ask(7, Put(b"k"), b"id")
    ((_, body),) = desk.posted()
    for kind in ("no-leader", "overloaded", "outcome-unknown", "timed-out"):
        desk.asking.answered(body.number, Failure(kind))
        assert desk.posted() == [] and desk.answers() == []
        desk.run(desk.now_us / MILLISECOND + 75)
        assert [again for _, again in desk.posted()] == [body]


def test_what_was_refused_for_good_is_not_tried_again() -> None:
    desk = Desk()
    desk.ask(7, Put(b"k", lease=1), b"id")
    ((_, body),) = desk.posted()
    desk.asking.answered(body.number, Failure("lease-not-found"))
    desk.run(10_000)
    assert desk.answers() == [(7, Failure("lease-not-found"))] and desk.posted() == []


def test_no_space_is_final_only_where_no_other_try_may_have_taken_it() -> None:
    desk = Desk(StateParams(retry_ms=500))
    desk.ask(7, Put(b"k"), b"id")
    desk.run(500)
    ((_, body), _) = desk.posted()
    desk.asking.answered(body.number, Failure("no-space"))
    assert desk.answers() == [], "the first try may be in the log, and be what fills it"
    desk.asking.answered(body.number, PutResult(2))
    assert desk.answers() == [(7, PutResult(2))]
    desk.ask(8, Put(b"k"), b"other")
    ((_, body),) = desk.posted()
    desk.asking.answered(body.number, Failure("no-space"))
    assert desk.kinds() == ["done", "no-space"]


def test_a_new_leader_is_asked_at_once_and_only_once() -> None:
    desk = Desk()
    desk.ask(7, Put(b"k"), b"id")
    ((_, body),) = desk.posted()
    desk.leader = "node002"
    desk.settle()
    desk.settle()
    assert desk.posted() == [(ADDRESSES["node002"], body)]


def test_whoever_begins_to_lead_here_takes_what_waits() -> None:
    hand = CopyHand()
    desk = Desk(replica=hand.replica)
    desk.leader = ""
    desk.ask(7, Put(b"k"), b"id")
    assert desk.posted() == [] and hand.waiting == []
    desk.leader = ME
    desk.settle()
    hand.replica.flush()
    assert len(hand.waiting) == 1
    hand.commit()
    ((number, result),) = hand.answers
    assert isinstance(number, int)
    desk.asking.answered(number, result)
    assert desk.answers() == [(7, PutResult(2))]


def test_a_serializable_read_stays_at_home() -> None:
    hand = CopyHand()
    desk = Desk(replica=hand.replica)
    desk.ask(7, Range(b"k", serializable=True))
    assert [answer for _, answer in hand.answers] == [RangeResult(1)] and desk.posted() == []


@pytest.mark.parametrize(
    ("leader", "answers", "kind"),
    [
        ("", (), "no-leader"),
        ("node001", (), "timed-out"),
        ("node001", ("no-leader",), "timed-out"),
        ("node001", ("outcome-unknown",) * 200, "timed-out"),
        ("node001", ("no-leader",) * 200, "no-leader"),
        ("node001", ("overloaded",) * 200, "overloaded"),
    ],
)
def test_too_late_says_nothing_was_done_only_where_every_try_came_to_nothing(
    leader: str, answers: tuple[str, ...], kind: str
) -> None:
    desk, left = Desk(), list(answers)
    desk.leader = leader
    desk.ask(7, Put(b"k"), b"id", SECOND)
    for step in range(1_000):
        for _, body in desk.posted():
            if left:
                desk.asking.answered(body.number, Failure(left.pop()))  # type: ignore[arg-type]
        desk.run(step)
    assert desk.kinds() == []
    desk.run(1_000)
    assert desk.kinds() == [kind]


def test_a_lease_draws_its_number_once() -> None:
    desk = Desk()
    desk.ask(7, LeaseGrant(10), b"id")
    desk.run(2_000)
    numbers = {body.request.id for _, body in desk.posted() if isinstance(body.request, LeaseGrant)}
    assert len(numbers) == 1 and numbers.pop() > 0
    desk.ask(8, LeaseGrant(10, 5), b"id")
    assert desk.posted()[-1][1].request == LeaseGrant(10, 5)


def test_what_no_store_would_take_is_passed_on_to_nobody() -> None:
    """A transaction may lie deeper than what writes it into a frame can walk."""
    desk, nested = Desk(), Txn()
    for _ in range(2_000):
        nested = Txn((), (nested,))
    desk.ask(1, nested, b"id")
    desk.ask(2, Put(b"k", bytes(3 << 20)), b"id")
    desk.ask(3, Range(bytes(4 << 20)))
    assert desk.kinds() == ["too-many-operations", "request-too-large", "request-too-large"]
    assert desk.posted() == []


def test_questions_under_way_have_a_bound() -> None:
    desk = Desk(StateParams(requests_max=2))
    for token in range(3):
        desk.ask(token, Put(b"k"), b"%d" % token)
    assert [(token, desk.kinds()) for token, _ in desk.answers()] == [(2, ["overloaded"])]
    desk.asking.answered(desk.posted()[0][1].number, PutResult(2))
    desk.ask(3, Put(b"k"), b"3")
    assert desk.kinds() == ["overloaded", "done"]


def test_polls_take_no_question_its_room_and_are_not_turned_away() -> None:
    """A poll that is refused at once would be asked anew at once, for ever."""
    desk, told = Desk(StateParams(requests_max=1)), list[Answer]()
    numbers = [desk.asking.poll(WatchPoll(Watch(b"k"), 0), SECOND, told.append) for _ in range(3)]
    desk.ask(1, Put(b"k"), b"id")
    assert desk.answers() == [] and told == [] and len(desk.posted()) == 4
    desk.asking.drop(numbers[0])
    desk.asking.drop(numbers[0])
    desk.ask(2, Put(b"k"), b"id")
    assert desk.kinds() == ["overloaded"]


def test_what_a_former_life_asked_is_not_taken_for_an_answer() -> None:
    before, after = Desk(seed=1), Desk(seed=2)
    for desk in (before, after):
        desk.ask(1, Put(b"k"), b"id")
    ((_, old),), ((_, new),) = before.posted(), after.posted()
    assert old.number != new.number
    after.asking.answered(old.number, PutResult(2))
    assert after.answers() == []


def test_an_answer_of_another_kind_is_none() -> None:
    desk, told = Desk(), list[Answer]()
    desk.ask(1, Put(b"k"), b"id")
    poll = desk.asking.poll(WatchPoll(Watch(b"k"), 0), SECOND, told.append)
    desk.asking.answered(desk.posted()[0][1].number, WatchBatch(1))
    desk.asking.answered(poll, PutResult(1))
    assert desk.answers() == [] and told == []
    desk.asking.answered(poll, WatchBatch(1))
    assert told == [WatchBatch(1)]


def test_where_nothing_waits_nobody_is_woken() -> None:
    desk = Desk()
    desk.ask(7, Put(b"k"), b"id")
    ((_, body),) = desk.posted()
    assert desk.asking.next_deadline() is not None
    desk.asking.answered(body.number, PutResult(2))
    assert desk.answers() == [(7, PutResult(2))]
    assert desk.asking.next_deadline() is None, "a time that nobody looks at any more would come again and again"
