"""Rollouts on a stage: the real store, plan and sight; nodes that obey when told to; a clock that tests move."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from pycluster import store
from pycluster.configs import (
    ENTRIES,
    ChangeRequest,
    Configs,
    Entry,
    EntryView,
    Wanted,
    entry_key,
    entry_of,
)
from pycluster.controllers import Act, Plan, View, Write
from pycluster.judging import Case, Verdict
from pycluster.judging.judge import judge
from pycluster.node.events import RolloutTold
from pycluster.node.view import MemberView
from pycluster.rendering import Sight
from pycluster.rollouts import (
    Board,
    FileReport,
    Params,
    Release,
    Report,
    Rolling,
    RolloutRequest,
    Rollouts,
    RolloutView,
    Run,
    StartedView,
    Steer,
    SteerRequest,
    Strategy,
    node_key,
    packed,
    unpacked,
)
from pycluster.rollouts.names import RELEASES, ROLLOUTS, RUNS, above, of_release
from pycluster.settings import Template
from tests.unit.web.fakestate import FakeState

T = TypeVar("T")
NAME = "web.j2"
TEMPLATE = Template(name="web", destination="/etc/web", entry=NAME)


class Stage:
    """``states`` are what members are; ``placed`` is the version that each node has in place, ``told`` the events."""

    def __init__(self, nodes: int = 4, params: Params | None = None) -> None:
        self.state = FakeState()
        self.now_ms = 1_000_000
        self.term = 1
        self.configs = Configs(self.state, self._judge, lambda: self.now_ms)
        self.rollouts = Rollouts(self.state, self.configs)
        self.board = Board()
        self.rolling = Rolling(self.board, params)
        self.states: dict[str, str] = {}
        self.placed: dict[str, int] = {}
        self.told: list[RolloutTold] = []
        #: Contents that fail their check.
        self.bad: set[str] = {"bad"}
        self.put("one")
        for number in range(1, nodes + 1):
            self.join(f"n{number:02}")

    async def _judge(self, cases: tuple[Case, ...]) -> tuple[Verdict, ...]:
        return judge(cases)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(work)

    # --- people ---------------------------------------------------------------------------------------------------

    def put(self, content: str, name: str = NAME) -> None:
        request = ChangeRequest(entries=(Wanted(name=name, content=content),), author="ada")
        self.run(self.configs.change(request))

    def begin(self, content: str = "two", **strategy: Any) -> StartedView:
        request = RolloutRequest(
            name=NAME, content=content, author="ada", reason="why not", strategy=Strategy(**strategy)
        )
        return self.run(self.rollouts.start(request))

    def begin_as(self, request_id: bytes, content: str = "two") -> StartedView:
        return self.run(self.rollouts.start(RolloutRequest(name=NAME, content=content), request_id=request_id))

    def steer(self, to: Steer, reason: str = "", request_id: bytes = b"") -> RolloutView:
        request = SteerRequest(name=NAME, to=to, author="bob", reason=reason)
        return self.run(self.rollouts.steer(request, self.states, self.now_ms, request_id=request_id))

    def show(self) -> RolloutView:
        return self.run(self.rollouts.get(NAME, self.states, self.now_ms))

    def lanes(self) -> dict[str, str]:
        return {one.node: one.state for one in self.show().lanes}

    def history(self) -> list[EntryView]:
        return list(self.run(self.rollouts.history(NAME)).versions)

    # --- the state ------------------------------------------------------------------------------------------------

    def keys(self, key: bytes, end: bytes) -> dict[bytes, store.KeyValue]:
        found = self.state.store.range(store.Range(key, end))
        assert isinstance(found, store.RangeResult)
        return {kv.key: kv for kv in found.kvs}

    def entry(self) -> Entry:
        return entry_of(self.keys(entry_key(NAME), b"")[entry_key(NAME)])

    def newest(self) -> Run:
        return unpacked(list(self.keys(RUNS, above(RUNS)).values())[-1], Run)

    def released(self) -> dict[str, Release]:
        """Of the newest rollout."""
        which = (self.newest().name, self.newest().version)
        found = self.keys(RELEASES, above(RELEASES))
        assert all(kv.version == 1 for kv in found.values()), "each is written once"
        return {of_release(key)[0]: unpacked(kv, Release) for key, kv in found.items() if of_release(key)[1:] == which}

    # --- nodes ----------------------------------------------------------------------------------------------------

    def join(self, node: str) -> None:
        self.states[node] = "alive"
        self.placed.setdefault(node, 0)
        self.obey(node)

    def sees(self, node: str) -> tuple[int, str]:
        """The version that a node renders now, and its content."""
        member = MemberView(node, node, node, f"{node}:7946", "alive", "follower", False, True)
        keys = self.keys(ENTRIES, above(ENTRIES)) | self.keys(ROLLOUTS, above(ROLLOUTS))
        wanted = Sight(keys, member, (member,), "").works((TEMPLATE,))[0].wanted[0]
        assert wanted.text is not None, wanted.problem
        return wanted.version, wanted.text

    def obey(self, *nodes: str) -> None:
        """They render, and report what came of it."""
        for node in nodes or [node for node, state in self.states.items() if state == "alive"]:
            version, content = self.sees(node)
            problem = "the check failed: exit code 1" if content in self.bad else ""
            if not problem:
                self.placed[node] = version
            self.report(node, FileReport("web", NAME, version, self.placed[node], self.now_ms, problem))

    def report(self, node: str, *files: FileReport) -> None:
        self.run(self.state.ask(store.Put(node_key(node), packed(Report(files)))))

    # --- the leader -----------------------------------------------------------------------------------------------

    def view(self) -> View:
        members = tuple(
            MemberView(name, name, name, f"{name}:7946", state, "follower", False, False)  # type: ignore[arg-type]
            for name, state in self.states.items()
        )
        keys = self.keys(ROLLOUTS, above(ROLLOUTS))
        return View("n01", self.term, self.state.store.revision, keys, members)

    def perform(self, plan: Plan, most: int = 100) -> list[str]:
        """What ``most`` of its steps did; the first one that finds the state changed ends it."""
        done = []
        for step in plan.steps[:most]:
            if isinstance(step, Act):
                self.told += self.board.told(step)
                continue
            assert isinstance(step, Write)
            compared = {(one.key, one.range_end) for one in step.compare}
            assert all((one.key, getattr(one, "range_end", b"")) in compared for one in step.writes)
            result = self.run(self.state.ask(store.Txn(step.compare, step.writes)))
            assert isinstance(result, store.TxnResult)
            if not result.succeeded:
                break
            done.append(step.what)
        return done

    def lead(self, most: int = 100) -> list[str]:
        """One plan, performed."""
        return self.perform(self.rolling.plan(self.view(), self.now_ms), most)

    def settle(self) -> list[str]:
        """Plans until one does nothing."""
        done = []
        while step := self.lead():
            done += step
        return done

    def play(self, rounds: int = 60) -> RolloutView:
        """Everybody does what there is to do until it is over."""
        for _ in range(rounds):
            self.settle()
            self.obey()
            self.now_ms += 1_000
            if self.newest().over:
                return self.show()
        raise AssertionError(f"it is not over: {self.show()}")
