"""Watches at a node without a copy: poll after poll, nothing told twice and nothing left out."""

from __future__ import annotations

from pycluster.kernel.limits import FRAME_MAX_BYTES
from pycluster.kernel.units import SECOND
from pycluster.node.config import StateParams
from pycluster.node.effects import Effect, WatchTold
from pycluster.node.polling import Polling
from pycluster.node.watchers import Watchers
from pycluster.store import Command, DeleteRange, Event, Failure, KeyValue, Params, Put, Store, Watch, WatchBatch
from pycluster.wire import Codec, StateReply, WatchPart, WatchPoll
from tests.unit.node.copyhand import outbox
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

    def reply(self, answer: WatchBatch | Failure) -> WatchPoll:
        """The same; gives the whole poll."""
        ((number, poll),) = [(body.number, body.request) for _, body in self.desk.posted()]
        self.desk.asking.answered(number, answer)
        assert isinstance(poll, WatchPoll)
        return poll

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


def test_how_far_a_watcher_is_is_what_the_last_poll_brought() -> None:
    post = Post()
    post.polling.watch(1, Watch(b"k"))
    post.polling.say(1)
    assert post.told() == [], "not even where it begins"
    post.answer(WatchBatch(5))
    post.answer(batch(7))
    post.answer(WatchBatch(9))
    post.polling.say(1)
    assert post.told() == [WatchBatch(5), batch(7), WatchBatch(9)]
    post.polling.say(2)
    assert len(post.told()) == 3


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


def part(count: int, revision: int, skipped: int, more: bool) -> WatchPart:
    events = batch(*([revision] * count)).events
    return WatchPart(revision - 1 if more else revision, events, skipped=skipped, more=more)


def test_a_revision_that_comes_in_parts_is_told_when_all_are_here() -> None:
    post = Post()
    post.polling.watch(1, Watch(b"k", start_revision=3))
    for skipped, more in ((0, True), (2, True), (4, False)):
        assert post.told() == [WatchBatch(2)]
        poll = post.reply(part(2, 3, skipped, more))
        assert (poll.parts, poll.skip) == (True, skipped)
    assert post.told() == [WatchBatch(2), batch(3, 3, 3, 3, 3, 3)]
    poll = post.reply(batch(4))
    assert (poll.watch.start_revision, poll.skip) == (4, 0)


def test_parts_that_do_not_follow_are_asked_for_from_the_beginning_and_an_older_leader_tells_all_at_once() -> None:
    post = Post()
    post.polling.watch(1, Watch(b"k", start_revision=3))
    post.reply(part(2, 3, 0, more=True))
    assert post.reply(part(2, 3, 1, more=True)).skip == 2
    assert post.reply(part(2, 3, 0, more=True)).skip == 0
    assert post.reply(batch(3, 3, 3, 4)).skip == 2
    assert post.told() == [WatchBatch(2), batch(3, 3, 3, 4)]
    poll = post.reply(batch(5))
    assert (poll.watch.start_revision, poll.skip) == (5, 0)


def test_parts_of_whoever_is_gone_are_kept_by_nobody() -> None:
    post = Post()
    post.polling.watch(1, Watch(b"k", start_revision=3))
    post.reply(part(2, 3, 0, more=True))
    post.polling.unwatch(1)
    assert post.asked()
    post.polling.watch(1, Watch(b"k", start_revision=3))
    assert post.reply(batch(3)).skip == 0


def test_a_watcher_far_from_the_state_is_told_what_goes_into_no_frame() -> None:
    """The two ends together: six deletions with what was there before, one MiB each, and whatever follows."""
    post, state, outbox_ = Post(), Store(Params()), outbox()
    watchers = Watchers(StateParams(), state, outbox_)
    keys = [b"k%d" % number for number in range(6)]
    for key in keys:
        state.apply(Command(b"", Put(key, bytes(1 << 20))))
    post.polling.watch(1, Watch(b"k", b"l", start_revision=8, prev_kv=True))
    state.apply(Command(b"", DeleteRange(b"k", b"l")))
    for _ in range(5):
        state.apply(Command(b"", Put(b"k9", bytes(1 << 20))))
    largest = polls = 0
    while watched(post.told()) < 11:
        polls += 1
        assert polls < 20
        ((number, poll),) = [(body.number, body.request) for _, body in post.desk.posted()]
        assert isinstance(poll, WatchPoll)
        replies: list[WatchBatch | Failure] = []
        watchers.poll(poll, replies.append, 0)
        while not replies:
            watchers.catch_up()
        frame = Codec("demo").encode(StateReply(number, replies[0]))
        largest = max(largest, len(frame))
        reply = Codec("demo").decode(frame, datagram=False)
        assert isinstance(reply, StateReply)
        post.desk.asking.answered(number, reply.result)
    assert largest < FRAME_MAX_BYTES
    told = [one for one in post.told() if isinstance(one, WatchBatch) and one.events]
    assert [event.kv.key for event in told[0].events] == keys
    assert all(event.previous is not None and len(event.previous.value) == 1 << 20 for event in told[0].events)
    assert [event.kv.mod_revision for one in told for event in one.events] == [8] * 6 + [9, 10, 11, 12, 13]


def watched(told: list[WatchBatch | Failure]) -> int:
    return sum(len(one.events) for one in told if isinstance(one, WatchBatch))
