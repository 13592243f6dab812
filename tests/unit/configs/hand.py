"""Entries in the hand: on a real store without a log, judged in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from pycluster import store
from pycluster.configs import (
    ChangedView,
    ChangeRequest,
    ChangesView,
    Configs,
    EntryView,
    Params,
    RollbackRequest,
    Wanted,
)
from pycluster.judging import Case, Format, Verdict
from pycluster.judging.judge import judge
from pycluster.node.view import MemberView
from tests.unit.web.fakestate import FakeState

T = TypeVar("T")


class Hand:
    """``meanwhile`` happens before each write, once for each of its elements."""

    def __init__(self, params: Params | None = None, members: tuple[MemberView, ...] = ()) -> None:
        self.state = FakeState()
        self.judged: list[tuple[Case, ...]] = []
        self.judged_reads: list[tuple[Case, ...]] = []
        self.now_ms = 1_000_000
        self.meanwhile: list[Callable[[], None]] = []
        self.configs = Configs(
            _Interrupted(self), self._judge, lambda: self.now_ms, params, lambda: members, self._judge_reads
        )

    async def _judge(self, cases: tuple[Case, ...]) -> tuple[Verdict, ...]:
        self.judged.append(cases)
        return judge(cases)

    async def _judge_reads(self, cases: tuple[Case, ...]) -> tuple[Verdict, ...]:
        self.judged_reads.append(cases)
        return judge(cases)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(work)

    def change(self, *wanted: Wanted, dry_run: bool = False, request_id: bytes = b"") -> ChangesView:
        request = ChangeRequest(entries=wanted, author="ada", reason="why not", dry_run=dry_run)
        return self.run(self.configs.change(request, request_id=request_id))

    def put(
        self, name: str, content: str | None, format: Format | None = None, if_version: int | None = None
    ) -> ChangedView:
        return self.change(Wanted(name=name, content=content, format=format, if_version=if_version)).changes[0]

    def get(self, name: str, version: int = 0) -> EntryView:
        return self.run(self.configs.get(name, version))

    def versions(self, name: str) -> list[int]:
        return [one.version for one in self.run(self.configs.history(name)).versions]

    def rollback(self, name: str, to: int) -> ChangedView:
        return self.run(self.configs.rollback(RollbackRequest(name=name, to=to, author="bob"))).changes[0]

    def apply(self, write: store.Write) -> None:
        """Somebody else's write."""
        self.run(self.state.ask(write))


class _Interrupted(FakeState):
    """The same state, with others who are quicker."""

    def __init__(self, hand: Hand) -> None:
        self._hand = hand
        self._inner = hand.state

    async def ask(self, request: store.Request, *, timeout_s: float = 5.0, request_id: bytes = b"") -> store.Result:
        if isinstance(request, store.Txn) and self._hand.meanwhile:
            await asyncio.to_thread(self._hand.meanwhile.pop(0))
        return await self._inner.ask(request, timeout_s=timeout_s, request_id=request_id)
