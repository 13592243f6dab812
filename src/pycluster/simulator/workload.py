"""Clients and watchers of the replicated state: they ask any node, try again elsewhere, write down what they saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol

import msgspec

from pycluster.kernel.units import MILLISECOND
from pycluster.simulator.checkers import Violation, linear, revisions, watching
from pycluster.simulator.checkers.history import Operation, brief
from pycluster.simulator.checkers.linear import Judgement
from pycluster.simulator.checkers.watching import Opening, Watching
from pycluster.simulator.demands import Demands, Habits
from pycluster.simulator.demands import watch as drawn_watch
from pycluster.simulator.timeline import Timeline
from pycluster.store import RETRYABLE, Failure, LeaseKeepAlive, Range, Request, Result, Watch, WatchBatch

#: A client waits for so long past a node's own time, and before it tries elsewhere.
SLACK_US = 200 * MILLISECOND
AGAIN_US = 50 * MILLISECOND


class Agents(Protocol):
    """How a workload reaches the nodes, by label. Each returns False where no process takes it."""

    def ask(self, label: str, token: int, request: Request, request_id: bytes, timeout_us: int) -> bool:
        """``Workload.answered(token, ...)`` follows, or ``Workload.stopped(label)``, or nothing."""
        ...

    def watch(self, label: str, token: int, watch: Watch) -> bool:
        """``Workload.told(token, ...)`` follow."""
        ...

    def close(self, label: str, token: int) -> bool:
        """That watch is not wanted any more."""
        ...


class _Errand:
    """One operation under way, whatever became of it."""

    def __init__(self, client: str, request: Request, request_id: bytes, now_us: int) -> None:
        self.client = client
        self.request = request
        self.request_id = request_id
        self.invoked_us = now_us
        self.returned_us: int | None = None
        self.result: Result | None = None
        #: Tries of which nobody knows what became.
        self.doubtful = 0
        self.token = 0
        self.label = ""
        self.over = False

    def operation(self) -> Operation:
        return Operation(self.client, self.invoked_us, self.returned_us, self.request, self.result)


class _Watcher:
    def __init__(self, name: str, watch: Watch) -> None:
        self.name = name
        self.watch = watch
        self.openings: list[tuple[int, list[WatchBatch]]] = []
        self.next_revision = 0
        self.token = 0
        self.label = ""

    def watching(self) -> Watching:
        return Watching(
            self.name, self.watch, tuple(Opening(start, tuple(batches)) for start, batches in self.openings)
        )


class Workload:
    """Everything it does comes from ``rng`` and happens on ``timeline``, from ``begin`` on until ``rest``."""

    def __init__(self, timeline: Timeline, agents: Agents, labels: Sequence[str], habits: Habits, rng: Random) -> None:
        self._timeline = timeline
        self._agents = agents
        self._labels = labels
        self._habits = habits
        self._rng = rng
        self._resting = False
        self._tokens = 0
        self._errands: list[_Errand] = []
        #: By client: what it does now, or did last.
        self._current: dict[str, _Errand] = {}
        self._tries: dict[int, _Errand] = {}
        self._watchers = [
            _Watcher(f"watcher{number}", drawn_watch(rng, habits.keys)) for number in range(1, habits.watchers + 1)
        ]
        self._demands = {
            name: Demands(name, habits, Random(rng.getrandbits(64)))
            for name in (f"client{number}" for number in range(1, habits.clients + 1))
        }

    def begin(self) -> None:
        """From now on."""
        for client in self._demands:
            self._later(self._habits.pause_us, self._next, client)
        for watcher in self._watchers:
            self._later(self._habits.pause_us, self._open, watcher)

    def rest(self) -> None:
        """Nobody begins anything new, and watchers stay where they are."""
        self._resting = True

    @property
    def busy(self) -> bool:
        """Whether a client still waits for an answer."""
        return any(not errand.over for errand in self._current.values())

    # --- what was seen --------------------------------------------------------------------------------------------

    def history(self) -> list[Operation]:
        """Every operation so far; one that is under way has an unknown outcome."""
        return [errand.operation() for errand in self._errands]

    def watchings(self) -> list[Watching]:
        """What every watcher was told so far."""
        return [watcher.watching() for watcher in self._watchers]

    def judge(self, *, caught_up: bool = False, bound: int = revisions.BOUND) -> Judgement:
        """Raise ``Violation`` unless all that was seen fits together; ``caught_up``: watchers must know everything."""
        watchings = self.watchings()
        judgement = linear.check(self.history(), watchings, bound=bound)
        committed = judgement.committed
        if committed is not None and caught_up:
            certain = {
                revision: what for revision, what in committed.events.items() if revision not in committed.guessed
            }
            for one in watchings:
                told = watching.check(one, committed.events)
                late = watching.behind(one.watch, told, certain)
                if late is not None:
                    raise Violation("watchers catch up", f"{one.watcher} was told up to {told} and not {late}")
        return judgement

    # --- clients --------------------------------------------------------------------------------------------------

    def _next(self, client: str) -> None:
        if self._resting:
            return
        request_id = f"{client}.{len(self._errands)}".encode()
        errand = _Errand(client, self._demands[client].draw(), request_id, self._timeline.now_us)
        self._errands.append(errand)
        self._current[client] = errand
        errand.label = self._rng.choice(self._labels)
        self._try(errand)

    def _try(self, errand: _Errand) -> None:
        if errand.over:
            return
        if self._timeline.now_us - errand.invoked_us >= self._habits.patience_us:
            self._finish(errand, None)
            return
        errand.token = token = self._token()
        self._tries[token] = errand
        timeout_us = self._habits.timeout_us
        self._timeline.at(self._timeline.now_us + timeout_us + SLACK_US, self._unanswered, errand, token)
        if not self._agents.ask(errand.label, token, errand.request, errand.request_id, timeout_us):
            del self._tries[token]
            self._elsewhere(errand)

    def _elsewhere(self, errand: _Errand) -> None:
        errand.label = self._rng.choice(self._labels)
        errand.token = 0
        self._later(AGAIN_US, self._try, errand)

    def _unanswered(self, errand: _Errand, token: int) -> None:
        if errand.token == token and not errand.over:
            errand.doubtful += 1
            self._elsewhere(errand)

    def answered(self, token: int, result: Result) -> None:
        """A node answers; an answer that its client no longer waits for still says what became of the operation."""
        errand = self._tries.pop(token, None)
        if errand is None:
            return
        current = errand.token == token
        if not isinstance(result, Failure):
            self._answer(errand, result, was_current=current)
            return
        certain = result.kind not in ("timed-out", "outcome-unknown")
        if not current:
            # It was in doubt since its client tried elsewhere.
            errand.doubtful -= certain
            return
        errand.doubtful += not certain
        if result.kind in RETRYABLE:
            self._elsewhere(errand)
        else:
            self._finish(errand, None if errand.doubtful else result)

    def _answer(self, errand: _Errand, result: Result, *, was_current: bool) -> None:
        if errand.result is None or isinstance(errand.result, Failure):
            self._demands[errand.client].learn(errand.request, result)
            if errand.over:
                errand.result, errand.returned_us = result, self._timeline.now_us
            else:
                self._finish(errand, result)
        elif result != errand.result and not isinstance(errand.request, Range | LeaseKeepAlive):
            raise Violation(
                "one answer to one request",
                f"{errand.client} asked {brief(errand.request)} under {errand.request_id!r} and was told"
                f" {brief(errand.result)}, and then {brief(result)}",
            )

    def _finish(self, errand: _Errand, result: Result | None) -> None:
        errand.over = True
        errand.token = 0
        if result is not None:
            errand.result, errand.returned_us = result, self._timeline.now_us
        self._later(self._habits.pause_us, self._next, errand.client)

    def stopped(self, label: str) -> None:
        """The process on ``label`` ended: what was asked of it and not answered is in doubt, and its watchers move."""
        for errand in self._current.values():
            if errand.token and errand.label == label and not errand.over:
                errand.doubtful += 1
                self._elsewhere(errand)
        for watcher in self._watchers:
            if watcher.token and watcher.label == label:
                self._reopen(watcher)

    # --- watchers -------------------------------------------------------------------------------------------------

    def _open(self, watcher: _Watcher) -> None:
        watcher.label = self._rng.choice(self._labels)
        watcher.token = token = self._token()
        start = watcher.next_revision
        wanted = msgspec.structs.replace(watcher.watch, start_revision=start)
        watcher.openings.append((start, []))
        if self._agents.watch(watcher.label, token, wanted):
            self._later(self._habits.stay_us, self._wander, watcher, token)
        else:
            self._reopen(watcher)

    def _reopen(self, watcher: _Watcher) -> None:
        watcher.token = 0
        self._later(AGAIN_US, self._open, watcher)

    def _wander(self, watcher: _Watcher, token: int) -> None:
        if watcher.token == token and not self._resting:
            self._agents.close(watcher.label, token)
            self._reopen(watcher)

    def told(self, token: int, batch: WatchBatch | Failure) -> None:
        """A node tells a watcher something; what comes after it moved on is not heard."""
        watcher = next((one for one in self._watchers if token and one.token == token), None)
        if watcher is None:
            return
        if isinstance(batch, Failure):
            if batch.kind == "compacted":
                batch = WatchBatch(batch.revision, (), batch.compact_revision)
            else:
                self._reopen(watcher)
                return
        watcher.openings[-1][1].append(batch)
        if batch.compact_revision:
            watcher.next_revision = batch.compact_revision
            self._reopen(watcher)
        else:
            # Whoever asked for what is yet to come still waits for that.
            watcher.next_revision = max(watcher.next_revision, batch.revision + 1)

    # --- time -----------------------------------------------------------------------------------------------------

    def _token(self) -> int:
        self._tokens += 1
        return self._tokens

    def _later(self, mean_us: int, action: Callable[..., None], *arguments: object) -> None:
        wait_us = int(self._rng.expovariate(1.0) * mean_us) + 1
        self._timeline.at(self._timeline.now_us + wait_us, action, *arguments)
