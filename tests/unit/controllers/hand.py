"""A reconciliation in the hand: against a real store, on a clock that tests move; answers may be held back or lost."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import msgspec

from pycluster import controllers, store
from pycluster.controllers import Fence, Interest, Params, Plan, Reconciliation, View
from pycluster.controllers import messages as m
from pycluster.node.view import Kind, MemberView

PARAMS = Params()
WALL_MS = 1_700_000_000_000


class Controller(msgspec.Struct):
    """One whose plan is a function of the test."""

    make: Callable[[View, int], Plan]
    name: str = "test"
    kind: Kind = "leader"
    interests: tuple[Interest, ...] = (Interest(b"a/", b"a0"),)
    wants_members: bool = False
    gap_ms: int = 0

    def plan(self, view: View, now_ms: int) -> Plan:
        return self.make(view, now_ms)


class Hand:
    """``answer`` may take an answer's place: None loses it. ``held``: effects that wait for ``release``."""

    def __init__(
        self, state: store.Store, controller: controllers.Controller, *, seed: int = 1, params: Params = PARAMS
    ) -> None:
        self.store = state
        self.watches = store.Watches(state)
        self.now_us = 1_000_000
        self.core = Reconciliation(controller, "node001", lambda us: WALL_MS + us // 1_000, Random(seed), params)
        self.asked: list[store.Range | store.Txn] = []
        self.acts: list[m.Do] = []
        self.problem = ""
        self.answer: Callable[[store.Range | store.Txn], store.Result | None] = self.serve
        #: Whether the watches are slow, and what they have not told yet.
        self.slow = False
        self.untold: list[m.Told] = []
        self.hold = False
        self.held: list[m.Effect] = []
        self._ids = 0

    def start(self, term: int = 1, cluster_id: int = 7) -> None:
        self.feed(m.Started(Fence(cluster_id, term)))

    def feed(self, event: m.Event) -> None:
        self._perform(self.core.handle(event, self.now_us))

    def _perform(self, effects: list[m.Effect]) -> None:
        for effect in effects:
            if self.hold and isinstance(effect, m.Ask | m.Do):
                self.held.append(effect)
                continue
            self._one(effect)

    def release(self) -> None:
        """Let what was held happen."""
        self.hold = False
        held, self.held = self.held, []
        self._perform(held)

    def _one(self, effect: m.Effect) -> None:
        match effect:
            case m.Ask(token, request, _):
                self.asked.append(request)
                result = self.answer(request)
                if result is not None:
                    self.feed(m.Answered(token, result))
            case m.Open(token, watch):
                first = self.watches.open(token, watch)
                assert not isinstance(first, store.Failure), first
                self.feed(m.Told(token, first))
                while self.watches.behind:
                    for told, batch in self.watches.catch_up():
                        self.feed(m.Told(told, batch))
            case m.Close(token):
                self.watches.close(token)
            case m.Do():
                self.acts.append(effect)
                self.feed(m.Done(effect.token, self.problem))

    def serve(self, request: store.Range | store.Txn) -> store.Result:
        """What the store says."""
        return self.store.range(request) if isinstance(request, store.Range) else self.write(request)

    def write(self, write: store.Write) -> store.WriteResult | store.Failure:
        """A write of anybody; watchers are told."""
        self._ids += 1
        applied = self.store.apply(store.Command(b"%d" % self._ids, write))
        for token, batch in self.watches.publish(applied):
            if self.slow:
                self.untold.append(m.Told(token, batch))
            else:
                self.feed(m.Told(token, batch))
        return applied.result

    def catch_up(self) -> None:
        """Let the watches tell what they have not."""
        self.slow = False
        untold, self.untold = self.untold, []
        for told in untold:
            self.feed(told)

    def put(self, key: bytes, value: bytes = b"1") -> None:
        self.write(store.Put(key, value))

    def value(self, key: bytes) -> bytes | None:
        found = self.store.range(store.Range(key))
        assert isinstance(found, store.RangeResult)
        return found.kvs[0].value if found.kvs else None

    def pass_ms(self, ms: int) -> None:
        """Let time pass; timers fire when they are due."""
        end_us = self.now_us + ms * 1_000
        while (due_us := self.core.next_deadline()) is not None and due_us <= end_us:
            self.now_us = max(self.now_us, due_us)
            self.feed(m.Timer())
        self.now_us = end_us

    def meet(self, *members: MemberView, leader: str = "node001") -> None:
        self.feed(m.MembersChanged(members, leader))
