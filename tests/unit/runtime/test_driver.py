"""The driver: effects in order, wake-ups in time, lag told before anything else, commands answered once."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from random import Random
from typing import Any

from pycluster.consensus import Stored
from pycluster.kernel.errors import LocalFault
from pycluster.kernel.ids import Address, Identity, Seed
from pycluster.node import Node, NodeConfig, effects
from pycluster.node.events import Drain, Persisted, Timer
from pycluster.node.view import ClusterEvent, RaftStatusView
from pycluster.runtime import clock
from pycluster.runtime.driver import LEAP_US, Driver
from tests.unit.runtime.waiting import until

HERE = Address("127.0.0.1", 7946)


class Log:
    """A network and a disk that keep what they are given; the disk says yes at once, later."""

    def __init__(self, driver: Callable[[], Driver]) -> None:
        self.done: list[Any] = []
        self._driver = driver

    def send(self, to: Address, data: bytes) -> None:
        self.done.append(effects.SendDatagram(to, data))

    def call(self, call: effects.Call) -> None:
        self.done.append(call)

    def post(self, post: effects.Post) -> None:
        self.done.append(post)

    def answer(self, token: int, data: bytes) -> None:
        self.done.append(effects.Answer(token, data))

    def hang_up(self, token: int) -> None:
        self.done.append(effects.Hangup(token))

    def keep_streams(self, wanted: effects.KeepStreams) -> None:
        self.done.append(wanted)

    def close_stream(self, stream: int) -> None:
        self.done.append(effects.CloseStream(stream))

    def resolve(self, question: effects.Resolve) -> None:
        self.done.append(question)

    def persist(self, request: effects.Persist) -> None:
        self.done.append(request)
        asyncio.get_running_loop().call_soon(self._driver().feed, Persisted(request.token))

    def keep_piece(self, piece: effects.KeepPiece) -> None:
        self.done.append(piece)

    def answered(self, effect: effects.StateAnswered) -> None:
        self.done.append(effect)

    def told(self, effect: effects.WatchTold) -> None:
        self.done.append(effect)

    def measured(self, raft: RaftStatusView) -> RaftStatusView:
        return raft

    def record_acting(self, record: effects.RecordActing) -> None:
        self.done.append(record)

    def keep_seats(self, effect: effects.KeepSeats) -> None:
        self.done.append(effect)


def lone_voter(leaps: clock.Leaps | None = None) -> tuple[Driver, Log]:
    """A node that is its own majority."""
    config = NodeConfig("demo", "node001", HERE, (Seed("node001", HERE.host, HERE.port),))
    node = Node(config, Identity("node001", "a" * 32), Stored(), Random(1))
    driver = Driver(node, lambda: {"cluster": {"value": "demo", "source": "default"}}, leaps)
    log = Log(lambda: driver)
    driver.attach(log, log, log)
    return driver, log


def test_a_node_comes_to_life_on_real_time_and_tells_its_listeners() -> None:
    async def story() -> None:
        driver, log = lone_voter()
        told: list[ClusterEvent] = []
        driver.listen(told.append)
        driver.start()
        await until(lambda: driver.leader().acting)
        assert "leader-gained" in [event.kind for event in told]
        assert all(event.wall_ms > 0 for event in told)
        assert [event.id for event in told] == sorted({event.id for event in told})
        assert any(isinstance(effect, effects.RecordActing) for effect in log.done)
        assert isinstance(next(e for e in log.done if isinstance(e, effects.Persist)), effects.Persist)
        assert driver.status().name == "node001"
        assert [member.name for member in driver.members()] == ["node001"]
        assert driver.member("nobody") is None
        assert driver.settings() == {"cluster": {"value": "demo", "source": "default"}}
        assert "leads" in driver.explain("leader").answer
        reader = driver.events(0)
        assert (await anext(reader)).id == told[0].id
        driver.stop()

    asyncio.run(story())


def test_commands_are_answered_once_with_their_outcome() -> None:
    async def story() -> None:
        driver, log = lone_voter()
        driver.start()
        assert (await driver.set_tags({"rack": "r1"})).ok
        local = driver.member("node001")
        assert local is not None
        assert local.tags == {"rack": "r1"}
        refused = await driver.force_leave("nobody")
        assert not refused.ok
        assert refused.what
        assert (await driver.join(("127.0.0.9",))).ok
        assert effects.Resolve("127.0.0.9", HERE.port) in log.done
        driver.stop()
        assert not (await driver.leave()).ok

    asyncio.run(story())


def test_what_is_read_again_is_taken_or_refused_at_once() -> None:
    async def story() -> None:
        driver, _ = lone_voter()
        driver.start()
        seeds = (("node001", HERE.host, HERE.port),)
        assert driver.reload(seeds, {"rack": "r1"}).ok
        refused = driver.reload(seeds, {"rack": "x" * 9_000})
        assert (refused.ok, refused.what) == (False, "the tags were not changed")
        local = driver.member("node001")
        assert local is not None and local.tags == {"rack": "r1"}
        driver.stop()
        assert driver.reload(seeds, {}).what == "the agent is stopping"

    asyncio.run(story())


def test_a_process_that_was_stopped_says_so_before_it_does_anything_else() -> None:
    async def story() -> None:
        driver, _ = lone_voter()
        driver.start()
        await until(lambda: driver.leader().acting)
        time.sleep(0.4)  # noqa: ASYNC251 what is tested is a loop that gets no turn
        await until(lambda: driver.status().counters.get("loop_lagged", 0) > 0)
        driver.stop()

    asyncio.run(story())


class Sleeper:
    """A monotonic clock that stood still for as long as the machine is said to have slept."""

    def __init__(self) -> None:
        self.slept_us = 0

    def __call__(self) -> int:
        return clock.steady_us() - self.slept_us


def test_a_clock_that_leapt_is_told_by_its_whole_leap_even_where_nothing_was_due() -> None:
    """A wake-up that is on time by the clock as it leapt is late by no lag; a promise would be over too early."""

    async def story() -> None:
        steady = Sleeper()
        driver, _ = lone_voter(clock.Leaps(steady))
        driver.start()
        await until(lambda: driver.leader().acting)
        before = driver.status().counters.get("loop_lagged", 0)
        steady.slept_us += 2 * LEAP_US
        driver.feed(Timer())
        assert driver.status().counters.get("loop_lagged", 0) > before
        await until(lambda: driver.leader().acting)
        driver.stop()

    asyncio.run(story())


def test_a_leap_is_what_the_clock_gained_on_the_other_and_never_less_than_nothing() -> None:
    steady = iter((1_000, 1_500, 1_600, 2_600))
    leaps = clock.Leaps(lambda: next(steady))
    assert [leaps.since_last(now_us) for now_us in (9_000, 9_500, 9_900, 10_000)] == [0, 0, 300, 0]


def test_a_disk_that_fails_ends_the_node_with_its_reason() -> None:
    async def story() -> None:
        driver, log = lone_voter()
        driver.start()
        driver.fail(LocalFault("the log cannot be written", why="no space left"))
        assert driver.ended.result().halted == "the log cannot be written: no space left"
        before = len(log.done)
        driver.feed(Timer())
        assert len(log.done) == before
        driver.stop()

    asyncio.run(story())


def test_draining_ends_it_without_a_fault() -> None:
    async def story() -> None:
        driver, _ = lone_voter()
        driver.start()
        await until(lambda: driver.leader().acting)
        driver.feed(Drain())
        await until(driver.ended.done)
        assert driver.ended.result().halted == ""
        driver.stop()

    asyncio.run(story())


def test_a_node_that_fails_half_way_decides_nothing_more() -> None:
    class Broken(Log):
        def resolve(self, question: effects.Resolve) -> None:
            raise RuntimeError("a defect")

    async def story() -> None:
        driver, log = lone_voter()
        broken = Broken(lambda: driver)
        driver.attach(broken, log, log)
        with contextlib.suppress(RuntimeError):
            driver.start()
        assert "a defect" in driver.ended.result().halted
        driver.stop()

    asyncio.run(story())
