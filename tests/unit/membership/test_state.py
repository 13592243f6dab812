"""Whether this node is among the highest ranking is the same question as who they are."""

from __future__ import annotations

from random import Random

import pytest

from pycluster.membership.members import Local, member_of
from pycluster.membership.params import Params
from pycluster.membership.state import State
from tests.paper.swim_hand import address, alive, name, uuid


@pytest.mark.parametrize("members", [1, 2, 5, 30])
def test_is_among_highest_agrees_with_highest_for_every_key(members: int) -> None:
    state = State(Params(), Local(name(1), uuid(1), 1, address(1)), Random(1))
    for number in range(2, members + 1):
        state.table.put(member_of(alive(number), "down" if number % 7 == 0 else "alive", 0))
    answers = set()
    for number in range(200):
        for without in ((), (name(2),), (name(1),), (name(2), name(3))):
            key = f"{uuid(number)}:1"
            answer = state.is_among_highest(key, 5, *without)
            assert answer is (state.local in state.highest(key, 5, *without))
            answers.add(answer)
    assert answers == {True, False}
