"""Who watches a copy: told whole revisions in order, each once, also across a state that came from a leader."""

from __future__ import annotations

from pycluster.kernel.units import SECOND
from pycluster.node.config import StateParams
from pycluster.node.effects import WatchTold
from pycluster.node.watchers import Watchers
from pycluster.store import Command, Compact, DeleteRange, Failure, Params, Put, Store, Watch, WatchBatch, Write
from pycluster.wire import WatchPart, WatchPoll
from tests.unit.node.copyhand import outbox
from tests.unit.store.hand import restored, tidied, written


class Stand:
    """A store and who watches it."""

    def __init__(self, params: StateParams | None = None, bounds: Params | None = None) -> None:
        self.store = Store(bounds or Params())
        self.outbox = outbox()
        self.watchers = Watchers(params or StateParams(), self.store, self.outbox)
        self.replies: list[WatchBatch | Failure] = []

    def write(self, *writes: Write) -> None:
        for write in writes:
            self.watchers.publish(self.store.apply(Command(b"", write)))

    def poll(self, start: int, wait_s: int = 10, now_us: int = 0) -> None:
        self.watchers.poll(WatchPoll(Watch(b"k", start_revision=start), wait_s * SECOND), self.replies.append, now_us)

    def told(self, token: int = 1) -> list[WatchBatch | Failure]:
        effects = self.outbox.effects
        return [effect.batch for effect in effects if isinstance(effect, WatchTold) and effect.token == token]

    def revisions(self, token: int = 1) -> list[int]:
        return _revisions(self.told(token))

    def catch_up(self) -> int:
        slices = 0
        while self.watchers.behind:
            self.watchers.catch_up()
            slices += 1
        return slices


def _revisions(told: list[WatchBatch | Failure]) -> list[int]:
    batches = [batch for batch in told if isinstance(batch, WatchBatch)]
    return [event.kv.mod_revision for batch in batches for event in batch.events]


def puts(count: int) -> list[Write]:
    return [Put(b"k", b"%d" % number) for number in range(count)]


def test_a_poll_that_ends_before_it_caught_up_goes_on_from_where_it_was() -> None:
    stand = Stand(bounds=Params(slice_entries=10))
    stand.write(*(Put(b"other") for _ in range(100)), Put(b"k"))
    start, now_us = 2, 0
    while start <= 102:
        assert now_us < 60 * SECOND, f"it does not get beyond revision {start}"
        stand.poll(start, now_us=now_us)
        stand.watchers.catch_up()
        now_us += 10 * SECOND
        stand.watchers.tick(now_us)
        (answer,) = stand.replies
        assert isinstance(answer, WatchBatch)
        start = answer.revision + 1
        stand.replies.clear()
        now_us -= 5 * SECOND
        told = [event.kv.key for event in answer.events]
    assert told == [b"k"]


def test_a_watcher_is_told_where_it_begins_and_then_what_happens() -> None:
    stand = Stand()
    stand.watchers.watch(1, Watch(b"k"))
    assert stand.told() == [WatchBatch(1)]
    stand.write(Put(b"k"), Put(b"other"), Put(b"k"))
    assert stand.revisions() == [2, 4]
    stand.watchers.unwatch(1)
    stand.watchers.unwatch(1)
    stand.write(Put(b"k"))
    assert stand.revisions() == [2, 4]


def test_one_that_begins_in_the_past_catches_up_in_slices_while_writes_go_on() -> None:
    stand = Stand(bounds=Params(slice_entries=3))
    stand.write(*puts(10))
    stand.watchers.watch(1, Watch(b"k", start_revision=2))
    stand.watchers.catch_up()
    stand.write(Put(b"k"))
    assert stand.catch_up() > 2
    stand.write(Put(b"k"))
    assert stand.revisions() == list(range(2, 14))


def test_a_poll_is_answered_by_the_first_thing_that_happens_and_once() -> None:
    stand = Stand()
    stand.poll(2)
    stand.write(Put(b"other"))
    assert stand.replies == []
    stand.write(Put(b"k"), Put(b"k"))
    assert _revisions(stand.replies) == [3] and len(stand.replies) == 1
    assert stand.watchers.next_deadline() is None


def test_a_poll_of_the_past_is_answered_with_it() -> None:
    stand = Stand()
    stand.write(*puts(3))
    stand.poll(3)
    stand.catch_up()
    assert _revisions(stand.replies) == [3, 4]


def test_a_poll_to_which_nothing_happens_is_told_up_to_where() -> None:
    stand = Stand()
    stand.poll(2, wait_s=10, now_us=SECOND)
    stand.write(Put(b"other"))
    assert stand.watchers.next_deadline() == 11 * SECOND
    stand.watchers.tick(11 * SECOND - 1)
    assert stand.replies == []
    stand.watchers.tick(11 * SECOND)
    stand.watchers.tick(12 * SECOND)
    assert stand.replies == [WatchBatch(2)]


def test_a_poll_that_is_still_behind_when_its_time_is_over_is_told_no_more_than_it_knows() -> None:
    stand = Stand()
    stand.write(*puts(3))
    stand.poll(3, wait_s=1)
    stand.watchers.tick(SECOND)
    assert stand.replies == [WatchBatch(2)]


def test_a_poll_of_the_future_waits_for_it() -> None:
    stand = Stand()
    stand.poll(5)
    stand.write(*puts(3))
    assert stand.replies == []
    stand.write(Put(b"k"))
    assert _revisions(stand.replies) == [5]


