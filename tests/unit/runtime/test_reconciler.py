"""The reconciler on the event loop: it follows the title, acts, and leaves nothing running."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import msgspec
import pytest

from pycluster import store
from pycluster.controllers import Act, Interest, Params, Plan, View, Write, fence_key, fence_value
from pycluster.kernel.errors import LocalFault
from pycluster.node.view import ClusterEvent, MemberView
from pycluster.runtime import Reconciler
from tests.unit.controllers.hand import Controller
from tests.unit.runtime.waiting import until
from tests.unit.web.fake import FakeCluster
from tests.unit.web.fakestate import FakeState

QUICK = Params(gap_ms=1, backoff_min_ms=1, backoff_max_ms=5, catch_up_ms=50)


def twins(view: View, now_ms: int) -> Plan:
    """A twin under ``b/`` for each key under ``a/``."""
    missing = [key for key in view.keys if key.startswith(b"a/") and b"b" + key[1:] not in view.keys]
    return Plan(
        tuple(
            Write("twin", (store.Compare(b"b" + key[1:], "version", "equal", 0),), (store.Put(b"b" + key[1:]),))
            for key in missing
        )
    )


BOTH = (Interest(b"a/", b"a0"), Interest(b"b/", b"b0"))


def event(kind: str, term: int = 1) -> ClusterEvent:
    return ClusterEvent(term, kind, kind, 0, "node001", term)


class Stage:
    def __init__(self) -> None:
        self.state: FakeState = FakeState()
        self.cluster = FakeCluster()
        self.made = 0

    def reconciler(
        self, leader: Controller | None = None, everywhere: tuple[Controller, ...] = (), **more: object
    ) -> Reconciler:
        def leaders() -> tuple[Controller, ...]:
            self.made += 1
            return (leader or Controller(twins, interests=BOTH),)

        return Reconciler(
            "node001",
            self.cluster,
            self.state,
            leaders,
            everywhere,
            rng=Random(1),
            params=QUICK,
            **more,  # type: ignore[arg-type]
        )

    def has(self, key: bytes) -> bool:
        found = self.state.store.range(store.Range(key))
        assert isinstance(found, store.RangeResult)
        return bool(found.kvs)


def run(scene: Callable[[Stage], Awaitable[None]]) -> None:
    async def play() -> None:
        async with asyncio.timeout(60):
            await scene(Stage())
            others = asyncio.all_tasks() - {asyncio.current_task()}
            assert not others, others

    asyncio.run(play())


def test_a_leaders_controller_runs_between_gaining_and_losing_the_title() -> None:
    async def scene(stage: Stage) -> None:
        one = stage.reconciler()
        one.start()
        await stage.state.ask(store.Put(b"a/1"))
        await asyncio.sleep(0.01)
        assert (one.views(), stage.made, len(stage.state.feeds)) == ((), 0, 0), "nothing exists before"
        one.event(event("leader-gained", 7))
        await until(lambda: stage.has(b"b/1"))
        cluster_id = stage.state.head().cluster_id
        assert stage.state.store.range(store.Range(fence_key(cluster_id))).kvs[0].value == fence_value(7)  # type: ignore[union-attr]
        await stage.state.ask(store.Put(b"a/2"))
        await until(lambda: stage.has(b"b/2"))
        one.event(event("leader-lost", 7))
        await until(lambda: not stage.state.feeds)
        await stage.state.ask(store.Put(b"a/3"))
        await asyncio.sleep(0.02)
        assert not stage.has(b"b/3")
        one.event(event("leader-gained", 8))
        await until(lambda: stage.has(b"b/3"))
        assert stage.made == 1
        await one.stop()

    run(scene)


def test_a_state_that_fails_is_asked_again_and_the_problem_is_shown_meanwhile() -> None:
    async def scene(stage: Stage) -> None:
        stage.state.failures = [store.Failure("no-leader", "nobody")] * 1_000
        one = stage.reconciler()
        one.event(event("leader-gained"))
        await until(lambda: one.views()[0].failures > 1)
        assert one.views()[0].problem == "the state refused: no-leader: nobody"
        stage.state.failures.clear()
        await until(lambda: one.views()[0].phase == "watching")
        stage.state.fail_watches(store.Failure("compacted"))
        await stage.state.ask(store.Put(b"a/1"))
        await until(lambda: stage.has(b"b/1"))
        await one.stop()

    run(scene)


class Broken(FakeState):
    """An engine with a mistake in it: the next calls raise what nobody expects."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self.calls = calls

    async def ask(self, request: store.Request, *, timeout_s: float = 5.0, request_id: bytes = b"") -> store.Result:
        if self.calls:
            self.calls -= 1
            raise LookupError("a mistake")
        return await super().ask(request, timeout_s=timeout_s, request_id=request_id)


