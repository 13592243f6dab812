"""The workload on a cluster that is a dictionary: what is right passes, and each kind of wrong is found."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from pycluster.kernel.units import SECOND
from pycluster.simulator.checkers import Violation
from pycluster.simulator.checkers.linear import Judgement
from pycluster.simulator.demands import KINDS, Habits, habits
from pycluster.simulator.timeline import Timeline
from pycluster.simulator.workload import Workload
from pycluster.store import Failure, Put, Range, Txn, TxnResult
from tests.unit.simulator.agents import LABELS, Agents

ALL_KINDS = Habits(KINDS, pause_us=SECOND // 10, timeout_us=SECOND // 2, patience_us=SECOND)


def played(seed: int, fault: str = "", *, calm: bool = False, drawn: Habits | None = None) -> Workload:
    """Twenty seconds in which things go wrong, and then some of peace."""
    timeline = Timeline()
    rng = Random(seed)
    agents = Agents(timeline, Random(rng.getrandbits(64)), fault, calm=calm)
    workload = Workload(timeline, agents, LABELS, drawn or ALL_KINDS, Random(rng.getrandbits(64)))
    agents.workload = workload
    workload.begin()
    timeline.run_until(20 * SECOND)
    workload.rest()
    agents.heal()
    timeline.run_until(40 * SECOND)
    assert not workload.busy
    return workload


def judged(seed: int, fault: str = "", *, drawn: Habits | None = None) -> Judgement:
    return played(seed, fault, drawn=drawn).judge(caught_up=True)


@pytest.mark.parametrize("seed", range(12))
def test_what_a_perfect_cluster_does_under_faults_passes(seed: int) -> None:
    judgement = judged(seed)
    assert judgement.undecided == ()
    assert judgement.operations > 100


@pytest.mark.parametrize("seed", range(12))
def test_it_passes_whatever_the_habits(seed: int) -> None:
    judgement = judged(seed, drawn=habits(Random(seed)))
    assert judgement.committed is not None


def test_the_same_seed_is_the_same_history() -> None:
    one, two, other = played(1), played(1), played(2)
    assert one.history() == two.history()
    assert one.watchings() == two.watchings()
    assert one.history() != other.history()


def test_clients_do_one_thing_at_a_time() -> None:
    busy_until: dict[str, int] = {}
    for operation in played(3).history():
        assert operation.invoked_us >= busy_until.get(operation.client, 0)
        busy_until[operation.client] = operation.invoked_us


def test_every_kind_of_demand_comes_and_is_mostly_answered() -> None:
    history = played(4, calm=True).history()
    kinds = Counter(type(operation.request).__name__ for operation in history)
    assert set(kinds) == {"Put", "Range", "Txn", "DeleteRange", "LeaseGrant", "LeaseKeepAlive", "LeaseRevoke"}
    assert all(operation.result is not None for operation in history)
    swaps = Counter(
        operation.result.succeeded
        for operation in history
        if isinstance(operation.request, Txn) and operation.request.compare and isinstance(operation.result, TxnResult)
    )
    assert min(swaps[True], swaps[False]) > 5
    assert any(isinstance(operation.request, Range) and operation.request.revision for operation in history)


def test_under_faults_some_outcomes_are_unknown_and_some_retries_are_answered() -> None:
    history = played(5).history()
    assert any(operation.result is None for operation in history)
    assert any(
        operation.returned_us is not None and operation.returned_us - operation.invoked_us > ALL_KINDS.timeout_us
        for operation in history
    )


def test_no_value_is_written_twice() -> None:
    values = [one.request.value for one in played(6).history() if isinstance(one.request, Put)]
    assert len(set(values)) == len(values) > 30


def test_watchers_move_and_resume() -> None:
    watchings = played(7).watchings()
    assert len(watchings) == ALL_KINDS.watchers
    assert all(len(watching.openings) > 2 for watching in watchings)
    assert any(opening.start_revision > 1 for watching in watchings for opening in watching.openings)


RULES = {
    "stale read": {"real time"},
    "lost write": {"answers fit", "unique revisions", "a revision is somebody's"},
    "applied twice": {"one answer to one request", "answers fit", "a revision is somebody's"},
    "swap wins": {"answers fit", "unique revisions"},
    "half a list": {"answers fit"},
    "told twice": {"each event once"},
    "told too late": {"nothing is missed"},
    "no previous": {"previous values"},
    "half told": {"nothing is missed", "whole revisions"},
}


@pytest.mark.parametrize("fault", RULES)
def test_a_cluster_with_one_thing_wrong_is_found_out(fault: str) -> None:
    found = set()
    for seed in range(6):
        try:
            judged(seed, fault)
        except Violation as violation:
            found.add(violation.rule)
    assert found
    assert found <= RULES[fault]


def test_a_watcher_who_is_told_nothing_any_more_is_found_out() -> None:
    class Mute(Agents):
        def _tell(self) -> None:
            if self.timeline.now_us < 5 * SECOND:
                super()._tell()

    timeline = Timeline()
    agents = Mute(timeline, Random(1), calm=True)
    agents.workload = workload = Workload(timeline, agents, LABELS, ALL_KINDS, Random(2))
    workload.begin()
    timeline.run_until(20 * SECOND)
    workload.rest()
    timeline.run_until(25 * SECOND)
    assert workload.judge().undecided == ()
    with pytest.raises(Violation, match="watchers catch up"):
        workload.judge(caught_up=True)


class Deaf:
    """Takes everything and answers nothing; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, bytes]] = []

    def ask(self, label: str, token: int, request: object, request_id: bytes, timeout_us: int) -> bool:
        self.asked.append((label, token, request_id))
        return True

    def watch(self, label: str, token: int, watch: object) -> bool:
        return True

    def close(self, label: str, token: int) -> bool:
        return True


