"""A cluster that is perfect, or has one thing wrong with it, behind agents that die, are slow and lose answers."""

from __future__ import annotations

from random import Random

import msgspec

from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.simulator.checkers.watching import wanted
from pycluster.simulator.timeline import Timeline
from pycluster.simulator.workload import Workload
from pycluster.store import (
    Event,
    Failure,
    LeaseGrantResult,
    LeaseKeepAlive,
    LeaseKeepAliveResult,
    LeaseRevoke,
    Put,
    PutResult,
    Range,
    RangeResult,
    Request,
    Result,
    TxnResult,
    Watch,
    WatchBatch,
)
from tests.unit.simulator.dictstore import DictStore

LABELS = ("node001", "node002", "node003")


class Agents:
    """``fault`` is empty, or what this cluster gets wrong now and then."""

    def __init__(self, timeline: Timeline, rng: Random, fault: str = "", *, calm: bool = False) -> None:
        self.timeline = timeline
        self.rng = rng
        self.fault = fault
        self.calm = calm
        self.store = DictStore()
        self.workload: Workload | None = None
        self.down: set[str] = set()
        self.answers: dict[bytes, Result] = {}
        self.watches: dict[int, tuple[str, Watch, int]] = {}
        self.begun: set[int] = set()
        self.ends_us: dict[int, int] = {}
        timeline.at(SECOND // 2, self._tell)
        if not calm:
            timeline.at(SECOND, self._mishap)

    # --- what the workload asks -----------------------------------------------------------------------------------

    def ask(self, label: str, token: int, request: Request, request_id: bytes, timeout_us: int) -> bool:
        if label in self.down:
            return False
        trouble = "" if self.calm else self.rng.choices(("", "refused", "late", "lost"), (20, 1, 1, 1))[0]
        if trouble == "refused":
            self._answer(label, token, Failure("no-leader"), self._delay())
            return True
        if trouble == "late":
            self._answer(label, token, Failure("timed-out"), timeout_us)
        after_us = self._delay() + (timeout_us * self.rng.randint(0, 2) if trouble == "late" else 0)
        self.timeline.at(self.timeline.now_us + after_us, self._apply, label, token, request, request_id, trouble)
        return True

    def watch(self, label: str, token: int, watch: Watch) -> bool:
        if label in self.down:
            return False
        told = watch.start_revision - 1 if watch.start_revision else self.store.revision
        self.watches[token] = (label, watch, told)
        self.timeline.at(self.timeline.now_us + self._delay(), self._begin, token, told)
        return True

    def close(self, label: str, token: int) -> bool:
        self.watches.pop(token, None)
        return label not in self.down

    # --- what comes of it -----------------------------------------------------------------------------------------

    def _delay(self) -> int:
        return self.rng.randrange(1, 60) * MILLISECOND

    def _wrong(self, fault: str) -> bool:
        return self.fault == fault and self.rng.random() < 0.2

    def _apply(self, label: str, token: int, request: Request, request_id: bytes, trouble: str) -> None:
        store = self.store
        reads = isinstance(request, Range | LeaseKeepAlive)
        known = self.answers.get(request_id)
        if isinstance(request, Range) and self._from_anywhere(request):
            result = self._from_an_old_replica(request)
        elif known is not None and not self._wrong("applied twice"):
            result = known
        elif isinstance(request, Put) and not request.prev_kv and self._wrong("lost write"):
            result = PutResult(store.revision + 1)
        else:
            result = store.ask(request)
            if self._wrong("swap wins") and isinstance(result, TxnResult) and not result.succeeded:
                result = TxnResult(result.revision, True, (PutResult(result.revision),))
        if not reads and not isinstance(result, Failure):
            self.answers[request_id] = result
        if isinstance(result, RangeResult) and self._wrong("half a list") and result.kvs:
            result = msgspec.structs.replace(result, kvs=result.kvs[1:], count=result.count - 1)
        if isinstance(result, LeaseGrantResult | LeaseKeepAliveResult) and result.ttl_s:
            self.ends_us[result.id] = self.timeline.now_us + result.ttl_s * SECOND
            self.timeline.at(self.ends_us[result.id], self._end, result.id)
        if trouble != "lost":
            self._answer(label, token, result, self._delay())

    def _from_anywhere(self, request: Range) -> bool:
        if request.serializable:
            return self.rng.random() < 0.5
        return not request.revision and self._wrong("stale read")

    def _from_an_old_replica(self, request: Range) -> Result:
        revision = max(1, self.store.revision - self.rng.randint(0, 3))
        answer = self.store.ask(msgspec.structs.replace(request, revision=revision))
        return msgspec.structs.replace(answer, revision=revision) if isinstance(answer, RangeResult) else answer

    def _end(self, lease: int) -> None:
        if self.timeline.now_us >= self.ends_us[lease]:
            self.store.ask(LeaseRevoke(lease, expired=True))

    def _answer(self, label: str, token: int, result: Result, after_us: int) -> None:
        self.timeline.at(self.timeline.now_us + after_us, self._arrives, label, token, result)

    def _arrives(self, label: str, token: int, result: Result) -> None:
        if label not in self.down:
            assert self.workload is not None
            self.workload.answered(token, result)

    def _mishap(self) -> None:
        """A process dies for a while."""
        assert self.workload is not None
        if self.calm:
            return
        label = self.rng.choice(LABELS)
        self.down ^= {label}
        if label in self.down:
            self.watches = {token: watch for token, watch in self.watches.items() if watch[0] != label}
            self.workload.stopped(label)
        self.timeline.at(self.timeline.now_us + self.rng.randrange(SECOND), self._mishap)

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        self.calm = True
        self.down.clear()

    # --- watches --------------------------------------------------------------------------------------------------

    def _begin(self, token: int, told: int) -> None:
        self._say(token, WatchBatch(told))
        self.begun.add(token)

    def _tell(self) -> None:
        for token, (label, watch, told) in list(self.watches.items()):
            upto = self.store.revision
            if token not in self.begun or upto <= told or self.rng.random() < 0.3:
                continue
            begin = max(1, told - 1) if self._wrong("told twice") else told
            if self._wrong("told too late"):
                begin = upto
            events = [
                event
                if watch.prev_kv and not self._wrong("no previous")
                else msgspec.structs.replace(event, previous=None)
                for revision in range(begin + 1, upto + 1)
                for event in self.store.events[revision]
                if wanted(watch, event)
            ]
            if self._wrong("half told"):
                events = events[:-1]
            self.watches[token] = (label, watch, upto)
            self._say(token, WatchBatch(upto, tuple(events)))
        self.timeline.at(self.timeline.now_us + self._delay(), self._tell)

    def _shown(self, event: Event, watch: Watch) -> Event:
        if watch.prev_kv and not self._wrong("no previous"):
            return event
        return msgspec.structs.replace(event, previous=None)

    def _say(self, token: int, batch: WatchBatch) -> None:
        assert self.workload is not None
        if token in self.watches:
            self.workload.told(token, batch)