def test_a_poll_from_nowhere_asks_where_to_begin() -> None:
    stand = Stand()
    stand.write(*puts(3))
    stand.poll(0)
    assert stand.replies == [WatchBatch(4)]


def test_the_first_poll_to_end_says_when_to_look() -> None:
    stand = Stand()
    assert stand.watchers.next_deadline() is None
    for wait_s in (10, 5, 20):
        stand.poll(2, wait_s)
    for ends_s, left in ((5, 10), (10, 20), (20, None)):
        assert stand.watchers.next_deadline() == ends_s * SECOND
        stand.watchers.tick(ends_s * SECOND - 1)
        assert stand.watchers.next_deadline() == ends_s * SECOND
        stand.watchers.tick(ends_s * SECOND)
        assert stand.watchers.next_deadline() == (None if left is None else left * SECOND)
    assert stand.replies == [WatchBatch(1)] * 3


def test_no_poll_waits_longer_than_a_minute() -> None:
    stand = Stand()
    stand.poll(2, wait_s=3_600)
    assert stand.watchers.next_deadline() == 60 * SECOND


def test_what_is_forgotten_is_said_so() -> None:
    stand = Stand()
    stand.write(*puts(5), Compact(4))
    tidied(stand.store)
    stand.watchers.watch(1, Watch(b"k", start_revision=2))
    stand.poll(3)
    assert stand.told() == [WatchBatch(1, compact_revision=4)]
    assert stand.replies == [WatchBatch(2, compact_revision=4)]


def test_how_far_a_watcher_is_is_told_whenever_it_is_asked() -> None:
    stand = Stand()
    stand.watchers.watch(1, Watch(b"k"))
    stand.write(Put(b"k"), Put(b"other"), Put(b"other"))
    stand.watchers.say(1)
    assert stand.revisions() == [2] and stand.told()[-1] == WatchBatch(4)
    stand.watchers.watch(2, Watch(b"k", start_revision=2))
    stand.watchers.say(2)
    assert stand.told(2) == [WatchBatch(1)] * 2, "it does not know yet what happened"
    stand.catch_up()
    stand.watchers.say(2)
    assert stand.revisions(2) == [2] and stand.told(2)[-1] == WatchBatch(4)
    stand.watchers.unwatch(1)
    stand.watchers.say(1)
    assert len(stand.told()) == 3


def test_watches_and_polls_have_one_bound() -> None:
    stand = Stand(StateParams(watches_max=2))
    stand.watchers.watch(1, Watch(b"k"))
    stand.poll(2)
    stand.watchers.watch(3, Watch(b"k"))
    stand.poll(2)
    refusal = Failure("overloaded", "too many watches", 1)
    assert stand.told(3) == [refusal] and stand.replies == [refusal]
    stand.watchers.unwatch(1)
    stand.watchers.watch(4, Watch(b"k"))
    assert stand.told(4) == [WatchBatch(1)]


def test_everyone_goes_on_in_a_state_that_takes_the_old_ones_place() -> None:
    stand, source = Stand(), Stand()
    for one in (stand, source):
        one.write(*puts(3))
    stand.watchers.watch(1, Watch(b"k"))
    stand.watchers.watch(2, Watch(b"k", start_revision=2))
    stand.poll(5)
    source.write(*puts(4))
    stand.store = restored(written(source.store))
    stand.watchers.move(stand.store)
    stand.catch_up()
    stand.write(Put(b"k"))
    assert stand.revisions(1) == [5, 6, 7, 8, 9] and stand.revisions(2) == list(range(2, 10))
    assert _revisions(stand.replies) == [5, 6, 7, 8]


def test_who_watches_a_copy_that_is_fed_no_longer_is_sent_elsewhere() -> None:
    stand, gone = Stand(), Failure("no-leader", "gone")
    stand.watchers.watch(1, Watch(b"k"))
    stand.poll(2)
    stand.watchers.leave(gone)
    stand.watchers.leave(gone)
    stand.write(Put(b"k"))
    assert stand.told() == [WatchBatch(1), gone] and stand.replies == [gone]


def test_an_answer_takes_whole_revisions_as_far_as_they_fit_and_one_event_at_least() -> None:
    stand = Stand()
    for _ in range(5):
        stand.write(Put(b"k", bytes(900_000)))
    poll = WatchPoll(Watch(b"k", start_revision=2), SECOND, parts=True)
    stand.watchers.poll(poll, stand.replies.append, 0)
    stand.catch_up()
    (reply,) = stand.replies
    assert isinstance(reply, WatchBatch) and not isinstance(reply, WatchPart)
    assert (reply.revision, _revisions([reply])) == (3, [2, 3])


def test_who_does_not_take_parts_gets_none() -> None:
    stand = Stand()
    for number in range(6):
        stand.write(Put(b"k%d" % number, bytes(1 << 20)))
    whole, parts = (
        WatchPoll(Watch(b"k", b"l", start_revision=8, prev_kv=True), SECOND, parts=parts) for parts in (False, True)
    )
    for poll in (whole, parts):
        stand.watchers.poll(poll, stand.replies.append, 0)
    stand.write(DeleteRange(b"k", b"l"))
    one, other = stand.replies
    assert isinstance(one, WatchBatch) and (one.revision, len(one.events)) == (8, 6)
    assert isinstance(other, WatchPart) and (other.revision, len(other.events), other.more) == (7, 1, True)
