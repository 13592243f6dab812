"""A copy of the whole state: with everything that was answered before, or as it is where that is wanted."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from pycluster.engines.embedded import Embedded
from pycluster.node.effects import StateAnswered
from pycluster.node.events import StateAsked, WatchAsked, WatchClosed, WatchOpened
from pycluster.node.ports import StateFailed, StateHead
from pycluster.store import Failure, Range, RangeResult, Result

HEAD = StateHead(1, 2, 3, 4, 5, 0, 6, 7, True)


class Node:
    """Its copy is at ``revision``; whoever leads answers ``answer``."""

    def __init__(self, revision: int, answer: Result) -> None:
        self.revision, self.answer = revision, answer
        self.asked: list[Range] = []
        self.begun = 0
        self.engine = Embedded(self._feed, self._head, copy=self._copy)

    def _head(self) -> StateHead:
        return msgspec.structs.replace(HEAD, revision=self.revision)

    def _copy(self) -> None:
        self.begun = self.revision

    def _feed(self, event: StateAsked | WatchOpened | WatchAsked | WatchClosed) -> None:
        assert isinstance(event, StateAsked) and isinstance(event.request, Range)
        self.asked.append(event.request)
        self.engine.answered(StateAnswered(event.token, self.answer))


def begun(node: Node, *, serializable: bool = False, timeout_s: float = 5.0) -> int:
    """The revision at which it began; a fake has no copy to give, so that is what it ends with."""

    async def scene() -> None:
        asyncio.get_running_loop().call_later(0.05, setattr, node, "revision", 9)
        await node.engine.open_copy(serializable=serializable, timeout_s=timeout_s)

    with pytest.raises(StateFailed) as ended:
        asyncio.run(scene())
    return node.begun if ended.value.failure.detail == "this agent holds no copy of the state" else -1


def test_it_begins_when_this_copy_has_what_was_answered_before() -> None:
    node = Node(5, RangeResult(9))
    assert begun(node) == 9
    (asked,) = node.asked
    assert not asked.serializable


def test_as_it_is_it_asks_nobody() -> None:
    node = Node(5, Failure("no-leader"))
    assert begun(node, serializable=True) == 5
    assert node.asked == []


def test_without_a_leader_or_when_it_does_not_catch_up_there_is_none() -> None:
    assert begun(Node(5, Failure("no-leader"))) == -1
    assert begun(Node(5, RangeResult(10)), timeout_s=0.1) == -1