def test_a_mistake_of_the_engine_is_logged_and_stops_nothing_for_good(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(stage: Stage) -> None:
        stage.state = Broken(2)
        one = stage.reconciler()
        one.event(event("leader-gained"))
        await until(lambda: one.views()[0].phase == "watching")
        assert one.views()[0].failures == 2
        await one.stop()

    run(scene)
    assert caplog.text.count("LookupError: a mistake") == 2


class Deeds(msgspec.Struct):
    """What an actor did, and how it ends."""

    done: list[bytes] = []
    error: Exception | None = None
    hang: bool = False

    async def act(self, act: Act) -> None:
        self.done.append(act.argument)
        if self.hang:
            await asyncio.sleep(60)
        if self.error is not None:
            raise self.error


def deed(view: View, now_ms: int) -> Plan:
    return Plan(tuple(Act("the deed", "deed", key, 20) for key in sorted(view.keys)))


def test_what_runs_on_every_node_acts_without_a_title_and_sees_members() -> None:
    async def scene(stage: Stage) -> None:
        seen: list[int] = []

        def look(view: View, now_ms: int) -> Plan:
            seen.append(len(view.members))
            return deed(view, now_ms)

        deeds = Deeds()
        node = Controller(look, kind="node", wants_members=True)
        one = stage.reconciler(everywhere=(node,), actors={"deed": deeds.act})
        await stage.state.ask(store.Put(b"a/1"))
        one.start()
        await until(lambda: deeds.done == [b"a/1"])
        assert seen[0] == len(stage.cluster.members())
        one.event(event("member-down"))
        await until(lambda: deeds.done == [b"a/1"] * 2)
        assert not stage.has(fence_key(stage.state.head().cluster_id))
        await one.stop()

    run(scene)


def test_many_changes_of_members_at_once_are_looked_at_once_and_the_last_is_seen() -> None:
    class Looked(FakeCluster):
        looks = 0

        def members(self) -> tuple[MemberView, ...]:
            self.looks += 1
            return super().members()

    async def scene(stage: Stage) -> None:
        states: list[str] = []

        def look(view: View, now_ms: int) -> Plan:
            states.append(view.members[0].state)
            return Plan()

        stage.cluster = cluster = Looked()
        both = tuple(Controller(look, name=name, kind="node", wants_members=True) for name in ("one", "other"))
        one = stage.reconciler(everywhere=both)
        one.start()
        await until(lambda: len(states) == 2)
        assert cluster.looks == 1, "one look serves all"
        for _ in range(1_000):
            one.event(event("member-joined"))
        first, *others = cluster.view.members
        gone = (msgspec.structs.replace(first, state="down"), *others)
        cluster.view = msgspec.structs.replace(cluster.view, members=gone)
        one.event(event("member-down"))
        await until(lambda: states[-2:] == ["down"] * 2)
        assert cluster.looks == 2
        one.event(event("member-alive"))
        await one.stop()

    run(scene)


def test_who_begins_to_lead_has_seen_the_members_before_its_first_plan() -> None:
    async def scene(stage: Stage) -> None:
        seen: list[int] = []

        def look(view: View, now_ms: int) -> Plan:
            seen.append(len(view.members))
            return Plan()

        one = stage.reconciler(Controller(look, wants_members=True))
        one.start()
        for term in (1, 2):
            one.event(event("member-joined"))
            one.event(event("leader-gained", term))
            await until(lambda term=term: len(seen) == term)  # type: ignore[misc]
            one.event(event("leader-lost", term))
        assert seen == [len(stage.cluster.members())] * 2
        await one.stop()

    run(scene)


def test_an_act_that_fails_hangs_or_is_unknown_is_a_problem_with_words() -> None:
    async def scene(stage: Stage) -> None:
        await stage.state.ask(store.Put(b"a/1"))
        for deeds, words in (
            (Deeds([], LocalFault("no space", why="the disk is full")), "the deed: no space: the disk is full"),
            (Deeds([], ValueError("odd")), "the deed: ValueError: odd"),
            (Deeds([], hang=True), "the deed: it took longer than 20 ms"),
            (None, "this agent cannot do 'deed'"),
        ):
            actors = {"deed": deeds.act} if deeds is not None else {}
            one = stage.reconciler(everywhere=(Controller(deed, kind="node"),), actors=actors)
            one.start()
            await until(lambda one=one: one.views()[0].failures >= 2)  # type: ignore[misc]
            assert one.views()[0].problem == words
            await one.stop()

    run(scene)


def test_stopping_ends_what_is_under_way() -> None:
    async def scene(stage: Stage) -> None:
        await stage.state.ask(store.Put(b"a/1"))
        deeds = Deeds([], hang=True)
        slow = Controller(lambda view, now_ms: Plan((Act("x", "deed", b"", 60_000),)), kind="node")
        one = stage.reconciler(everywhere=(slow,), actors={"deed": deeds.act})
        one.start()
        await until(lambda: bool(deeds.done))
        await one.stop()
        assert one.views()[0].phase == "idle"

    run(scene)


def test_a_nudge_reaches_the_controller_of_that_name_alone() -> None:
    stage = Stage()
    plans: list[str] = []

    def look(name: str) -> Callable[[View, int], Plan]:
        def plan(view: View, now_ms: int) -> Plan:
            plans.append(name)
            return Plan()

        return plan

    controllers = tuple(Controller(look(name), name=name, kind="node") for name in ("one", "two"))

    async def play() -> None:
        reconciler = stage.reconciler(everywhere=controllers)
        reconciler.start()
        await until(lambda: sorted(plans) == ["one", "two"])
        reconciler.nudge("two")
        await until(lambda: plans.count("two") == 2)
        await reconciler.stop()

    asyncio.run(play())
    assert plans.count("one") == 1
