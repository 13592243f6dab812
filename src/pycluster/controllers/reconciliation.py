"""One controller at one node: all transitions between seeing, planning and performing."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import assert_never

from pycluster import store
from pycluster.controllers.fence import Fence, Outrun, fence_key, fenced, holds, raising
from pycluster.controllers.messages import (
    Answered,
    Ask,
    Close,
    Do,
    Done,
    Effect,
    Event,
    MembersChanged,
    Nudged,
    Open,
    Started,
    Stopped,
    Timer,
    Told,
    WatchEnded,
)
from pycluster.controllers.model import Act, Controller, Step, View, Write, Yielding
from pycluster.controllers.params import Params
from pycluster.controllers.refusals import is_for_its_own_sake, words
from pycluster.controllers.sight import Sight, TooMany
from pycluster.kernel.units import MILLISECOND
from pycluster.node.view import ControllerView, MemberView, Phase


class Reconciliation:
    """The loop of one controller. ``wall_ms`` gives the Unix time of a moment of the boot-time clock."""

    def __init__(
        self,
        controller: Controller,
        node: str,
        wall_ms: Callable[[int], int],
        rng: Random,
        params: Params | None = None,
    ) -> None:
        self._controller = controller
        self._node = node
        self._wall_ms = wall_ms
        self._rng = rng
        self._params = params or Params()
        self._gap_us = max(self._params.gap_ms, controller.gap_ms) * MILLISECOND
        self._now = 0
        self._phase: Phase = "idle"
        self._fence: Fence | None = None
        #: Whether the fence is ours: it is raised before the first step, so that who has nothing to do writes nothing.
        self._raised = False
        self._members: tuple[MemberView, ...] = ()
        self._leader = ""
        self._sight = Sight((), 0)
        self._watches: list[int] = []
        self._tokens = 0
        #: The one request or act under way; answers to any other are not waited for.
        self._pending = 0
        self._steps: list[Step] = []
        #: What is written; whether the plan's steps are apart and one was refused for its own sake; pauses for that.
        self._step, self._apart, self._refused, self._refusals, self._refused_until = "", False, False, 0, 0
        #: Whether a watch will tell of the write under way.
        self._shown = False
        self._dirty = False
        #: Not to plan before the sight has come so far, unless it is later than this.
        self._wanted_revision = 0
        self._wanted_until = 0
        self._again: int | None = None
        self._not_before = 0
        self._failed_in_a_row = 0
        self._plans = self._performed = self._conflicts = self._failures = 0
        self._problem, self._problem_us = "", 0
        self._out: list[Effect] = []

    # --- the door -------------------------------------------------------------------------------------------------

    def handle(self, event: Event, now_us: int) -> list[Effect]:
        """What happened at ``now_us``, and what follows; effects in order."""
        self._now = now_us
        self._out = []
        match event:
            case Started(fence):
                self._stop()
                self._fence = fence
                self._begin()
            case Stopped():
                self._stop()
            case Answered(token, result):
                if token == self._pending:
                    self._pending = 0
                    self._answered(result)
            case Told(token, batch):
                if token in self._watches:
                    self._told(token, batch)
            case WatchEnded(token, why):
                if token in self._watches:
                    self._fail(f"the watch of its keys ended: {why}")
            case Done(token, problem):
                if token == self._pending:
                    self._pending = 0
                    self._acted(problem)
            case MembersChanged(members, leader):
                self._met(members, leader)
            case Nudged():
                self._changed()
            case Timer():
                self._tick()
            case _:
                assert_never(event)
        return self._out

    def next_deadline(self) -> int | None:
        """When to send ``Timer``, µs of the same clock; None: only what happens matters."""
        return self._again if self._phase in ("watching", "planning", "backing-off") else None

    def view(self) -> ControllerView:
        """For people."""
        controller = self._controller
        return ControllerView(
            name=controller.name,
            kind=controller.kind,
            phase=self._phase,
            term=self._fence.term if self._fence is not None else 0,
            revision=self._sight.revision,
            keys=len(self._sight.keys),
            plans=self._plans,
            steps=self._performed,
            conflicts=self._conflicts,
            failures=self._failures,
            problem=self._problem,
            problem_us=self._problem_us,
            again_us=self.next_deadline(),
        )

    # --- beginning and ending -------------------------------------------------------------------------------------

    def _stop(self) -> None:
        self._leave()
        self._phase, self._fence, self._failed_in_a_row = "idle", None, 0

    def _leave(self) -> None:
        """Forget everything seen and under way."""
        self._out += [Close(token) for token in self._watches]
        self._watches = []
        self._pending, self._steps, self._dirty = 0, [], False
        self._wanted_revision, self._again = 0, None
        self._sight = Sight((), 0)

    def _begin(self) -> None:
        self._leave()
        self._raised = self._fence is None
        self._load()

    def _raise(self, fence: Fence) -> None:
        """What was seen before the fence stands may be from before a former leader's last step: it is read anew."""
        self._leave()
        self._phase = "fencing"
        self._ask(store.Range(fence_key(fence.cluster_id)))

    def _load(self) -> None:
        self._phase = "loading"
        self._sight = Sight(self._controller.interests, self._params.keys_max)
        self._next_page()

    def _next_page(self) -> None:
        page = self._sight.next_page(self._params.page_keys)
        if page is not None:
            self._ask(page)
            return
        for place in range(len(self._controller.interests)):
            token = self._token()
            self._watches.append(token)
            self._out.append(Open(token, self._sight.watch(place, token)))
        self._plan_after(0)

    # --- answers --------------------------------------------------------------------------------------------------

    def _answered(self, result: store.Result) -> None:
        match self._phase:
            case "fencing":
                self._fencing(result)
            case "loading":
                self._loading(result)
            case _:
                self._written(result)

    def _fencing(self, result: store.Result) -> None:
        assert self._fence is not None
        if isinstance(result, store.TxnResult):
            # Somebody was quicker, or it stands: look at it once more in the first case.
            self._fenced() if result.succeeded else self._ask(store.Range(fence_key(self._fence.cluster_id)))
        elif isinstance(result, store.RangeResult):
            try:
                raise_it = raising(self._fence, result.kvs[0] if result.kvs else None)
            except Outrun as outrun:
                self._outrun(str(outrun))
                return
            self._fenced() if raise_it is None else self._ask(raise_it)
        else:
            self._fail(words(result))

    def _fenced(self) -> None:
        self._raised = True
        self._load()

    def _loading(self, result: store.Result) -> None:
        if not isinstance(result, store.RangeResult):
            self._fail(words(result))
            return
        try:
            self._sight.read(result)
        except TooMany as error:
            self._crowded(str(error))
            return
        self._next_page()

    def _crowded(self, problem: str) -> None:
        """There are more keys than may be seen."""
        controller = self._controller
        if isinstance(controller, Yielding) and controller.yields(self._sight.keys, self._wall_ms(self._now)):
            self._begin()
        else:
            self._fail(problem)

    def _told(self, token: int, batch: store.WatchBatch) -> None:
        try:
            changed = self._sight.told(token, batch)
        except TooMany as error:
            self._crowded(str(error))
            return
        if changed:
            self._changed()
        if self._phase == "planning" and self._again is not None and 0 < self._wanted_revision <= self._sight.revision:
            self._again = min(self._again, max(self._not_before, self._now))

    def _met(self, members: tuple[MemberView, ...], leader: str) -> None:
        self._members, self._leader = members, leader
        if self._controller.wants_members:
            self._changed()

    def _changed(self) -> None:
        """What was seen is not what the last plan was made from."""
        if self._phase == "watching":
            self._plan_after(self._gap_us)
        elif self._phase == "performing":
            self._dirty = True

    # --- planning and performing ----------------------------------------------------------------------------------

    def _plan_after(self, us: int) -> None:
        self._phase = "planning"
        self._not_before = self._again = self._now + us
        if us == 0:
            self._tick()

    def _tick(self) -> None:
        if self._again is None or self._now < self._again:
            return
        match self._phase:
            case "backing-off":
                self._begin()
            case "watching":
                self._plan()
            case "planning":
                behind = self._wanted_revision > self._sight.revision
                if behind and self._now < self._wanted_until:
                    self._again = self._wanted_until
                else:
                    self._plan()
            case _:
                pass

    def _plan(self) -> None:
        self._wanted_revision, self._again, self._dirty = 0, None, False
        sight, wall_ms = self._sight, self._wall_ms(self._now)
        term = self._fence.term if self._fence is not None else 0
        members = self._members if self._controller.wants_members else ()
        view = View(self._node, term, sight.revision, sight.keys, members, self._leader)
        self._plans += 1
        try:
            plan = self._controller.plan(view, wall_ms)
            plan.check(self._params.steps_max)
        except Exception as error:
            # A plan is a function of what is in the state: what breaks it may be somebody's key, and must not end more
            # than this controller, nor pass unseen.
            self._fail(f"no plan can be made: {type(error).__name__}: {error}")
            return
        if plan.afresh and isinstance(self._controller, Yielding):
            self._controller.whole()
            self._begin()
            return
        if plan.steps and self._fence is not None and not self._raised:
            self._raise(self._fence)
            return
        self._steps, self._apart, self._refused = list(plan.steps), plan.apart, False
        if plan.again_ms is not None:
            self._again = self._now + max(plan.again_ms - wall_ms, self._params.again_min_ms) * MILLISECOND
        if not self._steps:
            self._rest()
            return
        self._phase = "performing"
        self._next_step()

    def _rest(self) -> None:
        """The plan is over; what was refused of it is tried again later, and what changes is planned for meanwhile."""
        self._phase, self._failed_in_a_row = "watching", 0
        if not self._refused:
            self._problem, self._refusals = "", 0
        else:
            if self._now >= self._refused_until:
                self._refusals += 1
                self._refused_until = self._now + self._pause(self._refusals)
            self._again = min(self._refused_until, self._again or self._refused_until)
        if self._dirty or self._wanted_revision:
            self._plan_after(self._gap_us)

    def _next_step(self) -> None:
        if not self._steps:
            self._rest()
            return
        step = self._steps.pop(0)
        match step:
            case Write(what, compare, writes):
                self._step = what
                self._shown = any(self._sight.shows(one) for one in writes)
                self._ask(fenced(self._fence, compare, writes))
            case Act():
                self._pending = self._token()
                self._out.append(Do(self._pending, step))
            case _:
                assert_never(step)

    def _written(self, result: store.Result) -> None:
        if self._apart and is_for_its_own_sake(result):
            self._failures += 1
            self._refused, self._problem_us = True, self._now
            self._problem = f"{self._step}: {words(result)}"
            self._next_step()
            return
        if not isinstance(result, store.TxnResult):
            self._fail(words(result))
            return
        self._wanted_until = self._now + self._params.catch_up_ms * MILLISECOND
        if result.succeeded:
            self._performed += 1
            if self._shown:
                self._wanted_revision = result.revision
            self._next_step()
        elif self._fence is not None and not holds(self._fence, result):
            self._fail("the fence was moved")
        else:
            # Somebody changed what the plan was made from: the rest of it may be wrong, too.
            self._conflicts += 1
            self._failed_in_a_row += 1
            self._steps, self._wanted_revision = [], result.revision
            self._plan_after(self._pause(self._failed_in_a_row))

    def _acted(self, problem: str) -> None:
        if problem:
            self._fail(problem)
            return
        self._performed += 1
        self._next_step()

    # --- failures -------------------------------------------------------------------------------------------------

    def _outrun(self, why: str) -> None:
        """A later leader reconciles: there is nothing to try again until this node is told that it leads."""
        self._leave()
        self._phase, self._problem, self._problem_us = "outrun", why, self._now

    def _fail(self, problem: str) -> None:
        """Try all of it again later: what was asked may have happened or not, so it is looked at afresh."""
        self._failures += 1
        self._failed_in_a_row += 1
        self._leave()
        self._phase, self._problem, self._problem_us = "backing-off", problem, self._now
        self._again = self._now + self._pause(self._failed_in_a_row)

    def _pause(self, times: int) -> int:
        """µs, by how many ``times`` it failed in a row."""
        least, most = self._params.backoff_min_ms, self._params.backoff_max_ms
        longest = min(least << min(times - 1, 20), most) * MILLISECOND
        return longest // 2 + self._rng.randrange(longest // 2 + 1)

    # --- asking ---------------------------------------------------------------------------------------------------

    def _token(self) -> int:
        self._tokens += 1
        return self._tokens

    def _ask(self, request: store.Range | store.Txn) -> None:
        self._pending = self._token()
        self._out.append(Ask(self._pending, request, self._params.timeout_ms * MILLISECOND))