def lonely(**weights: int) -> tuple[Timeline, Deaf, Workload]:
    """One client before a deaf cluster, who has just asked for the first time."""
    timeline, agents = Timeline(), Deaf()
    one = Habits(weights, clients=1, watchers=0, timeout_us=SECOND, patience_us=3 * SECOND)
    workload = Workload(timeline, agents, LABELS, one, Random(1))
    workload.begin()
    while not agents.asked:
        timeline.run_until(timeline.now_us + 1_000)
    return timeline, agents, workload


def test_a_retry_has_the_id_of_the_first_try_and_patience_ends() -> None:
    timeline, agents, workload = lonely(put=1)
    workload.rest()
    timeline.run_until(timeline.now_us + 2 * SECOND)
    assert len(agents.asked) == 2
    assert len({request_id for _, _, request_id in agents.asked}) == 1
    assert workload.busy
    timeline.run_until(timeline.now_us + 8 * SECOND)
    assert not workload.busy
    assert [(one.returned_us, one.result) for one in workload.history()] == [(None, None)]


def test_a_late_answer_still_says_what_became_of_it() -> None:
    timeline, agents, workload = lonely(get=1)
    workload.rest()
    timeline.run_until(timeline.now_us + 10 * SECOND)
    workload.answered(agents.asked[0][1], Failure("no-leader"))
    assert workload.history()[0].result is None


def test_a_refusal_after_a_doubtful_try_is_no_refusal() -> None:
    timeline, agents, workload = lonely(put=1)
    workload.rest()
    workload.answered(agents.asked[0][1], Failure("lease-not-found"))
    assert workload.history()[0].result == Failure("lease-not-found")
    timeline, agents, workload = lonely(put=1)
    workload.rest()
    workload.answered(agents.asked[0][1], Failure("timed-out"))
    timeline.run_until(timeline.now_us + SECOND // 2)
    workload.answered(agents.asked[1][1], Failure("lease-not-found"))
    assert not workload.busy
    assert workload.history()[0].result is None


def test_what_a_dead_process_was_asked_is_in_doubt_and_asked_elsewhere() -> None:
    timeline, agents, workload = lonely(put=1)
    workload.rest()
    workload.stopped(agents.asked[0][0])
    timeline.run_until(timeline.now_us + SECOND // 2)
    assert len(agents.asked) == 2
    workload.answered(agents.asked[1][1], Failure("lease-not-found"))
    assert workload.history()[0].result is None
