"""How long superseded values are kept: by number and by age, whichever ends first."""

from __future__ import annotations

from itertools import pairwise

from pycluster.kernel.units import SECOND
from pycluster.node.config import StateParams
from pycluster.node.retention import Retention
from pycluster.store import Compact, Put
from tests.unit.store.hand import done, store


def test_by_number_and_not_for_every_revision() -> None:
    retention, state = Retention(StateParams(history_revisions=100, history_age_s=0)), store()
    due = []
    for second in range(0, 400, 10):
        done(state, *[Put(b"k")] * 5)
        revision = retention.due(second * SECOND, state)
        if revision is not None:
            due.append((state.revision, revision))
            done(state, Compact(revision))
    assert due[0] == (111, 11) and all(newest - kept == 100 for newest, kept in due)
    assert all(later[1] - earlier[1] >= 10 for earlier, later in pairwise(due)) and len(due) > 5


def test_by_age_however_few_they_are() -> None:
    """A hundred thousand revisions may take years; what is older than a day is forgotten all the same."""
    retention, state = Retention(StateParams(history_revisions=100_000, history_age_s=3_600)), store()
    done(state, *[Put(b"k")] * 20)
    assert retention.due(0, state) is None
    done(state, Put(b"k"))
    assert retention.due(3_590 * SECOND, state) is None
    assert retention.due(3_600 * SECOND, state) == 21
    done(state, Compact(21))
    assert retention.due(3_610 * SECOND, state) is None


def test_whichever_ends_first() -> None:
    retention, state = Retention(StateParams(history_revisions=10, history_age_s=60)), store()
    done(state, *[Put(b"k")] * 30)
    assert retention.due(0, state) == 21
    done(state, Compact(21))
    assert retention.due(60 * SECOND, state) == 31


def test_it_looks_now_and_then_and_never_where_everything_is_kept() -> None:
    retention, state = Retention(StateParams(history_revisions=1, history_age_s=0)), store()
    assert retention.due(0, state) is None and retention.next_us == 10 * SECOND
    done(state, *[Put(b"k")] * 5)
    assert retention.due(10 * SECOND - 1, state) is None
    assert retention.due(10 * SECOND, state) == 5
    for_ever = Retention(StateParams(history_revisions=0, history_age_s=0))
    assert for_ever.due(0, state) is None and for_ever.next_us is None


def test_a_leader_that_was_deposed_begins_anew() -> None:
    retention, state = Retention(StateParams(history_revisions=0, history_age_s=60)), store()
    done(state, *[Put(b"k")] * 5)
    assert retention.due(0, state) is None
    retention.forget()
    assert retention.due(60 * SECOND, state) is None
    assert retention.due(120 * SECOND, state) == 6
