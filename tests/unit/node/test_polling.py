"""Watches at a node without a copy: poll after poll, nothing told twice and nothing left out."""

from __future__ import annotations

from pycluster.kernel.units import SECOND
from pycluster.node.config import StateParams
from pycluster.node.effects import Effect, WatchTold
from pycluster.node.polling import Polling
from pycluster.store import Event, Failure, KeyValue, Watch, WatchBatch
from pycluster.wire import WatchPoll
from tests.unit.node.test_asking import Desk


def batch(*revisions: int, upto: int = 0) -> WatchBatch:
    events = tuple(Event(False, KeyValue(b"k", b"v", 2, revision, 1)) for revision in revisions)
    return WatchBatch(upto or revisions[-1], events)


class Post:
    """The voter's side: what is asked, and the answer to the newest."""

    def __init__(self, params: StateParams | None = None) -> None:
        self.desk = Desk(params)
        self.polling = Polling(params or StateParams(), self.desk.asking, self.desk.outbox)

    def asked(self) -> list[tuple[int, Watch]]:
        bodies = [body for _, body in self.desk.posted()]
        return [(body.number, body.request.watch) for body in bodies if isinstance(body.request, WatchPoll)]

    def answer(self, answer: WatchBatch | Failure) -> Watch:
        """To the one poll that is out; gives what it asked for."""
        ((number, watch),) = self.asked()
        self.desk.asking.answered(number, answer)
        return watch

    def told(self) -> list[WatchBatch | Failure]:
        return [effect.batch for effect in self.effects() if isinstance(effect, WatchTold)]

    def effects(self) -> list[Effect]:
        return self.desk.outbox.effects


def test_each_poll_begins_after_the_last_one() -> None:
    post = Post()
    post.polling.watch(1, Watch(b"k"))
    assert post.told() == []
    assert post.answer(WatchBatch(5)).start_revision == 0
    assert post.answer(batch(7, 8)).start_revision == 6
    assert post.answer(WatchBatch(8)).start_revision == 9
    assert post.answer(batch(9, upto=11)).start_revision == 9
    assert post.asked()[0][1].start_revision == 12
    assert post.told() == [WatchBatch(5), batch(7, 8), batch(9, upto=11)]


def test_one_that_begins_in_the_past_is_told_at_once_where_it_begins() -> None:
    post = Post()
    post.polling.watch(1, Watch(b"k", start_revision=3))
    assert post.told() == [WatchBatch(2)]
    assert post.answer(batch(3)).start_revision == 3
    assert post.told() == [WatchBatch(2), batch(3)]


def test_an_answer_that_comes_twice_is_told_once() -> None:
    post = Post()
    post.polling.watch(1, Watch(b"k", start_revision=3))
    ((number, _),) = post.asked()
    for _ in range(2):
        post.desk.asking.answered(number, batch(3))
    assert post.told() == [WatchBatch(2), batch(3)] and len(post.asked()) == 1


def test_another_leader_is_asked_for_the_same_and_one_of_them_is_heard() -> None:
    post = Post()
    post.polling.watch(1, Watch(b"k", start_revision=3))
    (first,) = post.asked()
    post.desk.leader = "node002"
    post.desk.settle()
    assert post.asked() == [first]
    post.desk.asking.answered(first[0], batch(3, 4))
    post.desk.asking.answered(first[0], batch(3))
    assert post.told() == [WatchBatch(2), batch(3, 4)] and post.asked()[0][1].start_revision == 5


def test_a_refusal_for_the_moment_is_not_told() -> None:
    post = Post()
    post.polling.watch(1, Watch(b"k", start_revision=3))
    post.answer(Failure("no-leader"))
    post.desk.run(100)
    assert post.answer(batch(3)).start_revision == 3
    assert post.told() == [WatchBatch(2), batch(3)]


def test_a_poll_that_nobody_answers_goes_on_for_ever() -> None:
    post = Post()
    post.polling.watch(1, Watch(b"k", start_revision=3))
    post.desk.run(200 * SECOND / 1_000)
    asked = post.asked()
    assert len(asked) > 10 and len({number for number, _ in asked}) == 4, "a new question a minute"
    post.desk.asking.answered(asked[-1][0], batch(3))
    assert post.told() == [WatchBatch(2), batch(3)]


def test_what_is_forgotten_ends_the_watch() -> None:
    post = Post()
    post.polling.watch(1, Watch(b"k", start_revision=3))
    gone = WatchBatch(2, compact_revision=9)
    post.answer(gone)
    assert post.told() == [WatchBatch(2), gone] and post.asked() == []
    post.polling.unwatch(1)


def test_whoever_is_gone_is_told_nothing_and_asked_for_nothing() -> None:
    post = Post()
    post.polling.watch(1, Watch(b"k", start_revision=3))
    ((number, _),) = post.asked()
    post.polling.unwatch(1)
    post.desk.asking.answered(number, batch(3))
    post.desk.run(60_000)
    assert post.told() == [WatchBatch(2)] and post.asked() == []


def test_watches_have_a_bound() -> None:
    post = Post(StateParams(watches_max=1, requests_max=1))
    post.polling.watch(1, Watch(b"k"))
    post.polling.watch(2, Watch(b"k"))
    assert post.told() == [Failure("overloaded", "too many watches")] and len(post.asked()) == 1
    post.polling.unwatch(1)
    post.polling.watch(3, Watch(b"k"))
    assert len(post.asked()) == 1


def test_one_that_goes_into_no_frame_ends_and_can_be_closed() -> None:
    post = Post()
    post.polling.watch(1, Watch(bytes(4 << 20)))
    assert [told.kind for told in post.told() if isinstance(told, Failure)] == ["request-too-large"]
    post.polling.unwatch(1)
    assert post.asked() == []
